/* Opening a store in MongoDB that cannot be opened: each says what is wrong and what to do, and never the password. */
#include "lib/mongod.h"
#include "store/mongo.h"
#include "support/store_world.h"

static struct mongod *server; /* with users */
static char why_not[512];

static int open_code(const char *url, bool read_only) {
  struct azd_store *store = NULL;
  ERR->text[0] = '\0';
  int rc = azd_store_open(&(struct azd_store_options){.url = url, .read_only = read_only}, &store, ERR);
  if (!rc) azd_store_close(store);
  return rc;
}

static void assert_refused(const char *url, int code, const char *says) {
  int rc = open_code(url, false);
  if (rc != code || !strstr(ERR->text, says))
    fail_msg("%s: %s '%s' instead of %s '%s'", url, azd_err_name(rc), ERR->text, azd_err_name(code), says);
  assert_null(strstr(ERR->text, "secret"));
}

static void need_server(void) {
  if (server) return;
  print_message("skipped: %s\n", why_not);
  skip();
}

static void as(const char *user, const char *password, const char *database, char *url, size_t bytes) {
  need_server();
  mongod_url(server, user, password, database, url, bytes);
}

/* What a user with rights does behind the store's back. */
static void surgery(const char *database, const char *collection, bson_t *doc) {
  char url[256];
  as("writer", "secret", database, url, sizeof url);
  mongoc_client_t *client = mongoc_client_new(url);
  mongoc_collection_t *of = mongoc_client_get_collection(client, database, collection);
  assert_true(mongoc_collection_insert_one(of, doc, NULL, NULL, NULL));
  mongoc_collection_destroy(of);
  mongoc_client_destroy(client);
  bson_destroy(doc);
}

static void wrong_url_is_refused(void **state) {
  (void)state;
  assert_refused("mongodb://", AZD_EINVAL, "this is no MongoDB url");
  assert_refused("mongodb://eve:secret@", AZD_EINVAL, "this is no MongoDB url");
  assert_refused("mongodb://127.0.0.1:1/a.b", AZD_EINVAL, "no");
  assert_refused("mongo://eve:secret@127.0.0.1", AZD_EUNSUPPORTED, "mongodb://");
}

static void what_crashes_the_driver_is_refused_first(void **state) {
  (void)state;
  assert_refused("mongodb://eve:@127.0.0.1:1/", AZD_EINVAL, "password in the MongoDB url is empty");
  assert_refused("mongodb://127.0.0.1:1/?tls=true&tlsCAFile=/nowhere/ca.pem", AZD_ENOTFOUND, "/nowhere/ca.pem");
}

static void missing_server_is_said(void **state) {
  (void)state;
  assert_refused("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200", AZD_EIO, "no server answers");
  assert_non_null(strstr(ERR->text, "mongodb://127.0.0.1:1/azure_drift"));
}

static void wrong_password_is_said(void **state) {
  char url[256];
  (void)state;
  as("writer", "wrong", "open_password", url, sizeof url);
  assert_refused(url, AZD_EDENIED, "user or password was refused");
}

static void no_user_at_all_is_said(void **state) {
  char url[256];
  (void)state;
  as(NULL, NULL, "open_nobody", url, sizeof url);
  assert_refused(url, AZD_EDENIED, "readWrite");
}

static void user_who_may_only_read_is_said_and_may_read(void **state) {
  char url[256];
  struct azd_store *store;
  struct azd_lease lease;
  (void)state;
  as("reader", "secret", "open_reader", url, sizeof url);
  assert_refused(url, AZD_EDENIED, "readWrite on database open_reader");
  as("writer", "secret", "open_reader", url, sizeof url);
  assert_int_equal(open_code(url, false), 0);
  as("reader", "secret", "open_reader", url, sizeof url);
  must(azd_store_open(&(struct azd_store_options){.url = url, .read_only = true}, &store, ERR));
  assert_int_equal(azd_store_acquire(store, SCOPE, AZD_STR("a"), 1000, &lease, ERR), AZD_EDENIED);
  azd_store_close(store);
}

static void database_of_another_program_is_refused(void **state) {
  char url[256];
  (void)state;
  need_server();
  surgery("open_foreign", "customers", BCON_NEW("name", BCON_UTF8("x")));
  as("writer", "secret", "open_foreign", url, sizeof url);
  assert_refused(url, AZD_EPARSE, "customers");
}

static void newer_schema_is_refused(void **state) {
  char url[256];
  (void)state;
  need_server();
  surgery("open_newer", "azdrift", BCON_NEW("_id", BCON_UTF8("schema"), "version", BCON_INT64(MG_SCHEMA_VERSION + 1)));
  as("writer", "secret", "open_newer", url, sizeof url);
  assert_refused(url, AZD_EUNSUPPORTED, "newer azdrift");
}

static void run_command(const char *database, bson_t *command) {
  char url[256];
  bson_error_t failure;
  as("writer", "secret", database, url, sizeof url);
  mongoc_client_t *client = mongoc_client_new(url);
  if (!mongoc_client_command_simple(client, database, command, NULL, NULL, &failure)) fail_msg("%s", failure.message);
  mongoc_client_destroy(client);
  bson_destroy(command);
}

