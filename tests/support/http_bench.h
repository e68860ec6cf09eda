/* A server on a thread of its own and plain blocking sockets against it: what tests of the HTTP server share.
 * What touches the server goes through bench_call, which runs a function on the loop's thread and waits for it. */
#ifndef AZD_TESTS_HTTP_BENCH_H
#define AZD_TESTS_HTTP_BENCH_H

#include "base/buf.h"
#include "base/clock.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "net/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BENCH_PATIENCE_S = 20 };

struct bench {
  struct azd_loop *loop;
  struct azd_http_server *server;
  struct azd_http_server_options options;
  pthread_t thread;
  uint16_t port;
  /* The handler's: */
  struct azd_http_request *held; /* by /hold, until somebody ends it */
  struct azd_timer *timer;
  size_t left, most_unsent;
  int n_gone, n_stopped;
};

struct bench_post {
  struct azd_post post;
  pthread_mutex_t lock;
  pthread_cond_t called;
  void (*call)(struct bench *bench, void *arg);
  struct bench *bench;
  void *arg;
  bool is_done;
};

static inline void bench_run_post(struct azd_post *post) {
  struct bench_post *p = (struct bench_post *)(void *)post;
  p->call(p->bench, p->arg);
  pthread_mutex_lock(&p->lock);
  p->is_done = true;
  pthread_cond_signal(&p->called);
  pthread_mutex_unlock(&p->lock);
}

static inline void bench_call(struct bench *bench, void (*call)(struct bench *, void *), void *arg) {
  struct bench_post p = {.post.call = bench_run_post, .call = call, .bench = bench, .arg = arg};
  pthread_mutex_init(&p.lock, NULL);
  pthread_cond_init(&p.called, NULL);
  azd_loop_post(bench->loop, &p.post);
  pthread_mutex_lock(&p.lock);
  while (!p.is_done) pthread_cond_wait(&p.called, &p.lock);
  pthread_mutex_unlock(&p.lock);
  pthread_mutex_destroy(&p.lock);
  pthread_cond_destroy(&p.called);
}

static inline void *bench_thread(void *arg) {
  azd_loop_run(((struct bench *)arg)->loop);
  return NULL;
}

static inline void bench_open(struct bench *bench) {
  struct azd_error error;
  assert_int_equal(azd_loop_new(&bench->loop, &error), 0);
  bench->options.arg = bench;
  assert_int_equal(azd_http_server_new(&bench->server, bench->loop, &bench->options, &error), 0);
  if (azd_http_server_listen(bench->server, AZD_STR("127.0.0.1:0"), &error) != 0) fail_msg("%s", error.text);
  bench->port = azd_http_server_port(bench->server);
  assert_int_not_equal(bench->port, 0);
  assert_int_equal(pthread_create(&bench->thread, NULL, bench_thread, bench), 0);
}

static inline void bench_stop_loop(struct bench *bench, void *arg) {
  (void)arg;
  azd_loop_stop(bench->loop);
}

static inline void bench_close(struct bench *bench) {
  bench_call(bench, bench_stop_loop, NULL);
  pthread_join(bench->thread, NULL);
  azd_http_server_free(bench->server);
  azd_timer_free(bench->timer);
  azd_loop_free(bench->loop);
}

static inline void bench_read_stats(struct bench *bench, void *arg) {
  *(struct azd_http_server_stats *)arg = azd_http_server_stats(bench->server);
}

static inline struct azd_http_server_stats bench_stats(struct bench *bench) {
  struct azd_http_server_stats stats;
  bench_call(bench, bench_read_stats, &stats);
  return stats;
}

static inline int client_open(const struct bench *bench) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  const struct timeval patience = {.tv_sec = BENCH_PATIENCE_S};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(bench->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&address, sizeof address), 0);
  return fd;
}

static inline void client_send(int fd, const char *text) {
  size_t left = strlen(text);
  while (left > 0) {
    const ssize_t n = send(fd, text, left, MSG_NOSIGNAL);
    if (n <= 0) return; /* the server has closed: what it said before is what the test looks at */
    text += n;
    left -= (size_t)n;
  }
}

static inline void client_reset(int fd) {
  const struct linger now = {.l_onoff = 1};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(fd);
}

/* Appends one more piece of what arrives; 0 at the end, -1 at an error (a reset; patience lost). */
static inline ssize_t client_read(int fd, struct azd_buf *buf) {
  char *at = azd_buf_reserve(buf, 65536);
  assert_non_null(at);
  const ssize_t n = recv(fd, at, 65536, 0);
  if (n > 0) buf->size += (size_t)n;
  return n;
}

static inline bool buf_has(const struct azd_buf *buf, const char *text) {
  return buf->size > 0 && memmem(buf->data, buf->size, text, strlen(text)) != NULL;
}

static inline size_t buf_count(const struct azd_buf *buf, const char *text) {
  size_t n = 0;
  const char *at = buf->data, *end = buf->data + buf->size;
  while (at != NULL && (at = memmem(at, (size_t)(end - at), text, strlen(text))) != NULL) n++, at++;
  return n;
}

/* Reads until text has arrived so many times. */
static inline void client_await(int fd, struct azd_buf *buf, const char *text, size_t times) {
  while (buf_count(buf, text) < times)
    if (client_read(fd, buf) <= 0)
      fail_msg("no \"%s\" in: %.*s", text, (int)(buf->size < 500 ? buf->size : 500), buf->data);
}

/* Reads to the end; false when that was an error. */
static inline bool client_read_all(int fd, struct azd_buf *buf) {
  ssize_t n;
  while ((n = client_read(fd, buf)) > 0) {
  }
  return n == 0;
}

#endif
