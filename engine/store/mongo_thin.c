/* Thinning out (maintain.h). Nothing here is a transaction: a snapshot is marked by one update of its own document,
 * which fails where a baseline has just taken hold of it (mg_pin), and deleting is by id, a batch at a time. */
#include "store/mongo.h"

enum { PIN_MS = 3600 * 1000 }; /* between taking hold of a snapshot and the baseline's being there lie seconds */

static enum azd_mark_state state_of(struct azd_str status) {
  if (azd_str_equal(status, AZD_STR("closing"))) return AZD_MARK_CLOSING;
  if (azd_str_equal(status, AZD_STR("thinning"))) return AZD_MARK_THINNING;
  return azd_str_equal(status, AZD_STR("thinned")) ? AZD_MARK_THINNED : AZD_MARK_KEPT;
}

static int compare_marks(const void *a, const void *b) {
  int64_t x = ((const struct azd_mark *)a)->seq, y = ((const struct azd_mark *)b)->seq;
  return (x > y) - (x < y);
}

/* An index has all of it; sorted here, because it is in order of status first. */
static int read_marks(struct mg_store *store, struct azd_str scope, struct azd_arena *arena, struct azd_mark **marks,
                      size_t *count, struct azd_error *error) {
  struct mg_list list;
  const bson_t *doc;
  size_t capacity = 0;
  bson_t *filter = mg_scoped(scope);
  BCON_APPEND(filter, "status", "{", "$in", "[", BCON_UTF8("closing"), BCON_UTF8("partial"), BCON_UTF8("complete"),
              BCON_UTF8("thinning"), BCON_UTF8("thinned"), "]", "}");
  bson_t *opts =
      BCON_NEW("projection", "{", "_id", BCON_INT32(0), "seq", BCON_INT32(1), "timestamp", BCON_INT32(1), "status",
               BCON_INT32(1), "}", "hint", BCON_UTF8("scope_status"), "batchSize", BCON_INT32(MG_BATCH));
  *marks = NULL;
  *count = 0;
  int rc = mg_list_open(store, MG_SNAPSHOTS, filter, opts, &list, error);
  while (!rc && (rc = mg_list_next(&list, &doc, error)) > 0) {
    *marks = mg_array_room(arena, *marks, *count, &capacity, sizeof **marks);
    rc = *marks ? 0 : azd_fail(error, AZD_ENOMEM, "no memory for snapshots");
    if (rc) break;
    (*marks)[(*count)++] = (struct azd_mark){
        .seq = mg_i64(doc, "seq"), .timestamp_ms = mg_i64(doc, "timestamp"), .state = state_of(mg_str(doc, "status"))};
  }
  mg_list_close(&list);
  if (!rc && *count) qsort(*marks, *count, sizeof **marks, compare_marks);
  return rc;
}

int mg_marks(struct azd_store *base, struct azd_str scope, struct azd_arena *arena, struct azd_mark **marks,
             size_t *count, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct mg_patience patience = {0};
  int rc;
  do rc = read_marks(store, scope, arena, marks, count, error);
  while (mg_again(store, &patience, rc));
  return rc;
}

/* ---- marking ---- */

int mg_pin(struct mg_store *store, struct azd_str scope, int64_t seq, struct azd_error *error) {
  int64_t matched = 0;
  bson_t *filter = mg_published_filter(mg_scoped(scope));
  BSON_APPEND_INT64(filter, "seq", seq);
  int rc = mg_update(store, MG_SNAPSHOTS, MG_ONE, filter,
                     BCON_NEW("0", "{", "$set", "{", "pinned", BCON_UTF8("$$NOW"), "}", "}"), &matched, error);
  if (!rc && !matched)
    rc = azd_fail(error, AZD_ENOTFOUND, "%s has no published snapshot %lld of this scope", store->base.name,
                  (long long)seq);
  return rc;
}

/* By the server's clock on both sides. What has no pin is older than any time. */
static bson_t *free_filter(struct azd_str scope, int64_t seq) {
  bson_t *filter = mg_published_filter(mg_scoped(scope));
  BSON_APPEND_INT64(filter, "seq", seq);
  BCON_APPEND(filter, "$expr", "{", "$lt", "[", BCON_UTF8("$pinned"), "{", "$subtract", "[", BCON_UTF8("$$NOW"),
              BCON_INT64(PIN_MS), "]", "}", "]", "}");
  return filter;
}

