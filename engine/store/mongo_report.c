/* Drift reports. A report and its drifts become visible as one without a transaction: its drifts are written first,
 * under a batch of their own (a uuid that begins their ids), and the header, which names the batch, is put in place by
 * one write that a later revision refuses. Then the lives of its drifts follow, each knowing the batch it was set by;
 * `settled` says that all of them did, and whoever finds it false at the next lease does the rest (mg_reports_settle).
 */
#include "base/clock.h"
#include "store/mongo.h"

#include <stdlib.h>

enum { BATCH_BYTES = 16, DRIFT_ID = BATCH_BYTES + 4 };

/* ---- drifts of a batch ---- */

static void drift_id(const uint8_t batch[BATCH_BYTES], uint32_t place, uint8_t id[DRIFT_ID]) {
  memcpy(id, batch, BATCH_BYTES);
  for (int i = 0; i < 4; i++) id[BATCH_BYTES + i] = (uint8_t)(place >> (24 - 8 * i));
}

static bson_t *batch_filter(const uint8_t batch[BATCH_BYTES]) {
  uint8_t low[DRIFT_ID], high[DRIFT_ID];
  bson_t *filter = bson_new();
  drift_id(batch, 0, low);
  drift_id(batch, UINT32_MAX, high);
  mg_put_range(filter, low, high, DRIFT_ID);
  return filter;
}

static int put_drifts(struct mg_store *store, const struct azd_report *r, const uint8_t batch[BATCH_BYTES],
                      const struct azd_drift *drifts, size_t count, struct azd_error *error) {
  int rc = 0;
  for (size_t i = 0; !rc && i < count; i++) {
    uint8_t id[DRIFT_ID];
    bson_t *doc = bson_new(), *fields = mg_drift_doc(&drifts[i]);
    drift_id(batch, (uint32_t)i, id);
    mg_put_bytes(doc, "_id", id, sizeof id);
    mg_put(doc, "report", r->id);
    mg_put(doc, "scope", r->scope);
    bson_concat(doc, fields);
    bson_destroy(fields);
    rc = mg_insert(store, MG_DRIFTS, doc, error);
    if (rc == AZD_ECONFLICT) rc = 0; /* sent twice */
  }
  return rc;
}

/* ---- the header ---- */

static bson_t *header_doc(const struct azd_report *r, const uint8_t batch[BATCH_BYTES], const struct azd_str *resolved,
                          size_t resolved_count) {
  bson_t *doc = bson_new(), list;
  mg_put(doc, "_id", r->id);
  mg_put(doc, "scope", r->scope);
  BSON_APPEND_INT64(doc, "revision", r->revision);
  BSON_APPEND_DATE_TIME(doc, "timestamp", r->timestamp_ms);
  mg_put(doc, "snapshot_id", r->snapshot_id);
  mg_put(doc, "baseline_id", r->baseline_id);
  BSON_APPEND_INT64(doc, "from_seq", r->from_seq);
  BSON_APPEND_INT64(doc, "to_seq", r->to_seq);
  BSON_APPEND_BOOL(doc, "has_drift", r->has_drift);
  BSON_APPEND_BOOL(doc, "complete", r->complete);
  mg_put(doc, "header", r->header);
  mg_put_bytes(doc, "batch", batch, BATCH_BYTES);
  BSON_APPEND_BOOL(doc, "settled", false);
  bson_append_array_begin(doc, "resolved", -1, &list);
  for (size_t i = 0; i < resolved_count; i++) {
    char key[16];
    snprintf(key, sizeof key, "%zu", i);
    mg_put(&list, key, resolved[i]);
  }
  bson_append_array_end(doc, &list);
  return doc;
}

static bson_t *report_filter(struct azd_str id) {
  bson_t *filter = bson_new();
  mg_put(filter, "_id", id);
  return filter;
}

static int stored_already(const struct azd_report *r, int64_t revision, struct azd_error *error) {
  return azd_fail(error, AZD_ECONFLICT, "report %.*s is stored with revision %lld already", AZD_STR_FORMAT(r->id),
                  (long long)revision);
}

/* AZD_ECONFLICT early; before: the batch that will be replaced, or nothing. */
static int look(struct mg_store *store, const struct azd_report *r, uint8_t before[BATCH_BYTES], bool *has_before,
                struct azd_error *error) {
  bson_t *doc;
  int rc = mg_get(store, MG_REPORTS, report_filter(r->id), NULL, &doc, error);
  *has_before = false;
  if (rc) return rc == AZD_ENOTFOUND ? 0 : rc;
  int64_t revision = mg_i64(doc, "revision");
  if (revision >= r->revision) rc = stored_already(r, revision, error);
  if (!rc) rc = mg_bytes(store, doc, "batch", before, BATCH_BYTES, error);
  *has_before = !rc;
  bson_destroy(doc);
  return rc;
}

