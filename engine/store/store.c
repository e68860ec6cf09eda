/* The verbs of store.h: what they check and refuse before an implementation sees them. */
#include "store/driver.h"

#include <stdlib.h>

int azd_store_init(struct azd_store *store, const struct azd_store_ops *ops, const char *name, bool read_only) {
  *store = (struct azd_store){.ops = ops, .codec = azd_codec_new(), .name = strdup(name), .read_only = read_only};
  if (store->codec && store->name) return 0;
  azd_store_fini(store);
  return AZD_ENOMEM;
}

void azd_store_fini(struct azd_store *store) {
  azd_codec_free(store->codec);
  free(store->name);
  store->codec = NULL;
  store->name = NULL;
}

void azd_store_close(struct azd_store *store) {
  if (store) store->ops->close(store);
}

const char *azd_store_name(const struct azd_store *store) {
  return store->name;
}
struct azd_codec *azd_store_codec(const struct azd_store *store) {
  return store->codec;
}

struct azd_str azd_arena_keep(struct azd_arena *arena, struct azd_str s) {
  return (struct azd_str){azd_arena_copy(arena, s), s.size};
}

int azd_version_keep(struct azd_version *version, struct azd_arena *arena) {
  struct azd_str *strings[] = {&version->id,
                               &version->type,
                               &version->view,
                               &version->api_version,
                               &version->subscription_id,
                               &version->resource_group,
                               &version->redaction,
                               &version->body};
  for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
    *strings[i] = azd_arena_keep(arena, *strings[i]);
    if (!strings[i]->data) return AZD_ENOMEM;
  }
  return 0;
}

/* ---- what is refused before it gets to a database ---- */

static int writable(const struct azd_store *store, struct azd_error *error) {
  if (!store->read_only) return 0;
  return azd_fail(error, AZD_EDENIED, "%s is open for reading only", store->name);
}

static int scope_ok(struct azd_str scope, bool may_be_empty, struct azd_error *error) {
  if (scope.size >= AZD_SCOPE_MAX_BYTES)
    return azd_fail(error, AZD_ELIMIT, "a scope of %zu bytes: at most %d", scope.size, AZD_SCOPE_MAX_BYTES - 1);
  if (!scope.size && !may_be_empty) return azd_fail(error, AZD_EINVAL, "no scope was given");
  for (size_t i = 0; i < scope.size; i++)
    if (!scope.data[i] || azd_fold((unsigned char)scope.data[i]) != (unsigned char)scope.data[i])
      return azd_fail(error, AZD_EINVAL, "the scope %.*s is not in lower case", AZD_STR_FORMAT(scope));
  return 0;
}

static int writable_scope(const struct azd_store *store, struct azd_str scope, struct azd_error *error) {
  int rc = writable(store, error);
  return rc ? rc : scope_ok(scope, false, error);
}

/* ---- the store itself ---- */

int azd_store_stats(struct azd_store *store, struct azd_store_stats *stats, struct azd_error *error) {
  return store->ops->stats(store, stats, error);
}

int azd_store_scopes(struct azd_store *store, struct azd_arena *arena, const char ***scopes, size_t *count,
                     struct azd_error *error) {
  return store->ops->scopes(store, arena, scopes, count, error);
}

/* ---- leases ---- */

int azd_store_acquire(struct azd_store *store, struct azd_str scope, struct azd_str owner, int64_t ttl_ms,
                      struct azd_lease *lease, struct azd_error *error) {
  int rc = writable_scope(store, scope, error);
  if (rc) return rc;
  if (!owner.size || owner.size >= AZD_OWNER_MAX_BYTES || ttl_ms <= 0 || ttl_ms > AZD_LEASE_MAX_MS)
    return azd_fail(error, AZD_EINVAL, "a lease needs an owner of 1 to %d bytes and a time to live of 1 to %d ms",
                    AZD_OWNER_MAX_BYTES - 1, AZD_LEASE_MAX_MS);
  struct azd_lease wanted = {0};
  memcpy(wanted.scope, scope.data, scope.size);
  memcpy(wanted.owner, owner.data, owner.size);
  rc = store->ops->acquire(store, &wanted, ttl_ms, error);
  if (rc) return rc;
  rc = store->ops->recover(store, &wanted, error);
  if (rc) {
    store->ops->release(store, &wanted, NULL);
    return rc;
  }
  *lease = wanted;
  return 0;
}

