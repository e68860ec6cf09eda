#include "net/activation.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST_SOCKETS = 64 };

/* The variable as a number; -1: absent or no number. */
static long long number_of(const char *name) {
  const char *text = getenv(name);
  if (text == NULL || *text < '0' || *text > '9') return -1;
  char *end;
  errno = 0;
  const long long value = strtoll(text, &end, 10);
  return *end == '\0' && errno == 0 ? value : -1;
}

int azd_activation_take(void) {
  const long long pid = number_of("LISTEN_PID"), count = number_of("LISTEN_FDS");
  unsetenv("LISTEN_PID");
  unsetenv("LISTEN_FDS");
  unsetenv("LISTEN_FDNAMES");
  return pid == getpid() && count > 0 && count <= MOST_SOCKETS ? (int)count : 0;
}

int azd_activation_notify(const char *text, struct azd_error *error) {
  const char *path = getenv("NOTIFY_SOCKET");
  if (path == NULL || *path == '\0') return 0;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const size_t size = strlen(path);
  if ((*path != '/' && *path != '@') || size >= sizeof address.sun_path)
    return azd_fail(error, AZD_EINVAL, "NOTIFY_SOCKET: \"%s\" is no path of a socket", path);
  memcpy(address.sun_path, path, size);
  if (*path == '@') address.sun_path[0] = '\0'; /* a name without a file */
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const socklen_t address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
  int rc = 0;
  if (fd < 0 || sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address, address_size) < 0)
    rc = azd_fail(error, AZD_EIO, "NOTIFY_SOCKET: %s: %s", path, strerror(errno));
  if (fd >= 0) close(fd);
  return rc;
}

int64_t azd_activation_watchdog_ms(void) {
  const long long us = number_of("WATCHDOG_USEC"), pid = number_of("WATCHDOG_PID");
  if (us <= 0 || (pid >= 0 && pid != getpid())) return 0;
  return us / 1000;
}
