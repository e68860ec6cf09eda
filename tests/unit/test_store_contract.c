/* The storage contract, kept by SQLite. */
#include "support/store_contract.h"

#include <unistd.h>

static void fresh_file(char *place, size_t place_bytes) {
  static int made;
  snprintf(place, place_bytes, "%s/contract-%d-%d.db", AZD_BINARY_DIR, (int)getpid(), made++);
}

static void drop_file(const char *place) {
  char name[600];
  unlink(place);
  snprintf(name, sizeof name, "%s-wal", place);
  unlink(name);
  snprintf(name, sizeof name, "%s-shm", place);
  unlink(name);
}

static struct store_factory sqlite = {.name = "sqlite", .fresh = fresh_file, .drop = drop_file};

#define STORE_CASE(name) cmocka_unit_test_prestate(name, &sqlite)

int main(void) {
  const struct CMUnitTest tests[] = {STORE_CONTRACT_CASES};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
