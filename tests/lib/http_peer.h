/* A server for tests of the HTTP client, as rude as a test wants it: a thread a connection, plain sockets, and one
 * function that answers. Life: http_peer_start .. http_peer_stop, which ends its connections and joins its threads. */
#ifndef AZD_TESTS_LIB_HTTP_PEER_H
#define AZD_TESTS_LIB_HTTP_PEER_H

#include <stdbool.h>
#include <stddef.h>

struct http_peer;

struct http_peer_request {
  int fd;
  unsigned connection, number; /* the connection's number, from 1; this request's number on it, from 1 */
  const char *text;            /* request line and headers, then the body; NUL-terminated */
  char path[256];
  const char *body;
  size_t body_bytes;
};

/* On a connection's thread, once a request. true: the connection goes on. */
typedef bool http_peer_answer(const struct http_peer_request *request, void *arg);

struct http_peer *http_peer_start(http_peer_answer *answer, void *arg);
/* From now on connections are greeted with this text before they say anything, and closed. */
void http_peer_greet(struct http_peer *peer, const char *text);
void http_peer_stop(struct http_peer *peer);
int http_peer_port(const struct http_peer *peer);
unsigned http_peer_connections(struct http_peer *peer);

void http_peer_send(int fd, const void *data, size_t bytes);
void http_peer_send_text(int fd, const char *text);
/* Closes so that the other side sees a reset. */
void http_peer_reset(int fd);
/* Waits until the other side closes. */
void http_peer_wait_for_close(int fd);

#endif
