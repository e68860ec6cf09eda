#include "net/http_server.h"

#include "base/clock.h"
#include "base/log.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "loop/watch.h"
#include "net/gzip.h"
#include "net/http_conn.h"
#include "net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
  SWEEP_MS = 250,        /* how late a deadline may be noticed */
  ACCEPT_PAUSE_MS = 100, /* when the process has no descriptor left */
  ACCEPTS_A_WAKE = 64,
  SPARE_DESCRIPTORS = 64, /* left for files, databases and Azure */
};

int64_t azd_http_now_ms(void) {
  return azd_clock_mono_ns() / 1000000;
}

struct azd_http_limits azd_http_limits_default(void) {
  return (struct azd_http_limits){
      .connections = 1024,
      .connections_per_address = 64,
      .body_bytes = 1 << 20,
      .gzip_bytes = 1024,
      .handshake_ms = 10000,
      .idle_ms = 60000,
      .head_ms = 10000,
      .body_ms = 30000,
      .write_ms = 30000,
      .drain_ms = 1000,
  };
}

/* ---- which connections there are ------------------------------------------------------------------------------- */

static struct azd_http_conn **bucket_of(struct azd_http_server *server, uint64_t address) {
  return &server->buckets[(address * 0x9e3779b97f4a7c15u) >> 56];
}

void azd_http_server_add(struct azd_http_server *server, struct azd_http_conn *conn) {
  struct azd_http_conn **bucket = bucket_of(server, conn->address);
  conn->next_in_bucket = *bucket;
  *bucket = conn;
  conn->next = server->conns;
  if (conn->next != NULL) conn->next->prev = conn;
  server->conns = conn;
  server->stats.connections++;
  server->stats.accepted++;
  if (!azd_timer_is_started(server->sweep)) azd_timer_start(server->sweep, SWEEP_MS);
}

void azd_http_server_forget(struct azd_http_server *server, struct azd_http_conn *conn) {
  struct azd_http_conn **at = bucket_of(server, conn->address);
  while (*at != conn) at = &(*at)->next_in_bucket;
  *at = conn->next_in_bucket;
  if (server->cursor == conn) server->cursor = conn->next;
  if (conn->prev != NULL)
    conn->prev->next = conn->next;
  else
    server->conns = conn->next;
  if (conn->next != NULL) conn->next->prev = conn->prev;
  server->stats.connections--;
  if (server->is_stopping) {
    if (server->conns == NULL) azd_timer_start(server->sweep, 0); /* which tells it, from outside of the connection */
  } else if (server->is_full) {
    azd_timer_start(server->accept_again, 0);
  }
}

static size_t count_of(struct azd_http_server *server, uint64_t address) {
  size_t n = 0;
  for (struct azd_http_conn *conn = *bucket_of(server, address); conn != NULL; conn = conn->next_in_bucket)
    n += conn->address == address;
  return n;
}

static bool is_idle(const struct azd_http_conn *conn) {
  return conn->state == CONN_HEAD && conn->head.at == 0 && azd_http_conn_unsent(conn) == 0;
}

/* Who goes for a new client when the house is full: nobody may fill it by doing nothing. NULL: all are at work. */
static struct azd_http_conn *longest_idle(struct azd_http_server *server) {
  struct azd_http_conn *longest = NULL;
  for (struct azd_http_conn *conn = server->conns; conn != NULL; conn = conn->next)
    if (is_idle(conn) && (longest == NULL || conn->idle_since < longest->idle_since)) longest = conn;
  return longest;
}

static void listen_again(void *arg);

static void sweep(void *arg) {
  struct azd_http_server *server = arg;
  azd_http_server_hold(server);
  const int64_t now_ms = azd_http_now_ms();
  struct azd_http_conn *conn = server->conns;
  while (conn != NULL) {
    server->cursor = conn->next;
    azd_http_conn_check(conn, now_ms);
    conn = server->cursor;
  }
  if (server->is_full) listen_again(server); /* one of those at work may be idle now */
  if (server->conns != NULL) {
    azd_timer_start(server->sweep, SWEEP_MS);
  } else if (server->is_stopping && server->on_stopped != NULL) {
    void (*on_stopped)(void *) = server->on_stopped;
    server->on_stopped = NULL;
    on_stopped(server->stopped_arg);
  }
  azd_http_server_release(server);
}

