#include "base/clock.h"
#include "net/http_client_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

enum { AZD_HTTP_READ_BYTES = 64 * 1024 };

/* --- the request --- */

static bool is_token(struct azd_str name) {
  static const char others[] = "!#$%&'*+-.^_`|~";
  for (size_t i = 0; i < name.size; i++) {
    unsigned char c = (unsigned char)name.data[i], folded = azd_fold(c);
    if (!((folded >= 'a' && folded <= 'z') || (c >= '0' && c <= '9') || (c && strchr(others, c)))) return false;
  }
  return name.size > 0;
}

static bool is_field_text(struct azd_str value) {
  for (size_t i = 0; i < value.size; i++) {
    unsigned char c = (unsigned char)value.data[i];
    if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
  }
  return true;
}

static int add_line(struct curl_slist **list, const char *line) {
  struct curl_slist *longer = curl_slist_append(*list, line);
  if (!longer) return AZD_ENOMEM;
  *list = longer;
  return 0;
}

static int add_header(struct curl_slist **list, struct azd_str name, struct azd_str value) {
  struct azd_buf line;
  azd_buf_init(&line, 0);
  /* curl sends a header without value when a semicolon stands for the colon, and drops "Name:". */
  if (value.size)
    azd_buf_printf(&line, "%.*s: %.*s", AZD_STR_FORMAT(name), AZD_STR_FORMAT(value));
  else
    azd_buf_printf(&line, "%.*s;", AZD_STR_FORMAT(name));
  azd_buf_append_char(&line, 0);
  int code = azd_buf_status(&line) ? AZD_ENOMEM : add_line(list, line.data);
  if (line.data) explicit_bzero(line.data, line.size);
  azd_buf_free(&line);
  return code;
}

int azd_http_exchange_set_headers(struct azd_http_exchange *exchange, const struct azd_http_client_request *request,
                                  const char *authorization, struct azd_error *error) {
  struct curl_slist **list = &exchange->headers;
  bool has_type = false;
  int code = 0;
  for (size_t i = 0; i < request->header_count && !code; i++) {
    struct azd_str name = request->headers[i].name, value = request->headers[i].value;
    if (!is_token(name) || !is_field_text(value))
      return azd_fail(error, AZD_EINVAL, "the header \"%.*s\" has bytes that no header may have",
                      (int)(name.size < 40 ? name.size : 40), name.data);
    static const char *const ours[] = {"authorization",     "host",       "content-length",
                                       "transfer-encoding", "connection", "expect"};
    for (size_t k = 0; k < sizeof ours / sizeof *ours; k++)
      if (azd_str_equal_fold(name, azd_str_of(ours[k])))
        return azd_fail(error, AZD_EDENIED,
                        k ? "the header \"%s\" is the client's own business"
                          : "the header \"%s\" is only sent by way of a credential",
                        ours[k]);
    if (azd_str_equal_fold(name, AZD_STR("content-type"))) has_type = true;
    code = add_header(list, name, value);
  }
  if (!code && authorization) code = add_header(list, AZD_STR("Authorization"), azd_str_of(authorization));
  if (!code && !request->refuses_gzip) code = add_line(list, "Accept-Encoding: gzip");
  if (!code && request->has_body && !has_type)
    code = add_line(list, "Content-Type:");    /* none, rather than curl's guess */
  if (!code) code = add_line(list, "Expect:"); /* no round trip before a body */
  return code ? azd_fail(error, code, "no memory for headers") : 0;
}

/* --- the reply, as it comes --- */

static bool is_status_line(struct azd_str line) {
  return line.size > 5 && !memcmp(line.data, "HTTP/", 5);
}

static struct azd_str trim(struct azd_str text) {
  while (text.size && strchr(" \t\r\n", text.data[text.size - 1])) text.size--;
  while (text.size && (*text.data == ' ' || *text.data == '\t')) text.data++, text.size--;
  return text;
}

static void note_header(struct azd_buf *headers, struct azd_str line) {
  const char *colon = memchr(line.data, ':', line.size);
  if (!colon) return;
  struct azd_str value = trim((struct azd_str){colon + 1, line.size - (size_t)(colon + 1 - line.data)});
  if (memchr(value.data, 0, value.size)) return; /* no server of good will; it would end the value early */
  for (const char *at = line.data; at < colon; at++) azd_buf_append_char(headers, (char)azd_fold((unsigned char)*at));
  azd_buf_append_char(headers, 0);
  azd_buf_append_str(headers, value);
  azd_buf_append_char(headers, 0);
}

