/* One connection of the HTTP server: internal to http_server.c (who may connect, how long), http_listen.c (where),
 * http_conn.c (bytes in, bytes out, whose turn it is), http_io.c (plain or TLS) and http_reply.c (what a reply looks
 * like). Nobody else includes this.
 *
 * A connection goes HEAD -> BODY -> WORK -> HEAD ..., or from anywhere to CLOSING (what is unsent goes out) -> DRAINING
 * (our side is shut, the client's last bytes are read and dropped) -> DEAD (no descriptor any more). It is freed when
 * it is DEAD, its request ended, and no function of it on the stack: enter and leave count those. */
#ifndef AZD_NET_HTTP_CONN_H
#define AZD_NET_HTTP_CONN_H

#include "base/buf.h"
#include "net/http_parse.h"
#include "net/http_server.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct azd_watch;
struct azd_timer;
struct azd_gzip;
struct azd_tls_session;

enum azd_http_conn_state { CONN_HEAD, CONN_BODY, CONN_WORK, CONN_CLOSING, CONN_DRAINING, CONN_DEAD };

enum { AZD_HTTP_ADDRESS_BUCKETS = 256 };

struct azd_http_request {
  struct azd_http_conn *conn;
  struct azd_buf head_bytes, body_bytes;
  _Alignas(max_align_t) char note[AZD_HTTP_NOTE_BYTES];
  void (*on_gone)(void *arg);
  void *gone_arg;
  void (*on_drained)(void *arg);
  void *drained_arg;
  int64_t reply_left; /* of an announced length */
  uint32_t body_max_bytes;
  struct azd_gzip *gzip; /* of a compressed stream */
  bool in_work;          /* the handler has it */
  bool is_started;       /* the reply's head is out */
  bool is_chunked, is_bodyless;
};

struct azd_http_conn {
  struct azd_http_request request;
  struct azd_http_server *server; /* NULL: freed under a request in work */
  struct azd_http_conn *prev, *next, *next_in_bucket;
  struct azd_watch *watch;
  struct azd_tls_session *tls; /* NULL: plain, or our side is shut */
  struct azd_buf in, out;
  size_t in_at, out_at;      /* what of them is done with */
  int64_t deadline_ms;       /* of the state; INT64_MAX in WORK, where the handler keeps time */
  int64_t write_deadline_ms; /* while output waits */
  size_t written_bytes;      /* since that was set */
  uint64_t idle_since;       /* the server's count of connections that came to rest, at that moment */
  uint64_t address;          /* what connections are counted by; 0: a Unix socket */
  struct azd_http_peer peer;
  struct azd_http_head head;
  struct azd_http_body body;
  int fd;
  unsigned watched;
  uint8_t state, depth;
  bool keep_alive, saw_end, must_reset;
  bool is_tls, is_open; /* open: no handshake stands before the first request */
};

struct azd_http_listener {
  struct azd_http_server *server;
  struct azd_watch *watch;
  int fd;
  uint16_t port;
  char *unix_path; /* owned */
};

struct azd_http_server {
  struct azd_loop *loop;
  struct azd_http_server_options options;
  struct azd_http_listener listeners[AZD_HTTP_LISTENERS];
  size_t n_listeners;
  struct azd_http_conn *conns;  /* newest first */
  struct azd_http_conn *cursor; /* where a walk over them stands; moves on when that one goes */
  struct azd_http_conn *buckets[AZD_HTTP_ADDRESS_BUCKETS];
  struct azd_timer *sweep, *accept_again;
  struct azd_http_server_stats stats;
  struct azd_buf compose;    /* the head of the reply that is being made */
  struct azd_buf compressed; /* its body */
  struct azd_gzip *gzip;     /* of whole replies; NULL: none yet */
  char *scratch;             /* AZD_HTTP_READ_AHEAD_BYTES: where recv writes */
  char *record;              /* AZD_TLS_RECORD_BYTES: head and body of one reply, as one record of TLS */
  uint64_t idle_count;
  int64_t date_s;
  char date[40];
  unsigned holds; /* events of it on the stack: a handler may free the server from within one */
  bool is_stopping, is_freed;
  bool is_full; /* nobody is let in until a connection goes */
  int64_t stop_idle_ms;
  void (*on_stopped)(void *arg);
  void *stopped_arg;
};

/* http_conn.c. A new connection owns fd; on failure fd is closed. */
int azd_http_conn_new(struct azd_http_server *server, int fd, uint64_t address, const struct azd_http_peer *peer);
void azd_http_conn_enter(struct azd_http_conn *conn);
void azd_http_conn_leave(struct azd_http_conn *conn);
/* Now: no more reading, writing or waiting. */
void azd_http_conn_kill(struct azd_http_conn *conn);
/* Queues bytes, and sends what the socket takes at once. */
void azd_http_conn_send(struct azd_http_conn *conn, struct iovec *pieces, int n_pieces);
static inline size_t azd_http_conn_unsent(const struct azd_http_conn *conn) {
  return conn->out.size - conn->out_at;
}
/* The request is over: next one, or the end of the connection. */
void azd_http_conn_request_ended(struct azd_http_conn *conn);
/* From outside of the connection: kills it, and tells its handler. */
void azd_http_conn_end(struct azd_http_conn *conn);
/* A deadline may have passed, or a client that is not being read may be gone. */
void azd_http_conn_check(struct azd_http_conn *conn, int64_t now_ms);

/* http_io.c. As recv and sendmsg answer, with EAGAIN for every reason to wait. */
ssize_t azd_http_io_read(struct azd_http_conn *conn, char *data, size_t size);
ssize_t azd_http_io_send(struct azd_http_conn *conn, struct iovec *pieces, int n_pieces);
/* Ends our side of TLS, if there is one. */
void azd_http_io_close(struct azd_http_conn *conn, bool say_goodbye);
/* There is something to read that the socket will not tell of, or reading waits for room to write. */
bool azd_http_io_wants_turn(const struct azd_http_conn *conn);

/* http_listen.c */
void azd_http_listener_close(struct azd_http_listener *listener);
/* http_server.c. Somebody knocks. */
void azd_http_server_on_acceptable(int fd, unsigned events, void *arg);

/* http_reply.c. Answers for the server itself and closes. */
void azd_http_conn_refuse(struct azd_http_conn *conn, int status, const char *detail);
const char *azd_http_phrase(int status);

/* http_server.c. A connection begins to count, or is DEAD and counts no more. */
void azd_http_server_add(struct azd_http_server *server, struct azd_http_conn *conn);
void azd_http_server_forget(struct azd_http_server *server, struct azd_http_conn *conn);
void azd_http_server_hold(struct azd_http_server *server);
void azd_http_server_release(struct azd_http_server *server);
int64_t azd_http_now_ms(void);

#endif
