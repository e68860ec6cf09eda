/* Bodies that are larger than a document may be, even compressed: they lie in parts of their own, and the version's
 * body names them: 'P', how many, and the version's id. The parts are written before their version and found by its id,
 * so whoever sees the version can read them. What has no version any more (its run was sealed, retention took it) is
 * swept when the scope is collected next. */
#include "store/mongo.h"

enum { PART_BYTES = 12 * 1024 * 1024, COUNT_BYTES = 4, PART_ID_BYTES = AZD_VERSION_ID_BYTES + COUNT_BYTES };

static void put_count(uint8_t *at, uint32_t value) {
  for (int i = 0; i < COUNT_BYTES; i++) at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t get_count(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

int mg_parts_put(struct mg_store *store, const uint8_t id[AZD_VERSION_ID_BYTES], struct azd_str body,
                 uint8_t named[MG_PARTED_BYTES], struct azd_error *error) {
  uint32_t count = 0;
  int rc = 0;
  for (size_t at = 0; !rc && at < body.size; at += PART_BYTES, count++) {
    uint8_t part_id[PART_ID_BYTES];
    bson_t *doc = bson_new();
    memcpy(part_id, id, AZD_VERSION_ID_BYTES);
    put_count(part_id + AZD_VERSION_ID_BYTES, count);
    mg_put_bytes(doc, "_id", part_id, sizeof part_id);
    mg_put_bytes(doc, "data", body.data + at, body.size - at < PART_BYTES ? body.size - at : PART_BYTES);
    rc = mg_insert(store, MG_PARTS, doc, error);
    if (rc == AZD_ECONFLICT) rc = 0; /* sent before */
  }
  named[0] = 'P';
  put_count(named + 1, count);
  memcpy(named + 1 + COUNT_BYTES, id, AZD_VERSION_ID_BYTES);
  return rc;
}

/* All parts of one version, in order. */
static bson_t *parts_filter(const uint8_t id[AZD_VERSION_ID_BYTES]) {
  uint8_t low[PART_ID_BYTES], high[PART_ID_BYTES];
  bson_t *filter = bson_new();
  memset(low, 0, sizeof low);
  memset(high, 0xff, sizeof high);
  memcpy(low, id, AZD_VERSION_ID_BYTES);
  memcpy(high, id, AZD_VERSION_ID_BYTES);
  mg_put_range(filter, low, high, sizeof low);
  return filter;
}

static int read_parts(struct mg_store *store, const uint8_t *id, uint32_t *count, struct azd_buf *out,
                      struct azd_error *error) {
  struct mg_list list;
  const bson_t *doc;
  bson_t *opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}");
  int rc = mg_list_open(store, MG_PARTS, parts_filter(id), opts, &list, error);
  for (*count = 0; !rc && (rc = mg_list_next(&list, &doc, error)) > 0; rc = 0, ++*count)
    azd_buf_append_str(out, mg_bin(doc, "data"));
  mg_list_close(&list);
  return rc;
}

int mg_body_join(struct azd_store *base, struct azd_str body, struct azd_buf *out, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct mg_patience patience = {0};
  const uint8_t *named = (const uint8_t *)body.data;
  uint32_t count;
  int rc;
  if (body.size != MG_PARTED_BYTES)
    return azd_fail(error, AZD_ECORRUPT, "%s: a body names no parts: restore the database from a backup", base->name);
  do {
    azd_buf_clear(out);
    rc = read_parts(store, named + 1 + COUNT_BYTES, &count, out, error);
  } while (mg_again(store, &patience, rc));
  if (rc) return rc;
  if (azd_buf_status(out)) return azd_fail(error, AZD_ENOMEM, "no memory for a body");
  if (count != get_count(named + 1))
    return azd_fail(error, AZD_ECORRUPT, "%s: a body has %u of its %u parts: restore the database from a backup",
                    base->name, count, get_count(named + 1));
  return 0;
}

/* ---- sweeping ---- */

static int sweep_one(struct mg_store *store, const uint8_t id[AZD_VERSION_ID_BYTES], struct azd_error *error) {
  bson_t *doc, *filter = bson_new(), *opts = BCON_NEW("projection", "{", "_id", BCON_INT32(1), "}");
  mg_put_bytes(filter, "_id", id, AZD_VERSION_ID_BYTES);
  int rc = mg_get(store, MG_VERSIONS, filter, opts, &doc, error);
  if (!rc) bson_destroy(doc);
  return rc == AZD_ENOTFOUND ? mg_delete(store, MG_PARTS, parts_filter(id), NULL, error) : rc;
}

/* The first part of the scope behind id, which becomes its version's; AZD_ENOTFOUND without a sentence. */
static int next_parted(struct mg_store *store, uint8_t id[AZD_VERSION_ID_BYTES], struct azd_error *error) {
  uint8_t low[PART_ID_BYTES], high[PART_ID_BYTES];
  bson_t *doc, *filter = bson_new();
  memset(low, 0xff, sizeof low);
  memset(high, 0xff, sizeof high);
  memcpy(low, id, AZD_VERSION_ID_BYTES);
  memcpy(high, id, MG_SCOPE_HASH_BYTES);
  mg_put_range(filter, low, high, sizeof low);
  bson_t *opts = BCON_NEW("projection", "{", "_id", BCON_INT32(1), "}", "sort", "{", "_id", BCON_INT32(1), "}");
  int rc = mg_get(store, MG_PARTS, filter, opts, &doc, error);
  if (rc) return rc;
  struct azd_str found = mg_bin(doc, "_id");
  rc = found.size == PART_ID_BYTES ? 0 : azd_fail(error, AZD_ECORRUPT, "%s: no id of a part", store->base.name);
  if (!rc) memcpy(id, found.data, AZD_VERSION_ID_BYTES);
  bson_destroy(doc);
  return rc;
}

int mg_parts_sweep(struct mg_store *store, struct azd_str scope, struct azd_error *error) {
  uint8_t id[AZD_VERSION_ID_BYTES] = {0};
  int rc;
  mg_scope_hash(scope, id);
  while (!(rc = next_parted(store, id, error)))
    if ((rc = sweep_one(store, id, error))) break;
  return rc == AZD_ENOTFOUND ? 0 : rc;
}
