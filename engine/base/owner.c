#include "base/owner.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HOST_BYTES = 65, BOOT_BYTES = 37 };

/* What must be equal for a process id to mean the same process. */
struct place {
  char boot[BOOT_BYTES];
  uint64_t namespace;
};

static bool read_line(const char *path, char *text, size_t size) {
  FILE *file = fopen(path, "re");
  if (!file) return false;
  bool read = fgets(text, (int)size, file) != NULL;
  fclose(file);
  if (read) text[strcspn(text, "\n")] = 0;
  return read;
}

static bool this_place(struct place *place) {
  struct stat info;
  if (!read_line("/proc/sys/kernel/random/boot_id", place->boot, sizeof place->boot)) return false;
  if (stat("/proc/self/ns/pid", &info)) return false;
  place->namespace = info.st_ino;
  return true;
}

/* When the process began, in ticks since boot; 0: there is none with that id. Behind the program's name in parentheses,
 * which may hold anything, it is the 20th field (proc(5): 22 in all). */
static uint64_t start_of(long pid) {
  enum { FIELDS_BEFORE = 19 };
  char path[64], line[1024];
  snprintf(path, sizeof path, "/proc/%ld/stat", pid);
  if (!read_line(path, line, sizeof line)) return 0;
  const char *at = strrchr(line, ')');
  if (at && at[1] && (at[2] == 'Z' || at[2] == 'X')) return 0; /* killed, and nobody has asked how it ended */
  for (int i = 0; at && i <= FIELDS_BEFORE; i++) at = strchr(at + 1, ' ');
  uint64_t start = 0;
  return at && sscanf(at, "%" SCNu64, &start) == 1 ? start : 0;
}

void azd_owner_name(char name[static AZD_OWNER_NAME_BYTES]) {
  char host[HOST_BYTES] = "localhost";
  gethostname(host, sizeof host - 1);
  int length = snprintf(name, AZD_OWNER_NAME_BYTES, "%s:%ld", host, (long)getpid());
  struct place here;
  if (!this_place(&here)) return; /* a name that nobody can judge: its lease ends by its time */
  snprintf(name + length, AZD_OWNER_NAME_BYTES - (size_t)length, "/%s.%" PRIu64 ".%" PRIu64, here.boot, here.namespace,
           start_of(getpid()));
}

struct azd_str azd_owner_people(struct azd_str name) {
  const char *slash = memchr(name.data, '/', name.size);
  return slash ? (struct azd_str){name.data, (size_t)(slash - name.data)} : name;
}

bool azd_owner_is_dead(struct azd_str name) {
  char text[AZD_OWNER_NAME_BYTES], own_host[HOST_BYTES] = "localhost";
  if (name.size >= sizeof text) return false;
  memcpy(text, name.data, name.size);
  text[name.size] = 0;
  char host[HOST_BYTES];
  struct place there, here;
  uint64_t start;
  long pid;
  if (sscanf(text, "%64[^:/]:%ld/%36[^.].%" SCNu64 ".%" SCNu64, host, &pid, there.boot, &there.namespace, &start) != 5)
    return false;
  gethostname(own_host, sizeof own_host - 1);
  if (!this_place(&here) || !start || strcmp(host, own_host)) return false;
  return !strcmp(there.boot, here.boot) && there.namespace == here.namespace && start_of(pid) != start;
}
