/* What dead or late runs left behind. Every seq between the last snapshot document and ours is sealed, in ascending
 * order, by inserting a snapshot of status void: who comes to its fence later is refused by the unique index. So below
 * the highest snapshot document there is never a seq without one. A snapshot in closing is decided, and is finished.
 * Versions of void seqs are deleted; what such a run writes afterwards stays invisible until the next sweep. All of it
 * may be done by two engines at once, or cut off and begun again. */
#include "base/clock.h"
#include "store/mongo.h"

static int top_seq(struct mg_store *store, struct azd_str scope, int64_t below, int64_t *seq, struct azd_error *error) {
  bson_t *doc, *filter = mg_scoped(scope);
  BCON_APPEND(filter, "seq", "{", "$lt", BCON_INT64(below), "}");
  int rc = mg_get(store, MG_SNAPSHOTS, filter, BCON_NEW("sort", "{", "seq", BCON_INT32(-1), "}"), &doc, error);
  *seq = 0;
  if (rc) return rc == AZD_ENOTFOUND ? 0 : rc;
  *seq = mg_i64(doc, "seq");
  bson_destroy(doc);
  return 0;
}

static int seal(struct mg_store *store, const struct azd_lease *lease, struct azd_error *error) {
  struct azd_str scope = azd_str_of(lease->scope);
  int64_t top;
  int rc = top_seq(store, scope, lease->seq, &top, error);
  for (int64_t seq = top + 1; !rc && seq < lease->seq; seq++) {
    char id[AZD_UUID_TEXT_BYTES];
    azd_uuid7(id);
    bson_t *doc = BCON_NEW("_id", BCON_UTF8(id), "scope", BCON_UTF8(lease->scope), "seq", BCON_INT64(seq), "status",
                           BCON_UTF8("void"), "sealed_by", BCON_UTF8(lease->owner), "sealed",
                           BCON_DATE_TIME(azd_clock_wall_ms()));
    rc = mg_insert(store, MG_SNAPSHOTS, doc, error);
    if (rc == AZD_ECONFLICT) rc = 0; /* sealed by another, or its run got through the fence just now: see below */
  }
  return rc;
}

/* The predecessors of what the run staged: its documents name them. */
static int roll_forward(struct mg_store *store, const struct mg_moment *moment, int64_t seq, struct azd_error *error) {
  struct mg_patience patience = {0};
  struct mg_order ends = {0};
  int rc;
  do {
    struct mg_list list;
    const bson_t *doc;
    bson_t *filter = mg_scoped(azd_str_of(moment->scope));
    BSON_APPEND_INT64(filter, "from_seq", seq);
    bson_t *opts = BCON_NEW("projection", "{", "prev_from", BCON_INT32(1), "}", "hint", BCON_UTF8(MG_BY_FROM),
                            "batchSize", BCON_INT32(MG_BATCH));
    ends.count = 0;
    rc = mg_list_open(store, MG_VERSIONS, filter, opts, &list, error);
    while (!rc && (rc = mg_list_next(&list, &doc, error)) > 0) {
      uint8_t id[AZD_VERSION_ID_BYTES];
      struct azd_key key;
      int64_t prev_from = mg_i64(doc, "prev_from");
      rc = mg_bytes(store, doc, "_id", id, sizeof id, error);
      if (rc || !prev_from) continue;
      memcpy(key.bytes, id + MG_SCOPE_HASH_BYTES, AZD_KEY_BYTES);
      azd_version_id_in(moment->hash, &key, prev_from, id);
      rc = mg_order_add(&ends, id + MG_SCOPE_HASH_BYTES, error);
    }
    mg_list_close(&list);
  } while (mg_again(store, &patience, rc));
  if (!rc) rc = mg_close_all(store, moment, &ends, seq, error);
  if (!rc) rc = mg_make_public(store, azd_str_of(moment->scope), seq, error);
  mg_order_free(&ends);
  return rc;
}

/* The oldest first: each one's predecessors were published by the one before. */
static int finish_closing(struct mg_store *store, const struct azd_lease *lease, struct azd_error *error) {
  struct mg_moment moment = {0};
  int rc;
  snprintf(moment.scope, sizeof moment.scope, "%s", lease->scope);
  mg_scope_hash(azd_str_of(lease->scope), moment.hash);
  for (;;) {
    bson_t *doc, *filter = mg_scoped(azd_str_of(lease->scope));
    BSON_APPEND_UTF8(filter, "status", "closing");
    rc = mg_get(store, MG_SNAPSHOTS, filter, BCON_NEW("sort", "{", "seq", BCON_INT32(1), "}"), &doc, error);
    if (rc) break;
    int64_t seq = mg_i64(doc, "seq");
    bson_destroy(doc);
    rc = roll_forward(store, &moment, seq, error);
    if (rc) break;
  }
  return rc == AZD_ENOTFOUND ? 0 : rc;
}

static int sweep(struct mg_store *store, const struct azd_lease *lease, struct azd_error *error) {
  struct mg_moment moment;
  int rc = mg_moment_load(store, azd_str_of(lease->scope), &moment, error);
  for (size_t first = 0; !rc && first < moment.void_count; first += MG_BATCH) {
    size_t count = moment.void_count - first < MG_BATCH ? moment.void_count - first : MG_BATCH;
    bson_t *filter = mg_scoped(azd_str_of(lease->scope)), from, list;
    bson_append_document_begin(filter, "from_seq", -1, &from);
    bson_append_array_begin(&from, "$in", -1, &list);
    for (size_t i = 0; i < count; i++) {
      char key[16];
      snprintf(key, sizeof key, "%zu", i);
      BSON_APPEND_INT64(&list, key, moment.voids[first + i]);
    }
    bson_append_array_end(&from, &list);
    bson_append_document_end(filter, &from);
    rc = mg_delete(store, MG_VERSIONS, filter, NULL, error);
  }
  if (!rc) mg_moment_free(&moment);
  return rc;
}

int mg_recover(struct azd_store *base, const struct azd_lease *lease, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  int rc = seal(store, lease, error);
  if (!rc) rc = finish_closing(store, lease, error);
  if (!rc) rc = sweep(store, lease, error);
  if (!rc) rc = mg_parts_sweep(store, azd_str_of(lease->scope), error);
  return rc ? rc : mg_reports_settle(store, azd_str_of(lease->scope), error);
}