int azd_store_renew(struct azd_store *store, struct azd_lease *lease, int64_t ttl_ms, struct azd_error *error) {
  int rc = writable(store, error);
  if (rc) return rc;
  if (ttl_ms <= 0 || ttl_ms > AZD_LEASE_MAX_MS)
    return azd_fail(error, AZD_EINVAL, "a lease needs a time to live of 1 to %d ms", AZD_LEASE_MAX_MS);
  return store->ops->renew(store, lease, ttl_ms, error);
}

int azd_store_release(struct azd_store *store, const struct azd_lease *lease, struct azd_error *error) {
  int rc = writable(store, error);
  return rc ? rc : store->ops->release(store, lease, error);
}

/* ---- the projection ---- */

int azd_store_project(struct azd_store *store, struct azd_str scope, bool anew, int64_t *written,
                      struct azd_error *error) {
  int64_t ignored;
  int rc = writable_scope(store, scope, error);
  if (!written) written = &ignored;
  *written = 0;
  return rc || !store->ops->project ? rc : store->ops->project(store, scope, anew, written, error);
}

/* ---- reading ---- */

/* That a snapshot was there once, people want to be told. */
static int why_not(struct azd_store *store, const struct azd_snapshot_query *query, struct azd_arena *arena,
                   struct azd_error *error) {
  struct azd_snapshot *found;
  size_t count;
  int rc = azd_store_chain(store, query->scope, query->seq - 1, 1, arena, &found, &count, error);
  if (!rc && count && found->seq == query->seq && found->thinned)
    return azd_fail(error, AZD_ENOTFOUND,
                    "%s: snapshot %lld was thinned out by retention: `azdrift snapshots` lists those that are kept",
                    store->name, (long long)query->seq);
  return rc ? rc
            : azd_fail(error, AZD_ENOTFOUND, "%s has no such snapshot: `azdrift snapshots` lists them", store->name);
}

int azd_store_snapshot(struct azd_store *store, const struct azd_snapshot_query *query, struct azd_arena *arena,
                       struct azd_snapshot *snapshot, struct azd_error *error) {
  int rc = scope_ok(query->scope, query->by == AZD_BY_ID, error);
  if (!rc) rc = store->ops->snapshot(store, query, arena, snapshot, error);
  return rc == AZD_ENOTFOUND && query->by == AZD_BY_SEQ ? why_not(store, query, arena, error) : rc;
}

int azd_store_snapshots(struct azd_store *store, struct azd_str scope, int64_t before_seq, size_t limit,
                        struct azd_arena *arena, struct azd_snapshot **snapshots, size_t *count,
                        struct azd_error *error) {
  int rc = scope_ok(scope, true, error);
  return rc ? rc : store->ops->snapshots(store, scope, before_seq, limit, arena, snapshots, count, error);
}

int azd_store_map_load(struct azd_store *store, struct azd_str scope, struct azd_map *map, struct azd_error *error) {
  int rc = scope_ok(scope, false, error);
  return rc ? rc : store->ops->map_load(store, scope, map, error);
}

int azd_store_versions(struct azd_store *store, const struct azd_version_query *query,
                       struct azd_version_cursor **cursor, struct azd_error *error) {
  int rc = scope_ok(query->scope, false, error);
  return rc ? rc : store->ops->versions(store, query, cursor, error);
}

