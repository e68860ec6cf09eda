/* Drifts as reports showed them, and their lives: one document a fingerprint and scope, with the last document. */
#include "store/mongo.h"

#include <stdlib.h>

static const struct {
  const char *name;
  size_t offset;
} texts[] = {{"drift_id", offsetof(struct azd_drift, id)},
             {"fingerprint", offsetof(struct azd_drift, fingerprint)},
             {"kind", offsetof(struct azd_drift, kind)},
             {"type", offsetof(struct azd_drift, type)},
             {"resource_id", offsetof(struct azd_drift, resource_id)},
             {"severity", offsetof(struct azd_drift, severity)},
             {"who", offsetof(struct azd_drift, who)},
             {"why", offsetof(struct azd_drift, why)},
             {"earlier", offsetof(struct azd_drift, earlier)},
             {"document", offsetof(struct azd_drift, document)},
             {"report", offsetof(struct azd_drift, report_id)}}; /* the last is written by the report */
enum { TEXTS = sizeof texts / sizeof *texts };

static struct azd_str *text_at(const struct azd_drift *drift, size_t i) {
  return (struct azd_str *)((char *)(uintptr_t)drift + texts[i].offset);
}

bson_t *mg_drift_doc(const struct azd_drift *d) {
  bson_t *doc = bson_new();
  for (size_t i = 0; i + 1 < TEXTS; i++) mg_put(doc, texts[i].name, *text_at(d, i));
  BSON_APPEND_INT32(doc, "status", (int32_t)d->status);
  BSON_APPEND_INT64(doc, "first_seen_seq", d->first_seen_seq);
  BSON_APPEND_DATE_TIME(doc, "first_seen", d->first_seen_ms);
  BSON_APPEND_INT64(doc, "last_seen_seq", d->last_seen_seq);
  BSON_APPEND_DATE_TIME(doc, "last_seen", d->last_seen_ms);
  BSON_APPEND_INT64(doc, "until_ms", d->until_ms);
  return doc;
}

static void read_drift(const bson_t *doc, struct azd_drift *d) {
  *d = (struct azd_drift){.status = (enum azd_drift_status)mg_i64(doc, "status"),
                          .first_seen_seq = mg_i64(doc, "first_seen_seq"),
                          .first_seen_ms = mg_i64(doc, "first_seen"),
                          .last_seen_seq = mg_i64(doc, "last_seen_seq"),
                          .last_seen_ms = mg_i64(doc, "last_seen"),
                          .until_ms = mg_i64(doc, "until_ms")};
  for (size_t i = 0; i < TEXTS; i++) *text_at(d, i) = mg_str(doc, texts[i].name);
}

/* ---- cursors ---- */

struct drift_cursor {
  struct azd_drift_cursor base;
  struct mg_list list; /* not open: at its end */
};

static int step(struct azd_drift_cursor *base, struct azd_drift *drift, struct azd_error *error) {
  struct drift_cursor *cursor = (struct drift_cursor *)base;
  const bson_t *doc;
  if (!cursor->list.client) return 0;
  int rc = mg_list_next(&cursor->list, &doc, error);
  if (rc > 0)
    read_drift(doc, drift);
  else if (rc == 0)
    mg_list_close(&cursor->list);
  return rc;
}

static void close_cursor(struct azd_drift_cursor *base) {
  struct drift_cursor *cursor = (struct drift_cursor *)base;
  mg_list_close(&cursor->list);
  free(cursor);
}

/* filter NULL: nothing to show. */
static int cursor_new(struct mg_store *store, const char *collection, bson_t *filter, bson_t *opts,
                      struct azd_drift_cursor **out, struct azd_error *error) {
  struct drift_cursor *cursor = calloc(1, sizeof *cursor);
  int rc = cursor ? 0 : azd_fail(error, AZD_ENOMEM, "no memory for a cursor");
  if (!rc && filter) {
    cursor->base = (struct azd_drift_cursor){.step = step, .close = close_cursor};
    rc = mg_list_open(store, collection, filter, opts, &cursor->list, error);
  } else {
    if (filter) bson_destroy(filter);
    bson_destroy(opts);
    if (cursor) cursor->base = (struct azd_drift_cursor){.step = step, .close = close_cursor};
  }
  if (rc)
    free(cursor);
  else
    *out = &cursor->base;
  return rc;
}

