/* What a url and the settings ask of the driver: that it reaches it, that the url goes before, and that the store works
 * over what it asks for: TLS, SCRAM and X.509, compression; and that commands are counted and slow ones told. */
#include "base/log.h"
#include "base/metrics.h"
#include "lib/mongod.h"
#include "store/mongo.h"
#include "support/store_world.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct mongod *server; /* speaks TLS only */
static char why_not[512], folder[256];

/* ---- options, without a server ---- */

static int32_t option(mongoc_client_pool_t *pool, const char *name) {
  mongoc_client_t *client = mongoc_client_pool_pop(pool);
  int32_t value = mongoc_uri_get_option_as_int32(mongoc_client_get_uri(client), name, -1);
  mongoc_client_pool_push(pool, client);
  return value;
}

static struct mg_store *opened_pool(const struct azd_store_options *options) {
  struct mg_store *store = calloc(1, sizeof *store);
  must(mg_pool_open(store, options, ERR));
  return store;
}

static void settings_reach_the_driver_and_the_url_goes_before(void **state) {
  (void)state;
  struct mg_store *store = opened_pool(&(struct azd_store_options){.url = "mongodb://127.0.0.1:1/"});
  assert_int_equal(option(store->pool, MONGOC_URI_SERVERSELECTIONTIMEOUTMS), AZD_STORE_SELECT_TIMEOUT_MS);
  assert_int_equal(option(store->pool, MONGOC_URI_SOCKETTIMEOUTMS), AZD_STORE_SOCKET_TIMEOUT_MS);
  assert_int_equal(option(store->pool, MONGOC_URI_MAXPOOLSIZE), AZD_STORE_CONNECTIONS);
  mg_close(&store->base);
  struct azd_store_options options = {
      .url = "mongodb://127.0.0.1:1/?socketTimeoutMS=777&maxPoolSize=3&w=0&readPreference=secondary",
      .select_timeout_ms = 11,
      .connect_timeout_ms = 12,
      .socket_timeout_ms = 13,
      .wait_timeout_ms = 14,
      .heartbeat_ms = 1500,
      .connections = 16};
  store = opened_pool(&options);
  assert_int_equal(option(store->pool, MONGOC_URI_SERVERSELECTIONTIMEOUTMS), 11);
  assert_int_equal(option(store->pool, MONGOC_URI_CONNECTTIMEOUTMS), 12);
  assert_int_equal(option(store->pool, MONGOC_URI_SOCKETTIMEOUTMS), 777);
  assert_int_equal(option(store->pool, MONGOC_URI_WAITQUEUETIMEOUTMS), 14);
  assert_int_equal(option(store->pool, MONGOC_URI_HEARTBEATFREQUENCYMS), 1500);
  assert_int_equal(option(store->pool, MONGOC_URI_MAXPOOLSIZE), 3);
  mongoc_client_t *client = mongoc_client_pool_pop(store->pool);
  const mongoc_uri_t *uri = mongoc_client_get_uri(client); /* what would lose commits does not stand */
  assert_true(mongoc_write_concern_get_wmajority(mongoc_uri_get_write_concern(uri)));
  assert_true(mongoc_write_concern_get_journal(mongoc_uri_get_write_concern(uri)));
  assert_int_equal(mongoc_read_prefs_get_mode(mongoc_uri_get_read_prefs_t(uri)), MONGOC_READ_PRIMARY);
  mongoc_client_pool_push(store->pool, client);
  mg_close(&store->base);
}

static void assert_refused(const char *url, int code, const char *says) {
  struct azd_store *store = NULL;
  ERR->text[0] = '\0';
  int rc = azd_store_open(&(struct azd_store_options){.url = url, .select_timeout_ms = 2000}, &store, ERR);
  if (!rc) azd_store_close(store);
  if (rc != code || !strstr(ERR->text, says))
    fail_msg("%s: %s '%s' instead of %s '%s'", url, azd_err_name(rc), ERR->text, azd_err_name(code), says);
}

static void what_the_driver_stumbles_over_is_refused_first(void **state) {
  (void)state;
  assert_refused("mongodb://eve@127.0.0.1:1/", AZD_EINVAL, "password in the MongoDB url is empty");
  assert_refused("mongodb://127.0.0.1:1/?tls=true&tlsCertificateKeyFile=/nowhere/key.pem", AZD_ENOTFOUND,
                 "/nowhere/key.pem");
  assert_refused("mongodb://127.0.0.1:1/?ssl=true&sslCertificateAuthorityFile=/nowhere/ca.pem", AZD_ENOTFOUND,
                 "/nowhere/ca.pem");
}