int azd_store_history(struct azd_store *store, struct azd_str scope, const struct azd_key *key, bool bodies,
                      struct azd_version_cursor **cursor, struct azd_error *error) {
  int rc = scope_ok(scope, true, error);
  return rc ? rc : store->ops->history(store, scope, key, bodies, cursor, error);
}

/* Another engine may have trained a dictionary since this store was opened. */
static int know_dictionary(struct azd_store *store, struct azd_str body, struct azd_error *error) {
  uint8_t id[AZD_DICT_ID_BYTES];
  return azd_codec_knows(store->codec, body, id) ? 0 : store->ops->dictionaries_load(store, error);
}

/* Bodies too large for one place lie in parts. out is cleared first where it is needed. */
static int join_body(struct azd_store *store, struct azd_version *version, struct azd_buf *out,
                     struct azd_error *error) {
  if (!store->ops->body_join || !version->body.size || version->body.data[0] != 'P') return 0;
  int rc = store->ops->body_join(store, version->body, out, error);
  azd_buf_append_char(out, '\0');
  if (!rc && azd_buf_status(out)) rc = azd_fail(error, AZD_ENOMEM, "no memory for a body");
  if (!rc) version->body = (struct azd_str){out->data, out->size - 1};
  return rc;
}

int azd_version_next(struct azd_version_cursor *cursor, struct azd_version *version, struct azd_error *error) {
  int rc = cursor->step(cursor, version, error);
  if (rc <= 0) return rc;
  rc = join_body(cursor->store, version, &cursor->joined, error);
  if (!rc) rc = know_dictionary(cursor->store, version->body, error);
  return rc ? rc : 1;
}

void azd_version_close(struct azd_version_cursor *cursor) {
  if (!cursor) return;
  azd_buf_free(&cursor->joined);
  cursor->close(cursor);
}

int azd_store_version(struct azd_store *store, struct azd_str scope, const struct azd_key *key, int64_t seq,
                      struct azd_arena *arena, struct azd_version *version, struct azd_error *error) {
  int rc = scope_ok(scope, false, error);
  struct azd_buf joined;
  azd_buf_init(&joined, 0);
  if (!rc) rc = store->ops->version(store, scope, key, seq, arena, version, error);
  if (!rc) rc = join_body(store, version, &joined, error);
  if (!rc && joined.size && !(version->body = azd_arena_keep(arena, version->body)).data)
    rc = azd_fail(error, AZD_ENOMEM, "no memory for a body");
  azd_buf_free(&joined);
  return rc ? rc : know_dictionary(store, version->body, error);
}

int azd_store_types(struct azd_store *store, struct azd_str scope, int64_t seq, struct azd_arena *arena,
                    struct azd_type_count **types, size_t *count, struct azd_error *error) {
  int rc = scope_ok(scope, false, error);
  return rc ? rc : store->ops->types(store, scope, seq, arena, types, count, error);
}

/* ---- baselines ---- */

int azd_store_baseline_set(struct azd_store *store, struct azd_str scope, const struct azd_str *types, size_t count,
                           int64_t seq, bool only_missing, struct azd_str who, struct azd_str why, size_t *changed,
                           struct azd_error *error) {
  size_t ignored;
  int rc = writable_scope(store, scope, error);
  if (rc) return rc;
  return store->ops->baseline_set(store, scope, types, count, seq, only_missing, who, why, changed ? changed : &ignored,
                                  error);
}

int azd_store_baseline_clear(struct azd_store *store, struct azd_str scope, struct azd_str type,
                             struct azd_error *error) {
  int rc = writable_scope(store, scope, error);
  return rc ? rc : store->ops->baseline_clear(store, scope, type, error);
}

int azd_store_baselines(struct azd_store *store, struct azd_str scope, struct azd_arena *arena,
                        struct azd_baseline **baselines, size_t *count, struct azd_error *error) {
  int rc = scope_ok(scope, false, error);
  return rc ? rc : store->ops->baselines(store, scope, arena, baselines, count, error);
}