int mg_report_drifts(struct azd_store *base, struct azd_str report_id, struct azd_drift_cursor **out,
                     struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  bson_t *filter = NULL;
  int rc = mg_report_batch(store, report_id, &filter, error);
  if (rc && rc != AZD_ENOTFOUND) return rc;
  return cursor_new(store, MG_DRIFTS, filter, BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}"), out, error);
}

int mg_drifts(struct azd_store *base, struct azd_str scope, unsigned statuses, struct azd_drift_cursor **out,
              struct azd_error *error) {
  bson_t *filter = scope.size ? mg_scoped(scope) : bson_new(), in, list;
  int count = 0;
  bson_append_document_begin(filter, "status", -1, &in);
  bson_append_array_begin(&in, "$in", -1, &list);
  for (int status = AZD_DRIFT_OPEN; status <= AZD_DRIFT_RESOLVED; status *= 2) {
    char key[8];
    if (!(statuses & (unsigned)status)) continue;
    snprintf(key, sizeof key, "%d", count++);
    BSON_APPEND_INT32(&list, key, status);
  }
  bson_append_array_end(&in, &list);
  bson_append_document_end(filter, &in);
  bson_t *opts = BCON_NEW("sort", "{", scope.size ? "first_seen_seq" : "first_seen", BCON_INT32(1), "fingerprint",
                          BCON_INT32(1), "}");
  return cursor_new((struct mg_store *)base, MG_LIVES, filter, opts, out, error);
}

/* ---- one life ---- */

bson_t *mg_life_filter(struct azd_str scope, struct azd_str fingerprint) {
  bson_t *filter = bson_new(), id;
  bson_append_document_begin(filter, "_id", -1, &id);
  mg_put(&id, "scope", scope);
  mg_put(&id, "fingerprint", fingerprint);
  bson_append_document_end(filter, &id);
  return filter;
}

static int no_drift(const struct azd_store *store, struct azd_str fingerprint, struct azd_error *error) {
  return azd_fail(error, AZD_ENOTFOUND, "%s knows no drift %.*s in this scope", store->name,
                  AZD_STR_FORMAT(fingerprint));
}

int mg_drift(struct azd_store *base, struct azd_str scope, struct azd_str fingerprint, struct azd_arena *arena,
             struct azd_drift *drift, struct azd_error *error) {
  bson_t *doc;
  int rc = mg_get((struct mg_store *)base, MG_LIVES, mg_life_filter(scope, fingerprint), NULL, &doc, error);
  if (rc == AZD_ENOTFOUND) return no_drift(base, fingerprint, error);
  if (rc) return rc;
  read_drift(doc, drift);
  for (size_t i = 0; !rc && i < TEXTS; i++) {
    *text_at(drift, i) = azd_arena_keep(arena, *text_at(drift, i));
    if (!text_at(drift, i)->data) rc = azd_fail(error, AZD_ENOMEM, "no memory for a drift");
  }
  bson_destroy(doc);
  return rc;
}

int mg_drift_set(struct azd_store *base, struct azd_str scope, struct azd_str fingerprint, enum azd_drift_status status,
                 struct azd_str who, struct azd_str why, int64_t until_ms, struct azd_error *error) {
  bson_t *update = bson_new(), set;
  int64_t matched = 0;
  bson_append_document_begin(update, "$set", -1, &set);
  BSON_APPEND_INT32(&set, "status", (int32_t)status);
  mg_put(&set, "who", who);
  mg_put(&set, "why", why);
  BSON_APPEND_INT64(&set, "until_ms", until_ms);
  bson_append_document_end(update, &set);
  int rc =
      mg_update((struct mg_store *)base, MG_LIVES, MG_ONE, mg_life_filter(scope, fingerprint), update, &matched, error);
  return !rc && !matched ? no_drift(base, fingerprint, error) : rc;
}