static size_t on_header(char *data, size_t unit, size_t count, void *arg) {
  struct azd_http_exchange *exchange = arg;
  struct azd_buf *headers = &exchange->reply.headers;
  struct azd_str line = {data, unit * count};
  if (is_status_line(line))
    azd_buf_clear(headers); /* what came before was a 1xx */
  else
    note_header(headers, line);
  if (!azd_buf_status(headers)) return line.size;
  exchange->limit = "header";
  return 0;
}

/* The whole body's room at once, where the server says how much it will be. */
static void reserve_body(struct azd_http_exchange *exchange) {
  curl_off_t announced = -1;
  curl_easy_getinfo(exchange->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
  if (announced > 0 && (uint64_t)announced <= exchange->reply.body.max_bytes)
    azd_buf_reserve(&exchange->reply.body, (size_t)announced);
  else if (announced > 0)
    exchange->reply.body.status = AZD_ELIMIT;
}

static size_t on_body(char *data, size_t unit, size_t count, void *arg) {
  struct azd_http_exchange *exchange = arg;
  struct azd_buf *body = &exchange->reply.body;
  if (!body->data) reserve_body(exchange);
  azd_buf_append(body, data, unit * count);
  if (!azd_buf_status(body)) return unit * count;
  exchange->limit = "body";
  return 0;
}

/* --- curl's settings for one exchange --- */

static void prepare_method(struct azd_http_exchange *exchange) {
  CURL *easy = exchange->easy;
  if (exchange->has_body) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body.size);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                     exchange->body.data ? exchange->body.data : ""); /* borrowed; makes it a POST */
  }
  if (!strcmp(exchange->method, "HEAD"))
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  else if (strcmp(exchange->method, exchange->has_body ? "POST" : "GET"))
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, exchange->method);
}

static CURLcode trust_ours(CURL *easy, void *context, void *trust) {
  (void)easy;
  azd_http_trust_apply(trust, context);
  return CURLE_OK;
}

static void prepare_trust(struct azd_http_exchange *exchange) {
  struct azd_http_client *client = exchange->client;
  CURL *easy = exchange->easy;
  if (client->trust && azd_http_trust_is_good(client->trust)) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, trust_ours);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, client->trust);
  } else if (client->ca_file) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
  }
}

void azd_http_exchange_prepare(struct azd_http_exchange *exchange) {
  const struct azd_http_client *client = exchange->client;
  CURL *easy = exchange->easy;
  curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
  curl_easy_setopt(easy, CURLOPT_CURLU, exchange->url);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* what the rules saw is what is sent */
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->headers);
  prepare_method(exchange);
  curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)client->connect_timeout_ms);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)AZD_HTTP_READ_BYTES);
  curl_easy_setopt(easy, CURLOPT_PROXY, client->proxy ? client->proxy : "");
  curl_easy_setopt(easy, CURLOPT_NOPROXY, client->no_proxy ? client->no_proxy : "");
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  prepare_trust(exchange);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->curl_text);
}

/* --- the end --- */

static enum azd_http_encoding encoding_of(struct azd_str name) {
  if (!name.size || azd_str_equal_fold(name, AZD_STR("identity"))) return AZD_HTTP_IDENTITY;
  if (azd_str_equal_fold(name, AZD_STR("gzip")) || azd_str_equal_fold(name, AZD_STR("x-gzip"))) return AZD_HTTP_GZIP;
  return azd_str_equal_fold(name, AZD_STR("deflate")) ? AZD_HTTP_DEFLATE : AZD_HTTP_UNKNOWN_ENCODING;
}

static int64_t info_us(CURL *easy, CURLINFO which) {
  curl_off_t value = 0;
  curl_easy_getinfo(easy, which, &value);
  return value;
}

static void fail_reply(struct azd_http_exchange *exchange, int code, const char *reason, const char *text) {
  exchange->reply.reason = reason;
  azd_fail(&exchange->reply.error, code, "%s", text);
}

/* A reset by the peer and an answer that stops are different to whoever decides about trying again. */
static void fail_transfer(struct azd_http_exchange *exchange, const char *text) {
  long error_number = 0;
  curl_easy_getinfo(exchange->easy, CURLINFO_OS_ERRNO, &error_number);
  bool is_reset = error_number == ECONNRESET || error_number == EPIPE;
  fail_reply(exchange, AZD_EIO, is_reset ? "reset" : "cut", text);
}

static void fail_by_limit(struct azd_http_exchange *exchange) {
  bool is_body = !strcmp(exchange->limit, "body");
  struct azd_buf *buf = is_body ? &exchange->reply.body : &exchange->reply.headers;
  if (azd_buf_status(buf) == AZD_ENOMEM) {
    fail_reply(exchange, AZD_ENOMEM, "memory", "no memory for the reply");
    return;
  }
  exchange->reply.reason = "limit";
  azd_fail(&exchange->reply.error, AZD_ELIMIT, "the reply's %s is larger than %s = %zu", is_body ? "body" : "header",
           is_body ? "max_body_bytes" : "max_header_bytes", buf->max_bytes);
}

