#include "lib/http_peer.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 4096, REQUEST_BYTES = 1 << 20 };

struct connection {
  struct http_peer *peer;
  pthread_t thread;
  int fd;
  unsigned number;
};

struct http_peer {
  int listener, port;
  pthread_t thread;
  http_peer_answer *answer;
  void *arg;
  _Atomic(const char *) greeting;
  atomic_bool is_stopping;
  pthread_mutex_t mutex; /* guards the two below */
  struct connection *connections[MAX_CONNECTIONS];
  unsigned count;
};

void http_peer_send(int fd, const void *data, size_t bytes) {
  for (const char *at = data; bytes;) {
    ssize_t sent = send(fd, at, bytes, MSG_NOSIGNAL);
    if (sent <= 0) return; /* the client has gone: what it makes of it is the test's subject */
    at += sent, bytes -= (size_t)sent;
  }
}

void http_peer_send_text(int fd, const char *text) {
  http_peer_send(fd, text, strlen(text));
}

void http_peer_reset(int fd) {
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void http_peer_wait_for_close(int fd) {
  char byte;
  while (recv(fd, &byte, 1, 0) > 0) continue;
}

/* Reads until a request is whole; its size, or 0 at the end. */
static size_t read_request(int fd, char *buffer, size_t *filled, size_t *head_bytes) {
  for (;;) {
    buffer[*filled] = 0;
    char *end = strstr(buffer, "\r\n\r\n");
    if (end) {
      *head_bytes = (size_t)(end + 4 - buffer);
      char *announced = strcasestr(buffer, "\r\nContent-Length:");
      size_t body = announced && announced < end ? strtoul(announced + 17, NULL, 10) : 0;
      if (*filled >= *head_bytes + body) return *head_bytes + body;
    }
    if (*filled + 1 >= REQUEST_BYTES) return 0;
    ssize_t count = recv(fd, buffer + *filled, REQUEST_BYTES - 1 - *filled, 0);
    if (count <= 0) return 0;
    *filled += (size_t)count;
  }
}

static void *serve_connection(void *arg) {
  struct connection *connection = arg;
  struct http_peer *peer = connection->peer;
  char *buffer = malloc(REQUEST_BYTES);
  size_t filled = 0, bytes, head_bytes = 0;
  const char *greeting = atomic_load(&peer->greeting);
  bool goes_on = !greeting;
  if (greeting) http_peer_send_text(connection->fd, greeting);
  for (unsigned number = 1; goes_on && (bytes = read_request(connection->fd, buffer, &filled, &head_bytes)); number++) {
    struct http_peer_request request = {
        .fd = connection->fd, .connection = connection->number, .number = number, .text = buffer};
    request.body = buffer + head_bytes;
    request.body_bytes = bytes - head_bytes;
    sscanf(buffer, "%*s %255s", request.path);
    goes_on = peer->answer(&request, peer->arg) && !atomic_load(&peer->is_stopping);
    memmove(buffer, buffer + bytes, filled - bytes);
    filled -= bytes;
  }
  free(buffer);
  pthread_mutex_lock(&peer->mutex);
  close(connection->fd);
  connection->fd = -1;
  pthread_mutex_unlock(&peer->mutex);
  return NULL;
}

static void *accept_connections(void *arg) {
  struct http_peer *peer = arg;
  for (int fd; (fd = accept(peer->listener, NULL, NULL)) >= 0;) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    pthread_mutex_lock(&peer->mutex);
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection || peer->count == MAX_CONNECTIONS) abort();
    *connection = (struct connection){.peer = peer, .fd = fd, .number = peer->count + 1};
    peer->connections[peer->count++] = connection;
    if (pthread_create(&connection->thread, NULL, serve_connection, connection)) abort();
    pthread_mutex_unlock(&peer->mutex);
  }
  return NULL;
}

struct http_peer *http_peer_start(http_peer_answer *answer, void *arg) {
  struct http_peer *peer = calloc(1, sizeof *peer);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (!peer) abort();
  peer->answer = answer;
  peer->arg = arg;
  pthread_mutex_init(&peer->mutex, NULL);
  peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (peer->listener < 0 || bind(peer->listener, (struct sockaddr *)&address, size) || listen(peer->listener, 512) ||
      getsockname(peer->listener, (struct sockaddr *)&address, &size) ||
      pthread_create(&peer->thread, NULL, accept_connections, peer))
    abort();
  peer->port = ntohs(address.sin_port);
  return peer;
}

void http_peer_greet(struct http_peer *peer, const char *text) {
  atomic_store(&peer->greeting, text);
}

void http_peer_stop(struct http_peer *peer) {
  atomic_store(&peer->is_stopping, true);
  shutdown(peer->listener, SHUT_RDWR);
  pthread_join(peer->thread, NULL);
  close(peer->listener);
  for (unsigned i = 0; i < peer->count; i++) {
    pthread_mutex_lock(&peer->mutex);
    if (peer->connections[i]->fd >= 0) shutdown(peer->connections[i]->fd, SHUT_RDWR);
    pthread_mutex_unlock(&peer->mutex);
    pthread_join(peer->connections[i]->thread, NULL);
    free(peer->connections[i]);
  }
  pthread_mutex_destroy(&peer->mutex);
  free(peer);
}

int http_peer_port(const struct http_peer *peer) {
  return peer->port;
}

unsigned http_peer_connections(struct http_peer *peer) {
  pthread_mutex_lock(&peer->mutex);
  unsigned count = peer->count;
  pthread_mutex_unlock(&peer->mutex);
  return count;
}
