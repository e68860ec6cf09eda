/* Leases whose owners are gone. Included by store_contract.h. */
#ifndef AZD_TESTS_STORE_CONTRACT_LEASES_H
#define AZD_TESTS_STORE_CONTRACT_LEASES_H

#include "base/owner.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int acquire_as(struct world *w, const char *owner) {
  struct azd_lease lease;
  return azd_store_acquire(w->store, SCOPE, azd_str_of(owner), 60000, &lease, ERR);
}

/* A run was killed (kill -9, out of memory); the next came a second later and was told to wait two
 * minutes for a process that did not exist. */
static void killed_run_holds_nobody_up(void **state) {
  struct world w;
  char owner[AZD_OWNER_NAME_BYTES] = "", here[AZD_OWNER_NAME_BYTES];
  int names[2], never[2];
  char byte;
  world_init(&w, *state);
  assert_int_equal(pipe(names), 0);
  assert_int_equal(pipe(never), 0);
  pid_t pid = fork();
  if (pid == 0) { /* lives until it is killed: its parent keeps the other end open */
    close(never[1]);
    azd_owner_name(owner);
    if (write(names[1], owner, sizeof owner) != sizeof owner || read(never[0], &byte, 1)) _exit(1);
    _exit(0);
  }
  assert_int_equal(read(names[0], owner, sizeof owner), sizeof owner);
  assert_int_equal(acquire_as(&w, owner), 0);
  azd_owner_name(here);
  assert_int_equal(acquire_as(&w, here), AZD_EBUSY);
  assert_null(strstr(ERR->text, strchr(owner, '/'))); /* people read host and process */
  assert_int_equal(kill(pid, SIGKILL), 0);
  assert_int_equal(waitpid(pid, NULL, 0), pid);
  assert_int_equal(acquire_as(&w, here), 0);
  for (int i = 0; i < 2; i++) close(names[i]), close(never[i]);
  world_free(&w);
}

/* Its number went to another process, which this very test stands for. */
static void number_of_a_dead_process_that_lives_again_is_not_it(void **state) {
  struct world w;
  char owner[AZD_OWNER_NAME_BYTES + 1];
  world_init(&w, *state);
  azd_owner_name(owner);
  char *start = strrchr(owner, '.');
  assert_non_null(start);
  snprintf(start, 8, ".1"); /* the first tick after boot */
  assert_int_equal(acquire_as(&w, owner), 0);
  assert_int_equal(acquire_as(&w, "newcomer"), 0);
  world_free(&w);
}

/* Nobody can see a process of another kernel, or of another container: its lease is waited for. */
static void owner_elsewhere_is_never_presumed_gone(void **state) {
  static const char *const elsewhere[] = {"host:1",
                                          "host:999999999",
                                          "host:x/boot.1.1",
                                          ":1/",
                                          "/",
                                          "host:999999999/00000000-0000-0000-0000-000000000000.4026531836.7"};
  char owner[AZD_OWNER_NAME_BYTES];
  struct world w;
  world_init(&w, *state);
  for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
    struct azd_lease lease;
    must(azd_store_acquire(w.store, SCOPE, azd_str_of(elsewhere[i]), 60000, &lease, ERR));
    assert_int_equal(acquire_as(&w, "newcomer"), AZD_EBUSY);
    must(azd_store_release(w.store, &lease, ERR));
  }
  azd_owner_name(owner);
  assert_false(azd_owner_is_dead(azd_str_of(owner))); /* this one lives */
  world_free(&w);
}

#define STORE_CONTRACT_LEASES_CASES                                                                                    \
  STORE_CASE(killed_run_holds_nobody_up), STORE_CASE(number_of_a_dead_process_that_lives_again_is_not_it),             \
      STORE_CASE(owner_elsewhere_is_never_presumed_gone)

#endif
