/* How a binding works on a pool while the calling run waits. Write three functions and a type:
 *
 *   struct parse { struct azd_work work; char *text; struct azd_doc *doc; int code; struct azd_error error; };  // work
 * first static void parse_run(struct azd_work *work, struct azd_worker *worker)   // on a worker: no Lua here static
 * int  parse_push(lua_State *L, struct azd_work *work)               // in the run, after it: pushes results, answers
 * their
 *                                                                            // number; may raise; azd_push_error for
 * failures static void parse_close(struct azd_work *work)                            // once: frees what the work still
 * holds, not itself static const struct azd_work_type parse_type = {"parse", sizeof(struct parse), parse_run,
 * parse_push, parse_close};
 *
 *   static int l_parse(lua_State *L) {
 *     ... check arguments, which may raise; lua_settop, where some may be missing: the work is pushed after them ...
 *     struct parse *parse = (struct parse *)azd_work_new(L, &parse_type);     // zeroed, owned by a userdata from here
 * on
 *     ... fill it; Lua calls may raise without leaking ...
 *     return azd_await_work(L, &parse->work, azd_engine_of(L)->cpu_pool, 30000);
 *   }
 *
 * What the worker reads must belong to the work, because a wait can end (deadline, cancel) while the worker is at it:
 * copy it in, or keep a Lua value alive with azd_work_anchor and borrow its bytes. Thread: the loop's, but for run.
 * Blocks: never. */
#ifndef AZD_BIND_AWAIT_H
#define AZD_BIND_AWAIT_H

#include "base/err.h"
#include "loop/pool.h"
#include "script/run.h"

#include <lua.h>

struct azd_work;

struct azd_work_type {
  const char *name; /* static; "parse took longer than 30000 ms" */
  size_t bytes;     /* of the struct that begins with a struct azd_work */
  void (*run)(struct azd_work *work, struct azd_worker *worker);
  int (*push)(lua_State *L, struct azd_work *work);
  void (*close)(struct azd_work *work); /* also for work that never ran; not while run runs. NULL: nothing to free */
  /* On the loop thread while run may be running: nobody waits any more, it may stop early. NULL: let it finish unheard.
   */
  void (*abandon)(struct azd_work *work);
};

enum { AZD_WORK_ANCHORS = 4 };

struct azd_work { /* await.c's own */
  const struct azd_work_type *type;
  struct azd_job job;
  struct azd_wait wait;
  struct azd_work **box; /* the userdata that owns it; NULL: nobody does, the job frees it */
  int box_index;
  bool is_under_way;
  lua_State *L; /* the main thread, for giving the anchors back */
  int anchors[AZD_WORK_ANCHORS], anchor_count;
};

/* [-0, +1, m] Zeroed work of that type; the pushed userdata owns it and must stay where it is on the stack. */
struct azd_work *azd_work_new(lua_State *L, const struct azd_work_type *type);
/* [-0, +0, m] Keeps the value at index (a string whose bytes the worker reads, a userdata) alive until the work is
 * freed, whatever becomes of the run. At most AZD_WORK_ANCHORS a work. */
void azd_work_anchor(lua_State *L, struct azd_work *work, int index);
/* Use as `return azd_await_work(...)`. Gives what push pushed; after deadline_ms nil, sentence, "timeout"; with a full
 * queue nil, sentence, "busy". Raises outside a run, and "cancelled: ..." in a cancelled one. */
int azd_await_work(lua_State *L, struct azd_work *work, struct azd_pool *pool, int64_t deadline_ms);

/* [-0, +3, m] Expected failure as scripts get it: nil, sentence, code ("limit", "io" ...). Answers 3. */
int azd_push_failure(lua_State *L, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
int azd_push_error(lua_State *L, const struct azd_error *error);

#endif
