#include "loop/watch.h"
#include "net/http_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

void azd_http_listener_close(struct azd_http_listener *listener) {
  azd_watch_free(listener->watch);
  if (listener->fd >= 0) close(listener->fd);
  if (listener->unix_path != NULL) unlink(listener->unix_path);
  free(listener->unix_path);
  *listener = (struct azd_http_listener){.fd = -1};
}

static int add_listener(struct azd_http_server *server, int fd, uint16_t port, char *unix_path,
                        struct azd_error *error) {
  struct azd_http_listener *listener = &server->listeners[server->n_listeners];
  *listener = (struct azd_http_listener){.server = server, .fd = fd, .port = port, .unix_path = unix_path};
  listener->watch = azd_watch_new(server->loop, "http accept", fd, azd_http_server_on_acceptable, listener);
  if (listener->watch == NULL || azd_watch_set(listener->watch, AZD_WATCH_READ) != 0) {
    azd_http_listener_close(listener);
    return azd_fail(error, AZD_ENOMEM, "out of memory");
  }
  server->n_listeners++;
  return 0;
}

static uint16_t port_of(const struct sockaddr_storage *bound) {
  if (bound->ss_family == AF_INET6) return ntohs(((const struct sockaddr_in6 *)(const void *)bound)->sin6_port);
  return bound->ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)(const void *)bound)->sin_port) : 0;
}

static int listen_tcp(struct azd_http_server *server, const char *host, const char *port, struct azd_error *error) {
  const struct addrinfo hints = {
      .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
  struct addrinfo *address = NULL;
  if (getaddrinfo(host, port, &hints, &address) != 0)
    return azd_fail(error, AZD_EINVAL, "\"%s\" and \"%s\" are no numeric address and port", host, port);
  const int on = 1, off = 0;
  struct sockaddr_storage bound;
  socklen_t bound_size = sizeof bound;
  int rc = 0, fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      (address->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0) ||
      bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0 ||
      getsockname(fd, (struct sockaddr *)&bound, &bound_size) != 0)
    rc = azd_fail(error, AZD_EIO, "cannot listen on %s port %s: %s", host, port, strerror(errno));
  freeaddrinfo(address);
  if (rc != 0) {
    if (fd >= 0) close(fd);
    return rc;
  }
  return add_listener(server, fd, port_of(&bound), NULL, error);
}

/* A socket file outlives its process. It is taken over when nobody answers behind it; anything else is left alone. */
static bool is_abandoned(const struct sockaddr_un *address) {
  struct stat status;
  if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const bool refused = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 && errno == ECONNREFUSED;
  close(fd);
  return refused;
}

static int listen_unix(struct azd_http_server *server, const char *path, struct azd_error *error) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (path[0] == '\0' || strlen(path) >= sizeof address.sun_path)
    return azd_fail(error, AZD_EINVAL, "the path of a Unix socket has 1 to %zu bytes", sizeof address.sun_path - 1);
  memcpy(address.sun_path, path, strlen(path));
  if (is_abandoned(&address)) unlink(path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
    const int rc = azd_fail(error, AZD_EIO, "cannot listen on %s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    return rc;
  }
  char *copy = strdup(path);
  if (copy == NULL || chmod(path, 0660) != 0 || listen(fd, BACKLOG) != 0) {
    const int rc = azd_fail(error, AZD_EIO, "cannot listen on %s: %s", path, strerror(errno));
    unlink(path);
    close(fd);
    free(copy);
    return rc;
  }
  return add_listener(server, fd, 0, copy, error);
}

int azd_http_server_listen(struct azd_http_server *server, struct azd_str address, struct azd_error *error) {
  char text[256];
  if (server->n_listeners == AZD_HTTP_LISTENERS)
    return azd_fail(error, AZD_ELIMIT, "at most %d listeners", AZD_HTTP_LISTENERS);
  if (server->is_stopping) return azd_fail(error, AZD_EINVAL, "the server is stopping");
  if (address.size >= sizeof text || memchr(address.data, '\0', address.size) != NULL)
    return azd_fail(error, AZD_EINVAL, "an address has at most %zu bytes, none of them NUL", sizeof text - 1);
  memcpy(text, address.data, address.size);
  text[address.size] = '\0';
  if (strncmp(text, "unix:", 5) == 0) return listen_unix(server, text + 5, error);
  char *colon = strrchr(text, ':'), *host = text;
  if (colon == NULL || colon == text || colon[1] == '\0')
    return azd_fail(error, AZD_EINVAL, "\"%s\" is no address: 127.0.0.1:8200, [::1]:8200 or unix:/path", text);
  *colon = '\0';
  if (host[0] == '[' && colon[-1] == ']') {
    host++;
    colon[-1] = '\0';
  }
  return listen_tcp(server, host, colon + 1, error);
}

int azd_http_server_adopt(struct azd_http_server *server, int fd, struct azd_error *error) {
  struct sockaddr_storage bound = {0};
  socklen_t bound_size = sizeof bound, flag_size = sizeof(int);
  int is_listening = 0, rc = 0;
  if (server->n_listeners == AZD_HTTP_LISTENERS)
    rc = azd_fail(error, AZD_ELIMIT, "at most %d listeners", AZD_HTTP_LISTENERS);
  else if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &flag_size) != 0 || !is_listening ||
           getsockname(fd, (struct sockaddr *)&bound, &bound_size) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
           fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
    rc = azd_fail(error, AZD_EINVAL, "descriptor %d, handed over by the service manager, is no listening socket", fd);
  if (rc == 0) return add_listener(server, fd, port_of(&bound), NULL, error); /* its path is the service manager's */
  close(fd);
  return rc;
}

uint16_t azd_http_server_port(const struct azd_http_server *server) {
  for (size_t i = 0; i < server->n_listeners; i++)
    if (server->listeners[i].port != 0) return server->listeners[i].port;
  return 0;
}
