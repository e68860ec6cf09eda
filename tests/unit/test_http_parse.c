/* cmocka.h wants these first. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "support/http_reading.h"

#define GET  "GET /x HTTP/1.1\r\n"
#define POST "POST /p HTTP/1.1\r\n"
#define HOST "Host: a\r\n"

/* Reads the bytes whole, byte by byte and in random cuts; all must agree. The caller frees the reading. */
static struct reading read_all_ways(const char *data, size_t size) {
  struct reading whole, other;
  reading_of(&whole, data, size, reading_cut_none, NULL);
  uint32_t seed = 7;
  reading_cut *const cuts[] = {reading_cut_each_byte, reading_cut_random, reading_cut_random};
  for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
    reading_of(&other, data, size, cuts[i], &seed);
    if (!reading_equal(&whole, &other)) fail_msg("another reading in other cuts: %.*s", (int)size, data);
    reading_free(&other);
  }
  return whole;
}

static void is_refused(const char *data, size_t size, int status) {
  struct reading r = read_all_ways(data, size);
  if (r.step != AZD_HTTP_REFUSED || r.status != status)
    fail_msg("wanted %d, got step %d status %d (%s) for: %.*s", status, r.step, r.status, r.reason,
             (int)(size < 300 ? size : 300), data);
  assert_true(strlen(r.reason) > 0);
  reading_free(&r);
}

static void is_taken(const char *data, size_t size, const char *path, const char *query, const char *host,
                     const char *body) {
  struct reading r = read_all_ways(data, size);
  if (r.step != AZD_HTTP_DONE) fail_msg("step %d: %d %s for: %.*s", r.step, r.status, r.reason, (int)size, data);
  assert_true(azd_str_equal(azd_http_head_path(&r.head, data), azd_str_of(path)));
  assert_int_equal(r.head.has_query, query != NULL);
  if (query != NULL) assert_true(azd_str_equal(azd_http_head_str(data, r.head.query), azd_str_of(query)));
  assert_true(azd_str_equal(azd_http_head_str(data, r.head.host), azd_str_of(host)));
  assert_true(azd_str_equal(azd_buf_str(&r.body), azd_str_of(body)));
  assert_int_equal(r.consumed, size);
  reading_free(&r);
}

#define REFUSED(status, text)                is_refused(text, sizeof(text) - 1, status)
#define TAKEN(text, path, query, host, body) is_taken(text, sizeof(text) - 1, path, query, host, body)

static void a_request_line_is_read_or_refused(void **state) {
  (void)state;
  TAKEN(GET HOST "\r\n", "/x", NULL, "a", "");
  TAKEN("\r\n\r\n" GET HOST "\r\n", "/x", NULL, "a", "");
  TAKEN("GET /x?a=b?c HTTP/1.1\r\n" HOST "\r\n", "/x", "a=b?c", "a", "");
  TAKEN("GET /? HTTP/1.1\r\n" HOST "\r\n", "/", "", "a", "");
  REFUSED(400, "\r\n\r\n\r\n" GET HOST "\r\n");
  REFUSED(400, "\n" GET HOST "\r\n");
  REFUSED(400, "GET /x\r\n\r\n"); /* HTTP/0.9 */
  REFUSED(400, "GET  /x HTTP/1.1\r\n");
  REFUSED(400, "GET /x y HTTP/1.1\r\n");
  REFUSED(400, "GET\t/x HTTP/1.1\r\n");
  REFUSED(400, "GET /x HTTP/1.1 \r\n");
  REFUSED(400, "GET /x HTTP/1.1\n");
  REFUSED(400, "GET /x HTTP/1.1\rHost: a\r\r");
  REFUSED(400, "GET /\0 HTTP/1.1\r\n");
  REFUSED(400, "GET /\xff HTTP/1.1\r\n");
  REFUSED(400, "GET /x#f HTTP/1.1\r\n");
  REFUSED(400, "GET x HTTP/1.1\r\n");
  REFUSED(400, "G@T /x HTTP/1.1\r\n");
  REFUSED(400, "\x16\x03\x01"); /* a TLS hello */
}

