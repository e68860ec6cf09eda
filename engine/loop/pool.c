#include "loop/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum {
  AZD_WORKER_STACK_BYTES = 4 * 1024 * 1024, /* Debian's Lua recurses in C: smaller stacks crash (docs/principles.md) */
  AZD_WORKER_KEEPS = 16,
  AZD_POOL_MAX_WORKERS = 256,
};

struct azd_worker {
  struct azd_pool *pool;
  unsigned index, kept;
  pthread_t thread;
  struct {
    const struct azd_worker_kind *kind;
    void *thing;
  } keeps[AZD_WORKER_KEEPS];
};

struct azd_pool {
  struct azd_loop *loop;
  char name[12];
  unsigned max_queued, started;
  pthread_mutex_t mutex; /* guards what follows */
  pthread_cond_t has_work;
  bool is_ending;
  struct azd_job *first, **last;
  struct azd_pool_stats stats;
  struct azd_worker workers[];
};

void *azd_worker_keep(struct azd_worker *worker, const struct azd_worker_kind *kind) {
  for (unsigned i = 0; i < worker->kept; i++)
    if (worker->keeps[i].kind == kind) return worker->keeps[i].thing;
  AZD_ASSERT(worker->kept < AZD_WORKER_KEEPS); /* kinds are static: their number is known when we build */
  void *thing = kind->create();
  if (!thing) return NULL;
  worker->keeps[worker->kept].kind = kind;
  worker->keeps[worker->kept++].thing = thing;
  return thing;
}

unsigned azd_worker_index(const struct azd_worker *worker) {
  return worker->index;
}

static void on_finished(struct azd_post *post) {
  struct azd_job *job = (struct azd_job *)((char *)post - offsetof(struct azd_job, post));
  job->done(job);
}

/* Waits for a job; NULL when the pool ends. */
static struct azd_job *next_job(struct azd_pool *pool) {
  pthread_mutex_lock(&pool->mutex);
  while (!pool->first && !pool->is_ending) pthread_cond_wait(&pool->has_work, &pool->mutex);
  struct azd_job *job = pool->is_ending ? NULL : pool->first;
  if (job) {
    pool->first = job->next;
    if (!pool->first) pool->last = &pool->first;
    pool->stats.queued--;
    pool->stats.running++;
  }
  pthread_mutex_unlock(&pool->mutex);
  return job;
}

static void *worker_main(void *arg) {
  struct azd_worker *worker = arg;
  struct azd_pool *pool = worker->pool;
  char name[16];
  snprintf(name, sizeof name, "%s/%u", pool->name, worker->index % 1000);
  pthread_setname_np(pthread_self(), name);
  for (struct azd_job *job; (job = next_job(pool));) {
    job->has_run = true;
    job->work(job, worker);
    pthread_mutex_lock(&pool->mutex);
    pool->stats.running--;
    pool->stats.finished++;
    pthread_mutex_unlock(&pool->mutex);
    azd_loop_post(pool->loop, &job->post);
  }
  while (worker->kept) {
    worker->kept--;
    worker->keeps[worker->kept].kind->destroy(worker->keeps[worker->kept].thing);
  }
  return NULL;
}

/* Workers take no signals but those that are meant for one thread: Ctrl-C is the loop thread's business. */
static int start_worker(struct azd_worker *worker) {
  sigset_t blocked, former;
  sigfillset(&blocked);
  sigdelset(&blocked, SIGURG); /* the watchdog's, sent to one worker */
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, AZD_WORKER_STACK_BYTES);
  pthread_sigmask(SIG_SETMASK, &blocked, &former);
  int refused = pthread_create(&worker->thread, &attributes, worker_main, worker);
  pthread_sigmask(SIG_SETMASK, &former, NULL);
  pthread_attr_destroy(&attributes);
  return refused;
}

int azd_pool_new(struct azd_pool **out, struct azd_loop *loop, const struct azd_pool_options *options,
                 struct azd_error *error) {
  unsigned count = options->workers;
  if (!count || count > AZD_POOL_MAX_WORKERS || !options->max_queued)
    return azd_fail(error, AZD_EINVAL, "pool %s: %u workers and a queue of %u jobs make no pool", options->name, count,
                    options->max_queued);
  struct azd_pool *pool = calloc(1, sizeof *pool + count * sizeof *pool->workers);
  if (!pool) return azd_fail(error, AZD_ENOMEM, "pool %s: no memory", options->name);
  pool->loop = loop;
  snprintf(pool->name, sizeof pool->name, "%s", options->name);
  pool->max_queued = options->max_queued;
  pool->last = &pool->first;
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->has_work, NULL);
  for (unsigned i = 0; i < count; i++) {
    pool->workers[i].pool = pool;
    pool->workers[i].index = i;
    if (start_worker(&pool->workers[i])) {
      azd_pool_free(pool);
      return azd_fail(error, AZD_EIO, "pool %s: cannot start worker %u of %u", options->name, i + 1, count);
    }
    pool->started = pool->stats.workers = i + 1;
  }
  *out = pool;
  return 0;
}

void azd_pool_free(struct azd_pool *pool) {
  if (!pool) return;
  pthread_mutex_lock(&pool->mutex);
  pool->is_ending = true;
  struct azd_job *left = pool->first;
  pool->first = NULL;
  pool->last = &pool->first;
  pthread_cond_broadcast(&pool->has_work);
  pthread_mutex_unlock(&pool->mutex);
  for (unsigned i = 0; i < pool->started; i++) pthread_join(pool->workers[i].thread, NULL);
  for (struct azd_job *next; left; left = next) {
    next = left->next;
    left->done(left);
  }
  azd_loop_drain(pool->loop);
  pthread_cond_destroy(&pool->has_work);
  pthread_mutex_destroy(&pool->mutex);
  free(pool);
}

int azd_pool_submit(struct azd_pool *pool, struct azd_job *job) {
  job->pool = pool;
  job->next = NULL;
  job->has_run = false;
  job->post.call = on_finished;
  pthread_mutex_lock(&pool->mutex);
  bool is_refused = pool->is_ending || pool->stats.queued >= pool->max_queued;
  if (is_refused) {
    pool->stats.refused++;
  } else {
    *pool->last = job;
    pool->last = &job->next;
    pool->stats.queued++;
    pthread_cond_signal(&pool->has_work);
  }
  pthread_mutex_unlock(&pool->mutex);
  return is_refused ? AZD_EBUSY : 0;
}

bool azd_job_withdraw(struct azd_job *job) {
  struct azd_pool *pool = job->pool;
  bool is_found = false;
  pthread_mutex_lock(&pool->mutex);
  for (struct azd_job **at = &pool->first; *at; at = &(*at)->next) {
    if (*at != job) continue;
    *at = job->next;
    if (!*at) pool->last = at;
    pool->stats.queued--;
    is_found = true;
    break;
  }
  pthread_mutex_unlock(&pool->mutex);
  return is_found;
}

struct azd_pool_stats azd_pool_stats(struct azd_pool *pool) {
  pthread_mutex_lock(&pool->mutex);
  struct azd_pool_stats stats = pool->stats;
  pthread_mutex_unlock(&pool->mutex);
  return stats;
}

unsigned azd_pool_cores(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set)) return 1;
  int count = CPU_COUNT(&set);
  return count > 0 ? (unsigned)count : 1;
}
