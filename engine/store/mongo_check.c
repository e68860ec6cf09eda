/* How much is stored, and what the database finds wrong with it. */
#include "store/mongo.h"

int mg_count(struct mg_store *store, const char *collection, bson_t *filter, int64_t *found, struct azd_error *error) {
  bson_t reply, *command = BCON_NEW("count", BCON_UTF8(collection));
  BSON_APPEND_DOCUMENT(command, "query", filter);
  bson_destroy(filter);
  int rc = mg_command(store, store->database, command, &reply, error);
  if (rc) return rc;
  *found = mg_i64(&reply, "n");
  bson_destroy(&reply);
  return 0;
}

/* Open and published: what a run has only staged is nobody's yet. */
static bson_t *published_versions(const struct mg_moment *moment, bool open) {
  bson_t *filter = mg_scoped(azd_str_of(moment->scope)), range, list;
  if (open) BSON_APPEND_INT64(filter, "to_seq", AZD_SEQ_OPEN);
  bson_append_document_begin(filter, "from_seq", -1, &range);
  BSON_APPEND_INT64(&range, "$lte", moment->last);
  bson_append_array_begin(&range, "$nin", -1, &list);
  for (size_t i = 0; i < moment->void_count; i++) {
    char key[16];
    snprintf(key, sizeof key, "%zu", i);
    BSON_APPEND_INT64(&list, key, moment->voids[i]);
  }
  bson_append_array_end(&range, &list);
  bson_append_document_end(filter, &range);
  return filter;
}

static int count_open(struct mg_store *store, struct azd_str scope, int64_t *open, struct azd_error *error) {
  struct mg_moment moment;
  int64_t here = 0;
  int rc = mg_moment_load(store, scope, &moment, error);
  if (rc) return rc;
  rc = mg_count(store, MG_VERSIONS, published_versions(&moment, true), &here, error);
  *open += here;
  mg_moment_free(&moment);
  return rc;
}

/* Adds the bytes of a field of all documents that filter, which is destroyed, finds. */
static int field_bytes(struct mg_store *store, const char *collection, const char *field, bson_t *filter,
                       int64_t *bytes, struct azd_error *error) {
  bson_t reply,
      *command = BCON_NEW("aggregate", BCON_UTF8(collection), "pipeline", "[", "{", "$match", BCON_DOCUMENT(filter),
                          "}", "{", "$group", "{", "_id", BCON_NULL, "bytes", "{", "$sum", "{", "$binarySize",
                          BCON_UTF8(field), "}", "}", "}", "}", "]", "cursor", "{", "}");
  bson_iter_t start, found;
  bson_destroy(filter);
  int rc = mg_command(store, store->database, command, &reply, error);
  if (rc) return rc;
  if (bson_iter_init(&start, &reply) && bson_iter_find_descendant(&start, "cursor.firstBatch.0.bytes", &found))
    *bytes += bson_iter_as_int64(&found);
  bson_destroy(&reply);
  return 0;
}

int mg_body_bytes(struct mg_store *store, bson_t *filter, int64_t *bytes, struct azd_error *error) {
  return field_bytes(store, MG_VERSIONS, "$body", filter, bytes, error);
}

static int disk_bytes(struct mg_store *store, int64_t *bytes, struct azd_error *error) {
  bson_t reply;
  int rc = mg_command(store, store->database, BCON_NEW("dbStats", BCON_INT32(1)), &reply, error);
  if (rc) return rc;
  *bytes = mg_i64(&reply, "storageSize") + mg_i64(&reply, "indexSize");
  bson_destroy(&reply);
  return 0;
}

