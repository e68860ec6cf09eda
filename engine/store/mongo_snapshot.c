/* Snapshots: one document a moment. Times are dates and the status is a word, for people; the JSON texts are kept as
 * they were given. */
#include "store/mongo.h"

static const char *const status_names[] = {
    [AZD_SNAPSHOT_CLOSING] = "closing",   [AZD_SNAPSHOT_VOID] = "void",         [AZD_SNAPSHOT_PARTIAL] = "partial",
    [AZD_SNAPSHOT_COMPLETE] = "complete", [AZD_SNAPSHOT_THINNING] = "thinning", [AZD_SNAPSHOT_THINNED] = "thinned"};

const char *mg_status_name(enum azd_snapshot_status status) {
  return status_names[status];
}

static enum azd_snapshot_status status_of(struct azd_str name) {
  for (int i = AZD_SNAPSHOT_CLOSING; i <= AZD_SNAPSHOT_THINNED; i++)
    if (azd_str_equal(name, azd_str_of(status_names[i]))) return (enum azd_snapshot_status)i;
  return AZD_SNAPSHOT_VOID;
}

bson_t *mg_published_filter(bson_t *filter) {
  BCON_APPEND(filter, "status", "{", "$in", "[", BCON_UTF8("partial"), BCON_UTF8("complete"), "]", "}");
  return filter;
}

static bson_t *newest_first(void) {
  return BCON_NEW("sort", "{", "seq", BCON_INT32(-1), "}");
}

bson_t *mg_snapshot_doc(const struct azd_snapshot *s, enum azd_snapshot_status now) {
  bson_t *doc = BCON_NEW("_id", BCON_UTF8(s->id));
  mg_put(doc, "scope", s->scope);
  BSON_APPEND_INT64(doc, "seq", s->seq);
  BSON_APPEND_DATE_TIME(doc, "timestamp", s->timestamp_ms);
  BSON_APPEND_UTF8(doc, "status", status_names[now]);
  if (now != s->status) BSON_APPEND_UTF8(doc, "final", status_names[s->status]);
  mg_put(doc, "subscription_id", s->subscription_id);
  mg_put(doc, "resource_group", s->resource_group);
  BSON_APPEND_INT64(doc, "resources", s->resources);
  BSON_APPEND_INT64(doc, "added", s->added);
  BSON_APPEND_INT64(doc, "changed", s->changed);
  BSON_APPEND_INT64(doc, "removed", s->removed);
  mg_put(doc, "coverage", s->coverage);
  mg_put(doc, "missing", s->missing);
  mg_put(doc, "stamps", s->stamps);
  mg_put(doc, "redaction_key", s->redaction_key);
  mg_put_bytes(doc, "hashes_xor", s->hashes_xor, AZD_HASH_BYTES);
  mg_put_bytes(doc, "previous_chain", s->previous_chain, AZD_HASH_BYTES);
  mg_put_bytes(doc, "changes_hash", s->changes_hash, AZD_HASH_BYTES);
  mg_put_bytes(doc, "chain", s->chain, AZD_HASH_BYTES);
  return doc;
}