static void older_schema_is_migrated_by_who_may_write(void **state) {
  char url[256];
  struct azd_store *store;
  (void)state;
  need_server();
  surgery("open_older", "azdrift", BCON_NEW("_id", BCON_UTF8("schema"), "version", BCON_INT64(1)));
  as("reader", "secret", "open_older", url, sizeof url);
  assert_int_equal(open_code(url, true), AZD_EUNSUPPORTED);
  assert_non_null(strstr(ERR->text, "older schema (1): run `azdrift db migrate`"));
  as("writer", "secret", "open_older", url, sizeof url);
  store = world_open_at(url);
  assert_int_equal(azd_store_schema(store).found, 1);
  assert_int_equal(azd_store_schema(store).version, MG_SCHEMA_VERSION);
  azd_store_close(store);
  store = world_open_at(url);
  assert_int_equal(azd_store_schema(store).found, MG_SCHEMA_VERSION);
  azd_store_close(store);
  as("reader", "secret", "open_older", url, sizeof url);
  assert_int_equal(open_code(url, true), 0);
}

/* One is gone, one is on another field: both are named, and made what they should be. */
static void wrong_indexes_are_named_and_made_anew(void **state) {
  char url[256];
  struct azd_store *store;
  struct azd_check check;
  (void)state;
  as("writer", "secret", "open_indexes", url, sizeof url);
  store = world_open_at(url);
  must(azd_store_check(store, (struct azd_str){0}, false, NULL, NULL, &check, ERR));
  assert_string_equal(check.first, "");
  run_command("open_indexes", BCON_NEW("dropIndexes", BCON_UTF8(MG_VERSIONS), "index", BCON_UTF8(MG_BY_TO)));
  run_command("open_indexes", BCON_NEW("dropIndexes", BCON_UTF8(MG_REPORTS), "index", BCON_UTF8("time")));
  run_command("open_indexes", BCON_NEW("createIndexes", BCON_UTF8(MG_REPORTS), "indexes", "[", "{", "key", "{", "x",
                                       BCON_INT32(1), "}", "name", BCON_UTF8("time"), "}", "]"));
  must(azd_store_check(store, (struct azd_str){0}, false, NULL, NULL, &check, ERR));
  assert_int_equal(check.findings, 2);
  assert_string_equal(check.first,
                      "the index scope_to of resource_versions is missing: `azdrift db rebuild indexes` makes it");
  must(azd_store_rebuild_indexes(store, ERR));
  must(azd_store_check(store, (struct azd_str){0}, false, NULL, NULL, &check, ERR));
  assert_string_equal(check.first, "");
  azd_store_close(store);
}

static void empty_database_is_nothing_to_read(void **state) {
  char url[256];
  (void)state;
  as("reader", "secret", "open_empty", url, sizeof url);
  assert_int_equal(open_code(url, true), AZD_ENOTFOUND);
  assert_non_null(strstr(ERR->text, "collect into it first"));
}

static int judged(bson_t *build) {
  int rc = mg_server_judge("mongodb://x/y", build, false, ERR);
  bson_destroy(build);
  return rc;
}

static void old_servers_and_look_alikes_are_refused(void **state) {
  (void)state;
#define REAL "gitVersion", BCON_UTF8("g"), "storageEngines", "[", BCON_UTF8("wiredTiger"), "]"
  assert_int_equal(judged(BCON_NEW("version", BCON_UTF8("4.4.0"), REAL)), 0);
  assert_int_equal(judged(BCON_NEW("version", BCON_UTF8("8.0.4"), REAL)), 0);
  assert_int_equal(judged(BCON_NEW("version", BCON_UTF8("4.2.24"), REAL)), AZD_EUNSUPPORTED);
  assert_non_null(strstr(ERR->text, "4.4"));
  assert_int_equal(judged(BCON_NEW("version", BCON_UTF8("7.0.42"), REAL, "ferretdb", "{", "}")), AZD_EUNSUPPORTED);
  assert_int_equal(judged(BCON_NEW("version", BCON_UTF8("5.0.0"))), AZD_EUNSUPPORTED);
  assert_non_null(strstr(ERR->text, "another product"));
  /* A router has no storage engines. */
  bson_t *router = BCON_NEW("version", BCON_UTF8("6.0.5"), "gitVersion", BCON_UTF8("g"));
  assert_int_equal(mg_server_judge("mongodb://x/y", router, true, ERR), 0);
  bson_destroy(router);
#undef REAL
}

static int start_server(void **state) {
  (void)state;
  server = mongod_start(
      &(struct mongod_options){.kind = MONGOD_STANDALONE, .folder = AZD_BINARY_DIR, .with_users = true}, why_not);
  return 0;
}

static int stop_server(void **state) {
  (void)state;
  mongod_stop(server);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(wrong_url_is_refused),
      cmocka_unit_test(what_crashes_the_driver_is_refused_first),
      cmocka_unit_test(missing_server_is_said),
      cmocka_unit_test(wrong_password_is_said),
      cmocka_unit_test(no_user_at_all_is_said),
      cmocka_unit_test(user_who_may_only_read_is_said_and_may_read),
      cmocka_unit_test(database_of_another_program_is_refused),
      cmocka_unit_test(newer_schema_is_refused),
      cmocka_unit_test(older_schema_is_migrated_by_who_may_write),
      cmocka_unit_test(wrong_indexes_are_named_and_made_anew),
      cmocka_unit_test(empty_database_is_nothing_to_read),
      cmocka_unit_test(old_servers_and_look_alikes_are_refused),
  };
  return cmocka_run_group_tests(tests, start_server, stop_server);
}
