#include "base/owner.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
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

enum life {
  GONE,    /* there is no such process, or it has ended and nobody has asked how */
  UNKNOWN, /* it may be there: /proc does not show it (hidepid), or shows it as we cannot read */
  ALIVE,
};

/* start: when it began, in ticks since boot. Behind the program's name in parentheses, which may hold anything, that is
 * the 20th field (proc(5): 22 in all). What /proc does not show is gone only if the kernel says so too. */
static enum life look_at(long pid, uint64_t *start) {
  enum { FIELDS_BEFORE = 19 };
  char path[64], line[1024];
  *start = 0;
  snprintf(path, sizeof path, "/proc/%ld/stat", pid);
  if (!read_line(path, line, sizeof line)) return kill((pid_t)pid, 0) && errno == ESRCH ? GONE : UNKNOWN;
  const char *at = strrchr(line, ')');
  if (at && at[1] && (at[2] == 'Z' || at[2] == 'X')) return GONE;
  for (int i = 0; at && i <= FIELDS_BEFORE; i++) at = strchr(at + 1, ' ');
  return at && sscanf(at, "%" SCNu64, start) == 1 && *start ? ALIVE : UNKNOWN;
}

void azd_owner_name(char name[static AZD_OWNER_NAME_BYTES]) {
  char host[HOST_BYTES] = "localhost";
  gethostname(host, sizeof host - 1);
  int length = snprintf(name, AZD_OWNER_NAME_BYTES, "%s:%ld", host, (long)getpid());
  struct place here;
  uint64_t start;
  if (!this_place(&here) || look_at(getpid(), &start) != ALIVE)
    return; /* nobody can judge it: its lease ends by time */
  snprintf(name + length, AZD_OWNER_NAME_BYTES - (size_t)length, "/%s.%" PRIu64 ".%" PRIu64, here.boot, here.namespace,
           start);
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
  uint64_t start, start_now;
  long pid;
  if (sscanf(text, "%64[^:/]:%ld/%36[^.].%" SCNu64 ".%" SCNu64, host, &pid, there.boot, &there.namespace, &start) != 5)
    return false;
  gethostname(own_host, sizeof own_host - 1);
  if (!this_place(&here) || !start || pid < 1 || pid > INT_MAX || strcmp(host, own_host)) return false;
  if (strcmp(there.boot, here.boot) || there.namespace != here.namespace) return false;
  enum life life = look_at(pid, &start_now);
  return life == GONE || (life == ALIVE && start_now != start);
}
