/* The store's verbs about drift reports and the lives of drifts; lists of drifts are cursors (lua_cursor.c). */
#include "bind/store_call.h"

#include <lauxlib.h>

/* ---- report_put(store, report, drifts, resolved?) ---- */

struct report_put {
  struct azd_report report;
  struct azd_drift *drifts;
  struct azd_str *resolved;
  size_t drift_count, resolved_count;
};

static void report_put_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  const struct report_put *put = call->in;
  (void)worker;
  call->code = azd_store_report_put(call->store->store, &put->report, put->drifts, put->drift_count, put->resolved,
                                    put->resolved_count, &call->error);
}
#define report_put_push azd_call_push_true
AZD_STORE_VERB(report_put);

static void check_report(lua_State *L, struct azd_store_call *call, int index, struct azd_report *r) {
  static const char *const fields[] = {"id",       "scope",  "snapshot_id", "baseline_id", "revision", "timestamp_ms",
                                       "from_seq", "to_seq", "has_drift",   "complete",    "header",   NULL};
  azd_check_fields(L, index, fields);
  r->id = azd_call_field(L, call, index, "id", true);
  r->scope = azd_call_field(L, call, index, "scope", true);
  r->snapshot_id = azd_call_field(L, call, index, "snapshot_id", false);
  r->baseline_id = azd_call_field(L, call, index, "baseline_id", false);
  r->header = azd_call_field(L, call, index, "header", true);
  r->revision = azd_call_integer(L, index, "revision", 1);
  r->timestamp_ms = azd_call_integer(L, index, "timestamp_ms", 0);
  r->from_seq = azd_call_integer(L, index, "from_seq", 0);
  r->to_seq = azd_call_integer(L, index, "to_seq", 0);
  r->has_drift = azd_call_flag(L, index, "has_drift");
  r->complete = azd_call_flag(L, index, "complete");
}

static void check_drift(lua_State *L, struct azd_store_call *call, int index, struct azd_drift *d) {
  static const char *const fields[] = {"id",
                                       "fingerprint",
                                       "kind",
                                       "type",
                                       "resource_id",
                                       "severity",
                                       "status",
                                       "first_seen_seq",
                                       "first_seen_ms",
                                       "last_seen_seq",
                                       "last_seen_ms",
                                       "until_ms",
                                       "who",
                                       "why",
                                       "document",
                                       "earlier",
                                       "report_id",
                                       NULL};
  azd_check_fields(L, index, fields);
  d->id = azd_call_field(L, call, index, "id", true);
  d->fingerprint = azd_call_field(L, call, index, "fingerprint", true);
  d->kind = azd_call_field(L, call, index, "kind", true);
  d->type = azd_call_field(L, call, index, "type", true);
  d->resource_id = azd_call_field(L, call, index, "resource_id", true);
  d->severity = azd_call_field(L, call, index, "severity", false);
  d->status = azd_check_drift_status(L, index, azd_call_field(L, call, index, "status", true));
  d->first_seen_seq = azd_call_integer(L, index, "first_seen_seq", 0);
  d->first_seen_ms = azd_call_integer(L, index, "first_seen_ms", 0);
  d->last_seen_seq = azd_call_integer(L, index, "last_seen_seq", 0);
  d->last_seen_ms = azd_call_integer(L, index, "last_seen_ms", 0);
  d->until_ms = azd_call_integer(L, index, "until_ms", 0);
  d->who = azd_call_field(L, call, index, "who", false);
  d->why = azd_call_field(L, call, index, "why", false);
  d->earlier = azd_call_field(L, call, index, "earlier", false);
  d->document = azd_call_field(L, call, index, "document", true);
}

static struct azd_str *check_resolved(lua_State *L, struct azd_store_call *call, int index, size_t *count) {
  if (lua_isnoneornil(L, index)) return NULL;
  luaL_checktype(L, index, LUA_TTABLE);
  *count = lua_rawlen(L, index);
  struct azd_str *resolved = azd_call_room(L, call, *count * sizeof *resolved);
  for (size_t i = 0; i < *count; i++) {
    lua_rawgeti(L, index, (lua_Integer)i + 1);
    resolved[i] = azd_call_text(L, call, lua_gettop(L));
    lua_pop(L, 1);
  }
  return resolved;
}

static int report_put(lua_State *L) { /* store report drifts resolved? */
  luaL_checktype(L, 3, LUA_TTABLE);
  lua_settop(L, 4);
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &report_put_type);
  struct report_put *put = azd_call_room(L, call, sizeof *put);
  check_report(L, call, 2, &put->report);
  put->drift_count = lua_rawlen(L, 3);
  put->drifts = azd_call_room(L, call, put->drift_count * sizeof *put->drifts);
  for (size_t i = 0; i < put->drift_count; i++) {
    lua_rawgeti(L, 3, (lua_Integer)i + 1);
    check_drift(L, call, lua_gettop(L), &put->drifts[i]);
    lua_pop(L, 1);
  }
  put->resolved = check_resolved(L, call, 4, &put->resolved_count);
  call->in = put;
  return azd_store_call_go(L, call);
}