static int mark_one(struct mg_store *store, struct azd_str scope, int64_t seq, size_t *marked,
                    struct azd_error *error) {
  int64_t matched = 0;
  bson_t *update = BCON_NEW("0", "{", "$set", "{", "final", BCON_UTF8("$status"), "status", BCON_UTF8("thinning"), "}",
                            "}", "1", "{", "$unset", BCON_UTF8("pinned"), "}");
  int rc = mg_update(store, MG_SNAPSHOTS, MG_ONE, free_filter(scope, seq), update, &matched, error);
  if (!rc) *marked += matched > 0;
  return rc;
}

int mg_thin_mark(struct azd_store *base, struct azd_str scope, const int64_t *seqs, size_t count, size_t *marked,
                 struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct azd_arena arena;
  int64_t last, *pinned;
  size_t pinned_count = 0;
  azd_arena_init(&arena, 0);
  int rc = mg_last_seq(store, scope, &last, error);
  if (!rc) rc = azd_store_pinned(base, scope, &arena, &pinned, &pinned_count, error);
  for (size_t i = 0; !rc && i < count; i++) {
    bool stays = seqs[i] >= last;
    for (size_t k = 0; !stays && k < pinned_count; k++) stays = pinned[k] == seqs[i];
    if (!stays) rc = mark_one(store, scope, seqs[i], marked, error);
  }
  azd_arena_free(&arena);
  return rc;
}

/* ---- deleting ---- */

/* A tombstone stays while the version it follows does, which is open at the beginning of the gap. */
static bson_t *within(struct azd_str scope, struct azd_gap gap) {
  bson_t *filter = mg_scoped(scope);
  BCON_APPEND(filter, "to_seq", "{", "$gt", BCON_INT64(gap.after), "$lte", BCON_INT64(gap.before), "}", "from_seq", "{",
              "$gt", BCON_INT64(gap.after), "}", "$or", "[", "{", "prev_from", "{", "$gt", BCON_INT64(gap.after), "}",
              "}", "{", "$expr", "{", "$lt", "[", BCON_UTF8("$from_seq"), BCON_UTF8("$to_seq"), "]", "}", "}", "]");
  return filter;
}

static int find_some(struct mg_store *store, struct azd_str scope, struct azd_gap gap, int64_t limit,
                     struct mg_order *order, struct azd_error *error) {
  struct mg_patience patience = {0};
  int rc;
  do {
    struct mg_list list;
    const bson_t *doc;
    bson_t *opts = BCON_NEW("projection", "{", "_id", BCON_INT32(1), "}", "hint", BCON_UTF8(MG_BY_TO), "limit",
                            BCON_INT64(limit), "batchSize", BCON_INT32(MG_BATCH));
    order->count = 0;
    rc = mg_list_open(store, MG_VERSIONS, within(scope, gap), opts, &list, error);
    while (!rc && (rc = mg_list_next(&list, &doc, error)) > 0) {
      uint8_t id[AZD_VERSION_ID_BYTES];
      rc = mg_bytes(store, doc, "_id", id, sizeof id, error);
      if (!rc) rc = mg_order_add(order, id + MG_SCOPE_HASH_BYTES, error);
    }
    mg_list_close(&list);
  } while (mg_again(store, &patience, rc));
  return rc;
}

int mg_thin_some(struct azd_store *base, struct azd_str scope, struct azd_gap gap, int64_t limit, int64_t *deleted,
                 struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct mg_moment moment = {0};
  struct mg_order order = {0};
  mg_scope_hash(scope, moment.hash);
  int rc = find_some(store, scope, gap, limit, &order, error);
  if (!rc && order.count)
    rc = mg_delete(store, MG_VERSIONS, mg_order_filter(&moment, &order, 0, order.count), NULL, error);
  if (!rc) *deleted = (int64_t)order.count; /* also where another engine was faster: there may be more */
  mg_order_free(&order);
  return rc;
}

int mg_thin_count(struct azd_store *base, struct azd_str scope, struct azd_gap gap, struct azd_thin_count *counted,
                  struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  int rc = mg_count(store, MG_VERSIONS, within(scope, gap), &counted->versions, error);
  return rc ? rc : mg_body_bytes(store, within(scope, gap), &counted->body_bytes, error);
}

int mg_thin_finish(struct azd_store *base, struct azd_str scope, struct azd_gap gap, struct azd_error *error) {
  bson_t *filter = mg_scoped(scope);
  BCON_APPEND(filter, "status", BCON_UTF8("thinning"), "seq", "{", "$gt", BCON_INT64(gap.after), "$lt",
              BCON_INT64(gap.before), "}");
  return mg_update((struct mg_store *)base, MG_SNAPSHOTS, MG_MANY, filter,
                   BCON_NEW("$set", "{", "status", BCON_UTF8("thinned"), "}"), NULL, error);
}