/* The upsert of a document that a later revision holds meets its _id. It may also be our own, sent twice. */
static int put_header(struct mg_store *store, const struct azd_report *r, const uint8_t batch[BATCH_BYTES],
                      bson_t *header, struct azd_error *error) {
  bson_t *doc, *filter = report_filter(r->id);
  BCON_APPEND(filter, "revision", "{", "$lt", BCON_INT64(r->revision), "}");
  int rc = mg_update(store, MG_REPORTS, MG_REPLACE, filter, header, NULL, error);
  if (rc != AZD_ECONFLICT) return rc;
  rc = mg_get(store, MG_REPORTS, report_filter(r->id), NULL, &doc, error);
  if (rc) return rc;
  struct azd_str stored = mg_bin(doc, "batch");
  bool ours = azd_str_equal(stored, (struct azd_str){(const char *)batch, BATCH_BYTES});
  rc = ours ? 0 : stored_already(r, mg_i64(doc, "revision"), error);
  bson_destroy(doc);
  return rc;
}

/* ---- lives ---- */

/* A life that this batch has set is left alone: a person may have spoken since. */
static int set_life(struct mg_store *store, struct azd_str batch, const bson_t *drift, struct azd_error *error) {
  struct azd_str scope = mg_str(drift, "scope"), fingerprint = mg_str(drift, "fingerprint");
  bson_t *filter = mg_life_filter(scope, fingerprint), *life = mg_life_filter(scope, fingerprint);
  BCON_APPEND(filter, "batch", "{", "$ne",
              BCON_BIN(BSON_SUBTYPE_BINARY, (const uint8_t *)batch.data, (uint32_t)batch.size), "}");
  mg_put_bytes(life, "batch", batch.data, batch.size);
  bson_copy_to_excluding_noinit(drift, life, "_id", NULL);
  int rc = mg_update(store, MG_LIVES, MG_REPLACE, filter, life, NULL, error);
  return rc == AZD_ECONFLICT ? 0 : rc;
}

static int resolve(struct mg_store *store, const bson_t *header, struct azd_error *error) {
  struct azd_str scope = mg_str(header, "scope"), batch = mg_bin(header, "batch");
  bson_iter_t list, each;
  int rc = 0;
  if (!bson_iter_init_find(&list, header, "resolved") || !bson_iter_recurse(&list, &each)) return 0;
  while (!rc && bson_iter_next(&each)) {
    uint32_t bytes;
    const char *text = bson_iter_utf8(&each, &bytes);
    bson_t *filter = mg_life_filter(scope, (struct azd_str){text, bytes});
    bson_t *update = bson_new();
    BCON_APPEND(filter, "batch", "{", "$ne",
                BCON_BIN(BSON_SUBTYPE_BINARY, (const uint8_t *)batch.data, (uint32_t)batch.size), "}");
    BCON_APPEND(update, "$set", "{", "status", BCON_INT32(AZD_DRIFT_RESOLVED), "batch",
                BCON_BIN(BSON_SUBTYPE_BINARY, (const uint8_t *)batch.data, (uint32_t)batch.size), "}", "$max", "{",
                "last_seen_seq", BCON_INT64(mg_i64(header, "to_seq")), "}");
    rc = mg_update(store, MG_LIVES, MG_ONE, filter, update, NULL, error);
  }
  return rc;
}

static int settle(struct mg_store *store, const bson_t *header, struct azd_error *error) {
  struct mg_patience patience = {0};
  uint8_t batch[BATCH_BYTES];
  int rc = mg_bytes(store, header, "batch", batch, sizeof batch, error);
  if (rc) return rc;
  do {
    struct mg_list list;
    const bson_t *doc;
    rc = mg_list_open(store, MG_DRIFTS, batch_filter(batch), BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}"), &list,
                      error);
    while (!rc && (rc = mg_list_next(&list, &doc, error)) > 0)
      rc = set_life(store, (struct azd_str){(const char *)batch, sizeof batch}, doc, error);
    mg_list_close(&list);
  } while (mg_again(store, &patience, rc));
  if (!rc) rc = resolve(store, header, error);
  if (rc) return rc;
  bson_t *filter = report_filter(mg_str(header, "_id"));
  mg_put_bytes(filter, "batch", batch, sizeof batch);
  return mg_update(store, MG_REPORTS, MG_ONE, filter, BCON_NEW("$set", "{", "settled", BCON_BOOL(true), "}"), NULL,
                   error);
}

int mg_reports_settle(struct mg_store *store, struct azd_str scope, struct azd_error *error) {
  int rc;
  for (;;) {
    bson_t *doc, *filter = mg_scoped(scope);
    BSON_APPEND_BOOL(filter, "settled", false);
    rc = mg_get(store, MG_REPORTS, filter,
                BCON_NEW("sort", "{", "timestamp", BCON_INT32(1), "}", "hint", BCON_UTF8("unsettled")), &doc, error);
    if (rc) return rc == AZD_ENOTFOUND ? 0 : rc;
    rc = settle(store, doc, error);
    bson_destroy(doc);
    if (rc) return rc;
  }
}