/* ---- report(store, { scope?, id? }), reports(store, { scope?, before_ms?, limit? }) ---- */

static void push_report(lua_State *L, const struct azd_report *r) {
  lua_createtable(L, 0, 11);
  azd_set_text(L, "id", r->id);
  azd_set_text(L, "scope", r->scope);
  azd_set_text(L, "snapshot_id", r->snapshot_id);
  azd_set_text(L, "baseline_id", r->baseline_id);
  azd_set_text(L, "header", r->header);
  azd_set_integer(L, "revision", r->revision);
  azd_set_integer(L, "timestamp_ms", r->timestamp_ms);
  azd_set_integer(L, "from_seq", r->from_seq);
  azd_set_integer(L, "to_seq", r->to_seq);
  azd_set_flag(L, "has_drift", r->has_drift);
  azd_set_flag(L, "complete", r->complete);
}

static void report_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code =
      azd_store_report(call->store->store, call->texts[0], call->texts[1], &call->arena, call->out, &call->error);
}

static int report_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  push_report(L, call->out);
  return 1;
}
AZD_STORE_VERB(report);

static int report(lua_State *L) { /* store query */
  static const char *const fields[] = {"scope", "id", NULL};
  azd_check_fields(L, 2, fields);
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &report_type);
  call->texts[0] = azd_call_field(L, call, 2, "scope", false);
  call->texts[1] = azd_call_field(L, call, 2, "id", false);
  call->out = azd_call_room(L, call, sizeof(struct azd_report));
  return azd_store_call_go(L, call);
}

static void reports_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  struct azd_report *reports = NULL;
  (void)worker;
  call->code = azd_store_reports(call->store->store, call->texts[0], call->numbers[0], (size_t)call->numbers[1],
                                 &call->arena, &reports, &call->out_count, &call->error);
  call->out = reports;
}

static int reports_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  const struct azd_report *reports = call->out;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_createtable(L, (int)call->out_count, 0);
  for (size_t i = 0; i < call->out_count; i++) {
    push_report(L, &reports[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}
AZD_STORE_VERB(reports);

static int reports(lua_State *L) { /* store query */
  static const char *const fields[] = {"scope", "before_ms", "limit", NULL};
  azd_check_fields(L, 2, fields);
  int64_t limit = azd_call_integer(L, 2, "limit", 100);
  luaL_argcheck(L, limit > 0 && limit <= 10000, 2, "limit: 1 to 10000 expected");
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &reports_type);
  call->texts[0] = azd_call_field(L, call, 2, "scope", false);
  call->numbers[0] = azd_call_integer(L, 2, "before_ms", 0);
  call->numbers[1] = limit;
  return azd_store_call_go(L, call);
}

/* ---- drift(store, scope, fingerprint), drift_set(store, { scope, fingerprint, status, who?, why?, until_ms? }) ----
 */

static void drift_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code =
      azd_store_drift(call->store->store, call->texts[0], call->texts[1], &call->arena, call->out, &call->error);
}

static int drift_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  azd_push_drift(L, call->out);
  return 1;
}
AZD_STORE_VERB(drift);

static int drift(lua_State *L) { /* store scope fingerprint */
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &drift_type);
  for (int i = 0; i < 2; i++) call->texts[i] = azd_call_text(L, call, 2 + i);
  call->out = azd_call_room(L, call, sizeof(struct azd_drift));
  return azd_store_call_go(L, call);
}

static void drift_set_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code =
      azd_store_drift_set(call->store->store, call->texts[0], call->texts[1], (enum azd_drift_status)call->numbers[0],
                          call->texts[2], call->texts[3], call->numbers[1], &call->error);
}
#define drift_set_push azd_call_push_true
AZD_STORE_VERB(drift_set);

static int drift_set(lua_State *L) { /* store arguments */
  static const char *const fields[] = {"scope", "fingerprint", "status", "who", "why", "until_ms", NULL};
  azd_check_fields(L, 2, fields);
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &drift_set_type);
  call->texts[0] = azd_call_field(L, call, 2, "scope", true);
  call->texts[1] = azd_call_field(L, call, 2, "fingerprint", true);
  call->numbers[0] = azd_check_drift_status(L, 2, azd_call_field(L, call, 2, "status", true));
  call->texts[2] = azd_call_field(L, call, 2, "who", false);
  call->texts[3] = azd_call_field(L, call, 2, "why", false);
  call->numbers[1] = azd_call_integer(L, 2, "until_ms", 0);
  return azd_store_call_go(L, call);
}

const luaL_Reg azd_store_report_methods[] = {{"drift", drift},           {"drift_set", drift_set}, {"report", report},
                                             {"report_put", report_put}, {"reports", reports},     {NULL, NULL}};
