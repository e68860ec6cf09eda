/* Fields of BSON documents, as this store reads and writes them. */
#include "store/mongo.h"

void mg_put(bson_t *doc, const char *name, struct azd_str text) {
  bson_append_utf8(doc, name, -1, text.data ? text.data : "", (int)text.size);
}

void mg_put_bytes(bson_t *doc, const char *name, const void *data, size_t bytes) {
  bson_append_binary(doc, name, -1, BSON_SUBTYPE_BINARY, data ? data : (const uint8_t *)"", (uint32_t)bytes);
}

struct azd_str mg_str(const bson_t *doc, const char *name) {
  bson_iter_t field;
  uint32_t bytes;
  if (!bson_iter_init_find(&field, doc, name) || !BSON_ITER_HOLDS_UTF8(&field)) return AZD_STR("");
  const char *text = bson_iter_utf8(&field, &bytes);
  return (struct azd_str){text, bytes};
}

struct azd_str mg_bin(const bson_t *doc, const char *name) {
  bson_iter_t field;
  uint32_t bytes;
  const uint8_t *data;
  if (!bson_iter_init_find(&field, doc, name) || !BSON_ITER_HOLDS_BINARY(&field)) return AZD_STR("");
  bson_iter_binary(&field, NULL, &bytes, &data);
  return (struct azd_str){(const char *)data, bytes};
}

int64_t mg_i64(const bson_t *doc, const char *name) {
  bson_iter_t field;
  if (!bson_iter_init_find(&field, doc, name)) return 0;
  return BSON_ITER_HOLDS_DATE_TIME(&field) ? bson_iter_date_time(&field) : bson_iter_as_int64(&field);
}

int mg_bytes(const struct mg_store *store, const bson_t *doc, const char *name, void *out, size_t bytes,
             struct azd_error *error) {
  struct azd_str value = mg_bin(doc, name);
  if (value.size != bytes)
    return azd_fail(error, AZD_ECORRUPT, "%s: a document has %zu bytes of %s instead of %zu: restore it from a backup",
                    store->base.name, value.size, name, bytes);
  memcpy(out, value.data, bytes);
  return 0;
}

void mg_put_range(bson_t *filter, const uint8_t *low, const uint8_t *high, size_t bytes) {
  bson_t range;
  bson_append_document_begin(filter, "_id", -1, &range);
  mg_put_bytes(&range, "$gte", low, bytes);
  mg_put_bytes(&range, "$lte", high, bytes);
  bson_append_document_end(filter, &range);
}

void *mg_array_room(struct azd_arena *arena, void *items, size_t count, size_t *capacity, size_t each) {
  if (count < *capacity) return items;
  size_t wanted = *capacity ? *capacity * 2 : 16;
  void *grown = azd_arena_alloc(arena, wanted * each);
  if (!grown) return NULL;
  if (count) memcpy(grown, items, count * each);
  *capacity = wanted;
  return grown;
}

bson_t *mg_scoped(struct azd_str scope) {
  bson_t *filter = bson_new();
  mg_put(filter, "scope", scope);
  return filter;
}

void mg_scope_hash(struct azd_str scope, uint8_t hash[MG_SCOPE_HASH_BYTES]) {
  static const struct azd_key none;
  uint8_t id[AZD_VERSION_ID_BYTES];
  azd_version_id(scope, &none, 0, id);
  memcpy(hash, id, MG_SCOPE_HASH_BYTES);
}