/* ---- letting in ------------------------------------------------------------------------------------------------ */

static void listen_to(struct azd_http_server *server, unsigned events) {
  for (size_t i = 0; i < server->n_listeners; i++)
    if (azd_watch_set(server->listeners[i].watch, events) != 0)
      azd_log(AZD_LOG_ERROR, "http_listener_lost", "cannot watch a listening socket");
}

static void listen_again(void *arg) {
  struct azd_http_server *server = arg;
  server->is_full = false;
  if (!server->is_stopping) listen_to(server, AZD_WATCH_READ);
}

/* Without a pause the listener would report the waiting client over and over, and the loop would spin. */
static void pause_accepting(struct azd_http_server *server) {
  if (server->stats.accept_pauses++ == 0)
    azd_log(AZD_LOG_WARN, "http_accept_paused", "no descriptor left for a new connection: waiting %d ms at a time",
            ACCEPT_PAUSE_MS);
  listen_to(server, AZD_WATCH_NONE);
  azd_timer_start(server->accept_again, ACCEPT_PAUSE_MS);
}

/* What connections are counted by: an IPv4 address, or the /64 that an IPv6 host is usually given whole. */
static uint64_t address_of(const struct sockaddr_storage *peer) {
  if (peer->ss_family == AF_INET)
    return UINT64_C(1) << 32 | ntohl(((const struct sockaddr_in *)(const void *)peer)->sin_addr.s_addr);
  if (peer->ss_family != AF_INET6) return 0;
  const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
  uint64_t key = 0;
  const int from = IN6_IS_ADDR_V4MAPPED(a) ? 12 : 0, to = IN6_IS_ADDR_V4MAPPED(a) ? 16 : 8;
  for (int i = from; i < to; i++) key = key << 8 | a->s6_addr[i];
  return from == 12 ? UINT64_C(1) << 32 | key : key | UINT64_C(1) << 63;
}

static struct azd_http_peer peer_of(int fd, const struct sockaddr_storage *peer) {
  struct azd_http_peer who = {.uid = UINT32_MAX};
  if (peer->ss_family == AF_INET) {
    const struct in_addr *a = &((const struct sockaddr_in *)(const void *)peer)->sin_addr;
    who.is_loopback = ntohl(a->s_addr) >> 24 == 127;
    inet_ntop(AF_INET, a, who.address, sizeof who.address);
  } else if (peer->ss_family == AF_INET6) {
    const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
    const bool is_v4 = IN6_IS_ADDR_V4MAPPED(a);
    who.is_loopback = IN6_IS_ADDR_LOOPBACK(a) || (is_v4 && a->s6_addr[12] == 127);
    inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? &a->s6_addr[12] : a->s6_addr, who.address, sizeof who.address);
  } else {
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    who.is_unix = true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) who.uid = credentials.uid;
  }
  return who;
}

