/* Who holds a lease: a process that was killed is known to be dead at once, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/owner.h"

#include <cmocka.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct azd_str text(const char *name) {
  return (struct azd_str){name, strlen(name)};
}

static void test_this_process_lives(void **state) {
  (void)state;
  char name[AZD_OWNER_NAME_BYTES];
  azd_owner_name(name);
  assert_false(azd_owner_is_dead(text(name)));
}

static void test_a_killed_process_is_dead(void **state) {
  (void)state;
  char name[AZD_OWNER_NAME_BYTES];
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (!child) {
    azd_owner_name(name);
    if (write(ends[1], name, sizeof name) == sizeof name) pause();
    _exit(1);
  }
  assert_int_equal(read(ends[0], name, sizeof name), sizeof name);
  assert_false(azd_owner_is_dead(text(name)));
  assert_int_equal(kill(child, SIGKILL), 0);
  assert_int_equal(waitpid(child, NULL, 0), child);
  assert_true(azd_owner_is_dead(text(name)));
  close(ends[0]);
  close(ends[1]);
}

/* The id is in use again: by another process, as its start says. */
static void test_an_id_used_again_is_dead(void **state) {
  (void)state;
  char name[AZD_OWNER_NAME_BYTES];
  azd_owner_name(name);
  char *start = strrchr(name, '.') + 1;
  strcpy(start, "1");
  assert_true(azd_owner_is_dead(text(name)));
}

static void test_what_cannot_be_judged_is_not_dead(void **state) {
  (void)state;
  char name[AZD_OWNER_NAME_BYTES], other[AZD_OWNER_NAME_BYTES + 8];
  azd_owner_name(name);
  strcpy(strrchr(name, '.') + 1, "1");
  snprintf(other, sizeof other, "other%s", name); /* on another machine */
  assert_false(azd_owner_is_dead(text(other)));
  *strchr(name, '-') = 'x'; /* before the machine was started again */
  char *boot = strchr(name, '/') + 1;
  *boot = *boot == '0' ? '1' : '0';
  assert_false(azd_owner_is_dead(text(name)));
  for (const char *const *odd = (const char *const[]){"", "engine-a", "host:1", "host:1/", "host:x/y.1.2", NULL}; *odd;
       odd++)
    assert_false(azd_owner_is_dead(text(*odd)));
}

/* /proc mounted with hidepid shows nobody the processes of others: not to be seen is not to be dead. In a child, for it
 * mounts a /proc of its own and becomes nobody. */
static void test_a_hidden_process_is_not_dead(void **state) {
  enum { NOT_DEAD, DEAD, NOT_PERMITTED, STILL_SEEN };
  char name[AZD_OWNER_NAME_BYTES], own_stat[64];
  struct stat shown;
  int status;
  (void)state;
  azd_owner_name(name);
  snprintf(own_stat, sizeof own_stat, "/proc/%ld/stat", (long)getpid());
  pid_t child = fork();
  assert_true(child >= 0);
  if (!child) {
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("proc", "/proc", "proc", 0, "hidepid=2") || setgroups(0, NULL) || setegid(65534) || seteuid(65534))
      _exit(NOT_PERMITTED);
    if (stat(own_stat, &shown) == 0) _exit(STILL_SEEN);
    _exit(azd_owner_is_dead(text(name)) ? DEAD : NOT_DEAD);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  if (WEXITSTATUS(status) == NOT_PERMITTED) {
    print_message("skipped: no /proc of one's own can be mounted here\n");
    skip();
  }
  assert_int_equal(WEXITSTATUS(status), NOT_DEAD);
}

static void test_people_read_host_and_process(void **state) {
  (void)state;
  struct azd_str people = azd_owner_people(text("vm:17/boot.1.2"));
  assert_int_equal(people.size, 5);
  assert_memory_equal(people.data, "vm:17", 5);
  assert_int_equal(azd_owner_people(text("engine-a")).size, 8);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_this_process_lives),           cmocka_unit_test(test_a_killed_process_is_dead),
      cmocka_unit_test(test_an_id_used_again_is_dead),     cmocka_unit_test(test_what_cannot_be_judged_is_not_dead),
      cmocka_unit_test(test_a_hidden_process_is_not_dead), cmocka_unit_test(test_people_read_host_and_process),
  };
  return cmocka_run_group_tests_name("owner", tests, NULL, NULL);
}