static void versions_other_than_1_0_and_1_1_are_refused(void **state) {
  (void)state;
  REFUSED(505, "GET /x HTTP/2.0\r\n");
  REFUSED(505, "GET /x HTTP/1.2\r\n");
  REFUSED(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  REFUSED(400, "GET /x http/1.1\r\n");
  REFUSED(400, "GET /x HTTP/01.1\r\n");
  REFUSED(400, "GET /x HTTP/1.1.1\r\n");
  REFUSED(400, "GET /x HTTP/ 1.1\r\n");
  TAKEN("GET /x HTTP/1.0\r\n\r\n", "/x", NULL, "", "");
}

static void a_url_as_target_names_path_and_host(void **state) {
  (void)state;
  TAKEN("GET http://b:80/x?q HTTP/1.1\r\n" HOST "\r\n", "/x", "q", "b:80", "");
  TAKEN("GET HTTPS://b HTTP/1.1\r\n" HOST "\r\n", "/", NULL, "b", "");
  TAKEN("GET http://h?q HTTP/1.1\r\n" HOST "\r\n", "/", "q", "h", "");
  TAKEN("GET http://[::1]:8080/ HTTP/1.1\r\n" HOST "\r\n", "/", NULL, "[::1]:8080", "");
  TAKEN("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "*", NULL, "a", "");
  TAKEN("OPTIONS http://b HTTP/1.1\r\n" HOST "\r\n", "*", NULL, "b", "");
  TAKEN("OPTIONS http://b? HTTP/1.1\r\n" HOST "\r\n", "/", "", "b", "");
  REFUSED(400, "GET * HTTP/1.1\r\n");
  REFUSED(400, "GET ftp://a/x HTTP/1.1\r\n");
  REFUSED(400, "GET a:80 HTTP/1.1\r\n");
  REFUSED(400, "GET http:///x HTTP/1.1\r\n");
  REFUSED(400, "GET http://user@a/x HTTP/1.1\r\n");
  REFUSED(400, "GET http://[::1/x HTTP/1.1\r\n");
  REFUSED(501, "CONNECT a:80 HTTP/1.1\r\n");
}

static void host_is_there_once_and_right(void **state) {
  (void)state;
  REFUSED(400, GET "\r\n");
  REFUSED(400, GET HOST "Host: b\r\n\r\n");
  REFUSED(400, GET "Host: a b\r\n\r\n");
  REFUSED(400, GET "Host: a,b\r\n\r\n");
  REFUSED(400, GET "Host: a/b\r\n\r\n");
  REFUSED(400, GET "Host: u@a\r\n\r\n");
  REFUSED(400, GET "Host: a:b\r\n\r\n");
  REFUSED(400, GET "Host: []\r\n\r\n");
  TAKEN(GET "Host:\r\n\r\n", "/x", NULL, "", "");
  TAKEN(GET "Host: a:\r\n\r\n", "/x", NULL, "a:", "");
  TAKEN(GET "Host:\t[fe80::1]:1 \t\r\n\r\n", "/x", NULL, "[fe80::1]:1", "");
  /* RFC 9112 3.2: a URL as target does not excuse a missing Host. */
  REFUSED(400, "GET http://a/ HTTP/1.1\r\n\r\n");
}

static void fields_are_strict(void **state) {
  (void)state;
  REFUSED(400, GET HOST "X : 1\r\n\r\n");
  REFUSED(400, GET HOST "X: 1\r\n 2\r\n\r\n");
  REFUSED(400, GET " Host: a\r\n\r\n");
  REFUSED(400, GET HOST "X: a\rb\r\n\r\n");
  REFUSED(400, GET HOST "X: a\nb\r\n\r\n");
  REFUSED(400, GET HOST "X: a\0b\r\n\r\n");
  REFUSED(400, GET HOST "X: a\x01\r\n\r\n");
  REFUSED(400, GET HOST "X: a\x7f\r\n\r\n");
  REFUSED(400, GET HOST "X\0: a\r\n\r\n");
  REFUSED(400, GET HOST "X\x7f: a\r\n\r\n");
  REFUSED(400, GET HOST "A,B: a\r\n\r\n");
  REFUSED(400, GET HOST ": a\r\n\r\n");
  REFUSED(400, GET HOST "Xfoo\r\n\r\n");
  REFUSED(400, GET HOST "\rX");
  static const char text[] = GET HOST "A:\r\nB: \t \r\nC: x \t y \xe9 \r\n\r\n";
  struct reading r = read_all_ways(text, sizeof text - 1);
  assert_int_equal(r.head.n_fields, 4);
  struct azd_str value;
  assert_true(azd_http_head_field(&r.head, text, AZD_STR("a"), &value));
  assert_int_equal(value.size, 0);
  assert_true(azd_http_head_field(&r.head, text, AZD_STR("b"), &value));
  assert_int_equal(value.size, 0);
  assert_true(azd_http_head_field(&r.head, text, AZD_STR("c"), &value));
  assert_true(azd_str_equal(value, AZD_STR("x \t y \xe9")));
  assert_false(azd_http_head_field(&r.head, text, AZD_STR("d"), &value));
  reading_free(&r);
}

static void a_body_has_one_length_or_is_chunked(void **state) {
  (void)state;
  TAKEN(POST HOST "Content-Length: 3\r\n\r\nabc", "/p", NULL, "a", "abc");
  TAKEN(POST HOST "Content-Length:\t3\t \r\n\r\nabc", "/p", NULL, "a", "abc");
  TAKEN(POST HOST "Content-Length: 0\r\n\r\n", "/p", NULL, "a", "");
  TAKEN("HEAD /p HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", "/p", NULL, "a", "abc");
  REFUSED(400, POST HOST "Content-Length: +3\r\n\r\nabc");
  REFUSED(400, POST HOST "Content-Length: -0\r\n\r\n");
  REFUSED(400, POST HOST "Content-Length: 0x3\r\n\r\nabc");
  REFUSED(400, POST HOST "Content-Length: 3, 3\r\n\r\nabc");
  REFUSED(400, POST HOST "Content-Length:\r\n\r\nabc");
  REFUSED(400, POST HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc");
  REFUSED(413, POST HOST "Content-Length: 18446744073709551619\r\n\r\nabc");
  REFUSED(400, POST HOST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  REFUSED(400, POST HOST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n");
  REFUSED(400, POST HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  REFUSED(400, "POST /p HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  REFUSED(501, POST HOST "Transfer-Encoding: identity\r\n\r\n");
  REFUSED(501, POST HOST "Transfer-Encoding: gzip, chunked\r\n\r\n");
  REFUSED(501, POST HOST "Transfer-Encoding: \"chunked\"\r\n\r\n");
  REFUSED(400, POST HOST "Transfer-Encoding: \vchunked\r\n\r\n");
}

#define CHUNKED POST HOST "Transfer-Encoding: CHUNKED\r\n\r\n"

static void chunks_are_strict(void **state) {
  (void)state;
  TAKEN(CHUNKED "3\r\nabc\r\n00A;x=\"y;z\"\r\n0123456789\r\n0\r\n\r\n", "/p", NULL, "a", "abc0123456789");
  TAKEN(CHUNKED "0;last\r\nX-T: dropped\r\nContent-Length: 50\r\n\r\n", "/p", NULL, "a", "");
  REFUSED(400, CHUNKED "\r\n3\r\nabc\r\n0\r\n\r\n");
  REFUSED(400, CHUNKED "0x3\r\nabc\r\n0\r\n\r\n");
  REFUSED(400, CHUNKED "+3\r\nabc\r\n");
  REFUSED(400, CHUNKED " 3\r\nabc\r\n");
  REFUSED(400, CHUNKED "3 junk\r\nabc\r\n");
  REFUSED(400, CHUNKED "g\r\nabc\r\n");
  REFUSED(400, CHUNKED "3\nabc\r\n");
  REFUSED(400, CHUNKED "3;a\nX\r\nabc\r\n");
  REFUSED(400, CHUNKED "3;\r\nabc\r\n");
  REFUSED(400, CHUNKED "3;a\0\r\nabc\r\n");
  REFUSED(400, CHUNKED "3\r\nabc0\r\n\r\n");
  REFUSED(400, CHUNKED "3\r\nabcdef\r\n0\r\n\r\n");
  REFUSED(400, CHUNKED "10000000000000003\r\nabc");
  REFUSED(400, CHUNKED "0\r\nX : y\r\n\r\n");
  REFUSED(400, CHUNKED "0\r\n folded\r\n\r\n");
  REFUSED(400, CHUNKED "0\r\nX: \0\r\n\r\n");
}

/* Text with a run of `c` in the middle. */
static void run_of(struct azd_buf *buf, const char *before, char c, size_t times, const char *after) {
  azd_buf_clear(buf);
  azd_buf_append_text(buf, before);
  for (size_t i = 0; i < times; i++) azd_buf_append_char(buf, c);
  azd_buf_append_text(buf, after);
}

static void is_at_the_limit(const struct azd_buf *buf) {
  struct reading r = read_all_ways(buf->data, buf->size);
  if (r.step != AZD_HTTP_DONE) fail_msg("refused at the limit: %d %s", r.status, r.reason);
  reading_free(&r);
}

static void each_limit_has_its_status(void **state) {
  (void)state;
  struct azd_buf buf;
  azd_buf_init(&buf, 0);
  run_of(&buf, "", 'M', AZD_HTTP_METHOD_BYTES, " / HTTP/1.0\r\n\r\n");
  is_at_the_limit(&buf);
  run_of(&buf, "", 'M', AZD_HTTP_METHOD_BYTES + 1, " / HTTP/1.0\r\n\r\n");
  is_refused(buf.data, buf.size, 501);
  run_of(&buf, "GET /", 'y', AZD_HTTP_TARGET_BYTES - 1, " HTTP/1.0\r\n\r\n");
  is_at_the_limit(&buf);
  run_of(&buf, "GET /", 'y', AZD_HTTP_TARGET_BYTES, " HTTP/1.0\r\n\r\n");
  is_refused(buf.data, buf.size, 414);
  const size_t frame = strlen(GET HOST "X: \r\n\r\n");
  run_of(&buf, GET HOST "X: ", 'y', AZD_HTTP_HEAD_BYTES - frame, "\r\n\r\n");
  is_at_the_limit(&buf);
  run_of(&buf, GET HOST "X: ", 'y', AZD_HTTP_HEAD_BYTES - frame + 1, "\r\n\r\n");
  is_refused(buf.data, buf.size, 431);
  run_of(&buf, GET HOST, 'N', AZD_HTTP_HEAD_BYTES, "");
  is_refused(buf.data, buf.size, 431);

  for (int extra = 0; extra < 2; extra++) {
    run_of(&buf, GET HOST, 'y', 0, "");
    for (int i = 1; i < AZD_HTTP_FIELDS + extra; i++) azd_buf_append_text(&buf, "A: b\r\n");
    azd_buf_append_text(&buf, "\r\n");
    if (extra == 0)
      is_at_the_limit(&buf);
    else
      is_refused(buf.data, buf.size, 431);
  }

  run_of(&buf, POST HOST "Content-Length: ", '0', AZD_HTTP_LENGTH_DIGITS, "\r\n\r\n");
  is_at_the_limit(&buf);
  run_of(&buf, POST HOST "Content-Length: ", '0', AZD_HTTP_LENGTH_DIGITS + 1, "\r\n\r\n");
  is_refused(buf.data, buf.size, 413);
  azd_buf_free(&buf);
}

static void each_limit_of_a_body_has_its_status(void **state) {
  (void)state;
  struct azd_buf buf;
  azd_buf_init(&buf, 0);
  run_of(&buf, CHUNKED, '0', AZD_HTTP_CHUNK_DIGITS, "\r\n\r\n");
  is_at_the_limit(&buf);
  run_of(&buf, CHUNKED, '0', AZD_HTTP_CHUNK_DIGITS + 1, "\r\n\r\n");
  is_refused(buf.data, buf.size, 400);
  run_of(&buf, CHUNKED "0;", 'e', AZD_HTTP_CHUNK_LINE_BYTES - 4, "\r\n\r\n");
  is_at_the_limit(&buf);
  run_of(&buf, CHUNKED "0;", 'e', AZD_HTTP_CHUNK_LINE_BYTES - 3, "\r\n\r\n");
  is_refused(buf.data, buf.size, 400);
  run_of(&buf, CHUNKED "0\r\nX:", 't', AZD_HTTP_TRAILER_BYTES - 6, "\r\n\r\n");
  is_at_the_limit(&buf);
  run_of(&buf, CHUNKED "0\r\nX:", 't', AZD_HTTP_TRAILER_BYTES - 5, "\r\n\r\n");
  is_refused(buf.data, buf.size, 431);
  REFUSED(413, POST HOST "Content-Length: 100001\r\n\r\n");
  REFUSED(413, CHUNKED "186A1\r\n");
  REFUSED(413, CHUNKED "1\r\na\r\n186A0\r\n");
  azd_buf_free(&buf);
}

static void head_says(const char *text, bool keep_alive, bool expect_continue) {
  struct reading r = read_all_ways(text, strlen(text));
  assert_int_not_equal(r.step, AZD_HTTP_REFUSED);
  assert_int_equal(r.head.keep_alive, keep_alive);
  assert_int_equal(r.head.expect_continue, expect_continue);
  reading_free(&r);
}

static void connection_and_expect_are_understood(void **state) {
  (void)state;
  head_says(GET HOST "\r\n", true, false);
  head_says(GET HOST "Connection: close\r\n\r\n", false, false);
  head_says(GET HOST "Connection: foo,\t, CLOSE \r\n\r\n", false, false);
  head_says(GET HOST "Connection: closed, x-close\r\n\r\n", true, false);
  head_says(GET HOST "Connection: keep-alive\r\nConnection: close\r\n\r\n", false, false);
  head_says("GET / HTTP/1.0\r\n\r\n", false, false);
  head_says("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true, false);
  head_says(POST HOST "Content-Length: 3\r\nExpect: 100-Continue\r\n\r\n", true, true);
  head_says("POST /p HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n", false, false);
  REFUSED(417, POST HOST "Expect: 200-ok\r\n\r\n");
}

static void what_follows_a_request_is_left_alone(void **state) {
  (void)state;
  static const char text[] = POST HOST "Content-Length: 3\r\n\r\nabc" GET HOST "\r\n";
  struct reading r = read_all_ways(text, sizeof text - 1);
  assert_int_equal(r.step, AZD_HTTP_DONE);
  assert_int_equal(r.consumed, sizeof text - 1 - strlen(GET HOST "\r\n"));
  reading_free(&r);
}

/* A prefix of a right request is never refused: a slow client is only slow. */
static void every_prefix_of_a_right_request_waits(void **state) {
  (void)state;
  static const char text[] = "\r\n" CHUNKED "3;a\r\nabc\r\n0\r\nX: y\r\n\r\n";
  for (size_t n = 1; n < sizeof text - 1; n++) {
    struct reading r;
    reading_of(&r, text, n, reading_cut_none, NULL);
    assert_int_equal(r.step, AZD_HTTP_MORE);
    reading_free(&r);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request_line_is_read_or_refused),
      cmocka_unit_test(versions_other_than_1_0_and_1_1_are_refused),
      cmocka_unit_test(a_url_as_target_names_path_and_host),
      cmocka_unit_test(host_is_there_once_and_right),
      cmocka_unit_test(fields_are_strict),
      cmocka_unit_test(a_body_has_one_length_or_is_chunked),
      cmocka_unit_test(chunks_are_strict),
      cmocka_unit_test(each_limit_has_its_status),
      cmocka_unit_test(each_limit_of_a_body_has_its_status),
      cmocka_unit_test(connection_and_expect_are_understood),
      cmocka_unit_test(what_follows_a_request_is_left_alone),
      cmocka_unit_test(every_prefix_of_a_right_request_waits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
