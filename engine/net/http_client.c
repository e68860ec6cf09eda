#include "net/http_client.h"
#include "base/clock.h"
#include "loop/timer.h"
#include "loop/watch.h"
#include "net/http_client_impl.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
  AZD_HTTP_BATCH_NS = 1000 * 1000, /* of replies handed out in one callback; the one at hand is finished */
  AZD_HTTP_BEGIN_BATCH = 8,        /* requests begun in one callback: opening a connection takes the kernel 0.1 ms */
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static void set_up_curl(void) {
  AZD_ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

/* --- libcurl drives the loop: its sockets and its one timer --- */

static void act(struct azd_http_client *client, curl_socket_t socket, int events);

static void on_socket_ready(int fd, unsigned events, void *arg) {
  act(arg, fd, (events & AZD_WATCH_READ ? CURL_CSELECT_IN : 0) | (events & AZD_WATCH_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_curl_timer(void *arg) {
  act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg) {
  (void)easy;
  struct azd_http_client *client = arg;
  struct azd_watch *watch = socket_arg;
  if (what == CURL_POLL_REMOVE) {
    azd_watch_free(watch);
    curl_multi_assign(client->multi, fd, NULL);
    return 0;
  }
  if (!watch) {
    watch = azd_watch_new(client->loop, "http client", fd, on_socket_ready, client);
    if (!watch) return -1;
    curl_multi_assign(client->multi, fd, watch);
  }
  unsigned events = (what & CURL_POLL_IN ? AZD_WATCH_READ : 0u) | (what & CURL_POLL_OUT ? AZD_WATCH_WRITE : 0u);
  return azd_watch_set(watch, events);
}

static int set_timer(CURLM *multi, long delay_ms, void *arg) {
  (void)multi;
  struct azd_http_client *client = arg;
  if (delay_ms < 0)
    azd_timer_cancel(client->timer);
  else
    azd_timer_start(client->timer, delay_ms);
  return 0;
}

/* --- the life of an exchange --- */

static void free_exchange(struct azd_http_exchange *exchange) {
  azd_timer_free(exchange->deadline);
  azd_http_url_free(exchange->url);
  curl_slist_free_all(exchange->headers);
  azd_buf_free(&exchange->body);
  azd_http_reply_free(&exchange->reply);
  free(exchange);
}

/* Takes the exchange out of its queue or its place. */
static void withdraw(struct azd_http_exchange *exchange) {
  struct azd_http_client *client = exchange->client;
  azd_timer_cancel(exchange->deadline);
  if (!exchange->easy) {
    TAILQ_REMOVE(&client->queue, exchange, link);
    client->stats.queued--;
    return;
  }
  TAILQ_REMOVE(&client->active, exchange, link);
  client->stats.active--;
  curl_multi_remove_handle(client->multi, exchange->easy);
  curl_easy_reset(exchange->easy);
  client->idle[client->idle_count++] = exchange->easy;
  exchange->easy = NULL;
}

static bool must_wait_for_trust(const struct azd_http_client *client, const struct azd_http_exchange *exchange) {
  return exchange->is_https && client->trust && !azd_http_trust_is_ready(client->trust);
}

static void begin_queued(struct azd_http_client *client) {
  struct azd_http_exchange *exchange;
  unsigned begun = 0;
  while (!client->is_closed && client->stats.active < client->max_connections &&
         (exchange = TAILQ_FIRST(&client->queue))) {
    if (must_wait_for_trust(client, exchange)) return;
    if (begun++ == AZD_HTTP_BEGIN_BATCH) {
      azd_timer_start(client->more, 0);
      return;
    }
    CURL *easy = client->idle_count ? client->idle[--client->idle_count] : curl_easy_init();
    AZD_ASSERT(easy); /* at most max_connections of them, mostly made at the first requests */
    TAILQ_REMOVE(&client->queue, exchange, link);
    TAILQ_INSERT_TAIL(&client->active, exchange, link);
    client->stats.queued--;
    client->stats.active++;
    exchange->easy = easy;
    exchange->begun_ns = azd_clock_mono_ns();
    azd_http_exchange_prepare(exchange);
    AZD_ASSERT(curl_multi_add_handle(client->multi, easy) == CURLM_OK);
  }
}

static void finish(struct azd_http_exchange *exchange) {
  struct azd_http_client *client = exchange->client;
  struct azd_http_reply *reply = &exchange->reply;
  reply->duration_ms = (azd_clock_mono_ns() - exchange->sent_ns) / 1000000;
  withdraw(exchange);
  begin_queued(client);
  if (reply->error.code)
    client->stats.failed++;
  else
    client->stats.replied++;
  exchange->on_reply(reply, exchange->arg);
  free_exchange(exchange);
}

static void leave(struct azd_http_client *client) {
  if (--client->depth || !client->is_closed) return;
  azd_http_client_free(client);
}

/* Hands out the replies that are complete. Each is read by a script at once: after AZD_HTTP_BATCH_NS the rest waits for
 * a turn of the loop of its own. */
static void hand_out(struct azd_http_client *client) {
  int left = 0;
  int64_t until_ns = azd_clock_mono_ns() + AZD_HTTP_BATCH_NS;
  client->depth++;
  for (CURLMsg *message; !client->is_closed && (message = curl_multi_info_read(client->multi, &left));) {
    if (message->msg != CURLMSG_DONE) continue;
    struct azd_http_exchange *exchange;
    CURLcode result = message->data.result; /* the message goes with its handle */
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&exchange);
    azd_http_exchange_conclude(exchange, result);
    finish(exchange);
    if (left && azd_clock_mono_ns() >= until_ns) {
      azd_timer_start(client->more, 0);
      break;
    }
  }
  leave(client);
}

static void on_more(void *arg) {
  struct azd_http_client *client = arg;
  client->depth++;
  begin_queued(client);
  hand_out(client);
  leave(client);
}

static void act(struct azd_http_client *client, curl_socket_t socket, int events) {
  int running;
  curl_multi_socket_action(client->multi, socket, events, &running);
  hand_out(client);
}

static void on_deadline(void *arg) {
  struct azd_http_exchange *exchange = arg;
  struct azd_http_client *client = exchange->client;
  client->depth++;
  azd_http_exchange_expire(exchange);
  finish(exchange);
  leave(client);
}

static void on_trust_ready(void *arg) {
  begin_queued(arg);
}

static int set_headers(struct azd_http_exchange *exchange, const struct azd_http_client_request *request,
                       const char *origin, struct azd_error *error) {
  const char *authorization = NULL;
  int code = 0;
  if (request->credential) code = azd_http_credential_for(request->credential, origin, &authorization, error);
  if (code) {
    exchange->client->stats.denied++;
    return code;
  }
  return azd_http_exchange_set_headers(exchange, request, authorization, error);
}

int azd_http_send(struct azd_http_client *client, const struct azd_http_client_request *request,
                  void (*on_reply)(struct azd_http_reply *reply, void *arg), void *arg, struct azd_http_exchange **out,
                  struct azd_error *error) {
  char origin[AZD_HTTP_ORIGIN_BYTES];
  if (client->stats.queued >= AZD_HTTP_MAX_QUEUED)
    return azd_fail(error, AZD_EBUSY, "more than %d requests wait already", AZD_HTTP_MAX_QUEUED);
  struct azd_http_exchange *exchange = calloc(1, sizeof *exchange);
  if (!exchange) return azd_fail(error, AZD_ENOMEM, "no memory for a request");
  *exchange =
      (struct azd_http_exchange){.client = client, .on_reply = on_reply, .arg = arg, .has_body = request->has_body};
  snprintf(exchange->method, sizeof exchange->method, "%s", request->method);
  exchange->deadline_ms = request->deadline_ms > 0 ? request->deadline_ms : AZD_HTTP_DEADLINE_MS;
  azd_buf_init(&exchange->reply.body, request->max_body_bytes ? request->max_body_bytes : AZD_HTTP_MAX_BODY_BYTES);
  azd_buf_init(&exchange->reply.headers,
               request->max_header_bytes ? request->max_header_bytes : AZD_HTTP_MAX_HEADER_BYTES);
  int code = azd_http_url_parse(request->url, &exchange->url, origin, error);
  if (code) goto failed;
  code = azd_http_rules_check(client->rules, client->rule_count, request->method, origin, exchange->url, error);
  if (code) {
    client->stats.denied++;
    goto failed;
  }
  if ((code = set_headers(exchange, request, origin, error))) goto failed;
  azd_buf_init(&exchange->body, 0);
  azd_buf_append_str(&exchange->body, request->body);
  exchange->deadline = azd_timer_new(client->loop, "http deadline", on_deadline, exchange);
  if (!exchange->deadline || azd_buf_status(&exchange->body)) {
    code = azd_fail(error, AZD_ENOMEM, "no memory for a request");
    goto failed;
  }
  exchange->is_https = !strncmp(origin, "https:", 6);
  if (exchange->is_https && client->pool && !client->trust)
    client->trust = azd_http_trust_start(client->pool, client->ca_file, on_trust_ready, client);
  azd_timer_start(exchange->deadline, exchange->deadline_ms);
  exchange->sent_ns = azd_clock_mono_ns();
  TAILQ_INSERT_TAIL(&client->queue, exchange, link);
  client->stats.queued++;
  client->stats.sent++;
  begin_queued(client);
  if (out) *out = exchange;
  return 0;
failed:
  free_exchange(exchange);
  return code;
}

void azd_http_abort(struct azd_http_exchange *exchange) {
  struct azd_http_client *client = exchange->client;
  client->stats.aborted++;
  withdraw(exchange);
  free_exchange(exchange);
  begin_queued(client);
}

const struct azd_http_client_stats *azd_http_client_stats(const struct azd_http_client *client) {
  return &client->stats;
}

/* --- the client --- */

static char *copy_text(const char *text) {
  return text ? strdup(text) : NULL;
}

static int set_options(struct azd_http_client *client, const struct azd_http_client_options *options) {
  client->max_connections = options->max_connections ? options->max_connections : AZD_HTTP_CONNECTIONS;
  client->connect_timeout_ms =
      options->connect_timeout_ms > 0 ? options->connect_timeout_ms : AZD_HTTP_CONNECT_TIMEOUT_MS;
  client->proxy = copy_text(options->proxy);
  client->no_proxy = copy_text(options->no_proxy);
  client->ca_file = copy_text(options->ca_file);
  client->pool = options->pool;
  client->idle = calloc(client->max_connections, sizeof *client->idle);
  client->rules = calloc(options->rule_count + 1, sizeof *client->rules);
  bool is_short = !client->idle || !client->rules || (options->proxy && !client->proxy) ||
                  (options->no_proxy && !client->no_proxy) || (options->ca_file && !client->ca_file);
  return is_short ? AZD_ENOMEM : 0;
}

int azd_http_client_new(struct azd_http_client **out, struct azd_loop *loop,
                        const struct azd_http_client_options *options, struct azd_error *error) {
  pthread_once(&curl_once, set_up_curl);
  if (options->max_connections > AZD_HTTP_MAX_CONNECTIONS)
    return azd_fail(error, AZD_EINVAL, "connections: at most %d", AZD_HTTP_MAX_CONNECTIONS);
  struct azd_http_client *client = calloc(1, sizeof *client);
  if (!client) return azd_fail(error, AZD_ENOMEM, "no memory for an HTTP client");
  client->loop = loop;
  TAILQ_INIT(&client->queue);
  TAILQ_INIT(&client->active);
  if (set_options(client, options)) goto failed;
  client->timer = azd_timer_new(loop, "http client", on_curl_timer, client);
  client->more = azd_timer_new(loop, "http client", on_more, client);
  client->multi = curl_multi_init();
  if (!client->timer || !client->more || !client->multi) goto failed;
  curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
  curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
  curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
  curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
  curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)client->max_connections);
  for (size_t i = 0; i < options->rule_count; i++) client->rules[i] = options->rules[i];
  client->rule_count = options->rule_count;
  *out = client;
  return 0;
failed:
  azd_http_client_free(client);
  return azd_fail(error, AZD_ENOMEM, "no memory for an HTTP client");
}

void azd_http_client_free(struct azd_http_client *client) {
  if (!client) return;
  client->is_closed = true;
  for (struct azd_http_exchange *exchange; (exchange = TAILQ_FIRST(&client->active));) azd_http_abort(exchange);
  for (struct azd_http_exchange *exchange; (exchange = TAILQ_FIRST(&client->queue));) azd_http_abort(exchange);
  if (client->depth) return; /* called from within a reply: the way out frees it */
  while (client->idle_count) curl_easy_cleanup(client->idle[--client->idle_count]);
  if (client->multi) curl_multi_cleanup(client->multi);
  azd_timer_free(client->timer);
  azd_timer_free(client->more);
  azd_http_trust_free(client->trust);
  for (size_t i = 0; i < client->rule_count; i++) azd_http_rule_free(&client->rules[i]);
  free(client->rules);
  free(client->idle);
  free(client->proxy);
  free(client->no_proxy);
  free(client->ca_file);
  free(client);
}
