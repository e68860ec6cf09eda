/* What the bindings of the store share: handles that calls keep alive, and one form of an awaited call.
 *
 * A handle is counted by its userdata and by each call that uses it; all counting is on the loop thread. Bindings of
 * higher jobs (collect, detect) take handles with azd_check_*, count them with azd_*_ref while a worker uses what they
 * hold, and give them back with azd_*_unref on the loop thread.
 *
 * A verb is a struct azd_work_type whose work is a struct azd_store_call: it copies its arguments into the call's
 * arena, run works on a store worker, push makes Lua values of what run left. */
#ifndef AZD_BIND_STORE_CALL_H
#define AZD_BIND_STORE_CALL_H

#include "bind/await.h"
#include "store/store.h"

#include <lauxlib.h>

/* ---- handles ---- */

struct azd_store_handle {
  unsigned refs;
  bool is_closed; /* refuses new calls */
  struct azd_store *store;
};

struct azd_map_handle {
  unsigned refs;
  unsigned users; /* calls and jobs that look up, or 1 while it is loaded: then nothing else may use it */
  bool is_loading;
  struct azd_map *map;
};

struct azd_commit_handle {
  unsigned refs;
  unsigned users;            /* puts under way */
  bool is_ending;            /* publish or abort is under way */
  struct azd_commit *commit; /* NULL: published or aborted */
  struct azd_store_handle *store;
};

/* [-0, +0, v] The handle of the userdata at index. Raise where it is of another kind, closed, ended or being loaded. */
struct azd_store_handle *azd_check_store(lua_State *L, int index);
struct azd_map_handle *azd_check_map(lua_State *L, int index);
struct azd_commit_handle *azd_check_commit(lua_State *L, int index);

/* The last unref frees: a store is closed then and there, a commit aborted. */
void azd_store_handle_unref(struct azd_store_handle *handle);
void azd_map_handle_unref(struct azd_map_handle *handle);
void azd_commit_handle_unref(struct azd_commit_handle *handle);

struct azd_commit_handle *azd_commit_handle_new(struct azd_store_handle *store); /* NULL: out of memory */
/* [-0, +1, m] Counts the handle for the pushed userdata. */
void azd_push_commit(lua_State *L, struct azd_commit_handle *handle);

/* ---- calls ---- */

enum { AZD_CALL_TEXTS = 8, AZD_CALL_NUMBERS = 8 };

struct azd_store_call {
  struct azd_work work;
  struct azd_store_handle *store; /* counted; so are those below where they are set */
  struct azd_map_handle *map;
  struct azd_commit_handle *commit;
  void (*release)(struct azd_store_call *call); /* what else ends with the call; may be NULL */
  void *held;                                   /* release's */

  struct azd_arena arena; /* arguments and results */
  struct azd_str texts[AZD_CALL_TEXTS];
  int64_t numbers[AZD_CALL_NUMBERS];
  void *in, *out; /* lists, in the arena */
  size_t in_count, out_count;

  int code; /* what run answered */
  struct azd_error error;
};

/* The work type of a verb: run does the work and sets code; push_ok pushes after code 0 (see azd_call_failed). */
#define AZD_STORE_VERB(verb)                                                                                           \
  static const struct azd_work_type verb##_type = {"store." #verb, sizeof(struct azd_store_call), verb##_run,          \
                                                   verb##_push,    azd_store_call_close,          NULL}

void azd_store_call_close(struct azd_work *work);

/* [-0, +1, v] A new call of the store at index 1 (azd_check_store). */
struct azd_store_call *azd_store_call_new(lua_State *L, struct azd_store_handle *store,
                                          const struct azd_work_type *type);
/* Use as `return azd_store_call_go(...)`. Waits up to ten minutes: a lock is given up long before. */
int azd_store_call_go(lua_State *L, struct azd_store_call *call);

/* [-0, +3, m] For push: 3 and nil, sentence, code where the call failed; else 0 and nothing pushed. */
int azd_call_failed(lua_State *L, const struct azd_store_call *call);
/* [-0, +1, m] push of verbs without a result: true. */
int azd_call_push_true(lua_State *L, struct azd_work *work);
/* The same, as the push of verbs that answer numbers[0]. */
int azd_call_push_number(lua_State *L, struct azd_work *work);

/* ---- arguments: copied into the call, errors raised with the field's name ---- */

/* Raises where the table at index has a field that is not in names (ends with NULL). */
void azd_check_fields(lua_State *L, int index, const char *const *names);
/* A text argument. */
struct azd_str azd_call_text(lua_State *L, struct azd_store_call *call, int index);
/* Fields of the table at index; an absent one is empty, 0 or false, or raises where required. */
struct azd_str azd_call_field(lua_State *L, struct azd_store_call *call, int index, const char *name, bool required);
int64_t azd_call_integer(lua_State *L, int index, const char *name, int64_t otherwise);
bool azd_call_flag(lua_State *L, int index, const char *name);
/* A list of texts in the field name (absent: none), in the arena. */
struct azd_str *azd_call_texts(lua_State *L, struct azd_store_call *call, int index, const char *name, size_t *count);
/* bytes of the arena, zeroed; raises when memory is exhausted. */
void *azd_call_room(lua_State *L, struct azd_store_call *call, size_t bytes);

/* ---- results ---- */

/* [-0, +0, m] Sets a field of the table on top of the stack. A text: nothing where it is empty. */
void azd_set_text(lua_State *L, const char *name, struct azd_str text);
void azd_set_integer(lua_State *L, const char *name, int64_t value);
void azd_set_flag(lua_State *L, const char *name, bool value);
void azd_set_hex(lua_State *L, const char *name, const uint8_t *bytes, size_t count);

/* [-0, +1, m] */
void azd_push_snapshot(lua_State *L, const struct azd_snapshot *snapshot);
/* body: decoded; data NULL: not asked for. */
void azd_push_version(lua_State *L, const struct azd_version *version, struct azd_str body);
void azd_push_drift(lua_State *L, const struct azd_drift *drift);
/* "open" ...; raises, naming the argument, for any other. */
enum azd_drift_status azd_check_drift_status(lua_State *L, int argument, struct azd_str name);

/* The zstd contexts of the calling worker; NULL when memory is exhausted. */
struct azd_codec_work *azd_worker_codec(struct azd_worker *worker);

/* ---- what lua_store.c gathers from its neighbours ---- */

int azd_store_l_acquire(lua_State *L);
int azd_store_l_map(lua_State *L);
int azd_store_l_begin(lua_State *L);
int azd_store_l_versions(lua_State *L);
int azd_store_l_history(lua_State *L);
int azd_store_l_diff(lua_State *L);
int azd_store_l_drifts(lua_State *L);
int azd_store_l_report_drifts(lua_State *L);
void azd_open_lease(lua_State *L);
void azd_open_map(lua_State *L);
void azd_open_commit(lua_State *L);
void azd_open_cursor(lua_State *L);
extern const luaL_Reg azd_store_snapshot_methods[], azd_store_baseline_methods[], azd_store_report_methods[],
    azd_store_maintain_methods[];

#endif