static void services_that_only_claim_to_be_mongodb_are_refused(void **state) {
  (void)state;
  assert_refused("mongodb://me:pw@mine.mongo.cosmos.azure.com:10255/?ssl=true", AZD_EUNSUPPORTED, "another product");
  assert_refused("mongodb://a:1,b.cluster-x.us-east-1.docdb.amazonaws.com:27017/", AZD_EUNSUPPORTED, "another product");
}

/* ---- a server with TLS ---- */

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void shell(const char *format, ...) {
  char command[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(command, sizeof command, format, arguments);
  va_end(arguments);
  if (system(command)) fail_msg("%s", command);
}

/* An authority, another one that nobody trusts, and certificates of a server and of a user. */
static void make_certificates(void) {
  snprintf(folder, sizeof folder, "%s/tls-%d", AZD_BINARY_DIR, (int)getpid());
  mkdir(folder, 0700);
  for (int i = 0; i < 2; i++)
    shell("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/O=azdrift/CN=%s' -keyout %s/%s.key -out %s/%s.pem "
          "2>/dev/null",
          i ? "other" : "ca", folder, i ? "other" : "ca", folder, i ? "other" : "ca");
  static const char *const names[][2] = {{"server", "/O=azdrift/OU=servers/CN=127.0.0.1"},
                                         {"user", "/O=people/OU=engines/CN=azdrift"}};
  for (int i = 0; i < 2; i++) {
    const char *name = names[i][0];
    shell("cd %s && openssl req -newkey rsa:2048 -nodes -subj '%s' -keyout %s.key -out %s.csr 2>/dev/null && "
          "printf 'subjectAltName=IP:127.0.0.1\\n' > %s.ext && openssl x509 -req -days 2 -in %s.csr -CA ca.pem -CAkey "
          "ca.key -CAcreateserial -extfile %s.ext -out %s.crt 2>/dev/null && cat %s.key %s.crt > %s.pem",
          folder, names[i][1], name, name, name, name, name, name, name, name, name);
  }
}

static void tls_url(const char *user, const char *more, char *url, size_t bytes) {
  if (!server) {
    print_message("skipped: %s\n", why_not);
    skip();
  }
  snprintf(url, bytes, "mongodb://%s127.0.0.1:%d/url?tls=true&tlsCAFile=%s/ca.pem&%s", user, mongod_port(server, 0),
           folder, more);
}

static void assert_works(const char *url) {
  struct world w = {.place = ""};
  struct azd_snapshot *snapshots;
  size_t count;
  int rc = azd_store_open(&(struct azd_store_options){.url = url}, &w.store, ERR);
  if (rc) fail_msg("%s: %s", azd_err_name(rc), ERR->text);
  azd_arena_init(&w.arena, 0);
  must(azd_store_small_put(w.store, AZD_STR("test"), AZD_STR("a"), AZD_STR("b"), AZD_SMALL_ANY, ERR));
  must(azd_store_snapshots(w.store, SCOPE, 0, 1, &w.arena, &snapshots, &count, ERR));
  azd_arena_free(&w.arena);
  azd_store_close(w.store);
}

static void scram_over_tls_with_its_authority(void **state) {
  char url[1024];
  (void)state;
  tls_url("root:secret@", "authSource=admin", url, sizeof url);
  assert_works(url);
}

static void server_that_is_not_trusted_is_refused(void **state) {
  char url[1024];
  (void)state;
  tls_url("root:secret@", "authSource=admin", url, sizeof url);
  snprintf(url, sizeof url, "mongodb://root:secret@127.0.0.1:%d/url?authSource=admin&tls=true&tlsCAFile=%s/other.pem",
           mongod_port(server, 0), folder);
  assert_refused(url, AZD_EIO, "no server answers");
  assert_null(strstr(ERR->text, "secret"));
}

static void server_that_wants_tls_is_no_server_without(void **state) {
  char url[1024];
  (void)state;
  tls_url("", "", url, sizeof url);
  snprintf(url, sizeof url, "mongodb://root:secret@127.0.0.1:%d/url?authSource=admin", mongod_port(server, 0));
  assert_refused(url, AZD_EIO, "no server answers");
}

/* The driver of Debian 12 is said to lose this login after a network error: the server goes and comes back. */
static void x509_logs_in_and_again_after_the_server_was_gone(void **state) {
  char url[1024], more[512];
  struct azd_store *store;
  (void)state;
  tls_url("", "", url, sizeof url);
  snprintf(more, sizeof more, "authMechanism=MONGODB-X509&authSource=$external&tlsCertificateKeyFile=%s/user.pem",
           folder);
  tls_url("", more, url, sizeof url);
  must(azd_store_open(&(struct azd_store_options){.url = url, .heartbeat_ms = 500}, &store, ERR));
  must(azd_store_small_put(store, AZD_STR("test"), AZD_STR("x"), AZD_STR("1"), AZD_SMALL_ANY, ERR));
  mongod_kill(server, 0);
  assert_true(mongod_restart(server, 0));
  must(azd_store_small_put(store, AZD_STR("test"), AZD_STR("x"), AZD_STR("2"), AZD_SMALL_ANY, ERR));
  azd_store_close(store);
}

/* What the server says it has decompressed so far. */
static int64_t decompressed(const char *url) {
  bson_t reply, *command = BCON_NEW("serverStatus", BCON_INT32(1));
  bson_iter_t start, found;
  mongoc_client_t *client = mongoc_client_new(url);
  assert_true(mongoc_client_command_simple(client, "admin", command, NULL, &reply, NULL));
  bson_destroy(command);
  assert_true(bson_iter_init(&start, &reply) &&
              bson_iter_find_descendant(&start, "network.compression.zstd.decompressor.bytesIn", &found));
  int64_t bytes = bson_iter_as_int64(&found);
  bson_destroy(&reply);
  mongoc_client_destroy(client);
  return bytes;
}

static void compressors_of_the_url_are_used(void **state) {
  char url[1024], plain[1024];
  (void)state;
  tls_url("root:secret@", "authSource=admin", plain, sizeof plain);
  tls_url("root:secret@", "authSource=admin&compressors=zstd", url, sizeof url);
  int64_t before = decompressed(plain);
  assert_works(url);
  assert_true(decompressed(plain) > before);
}

static void replica_set_of_another_name_is_no_server(void **state) {
  char url[1024];
  (void)state;
  tls_url("root:secret@", "authSource=admin&replicaSet=nobody", url, sizeof url);
  assert_refused(url, AZD_EIO, "no server answers");
}

/* ---- what the driver tells ---- */

/* Runs with standard error in a file; the caller frees what was said. */
static char *said_during(void (*run)(const char *url), const char *url) {
  char path[300], *text = calloc(1, 65536);
  snprintf(path, sizeof path, "%s/said", folder);
  int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), before = dup(2);
  assert_true(file >= 0 && before >= 0 && dup2(file, 2) == 2);
  run(url);
  dup2(before, 2);
  close(before);
  assert_true(pread(file, text, 65535, 0) >= 0);
  close(file);
  return text;
}