static int states_ok(const struct azd_accepted *a, struct azd_error *error) {
  if (!a->state_count || a->state_count > AZD_ACCEPTED_STATES_MAX)
    return azd_fail(error, AZD_ELIMIT,
                    "%.*s: %zu states accepted until different times: 1 to %d; set its baseline anew instead",
                    AZD_STR_FORMAT(a->id), a->state_count, AZD_ACCEPTED_STATES_MAX);
  for (size_t i = 0; i + 1 < a->state_count; i++)
    if (!a->states[i].until_ms || (a->states[i + 1].until_ms && a->states[i + 1].until_ms <= a->states[i].until_ms))
      return azd_fail(error, AZD_EINVAL, "accepted states stand in order of their end");
  if (a->evidence.size <= AZD_EVIDENCE_MAX_BYTES) return 0;
  return azd_fail(error, AZD_ELIMIT, "%.*s: %zu bytes of evidence: at most %d", AZD_STR_FORMAT(a->id), a->evidence.size,
                  AZD_EVIDENCE_MAX_BYTES);
}

int azd_store_accept(struct azd_store *store, struct azd_str scope, const struct azd_accepted *accepted,
                     struct azd_error *error) {
  int rc = writable_scope(store, scope, error);
  if (!rc) rc = states_ok(accepted, error);
  return rc ? rc : store->ops->accept(store, scope, accepted, error);
}

int azd_store_unaccept(struct azd_store *store, struct azd_str scope, struct azd_str type, struct azd_str id,
                       struct azd_error *error) {
  int rc = writable_scope(store, scope, error);
  struct azd_key key = azd_key_of(type, id);
  return rc ? rc : store->ops->unaccept(store, scope, &key, error);
}

int azd_store_accepted(struct azd_store *store, struct azd_str scope, const struct azd_key *key,
                       struct azd_arena *arena, struct azd_accepted **accepted, size_t *count,
                       struct azd_error *error) {
  int rc = scope_ok(scope, false, error);
  return rc ? rc : store->ops->accepted(store, scope, key, arena, accepted, count, error);
}

/* ---- reports ---- */

int azd_store_report_put(struct azd_store *store, const struct azd_report *report, const struct azd_drift *drifts,
                         size_t drift_count, const struct azd_str *resolved, size_t resolved_count,
                         struct azd_error *error) {
  int rc = writable_scope(store, report->scope, error);
  if (rc) return rc;
  if (!report->id.size || report->revision < 1)
    return azd_fail(error, AZD_EINVAL, "a report needs an id and a revision");
  return store->ops->report_put(store, report, drifts, drift_count, resolved, resolved_count, error);
}

int azd_store_report(struct azd_store *store, struct azd_str scope, struct azd_str id, struct azd_arena *arena,
                     struct azd_report *report, struct azd_error *error) {
  int rc = scope_ok(scope, id.size > 0, error);
  return rc ? rc : store->ops->report(store, scope, id, arena, report, error);
}

int azd_store_reports(struct azd_store *store, struct azd_str scope, int64_t before_ms, size_t limit,
                      struct azd_arena *arena, struct azd_report **reports, size_t *count, struct azd_error *error) {
  int rc = scope_ok(scope, true, error);
  return rc ? rc : store->ops->reports(store, scope, before_ms, limit, arena, reports, count, error);
}

int azd_store_report_drifts(struct azd_store *store, struct azd_str report_id, struct azd_drift_cursor **cursor,
                            struct azd_error *error) {
  return store->ops->report_drifts(store, report_id, cursor, error);
}

int azd_store_drifts(struct azd_store *store, struct azd_str scope, unsigned statuses, struct azd_drift_cursor **cursor,
                     struct azd_error *error) {
  int rc = scope_ok(scope, true, error);
  if (!statuses) statuses = AZD_DRIFT_OPEN | AZD_DRIFT_ACKNOWLEDGED | AZD_DRIFT_MUTED;
  return rc ? rc : store->ops->drifts(store, scope, statuses, cursor, error);
}

