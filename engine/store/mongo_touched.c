/* What was opened or closed between two snapshots. A little of it, what two neighbours differ in, is fetched as it is
 * found and sorted here: two queries in all. More than that is listed first and then fetched in order of key, as
 * mongo_read.c reads snapshots.
 *
 * What was closed in the range was closed by published runs and moves no more. What was opened and is still there is
 * found by from_seq between neighbours, where the index on it never changes; over a longer range, which would be full
 * of what came and went within it, by to_seq: downwards, so that what a commit closes meanwhile is met twice, never not
 * at all (mongo_order.c), and once is dropped. */
#include "store/mongo.h"

#include <stdlib.h>

enum { HELD_MAX = 4096 };

struct held {
  struct azd_version_cursor base;
  struct mg_moment moment;
  bson_t **docs; /* owned; in key order, of one key the older first */
  size_t count, next, bytes;
  bool bodies;
};

/* The two questions: each is asked of its index. */
static bson_t *closed_filter(const struct azd_touched_query *query) {
  bson_t *filter = mg_scoped(query->scope);
  BCON_APPEND(filter, "to_seq", "{", "$gt", BCON_INT64(query->from_seq), "$lte", BCON_INT64(query->to_seq), "}",
              "from_seq", "{", "$lte", BCON_INT64(query->from_seq), "}");
  return filter;
}

static bson_t *opened_filter(const struct azd_touched_query *query) {
  bson_t *filter = mg_scoped(query->scope);
  BCON_APPEND(filter, "from_seq", "{", "$gt", BCON_INT64(query->from_seq), "$lte", BCON_INT64(query->to_seq), "}",
              "to_seq", "{", "$gt", BCON_INT64(query->to_seq), "}");
  return filter;
}

static const char *opened_index(const struct azd_touched_query *query) {
  return query->to_seq - query->from_seq == 1 ? MG_BY_FROM : MG_BY_TO;
}

/* ---- a little: the documents themselves ---- */

static int compare_docs(const void *a, const void *b) {
  struct azd_str x = mg_bin(*(bson_t *const *)a, "_id"), y = mg_bin(*(bson_t *const *)b, "_id");
  return memcmp(x.data, y.data, AZD_VERSION_ID_BYTES);
}

static int step(struct azd_version_cursor *base, struct azd_version *version, struct azd_error *error) {
  struct held *held = (struct held *)base;
  if (held->next == held->count) return 0;
  int rc = mg_version_read((struct mg_store *)base->store, held->docs[held->next++], &held->moment, version, error);
  return rc ? rc : 1;
}

static void drop(struct held *held, size_t down_to) {
  while (held->count > down_to) bson_destroy(held->docs[--held->count]);
  held->bytes = 0;
}

static void close_held(struct azd_version_cursor *base) {
  struct held *held = (struct held *)base;
  drop(held, 0);
  mg_moment_free(&held->moment);
  free(held->docs);
  free(held);
}

/* AZD_ELIMIT without a sentence: more than we hold. */
static int hold(struct held *held, const char *index, const bson_t *filter, const struct azd_touched_query *query,
                struct azd_error *error) {
  struct mg_list list;
  struct azd_version version;
  const bson_t *doc;
  bson_t *opts = mg_version_opts(held->bodies, HELD_MAX);
  struct mg_store *store = (struct mg_store *)held->base.store;
  BCON_APPEND(opts, "limit", BCON_INT64(HELD_MAX + 1));
  mg_order_opts(opts, index);
  int rc = mg_list_open(store, MG_VERSIONS, bson_copy(filter), opts, &list, error);
  while (!rc && (rc = mg_list_next(&list, &doc, error)) > 0) {
    rc = mg_version_read(store, doc, &held->moment, &version, error);
    if (rc || mg_is_void(&held->moment, version.from_seq) ||
        !mg_type_wanted(&version.key, query->types, query->type_count))
      continue;
    held->bytes += doc->len;
    if (held->count == HELD_MAX || held->bytes > MG_WAITING_BYTES) rc = AZD_ELIMIT;
    if (!rc) held->docs[held->count++] = bson_copy(doc);
  }
  mg_list_close(&list);
  return rc;
}

/* Of what moved while it was read, one is enough. */
static void drop_doubles(struct held *held) {
  size_t kept = 0;
  for (size_t i = 0; i < held->count; i++) {
    if (kept && !compare_docs(&held->docs[kept - 1], &held->docs[i]))
      bson_destroy(held->docs[i]);
    else
      held->docs[kept++] = held->docs[i];
  }
  held->count = kept;
}

static int hold_all(struct held *held, const struct azd_touched_query *query, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)held->base.store;
  bson_t *filters[] = {closed_filter(query), opened_filter(query)};
  const char *indexes[] = {MG_BY_TO, opened_index(query)};
  int rc = 0;
  for (int i = 0; !rc && i < 2; i++) {
    struct mg_patience patience = {0};
    size_t before = held->count;
    do {
      drop(held, before);
      rc = hold(held, indexes[i], filters[i], query, error);
    } while (mg_again(store, &patience, rc));
  }
  for (int i = 0; i < 2; i++) bson_destroy(filters[i]);
  if (held->count) qsort(held->docs, held->count, sizeof *held->docs, compare_docs);
  drop_doubles(held);
  return rc;
}

/* ---- much: in two steps ---- */

static int list_all(struct mg_store *store, const struct mg_moment *moment, const struct azd_touched_query *query,
                    struct mg_order *order, struct azd_error *error) {
  int rc = mg_order_find(store, moment, MG_BY_TO, closed_filter(query), query->types, query->type_count, order, error);
  if (!rc)
    rc = mg_order_find(store, moment, opened_index(query), opened_filter(query), query->types, query->type_count, order,
                       error);
  mg_order_sort(order); /* of one key the older first: ids end with from_seq */
  mg_order_unique(order);
  return rc;
}

/* Both ends are published. */
static int known(struct mg_store *store, const struct azd_touched_query *query, struct azd_error *error) {
  struct azd_snapshot snapshot;
  struct azd_arena arena;
  azd_arena_init(&arena, 0);
  int rc = mg_published(store, query->scope, query->from_seq, &snapshot, &arena, error);
  if (!rc) rc = mg_published(store, query->scope, query->to_seq, &snapshot, &arena, error);
  azd_arena_free(&arena);
  return rc;
}

int mg_touched(struct azd_store *base, const struct azd_touched_query *query, struct azd_version_cursor **out,
               struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct held *held = calloc(1, sizeof *held);
  if (!held) return azd_fail(error, AZD_ENOMEM, "no memory for a cursor");
  held->base = (struct azd_version_cursor){.step = step, .close = close_held, .store = base};
  held->bodies = query->bodies;
  held->docs = malloc(HELD_MAX * sizeof *held->docs);
  int rc = held->docs ? known(store, query, error) : azd_fail(error, AZD_ENOMEM, "no memory for a cursor");
  if (!rc) rc = mg_moment_load(store, query->scope, &held->moment, error);
  if (!rc) rc = hold_all(held, query, error);
  if (!rc) {
    *out = &held->base;
    return 0;
  }
  if (rc == AZD_ELIMIT) {
    struct mg_order order = {0};
    rc = list_all(store, &held->moment, query, &order, error);
    if (!rc) rc = mg_versions_of(base, query->scope, &order, query->bodies, out, error);
    mg_order_free(&order);
  }
  close_held(&held->base);
  return rc;
}