int mg_snapshot_read(const struct mg_store *store, const bson_t *doc, struct azd_arena *arena, struct azd_snapshot *s,
                     struct azd_error *error) {
  struct azd_str id = mg_str(doc, "_id");
  *s = (struct azd_snapshot){.seq = mg_i64(doc, "seq"),
                             .timestamp_ms = mg_i64(doc, "timestamp"),
                             .status = status_of(mg_str(doc, "status")),
                             .resources = mg_i64(doc, "resources"),
                             .added = mg_i64(doc, "added"),
                             .changed = mg_i64(doc, "changed"),
                             .removed = mg_i64(doc, "removed")};
  snprintf(s->id, sizeof s->id, "%.*s", AZD_STR_FORMAT(id));
  s->thinned = s->status >= AZD_SNAPSHOT_THINNING;
  if (s->thinned) s->status = status_of(mg_str(doc, "final"));
  struct {
    const char *name;
    struct azd_str *text;
  } texts[] = {{"scope", &s->scope},
               {"subscription_id", &s->subscription_id},
               {"resource_group", &s->resource_group},
               {"coverage", &s->coverage},
               {"missing", &s->missing},
               {"stamps", &s->stamps},
               {"redaction_key", &s->redaction_key}};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    *texts[i].text = azd_arena_keep(arena, mg_str(doc, texts[i].name));
    if (!texts[i].text->data) return azd_fail(error, AZD_ENOMEM, "no memory for a snapshot");
  }
  int rc = mg_bytes(store, doc, "hashes_xor", s->hashes_xor, AZD_HASH_BYTES, error);
  if (!rc) rc = mg_bytes(store, doc, "previous_chain", s->previous_chain, AZD_HASH_BYTES, error);
  if (!rc) rc = mg_bytes(store, doc, "changes_hash", s->changes_hash, AZD_HASH_BYTES, error);
  return rc ? rc : mg_bytes(store, doc, "chain", s->chain, AZD_HASH_BYTES, error);
}

int mg_last_seq(struct mg_store *store, struct azd_str scope, int64_t *seq, struct azd_error *error) {
  bson_t *doc, *filter = mg_scoped(scope), *opts = newest_first();
  mg_published_filter(filter);
  BCON_APPEND(opts, "projection", "{", "seq", BCON_INT32(1), "}");
  *seq = 0;
  int rc = mg_get(store, MG_SNAPSHOTS, filter, opts, &doc, error);
  if (rc) return rc == AZD_ENOTFOUND ? 0 : rc;
  *seq = mg_i64(doc, "seq");
  bson_destroy(doc);
  return 0;
}

static bson_t *latest_first(void) {
  return BCON_NEW("sort", "{", "timestamp", BCON_INT32(-1), "seq", BCON_INT32(-1), "}");
}

static int read_one(struct mg_store *store, bson_t *filter, bson_t *sort, struct azd_arena *arena,
                    struct azd_snapshot *snapshot, struct azd_error *error) {
  bson_t *doc;
  int rc = mg_get(store, MG_SNAPSHOTS, filter, sort, &doc, error);
  if (rc) return rc;
  rc = mg_snapshot_read(store, doc, arena, snapshot, error);
  bson_destroy(doc);
  return rc;
}

int mg_published(struct mg_store *store, struct azd_str scope, int64_t seq, struct azd_snapshot *snapshot,
                 struct azd_arena *arena, struct azd_error *error) {
  bson_t *filter = mg_scoped(scope);
  BSON_APPEND_INT64(filter, "seq", seq);
  mg_published_filter(filter);
  int rc = read_one(store, filter, newest_first(), arena, snapshot, error);
  if (rc == AZD_ENOTFOUND)
    azd_fail(error, rc, "%s has no published snapshot %lld of this scope", store->base.name, (long long)seq);
  return rc;
}

int mg_snapshot(struct azd_store *base, const struct azd_snapshot_query *query, struct azd_arena *arena,
                struct azd_snapshot *snapshot, struct azd_error *error) {
  bson_t *filter = query->scope.size ? mg_scoped(query->scope) : bson_new();
  if (query->by == AZD_BY_ID) mg_put(filter, "_id", query->id);
  if (query->by == AZD_BY_SEQ) BSON_APPEND_INT64(filter, "seq", query->seq);
  if (query->by == AZD_BY_TIME) BCON_APPEND(filter, "timestamp", "{", "$lte", BCON_DATE_TIME(query->at_ms), "}");
  mg_published_filter(filter);
  bson_t *sort = query->by == AZD_BY_TIME ? latest_first() : newest_first();
  int rc = read_one((struct mg_store *)base, filter, sort, arena, snapshot, error);
  if (rc == AZD_ENOTFOUND) azd_fail(error, rc, "%s has no such snapshot: `azdrift snapshots` lists them", base->name);
  return rc;
}

static bson_t *list_opts(bool of_scope, size_t limit) {
  bson_t *opts = of_scope ? newest_first() : latest_first();
  if (limit < INT64_MAX) BSON_APPEND_INT64(opts, "limit", (int64_t)limit);
  return opts;
}

