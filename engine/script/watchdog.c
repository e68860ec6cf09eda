#include "script/watchdog.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

/* A slot is never freed: the watchdog touches no state of Lua's, so no life is shared between it and a worker. */
struct azd_watch {
  _Atomic uint64_t run;      /* odd while a run is on; only its worker writes */
  _Atomic uint64_t late_run; /* the run the signal is meant for: a signal that comes late finds another number */
  _Atomic int64_t budget_us;
  /* the worker's own */
  void (*on_late)(void *);
  void *subject;
  int joins;
  /* under lock */
  bool taken;
  pthread_t thread;
  clockid_t cpu_clock;
  /* the watchdog's own */
  uint64_t seen_run;
  int64_t seen_us;
};

static struct azd_watch slots[AZD_WATCHDOG_SLOTS_MAX];
static _Thread_local struct azd_watch *own_slot;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t somebody_joined = PTHREAD_COND_INITIALIZER;
static int taken_slots; /* under lock */
static bool started;    /* under lock */

static void on_signal(int number) {
  (void)number;
  struct azd_watch *watch = own_slot;
  if (!watch) return;
  uint64_t run = atomic_load_explicit(&watch->run, memory_order_relaxed);
  if ((run & 1) && run == atomic_load_explicit(&watch->late_run, memory_order_acquire)) watch->on_late(watch->subject);
}

static void check(struct azd_watch *watch) {
  uint64_t run = atomic_load_explicit(&watch->run, memory_order_acquire);
  if (!(run & 1)) return;
  struct timespec cpu;
  if (clock_gettime(watch->cpu_clock, &cpu) != 0) return;
  int64_t now_us = (int64_t)cpu.tv_sec * 1000000 + cpu.tv_nsec / 1000;
  if (run != watch->seen_run) {
    watch->seen_run = run;
    watch->seen_us = now_us;
    return;
  }
  if (now_us - watch->seen_us < atomic_load_explicit(&watch->budget_us, memory_order_relaxed)) return;
  atomic_store_explicit(&watch->late_run, run, memory_order_release);
  pthread_kill(watch->thread, SIGURG);
}

static void *watch_all(void *unused) {
  (void)unused;
  const struct timespec tick = {.tv_nsec = AZD_WATCHDOG_TICK_US * 1000L};
  for (;;) {
    pthread_mutex_lock(&lock); /* a worker cannot leave, and so not end, while it may be signalled */
    while (taken_slots == 0) pthread_cond_wait(&somebody_joined, &lock);
    for (int i = 0; i < AZD_WATCHDOG_SLOTS_MAX; i++)
      if (slots[i].taken) check(&slots[i]);
    pthread_mutex_unlock(&lock);
    nanosleep(&tick, NULL);
  }
  return NULL;
}

/* Under lock. The thread takes no signals: those of the process belong to the loop. */
static int start_thread(struct azd_error *error) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigset_t all, before;
  pthread_t thread;
  sigaction(SIGURG, &action, NULL);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = pthread_create(&thread, NULL, watch_all, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failed) return azd_fail(error, AZD_ENOMEM, "the watchdog of scripts cannot start its thread");
  pthread_detach(thread);
  started = true;
  return 0;
}

int azd_watchdog_join(struct azd_watch **watch, struct azd_error *error) {
  int rc = 0;
  if (own_slot) {
    own_slot->joins++;
    *watch = own_slot;
    return 0;
  }
  pthread_mutex_lock(&lock);
  struct azd_watch *free_slot = NULL;
  for (int i = 0; i < AZD_WATCHDOG_SLOTS_MAX && !free_slot; i++)
    if (!slots[i].taken) free_slot = &slots[i];
  if (!free_slot) {
    rc = azd_fail(error, AZD_ELIMIT, "more than %d threads run scripts", AZD_WATCHDOG_SLOTS_MAX);
    goto done;
  }
  if (!started && (rc = start_thread(error)) != 0) goto done;
  free_slot->taken = true;
  free_slot->joins = 1;
  free_slot->thread = pthread_self();
  pthread_getcpuclockid(free_slot->thread, &free_slot->cpu_clock);
  taken_slots++;
  *watch = own_slot = free_slot;
  pthread_cond_signal(&somebody_joined);
done:
  pthread_mutex_unlock(&lock);
  return rc;
}

void azd_watchdog_leave(struct azd_watch *watch) {
  if (!watch || --watch->joins > 0) return;
  AZD_ASSERT(watch == own_slot);
  pthread_mutex_lock(&lock);
  watch->taken = false;
  taken_slots--;
  pthread_mutex_unlock(&lock);
  own_slot = NULL;
}

void azd_watchdog_begin(struct azd_watch *watch, int64_t budget_us, void (*on_late)(void *), void *subject) {
  watch->on_late = on_late;
  watch->subject = subject;
  atomic_store_explicit(&watch->budget_us, budget_us, memory_order_relaxed);
  uint64_t run = atomic_load_explicit(&watch->run, memory_order_relaxed);
  atomic_store_explicit(&watch->run, run + 1, memory_order_release); /* its only writer: a plain store */
}

void azd_watchdog_end(struct azd_watch *watch) {
  uint64_t run = atomic_load_explicit(&watch->run, memory_order_relaxed);
  atomic_store_explicit(&watch->run, run + 1, memory_order_release);
}
