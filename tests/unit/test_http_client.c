/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "base/clock.h"
#include "base/inflate.h"
#include "lib/http_peer.h"
#include "net/http_client.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static struct azd_loop *loop;
static struct azd_http_client *client;
static struct http_peer *peer;
static char url_text[512];

static const char hello[] = "hello, hello, hello, hello, hello";
static const uint8_t zeros[4 << 20];

static size_t gzip(const void *data, size_t bytes, uint8_t *out, size_t room) {
  z_stream stream = {.next_in = (Bytef *)data, .avail_in = (uInt)bytes, .next_out = out, .avail_out = (uInt)room};
  assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
  assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
  deflateEnd(&stream);
  return room - stream.avail_out;
}

static void send_gzip(int fd, const void *data, size_t bytes) {
  static uint8_t packed[64 * 1024];
  size_t size = gzip(data, bytes, packed, sizeof packed);
  char head[200];
  snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", size);
  http_peer_send_text(fd, head);
  http_peer_send(fd, packed, size);
}

static void send_body(int fd, const char *body) {
  char head[100];
  snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(body));
  http_peer_send_text(fd, head);
  http_peer_send_text(fd, body);
}

static void send_endless_chunks(int fd) {
  static char chunk[65536];
  memset(chunk, 'x', sizeof chunk);
  http_peer_send_text(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 1000; i++) {
    http_peer_send_text(fd, "10000\r\n");
    http_peer_send(fd, chunk, sizeof chunk);
    http_peer_send_text(fd, "\r\n");
  }
}

static void send_huge_header(int fd) {
  http_peer_send_text(fd, "HTTP/1.1 200 OK\r\n");
  for (int i = 0; i < 2000; i++) http_peer_send_text(fd, "X-Filler: 0123456789012345678901234567890123456789\r\n");
  http_peer_send_text(fd, "Content-Length: 0\r\n\r\n");
}

