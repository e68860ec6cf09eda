/* HTTP requests to others: one libcurl multi on the loop. Keep-alive, HTTP/2 where a TLS server offers it, no redirect
 * followed, no body decoded (inflating belongs to a worker: base/inflate.h).
 *
 * exchange: one request and its one reply or failure. It waits in a queue of ours, not of curl's, until one of
 * max_connections places is free, so that ten thousand waiting requests cost what they say and not a curl handle each.
 * Life: azd_http_client_new .. azd_http_client_free; the loop outlives it. Thread: the loop's. Blocks: never (names are
 * resolved on a thread of curl's). Units: ms, bytes. */
#ifndef AZD_NET_HTTP_CLIENT_H
#define AZD_NET_HTTP_CLIENT_H

#include "base/buf.h"
#include "loop/loop.h"
#include "net/http_access.h"

struct azd_http_client;
struct azd_http_exchange;

enum {
  AZD_HTTP_CONNECTIONS = 32, /* places, unless said otherwise */
  AZD_HTTP_MAX_CONNECTIONS = 1000,
  AZD_HTTP_CONNECT_TIMEOUT_MS = 10000,  /* name, TCP and TLS together */
  AZD_HTTP_DEADLINE_MS = 60000,         /* of an exchange, its time in the queue included */
  AZD_HTTP_MAX_BODY_BYTES = 64 << 20,   /* of a reply, as sent */
  AZD_HTTP_MAX_HEADER_BYTES = 64 << 10, /* of a reply, all lines together */
  AZD_HTTP_MAX_QUEUED = 100000,
};

struct azd_pool;

struct azd_http_client_options { /* all texts are copied; 0 or NULL: the values above, or none */
  unsigned max_connections;
  int64_t connect_timeout_ms;
  const char *proxy;    /* "http://host:port"; the environment is not asked */
  const char *no_proxy; /* "host,.domain" */
  const char *ca_file;  /* PEM; NULL: the system's */
  struct azd_pool *
      pool; /* borrowed; reads the certificates at the first https request, which waits. NULL: curl does, on the loop */
  const struct azd_http_rule
      *rules; /* given on success (the array is copied, its texts move); what is allowed: nothing else is */
  size_t rule_count;
};
int azd_http_client_new(struct azd_http_client **client, struct azd_loop *loop,
                        const struct azd_http_client_options *options, struct azd_error *error);
/* Exchanges that are left end without a call. */
void azd_http_client_free(struct azd_http_client *client);

struct azd_http_header {
  struct azd_str name, value;
};

struct azd_http_client_request { /* borrowed for the call only */
  const char *method;
  struct azd_str url;
  const struct azd_http_header *headers; /* Authorization is refused here: it comes from the credential */
  size_t header_count;
  struct azd_str body;
  bool has_body;
  bool refuses_gzip; /* else Accept-Encoding: gzip is sent, and the reply may be encoded */
  int64_t deadline_ms;
  size_t max_body_bytes, max_header_bytes;
  const struct azd_http_credential *credential;
};

enum azd_http_encoding { AZD_HTTP_IDENTITY, AZD_HTTP_GZIP, AZD_HTTP_DEFLATE, AZD_HTTP_UNKNOWN_ENCODING };

struct azd_http_reply {
  struct azd_error error; /* code 0: a reply came; else what went wrong */
  const char *reason;     /* of a failure, static, for programs: "resolve", "connect", "tls", "untrusted" (the peer's
                           * certificate), "timeout", "reset", "cut", "limit", "protocol", "memory", "io"; NULL: none */
  int status;
  struct azd_buf headers; /* name NUL value NUL ..., names in lower case; in the order sent, repeated names repeated */
  struct azd_buf body;    /* as sent */
  enum azd_http_encoding encoding;
  int64_t duration_ms, first_byte_ms;
  bool is_reused; /* came over a connection that had served before */
};
void azd_http_reply_free(struct azd_http_reply *reply);
/* The first value of a header, borrowed; NULL data: not there. name in lower case. */
struct azd_str azd_http_reply_header(const struct azd_http_reply *reply, const char *name);
/* Walks the headers: *at starts at 0; false at the end. */
bool azd_http_reply_next_header(const struct azd_http_reply *reply, size_t *at, struct azd_http_header *header);

/* Sends. on_reply: once, on the loop thread, never before this returns; the reply is borrowed, its buffers may be taken
 * (moved out, and left empty). AZD_EDENIED (a rule, a credential for another host), AZD_EINVAL, AZD_ELIMIT: nothing was
 * sent, no call will come. */
int azd_http_send(struct azd_http_client *client, const struct azd_http_client_request *request,
                  void (*on_reply)(struct azd_http_reply *reply, void *arg), void *arg,
                  struct azd_http_exchange **exchange, struct azd_error *error);
/* Stops an exchange; on_reply will not be called. Not from within its own on_reply. */
void azd_http_abort(struct azd_http_exchange *exchange);

struct azd_http_client_stats {
  uint64_t sent, replied, failed, aborted, denied, reused, connected; /* connected: connections opened */
  unsigned active, queued;
};
const struct azd_http_client_stats *azd_http_client_stats(const struct azd_http_client *client);

#endif
