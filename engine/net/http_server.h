/* An HTTP/1.1 server on the loop: listeners, connections, their limits and deadlines. It reads requests with
 * net/http_parse.h, hands each whole request to one callback and writes the reply that the callback makes now or later.
 *
 * A connection has one request in work at a time; what a client sends ahead waits, AZD_HTTP_READ_AHEAD_BYTES of it,
 * then reading stops. Deadlines are absolute: a client that trickles a byte now and then gets no more time for it. A
 * request that is refused is answered with application/problem+json, and its connection closed without resetting the
 * answer away. A client that has shut down its sending side still gets its replies; one that is gone is told to the
 * handler. With a certificate (net/tls.h) every TCP listener speaks TLS; Unix sockets stay plain.
 *
 * Life: azd_http_server_new .. azd_http_server_free; the loop outlives it. Requests that are in work then stay usable
 * (their replies go nowhere) until their handler has ended them.
 * Thread: the loop's. Blocks: never. Units: milliseconds, bytes. */
#ifndef AZD_NET_HTTP_SERVER_H
#define AZD_NET_HTTP_SERVER_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

struct azd_loop;
struct azd_tls;
struct azd_http_server;
struct azd_http_request;

enum {
  AZD_HTTP_READ_AHEAD_BYTES = 65536,
  AZD_HTTP_OUTPUT_BYTES = 262144,     /* unsent output beyond which azd_http_reply_is_full */
  AZD_HTTP_WRITE_PIECE_BYTES = 65536, /* what a client must take within write_ms */
  AZD_HTTP_LISTENERS = 8,
  AZD_HTTP_NOTE_BYTES = 224,
  AZD_HTTP_GZIP_MOST_BYTES = 65536, /* of a whole reply: a longer one would keep the loop for more than 1 ms */
};

struct azd_http_limits {
  uint32_t connections;             /* of the server; beyond: the longest idle one goes, else nobody is let in */
  uint32_t connections_per_address; /* an IPv6 /64 is one address, a Unix socket none; beyond: closed at once */
  uint32_t body_bytes;              /* of a request; beyond: 413 */
  uint32_t gzip_bytes;              /* from here on a reply is compressed for a client that takes it; 0: never */
  uint32_t handshake_ms;            /* of TLS; then closed */
  uint32_t idle_ms;                 /* between requests; then closed */
  uint32_t head_ms;                 /* from a request's first byte to the end of its head; then 408 */
  uint32_t body_ms;                 /* from there to the end of its body; then 408 */
  uint32_t write_ms;                /* for each AZD_HTTP_WRITE_PIECE_BYTES of output; then closed */
  uint32_t drain_ms;                /* what a closing connection still sends is read and dropped for so long */
};

/* 1,024 connections, 64 an address, 1 MiB, 1 KiB, 10 s, 60 s, 10 s, 30 s, 30 s, 1 s. */
struct azd_http_limits azd_http_limits_default(void);

struct azd_http_server_options {
  /* Once a request, on the loop thread, when all of it has arrived. 0: the handler took it and ends it, within the call
   * or later, by azd_http_reply, azd_http_reply_end or azd_http_reply_abort, exactly once. Negative: it did not, and
   * the server answers 500. */
  int (*on_request)(struct azd_http_request *request, void *arg);
  /* Once a request, on the loop thread, when its head has arrived and its body has not: who has no business here is
   * told before he sends 16 MB. 0: go on, and the body is read. Or it replies at once, by azd_http_reply within the
   * call; a connection with a body still to come is closed after that. Negative: the server answers 500. May raise or
   * lower what this body may have by azd_http_request_limit_body. It must not free the server. NULL: all are let in. */
  int (*on_head)(struct azd_http_request *request, void *arg);
  void *arg;
  struct azd_tls *tls; /* borrowed, outlives the server; NULL: plain */
  struct azd_http_limits limits;
};

int azd_http_server_new(struct azd_http_server **server, struct azd_loop *loop,
                        const struct azd_http_server_options *options, struct azd_error *error);
/* Closes everything at once; handlers with a request in work are told that their client is gone. May be called from any
 * callback of the server, too. NULL is fine. */
void azd_http_server_free(struct azd_http_server *server);

/* "127.0.0.1:8200", "[::1]:0" (port 0: the system chooses), "[::]:8200" (IPv4 too), "unix:/run/azdrift/api.sock" (mode
 * 0660; a socket that nobody listens on any more is replaced). Names are not resolved. */
int azd_http_server_listen(struct azd_http_server *server, struct azd_str address, struct azd_error *error);
/* A socket that listens already, as a service manager hands it over (net/activation.h). Owned from here on, on failure,
 * too. */
int azd_http_server_adopt(struct azd_http_server *server, int fd, struct azd_error *error);
/* The TCP port of the first listener that has one; 0 when none has. */
uint16_t azd_http_server_port(const struct azd_http_server *server);

/* Lets nobody in from now on, finishes what is in work, answers what still arrives on open connections for grace_ms,
 * each with `Connection: close`, and closes those that stay idle beyond. on_stopped: once, when the last connection is
 * gone, never from within this call; it may free the server. */
void azd_http_server_stop(struct azd_http_server *server, uint32_t grace_ms, void (*on_stopped)(void *arg), void *arg);

