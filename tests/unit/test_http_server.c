/* cmocka.h wants these first. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "support/http_bench.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define HOST "Host: a\r\n"

enum { STREAM_BYTES = 32 << 20, PIECE_BYTES = 100000 };

static char PIECE[PIECE_BYTES];

/* ---- the handler ----------------------------------------------------------------------------------------------- */

static void count_gone(void *arg) {
  ((struct bench *)arg)->n_gone++;
}

static void stream_on(void *arg) {
  struct bench *bench = arg;
  while (bench->left > 0) {
    if (azd_http_reply_is_full(bench->held)) {
      azd_http_reply_on_drained(bench->held, stream_on, bench);
      return;
    }
    const size_t n = bench->left < PIECE_BYTES ? bench->left : PIECE_BYTES;
    if (azd_http_reply_write(bench->held, (struct azd_str){PIECE, n}) != 0) {
      bench->n_gone++;
      break;
    }
    bench->left -= n;
  }
  azd_http_reply_end(bench->held);
  bench->held = NULL;
}

static int echo(struct azd_http_request *request) {
  struct azd_buf body;
  azd_buf_init(&body, 0);
  azd_buf_append_str(&body, azd_http_request_method(request));
  azd_buf_append_char(&body, ' ');
  azd_buf_append_str(&body, azd_http_request_path(request));
  struct azd_str query;
  if (azd_http_request_query(request, &query)) azd_buf_printf(&body, " ?%.*s", AZD_STR_FORMAT(query));
  azd_buf_printf(&body, " <%.*s>", AZD_STR_FORMAT(azd_http_request_body(request)));
  const int rc = azd_http_reply(request, 200, NULL, 0, azd_buf_str(&body));
  azd_buf_free(&body);
  return rc;
}

static int on_request(struct azd_http_request *request, void *arg) {
  struct bench *bench = arg;
  const struct azd_str path = azd_http_request_path(request);
  const bool is_stream = azd_str_equal(path, AZD_STR("/stream"));
  if (is_stream || azd_str_equal(path, AZD_STR("/length")) || azd_str_equal(path, AZD_STR("/short"))) {
    bench->held = request;
    bench->left = azd_str_equal(path, AZD_STR("/short")) ? 1000 : STREAM_BYTES;
    assert_int_equal(azd_http_reply_start(request, 200, NULL, 0, is_stream ? -1 : STREAM_BYTES), 0);
    stream_on(bench);
    return 0;
  }
  if (azd_str_equal(path, AZD_STR("/free"))) {
    azd_http_server_free(bench->server);
    bench->server = NULL;
    return echo(request); /* goes nowhere */
  }
  if (azd_str_equal(path, AZD_STR("/hold"))) {
    bench->held = request;
    azd_http_request_on_gone(request, count_gone, bench);
    return 0;
  }
  if (azd_str_equal(path, AZD_STR("/split"))) {
    const struct azd_http_pair field = {AZD_STR("X"), AZD_STR("a\r\nSet-Cookie: b")};
    return azd_http_reply(request, 200, &field, 1, AZD_STR(""));
  }
  if (azd_str_equal(path, AZD_STR("/cut")) || azd_str_equal(path, AZD_STR("/reset"))) {
    azd_http_reply_start(request, 200, NULL, 0, 100);
    azd_http_reply_write(request, AZD_STR("0123456789"));
    azd_http_reply_abort(request, path.size == 4 ? AZD_HTTP_ABORT_CLOSE : AZD_HTTP_ABORT_RESET);
    return 0;
  }
  if (azd_str_equal(path, AZD_STR("/nothing"))) return azd_http_reply(request, 204, NULL, 0, AZD_STR("dropped"));
  return echo(request);
}

static void end_held(struct bench *bench, void *arg) {
  (void)arg;
  assert_non_null(bench->held);
  echo(bench->held);
  bench->held = NULL;
}

static void see_held(struct bench *bench, void *arg) {
  *(bool *)arg = bench->held != NULL;
}
static void see_gone(struct bench *bench, void *arg) {
  *(int *)arg = bench->n_gone;
}

/* Waits for a state that the server reaches by itself; the test's own time limit ends a wait for ever. */
static void await_held(struct bench *bench) {
  bool held = false;
  while (!held) bench_call(bench, see_held, &held);
}

