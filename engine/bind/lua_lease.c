/* A lease: who may write a scope, and the seq of the run it is for. */
#include "bind/bindings.h"
#include "bind/class.h"
#include "bind/store_call.h"

#include <lauxlib.h>
#include <string.h>

static const char lease_class[] = "azdrift.store.lease";

struct lease {
  struct azd_store_handle *store; /* counted; NULL: never acquired */
  struct azd_lease lease;
};

static struct lease *check_lease(lua_State *L, int index) {
  struct lease *lease = luaL_checkudata(L, index, lease_class);
  luaL_argcheck(L, lease->store, index, "a lease that was not acquired");
  return lease;
}

static int lease_gc(lua_State *L) { /* lease: it ends by its time to live where nobody released it */
  struct lease *lease = lua_touserdata(L, 1);
  if (lease->store) azd_store_handle_unref(lease->store);
  lease->store = NULL;
  return 0;
}

/* acquire(store, scope, owner, ttl_ms) */
static void acquire_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code =
      azd_store_acquire(call->store->store, call->texts[0], call->texts[1], call->numbers[0], call->out, &call->error);
}

static int acquire_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  struct lease *lease = lua_newuserdatauv(L, sizeof *lease, 0);
  memset(lease, 0, sizeof *lease);
  luaL_setmetatable(L, lease_class);
  lease->store = call->store;
  lease->store->refs++;
  lease->lease = *(struct azd_lease *)call->out;
  return 1;
}
AZD_STORE_VERB(acquire);

int azd_store_l_acquire(lua_State *L) { /* store scope owner ttl_ms */
  struct azd_store_handle *store = azd_check_store(L, 1);
  int64_t ttl_ms = luaL_checkinteger(L, 4);
  struct azd_store_call *call = azd_store_call_new(L, store, &acquire_type);
  call->texts[0] = azd_call_text(L, call, 2);
  call->texts[1] = azd_call_text(L, call, 3);
  call->numbers[0] = ttl_ms;
  call->out = azd_call_room(L, call, sizeof(struct azd_lease));
  return azd_store_call_go(L, call);
}

/* Renewing and releasing work on a copy: the script's lease is never touched by a worker. */
static struct azd_store_call *call_with_copy(lua_State *L, const struct azd_work_type *type) {
  struct lease *lease = check_lease(L, 1);
  struct azd_store_call *call = azd_store_call_new(L, lease->store, type);
  call->out = azd_call_room(L, call, sizeof lease->lease);
  memcpy(call->out, &lease->lease, sizeof lease->lease);
  return call;
}

static void renew_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code = azd_store_renew(call->store->store, call->out, call->numbers[0], &call->error);
}
#define renew_push azd_call_push_true
AZD_STORE_VERB(renew);

static int lease_renew(lua_State *L) { /* lease ttl_ms */
  int64_t ttl_ms = luaL_checkinteger(L, 2);
  struct azd_store_call *call = call_with_copy(L, &renew_type);
  call->numbers[0] = ttl_ms;
  return azd_store_call_go(L, call);
}

static void release_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code = azd_store_release(call->store->store, call->out, &call->error);
}
#define release_push azd_call_push_true
AZD_STORE_VERB(release);

static int lease_release(lua_State *L) {
  return azd_store_call_go(L, call_with_copy(L, &release_type));
}

static int lease_seq(lua_State *L) {
  lua_pushinteger(L, check_lease(L, 1)->lease.seq);
  return 1;
}

static int lease_scope(lua_State *L) {
  lua_pushstring(L, check_lease(L, 1)->lease.scope);
  return 1;
}

/* begin(store, lease): a commit's life begins in lua_commit.c; the lease is this file's. */
static void begin_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code = azd_commit_begin(call->store->store, call->in, &call->commit->commit, &call->error);
}

static int begin_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  azd_push_commit(L, call->commit);
  return 1;
}
AZD_STORE_VERB(begin);

int azd_store_l_begin(lua_State *L) { /* store lease */
  struct azd_store_handle *store = azd_check_store(L, 1);
  struct lease *lease = check_lease(L, 2);
  struct azd_store_call *call = azd_store_call_new(L, store, &begin_type);
  call->in = azd_call_room(L, call, sizeof lease->lease);
  memcpy(call->in, &lease->lease, sizeof lease->lease);
  call->commit = azd_commit_handle_new(store);
  if (!call->commit) return luaL_error(L, "not enough memory");
  call->commit->users++;
  return azd_store_call_go(L, call);
}

void azd_open_lease(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"renew", lease_renew}, {"release", lease_release}, {"seq", lease_seq}, {"scope", lease_scope}, {NULL, NULL}};
  azd_new_class(L, lease_class, methods, lease_gc);
}