struct azd_http_server_stats {
  uint64_t accepted, turned_away; /* connections; turned away for the limit of their address */
  uint64_t evicted;               /* idle ones that went because the house was full */
  uint64_t handshakes_failed;     /* of TLS, for whatever reason but time */
  uint64_t requests;              /* handed to on_request */
  uint64_t refused;               /* answered by the server itself: 4xx, 5xx */
  uint64_t timeouts;              /* connections closed for one of the following; idle ones are not counted */
  uint64_t handshake_timeouts, head_timeouts, body_timeouts, write_timeouts;
  uint64_t gone;          /* clients that left while their request was in work */
  uint64_t accept_pauses; /* the process ran out of descriptors */
  uint64_t bytes_in, bytes_out;
  uint32_t connections; /* open now */
};
struct azd_http_server_stats azd_http_server_stats(const struct azd_http_server *server);

/* ---- a request in work: valid until its handler ended it ------------------------------------------------------- */

struct azd_str azd_http_request_method(const struct azd_http_request *request);
/* As sent, not percent-decoded; at least "/" ("*" for OPTIONS *). */
struct azd_str azd_http_request_path(const struct azd_http_request *request);
/* Without '?'; false when there was none. */
bool azd_http_request_query(const struct azd_http_request *request, struct azd_str *query);
struct azd_str azd_http_request_host(const struct azd_http_request *request);
size_t azd_http_request_n_fields(const struct azd_http_request *request);
void azd_http_request_field_at(const struct azd_http_request *request, size_t index, struct azd_str *name,
                               struct azd_str *value);
/* The first field of this name in any case; false when there is none. */
bool azd_http_request_field(const struct azd_http_request *request, struct azd_str name, struct azd_str *value);
struct azd_str azd_http_request_body(const struct azd_http_request *request);
/* Within on_head only: beyond so many bytes this request's body is answered 413. */
void azd_http_request_limit_body(struct azd_http_request *request, uint32_t body_bytes);

/* AZD_HTTP_NOTE_BYTES, zero when the head arrives, aligned for anything: where on_head leaves word for on_request. */
void *azd_http_request_note(struct azd_http_request *request);

struct azd_http_peer {
  char address[46]; /* "192.0.2.1", "2001:db8::1"; an IPv4 address that came by IPv6 is written as IPv4; "" for Unix */
  bool is_unix, is_loopback;
  uint64_t network; /* what connections are counted by: the address, of IPv6 its /64; 0 for Unix */
  uint32_t uid;     /* of the process at the other end of a Unix socket, as the system vouches; else UINT32_MAX */
};
struct azd_http_peer azd_http_request_peer(const struct azd_http_request *request);
bool azd_http_request_is_tls(const struct azd_http_request *request);

/* callback: at most once, on the loop thread, when the client is gone (its connection broke, or the server is being
 * freed), never from within a call of the handler's: there a write answers AZD_ECANCELED instead. The request stays the
 * handler's, who still ends it. */
void azd_http_request_on_gone(struct azd_http_request *request, void (*callback)(void *arg), void *arg);

/* ---- replies --------------------------------------------------------------------------------------------------- */

struct azd_http_pair {
  struct azd_str name, value;
};

/* Whether these may stand in a head: see azd_http_reply. */
bool azd_http_pairs_are_sendable(const struct azd_http_pair *fields, size_t n_fields);

/* The whole reply, and the end of the request. fields and body are borrowed for the call. A body of text or JSON
 * between gzip_bytes and AZD_HTTP_GZIP_MOST_BYTES, without a Content-Encoding of its own, goes compressed to a client
 * that takes gzip; a stream does, too, whatever its length. Date, Content-Length, Transfer-Encoding and Connection are
 * the server's: naming one of them, a name or value that cannot stand in a head, or a status outside 200..599 is
 * AZD_EINVAL, and the request stays in work. */
int azd_http_reply(struct azd_http_request *request, int status, const struct azd_http_pair *fields, size_t n_fields,
                   struct azd_str body);

/* A reply in pieces: start, any number of writes, end. body_bytes: its length, or -1 when nobody knows (chunked; for
 * HTTP/1.0 until the connection closes). */
int azd_http_reply_start(struct azd_http_request *request, int status, const struct azd_http_pair *fields,
                         size_t n_fields, int64_t body_bytes);
/* Takes the piece whole (copied as far as it cannot be sent now). AZD_EINVAL: beyond the announced length.
 * AZD_ECANCELED: the client is gone, end the reply. */
int azd_http_reply_write(struct azd_http_request *request, struct azd_str piece);
/* A writer that finds the reply full waits for on_drained instead of writing on. callback: once, on the loop thread,
 * when there is room or the client is gone, never from within this call. */
bool azd_http_reply_is_full(const struct azd_http_request *request);
void azd_http_reply_on_drained(struct azd_http_request *request, void (*callback)(void *arg), void *arg);
/* The end of reply and request. Less than the announced length was written: the connection is cut, so that the client
 * sees it. */
void azd_http_reply_end(struct azd_http_request *request);

enum azd_http_abort { AZD_HTTP_ABORT_CLOSE, AZD_HTTP_ABORT_RESET };
/* Ends the request without (the rest of) a reply: what was written is sent as far as the socket takes it, then the
 * connection is closed or reset. For the sandbox that plays faults, and for a stream whose source failed. */
void azd_http_reply_abort(struct azd_http_request *request, enum azd_http_abort how);

#endif
