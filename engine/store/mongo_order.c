/* Which versions a reader may see, as a list of their ids in key order.
 *
 * While a commit closes versions, a document moves in the index on to_seq from the open end to the commit's seq. A scan
 * that ascends can be overtaken by it and never see it (measured: 27 of 67 reads were wrong). A scan that descends
 * meets the open end first: it may see such a document twice, never not at all. So we descend, keep aside what is on
 * the move, count it once, and verify count and xor of the hashes against the snapshot; where they differ we read
 * again. This holds on a standalone too, where there are no snapshot reads. */
#include "store/mongo.h"

#include <stdlib.h>

enum { SNAPSHOT_TRIES = 5 };

/* ---- the moment ---- */

static int compare_seqs(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

bool mg_is_void(const struct mg_moment *moment, int64_t seq) {
  return moment->void_count && bsearch(&seq, moment->voids, moment->void_count, sizeof seq, compare_seqs);
}

/* What a dead run, or one that lost its lease, may have written at any time: never to be seen. An index has all of it.
 */
static int load_voids(struct mg_store *store, struct mg_moment *moment, struct azd_error *error) {
  struct mg_list list;
  const bson_t *doc;
  size_t capacity = 0;
  bson_t *filter = mg_scoped(azd_str_of(moment->scope));
  BSON_APPEND_UTF8(filter, "status", "void");
  bson_t *opts =
      BCON_NEW("projection", "{", "_id", BCON_INT32(0), "scope", BCON_INT32(1), "status", BCON_INT32(1), "seq",
               BCON_INT32(1), "}", "sort", "{", "seq", BCON_INT32(1), "}", "hint", BCON_UTF8("scope_status"));
  moment->void_count = 0;
  int rc = mg_list_open(store, MG_SNAPSHOTS, filter, opts, &list, error);
  while (!rc && (rc = mg_list_next(&list, &doc, error)) > 0) {
    if (moment->void_count == capacity) {
      capacity = capacity ? capacity * 2 : 16;
      int64_t *grown = realloc(moment->voids, capacity * sizeof *grown);
      if (!grown) {
        rc = azd_fail(error, AZD_ENOMEM, "no memory for reading");
        break;
      }
      moment->voids = grown;
    }
    moment->voids[moment->void_count++] = mg_i64(doc, "seq");
    rc = 0;
  }
  mg_list_close(&list);
  return rc;
}

int mg_moment_load(struct mg_store *store, struct azd_str scope, struct mg_moment *moment, struct azd_error *error) {
  struct mg_patience patience = {0};
  *moment = (struct mg_moment){0};
  memcpy(moment->scope, scope.data, scope.size);
  mg_scope_hash(scope, moment->hash);
  int rc = mg_last_seq(store, scope, &moment->last, error);
  if (rc) return rc;
  do /* after the last one: what is sealed later lies above it */
    rc = load_voids(store, moment, error);
  while (mg_again(store, &patience, rc));
  if (rc) mg_moment_free(moment);
  return rc;
}

void mg_moment_free(struct mg_moment *moment) {
  free(moment->voids);
  moment->voids = NULL;
  moment->void_count = 0;
}

/* ---- the list ---- */

static int compare_ids(const void *a, const void *b) {
  return memcmp(a, b, MG_ORDER_BYTES);
}

int mg_order_add(struct mg_order *order, const uint8_t id[MG_ORDER_BYTES], struct azd_error *error) {
  if (order->count == order->capacity) {
    size_t wanted = order->capacity ? order->capacity * 2 : 256;
    void *grown = realloc(order->ids, wanted * sizeof *order->ids);
    if (!grown) return azd_fail(error, AZD_ENOMEM, "no memory for reading");
    order->ids = grown;
    order->capacity = wanted;
  }
  memcpy(order->ids[order->count++], id, MG_ORDER_BYTES);
  return 0;
}

void mg_order_sort(struct mg_order *order) {
  if (order->count) qsort(order->ids, order->count, sizeof *order->ids, compare_ids);
}

void mg_order_unique(struct mg_order *order) {
  size_t kept = 0;
  for (size_t i = 0; i < order->count; i++)
    if (!kept || compare_ids(order->ids[kept - 1], order->ids[i]))
      memmove(order->ids[kept++], order->ids[i], MG_ORDER_BYTES);
  order->count = kept;
}

/* Down the index on to_seq, for what moves in it. */
void mg_order_opts(bson_t *opts, const char *index) {
  BCON_APPEND(opts, "hint", BCON_UTF8(index));
  if (!strcmp(index, MG_BY_TO))
    BCON_APPEND(opts, "sort", "{", "scope", BCON_INT32(-1), "to_seq", BCON_INT32(-1), "from_seq", BCON_INT32(-1), "}");
}

bool mg_order_has(const struct mg_order *order, size_t sorted, const uint8_t id[MG_ORDER_BYTES]) {
  return sorted && bsearch(id, order->ids, sorted, sizeof *order->ids, compare_ids);
}

int mg_order_differs(const struct mg_store *store, int64_t expected, size_t found, struct azd_error *error) {
  return azd_fail(error, AZD_ECORRUPT,
                  "%s: a snapshot of %lld resources reads as %zu, or with other hashes: run `azdrift verify`, and "
                  "restore the database from a backup",
                  store->base.name, (long long)expected, found);
}

static int compare_types(const void *a, const void *b) {
  return memcmp(a, b, AZD_KEY_TYPE_BYTES);
}

bool mg_type_wanted(const struct azd_key *key, const uint8_t (*types)[AZD_KEY_TYPE_BYTES], size_t count) {
  return !count || bsearch(key->bytes, types, count, AZD_KEY_TYPE_BYTES, compare_types);
}

bson_t *mg_order_filter(const struct mg_moment *moment, const struct mg_order *order, size_t first, size_t count) {
  bson_t *filter = bson_new(), in, list;
  uint8_t id[AZD_VERSION_ID_BYTES];
  memcpy(id, moment->hash, MG_SCOPE_HASH_BYTES);
  bson_append_document_begin(filter, "_id", -1, &in);
  bson_append_array_begin(&in, "$in", -1, &list);
  for (size_t i = 0; i < count; i++) {
    char room[16];
    const char *key;
    bson_uint32_to_string((uint32_t)i, &key, room, sizeof room);
    memcpy(id + MG_SCOPE_HASH_BYTES, order->ids[first + i], MG_ORDER_BYTES);
    mg_put_bytes(&list, key, id, sizeof id);
  }
  bson_append_array_end(&in, &list);
  bson_append_document_end(filter, &in);
  return filter;
}

/* ---- scanning ---- */

struct row {
  uint8_t id[MG_ORDER_BYTES], hash[AZD_HASH_BYTES];
  int64_t from_seq, to_seq;
};

static int read_row(const struct mg_store *store, const bson_t *doc, struct row *row, struct azd_error *error) {
  uint8_t id[AZD_VERSION_ID_BYTES];
  int rc = mg_bytes(store, doc, "_id", id, sizeof id, error);
  if (!rc) rc = mg_bytes(store, doc, "hash", row->hash, sizeof row->hash, error);
  memcpy(row->id, id + MG_SCOPE_HASH_BYTES, MG_ORDER_BYTES);
  row->from_seq = mg_i64(doc, "from_seq");
  row->to_seq = mg_i64(doc, "to_seq");
  return rc;
}

struct scan {
  struct mg_store *store;
  const struct mg_moment *moment;
  struct mg_order *order;
  struct azd_map_load *load; /* may be NULL */
  struct row *moved;         /* owned: being closed by a commit that is under way */
  size_t moved_count, moved_capacity;
  uint8_t xored[AZD_HASH_BYTES];
};

static int take_row(struct scan *scan, const struct row *row, struct azd_error *error) {
  for (int i = 0; i < AZD_HASH_BYTES; i++) scan->xored[i] ^= row->hash[i];
  int rc = mg_order_add(scan->order, row->id, error);
  if (rc || !scan->load) return rc;
  struct azd_map_entry entry = {.from_seq = row->from_seq};
  memcpy(entry.key.bytes, row->id, AZD_KEY_BYTES);
  memcpy(entry.hash, row->hash, AZD_HASH_BYTES);
  rc = azd_map_load_add(scan->load, &entry);
  return rc ? azd_fail(error, rc, "no memory for the map of open versions") : 0;
}

static int keep_moved(struct scan *scan, const struct row *row, struct azd_error *error) {
  if (scan->moved_count == scan->moved_capacity) {
    size_t wanted = scan->moved_capacity ? scan->moved_capacity * 2 : 256;
    struct row *grown = realloc(scan->moved, wanted * sizeof *grown);
    if (!grown) return azd_fail(error, AZD_ENOMEM, "no memory for reading");
    scan->moved = grown;
    scan->moved_capacity = wanted;
  }
  scan->moved[scan->moved_count++] = *row;
  return 0;
}

/* What was on the move and not seen before it moved. */
static int take_moved(struct scan *scan, struct azd_error *error) {
  int rc = 0;
  mg_order_sort(scan->order);
  if (!scan->moved_count) return 0;
  qsort(scan->moved, scan->moved_count, sizeof *scan->moved, compare_ids);
  size_t seen = scan->order->count;
  for (size_t i = 0; !rc && i < scan->moved_count; i++) {
    const struct row *row = &scan->moved[i];
    bool twice = i && !compare_ids(scan->moved[i - 1].id, row->id);
    if (twice || mg_order_has(scan->order, seen, row->id)) continue;
    rc = take_row(scan, row, error);
  }
  mg_order_sort(scan->order);
  return rc;
}

static int scan_once(struct scan *scan, int64_t seq, struct azd_error *error) {
  struct mg_list list;
  const bson_t *doc;
  struct row row;
  bson_t *filter = mg_scoped(azd_str_of(scan->moment->scope));
  BCON_APPEND(filter, "to_seq", "{", "$gt", BCON_INT64(seq), "}", "from_seq", "{", "$lte", BCON_INT64(seq), "}");
  bson_t *opts = BCON_NEW("projection", "{", "hash", BCON_INT32(1), "from_seq", BCON_INT32(1), "to_seq", BCON_INT32(1),
                          "}", "sort", "{", "scope", BCON_INT32(-1), "to_seq", BCON_INT32(-1), "from_seq",
                          BCON_INT32(-1), "}", "hint", BCON_UTF8(MG_BY_TO), "batchSize", BCON_INT32(MG_BATCH));
  int rc = mg_list_open(scan->store, MG_VERSIONS, filter, opts, &list, error);
  while (!rc && (rc = mg_list_next(&list, &doc, error)) > 0) {
    rc = read_row(scan->store, doc, &row, error);
    if (rc || mg_is_void(scan->moment, row.from_seq)) continue;
    bool moves = row.to_seq > scan->moment->last && row.to_seq < AZD_SEQ_OPEN;
    rc = moves ? keep_moved(scan, &row, error) : take_row(scan, &row, error);
  }
  mg_list_close(&list);
  return rc ? rc : take_moved(scan, error);
}

static bool verified(const struct scan *scan, const struct azd_snapshot *snapshot) {
  return (int64_t)scan->order->count == snapshot->resources &&
         !memcmp(scan->xored, snapshot->hashes_xor, sizeof scan->xored);
}

int mg_order_snapshot(struct mg_store *store, const struct mg_moment *moment, const struct azd_snapshot *snapshot,
                      struct mg_order *order, struct azd_map *map, struct azd_map_load **load,
                      struct azd_error *error) {
  struct mg_patience patience = {0};
  int rc, tries = 0;
  for (;;) {
    struct scan scan = {.store = store, .moment = moment, .order = order};
    order->count = 0;
    if (map && !(scan.load = azd_map_load_begin(map, true)))
      return azd_fail(error, AZD_ENOMEM, "no memory for the map of open versions");
    rc = scan_once(&scan, snapshot->seq, error);
    free(scan.moved);
    if (!rc && verified(&scan, snapshot)) {
      if (load) *load = scan.load;
      return 0;
    }
    azd_map_load_cancel(scan.load);
    if (!rc && ++tries == SNAPSHOT_TRIES) return mg_order_differs(store, snapshot->resources, order->count, error);
    if (rc && !mg_again(store, &patience, rc)) return rc;
  }
}

static int find_once(struct mg_store *store, const struct mg_moment *moment, const char *index, const bson_t *filter,
                     const uint8_t (*types)[AZD_KEY_TYPE_BYTES], size_t type_count, struct mg_order *order,
                     struct azd_error *error) {
  struct mg_list list;
  const bson_t *doc;
  bson_t *opts = BCON_NEW("projection", "{", "from_seq", BCON_INT32(1), "}", "batchSize", BCON_INT32(MG_BATCH));
  mg_order_opts(opts, index);
  int rc = mg_list_open(store, MG_VERSIONS, bson_copy(filter), opts, &list, error);
  while (!rc && (rc = mg_list_next(&list, &doc, error)) > 0) {
    uint8_t id[AZD_VERSION_ID_BYTES];
    rc = mg_bytes(store, doc, "_id", id, sizeof id, error);
    if (rc || mg_is_void(moment, mg_i64(doc, "from_seq"))) continue;
    struct azd_key key;
    memcpy(key.bytes, id + MG_SCOPE_HASH_BYTES, AZD_KEY_BYTES);
    if (mg_type_wanted(&key, types, type_count)) rc = mg_order_add(order, id + MG_SCOPE_HASH_BYTES, error);
  }
  mg_list_close(&list);
  return rc;
}

int mg_order_find(struct mg_store *store, const struct mg_moment *moment, const char *index, bson_t *filter,
                  const uint8_t (*types)[AZD_KEY_TYPE_BYTES], size_t type_count, struct mg_order *order,
                  struct azd_error *error) {
  struct mg_patience patience = {0};
  size_t before = order->count;
  int rc;
  do {
    order->count = before;
    rc = find_once(store, moment, index, filter, types, type_count, order, error);
  } while (mg_again(store, &patience, rc));
  bson_destroy(filter);
  return rc;
}