static void run_slowly(const char *url) {
  struct azd_store *store;
  bson_t *doc;
  must(azd_store_open(&(struct azd_store_options){.url = url}, &store, ERR));
  bson_t *filter = BCON_NEW("$where", BCON_UTF8("sleep(2100) || true /* tell nobody */"));
  must(mg_get((struct mg_store *)store, MG_SCHEMA, filter, NULL, &doc, ERR));
  bson_destroy(doc);
  azd_store_close(store);
}

static void slow_command_is_told_without_what_it_carries(void **state) {
  char url[1024];
  (void)state;
  tls_url("root:secret@", "authSource=admin", url, sizeof url);
  char *said = said_during(run_slowly, url);
  assert_non_null(strstr(said, "mongodb_slow"));
  assert_non_null(strstr(said, "find took 2"));
  assert_null(strstr(said, "tell nobody"));
  free(said);
}

/* The driver would write of its own accord, on lines that are no log of ours. */
static void run_refused(const char *url) {
  assert_refused(url, AZD_EIO, "no server answers");
}

static void driver_writes_nothing_but_through_our_log(void **state) {
  char url[1024];
  (void)state;
  tls_url("root:secret@", "", url, sizeof url);
  snprintf(url, sizeof url,
           "mongodb://127.0.0.1:%d/url?tls=true&tlsCAFile=%s/other.pem&tlsCertificateKeyFile=%s/ca.pem",
           mongod_port(server, 0), folder, folder);
  azd_log_set_form(AZD_LOG_JSON);
  char *said = said_during(run_refused, url);
  for (char *rest = NULL, *line = strtok_r(said, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
    if (strncmp(line, "{\"ts\":", 6) != 0) fail_msg("not of our log: %s", line);
  free(said);
}

static void commands_are_counted_and_timed(void **state) {
  char url[1024];
  struct azd_buf before, after;
  (void)state;
  tls_url("root:secret@", "authSource=admin", url, sizeof url);
  azd_buf_init(&before, 0);
  azd_buf_init(&after, 0);
  azd_metrics_write(&before);
  azd_buf_append_char(&before, '\0');
  assert_works(url);
  azd_metrics_write(&after);
  azd_buf_append_char(&after, '\0');
  static const char line[] = "azdrift_mongodb_command_seconds_count{command=\"update\",outcome=\"ok\"} ";
  const char *then = strstr(before.data, line), *now = strstr(after.data, line);
  assert_non_null(now);
  assert_true(atoll(now + sizeof line - 1) > (then ? atoll(then + sizeof line - 1) : 0));
  azd_buf_free(&before);
  azd_buf_free(&after);
}

/* ---- the server ---- */

/* Through the localhost exception: a user with a password, and one who is his certificate. */
static bool make_users(void) {
  char url[1024];
  bool ok = true;
  for (int i = 0; ok && i < 2; i++) {
    tls_url(i ? "root:secret@" : "", i ? "authSource=admin" : "", url, sizeof url);
    mongoc_client_t *client = mongoc_client_new(url);
    bson_t *command =
        i ? BCON_NEW("createUser", BCON_UTF8("CN=azdrift,OU=engines,O=people"), "roles", "[", "{", "role",
                     BCON_UTF8("readWriteAnyDatabase"), "db", BCON_UTF8("admin"), "}", "]")
          : BCON_NEW("createUser", BCON_UTF8("root"), "pwd", BCON_UTF8("secret"), "roles", "[", BCON_UTF8("root"), "]");
    bson_error_t failure;
    ok = mongoc_client_command_simple(client, i ? "$external" : "admin", command, NULL, NULL, &failure);
    if (!ok) snprintf(why_not, sizeof why_not, "users: %.400s", failure.message);
    bson_destroy(command);
    mongoc_client_destroy(client);
  }
  return ok;
}

static int start_server(void **state) {
  static char key_file[300], ca_file[300];
  static const char *const arguments[] = {"--tlsMode",
                                          "requireTLS",
                                          "--tlsCertificateKeyFile",
                                          key_file,
                                          "--tlsCAFile",
                                          ca_file,
                                          "--tlsAllowConnectionsWithoutCertificates",
                                          "--auth",
                                          NULL};
  (void)state;
  make_certificates();
  snprintf(key_file, sizeof key_file, "%s/server.pem", folder);
  snprintf(ca_file, sizeof ca_file, "%s/ca.pem", folder);
  server = mongod_start(
      &(struct mongod_options){.kind = MONGOD_STANDALONE, .folder = AZD_BINARY_DIR, .arguments = arguments}, why_not);
  if (server && !make_users()) {
    fprintf(stderr, "%s\n", why_not);
    return -1;
  }
  return 0;
}

static int stop_server(void **state) {
  (void)state;
  mongod_stop(server);
  shell("rm -rf %s", folder);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(settings_reach_the_driver_and_the_url_goes_before),
      cmocka_unit_test(what_the_driver_stumbles_over_is_refused_first),
      cmocka_unit_test(services_that_only_claim_to_be_mongodb_are_refused),
      cmocka_unit_test(scram_over_tls_with_its_authority),
      cmocka_unit_test(server_that_is_not_trusted_is_refused),
      cmocka_unit_test(server_that_wants_tls_is_no_server_without),
      cmocka_unit_test(x509_logs_in_and_again_after_the_server_was_gone),
      cmocka_unit_test(compressors_of_the_url_are_used),
      cmocka_unit_test(replica_set_of_another_name_is_no_server),
      cmocka_unit_test(slow_command_is_told_without_what_it_carries),
      cmocka_unit_test(driver_writes_nothing_but_through_our_log),
      cmocka_unit_test(commands_are_counted_and_timed),
  };
  return cmocka_run_group_tests(tests, start_server, stop_server);
}