int mg_stats(struct azd_store *base, struct azd_store_stats *stats, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct azd_arena arena;
  const char **scopes = NULL;
  size_t scope_count = 0;
  azd_arena_init(&arena, 0);
  *stats = (struct azd_store_stats){.schema_version = MG_SCHEMA_VERSION};
  int rc = mg_scopes(base, &arena, &scopes, &scope_count, error);
  stats->scopes = (int64_t)scope_count;
  for (size_t i = 0; !rc && i < scope_count; i++)
    rc = count_open(store, azd_str_of(scopes[i]), &stats->open_versions, error);
  if (!rc) rc = mg_count(store, MG_SNAPSHOTS, mg_published_filter(bson_new()), &stats->snapshots, error);
  if (!rc) rc = mg_count(store, MG_VERSIONS, bson_new(), &stats->versions, error);
  if (!rc) rc = mg_count(store, MG_REPORTS, bson_new(), &stats->reports, error);
  if (!rc) rc = mg_count(store, MG_LIVES, bson_new(), &stats->drifts, error);
  if (!rc) rc = mg_count(store, MG_DICTIONARIES, bson_new(), &stats->dictionaries, error);
  if (!rc) rc = mg_body_bytes(store, bson_new(), &stats->body_bytes, error);
  if (!rc) rc = field_bytes(store, MG_PARTS, "$data", bson_new(), &stats->body_bytes, error);
  if (!rc) rc = disk_bytes(store, &stats->disk_bytes, error);
  azd_arena_free(&arena);
  return rc;
}

/* ---- one scope ---- */

static int edge_ms(struct mg_store *store, struct azd_str scope, int direction, int64_t *ms, struct azd_error *error) {
  bson_t *doc, *opts = BCON_NEW("sort", "{", "seq", BCON_INT32(direction), "}");
  int rc = mg_get(store, MG_SNAPSHOTS, mg_published_filter(mg_scoped(scope)), opts, &doc, error);
  if (rc) return rc == AZD_ENOTFOUND ? 0 : rc;
  *ms = mg_i64(doc, "timestamp");
  bson_destroy(doc);
  return 0;
}

int mg_scope_stats(struct azd_store *base, struct azd_str scope, struct azd_scope_stats *stats,
                   struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct mg_moment moment;
  int rc = mg_moment_load(store, scope, &moment, error);
  if (rc) return rc;
  stats->last_seq = moment.last;
  rc = mg_count(store, MG_SNAPSHOTS, mg_published_filter(mg_scoped(scope)), &stats->snapshots, error);
  if (!rc) rc = edge_ms(store, scope, 1, &stats->first_ms, error);
  if (!rc) rc = edge_ms(store, scope, -1, &stats->last_ms, error);
  if (!rc) rc = mg_count(store, MG_VERSIONS, published_versions(&moment, false), &stats->versions, error);
  if (!rc) rc = mg_count(store, MG_VERSIONS, published_versions(&moment, true), &stats->open_versions, error);
  if (!rc) rc = mg_body_bytes(store, published_versions(&moment, false), &stats->body_bytes, error);
  mg_moment_free(&moment);
  return rc;
}

/* ---- is it sound ---- */

/* The server's own structures are the business of its `validate`, which locks; a clean start has found them sound.
 * What we look for is what no commit of ours leaves: below the last published snapshot, one that is not finished. */
int mg_self_check(struct azd_store *base, void (*on_finding)(void *, const char *), void *context,
                  struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct azd_arena arena;
  const char **scopes = NULL;
  size_t scope_count = 0;
  azd_arena_init(&arena, 0);
  int rc = mg_schema_check(store, on_finding, context, error);
  if (!rc) rc = mg_scopes(base, &arena, &scopes, &scope_count, error);
  for (size_t i = 0; !rc && i < scope_count; i++) {
    struct azd_str scope = azd_str_of(scopes[i]);
    int64_t last, found = 0;
    char text[AZD_SCOPE_MAX_BYTES + 80];
    rc = mg_last_seq(store, scope, &last, error);
    if (rc) break;
    bson_t *filter = mg_scoped(scope);
    BCON_APPEND(filter, "status", BCON_UTF8("closing"), "seq", "{", "$lt", BCON_INT64(last), "}");
    rc = mg_count(store, MG_SNAPSHOTS, filter, &found, error);
    snprintf(text, sizeof text, "%s: %lld snapshots below the last one are not finished", scopes[i], (long long)found);
    if (!rc && found) on_finding(context, text);
  }
  azd_arena_free(&arena);
  return rc;
}
