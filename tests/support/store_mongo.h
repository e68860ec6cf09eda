/* The storage contract against a real MongoDB of one kind: case for case what SQLite passes. Where no server can be had
 * the cases are skipped and say why. Included by one test program a kind, after STORE_MONGO_KIND is defined. */
#ifndef AZD_TESTS_STORE_MONGO_H
#define AZD_TESTS_STORE_MONGO_H

#include "lib/mongod.h"
#include "support/store_contract.h"

static struct mongod *server;
static char why_not[512];

static void fresh_database(char *place, size_t place_bytes) {
  static int made;
  char database[64];
  if (!server) {
    print_message("skipped: %s\n", why_not);
    skip();
  }
  snprintf(database, sizeof database, "contract_%d", made++);
  mongod_url(server, NULL, NULL, database, place, place_bytes);
}

/* The data folder goes with the server. */
static void leave_database(const char *place) {
  (void)place;
}

static struct store_factory mongodb = {
    .name = "mongodb", .remote = true, .fresh = fresh_database, .drop = leave_database};

static int start_server(void **state) {
  (void)state;
  server = mongod_start(&(struct mongod_options){.kind = STORE_MONGO_KIND, .folder = AZD_BINARY_DIR}, why_not);
  return 0;
}

static int stop_server(void **state) {
  (void)state;
  mongod_stop(server);
  return 0;
}

#define STORE_CASE(name) cmocka_unit_test_prestate(name, &mongodb)

int main(void) {
  const struct CMUnitTest tests[] = {STORE_CONTRACT_CASES};
  return cmocka_run_group_tests(tests, start_server, stop_server);
}

#endif
