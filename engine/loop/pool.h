/* A named pool of worker threads with one bounded queue. A job is run on a worker, then told to the loop.
 * Two pools stand in an engine: CPU workers (one a core) and store workers (whose drivers block).
 * Life: azd_pool_new .. azd_pool_free; the loop outlives the pool.
 * Thread: the loop's, but for what is said to run on a worker. Workers have stacks of 4 MB: they may run Lua.
 * Blocks: azd_pool_free waits for the jobs that are running. */
#ifndef AZD_LOOP_POOL_H
#define AZD_LOOP_POOL_H

#include "loop/loop.h"

struct azd_pool;
struct azd_worker;

/* Something a worker keeps from job to job (an arena, a parser, policy states). One static struct a kind; its address
 * is its name. Made on first use by a worker, on that worker; destroyed there when the pool ends. */
struct azd_worker_kind {
  void *(*create)(void); /* NULL: out of memory */
  void (*destroy)(void *thing);
};
/* On a worker. The worker's own thing of that kind; NULL when it cannot be made. */
void *azd_worker_keep(struct azd_worker *worker, const struct azd_worker_kind *kind);
/* On a worker. 0 .. workers - 1 of its pool. */
unsigned azd_worker_index(const struct azd_worker *worker);

/* Embedded by its owner, who keeps it alive until done was called (or azd_job_withdraw answered true). */
struct azd_job {
  void (*work)(struct azd_job *job, struct azd_worker *worker); /* on a worker, once */
  void (*done)(struct azd_job *job); /* on the loop thread, once, after work; may free the job, may submit again */
  /* the pool's own */
  struct azd_pool *pool;
  struct azd_job *next;
  struct azd_post post;
  bool has_run;
};

struct azd_pool_options {
  const char *name; /* at most 11 bytes; threads are called name/0, name/1 ... */
  unsigned workers;
  unsigned max_queued; /* jobs not begun; beyond it a submit is AZD_EBUSY */
};

int azd_pool_new(struct azd_pool **pool, struct azd_loop *loop, const struct azd_pool_options *options,
                 struct azd_error *error);
/* Begins no further job, waits for the running ones, and makes the done call of every job that is left, begun or not
 * (azd_loop_drain: posts of others are called too). When this returns, no job of the pool exists. */
void azd_pool_free(struct azd_pool *pool);

/* 0; AZD_EBUSY when the queue is full: the job stays the caller's. done never runs before this returns. */
int azd_pool_submit(struct azd_pool *pool, struct azd_job *job);
/* true: the job had not begun, is out of the queue and the caller's again; neither work nor done will be called.
 * false: it runs or ran; done comes. */
bool azd_job_withdraw(struct azd_job *job);
/* In done: whether work ran; false for a job that the end of the pool overtook. */
static inline bool azd_job_has_run(const struct azd_job *job) {
  return job->has_run;
}

struct azd_pool_stats {
  unsigned workers, queued, running;
  uint64_t finished, refused;
};
struct azd_pool_stats azd_pool_stats(struct azd_pool *pool);

/* Cores this process may run on (its affinity): what "one a core" means. At least 1. */
unsigned azd_pool_cores(void);

#endif
