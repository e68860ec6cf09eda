/* Between http_client.c (queue, places, loop) and http_exchange.c (one request as libcurl sees it); nobody else
 * includes it. */
#ifndef AZD_NET_HTTP_CLIENT_IMPL_H
#define AZD_NET_HTTP_CLIENT_IMPL_H

#include "net/http_client.h"
#include "net/http_trust.h"

#include <curl/curl.h>
#include <sys/queue.h>

struct azd_timer;

TAILQ_HEAD(azd_http_exchanges, azd_http_exchange);

struct azd_http_client {
  struct azd_loop *loop;
  CURLM *multi;
  struct azd_timer *timer; /* curl's one */
  struct azd_timer *more;  /* replies that are complete and not handed out yet */
  unsigned max_connections;
  int64_t connect_timeout_ms;
  char *proxy, *no_proxy, *ca_file;
  struct azd_pool *pool;
  struct azd_http_trust *trust; /* NULL: no https request yet, or curl's own way */
  struct azd_http_rule *rules;
  size_t rule_count;
  CURL **idle; /* handles that wait for use: max_connections fit */
  unsigned idle_count;
  struct azd_http_exchanges queue, active;
  unsigned depth; /* in a call of ours that may be on the stack below azd_http_client_free */
  bool is_closed;
  struct azd_http_client_stats stats;
};

struct azd_http_exchange {
  struct azd_http_client *client;
  TAILQ_ENTRY(azd_http_exchange) link;
  char method[16];
  CURLU *url;
  struct curl_slist *headers;
  struct azd_buf body; /* of the request */
  bool has_body, is_https;
  CURL *easy; /* NULL: queued */
  struct azd_timer *deadline;
  int64_t deadline_ms, sent_ns, begun_ns;
  const char *limit; /* the reply passed it: "body" or "header" */
  char curl_text[CURL_ERROR_SIZE];
  struct azd_http_reply reply;
  void (*on_reply)(struct azd_http_reply *reply, void *arg);
  void *arg;
};

/* Checks and copies the request's headers, and adds ours. */
int azd_http_exchange_set_headers(struct azd_http_exchange *exchange, const struct azd_http_client_request *request,
                                  const char *authorization, struct azd_error *error);
/* Tells exchange->easy what to do. */
void azd_http_exchange_prepare(struct azd_http_exchange *exchange);
/* Fills in the reply after curl's end, or after ours. */
void azd_http_exchange_conclude(struct azd_http_exchange *exchange, CURLcode result);
void azd_http_exchange_expire(struct azd_http_exchange *exchange);

#endif
