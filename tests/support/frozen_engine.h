/* An engine in a process of its own that is stopped (SIGSTOP) past its lease in the middle of a commit, and later goes
 * on as if nothing had been. Thread: one. */
#ifndef AZD_TESTS_FROZEN_ENGINE_H
#define AZD_TESTS_FROZEN_ENGINE_H

#include "store_tally.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FROZEN_LEASE_MS = 300 };

enum frozen_how {
  FROZEN_BEFORE_FENCE, /* stops itself when all is put and nothing is published */
  FROZEN_BY_PARENT,    /* goes on into its publication: frozen_stop stops it somewhere there */
};

struct frozen {
  pid_t pid;
  int64_t seq; /* of its run */
};

/* Its exit status is what publication answered, as a positive number; above 100: it did not come that far. */
static inline void frozen_main(const char *place, enum frozen_how how, int resources, int out) {
  struct azd_store *store;
  struct tally_hand hand;
  struct azd_lease lease = {0};
  struct azd_commit *commit;
  if (azd_store_open(&(struct azd_store_options){.url = place}, &store, ERR)) _exit(101);
  tally_hand_init(&hand, store);
  if (tally_begin(&hand, SCOPE, "frozen", FROZEN_LEASE_MS, resources, &lease, &commit, ERR)) _exit(102);
  struct azd_snapshot snapshot = world_snapshot(AZD_SNAPSHOT_COMPLETE, lease.seq);
  if (write(out, &lease.seq, sizeof lease.seq) != sizeof lease.seq) _exit(103);
  if (how == FROZEN_BEFORE_FENCE) raise(SIGSTOP);
  int rc = azd_commit_publish(commit, &snapshot, ERR);
  if (rc) azd_commit_abort(commit); /* what it takes back must be its own */
  _exit(-rc);
}

/* Its run puts resources [0, resources). */
static inline struct frozen frozen_start(const char *place, enum frozen_how how, int resources) {
  struct frozen frozen = {0};
  int pipes[2];
  assert_int_equal(pipe(pipes), 0);
  frozen.pid = fork();
  if (frozen.pid == 0) {
    close(pipes[0]);
    frozen_main(place, how, resources, pipes[1]);
  }
  close(pipes[1]);
  assert_int_equal(read(pipes[0], &frozen.seq, sizeof frozen.seq), sizeof frozen.seq);
  close(pipes[0]);
  return frozen;
}

static inline void frozen_wait_stopped(const struct frozen *frozen) {
  int status;
  assert_int_equal(waitpid(frozen->pid, &status, WUNTRACED), frozen->pid);
  assert_true(WIFSTOPPED(status));
}

static inline void frozen_stop(const struct frozen *frozen) {
  assert_int_equal(kill(frozen->pid, SIGSTOP), 0);
  frozen_wait_stopped(frozen);
}

/* Another engine comes as soon as the lease has run out, and lets go at once. */
static inline void frozen_take_over(struct world *w, const char *owner) {
  struct azd_lease lease;
  int rc = AZD_EBUSY;
  for (int waited = 0; rc == AZD_EBUSY && waited < 3000; waited++) {
    rc = azd_store_acquire(w->store, SCOPE, azd_str_of(owner), 600000, &lease, ERR);
    if (rc == AZD_EBUSY) poll(NULL, 0, 10);
  }
  if (rc) fail_msg("%s", ERR->text);
  must(azd_store_release(w->store, &lease, ERR));
}

/* What its publication answers: 0 or a negative azd_err. */
static inline int frozen_wake(const struct frozen *frozen) {
  int status;
  assert_int_equal(kill(frozen->pid, SIGCONT), 0);
  assert_int_equal(waitpid(frozen->pid, &status, 0), frozen->pid);
  assert_true(WIFEXITED(status));
  assert_true(WEXITSTATUS(status) < 100);
  return -WEXITSTATUS(status);
}

#endif