/* Each path is one way for a server to behave. */
static bool answer(const struct http_peer_request *request, void *arg) {
  (void)arg;
  int fd = request->fd;
  const char *path = request->path;
  char text[100];
  if (!strcmp(path, "/hello"))
    send_body(fd, hello);
  else if (!strcmp(path, "/request"))
    send_body(fd, request->text);
  else if (!strcmp(path, "/connection"))
    snprintf(text, sizeof text, "%u", request->connection), send_body(fd, text);
  else if (!strcmp(path, "/gzip"))
    send_gzip(fd, hello, sizeof hello - 1);
  else if (!strcmp(path, "/bomb"))
    send_gzip(fd, zeros, sizeof zeros);
  else if (!strcmp(path, "/chunked"))
    http_peer_send_text(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\n, h\r\n0\r\n\r\n");
  else if (!strcmp(path, "/headers"))
    http_peer_send_text(fd, "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 429 Too Many\r\nRetry-After: 17\r\n"
                            "X-Two: a\r\nX-TWO: b\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n");
  else if (!strcmp(path, "/redirect"))
    http_peer_send_text(fd,
                        "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/metadata\r\nContent-Length: 0\r\n\r\n");
  else if (!strcmp(path, "/missing"))
    http_peer_send_text(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
  else if (!strcmp(path, "/silent"))
    http_peer_wait_for_close(fd);
  else if (!strcmp(path, "/stalls")) {
    http_peer_send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789");
    http_peer_wait_for_close(fd);
  } else if (!strcmp(path, "/endless"))
    send_endless_chunks(fd);
  else if (!strcmp(path, "/huge-header"))
    send_huge_header(fd);
  else if (!strcmp(path, "/announces-much"))
    http_peer_send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx");
  else if (!strcmp(path, "/cut"))
    http_peer_send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789");
  else if (!strcmp(path, "/cut-chunks"))
    http_peer_send_text(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  else if (!strcmp(path, "/reset"))
    http_peer_reset(fd);
  else if (!strcmp(path, "/other-protocol"))
    http_peer_send_text(fd, "220 ready for mail\r\n");
  static const char *const closing[] = {"/cut",    "/cut-chunks", "/reset",   "/other-protocol", "/nothing",
                                        "/silent", "/stalls",     "/endless", "/huge-header",    "/announces-much"};
  for (size_t i = 0; i < sizeof closing / sizeof *closing; i++)
    if (!strcmp(path, closing[i])) return false;
  return true;
}

static void open_client(const struct azd_http_client_options *wanted) {
  struct azd_http_client_options options = wanted ? *wanted : (struct azd_http_client_options){0};
  struct azd_http_rule any = {.method = "*"};
  if (!options.rules) options.rules = &any, options.rule_count = 1;
  assert_int_equal(azd_http_client_new(&client, loop, &options, NULL), 0);
}

static int set_up(void **state) {
  (void)state;
  peer = http_peer_start(answer, NULL);
  if (azd_loop_new(&loop, NULL)) return -1;
  open_client(NULL);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  azd_http_client_free(client);
  azd_loop_free(loop);
  http_peer_stop(peer);
  return 0;
}

static void reopen_client(const struct azd_http_client_options *options) {
  azd_http_client_free(client);
  open_client(options);
}

static struct azd_str url(const char *path) {
  snprintf(url_text, sizeof url_text, "http://127.0.0.1:%d%s", http_peer_port(peer), path);
  return azd_str_of(url_text);
}

static int replies_wanted, replies_seen;
static void take_reply(struct azd_http_reply *reply, void *arg) {
  if (arg) {
    *(struct azd_http_reply *)arg = *reply; /* its buffers too */
    memset(reply, 0, sizeof *reply);
  }
  if (++replies_seen == replies_wanted) azd_loop_stop(loop);
}

static struct azd_http_reply ask(const struct azd_http_client_request *request) {
  struct azd_http_reply reply;
  struct azd_error error;
  replies_wanted = 1, replies_seen = 0;
  int code = azd_http_send(client, request, take_reply, &reply, NULL, &error);
  if (code) fail_msg("not sent: %s", error.text);
  azd_loop_run(loop);
  return reply;
}

static struct azd_http_reply get(const char *path) {
  return ask(&(struct azd_http_client_request){.method = "GET", .url = url(path), .deadline_ms = 20000});
}

static void assert_body(const struct azd_http_reply *reply, const char *expected) {
  assert_int_equal(reply->error.code, 0);
  assert_int_equal(reply->body.size, strlen(expected));
  assert_memory_equal(reply->body.data, expected, strlen(expected));
}

static void assert_failure(struct azd_http_reply reply, int code, const char *reason, const char *says) {
  assert_int_equal(reply.error.code, code);
  assert_string_equal(reply.reason, reason);
  if (!strstr(reply.error.text, says)) fail_msg("\"%s\" does not say \"%s\"", reply.error.text, says);
  azd_http_reply_free(&reply);
}

static void a_body_arrives_with_length_and_in_chunks(void **state) {
  (void)state;
  struct azd_http_reply reply = get("/hello");
  assert_int_equal(reply.status, 200);
  assert_body(&reply, hello);
  azd_http_reply_free(&reply);
  reply = get("/chunked");
  assert_body(&reply, "hello, h");
  azd_http_reply_free(&reply);
}

static void connections_are_kept_alive(void **state) {
  (void)state;
  for (int i = 0; i < 5; i++) {
    struct azd_http_reply reply = get("/connection");
    assert_body(&reply, "1");
    assert_int_equal(reply.is_reused, i > 0);
    azd_http_reply_free(&reply);
  }
  assert_int_equal(azd_http_client_stats(client)->connected, 1);
  assert_int_equal(azd_http_client_stats(client)->reused, 4);
}

static void requests_beyond_the_connections_wait_and_none_is_lost(void **state) {
  (void)state;
  enum { REQUESTS = 200 };
  reopen_client(&(struct azd_http_client_options){.max_connections = 4});
  replies_wanted = REQUESTS, replies_seen = 0;
  struct azd_http_client_request request = {.method = "GET", .url = url("/hello")};
  for (int i = 0; i < REQUESTS; i++) assert_int_equal(azd_http_send(client, &request, take_reply, NULL, NULL, NULL), 0);
  assert_int_equal(azd_http_client_stats(client)->active, 4);
  assert_int_equal(azd_http_client_stats(client)->queued, REQUESTS - 4);
  azd_loop_run(loop);
  assert_int_equal(azd_http_client_stats(client)->replied, REQUESTS);
  assert_in_range(http_peer_connections(peer), 1, 4);
}

static void headers_come_in_lower_case_without_those_of_interim_answers(void **state) {
  (void)state;
  struct azd_http_reply reply = get("/headers");
  assert_int_equal(reply.status, 429);
  assert_true(azd_str_equal(azd_http_reply_header(&reply, "retry-after"), AZD_STR("17")));
  assert_null(azd_http_reply_header(&reply, "x-early").data);
  assert_int_equal(azd_http_reply_header(&reply, "x-empty").size, 0);
  int twos = 0;
  struct azd_http_header header;
  for (size_t at = 0; azd_http_reply_next_header(&reply, &at, &header);)
    if (azd_str_equal(header.name, AZD_STR("x-two"))) twos++;
  assert_int_equal(twos, 2);
  azd_http_reply_free(&reply);
}

static void a_request_is_sent_as_it_was_given(void **state) {
  (void)state;
  const struct azd_http_header headers[] = {{AZD_STR("X-One"), AZD_STR("1")}, {AZD_STR("X-Empty"), AZD_STR("")}};
  struct azd_http_client_request request = {.method = "POST",
                                            .url = url("/request"),
                                            .headers = headers,
                                            .header_count = 2,
                                            .body = AZD_STR("a=b"),
                                            .has_body = true};
  struct azd_http_reply reply = ask(&request);
  azd_buf_append_char(&reply.body, 0);
  assert_non_null(strstr(reply.body.data, "POST /request HTTP/1.1\r\n"));
  assert_non_null(strstr(reply.body.data, "\r\nX-One: 1\r\n"));
  assert_non_null(strstr(reply.body.data, "\r\nX-Empty:\r\n"));
  assert_non_null(strstr(reply.body.data, "\r\nAccept-Encoding: gzip\r\n"));
  assert_non_null(strstr(reply.body.data, "\r\n\r\na=b"));
  assert_null(strcasestr(reply.body.data, "\r\nContent-Type:"));
  assert_null(strcasestr(reply.body.data, "\r\nExpect:"));
  azd_http_reply_free(&reply);
  static const char *const methods[] = {"PUT", "PATCH", "DELETE", "HEAD"};
  for (size_t i = 0; i < 4; i++) {
    request = (struct azd_http_client_request){
        .method = methods[i], .url = url("/request"), .has_body = i < 2, .body = AZD_STR("{}")};
    reply = ask(&request);
    assert_int_equal(reply.error.code, 0);
    assert_int_equal(strncmp(reply.body.data ? reply.body.data : "HEAD", methods[i], strlen(methods[i])), 0);
    azd_http_reply_free(&reply);
  }
}

static void redirects_are_handed_on_and_not_followed(void **state) {
  (void)state;
  struct azd_http_reply reply = get("/redirect");
  assert_int_equal(reply.status, 302);
  assert_true(azd_str_equal(azd_http_reply_header(&reply, "location"), AZD_STR("http://169.254.169.254/metadata")));
  azd_http_reply_free(&reply);
  assert_int_equal(azd_http_client_stats(client)->sent, 1);
}

static void an_error_status_is_a_reply(void **state) {
  (void)state;
  struct azd_http_reply reply = get("/missing");
  assert_int_equal(reply.status, 404);
  assert_body(&reply, "no");
  azd_http_reply_free(&reply);
}

static void answers_that_break_off_are_failures_that_say_how(void **state) {
  (void)state;
  assert_failure(get("/cut"), AZD_EIO, "cut", "GET 127.0.0.1");
  assert_failure(get("/cut-chunks"), AZD_EIO, "cut", "");
  assert_failure(get("/nothing"), AZD_EIO, "cut", "");
  assert_failure(get("/reset"), AZD_EIO, "reset", "");
  assert_failure(get("/other-protocol"), AZD_EPARSE, "protocol", "");
}

static void a_host_that_is_not_there_is_told_from_one_that_does_not_answer(void **state) {
  (void)state;
  struct azd_http_client_request request = {.method = "GET", .url = AZD_STR("http://does-not-exist.invalid/")};
  assert_failure(ask(&request), AZD_EIO, "resolve", "does-not-exist.invalid");
  struct http_peer *gone = http_peer_start(answer, NULL);
  snprintf(url_text, sizeof url_text, "http://127.0.0.1:%d/", http_peer_port(gone));
  http_peer_stop(gone);
  request.url = azd_str_of(url_text);
  assert_failure(ask(&request), AZD_EIO, "connect", "");
}

static void plain_http_behind_https_is_a_tls_failure(void **state) {
  (void)state;
  http_peer_greet(peer, "220 ready for mail\r\n");
  snprintf(url_text, sizeof url_text, "https://127.0.0.1:%d/", http_peer_port(peer));
  assert_failure(
      ask(&(struct azd_http_client_request){.method = "GET", .url = azd_str_of(url_text), .deadline_ms = 2000}),
      AZD_EIO, "tls", "");
}

static void the_deadline_holds_in_every_phase(void **state) {
  (void)state;
  struct azd_http_client_request request = {.method = "GET", .url = url("/silent"), .deadline_ms = 50};
  assert_failure(ask(&request), AZD_ETIMEOUT, "timeout", "deadline_ms = 50: waiting for the answer");
  request.url = url("/stalls");
  request.deadline_ms = 1500; /* time for the first bytes on a busy machine */
  assert_failure(ask(&request), AZD_ETIMEOUT, "timeout", "reading the answer, 10 bytes so far");
  request.deadline_ms = 50;
  reopen_client(&(struct azd_http_client_options){.max_connections = 1});
  struct azd_http_exchange *first;
  struct azd_http_client_request silent = {.method = "GET", .url = url("/silent")};
  assert_int_equal(azd_http_send(client, &silent, take_reply, NULL, &first, NULL), 0);
  assert_failure(ask(&request), AZD_ETIMEOUT, "timeout", "waiting for one of max_connections");
  azd_http_abort(first);
}

static void the_size_of_a_body_is_capped(void **state) {
  (void)state;
  struct azd_http_client_request request = {.method = "GET", .url = url("/hello"), .max_body_bytes = sizeof hello - 1};
  struct azd_http_reply reply = ask(&request);
  assert_body(&reply, hello);
  azd_http_reply_free(&reply);
  request.max_body_bytes--;
  assert_failure(ask(&request), AZD_ELIMIT, "limit", "max_body_bytes = 32");
  request = (struct azd_http_client_request){.method = "GET", .url = url("/endless"), .max_body_bytes = 100000};
  assert_failure(ask(&request), AZD_ELIMIT, "limit", "max_body_bytes = 100000");
  request.url = url("/announces-much");
  assert_failure(ask(&request), AZD_ELIMIT, "limit", "max_body_bytes = 100000");
}

static void the_size_of_a_header_is_capped(void **state) {
  (void)state;
  struct azd_http_client_request request = {.method = "GET", .url = url("/huge-header"), .max_header_bytes = 10000};
  assert_failure(ask(&request), AZD_ELIMIT, "limit", "max_header_bytes = 10000");
}

static void a_compressed_body_is_handed_on_and_inflates_within_a_bound(void **state) {
  (void)state;
  struct azd_error error;
  struct azd_http_reply reply = get("/gzip");
  assert_int_equal(reply.encoding, AZD_HTTP_GZIP);
  struct azd_buf plain;
  azd_buf_init(&plain, sizeof hello - 1); /* fits exactly */
  assert_int_equal(azd_inflate(azd_buf_str(&reply.body), &plain, NULL), 0);
  assert_memory_equal(plain.data, hello, sizeof hello - 1);
  azd_buf_clear(&plain);
  plain.max_bytes--;
  assert_int_equal(azd_inflate(azd_buf_str(&reply.body), &plain, &error), AZD_ELIMIT);
  azd_buf_free(&plain);

  plain.max_bytes = 0;
  for (size_t size = 0; size < reply.body.size; size++) { /* cut anywhere */
    azd_buf_clear(&plain);
    assert_int_equal(azd_inflate((struct azd_str){reply.body.data, size}, &plain, NULL), AZD_EPARSE);
  }
  azd_buf_append_char(&reply.body, 'x');
  azd_buf_clear(&plain);
  assert_int_equal(azd_inflate(azd_buf_str(&reply.body), &plain, &error), AZD_EPARSE);
  assert_non_null(strstr(error.text, "1 bytes follow"));
  reply.body.data[20] ^= 0x55;
  assert_int_equal(azd_inflate(azd_buf_str(&reply.body), &plain, NULL), AZD_EPARSE);
  azd_buf_free(&plain);
  azd_http_reply_free(&reply);
}

static void a_compression_bomb_stops_at_the_bound(void **state) {
  (void)state;
  struct azd_http_reply reply = get("/bomb");
  assert_true(reply.body.size < 10000);
  struct azd_buf plain;
  azd_buf_init(&plain, 100000);
  assert_int_equal(azd_inflate(azd_buf_str(&reply.body), &plain, NULL), AZD_ELIMIT);
  assert_true(plain.capacity <= 200000);
  azd_buf_free(&plain);
  azd_http_reply_free(&reply);
}

static void assert_not_sent(const struct azd_http_client_request *request, int code, const char *says) {
  struct azd_error error;
  assert_int_equal(azd_http_send(client, request, take_reply, NULL, NULL, &error), code);
  if (!strstr(error.text, says)) fail_msg("\"%s\" does not say \"%s\"", error.text, says);
}

static void urls_that_are_not_plain_http_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *url, *says;
  } cases[] = {
      {"file:///etc/passwd", "only http and https"},
      {"ftp://host/", "only http and https"},
      {"/relative", "not a URL"},
      {"http://user:pw@host/", "a user name"},
      {"http://host/a b", "spaces or control"},
      {"http://host/\r\nX: y", "spaces or control"},
      {"http://host/#part", "fragment"},
      {"", "not a URL"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_not_sent(&(struct azd_http_client_request){.method = "GET", .url = azd_str_of(cases[i].url)}, AZD_EINVAL,
                    cases[i].says);
}

static void headers_cannot_smuggle(void **state) {
  (void)state;
  static const struct {
    const char *name, *value;
    int code;
  } cases[] = {{"X", "a\r\nY: b", AZD_EINVAL},
               {"X\r\nY", "a", AZD_EINVAL},
               {"", "a", AZD_EINVAL},
               {"Authorization", "Bearer x", AZD_EDENIED},
               {"authorization", "x", AZD_EDENIED},
               {"Host", "evil", AZD_EDENIED},
               {"Transfer-Encoding", "chunked", AZD_EDENIED}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct azd_http_header header = {azd_str_of(cases[i].name), azd_str_of(cases[i].value)};
    assert_not_sent(
        &(struct azd_http_client_request){.method = "GET", .url = url("/hello"), .headers = &header, .header_count = 1},
        cases[i].code, "header");
  }
}

static void a_token_never_leaves_for_a_host_other_than_its_own(void **state) {
  (void)state;
  struct azd_http_credential *credential;
  struct azd_error error;
  assert_int_equal(azd_http_credential_new(&credential, url("/"), NULL), 0);
  struct azd_http_client_request request = {.method = "GET", .url = url("/request"), .credential = credential};
  assert_not_sent(&request, AZD_EDENIED, "was not set");
  assert_int_equal(azd_http_credential_set(credential, AZD_STR("Bearer secret\r\nX: y"), &error), AZD_EINVAL);
  assert_int_equal(azd_http_credential_set(credential, AZD_STR("Bearer secret"), NULL), 0);
  struct azd_http_reply reply = ask(&request);
  azd_buf_append_char(&reply.body, 0);
  assert_non_null(strstr(reply.body.data, "\r\nAuthorization: Bearer secret\r\n"));
  azd_http_reply_free(&reply);

  char others[5][64];
  int port = http_peer_port(peer);
  snprintf(others[0], 64, "http://localhost:%d/request", port);
  snprintf(others[1], 64, "http://127.0.0.1:%d/request", port + 1);
  snprintf(others[2], 64, "https://127.0.0.1:%d/request", port);
  snprintf(others[3], 64, "http://127.0.0.1.evil.example:%d/request", port);
  snprintf(others[4], 64, "http://127.0.0.1/request");
  for (size_t i = 0; i < 5; i++) {
    request.url = azd_str_of(others[i]);
    assert_not_sent(&request, AZD_EDENIED, "does not go to");
  }
  azd_http_credential_free(credential);
  assert_int_equal(azd_http_credential_new(&credential, AZD_STR("http://management.example/"), &error), AZD_EDENIED);
  assert_non_null(strstr(error.text, "loopback only"));
}

static char *owned(const char *text) {
  return text ? strdup(text) : NULL;
}

static void only_what_a_rule_allows_is_sent(void **state) {
  (void)state;
  char origin[AZD_HTTP_ORIGIN_BYTES];
  assert_int_equal(azd_http_origin_of(url("/"), origin, NULL), 0);
  struct azd_http_rule rules[] = {
      {"GET", owned(origin), NULL},
      {"POST", owned(origin), owned("/*/oauth2/v2.0/token")},
      {"POST", owned(origin), owned("/batch/**")},
  };
  reopen_client(&(struct azd_http_client_options){.rules = rules, .rule_count = 3});
  static const struct {
    const char *method, *path;
    bool is_allowed;
  } cases[] = {
      {"GET", "/anything?at=all", true},
      {"POST", "/tenant/oauth2/v2.0/token", true},
      {"POST", "/Tenant/OAuth2/v2.0/Token?x=y", true},
      {"POST", "/batch/a/b", true},
      {"POST", "/oauth2/v2.0/token", false},
      {"POST", "/a/b/oauth2/v2.0/token", false},
      {"POST", "/tenant/oauth2/v2.0/token/more", false},
      {"POST", "/%2e%2e/oauth2/v2.0/token", false},
      {"POST", "/batch/../vaults", false},
      {"POST", "/batch/%2E%2e/vaults", false},
      {"POST", "/batch/a%2fb", false},
      {"POST", "/batch//a", false},
      {"POST", "/batch/a\\b", false},
      {"PUT", "/tenant/oauth2/v2.0/token", false},
      {"DELETE", "/anything", false},
      {"get", "/anything", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct azd_error error;
    struct azd_http_exchange *exchange;
    struct azd_http_client_request request = {.method = cases[i].method, .url = url(cases[i].path)};
    int code = azd_http_send(client, &request, take_reply, NULL, &exchange, &error);
    if (code != (cases[i].is_allowed ? 0 : AZD_EDENIED)) fail_msg("%s %s: %d", cases[i].method, cases[i].path, code);
    if (!code) azd_http_abort(exchange);
  }
  struct azd_http_client_request elsewhere = {.method = "GET", .url = AZD_STR("http://127.0.0.1:1/")};
  assert_not_sent(&elsewhere, AZD_EDENIED, "no rule allows it");
}

static void an_aborted_exchange_is_silent_and_frees_its_place(void **state) {
  (void)state;
  reopen_client(&(struct azd_http_client_options){.max_connections = 1});
  struct azd_http_exchange *active, *queued;
  struct azd_http_client_request silent = {.method = "GET", .url = url("/silent")};
  replies_wanted = 1000, replies_seen = 0;
  assert_int_equal(azd_http_send(client, &silent, take_reply, NULL, &active, NULL), 0);
  assert_int_equal(azd_http_send(client, &silent, take_reply, NULL, &queued, NULL), 0);
  azd_http_abort(queued);
  azd_http_abort(active);
  struct azd_http_reply reply = get("/hello");
  assert_body(&reply, hello);
  azd_http_reply_free(&reply);
  assert_int_equal(replies_seen, 1);
  assert_int_equal(azd_http_client_stats(client)->aborted, 2);
}

static void free_client(struct azd_http_reply *reply, void *arg) {
  (void)arg;
  assert_int_equal(reply->status, 200);
  azd_http_client_free(client);
  client = NULL;
  azd_loop_stop(loop);
}

static void a_client_may_be_freed_from_within_a_reply(void **state) {
  (void)state;
  struct azd_http_client_request request = {.method = "GET", .url = url("/hello")};
  assert_int_equal(azd_http_send(client, &request, free_client, NULL, NULL, NULL), 0);
  request.url = url("/silent");
  assert_int_equal(azd_http_send(client, &request, take_reply, NULL, NULL, NULL), 0);
  azd_loop_run(loop);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_body_arrives_with_length_and_in_chunks),
      TEST(connections_are_kept_alive),
      TEST(requests_beyond_the_connections_wait_and_none_is_lost),
      TEST(headers_come_in_lower_case_without_those_of_interim_answers),
      TEST(a_request_is_sent_as_it_was_given),
      TEST(redirects_are_handed_on_and_not_followed),
      TEST(an_error_status_is_a_reply),
      TEST(answers_that_break_off_are_failures_that_say_how),
      TEST(a_host_that_is_not_there_is_told_from_one_that_does_not_answer),
      TEST(plain_http_behind_https_is_a_tls_failure),
      TEST(the_deadline_holds_in_every_phase),
      TEST(the_size_of_a_body_is_capped),
      TEST(the_size_of_a_header_is_capped),
      TEST(a_compressed_body_is_handed_on_and_inflates_within_a_bound),
      TEST(a_compression_bomb_stops_at_the_bound),
      TEST(urls_that_are_not_plain_http_are_refused),
      TEST(headers_cannot_smuggle),
      TEST(a_token_never_leaves_for_a_host_other_than_its_own),
      TEST(only_what_a_rule_allows_is_sent),
      TEST(an_aborted_exchange_is_silent_and_frees_its_place),
      TEST(a_client_may_be_freed_from_within_a_reply),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
