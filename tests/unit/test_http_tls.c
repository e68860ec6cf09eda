/* The client against a TLS server of ours whose certificate is made on the spot. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "loop/pool.h"
#include "net/http_client.h"
#include "support/certificate.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct azd_loop *loop;
static struct azd_pool *pool;
static struct azd_http_client *client;
static SSL_CTX *server_context;
static int listener, port;
static pthread_t server;
static char ca_path[] = "/tmp/azdrift-test-ca-XXXXXX";

static void make_server_context(void) {
  int fd = mkstemp(ca_path);
  assert_true(fd >= 0);
  close(fd);
  char key_path[] = "/tmp/azdrift-test-key-XXXXXX";
  fd = mkstemp(key_path);
  assert_true(fd >= 0);
  close(fd);
  assert_true(certificate_write(ca_path, key_path, "azdrift test", false));
  server_context = SSL_CTX_new(TLS_server_method());
  assert_int_equal(SSL_CTX_use_certificate_file(server_context, ca_path, SSL_FILETYPE_PEM), 1);
  assert_int_equal(SSL_CTX_use_PrivateKey_file(server_context, key_path, SSL_FILETYPE_PEM), 1);
  unlink(key_path);
}

static void *serve(void *arg) {
  (void)arg;
  static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
  for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; close(fd)) {
    SSL *tls = SSL_new(server_context);
    char request[4096];
    SSL_set_fd(tls, fd);
    if (SSL_accept(tls) == 1 && SSL_read(tls, request, sizeof request) > 0) SSL_write(tls, answer, sizeof answer - 1);
    SSL_shutdown(tls);
    SSL_free(tls);
  }
  return NULL;
}

static int start_server(void **state) {
  (void)state;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  signal(SIGPIPE, SIG_IGN); /* as azd_signals_new does */
  make_server_context();
  listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 16)) return -1;
  getsockname(listener, (struct sockaddr *)&address, &size);
  port = ntohs(address.sin_port);
  return pthread_create(&server, NULL, serve, NULL);
}

static int stop_server(void **state) {
  (void)state;
  shutdown(listener, SHUT_RDWR);
  pthread_join(server, NULL);
  close(listener);
  SSL_CTX_free(server_context);
  return unlink(ca_path);
}

static int set_up(void **state) {
  (void)state;
  struct azd_pool_options options = {.name = "cpu", .workers = 1, .max_queued = 10};
  if (azd_loop_new(&loop, NULL)) return -1;
  return azd_pool_new(&pool, loop, &options, NULL);
}

static int tear_down(void **state) {
  (void)state;
  azd_pool_free(pool);
  azd_http_client_free(client);
  client = NULL;
  azd_loop_free(loop);
  return 0;
}

static void open_client(const char *ca_file) {
  struct azd_http_rule any = {.method = "*"};
  struct azd_http_client_options options = {.ca_file = ca_file, .pool = pool, .rules = &any, .rule_count = 1};
  assert_int_equal(azd_http_client_new(&client, loop, &options, NULL), 0);
}

static struct azd_error seen_error;
static const char *seen_reason;
static int seen_status, left;
static void on_reply(struct azd_http_reply *reply, void *arg) {
  (void)arg;
  seen_status = reply->status;
  seen_error = reply->error;
  seen_reason = reply->reason;
  if (--left == 0) azd_loop_stop(loop);
}

static void send_to(const char *host) {
  char url[100];
  snprintf(url, sizeof url, "https://%s:%d/", host, port);
  struct azd_http_client_request request = {.method = "GET", .url = azd_str_of(url), .deadline_ms = 20000};
  assert_int_equal(azd_http_send(client, &request, on_reply, NULL, NULL, NULL), 0);
  left++;
}

static void a_server_with_a_trusted_certificate_is_spoken_to(void **state) {
  (void)state;
  open_client(ca_path);
  for (int i = 0; i < 3; i++) send_to("localhost"); /* all of them wait for the certificates */
  assert_int_equal(azd_http_client_stats(client)->active, 0);
  azd_loop_run(loop);
  assert_int_equal(seen_status, 200);
  assert_int_equal(azd_http_client_stats(client)->replied, 3);
}

static void a_certificate_for_another_host_is_refused(void **state) {
  (void)state;
  open_client(ca_path);
  send_to("127.0.0.1");
  azd_loop_run(loop);
  assert_int_equal(seen_error.code, AZD_EIO);
  assert_string_equal(seen_reason, "untrusted");
}

static void a_certificate_that_the_system_does_not_know_is_refused(void **state) {
  (void)state;
  open_client(NULL);
  send_to("localhost");
  azd_loop_run(loop);
  assert_int_equal(seen_error.code, AZD_EIO);
  assert_string_equal(seen_reason, "untrusted");
}

static void a_file_of_certificates_that_is_not_there_is_named(void **state) {
  (void)state;
  open_client("/nonexistent/ca.pem");
  send_to("localhost");
  azd_loop_run(loop);
  assert_string_equal(seen_reason, "untrusted");
  assert_non_null(strstr(seen_error.text, "/nonexistent/ca.pem"));
}

static void the_systems_certificates_are_not_read_on_the_loop(void **state) {
  (void)state;
  open_client(NULL);
  send_to("localhost");
  azd_loop_run(loop);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  if (azd_loop_stats(loop)->slow_callbacks)
    fail_msg("%s took %.1f ms", azd_loop_stats(loop)->longest_name, (double)azd_loop_stats(loop)->longest_cpu_ns / 1e6);
#endif
}

static void a_client_may_be_freed_while_its_certificates_are_read(void **state) {
  (void)state;
  open_client(NULL);
  send_to("localhost");
  left = 0;
  azd_http_client_free(client);
  client = NULL;
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_server_with_a_trusted_certificate_is_spoken_to),
      TEST(a_certificate_for_another_host_is_refused),
      TEST(a_certificate_that_the_system_does_not_know_is_refused),
      TEST(a_file_of_certificates_that_is_not_there_is_named),
      TEST(the_systems_certificates_are_not_read_on_the_loop),
      TEST(a_client_may_be_freed_while_its_certificates_are_read),
  };
  return cmocka_run_group_tests(tests, start_server, stop_server);
}