static void await_gone(struct bench *bench, int wanted) {
  int n = 0;
  while (n < wanted) bench_call(bench, see_gone, &n);
}

static int open_bench(void **state) {
  struct bench *bench = calloc(1, sizeof *bench);
  bench->options.on_request = on_request;
  bench->options.limits = azd_http_limits_default();
  *state = bench;
  bench_open(bench);
  return 0;
}

/* Deadlines short enough to wait for. */
static int open_hasty_bench(void **state) {
  struct bench *bench = calloc(1, sizeof *bench);
  bench->options.on_request = on_request;
  bench->options.limits = (struct azd_http_limits){.connections = 8,
                                                   .connections_per_address = 8,
                                                   .body_bytes = 1000,
                                                   .handshake_ms = 300,
                                                   .idle_ms = 300,
                                                   .head_ms = 300,
                                                   .body_ms = 300,
                                                   .write_ms = 300,
                                                   .drain_ms = 300};
  *state = bench;
  bench_open(bench);
  return 0;
}

static int close_bench(void **state) {
  bench_close(*state);
  free(*state);
  return 0;
}

/* ---- requests and replies -------------------------------------------------------------------------------------- */

static void one_connection_carries_many_requests(void **state) {
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int fd = client_open(*state);
  client_send(fd, "GET /a?x=1 HTTP/1.1\r\n" HOST "\r\n");
  client_await(fd, &got, "GET /a ?x=1 <>", 1);
  assert_true(buf_has(&got, "HTTP/1.1 200 OK\r\nDate: "));
  assert_true(buf_has(&got, "Content-Length: 14\r\n"));
  assert_false(buf_has(&got, "Connection:"));
  client_send(fd, "POST /b HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"
                  "POST /c HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n"
                  "HEAD /d HTTP/1.1\r\n" HOST "\r\nGET /e HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"
                  "GET /never HTTP/1.1\r\n" HOST "\r\n");
  assert_true(client_read_all(fd, &got));
  assert_true(buf_has(&got, "POST /b <abc>HTTP/1.1"));
  assert_true(buf_has(&got, "POST /c <de>HTTP/1.1"));
  assert_true(buf_has(&got, "Content-Length: 10\r\n\r\nHTTP/1.1")); /* HEAD: a length and no body */
  assert_true(buf_has(&got, "Connection: close\r\n\r\nGET /e <>"));
  assert_int_equal(buf_count(&got, "HTTP/1.1 200"), 5);
  close(fd);
  azd_buf_free(&got);
}

