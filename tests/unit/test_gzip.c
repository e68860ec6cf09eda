/* Which replies go compressed, to whom, and that they read back as what was meant. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "net/gzip.h"
#include "support/http_bench.h"

#include <zlib.h>

#define HOST "Host: a\r\nConnection: close\r\n"

enum { BODY_BYTES = 5000, PIECES = 40 };

static char BODY[BODY_BYTES];

/* What a reader makes of it. */
static void inflate_all(struct azd_str packed, struct azd_buf *out) {
  z_stream stream = {0};
  assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = (Bytef *)(uintptr_t)packed.data;
  stream.avail_in = (uInt)packed.size;
  int rc;
  do {
    char *at = azd_buf_reserve(out, 65536);
    stream.next_out = (Bytef *)at;
    stream.avail_out = 65536;
    rc = inflate(&stream, Z_NO_FLUSH);
    assert_true(rc == Z_OK || rc == Z_STREAM_END);
    out->size += 65536 - stream.avail_out;
  } while (rc != Z_STREAM_END);
  assert_int_equal(stream.avail_in, 0);
  inflateEnd(&stream);
}

static int on_request(struct azd_http_request *request, void *arg) {
  (void)arg;
  const struct azd_str path = azd_http_request_path(request);
  struct azd_http_pair fields[] = {{AZD_STR("Content-Type"), AZD_STR("application/json; charset=utf-8")},
                                   {AZD_STR("Content-Encoding"), AZD_STR("br")}};
  if (azd_str_equal(path, AZD_STR("/image"))) fields[0].value = AZD_STR("image/png");
  if (azd_str_equal(path, AZD_STR("/stream"))) {
    assert_int_equal(azd_http_reply_start(request, 200, fields, 1, -1), 0);
    for (int i = 0; i < PIECES; i++)
      assert_int_equal(azd_http_reply_write(request, (struct azd_str){BODY, BODY_BYTES}), 0);
    azd_http_reply_end(request);
    return 0;
  }
  const size_t size = azd_str_equal(path, AZD_STR("/small")) ? 100 : BODY_BYTES;
  return azd_http_reply(request, 200, fields, azd_str_equal(path, AZD_STR("/packed")) ? 2 : 1,
                        (struct azd_str){BODY, size});
}

static int open_bench(void **state) {
  struct bench *bench = calloc(1, sizeof *bench);
  bench->options.on_request = on_request;
  bench->options.limits = azd_http_limits_default();
  *state = bench;
  bench_open(bench);
  return 0;
}

static int close_bench(void **state) {
  bench_close(*state);
  free(*state);
  return 0;
}

static struct azd_str body_of(const struct azd_buf *got) {
  const char *at = memmem(got->data, got->size, "\r\n\r\n", 4);
  assert_non_null(at);
  at += 4;
  return (struct azd_str){at, got->size - (size_t)(at - got->data)};
}

static void ask(struct bench *bench, const char *request, struct azd_buf *got) {
  azd_buf_init(got, 0);
  const int fd = client_open(bench);
  client_send(fd, request);
  assert_true(client_read_all(fd, got));
  close(fd);
}

static void a_reply_goes_compressed_to_who_takes_it(void **state) {
  struct azd_buf got, body;
  azd_buf_init(&body, 0);
  ask(*state, "GET /json HTTP/1.1\r\nAccept-Encoding: br;q=1.0, gzip;q=0.8\r\n" HOST "\r\n", &got);
  assert_true(buf_has(&got, "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n"));
  assert_true(got.size < 1000);
  inflate_all(body_of(&got), &body);
  assert_int_equal(body.size, BODY_BYTES);
  assert_memory_equal(body.data, BODY, BODY_BYTES);
  azd_buf_free(&got);
  ask(*state, "GET /json HTTP/1.1\r\n" HOST "\r\n", &got); /* the same for a cache, though not compressed */
  assert_false(buf_has(&got, "Content-Encoding"));
  assert_true(buf_has(&got, "Vary: Accept-Encoding\r\n"));
  assert_int_equal(body_of(&got).size, BODY_BYTES);
  azd_buf_free(&got);
  ask(*state, "HEAD /json HTTP/1.1\r\nAccept-Encoding: gzip\r\n" HOST "\r\n", &got);
  assert_true(buf_has(&got, "Content-Encoding: gzip\r\n"));
  assert_int_equal(body_of(&got).size, 0);
  azd_buf_free(&got);
  azd_buf_free(&body);
}