static void fail_by_curl(struct azd_http_exchange *exchange, CURLcode result) {
  const char *text = exchange->curl_text[0] ? exchange->curl_text : curl_easy_strerror(result);
  switch (result) {
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY: fail_reply(exchange, AZD_EIO, "resolve", text); break;
  case CURLE_COULDNT_CONNECT: fail_reply(exchange, AZD_EIO, "connect", text); break;
  case CURLE_OPERATION_TIMEDOUT: fail_reply(exchange, AZD_ETIMEOUT, "timeout", text); break;
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_INVALIDCERTSTATUS: fail_reply(exchange, AZD_EIO, "untrusted", text); break;
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER: fail_reply(exchange, AZD_EIO, "tls", text); break;
  case CURLE_PARTIAL_FILE:
  case CURLE_GOT_NOTHING:
  case CURLE_RECV_ERROR:
  case CURLE_SEND_ERROR: fail_transfer(exchange, text); break;
  case CURLE_OUT_OF_MEMORY: fail_reply(exchange, AZD_ENOMEM, "memory", text); break;
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_BAD_CONTENT_ENCODING:
  case CURLE_HTTP2:
  case CURLE_HTTP2_STREAM: fail_reply(exchange, AZD_EPARSE, "protocol", text); break;
  default: fail_reply(exchange, AZD_EIO, "io", text); break;
  }
}

void azd_http_exchange_conclude(struct azd_http_exchange *exchange, CURLcode result) {
  struct azd_http_reply *reply = &exchange->reply;
  long status = 0, connects = 0;
  curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(exchange->easy, CURLINFO_NUM_CONNECTS, &connects);
  exchange->client->stats.connected += (uint64_t)connects;
  reply->status = (int)status;
  reply->is_reused = connects == 0;
  exchange->client->stats.reused += reply->is_reused;
  reply->first_byte_ms = info_us(exchange->easy, CURLINFO_STARTTRANSFER_TIME_T) / 1000;
  reply->encoding = encoding_of(azd_http_reply_header(reply, "content-encoding"));
  if (exchange->limit)
    fail_by_limit(exchange);
  else if (result != CURLE_OK)
    fail_by_curl(exchange, result);
  else if (status < 100)
    fail_reply(exchange, AZD_EPARSE, "protocol", "the answer is not HTTP");
  else
    return;
  char method_and_host[400], *host = NULL;
  curl_url_get(exchange->url, CURLUPART_HOST, &host, 0);
  snprintf(method_and_host, sizeof method_and_host, "%s %s", exchange->method, host ? host : "");
  curl_free(host);
  azd_error_prefix(&reply->error, "%s", method_and_host);
}

static const char *phase_of(struct azd_http_exchange *exchange) {
  if (!exchange->easy) return "waiting for one of max_connections";
  if (!info_us(exchange->easy, CURLINFO_PRETRANSFER_TIME_T)) return "connecting";
  return info_us(exchange->easy, CURLINFO_STARTTRANSFER_TIME_T) ? "reading the answer" : "waiting for the answer";
}

void azd_http_exchange_expire(struct azd_http_exchange *exchange) {
  struct azd_http_reply *reply = &exchange->reply;
  reply->reason = "timeout";
  azd_fail(&reply->error, AZD_ETIMEOUT, "%s took longer than deadline_ms = %lld: %s, %zu bytes so far",
           exchange->method, (long long)exchange->deadline_ms, phase_of(exchange), reply->body.size);
}

/* --- reading a reply --- */

void azd_http_reply_free(struct azd_http_reply *reply) {
  azd_buf_free(&reply->headers);
  azd_buf_free(&reply->body);
}

bool azd_http_reply_next_header(const struct azd_http_reply *reply, size_t *at, struct azd_http_header *header) {
  const char *data = reply->headers.data, *end = data + reply->headers.size;
  if (*at >= reply->headers.size) return false;
  const char *name = data + *at, *value = (const char *)memchr(name, 0, (size_t)(end - name)) + 1;
  header->name = (struct azd_str){name, (size_t)(value - name) - 1};
  header->value = (struct azd_str){value, (size_t)((const char *)memchr(value, 0, (size_t)(end - value)) - value)};
  *at = (size_t)(value - data) + header->value.size + 1;
  return true;
}

struct azd_str azd_http_reply_header(const struct azd_http_reply *reply, const char *name) {
  struct azd_http_header header;
  for (size_t at = 0; azd_http_reply_next_header(reply, &at, &header);)
    if (azd_str_equal(header.name, azd_str_of(name))) return header.value;
  return (struct azd_str){NULL, 0};
}