int mg_report_put(struct azd_store *base, const struct azd_report *report, const struct azd_drift *drifts, size_t count,
                  const struct azd_str *resolved, size_t resolved_count, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  uint8_t batch[BATCH_BYTES], before[BATCH_BYTES];
  bool has_before;
  int rc = look(store, report, before, &has_before, error);
  if (!rc) rc = mg_reports_settle(store, report->scope, error);
  if (rc) return rc;
  azd_random(batch, sizeof batch);
  bson_t *header = header_doc(report, batch, resolved, resolved_count);
  rc = put_drifts(store, report, batch, drifts, count, error);
  if (!rc) rc = put_header(store, report, batch, bson_copy(header), error);
  if (rc)
    mg_delete(store, MG_DRIFTS, batch_filter(batch), NULL, NULL); /* nobody names them */
  else
    rc = settle(store, header, error);
  if (!rc && has_before) rc = mg_delete(store, MG_DRIFTS, batch_filter(before), NULL, error);
  bson_destroy(header);
  return rc;
}

/* ---- reading ---- */

static int read_report(const bson_t *doc, struct azd_arena *arena, struct azd_report *r, struct azd_error *error) {
  *r = (struct azd_report){.revision = mg_i64(doc, "revision"),
                           .timestamp_ms = mg_i64(doc, "timestamp"),
                           .from_seq = mg_i64(doc, "from_seq"),
                           .to_seq = mg_i64(doc, "to_seq"),
                           .has_drift = mg_i64(doc, "has_drift") != 0,
                           .complete = mg_i64(doc, "complete") != 0};
  struct azd_str *strings[] = {&r->id, &r->scope, &r->snapshot_id, &r->baseline_id, &r->header};
  static const char *const names[] = {"_id", "scope", "snapshot_id", "baseline_id", "header"};
  for (int i = 0; i < 5; i++) {
    *strings[i] = azd_arena_keep(arena, mg_str(doc, names[i]));
    if (!strings[i]->data) return azd_fail(error, AZD_ENOMEM, "no memory for a report");
  }
  return 0;
}

static bson_t *newest_first(void) {
  return BCON_NEW("sort", "{", "timestamp", BCON_INT32(-1), "_id", BCON_INT32(-1), "}", "projection", "{", "resolved",
                  BCON_INT32(0), "}");
}

int mg_report(struct azd_store *base, struct azd_str scope, struct azd_str id, struct azd_arena *arena,
              struct azd_report *report, struct azd_error *error) {
  bson_t *doc, *filter = id.size ? report_filter(id) : mg_scoped(scope);
  int rc = mg_get((struct mg_store *)base, MG_REPORTS, filter, newest_first(), &doc, error);
  if (rc == AZD_ENOTFOUND) return azd_fail(error, rc, "%s has no such report", base->name);
  if (rc) return rc;
  rc = read_report(doc, arena, report, error);
  bson_destroy(doc);
  return rc;
}

int mg_reports(struct azd_store *base, struct azd_str scope, int64_t before_ms, size_t limit, struct azd_arena *arena,
               struct azd_report **reports, size_t *count, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct mg_patience patience = {0};
  int rc = 0;
  *reports = NULL;
  *count = 0;
  if (!limit) return 0; /* to MongoDB 0 is no limit */
  do {
    struct mg_list list;
    const bson_t *doc;
    size_t capacity = 0;
    bson_t *filter = scope.size ? mg_scoped(scope) : bson_new(), *opts = newest_first();
    if (before_ms) BCON_APPEND(filter, "timestamp", "{", "$lt", BCON_DATE_TIME(before_ms), "}");
    if (limit < INT64_MAX) BSON_APPEND_INT64(opts, "limit", (int64_t)limit);
    *reports = NULL;
    *count = 0;
    rc = mg_list_open(store, MG_REPORTS, filter, opts, &list, error);
    while (!rc && (rc = mg_list_next(&list, &doc, error)) > 0) {
      *reports = mg_array_room(arena, *reports, *count, &capacity, sizeof **reports);
      rc = *reports ? read_report(doc, arena, &(*reports)[*count], error)
                    : azd_fail(error, AZD_ENOMEM, "no memory for reports");
      *count += rc == 0;
    }
    mg_list_close(&list);
  } while (mg_again(store, &patience, rc));
  return rc;
}

int mg_report_batch(struct mg_store *store, struct azd_str report_id, bson_t **filter, struct azd_error *error) {
  bson_t *doc, *opts = BCON_NEW("projection", "{", "batch", BCON_INT32(1), "}");
  uint8_t batch[BATCH_BYTES];
  int rc = mg_get(store, MG_REPORTS, report_filter(report_id), opts, &doc, error);
  if (rc) return rc;
  rc = mg_bytes(store, doc, "batch", batch, sizeof batch, error);
  bson_destroy(doc);
  if (!rc) *filter = batch_filter(batch);
  return rc;
}