static void what_is_small_packed_already_or_an_image_stays_as_it_is(void **state) {
  static const char *const PATHS[] = {"small", "packed", "image"};
  for (size_t i = 0; i < 3; i++) {
    struct azd_buf got;
    char request[200];
    snprintf(request, sizeof request, "GET /%s HTTP/1.1\r\nAccept-Encoding: gzip\r\n" HOST "\r\n", PATHS[i]);
    ask(*state, request, &got);
    assert_false(buf_has(&got, "gzip"));
    assert_false(buf_has(&got, "Vary"));
    azd_buf_free(&got);
  }
}

static void a_stream_is_compressed_a_piece_at_a_time(void **state) {
  struct azd_buf got, packed, body;
  azd_buf_init(&packed, 0);
  azd_buf_init(&body, 0);
  ask(*state, "GET /stream HTTP/1.1\r\nAccept-Encoding: gzip\r\n" HOST "\r\n", &got);
  assert_true(buf_has(&got, "Content-Encoding: gzip\r\n"));
  const char *at = body_of(&got).data;
  for (unsigned long n; (n = strtoul(at, NULL, 16)) > 0; at += n + 2) { /* chunks */
    at = (const char *)memmem(at, 20, "\r\n", 2) + 2;
    azd_buf_append(&packed, at, n);
  }
  inflate_all(azd_buf_str(&packed), &body);
  assert_int_equal(body.size, PIECES * BODY_BYTES);
  assert_true(packed.size < body.size / 10);
  azd_buf_free(&got);
  azd_buf_free(&packed);
  azd_buf_free(&body);
}

static void weights_of_accept_encoding_are_heeded(void **state) {
  (void)state;
  static const char *const TAKEN[] = {"gzip",  "deflate, gzip",     "GZIP;q=1",       "x-gzip",
                                      "*",     "br , gzip ; q=0.1", "gzip;q=0.001",   "*;q=0, gzip",
                                      "*;q=1", "gzip;x=y",          "identity,*;q=.5"};
  static const char *const REFUSED[] = {"", "br", "gzip;q=0", "gzip; q=0.000", "*;q=0", "gzip;q=0, *", "gzipped", ",,"};
  for (size_t i = 0; i < sizeof TAKEN / sizeof *TAKEN; i++)
    if (!azd_gzip_is_accepted(azd_str_of(TAKEN[i]))) fail_msg("refused: %s", TAKEN[i]);
  for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++)
    if (azd_gzip_is_accepted(azd_str_of(REFUSED[i]))) fail_msg("taken: %s", REFUSED[i]);
  assert_true(azd_gzip_is_worth_it(AZD_STR("application/problem+json")));
  assert_true(azd_gzip_is_worth_it(AZD_STR("text/html; charset=utf-8")));
  assert_false(azd_gzip_is_worth_it(AZD_STR("text/event-stream")));
  assert_false(azd_gzip_is_worth_it(AZD_STR("application/octet-stream")));
}

int main(void) {
  for (size_t i = 0; i < BODY_BYTES; i++) BODY[i] = "{\"name\": \"value\"}, "[i % 19];
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_reply_goes_compressed_to_who_takes_it, open_bench, close_bench),
      cmocka_unit_test_setup_teardown(what_is_small_packed_already_or_an_image_stays_as_it_is, open_bench, close_bench),
      cmocka_unit_test_setup_teardown(a_stream_is_compressed_a_piece_at_a_time, open_bench, close_bench),
      cmocka_unit_test(weights_of_accept_encoding_are_heeded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
