#include "net/http_conn.h"

#include "loop/watch.h"
#include "net/gzip.h"
#include "net/tls.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum {
  READS_A_WAKE = 4,                          /* one loud client must not keep the others waiting */
  KEPT_BUFFER_BYTES = 2048,                  /* what an idle connection may hold on to, a buffer */
  DRAINED_BYTES = AZD_HTTP_OUTPUT_BYTES / 4, /* below it a writer that found the reply full goes on */
};

static size_t pending(const struct azd_http_conn *conn) {
  return conn->in.size - conn->in_at;
}

static const struct azd_http_limits *limits_of(const struct azd_http_conn *conn) {
  return &conn->server->options.limits;
}

static void shrink(struct azd_buf *buf) {
  azd_buf_clear(buf);
  if (buf->capacity > KEPT_BUFFER_BYTES) azd_buf_free(buf);
}

static void conn_free(struct azd_http_conn *conn) {
  azd_buf_free(&conn->in);
  azd_buf_free(&conn->out);
  azd_buf_free(&conn->request.head_bytes);
  azd_buf_free(&conn->request.body_bytes);
  free(conn);
}

void azd_http_conn_kill(struct azd_http_conn *conn) {
  if (conn->state == CONN_DEAD) return;
  conn->state = CONN_DEAD;
  azd_watch_free(conn->watch);
  conn->watch = NULL;
  azd_http_io_close(conn, false);
  if (conn->must_reset) {
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  close(conn->fd);
  conn->fd = -1;
  struct azd_http_server *server = conn->server;
  conn->server = NULL;
  azd_http_server_forget(server, conn);
}

/* Only ever from an event, never below a call of the handler: it may end the request at once. */
static void tell_gone(struct azd_http_conn *conn) {
  struct azd_http_request *request = &conn->request;
  if (conn->state != CONN_DEAD || !request->in_work) return;
  void (*on_gone)(void *) = request->on_gone, (*on_drained)(void *) = request->on_drained;
  request->on_gone = NULL;
  request->on_drained = NULL;
  if (on_gone != NULL) on_gone(request->gone_arg);
  if (on_drained != NULL && request->in_work) on_drained(request->drained_arg);
}

/* ---- output ---------------------------------------------------------------------------------------------------- */

static void note_written(struct azd_http_conn *conn, size_t bytes) {
  conn->server->stats.bytes_out += bytes;
  conn->written_bytes += bytes;
  if (conn->written_bytes < AZD_HTTP_WRITE_PIECE_BYTES) return;
  conn->written_bytes = 0;
  conn->write_deadline_ms = azd_http_now_ms() + limits_of(conn)->write_ms;
}

static bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void flush(struct azd_http_conn *conn) {
  while (azd_http_conn_unsent(conn) > 0) {
    struct iovec unsent = {conn->out.data + conn->out_at, azd_http_conn_unsent(conn)};
    const ssize_t n = azd_http_io_send(conn, &unsent, 1);
    if (n < 0) {
      if (!would_block(errno)) azd_http_conn_kill(conn);
      return;
    }
    conn->out_at += (size_t)n;
    note_written(conn, (size_t)n);
  }
  shrink(&conn->out);
  conn->out_at = 0;
}

/* What a write could not send at once. skip: how much of the pieces it did. */
static void keep_rest(struct azd_http_conn *conn, const struct iovec *pieces, int n_pieces, size_t skip) {
  if (azd_http_conn_unsent(conn) == 0) {
    conn->written_bytes = 0;
    conn->write_deadline_ms = azd_http_now_ms() + limits_of(conn)->write_ms;
  } else if (conn->out_at >= conn->out.size / 2) {
    memmove(conn->out.data, conn->out.data + conn->out_at, azd_http_conn_unsent(conn));
    conn->out.size -= conn->out_at;
    conn->out_at = 0;
  }
  for (int i = 0; i < n_pieces; i++) {
    const size_t skipped = skip < pieces[i].iov_len ? skip : pieces[i].iov_len;
    skip -= skipped;
    azd_buf_append(&conn->out, (const char *)pieces[i].iov_base + skipped, pieces[i].iov_len - skipped);
  }
  if (azd_buf_status(&conn->out) != 0) azd_http_conn_kill(conn);
}

void azd_http_conn_send(struct azd_http_conn *conn, struct iovec *pieces, int n_pieces) {
  if (conn->state == CONN_DEAD) return;
  size_t total = 0, sent = 0;
  for (int i = 0; i < n_pieces; i++) total += pieces[i].iov_len;
  if (azd_http_conn_unsent(conn) == 0) {
    const ssize_t n = azd_http_io_send(conn, pieces, n_pieces);
    if (n < 0 && !would_block(errno)) {
      azd_http_conn_kill(conn);
      return;
    }
    if (n > 0) {
      sent = (size_t)n;
      conn->server->stats.bytes_out += sent;
    }
  }
  if (sent < total) keep_rest(conn, pieces, n_pieces, sent);
}

/* ---- whose turn it is ------------------------------------------------------------------------------------------ */

static void begin_closing(struct azd_http_conn *conn) {
  conn->state = CONN_CLOSING;
  conn->deadline_ms = INT64_MAX; /* the deadline of the output holds */
  conn->in_at = 0;
  shrink(&conn->in);
}

/* A plain close would reset the connection when the client is still sending, and the reset takes the reply from its
 * hands: so our side is shut first, and what still comes is read away. */
static void finish_closing(struct azd_http_conn *conn) {
  azd_http_io_close(conn, !conn->must_reset);
  if (conn->saw_end || conn->must_reset || shutdown(conn->fd, SHUT_WR) != 0) {
    azd_http_conn_kill(conn);
    return;
  }
  conn->state = CONN_DRAINING;
  conn->deadline_ms = azd_http_now_ms() + limits_of(conn)->drain_ms;
}

static void begin_head(struct azd_http_conn *conn) {
  conn->state = CONN_HEAD;
  azd_http_head_start(&conn->head);
  conn->idle_since = ++conn->server->idle_count;
  conn->deadline_ms = azd_http_now_ms() + limits_of(conn)->idle_ms;
}

void azd_http_conn_request_ended(struct azd_http_conn *conn) {
  struct azd_http_request *request = &conn->request;
  request->in_work = false;
  request->is_started = false;
  request->on_gone = NULL;
  request->on_drained = NULL;
  azd_gzip_free(request->gzip);
  request->gzip = NULL;
  if (conn->state == CONN_DEAD) return;
  shrink(&request->head_bytes);
  shrink(&request->body_bytes);
  if (conn->keep_alive)
    begin_head(conn);
  else
    begin_closing(conn);
}

static void dispatch(struct azd_http_conn *conn) {
  struct azd_http_server *server = conn->server;
  conn->state = CONN_WORK;
  conn->deadline_ms = INT64_MAX;
  conn->request.in_work = true;
  server->stats.requests++;
  if (server->options.on_request(&conn->request, server->options.arg) < 0 && conn->request.in_work)
    azd_http_conn_refuse(conn, 500, "the request could not be handled");
}

/* true: the request goes on. What replies here does so before a body that nobody will read: no second request may be
 * read out of that. */
static bool is_welcome(struct azd_http_conn *conn) {
  struct azd_http_request *request = &conn->request;
  const struct azd_http_server_options *options = &conn->server->options;
  request->body_max_bytes = options->limits.body_bytes;
  memset(request->note, 0, sizeof request->note);
  if (options->on_head == NULL) { /* nobody who would know which methods a path has */
    if (!azd_str_equal(azd_http_request_method(request), AZD_STR("TRACE"))) return true;
    azd_http_conn_refuse(conn, 501, "this method is not served");
    return false;
  }
  const bool keep_alive = conn->keep_alive;
  conn->state = CONN_WORK;
  conn->deadline_ms = INT64_MAX;
  conn->keep_alive = keep_alive && conn->head.framing == AZD_HTTP_BODY_NONE;
  request->in_work = true;
  const int rc = options->on_head(request, options->arg);
  if (!request->in_work) return false;
  if (rc < 0) {
    azd_http_conn_refuse(conn, 500, "the request could not be handled");
    return false;
  }
  request->in_work = false;
  conn->keep_alive = keep_alive;
  return true;
}

/* The head has arrived: it moves out of the input, so that its slices stand still while more is read. */
static void begin_request(struct azd_http_conn *conn) {
  struct azd_http_request *request = &conn->request;
  azd_buf_append(&request->head_bytes, conn->in.data + conn->in_at, conn->head.size);
  if (azd_buf_status(&request->head_bytes) != 0) {
    azd_http_conn_kill(conn);
    return;
  }
  conn->in_at += conn->head.size;
  conn->keep_alive = conn->head.keep_alive && !conn->server->is_stopping;
  if (!is_welcome(conn)) return;
  switch (azd_http_body_start(&conn->body, &conn->head, request->body_max_bytes)) {
  case AZD_HTTP_REFUSED: azd_http_conn_refuse(conn, conn->body.status, conn->body.reason); return;
  case AZD_HTTP_DONE: dispatch(conn); return;
  case AZD_HTTP_MORE: break;
  }
  conn->state = CONN_BODY;
  conn->deadline_ms = azd_http_now_ms() + limits_of(conn)->body_ms;
  if (conn->head.expect_continue && pending(conn) == 0) {
    static char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    azd_http_conn_send(conn, &(struct iovec){go_on, sizeof go_on - 1}, 1);
  }
}

/* true: something was done, look again. */
static bool read_head(struct azd_http_conn *conn) {
  /* A client that sends and does not read gets nothing more worked on for it. */
  if (pending(conn) == 0 || azd_http_conn_unsent(conn) > 0) return false;
  if (conn->head.at == 0) conn->deadline_ms = azd_http_now_ms() + limits_of(conn)->head_ms;
  switch (azd_http_head_feed(&conn->head, conn->in.data + conn->in_at, pending(conn))) {
  case AZD_HTTP_MORE: return false;
  case AZD_HTTP_REFUSED: azd_http_conn_refuse(conn, conn->head.status, conn->head.reason); return true;
  case AZD_HTTP_DONE: begin_request(conn); return true;
  }
  return false;
}

static bool read_body(struct azd_http_conn *conn) {
  if (pending(conn) == 0) return false;
  size_t used;
  struct azd_str piece;
  const enum azd_http_step step =
      azd_http_body_feed(&conn->body, conn->in.data + conn->in_at, pending(conn), &used, &piece);
  conn->in_at += used;
  azd_buf_append_str(&conn->request.body_bytes, piece);
  if (azd_buf_status(&conn->request.body_bytes) != 0)
    azd_http_conn_refuse(conn, 503, "out of memory");
  else if (step == AZD_HTTP_REFUSED)
    azd_http_conn_refuse(conn, conn->body.status, conn->body.reason);
  else if (step == AZD_HTTP_DONE)
    dispatch(conn);
  return true;
}

static void process(struct azd_http_conn *conn) {
  bool more = true;
  while (more) {
    if (conn->state == CONN_HEAD)
      more = read_head(conn);
    else if (conn->state == CONN_BODY)
      more = read_body(conn);
    else
      return;
  }
  if (!conn->saw_end || azd_http_conn_unsent(conn) > 0) return;
  if (conn->state == CONN_HEAD && conn->head.at == 0)
    begin_closing(conn);
  else
    azd_http_conn_refuse(conn, 400, "the request ended early");
}

static bool takes_input(const struct azd_http_conn *conn) {
  return conn->state != CONN_DEAD && conn->state != CONN_CLOSING && !conn->saw_end &&
         pending(conn) < AZD_HTTP_READ_AHEAD_BYTES;
}

/* A socket can nearly always be written: to watch it for that gives those a turn of whom no socket will tell. */
static void watch_for_what_is_next(struct azd_http_conn *conn) {
  unsigned events = takes_input(conn) ? AZD_WATCH_READ : AZD_WATCH_NONE;
  if (azd_http_conn_unsent(conn) > 0 || (takes_input(conn) && azd_http_io_wants_turn(conn))) events |= AZD_WATCH_WRITE;
  if (events == conn->watched) return;
  conn->watched = events;
  if (azd_watch_set(conn->watch, events) != 0) azd_http_conn_kill(conn);
}

void azd_http_conn_enter(struct azd_http_conn *conn) {
  conn->depth++;
}

void azd_http_conn_leave(struct azd_http_conn *conn) {
  if (conn->depth == 1) {
    process(conn);
    if (conn->state == CONN_CLOSING && azd_http_conn_unsent(conn) == 0) finish_closing(conn);
    if (conn->state != CONN_DEAD) watch_for_what_is_next(conn);
  }
  conn->depth--;
  if (conn->depth == 0 && conn->state == CONN_DEAD && !conn->request.in_work) conn_free(conn);
}

/* ---- input ----------------------------------------------------------------------------------------------------- */

static void take_input(struct azd_http_conn *conn, const char *data, size_t size) {
  if (conn->in_at > 0) {
    memmove(conn->in.data, conn->in.data + conn->in_at, pending(conn));
    conn->in.size -= conn->in_at;
    conn->in_at = 0;
  }
  azd_buf_append(&conn->in, data, size);
  if (azd_buf_status(&conn->in) != 0) azd_http_conn_kill(conn);
}

static void note_handshake(struct azd_http_conn *conn) {
  if (conn->is_open || !azd_tls_is_established(conn->tls)) return;
  conn->is_open = true;
  conn->deadline_ms = azd_http_now_ms() + limits_of(conn)->idle_ms;
}

static void break_off(struct azd_http_conn *conn) {
  conn->server->stats.handshakes_failed += !conn->is_open;
  azd_http_conn_kill(conn);
}

static void read_some(struct azd_http_conn *conn) {
  for (int i = 0; i < READS_A_WAKE && conn->state != CONN_DEAD; i++) {
    const size_t room = AZD_HTTP_READ_AHEAD_BYTES - pending(conn);
    if (room == 0) return;
    const ssize_t n = azd_http_io_read(conn, conn->server->scratch, room);
    note_handshake(conn);
    if (n == 0) {
      conn->saw_end = true;
      if (conn->state == CONN_DRAINING) azd_http_conn_kill(conn);
      return;
    }
    if (n < 0) {
      if (!would_block(errno)) break_off(conn);
      return;
    }
    conn->server->stats.bytes_in += (size_t)n;
    if (conn->state != CONN_DRAINING) take_input(conn, conn->server->scratch, (size_t)n);
    if ((size_t)n < room && !azd_http_io_wants_turn(conn)) return;
  }
}

/* When the client broke off under a request in work: counts it and tells the handler. */
static void note_gone(struct azd_http_conn *conn, struct azd_http_server *server) {
  if (conn->state != CONN_DEAD || !conn->request.in_work) return;
  server->stats.gone++;
  tell_gone(conn);
}

static void on_event(int fd, unsigned events, void *arg) {
  (void)fd;
  struct azd_http_conn *conn = arg;
  struct azd_http_server *server = conn->server;
  azd_http_server_hold(server);
  azd_http_conn_enter(conn);
  if (events & AZD_WATCH_WRITE) flush(conn);
  if (takes_input(conn) && ((events & AZD_WATCH_READ) || azd_http_io_wants_turn(conn))) read_some(conn);
  note_gone(conn, server);
  struct azd_http_request *request = &conn->request;
  if (conn->state == CONN_WORK && request->on_drained != NULL && azd_http_conn_unsent(conn) <= DRAINED_BYTES) {
    void (*on_drained)(void *) = request->on_drained;
    request->on_drained = NULL;
    on_drained(request->drained_arg);
  }
  azd_http_conn_leave(conn);
  azd_http_server_release(server);
}

/* A socket that is not read shows its end only to those who ask. */
static bool is_broken(const struct azd_http_conn *conn) {
  struct pollfd socket = {.fd = conn->fd};
  return poll(&socket, 1, 0) > 0 && (socket.revents & (POLLERR | POLLHUP)) != 0;
}

static void deadline_passed(struct azd_http_conn *conn) {
  const bool is_idle = conn->state == CONN_HEAD && conn->head.at == 0;
  const bool is_reading = conn->state == CONN_HEAD || conn->state == CONN_BODY;
  struct azd_http_server_stats *stats = &conn->server->stats;
  stats->handshake_timeouts += !conn->is_open;
  stats->head_timeouts += conn->state == CONN_HEAD && !is_idle;
  stats->body_timeouts += conn->state == CONN_BODY;
  if (is_reading) stats->timeouts += !is_idle || !conn->is_open;
  if (is_reading && !is_idle)
    azd_http_conn_refuse(conn, 408, "the request took too long to arrive");
  else
    azd_http_conn_kill(conn);
}

void azd_http_conn_check(struct azd_http_conn *conn, int64_t now_ms) {
  struct azd_http_server *server = conn->server;
  azd_http_conn_enter(conn);
  if (azd_http_conn_unsent(conn) > 0) {
    if (now_ms >= conn->write_deadline_ms) {
      server->stats.timeouts++;
      server->stats.write_timeouts++;
      azd_http_conn_kill(conn);
    }
  } else if (now_ms >= conn->deadline_ms) {
    deadline_passed(conn);
  } else if (server->is_stopping && conn->state == CONN_HEAD && conn->head.at == 0 && now_ms >= server->stop_idle_ms) {
    azd_http_conn_kill(conn);
  }
  if (conn->state == CONN_WORK && (conn->watched & AZD_WATCH_READ) == 0 && is_broken(conn)) azd_http_conn_kill(conn);
  note_gone(conn, server);
  azd_http_conn_leave(conn);
}

void azd_http_conn_end(struct azd_http_conn *conn) {
  azd_http_conn_enter(conn);
  azd_http_conn_kill(conn);
  tell_gone(conn);
  azd_http_conn_leave(conn);
}

int azd_http_conn_new(struct azd_http_server *server, int fd, uint64_t address, const struct azd_http_peer *peer) {
  struct azd_http_conn *conn = calloc(1, sizeof *conn);
  if (conn == NULL) {
    close(fd);
    return AZD_ENOMEM;
  }
  conn->is_tls = server->options.tls != NULL && !peer->is_unix;
  if (conn->is_tls) conn->tls = azd_tls_accept(server->options.tls, fd);
  conn->watch = azd_watch_new(server->loop, "http connection", fd, on_event, conn);
  if ((conn->is_tls && conn->tls == NULL) || conn->watch == NULL || azd_watch_set(conn->watch, AZD_WATCH_READ) != 0) {
    azd_tls_close(conn->tls, false);
    azd_watch_free(conn->watch);
    free(conn);
    close(fd);
    return AZD_ENOMEM;
  }
  conn->peer = *peer;
  conn->is_open = !conn->is_tls;
  conn->watched = AZD_WATCH_READ;
  conn->request.conn = conn;
  conn->server = server;
  conn->fd = fd;
  conn->address = address;
  conn->write_deadline_ms = INT64_MAX;
  begin_head(conn);
  if (conn->is_tls) conn->deadline_ms = azd_http_now_ms() + limits_of(conn)->handshake_ms;
  azd_http_server_add(server, conn);
  return 0;
}
