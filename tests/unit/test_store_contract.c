/* The storage contract, kept by SQLite. */
#include "support/store_contract.h"
#include "support/store_sqlite.h"

#define STORE_CASE(name) cmocka_unit_test_prestate(name, &sqlite)

int main(void) {
  const struct CMUnitTest tests[] = {STORE_CONTRACT_CASES};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
