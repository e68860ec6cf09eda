#include "store/export.h"
#include "base/clock.h"

enum { PIECE_BYTES = 64 * 1024 };

struct exporting {
  struct azd_store *store;
  struct azd_codec_work *work;
  struct azd_buf out;
  int (*write)(void *, struct azd_str, struct azd_error *);
  void *context;
  uint8_t type[AZD_KEY_TYPE_BYTES]; /* of the object that is open */
  int64_t resources;
};

static int flush(struct exporting *e, size_t at_least, struct azd_error *error) {
  int rc = azd_buf_status(&e->out);
  if (rc) return azd_fail(error, rc, "no memory for an export");
  if (e->out.size < at_least || !e->out.size) return 0;
  rc = e->write(e->context, azd_buf_str(&e->out), error);
  azd_buf_clear(&e->out);
  return rc;
}

static void text_or_null(struct azd_buf *out, const char *name, struct azd_str text) {
  azd_buf_append_text(out, name);
  if (text.size)
    azd_buf_append_json(out, text);
  else
    azd_buf_append_text(out, "null");
}

static void begin(struct exporting *e, const struct azd_snapshot *s) {
  char time[AZD_TIME_BYTES];
  azd_buf_printf(&e->out, "{\"_id\":\"%s\",\"timestamp\":\"%s\"", s->id, azd_time_format(s->timestamp_ms, time));
  text_or_null(&e->out, ",\"subscription_id\":", s->subscription_id);
  text_or_null(&e->out, ",\"resource_group\":", s->resource_group);
  azd_buf_append_text(&e->out, ",\"resources\":{");
}

static int one(struct exporting *e, const struct azd_version *v, struct azd_error *error) {
  bool other_type = !e->resources || memcmp(e->type, v->key.bytes, AZD_KEY_TYPE_BYTES);
  if (other_type) {
    azd_buf_append_text(&e->out, e->resources ? "}," : "");
    azd_buf_append_json(&e->out, v->type);
    azd_buf_append_text(&e->out, ":{");
    memcpy(e->type, v->key.bytes, AZD_KEY_TYPE_BYTES);
  } else {
    azd_buf_append_char(&e->out, ',');
  }
  azd_buf_append_json(&e->out, v->id);
  azd_buf_append_char(&e->out, ':');
  e->resources++;
  int rc = azd_codec_decode(azd_store_codec(e->store), e->work, v->body, &e->out, error);
  return rc ? rc : flush(e, PIECE_BYTES, error);
}

/* The versions of a type (empty: of all). */
static int write_versions(struct exporting *e, const struct azd_snapshot *snapshot, struct azd_str type,
                          struct azd_error *error) {
  struct azd_version_query query = {.scope = snapshot->scope, .seq = snapshot->seq, .type = type, .bodies = true};
  struct azd_version_cursor *cursor = NULL;
  struct azd_version version;
  int rc = azd_store_versions(e->store, &query, &cursor, error);
  while (!rc && (rc = azd_version_next(cursor, &version, error)) > 0) rc = one(e, &version, error);
  azd_version_close(cursor);
  return rc;
}

int azd_store_export(struct azd_store *store, const struct azd_snapshot *snapshot, const struct azd_str *types,
                     size_t type_count, int (*write)(void *context, struct azd_str piece, struct azd_error *error),
                     void *context, int64_t *resources, struct azd_error *error) {
  struct exporting e = {.store = store, .write = write, .context = context, .work = azd_codec_work_new()};
  azd_buf_init(&e.out, 0);
  int rc = e.work ? 0 : azd_fail(error, AZD_ENOMEM, "no memory for zstd");
  if (!rc) begin(&e, snapshot);
  if (!rc && !type_count) rc = write_versions(&e, snapshot, (struct azd_str){0}, error);
  for (size_t i = 0; !rc && i < type_count; i++) rc = write_versions(&e, snapshot, types[i], error);
  if (!rc) {
    azd_buf_append_text(&e.out, e.resources ? "}}}\n" : "}}\n");
    rc = flush(&e, 0, error);
  }
  azd_codec_work_free(e.work);
  azd_buf_free(&e.out);
  if (!rc && resources) *resources = e.resources;
  return rc;
}
