/* Small named documents, and the dictionaries of the codec. */
#include "base/clock.h"
#include "store/mongo.h"

static bson_t *small_filter(struct azd_str kind, struct azd_str id) {
  bson_t *filter = bson_new();
  mg_put(filter, "kind", kind);
  mg_put(filter, "id", id);
  return filter;
}

static int moved(struct mg_store *store, struct azd_str kind, struct azd_str id, int64_t expect,
                 struct azd_error *error) {
  bson_t *doc;
  int64_t revision = 0;
  int rc = mg_get(store, MG_SMALLS, small_filter(kind, id), NULL, &doc, error);
  if (rc && rc != AZD_ENOTFOUND) return rc;
  if (!rc) {
    revision = mg_i64(doc, "revision");
    bson_destroy(doc);
  }
  return azd_fail(error, AZD_ECONFLICT, "%.*s %.*s has revision %lld, not %lld: read it again", AZD_STR_FORMAT(kind),
                  AZD_STR_FORMAT(id), (long long)revision, (long long)expect);
}

/* Where the first answer was lost, a second sending meets what the first one did: then the revision has moved on, which
 * is told as a conflict. To be told of a conflict and read again is always right. */
int mg_small_put(struct azd_store *base, struct azd_str kind, struct azd_str id, struct azd_str bytes, int64_t expect,
                 struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  int64_t matched = 0;
  if (expect == 0) {
    bson_t *doc = small_filter(kind, id);
    BSON_APPEND_INT64(doc, "revision", 1);
    mg_put_bytes(doc, "bytes", bytes.data, bytes.size);
    int rc = mg_insert(store, MG_SMALLS, doc, error);
    return rc == AZD_ECONFLICT ? moved(store, kind, id, expect, error) : rc;
  }
  bson_t *filter = small_filter(kind, id), *update = BCON_NEW("$inc", "{", "revision", BCON_INT64(1), "}"), set;
  bson_append_document_begin(update, "$set", -1, &set);
  mg_put_bytes(&set, "bytes", bytes.data, bytes.size);
  bson_append_document_end(update, &set);
  if (expect != AZD_SMALL_ANY) BSON_APPEND_INT64(filter, "revision", expect);
  int rc = mg_update(store, MG_SMALLS, expect == AZD_SMALL_ANY ? MG_UPSERT : MG_ONE, filter, update, &matched, error);
  if (rc == AZD_ECONFLICT) /* two upserts at once: the document is there now */
    return mg_small_put(base, kind, id, bytes, expect, error);
  return !rc && !matched && expect != AZD_SMALL_ANY ? moved(store, kind, id, expect, error) : rc;
}

static int read_small(const bson_t *doc, struct azd_arena *arena, struct azd_small *small, struct azd_error *error) {
  *small = (struct azd_small){.kind = azd_arena_keep(arena, mg_str(doc, "kind")),
                              .id = azd_arena_keep(arena, mg_str(doc, "id")),
                              .bytes = azd_arena_keep(arena, mg_bin(doc, "bytes")),
                              .revision = mg_i64(doc, "revision")};
  if (small->kind.data && small->id.data && small->bytes.data) return 0;
  return azd_fail(error, AZD_ENOMEM, "no memory for a document");
}

int mg_small_get(struct azd_store *base, struct azd_str kind, struct azd_str id, struct azd_arena *arena,
                 struct azd_small *small, struct azd_error *error) {
  bson_t *doc;
  int rc = mg_get((struct mg_store *)base, MG_SMALLS, small_filter(kind, id), NULL, &doc, error);
  if (rc == AZD_ENOTFOUND)
    return azd_fail(error, rc, "%s has no %.*s %.*s", base->name, AZD_STR_FORMAT(kind), AZD_STR_FORMAT(id));
  if (rc) return rc;
  rc = read_small(doc, arena, small, error);
  bson_destroy(doc);
  return rc;
}

int mg_small_list(struct azd_store *base, struct azd_str kind, struct azd_arena *arena, struct azd_small **smalls,
                  size_t *count, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct mg_patience patience = {0};
  int rc;
  do {
    struct mg_list list;
    const bson_t *doc;
    size_t capacity = 0;
    bson_t *filter = bson_new();
    mg_put(filter, "kind", kind);
    *smalls = NULL;
    *count = 0;
    rc = mg_list_open(store, MG_SMALLS, filter, BCON_NEW("sort", "{", "id", BCON_INT32(1), "}"), &list, error);
    while (!rc && (rc = mg_list_next(&list, &doc, error)) > 0) {
      *smalls = mg_array_room(arena, *smalls, *count, &capacity, sizeof **smalls);
      rc = *smalls ? read_small(doc, arena, &(*smalls)[*count], error)
                   : azd_fail(error, AZD_ENOMEM, "no memory for documents");
      *count += rc == 0;
    }
    mg_list_close(&list);
  } while (mg_again(store, &patience, rc));
  return rc;
}

int mg_small_delete(struct azd_store *base, struct azd_str kind, struct azd_str id, struct azd_error *error) {
  return mg_delete((struct mg_store *)base, MG_SMALLS, small_filter(kind, id), NULL, error);
}

/* ---- dictionaries ---- */

static int load_one(const struct mg_store *store, const bson_t *doc, struct azd_error *error) {
  uint8_t id[AZD_DICT_ID_BYTES];
  struct azd_str bytes = mg_bin(doc, "bytes");
  azd_dict_id(bytes, id);
  if (!azd_str_equal(mg_bin(doc, "_id"), (struct azd_str){(const char *)id, sizeof id}))
    return azd_fail(error, AZD_ECORRUPT, "%s: a compression dictionary is damaged: restore it from a backup",
                    store->base.name);
  return azd_codec_add(store->base.codec, bytes, true, error);
}

int mg_dictionaries_load(struct azd_store *base, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct mg_patience patience = {0};
  int rc;
  do {
    struct mg_list list;
    const bson_t *doc;
    rc = mg_list_open(store, MG_DICTIONARIES, bson_new(), BCON_NEW("sort", "{", "place", BCON_INT32(1), "}"), &list,
                      error);
    while (!rc && (rc = mg_list_next(&list, &doc, error)) > 0) rc = load_one(store, doc, error);
    mg_list_close(&list);
  } while (mg_again(store, &patience, rc));
  return rc;
}

/* The unique index on place lets one engine's be the first. */
int mg_dictionary_put(struct azd_store *base, struct azd_str bytes, struct azd_error *error) {
  uint8_t id[AZD_DICT_ID_BYTES];
  bson_t *doc = bson_new();
  azd_dict_id(bytes, id);
  mg_put_bytes(doc, "_id", id, sizeof id);
  BSON_APPEND_INT32(doc, "place", 1);
  BSON_APPEND_DATE_TIME(doc, "made", azd_clock_wall_ms());
  mg_put_bytes(doc, "bytes", bytes.data, bytes.size);
  int rc = mg_insert((struct mg_store *)base, MG_DICTIONARIES, doc, error);
  return rc && rc != AZD_ECONFLICT ? rc : mg_dictionaries_load(base, error);
}