int azd_drift_next(struct azd_drift_cursor *cursor, struct azd_drift *drift, struct azd_error *error) {
  return cursor->step(cursor, drift, error);
}

void azd_drift_close(struct azd_drift_cursor *cursor) {
  if (cursor) cursor->close(cursor);
}

int azd_store_drift(struct azd_store *store, struct azd_str scope, struct azd_str fingerprint, struct azd_arena *arena,
                    struct azd_drift *drift, struct azd_error *error) {
  int rc = scope_ok(scope, false, error);
  return rc ? rc : store->ops->drift(store, scope, fingerprint, arena, drift, error);
}

int azd_store_drift_set(struct azd_store *store, struct azd_str scope, struct azd_str fingerprint,
                        enum azd_drift_status status, struct azd_str who, struct azd_str why, int64_t until_ms,
                        struct azd_error *error) {
  int rc = writable_scope(store, scope, error);
  return rc ? rc : store->ops->drift_set(store, scope, fingerprint, status, who, why, until_ms, error);
}

/* ---- small documents ---- */

static int small_ok(struct azd_str kind, struct azd_str id, struct azd_error *error) {
  if (kind.size && kind.size <= 256 && id.size && id.size <= 256) return 0;
  return azd_fail(error, AZD_EINVAL, "a document needs a kind and an id of 1 to 256 bytes");
}

int azd_store_small_put(struct azd_store *store, struct azd_str kind, struct azd_str id, struct azd_str bytes,
                        int64_t expect_revision, struct azd_error *error) {
  int rc = writable(store, error);
  if (!rc) rc = small_ok(kind, id, error);
  if (!rc && bytes.size > AZD_SMALL_MAX_BYTES)
    rc = azd_fail(error, AZD_ELIMIT, "a document of %zu bytes: at most %d", bytes.size, AZD_SMALL_MAX_BYTES);
  return rc ? rc : store->ops->small_put(store, kind, id, bytes, expect_revision, error);
}

int azd_store_small_get(struct azd_store *store, struct azd_str kind, struct azd_str id, struct azd_arena *arena,
                        struct azd_small *small, struct azd_error *error) {
  int rc = small_ok(kind, id, error);
  return rc ? rc : store->ops->small_get(store, kind, id, arena, small, error);
}

int azd_store_small_list(struct azd_store *store, struct azd_str kind, struct azd_arena *arena,
                         struct azd_small **smalls, size_t *count, struct azd_error *error) {
  return store->ops->small_list(store, kind, arena, smalls, count, error);
}

int azd_store_small_delete(struct azd_store *store, struct azd_str kind, struct azd_str id, struct azd_error *error) {
  int rc = writable(store, error);
  if (!rc) rc = small_ok(kind, id, error);
  return rc ? rc : store->ops->small_delete(store, kind, id, error);
}

int azd_store_redaction_key(struct azd_store *store, struct azd_str key_id, struct azd_error *error) {
  struct azd_str kind = AZD_STR("setting"), id = AZD_STR("redaction_key");
  struct azd_arena arena;
  struct azd_small stored;
  azd_arena_init(&arena, 0);
  int rc = azd_store_small_get(store, kind, id, &arena, &stored, error);
  if (rc == AZD_ENOTFOUND) {
    rc = azd_store_small_put(store, kind, id, key_id, 0, error);
    if (!rc) goto out;
    /* Another engine may have been first: then its word holds. */
    if (rc == AZD_ECONFLICT) rc = azd_store_small_get(store, kind, id, &arena, &stored, error);
  }
  if (!rc && !azd_str_equal(stored.bytes, key_id))
    rc =
        azd_fail(error, AZD_EDENIED,
                 "%s was written with the redaction key %.*s, not %.*s: use the key it was made with, or another store",
                 store->name, AZD_STR_FORMAT(stored.bytes), AZD_STR_FORMAT(key_id));
out:
  azd_arena_free(&arena);
  return rc;
}
