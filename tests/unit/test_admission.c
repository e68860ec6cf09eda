/* Who is let in, and on what: refusals before the body, who is at the other end, sockets that a service manager handed
 * over. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "net/activation.h"
#include "support/http_bench.h"

#include <sys/un.h>
#include <sys/wait.h>

#define HOST "Host: a\r\n"

/* ---- before the body -------------------------------------------------------------------------------------------- */

static int on_head(struct azd_http_request *request, void *arg) {
  (void)arg;
  const struct azd_str path = azd_http_request_path(request);
  if (azd_str_equal(path, AZD_STR("/secret"))) return azd_http_reply(request, 401, NULL, 0, AZD_STR("who are you"));
  if (azd_str_equal(path, AZD_STR("/broken"))) return AZD_ENOMEM;
  if (azd_str_equal(path, AZD_STR("/little"))) azd_http_request_limit_body(request, 10);
  if (azd_str_equal(path, AZD_STR("/much"))) azd_http_request_limit_body(request, 4 << 20);
  return 0;
}

static int on_request(struct azd_http_request *request, void *arg) {
  (void)arg;
  struct azd_buf body;
  azd_buf_init(&body, 0);
  const struct azd_http_peer peer = azd_http_request_peer(request);
  azd_buf_printf(&body, "<%.*s %zu %s %d %d %d>", AZD_STR_FORMAT(azd_http_request_path(request)),
                 azd_http_request_body(request).size, peer.address, peer.is_loopback, peer.is_unix,
                 peer.uid == getuid());
  const int rc = azd_http_reply(request, 200, NULL, 0, azd_buf_str(&body));
  azd_buf_free(&body);
  return rc;
}

static int open_bench(void **state) {
  struct bench *bench = calloc(1, sizeof *bench);
  bench->options.on_request = on_request;
  bench->options.on_head = on_head;
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

static void who_has_no_business_here_is_told_before_the_body(void **state) {
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int fd = client_open(*state);
  client_send(fd, "POST /secret HTTP/1.1\r\n" HOST "Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n");
  assert_true(client_read_all(fd, &got));
  assert_true(buf_has(&got, "HTTP/1.1 401 "));
  assert_true(buf_has(&got, "Connection: close\r\n"));
  assert_false(buf_has(&got, "100 Continue"));
  assert_int_equal(bench_stats(*state).requests, 0);
  close(fd);
  azd_buf_free(&got);
}

/* The body of what was refused must not be taken for the next request. */
static void a_refused_body_is_no_second_request(void **state) {
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int fd = client_open(*state);
  client_send(fd, "POST /secret HTTP/1.1\r\n" HOST "Content-Length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\n" HOST "\r\n");
  assert_true(client_read_all(fd, &got));
  assert_int_equal(buf_count(&got, "HTTP/1.1 "), 1);
  assert_false(buf_has(&got, "smuggled"));
  close(fd);
  azd_buf_free(&got);
}

static void a_refusal_without_a_body_keeps_the_connection(void **state) {
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int fd = client_open(*state);
  client_send(fd, "GET /secret HTTP/1.1\r\n" HOST "\r\nGET /next HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
  assert_true(client_read_all(fd, &got));
  assert_true(buf_has(&got, "HTTP/1.1 401 "));
  assert_true(buf_has(&got, "</next 0 127.0.0.1 1 0 0>"));
  close(fd);
  azd_buf_free(&got);
}

static void a_gate_that_fails_is_a_500(void **state) {
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int fd = client_open(*state);
  client_send(fd, "GET /broken HTTP/1.1\r\n" HOST "\r\nGET /next HTTP/1.1\r\n" HOST "\r\n");
  assert_true(client_read_all(fd, &got));
  assert_true(buf_has(&got, "HTTP/1.1 500 "));
  assert_int_equal(buf_count(&got, "HTTP/1.1 "), 1);
  close(fd);
  azd_buf_free(&got);
}

static void a_route_has_its_own_limit_of_a_body(void **state) {
  struct azd_buf got, text;
  azd_buf_init(&got, 0);
  azd_buf_init(&text, 0);
  int fd = client_open(*state);
  client_send(fd, "POST /little HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\n");
  assert_true(client_read_all(fd, &got));
  assert_true(buf_has(&got, "HTTP/1.1 413 "));
  close(fd);
  azd_buf_append_text(&text, "POST /much HTTP/1.1\r\n" HOST "Connection: close\r\nContent-Length: 2000000\r\n\r\n");
  for (int i = 0; i < 500000; i++) azd_buf_append_text(&text, "more");
  azd_buf_append_char(&text, '\0');
  fd = client_open(*state);
  client_send(fd, text.data);
  assert_true(client_read_all(fd, &got));
  assert_true(buf_has(&got, "</much 2000000 "));
  close(fd);
  azd_buf_free(&got);
  azd_buf_free(&text);
}

/* ---- who -------------------------------------------------------------------------------------------------------- */

static void listen_on(struct bench *bench, void *arg) {
  struct azd_error error;
  if (azd_http_server_listen(bench->server, azd_str_of(arg), &error) != 0) fail_msg("%s", error.text);
}

static void the_system_vouches_for_who_comes_by_unix_socket(void **state) {
  struct azd_buf got;
  azd_buf_init(&got, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "/tmp/azdrift-test-who-%d.sock", (int)getpid());
  char name[128];
  snprintf(name, sizeof name, "unix:%s", address.sun_path);
  bench_call(*state, listen_on, name);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&address, sizeof address), 0);
  client_send(fd, "GET /in HTTP/1.1\r\n" HOST "\r\n");
  client_await(fd, &got, "</in 0  0 1 1>", 1);
  close(fd);
  azd_buf_free(&got);
}

