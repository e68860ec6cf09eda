/* The server behind TLS, against OpenSSL's own client. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "net/tls.h"
#include "support/certificate.h"
#include "support/http_bench.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <signal.h>
#include <sys/stat.h>

#define HOST "Host: a\r\n"

enum { STREAM_BYTES = 8 << 20, PIECE_BYTES = 100000, SHORT_MS = 300 };

static char PIECE[PIECE_BYTES];
static char folder[] = "/tmp/azdrift-test-tls-XXXXXX";
static char certificate_path[200], key_path[200], other_path[200];

struct world {
  struct bench bench;
  struct azd_tls *tls;
};

/* ---- the server ------------------------------------------------------------------------------------------------- */

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

static int on_request(struct azd_http_request *request, void *arg) {
  struct bench *bench = arg;
  if (azd_str_equal(azd_http_request_path(request), AZD_STR("/stream"))) {
    bench->held = request;
    bench->left = STREAM_BYTES;
    assert_int_equal(azd_http_reply_start(request, 200, NULL, 0, -1), 0);
    stream_on(bench);
    return 0;
  }
  if (azd_str_equal(azd_http_request_path(request), AZD_STR("/reset"))) {
    azd_http_reply_start(request, 200, NULL, 0, 100);
    azd_http_reply_abort(request, AZD_HTTP_ABORT_RESET);
    return 0;
  }
  assert_true(azd_http_request_is_tls(request));
  return azd_http_reply(request, 200, NULL, 0,
                        azd_http_request_body(request).size ? azd_http_request_body(request)
                                                            : azd_http_request_path(request));
}

static int open_world_with(void **state, uint32_t handshake_ms) {
  struct world *world = calloc(1, sizeof *world);
  struct azd_error error;
  const struct azd_tls_options options = {.certificate_file = certificate_path, .key_file = key_path};
  assert_true(certificate_write(certificate_path, key_path, "first", false));
  if (azd_tls_new(&world->tls, &options, &error) != 0) fail_msg("%s", error.text);
  world->bench.options.on_request = on_request;
  world->bench.options.tls = world->tls;
  world->bench.options.limits = azd_http_limits_default();
  world->bench.options.limits.handshake_ms = handshake_ms;
  *state = world;
  bench_open(&world->bench);
  return 0;
}

static int open_world(void **state) {
  return open_world_with(state, 10000);
}

static int open_hasty_world(void **state) {
  return open_world_with(state, SHORT_MS);
}

static int close_world(void **state) {
  struct world *world = *state;
  bench_close(&world->bench);
  azd_tls_free(world->tls);
  free(world);
  return 0;
}

/* ---- a client --------------------------------------------------------------------------------------------------- */

struct client {
  SSL_CTX *context;
  SSL *ssl;
  int fd;
};

static struct client client_new(struct world *world) {
  struct client client = {.context = SSL_CTX_new(TLS_client_method()), .fd = client_open(&world->bench)};
  SSL_CTX_set_security_level(client.context, 0); /* what is refused is to be refused by the server */
  client.ssl = SSL_new(client.context);
  SSL_set_fd(client.ssl, client.fd);
  SSL_set_tlsext_host_name(client.ssl, "localhost");
  return client;
}

static struct client client_connected(struct world *world) {
  struct client client = client_new(world);
  assert_int_equal(SSL_connect(client.ssl), 1);
  return client;
}

static void client_free(struct client *client) {
  SSL_free(client->ssl);
  SSL_CTX_free(client->context);
  close(client->fd);
  ERR_clear_error();
}

static void say(struct client *client, const char *text) {
  assert_int_equal(SSL_write(client->ssl, text, (int)strlen(text)), (int)strlen(text));
}

static int hear(struct client *client, struct azd_buf *buf) {
  char *at = azd_buf_reserve(buf, 65536);
  const int n = SSL_read(client->ssl, at, 65536);
  if (n > 0) buf->size += (size_t)n;
  return n;
}

