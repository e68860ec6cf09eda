/* The map of open versions: nothing to read where it shows the last published snapshot already, else what opened and
 * closed since, which no commit under way can move; in full only at the start. */
#include "store/mongo.h"

static int load_full(struct mg_store *store, const struct mg_moment *moment, struct azd_map *map,
                     struct azd_map_load **load, struct azd_error *error) {
  struct azd_snapshot snapshot;
  struct azd_arena arena;
  struct mg_order order = {0};
  azd_arena_init(&arena, 0);
  int rc = mg_published(store, azd_str_of(moment->scope), moment->last, &snapshot, &arena, error);
  if (!rc) rc = mg_order_snapshot(store, moment, &snapshot, &order, map, load, error);
  mg_order_free(&order);
  azd_arena_free(&arena);
  return rc;
}

static int load_opened(struct mg_store *store, const struct mg_moment *moment, int64_t since, struct azd_map_load *load,
                       struct azd_error *error) {
  struct mg_list list;
  const bson_t *doc;
  bson_t *filter = mg_scoped(azd_str_of(moment->scope));
  BCON_APPEND(filter, "from_seq", "{", "$gt", BCON_INT64(since), "$lte", BCON_INT64(moment->last), "}", "to_seq", "{",
              "$gt", BCON_INT64(moment->last), "}");
  bson_t *opts = BCON_NEW("projection", "{", "hash", BCON_INT32(1), "from_seq", BCON_INT32(1), "}", "hint",
                          BCON_UTF8(MG_BY_FROM), "batchSize", BCON_INT32(MG_BATCH));
  int rc = mg_list_open(store, MG_VERSIONS, filter, opts, &list, error);
  while (!rc && (rc = mg_list_next(&list, &doc, error)) > 0) {
    uint8_t id[AZD_VERSION_ID_BYTES];
    struct azd_map_entry entry = {.from_seq = mg_i64(doc, "from_seq")};
    rc = mg_bytes(store, doc, "_id", id, sizeof id, error);
    if (!rc) rc = mg_bytes(store, doc, "hash", entry.hash, AZD_HASH_BYTES, error);
    memcpy(entry.key.bytes, id + MG_SCOPE_HASH_BYTES, AZD_KEY_BYTES);
    if (!rc && !mg_is_void(moment, entry.from_seq) && (rc = azd_map_load_add(load, &entry)))
      azd_fail(error, rc, "no memory for the map of open versions");
  }
  mg_list_close(&list);
  return rc;
}

static int load_closed(struct mg_store *store, const struct mg_moment *moment, int64_t since, struct azd_map_load *load,
                       struct azd_error *error) {
  struct mg_list list;
  const bson_t *doc;
  bson_t *filter = mg_scoped(azd_str_of(moment->scope));
  BCON_APPEND(filter, "to_seq", "{", "$gt", BCON_INT64(since), "$lte", BCON_INT64(moment->last), "}", "from_seq", "{",
              "$lte", BCON_INT64(since), "}");
  bson_t *opts = BCON_NEW("projection", "{", "_id", BCON_INT32(1), "}", "hint", BCON_UTF8(MG_BY_TO), "batchSize",
                          BCON_INT32(MG_BATCH));
  int rc = mg_list_open(store, MG_VERSIONS, filter, opts, &list, error);
  while (!rc && (rc = mg_list_next(&list, &doc, error)) > 0) {
    uint8_t id[AZD_VERSION_ID_BYTES];
    struct azd_key key;
    rc = mg_bytes(store, doc, "_id", id, sizeof id, error);
    memcpy(key.bytes, id + MG_SCOPE_HASH_BYTES, AZD_KEY_BYTES);
    if (!rc && (rc = azd_map_load_drop(load, &key))) azd_fail(error, rc, "no memory for the map of open versions");
  }
  mg_list_close(&list);
  return rc;
}

static int load_since(struct mg_store *store, const struct mg_moment *moment, struct azd_map *map,
                      struct azd_map_load **out, struct azd_error *error) {
  struct mg_patience patience = {0};
  int rc;
  do {
    struct azd_map_load *load = azd_map_load_begin(map, false);
    if (!load) return azd_fail(error, AZD_ENOMEM, "no memory for the map of open versions");
    rc = load_opened(store, moment, azd_map_seq(map), load, error);
    if (!rc) rc = load_closed(store, moment, azd_map_seq(map), load, error);
    if (rc)
      azd_map_load_cancel(load);
    else
      *out = load;
  } while (mg_again(store, &patience, rc));
  return rc;
}

/* What was thinned out since is known again only from a snapshot that was kept. */
static int is_gone(struct mg_store *store, struct azd_str scope, int64_t seq, bool *gone, struct azd_error *error) {
  bson_t *doc, *filter = mg_published_filter(mg_scoped(scope));
  BSON_APPEND_INT64(filter, "seq", seq);
  int rc = mg_get(store, MG_SNAPSHOTS, filter, BCON_NEW("projection", "{", "seq", BCON_INT32(1), "}"), &doc, error);
  *gone = rc == AZD_ENOTFOUND;
  if (!rc) bson_destroy(doc);
  return *gone ? 0 : rc;
}

int mg_map_load(struct azd_store *base, struct azd_str scope, struct azd_map *map, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct mg_moment moment;
  struct azd_map_load *load = NULL;
  int64_t last, since = azd_map_seq(map);
  int rc = mg_last_seq(store, scope, &last, error);
  if (rc || last == since) return rc; /* also where nobody has collected: the empty map is right */
  rc = mg_moment_load(store, scope, &moment, error);
  if (rc) return rc;
  bool full = since == 0 || since > moment.last; /* beyond the last: of another database */
  if (!full) rc = is_gone(store, scope, since, &full, error);
  if (rc) {
    mg_moment_free(&moment);
    return rc;
  }
  rc = full ? load_full(store, &moment, map, &load, error) : load_since(store, &moment, map, &load, error);
  if (!rc) {
    rc = azd_map_load_end(load, moment.last);
    if (rc == AZD_ECORRUPT)
      azd_fail(error, rc, "%s: a resource with two open versions: run `azdrift db check`", base->name);
    else if (rc)
      azd_fail(error, rc, "no memory for the map of open versions");
  }
  mg_moment_free(&moment);
  return rc;
}