static void an_ipv4_client_of_an_ipv6_socket_is_written_as_ipv4(void **state) {
  struct bench *bench = *state;
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int probe = socket(AF_INET6, SOCK_STREAM, 0);
  if (probe < 0) skip(); /* a machine without IPv6 */
  const int free_port = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof any;
  assert_int_equal(bind(free_port, (struct sockaddr *)&any, size), 0);
  assert_int_equal(getsockname(free_port, (struct sockaddr *)&any, &size), 0);
  close(free_port);
  close(probe);
  char name[64];
  snprintf(name, sizeof name, "[::]:%d", ntohs(any.sin_port));
  bench_call(bench, listen_on, name);
  bench->port = ntohs(any.sin_port);
  const int fd = client_open(bench);
  client_send(fd, "GET /in HTTP/1.1\r\n" HOST "\r\n");
  client_await(fd, &got, "</in 0 127.0.0.1 1 0 0>", 1);
  close(fd);
  azd_buf_free(&got);
}

/* ---- the service manager ---------------------------------------------------------------------------------------- */

struct adoption {
  int fd, rc;
  struct azd_error error;
};

static void adopt(struct bench *bench, void *arg) {
  struct adoption *adoption = arg;
  adoption->rc = azd_http_server_adopt(bench->server, adoption->fd, &adoption->error);
}

static void a_socket_that_was_handed_over_serves(void **state) {
  struct bench *bench = *state;
  struct azd_buf got;
  azd_buf_init(&got, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  struct adoption adoption = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
  assert_int_equal(bind(adoption.fd, (struct sockaddr *)&address, size), 0);
  assert_int_equal(getsockname(adoption.fd, (struct sockaddr *)&address, &size), 0);
  const int not_yet = dup(adoption.fd);
  bench_call(bench, adopt, &adoption);
  assert_int_equal(adoption.rc, AZD_EINVAL); /* it does not listen */
  assert_non_null(strstr(adoption.error.text, "no listening socket"));
  assert_int_equal(listen(not_yet, 16), 0);
  adoption.fd = not_yet;
  bench_call(bench, adopt, &adoption);
  assert_int_equal(adoption.rc, 0);
  bench->port = ntohs(address.sin_port);
  const int fd = client_open(bench);
  client_send(fd, "GET /in HTTP/1.1\r\n" HOST "\r\n");
  client_await(fd, &got, "</in 0 127.0.0.1 1 0 0>", 1);
  close(fd);
  azd_buf_free(&got);
}

static void sockets_are_taken_once_and_only_by_whom_they_are_for(void **state) {
  (void)state;
  char pid[20];
  snprintf(pid, sizeof pid, "%d", (int)getpid());
  setenv("LISTEN_FDS", "2", 1);
  setenv("LISTEN_PID", "1", 1);
  assert_int_equal(azd_activation_take(), 0);
  setenv("LISTEN_FDS", "2", 1);
  setenv("LISTEN_PID", pid, 1);
  assert_int_equal(azd_activation_take(), 2);
  assert_null(getenv("LISTEN_FDS"));
  assert_int_equal(azd_activation_take(), 0);
  static const char *const BAD[] = {"", "two", "-1", "2x", "99999999999999999999", "65"};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    setenv("LISTEN_FDS", BAD[i], 1);
    setenv("LISTEN_PID", pid, 1);
    assert_int_equal(azd_activation_take(), 0);
  }
}

static void notes_reach_the_service_manager(void **state) {
  (void)state;
  struct azd_error error;
  unsetenv("NOTIFY_SOCKET");
  assert_int_equal(azd_activation_notify("READY=1", &error), 0);
  setenv("NOTIFY_SOCKET", "relative", 1);
  assert_int_equal(azd_activation_notify("READY=1", &error), AZD_EINVAL);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "azdrift-test-%d", (int)getpid()); /* abstract */
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(address.sun_path + 1));
  assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
  char name[64], got[100] = "";
  snprintf(name, sizeof name, "@%s", address.sun_path + 1);
  setenv("NOTIFY_SOCKET", name, 1);
  if (azd_activation_notify("READY=1\nSTATUS=up", &error) != 0) fail_msg("%s", error.text);
  assert_true(recv(fd, got, sizeof got - 1, MSG_DONTWAIT) > 0);
  assert_string_equal(got, "READY=1\nSTATUS=up");
  close(fd);
  assert_int_equal(azd_activation_notify("STOPPING=1", &error), AZD_EIO);
  unsetenv("NOTIFY_SOCKET");
  setenv("WATCHDOG_USEC", "30000000", 1);
  assert_int_equal(azd_activation_watchdog_ms(), 30000);
  setenv("WATCHDOG_PID", "1", 1);
  assert_int_equal(azd_activation_watchdog_ms(), 0);
  unsetenv("WATCHDOG_USEC");
  unsetenv("WATCHDOG_PID");
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH(who_has_no_business_here_is_told_before_the_body),
      WITH(a_refused_body_is_no_second_request),
      WITH(a_refusal_without_a_body_keeps_the_connection),
      WITH(a_gate_that_fails_is_a_500),
      WITH(a_route_has_its_own_limit_of_a_body),
      WITH(the_system_vouches_for_who_comes_by_unix_socket),
      WITH(an_ipv4_client_of_an_ipv6_socket_is_written_as_ipv4),
      WITH(a_socket_that_was_handed_over_serves),
      cmocka_unit_test(sockets_are_taken_once_and_only_by_whom_they_are_for),
      cmocka_unit_test(notes_reach_the_service_manager),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