static void hear_until(struct client *client, struct azd_buf *buf, const char *text) {
  while (!buf_has(buf, text))
    if (hear(client, buf) <= 0) fail_msg("no \"%s\" in: %.*s", text, (int)buf->size, buf->data);
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static void requests_and_replies_travel_in_records(void **state) {
  struct azd_buf got;
  azd_buf_init(&got, 0);
  struct client client = client_connected(*state);
  say(&client, "GET /one HTTP/1.1\r\n" HOST "\r\n");
  assert_true(hear(&client, &got) > 0);
  assert_true(buf_has(&got, "\r\n\r\n/one")); /* head and body in one record: one read has both */
  say(&client, "POST /b HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabcGET /three HTTP/1.1\r\n" HOST "\r\n");
  hear_until(&client, &got, "\r\n\r\nabc");
  hear_until(&client, &got, "\r\n\r\n/three");
  client_free(&client);
  azd_buf_free(&got);
}

static void a_body_of_many_records_arrives(void **state) {
  struct azd_buf got;
  azd_buf_init(&got, 0);
  struct client client = client_connected(*state);
  say(&client, "POST /b HTTP/1.1\r\n" HOST "Content-Length: 900000\r\nConnection: close\r\n\r\n");
  for (int i = 0; i < 9; i++) assert_int_equal(SSL_write(client.ssl, PIECE, PIECE_BYTES), PIECE_BYTES);
  while (hear(&client, &got) > 0) {
  }
  const char *body = memmem(got.data, got.size, "\r\n\r\n", 4);
  assert_non_null(body);
  assert_int_equal(got.data + got.size - (body + 4), 900000);
  client_free(&client);
  azd_buf_free(&got);
}

static void a_stream_ends_with_a_goodbye(void **state) {
  struct azd_buf got;
  azd_buf_init(&got, 0);
  struct client client = client_connected(*state);
  say(&client, "GET /stream HTTP/1.0\r\n\r\n"); /* nothing but the end of the connection says that it is whole */
  int n;
  while ((n = hear(&client, &got)) > 0) {
  }
  assert_int_equal(SSL_get_error(client.ssl, n), SSL_ERROR_ZERO_RETURN);
  const char *body = memmem(got.data, got.size, "\r\n\r\n", 4);
  assert_int_equal(got.data + got.size - (body + 4), STREAM_BYTES);
  client_free(&client);
  azd_buf_clear(&got);
  client = client_connected(*state);
  say(&client, "GET /reset HTTP/1.1\r\n" HOST "\r\n");
  while ((n = hear(&client, &got)) > 0) {
  }
  assert_int_not_equal(SSL_get_error(client.ssl, n), SSL_ERROR_ZERO_RETURN);
  client_free(&client);
  azd_buf_free(&got);
}

static bool connects(struct world *world, int most, const char *ciphers, const char *alpn) {
  struct client client = client_new(world);
  SSL_set_min_proto_version(client.ssl, TLS1_VERSION);
  if (most != 0) SSL_set_max_proto_version(client.ssl, most);
  if (ciphers != NULL) assert_int_equal(SSL_set_cipher_list(client.ssl, ciphers), 1);
  if (alpn != NULL) SSL_set_alpn_protos(client.ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn));
  const bool ok = SSL_connect(client.ssl) == 1;
  if (ok && alpn != NULL) {
    const unsigned char *chosen = NULL;
    unsigned size = 0;
    SSL_get0_alpn_selected(client.ssl, &chosen, &size);
    assert_int_equal(size, 8);
    assert_memory_equal(chosen, "http/1.1", 8);
  }
  client_free(&client);
  return ok;
}