static void let_in(struct azd_http_server *server, int fd, const struct sockaddr_storage *peer) {
  const uint64_t address = address_of(peer);
  if (address != 0 && count_of(server, address) >= server->options.limits.connections_per_address) {
    server->stats.turned_away++;
    close(fd);
    return;
  }
  const int on = 1;
  if (address != 0) (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct azd_http_peer who = peer_of(fd, peer);
  who.network = address;
  (void)azd_http_conn_new(server, fd, address, &who);
}

void azd_http_server_on_acceptable(int fd, unsigned events, void *arg) {
  (void)events;
  struct azd_http_server *server = ((struct azd_http_listener *)arg)->server;
  for (int i = 0; i < ACCEPTS_A_WAKE; i++) {
    const bool is_full = server->stats.connections >= server->options.limits.connections;
    struct azd_http_conn *leaver = is_full ? longest_idle(server) : NULL;
    if (is_full && leaver == NULL) {
      server->is_full = true;
      listen_to(server, AZD_WATCH_NONE);
      return;
    }
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;
    const int client = accept4(fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client >= 0) {
      server->stats.evicted += leaver != NULL;
      if (leaver != NULL) azd_http_conn_end(leaver);
      let_in(server, client, &peer);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      pause_accepting(server);
      return;
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return; /* EAGAIN: nobody waits; the rest are faults of one client's network */
    }
  }
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

/* More connections than descriptors would starve everything else in the process. */
static void keep_below_descriptors(struct azd_http_limits *limits) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return;
  const rlim_t most = files.rlim_cur > 2 * SPARE_DESCRIPTORS ? files.rlim_cur - SPARE_DESCRIPTORS : files.rlim_cur / 2;
  if (limits->connections > most) limits->connections = (uint32_t)most;
}

int azd_http_server_new(struct azd_http_server **out, struct azd_loop *loop,
                        const struct azd_http_server_options *options, struct azd_error *error) {
  const struct azd_http_limits *limits = &options->limits;
  if (options->on_request == NULL || limits->connections == 0 || limits->connections_per_address == 0 ||
      limits->handshake_ms == 0 || limits->idle_ms == 0 || limits->head_ms == 0 || limits->body_ms == 0 ||
      limits->write_ms == 0)
    return azd_fail(error, AZD_EINVAL, "a server needs a handler, and limits above zero");
  struct azd_http_server *server = calloc(1, sizeof *server);
  if (server == NULL) return azd_fail(error, AZD_ENOMEM, "out of memory");
  server->loop = loop;
  server->options = *options;
  server->date_s = -1;
  keep_below_descriptors(&server->options.limits);
  server->scratch = malloc(AZD_HTTP_READ_AHEAD_BYTES);
  server->record = malloc(AZD_TLS_RECORD_BYTES);
  server->sweep = azd_timer_new(loop, "http sweep", sweep, server);
  server->accept_again = azd_timer_new(loop, "http accept", listen_again, server);
  if (server->scratch == NULL || server->record == NULL || server->sweep == NULL || server->accept_again == NULL) {
    azd_http_server_free(server);
    return azd_fail(error, AZD_ENOMEM, "out of memory");
  }
  *out = server;
  return 0;
}

static void close_listeners(struct azd_http_server *server) {
  for (size_t i = 0; i < server->n_listeners; i++) azd_http_listener_close(&server->listeners[i]);
  server->n_listeners = 0;
  azd_timer_cancel(server->accept_again);
}

void azd_http_server_hold(struct azd_http_server *server) {
  server->holds++;
}

void azd_http_server_release(struct azd_http_server *server) {
  if (--server->holds > 0 || !server->is_freed) return;
  azd_timer_free(server->sweep);
  azd_timer_free(server->accept_again);
  azd_buf_free(&server->compose);
  azd_buf_free(&server->compressed);
  azd_gzip_free(server->gzip);
  free(server->scratch);
  free(server->record);
  free(server);
}

void azd_http_server_free(struct azd_http_server *server) {
  if (server == NULL || server->is_freed) return;
  azd_http_server_hold(server);
  server->is_freed = true;
  server->is_stopping = true;
  server->on_stopped = NULL;
  if (server->accept_again != NULL) close_listeners(server);
  while (server->conns != NULL) azd_http_conn_end(server->conns);
  if (server->sweep != NULL) azd_timer_cancel(server->sweep);
  azd_http_server_release(server);
}

void azd_http_server_stop(struct azd_http_server *server, uint32_t grace_ms, void (*on_stopped)(void *arg), void *arg) {
  if (server->is_stopping) return;
  close_listeners(server);
  server->is_stopping = true;
  server->stop_idle_ms = azd_http_now_ms() + grace_ms;
  server->on_stopped = on_stopped;
  server->stopped_arg = arg;
  azd_timer_start(server->sweep, 0);
}

struct azd_http_server_stats azd_http_server_stats(const struct azd_http_server *server) {
  return server->stats;
}