static void http_1_0_is_kept_alive_on_request_only(void **state) {
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int fd = client_open(*state);
  client_send(fd, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n");
  assert_true(client_read_all(fd, &got));
  assert_true(buf_has(&got, "Connection: keep-alive\r\n\r\nGET /a"));
  assert_true(buf_has(&got, "Connection: close\r\n\r\nGET /b"));
  close(fd);
  azd_buf_free(&got);
}

/* A close with bytes of the client unread resets the connection, and the reset takes the answer from the client's
 * hands. */
static void a_refusal_reaches_a_client_that_is_still_sending(void **state) {
  struct azd_buf got, text;
  azd_buf_init(&got, 0);
  azd_buf_init(&text, 0);
  azd_buf_append_text(&text, "GET /x HTTP/1.1\r\nbad line\r\n\r\n");
  for (int i = 0; i < 300000; i++) azd_buf_append_text(&text, "more");
  azd_buf_append_char(&text, '\0');
  const int fd = client_open(*state);
  client_send(fd, text.data);
  assert_true(client_read_all(fd, &got));
  assert_int_equal(buf_count(&got, "HTTP/1.1 "), 1);
  assert_true(buf_has(&got, "HTTP/1.1 400 Bad Request"));
  assert_true(buf_has(&got, "application/problem+json"));
  assert_true(buf_has(&got, "\"detail\":\"field name\""));
  assert_true(buf_has(&got, "Connection: close"));
  close(fd);
  azd_buf_free(&got);
  azd_buf_free(&text);
}

static void a_body_is_asked_for_or_refused(void **state) {
  struct azd_buf got;
  azd_buf_init(&got, 0);
  int fd = client_open(*state);
  client_send(fd, "POST /p HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  client_await(fd, &got, "HTTP/1.1 100 Continue\r\n\r\n", 1);
  client_send(fd, "abc");
  client_await(fd, &got, "POST /p <abc>", 1);
  close(fd);
  azd_buf_clear(&got);
  fd = client_open(*state);
  client_send(fd, "POST /p HTTP/1.1\r\n" HOST "Content-Length: 1048577\r\nExpect: 100-continue\r\n\r\n");
  assert_true(client_read_all(fd, &got));
  assert_true(buf_has(&got, "HTTP/1.1 413 "));
  assert_false(buf_has(&got, "100 Continue"));
  close(fd);
  azd_buf_free(&got);
}

static void a_deferred_reply_holds_back_the_next_request(void **state) {
  struct bench *bench = *state;
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int fd = client_open(bench);
  client_send(fd, "GET /hold HTTP/1.1\r\n" HOST "\r\nGET /next HTTP/1.1\r\n" HOST "\r\n");
  await_held(bench);
  assert_int_equal(bench_stats(bench).requests, 1);
  bench_call(bench, end_held, NULL);
  client_await(fd, &got, "GET /hold <>HTTP/1.1 200 OK", 1);
  client_await(fd, &got, "GET /next <>", 1);
  close(fd);
  azd_buf_free(&got);
}

static void at_most_64_kb_are_read_ahead(void **state) {
  struct bench *bench = *state;
  const int fd = client_open(bench);
  client_send(fd, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
  await_held(bench);
  const uint64_t before = bench_stats(bench).bytes_in;
  assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
  /* More than socket buffers and read-ahead hold: the server takes its 64 KB, and no more. */
  while (bench_stats(bench).bytes_in - before < AZD_HTTP_READ_AHEAD_BYTES)
    (void)send(fd, PIECE, PIECE_BYTES, MSG_NOSIGNAL);
  while (send(fd, PIECE, PIECE_BYTES, MSG_NOSIGNAL) > 0) {
  }
  assert_int_equal(errno, EAGAIN);
  assert_int_equal(bench_stats(bench).bytes_in - before, AZD_HTTP_READ_AHEAD_BYTES);
  client_reset(fd);
  /* The server is not reading any more, and still sees that the client is gone. */
  await_gone(bench, 1);
  bench_call(bench, end_held, NULL);
}

static void a_half_closed_client_gets_its_reply(void **state) {
  struct bench *bench = *state;
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int fd = client_open(bench);
  client_send(fd, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
  shutdown(fd, SHUT_WR);
  await_held(bench);
  bench_call(bench, end_held, NULL);
  assert_true(client_read_all(fd, &got));
  assert_true(buf_has(&got, "GET /hold <>"));
  close(fd);
  const int cut = client_open(bench);
  azd_buf_clear(&got);
  client_send(cut, "POST /p HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc");
  shutdown(cut, SHUT_WR);
  assert_true(client_read_all(cut, &got));
  assert_true(buf_has(&got, "HTTP/1.1 400 "));
  close(cut);
  azd_buf_free(&got);
}

static void a_client_that_left_is_told_to_the_handler(void **state) {
  struct bench *bench = *state;
  int fd = client_open(bench);
  client_send(fd, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
  await_held(bench);
  client_reset(fd);
  await_gone(bench, 1);
  bench_call(bench, end_held, NULL); /* goes nowhere */
  fd = client_open(bench);
  client_send(fd, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
  await_held(bench);
  shutdown(fd, SHUT_WR);
  client_reset(fd);
  await_gone(bench, 2);
  bench_call(bench, end_held, NULL);
  assert_int_equal(bench_stats(bench).gone, 2);
}

/* ---- replies in pieces, and broken ones ------------------------------------------------------------------------ */

static void a_stream_waits_for_its_reader(void **state) {
  struct bench *bench = *state;
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int fd = client_open(bench);
  client_send(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
  await_held(bench); /* it did not fit: the rest waits for us */
  const struct azd_http_server_stats stats = bench_stats(bench);
  assert_true(stats.bytes_out < STREAM_BYTES);
  client_await(fd, &got, "\r\n0\r\n\r\n", 1);
  assert_true(buf_has(&got, "Transfer-Encoding: chunked\r\n"));
  assert_int_equal(buf_count(&got, "186a0\r\n"), STREAM_BYTES / PIECE_BYTES);
  client_send(fd, "GET /after HTTP/1.1\r\n" HOST "\r\n");
  client_await(fd, &got, "GET /after <>", 1);
  close(fd);
  azd_buf_free(&got);
}

static void a_length_that_was_announced_is_kept_or_the_connection_cut(void **state) {
  struct azd_buf got;
  azd_buf_init(&got, 0);
  int fd = client_open(*state);
  client_send(fd, "GET /length HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
  assert_true(client_read_all(fd, &got));
  const char *body = memmem(got.data, got.size, "\r\n\r\n", 4);
  assert_non_null(body);
  assert_int_equal(got.data + got.size - (body + 4), STREAM_BYTES);
  close(fd);
  azd_buf_clear(&got);
  fd = client_open(*state);
  client_send(fd, "GET /short HTTP/1.1\r\n" HOST "\r\nGET /next HTTP/1.1\r\n" HOST "\r\n");
  assert_true(client_read_all(fd, &got));
  assert_int_equal(buf_count(&got, "HTTP/1.1 "), 1);
  close(fd);
  azd_buf_clear(&got);
  fd = client_open(*state);
  client_send(fd, "HEAD /stream HTTP/1.1\r\n" HOST "\r\nGET /next HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
  assert_true(client_read_all(fd, &got));
  assert_true(buf_has(&got, "Transfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK"));
  close(fd);
  azd_buf_free(&got);
}

static void http_1_0_gets_a_stream_until_the_connection_closes(void **state) {
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int fd = client_open(*state);
  client_send(fd, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  assert_true(client_read_all(fd, &got));
  assert_false(buf_has(&got, "Transfer-Encoding"));
  const char *body = memmem(got.data, got.size, "\r\n\r\n", 4);
  assert_non_null(body);
  assert_int_equal(got.data + got.size - (body + 4), STREAM_BYTES);
  close(fd);
  azd_buf_free(&got);
}

static void a_reply_may_be_cut_or_reset_on_purpose(void **state) {
  struct azd_buf got;
  azd_buf_init(&got, 0);
  int fd = client_open(*state);
  client_send(fd, "GET /cut HTTP/1.1\r\n" HOST "\r\n");
  assert_true(client_read_all(fd, &got));
  assert_true(buf_has(&got, "Content-Length: 100\r\n"));
  assert_true(buf_has(&got, "\r\n\r\n0123456789"));
  close(fd);
  fd = client_open(*state);
  client_send(fd, "GET /reset HTTP/1.1\r\n" HOST "\r\n");
  assert_false(client_read_all(fd, &got));
  assert_int_equal(errno, ECONNRESET);
  close(fd);
  azd_buf_free(&got);
}

static void a_reply_that_could_split_the_head_is_a_500(void **state) {
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int fd = client_open(*state);
  client_send(fd, "GET /split HTTP/1.1\r\n" HOST "\r\n");
  assert_true(client_read_all(fd, &got));
  assert_true(buf_has(&got, "HTTP/1.1 500 "));
  assert_false(buf_has(&got, "Set-Cookie"));
  close(fd);
  azd_buf_free(&got);
}

static void no_content_has_no_length_and_no_body(void **state) {
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int fd = client_open(*state);
  client_send(fd, "GET /nothing HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
  assert_true(client_read_all(fd, &got));
  assert_true(buf_has(&got, "HTTP/1.1 204 No Content"));
  assert_false(buf_has(&got, "Content-Length"));
  assert_false(buf_has(&got, "dropped"));
  close(fd);
  azd_buf_free(&got);
}

/* ---- limits and deadlines -------------------------------------------------------------------------------------- */

/* What a client hears that sends this and then nothing, or a byte of `drip` whenever it can. */
static void times_out(struct bench *bench, const char *text, const char *drip, const char *answer) {
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int fd = client_open(bench);
  const struct timeval pace = {.tv_usec = 50000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &pace, sizeof pace);
  client_send(fd, text);
  ssize_t n;
  const int64_t begin = azd_clock_mono_ns();
  while ((n = client_read(fd, &got)) != 0) {
    if (n < 0 && drip != NULL) client_send(fd, drip);
    if (azd_clock_mono_ns() - begin > INT64_C(10000000000)) fail_msg("still open: %s", text);
  }
  if (answer != NULL)
    assert_true(buf_has(&got, answer));
  else
    assert_int_equal(got.size, 0);
  close(fd);
  azd_buf_free(&got);
}

static void deadlines_are_absolute(void **state) {
  times_out(*state, "", NULL, NULL); /* idle: closed without a word */
  times_out(*state, "GET /x HT", NULL, "HTTP/1.1 408 ");
  times_out(*state, "GET /x HTTP/1.1\r\nX: ", "y", "HTTP/1.1 408 ");
  times_out(*state, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 900\r\n\r\n", "b", "HTTP/1.1 408 ");
  times_out(*state, "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", "1\r\nb\r\n", "HTTP/1.1 408 ");
  assert_int_equal(bench_stats(*state).timeouts, 4);
}

static void a_reader_that_stands_still_is_closed(void **state) {
  struct bench *bench = *state;
  const int fd = client_open(bench);
  client_send(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
  await_gone(bench, 1); /* the writer is told, and ends */
  const struct azd_http_server_stats stats = bench_stats(bench);
  assert_int_equal(stats.timeouts, 1);
  assert_int_equal(stats.connections, 0);
  close(fd);
}

static void a_full_house_closes_the_longest_idle(void **state) {
  struct bench *bench = *state;
  struct azd_buf got;
  azd_buf_init(&got, 0);
  int fds[9];
  for (int i = 0; i < 8; i++) {
    fds[i] = client_open(bench);
    client_send(fds[i], "GET /in HTTP/1.1\r\n" HOST "\r\n");
    client_await(fds[i], &got, "GET /in <>", (size_t)i + 1);
  }
  client_send(fds[0], "GET /again HTTP/1.1\r\n" HOST "\r\n"); /* now the second one is idle for longest */
  client_await(fds[0], &got, "GET /again <>", 1);
  fds[8] = client_open(bench);
  client_send(fds[8], "GET /in HTTP/1.1\r\n" HOST "\r\n");
  client_await(fds[8], &got, "GET /in <>", 9);
  assert_int_equal(bench_stats(bench).connections, 8);
  azd_buf_clear(&got);
  assert_true(client_read_all(fds[1], &got));
  assert_int_equal(got.size, 0);
  client_send(fds[0], "GET /still HTTP/1.1\r\n" HOST "\r\n");
  client_await(fds[0], &got, "GET /still <>", 1);
  for (int i = 0; i < 9; i++) close(fds[i]);
  azd_buf_free(&got);
}

static int open_small_bench(void **state) {
  struct bench *bench = calloc(1, sizeof *bench);
  bench->options.on_request = on_request;
  bench->options.limits = azd_http_limits_default();
  bench->options.limits.connections = 8;
  bench->options.limits.connections_per_address = 100;
  *state = bench;
  bench_open(bench);
  return 0;
}

static void one_address_has_its_limit(void **state) {
  struct bench *bench = *state;
  struct azd_buf got;
  azd_buf_init(&got, 0);
  int fds[65];
  for (int i = 0; i < 64; i++) {
    fds[i] = client_open(bench);
    client_send(fds[i], "GET /in HTTP/1.1\r\n" HOST "\r\n");
    client_await(fds[i], &got, "GET /in <>", (size_t)i + 1);
  }
  azd_buf_clear(&got);
  fds[64] = client_open(bench);
  client_read_all(fds[64], &got);
  assert_int_equal(got.size, 0);
  const struct azd_http_server_stats stats = bench_stats(bench);
  assert_int_equal(stats.turned_away, 1);
  assert_int_equal(stats.connections, 64);
  for (int i = 0; i < 65; i++) close(fds[i]);
  azd_buf_free(&got);
}

/* evhttp's listener spins here and fills the log; ours waits and goes on when there are descriptors again. */
static void without_descriptors_the_listener_waits(void **state) {
  struct bench *bench = *state;
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct rlimit before;
  getrlimit(RLIMIT_NOFILE, &before);
  const struct rlimit none = {.rlim_cur = (rlim_t)fd + 1, .rlim_max = before.rlim_max};
  int fillers[64], n_fillers = 0; /* descriptors below fd that are free */
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  while (n_fillers < 64 && (fillers[n_fillers] = dup(0)) >= 0) n_fillers++;
  const struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(bench->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&address, sizeof address), 0);
  client_send(fd, "GET /in HTTP/1.1\r\n" HOST "\r\n");
  while (bench_stats(bench).accept_pauses < 3) {
  }
  assert_int_equal(bench_stats(bench).accepted, 0);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  client_await(fd, &got, "GET /in <>", 1);
  while (n_fillers > 0) close(fillers[--n_fillers]);
  close(fd);
  azd_buf_free(&got);
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static void stopped(void *arg) {
  ((struct bench *)arg)->n_stopped++;
}

static void stop_now(struct bench *bench, void *arg) {
  azd_http_server_stop(bench->server, *(uint32_t *)arg, stopped, bench);
}

static void see_stopped(struct bench *bench, void *arg) {
  *(int *)arg = bench->n_stopped;
}

static void stopping_finishes_what_is_in_work(void **state) {
  struct bench *bench = *state;
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int working = client_open(bench), idle = client_open(bench), late = client_open(bench);
  client_send(late, "GET /early HTTP/1.1\r\n" HOST "\r\n");
  client_await(late, &got, "GET /early <>", 1);
  client_send(idle, "GET /early HTTP/1.1\r\n" HOST "\r\n");
  client_await(idle, &got, "GET /early <>", 2);
  client_send(working, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
  await_held(bench);
  uint32_t grace_ms = 500;
  bench_call(bench, stop_now, &grace_ms);

  azd_buf_clear(&got);
  client_send(late, "GET /late HTTP/1.1\r\n" HOST "\r\n");
  assert_true(client_read_all(late, &got));
  assert_true(buf_has(&got, "Connection: close\r\n\r\nGET /late <>"));
  azd_buf_clear(&got);
  assert_true(client_read_all(idle, &got));
  assert_int_equal(got.size, 0);
  const int refused = socket(AF_INET, SOCK_STREAM, 0);
  const struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(bench->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  assert_int_equal(connect(refused, (const struct sockaddr *)(const void *)&address, sizeof address), -1);
  int n_stopped = 0;
  bench_call(bench, see_stopped, &n_stopped);
  assert_int_equal(n_stopped, 0);
  bench_call(bench, end_held, NULL);
  assert_true(client_read_all(working, &got));
  assert_true(buf_has(&got, "GET /hold <>"));
  close(working);
  while (n_stopped == 0) bench_call(bench, see_stopped, &n_stopped);
  close(idle);
  close(late);
  close(refused);
  azd_buf_free(&got);
}

static void free_now(struct bench *bench, void *arg) {
  (void)arg;
  azd_http_server_free(bench->server);
  bench->server = NULL;
}

static void a_request_outlives_its_server(void **state) {
  struct bench *bench = *state;
  const int fd = client_open(bench);
  client_send(fd, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
  await_held(bench);
  bench_call(bench, free_now, NULL);
  await_gone(bench, 1);
  bench_call(bench, end_held, NULL);
  close(fd);
}

static void a_handler_may_free_the_server(void **state) {
  struct bench *bench = *state;
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int fd = client_open(bench), other = client_open(bench);
  client_send(other, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
  await_held(bench);
  client_send(fd, "GET /first HTTP/1.1\r\n" HOST "\r\nGET /free HTTP/1.1\r\n" HOST "\r\nGET /never HTTP/1.1\r\n" HOST
                  "\r\n");
  (void)client_read_all(fd, &got);
  assert_int_equal(buf_count(&got, "HTTP/1.1 200"), 1);
  await_gone(bench, 1);
  bench_call(bench, end_held, NULL);
  close(fd);
  close(other);
  azd_buf_free(&got);
}

static void listen_on(struct bench *bench, void *arg) {
  struct azd_error error;
  if (azd_http_server_listen(bench->server, azd_str_of(arg), &error) != 0) fail_msg("%s", error.text);
}

static void a_unix_socket_serves_and_goes_with_its_server(void **state) {
  struct bench *bench = *state;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "/tmp/azdrift-test-%d.sock", (int)getpid());
  char name[128];
  snprintf(name, sizeof name, "unix:%s", address.sun_path);
  const int stale = socket(AF_UNIX, SOCK_STREAM, 0); /* left behind by a process that was killed */
  assert_int_equal(bind(stale, (const struct sockaddr *)(const void *)&address, sizeof address), 0);
  close(stale);
  bench_call(bench, listen_on, name);
  struct stat status;
  assert_int_equal(stat(address.sun_path, &status), 0);
  assert_int_equal(status.st_mode & 0777, 0660);
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&address, sizeof address), 0);
  client_send(fd, "GET /in HTTP/1.1\r\n" HOST "\r\n");
  client_await(fd, &got, "GET /in <>", 1);
  close(fd);
  bench_call(bench, free_now, NULL);
  assert_int_equal(stat(address.sun_path, &status), -1);
  azd_buf_free(&got);
}

static void addresses_that_are_none_are_refused(void **state) {
  struct bench *bench = *state;
  static const char *const BAD[] = {"",
                                    "8200",
                                    ":8200",
                                    "localhost:80",
                                    "127.0.0.1",
                                    "127.0.0.1:",
                                    "127.0.0.1:http",
                                    "[::1:80",
                                    "300.0.0.1:80",
                                    "unix:",
                                    "unix:/no/such/folder/sock"};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    struct azd_error error = {0};
    const int rc = azd_http_server_listen(bench->server, azd_str_of(BAD[i]), &error);
    if (rc == 0) fail_msg("taken: %s", BAD[i]);
    assert_int_equal(error.code, rc);
    assert_true(error.text[0] != '\0');
  }
}

static int open_idle_bench(void **state) { /* no thread: the test itself calls the server */
  struct bench *bench = calloc(1, sizeof *bench);
  bench->options = (struct azd_http_server_options){.on_request = on_request, .limits = azd_http_limits_default()};
  *state = bench;
  struct azd_error error;
  assert_int_equal(azd_loop_new(&bench->loop, &error), 0);
  assert_int_equal(azd_http_server_new(&bench->server, bench->loop, &bench->options, &error), 0);
  return 0;
}

static int close_idle_bench(void **state) {
  struct bench *bench = *state;
  azd_http_server_free(bench->server);
  azd_loop_free(bench->loop);
  free(bench);
  return 0;
}

#define WITH(name)       cmocka_unit_test_setup_teardown(name, open_bench, close_bench)
#define WITH_HASTE(name) cmocka_unit_test_setup_teardown(name, open_hasty_bench, close_bench)

int main(void) {
  memset(PIECE, 'x', sizeof PIECE);
  const struct CMUnitTest tests[] = {
      WITH(one_connection_carries_many_requests),
      WITH(http_1_0_is_kept_alive_on_request_only),
      WITH(a_refusal_reaches_a_client_that_is_still_sending),
      WITH(a_body_is_asked_for_or_refused),
      WITH(a_deferred_reply_holds_back_the_next_request),
      WITH(at_most_64_kb_are_read_ahead),
      WITH(a_half_closed_client_gets_its_reply),
      WITH(a_client_that_left_is_told_to_the_handler),
      WITH(a_stream_waits_for_its_reader),
      WITH(a_length_that_was_announced_is_kept_or_the_connection_cut),
      WITH(http_1_0_gets_a_stream_until_the_connection_closes),
      WITH(a_reply_may_be_cut_or_reset_on_purpose),
      WITH(a_reply_that_could_split_the_head_is_a_500),
      WITH(no_content_has_no_length_and_no_body),
      WITH_HASTE(deadlines_are_absolute),
      WITH_HASTE(a_reader_that_stands_still_is_closed),
      cmocka_unit_test_setup_teardown(a_full_house_closes_the_longest_idle, open_small_bench, close_bench),
      WITH(one_address_has_its_limit),
      WITH(without_descriptors_the_listener_waits),
      WITH(stopping_finishes_what_is_in_work),
      WITH(a_request_outlives_its_server),
      WITH(a_handler_may_free_the_server),
      WITH(a_unix_socket_serves_and_goes_with_its_server),
      cmocka_unit_test_setup_teardown(addresses_that_are_none_are_refused, open_idle_bench, close_idle_bench),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