static void old_versions_weak_suites_and_other_protocols_are_refused(void **state) {
  assert_true(connects(*state, 0, NULL, NULL));
  assert_true(connects(*state, TLS1_2_VERSION, NULL, NULL));
  assert_false(connects(*state, TLS1_1_VERSION, "ALL:@SECLEVEL=0", NULL));
  assert_false(connects(*state, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", NULL));
  assert_true(connects(*state, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", NULL));
  assert_true(connects(*state, 0, NULL, "\x02h2\x08http/1.1"));
  assert_false(connects(*state, 0, NULL, "\x02h2"));
  assert_true(bench_stats(&((struct world *)*state)->bench).handshakes_failed >= 3);
}

static void plain_text_on_a_tls_port_is_a_failed_handshake(void **state) {
  struct world *world = *state;
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int fd = client_open(&world->bench);
  client_send(fd, "GET /x HTTP/1.1\r\n" HOST "\r\n");
  (void)client_read_all(fd, &got);
  assert_false(buf_has(&got, "HTTP/1.1"));
  assert_int_equal(bench_stats(&world->bench).handshakes_failed, 1);
  assert_int_equal(bench_stats(&world->bench).requests, 0);
  close(fd);
  azd_buf_free(&got);
}

/* Slowloris one floor lower: the deadline is absolute there, too. */
static void a_slow_handshake_is_closed(void **state) {
  struct world *world = *state;
  static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"; /* 512 bytes are said to follow */
  struct azd_buf got;
  azd_buf_init(&got, 0);
  const int silent = client_open(&world->bench), slow = client_open(&world->bench);
  const struct timeval pace = {.tv_usec = 20000};
  setsockopt(slow, SOL_SOCKET, SO_RCVTIMEO, &pace, sizeof pace);
  (void)send(slow, hello, sizeof hello - 1, MSG_NOSIGNAL);
  const int64_t begin = azd_clock_mono_ns();
  while (client_read(slow, &got) != 0) {
    if (errno == ECONNRESET) break;
    (void)send(slow, "x", 1, MSG_NOSIGNAL);
    if (azd_clock_mono_ns() - begin > INT64_C(10000000000)) fail_msg("still open");
  }
  client_read_all(silent, &got);
  assert_int_equal(bench_stats(&world->bench).handshake_timeouts, 2);
  assert_int_equal(bench_stats(&world->bench).timeouts, 2);
  close(silent);
  close(slow);
  azd_buf_free(&got);
}

static void read_callbacks(struct bench *bench, void *arg) {
  *(uint64_t *)arg = azd_loop_stats(bench->loop)->callbacks;
}

/* OpenSSL has the first bytes of a record then, and says that something is pending: what would believe it would spin.
 */
static void half_a_record_waits_without_spinning(void **state) {
  struct world *world = *state;
  struct azd_buf got;
  azd_buf_init(&got, 0);
  struct client client = client_connected(world);
  BIO *out = BIO_new(BIO_s_mem());
  const int fd = SSL_get_fd(client.ssl);
  SSL_set0_wbio(client.ssl, out);
  say(&client, "GET /late HTTP/1.1\r\n" HOST "\r\n");
  char *bytes = NULL;
  const long size = BIO_get_mem_data(out, &bytes);
  const uint64_t before = bench_stats(&world->bench).bytes_in;
  assert_true(send(fd, bytes, (size_t)size / 2, MSG_NOSIGNAL) > 0);
  uint64_t first = 0, second = 0;
  bench_call(&world->bench, read_callbacks, &first);
  const int64_t begin = azd_clock_mono_ns();
  while (azd_clock_mono_ns() - begin < INT64_C(100000000)) {
  }
  bench_call(&world->bench, read_callbacks, &second);
  assert_true(second - first < 20);
  assert_int_equal(bench_stats(&world->bench).bytes_in, before);
  assert_true(send(fd, bytes + size / 2, (size_t)(size - size / 2), MSG_NOSIGNAL) > 0);
  hear_until(&client, &got, "/late");
  client_free(&client);
  azd_buf_free(&got);
}

static void renew(struct bench *bench, void *arg) {
  *(int *)arg = azd_tls_reload(((struct world *)(void *)bench)->tls, NULL);
}

static const char *served_name(struct client *client) {
  static char name[100];
  X509 *certificate = SSL_get1_peer_certificate(client->ssl);
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  X509_free(certificate);
  return name;
}

static void a_certificate_is_exchanged_under_standing_connections(void **state) {
  struct world *world = *state;
  struct azd_buf got;
  azd_buf_init(&got, 0);
  int rc = -1;
  struct client before = client_connected(world);
  assert_string_equal(served_name(&before), "first");
  assert_true(certificate_write(certificate_path, key_path, "second", true));
  bench_call(&world->bench, renew, &rc);
  assert_int_equal(rc, 0);
  struct client after = client_connected(world);
  assert_string_equal(served_name(&after), "second");
  say(&before, "GET /still HTTP/1.1\r\n" HOST "\r\n");
  hear_until(&before, &got, "/still");
  client_free(&before);
  client_free(&after);
  azd_buf_free(&got);
}

static void a_pair_that_does_not_match_is_refused_and_the_old_one_serves(void **state) {
  struct world *world = *state;
  struct azd_error error;
  int rc = 0;
  assert_true(certificate_write(other_path, key_path, "other", false));
  bench_call(&world->bench, renew, &rc);
  assert_int_equal(rc, AZD_EINVAL);
  struct client client = client_connected(world);
  assert_string_equal(served_name(&client), "first");
  client_free(&client);
  struct azd_tls *tls = NULL;
  const struct azd_tls_options missing = {.certificate_file = "/no/such.pem", .key_file = key_path};
  assert_int_equal(azd_tls_new(&tls, &missing, &error), AZD_EIO);
  assert_non_null(strstr(error.text, "/no/such.pem"));
  const struct azd_tls_options no_key = {.certificate_file = certificate_path, .key_file = certificate_path};
  assert_int_equal(azd_tls_new(&tls, &no_key, &error), AZD_EIO);
  assert_non_null(strstr(error.text, "no key for"));
}

static int make_folder(void **state) {
  (void)state;
  signal(SIGPIPE, SIG_IGN); /* as azd_signals_new does */
  if (mkdtemp(folder) == NULL) return -1;
  snprintf(certificate_path, sizeof certificate_path, "%s/certificate.pem", folder);
  snprintf(key_path, sizeof key_path, "%s/key.pem", folder);
  snprintf(other_path, sizeof other_path, "%s/other.pem", folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  unlink(certificate_path);
  unlink(key_path);
  unlink(other_path);
  return rmdir(folder);
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void) {
  memset(PIECE, 'x', sizeof PIECE);
  const struct CMUnitTest tests[] = {
      WITH(requests_and_replies_travel_in_records),
      WITH(a_body_of_many_records_arrives),
      WITH(a_stream_ends_with_a_goodbye),
      WITH(old_versions_weak_suites_and_other_protocols_are_refused),
      WITH(plain_text_on_a_tls_port_is_a_failed_handshake),
      cmocka_unit_test_setup_teardown(a_slow_handshake_is_closed, open_hasty_world, close_world),
      WITH(half_a_record_waits_without_spinning),
      WITH(a_certificate_is_exchanged_under_standing_connections),
      WITH(a_pair_that_does_not_match_is_refused_and_the_old_one_serves),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