static int read_all(struct mg_store *store, const bson_t *filter, const bson_t *opts, struct azd_arena *arena,
                    struct azd_snapshot **snapshots, size_t *count, struct azd_error *error) {
  struct mg_patience patience = {0};
  int rc;
  do {
    struct mg_list list;
    const bson_t *doc;
    size_t capacity = 0;
    *count = 0;
    *snapshots = NULL;
    rc = mg_list_open(store, MG_SNAPSHOTS, bson_copy(filter), bson_copy(opts), &list, error);
    while (!rc && (rc = mg_list_next(&list, &doc, error)) > 0) {
      *snapshots = mg_array_room(arena, *snapshots, *count, &capacity, sizeof **snapshots);
      rc = *snapshots ? mg_snapshot_read(store, doc, arena, &(*snapshots)[*count], error)
                      : azd_fail(error, AZD_ENOMEM, "no memory for snapshots");
      if (!rc) ++*count;
    }
    mg_list_close(&list);
  } while (mg_again(store, &patience, rc));
  return rc;
}

int mg_snapshots(struct azd_store *base, struct azd_str scope, int64_t before_seq, size_t limit,
                 struct azd_arena *arena, struct azd_snapshot **snapshots, size_t *count, struct azd_error *error) {
  *count = 0;
  *snapshots = NULL;
  if (!limit) return 0; /* to MongoDB 0 is no limit */
  bson_t *filter = mg_published_filter(scope.size ? mg_scoped(scope) : bson_new());
  bson_t *opts = list_opts(scope.size > 0, limit);
  if (scope.size && before_seq) BCON_APPEND(filter, "seq", "{", "$lt", BCON_INT64(before_seq), "}");
  int rc = read_all((struct mg_store *)base, filter, opts, arena, snapshots, count, error);
  bson_destroy(filter);
  bson_destroy(opts);
  return rc;
}

int mg_chain(struct azd_store *base, struct azd_str scope, int64_t after_seq, size_t limit, struct azd_arena *arena,
             struct azd_snapshot **snapshots, size_t *count, struct azd_error *error) {
  bson_t *filter = mg_scoped(scope), *opts = BCON_NEW("sort", "{", "seq", BCON_INT32(1), "}");
  BCON_APPEND(filter, "seq", "{", "$gt", BCON_INT64(after_seq), "}", "status", "{", "$in", "[", BCON_UTF8("partial"),
              BCON_UTF8("complete"), BCON_UTF8("thinning"), BCON_UTF8("thinned"), "]", "}");
  BSON_APPEND_INT64(opts, "limit", limit < INT64_MAX ? (int64_t)limit : INT64_MAX);
  int rc = read_all((struct mg_store *)base, filter, opts, arena, snapshots, count, error);
  bson_destroy(filter);
  bson_destroy(opts);
  return rc;
}

/* Every scope has had a lease before it had anything else. */
int mg_scopes(struct azd_store *base, struct azd_arena *arena, const char ***scopes, size_t *count,
              struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct mg_patience patience = {0};
  int rc;
  do {
    struct mg_list list;
    const bson_t *doc;
    size_t capacity = 0;
    *count = 0;
    *scopes = NULL;
    bson_t *opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "projection", "{", "_id", BCON_INT32(1), "}");
    rc = mg_list_open(store, MG_LEASES, bson_new(), opts, &list, error);
    while (!rc && (rc = mg_list_next(&list, &doc, error)) > 0) {
      *scopes = mg_array_room(arena, *scopes, *count, &capacity, sizeof **scopes);
      struct azd_str name = *scopes ? azd_arena_keep(arena, mg_str(doc, "_id")) : (struct azd_str){0};
      rc = name.data ? 0 : azd_fail(error, AZD_ENOMEM, "no memory for scopes");
      if (!rc) (*scopes)[(*count)++] = name.data;
    }
    mg_list_close(&list);
  } while (mg_again(store, &patience, rc));
  return rc;
}
