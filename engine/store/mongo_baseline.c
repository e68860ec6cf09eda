/* Baselines of types and accepted states of resources. Their ids begin with the scope's hash and go on with the type's
 * prefix, or the resource's key: what belongs to a type is a range. */
#include "base/clock.h"
#include "store/mongo.h"

enum { BASELINE_ID = MG_SCOPE_HASH_BYTES + AZD_KEY_TYPE_BYTES, ACCEPTED_ID = MG_ACCEPTED_ID_BYTES };

/* {_id: range of bytes} over everything of a type (empty: of the scope). */
static bson_t *range_filter(struct azd_str scope, struct azd_str type, size_t bytes) {
  uint8_t low[ACCEPTED_ID] = {0}, high[ACCEPTED_ID];
  bson_t *filter = bson_new();
  memset(high, 0xff, sizeof high);
  mg_scope_hash(scope, low);
  mg_scope_hash(scope, high);
  if (type.size) {
    azd_key_type_prefix(type, low + MG_SCOPE_HASH_BYTES);
    azd_key_type_prefix(type, high + MG_SCOPE_HASH_BYTES);
  }
  mg_put_range(filter, low, high, bytes);
  return filter;
}

/* ---- baselines of types ---- */

static bson_t *baseline_filter(struct azd_str scope, struct azd_str type) {
  uint8_t id[BASELINE_ID];
  bson_t *filter = bson_new();
  mg_scope_hash(scope, id);
  azd_key_type_prefix(type, id + MG_SCOPE_HASH_BYTES);
  mg_put_bytes(filter, "_id", id, sizeof id);
  return filter;
}

int mg_baseline_ms(struct mg_store *store, struct azd_str scope, struct azd_str type, int64_t *set_ms,
                   struct azd_error *error) {
  bson_t *doc;
  *set_ms = 0;
  int rc = mg_get(store, MG_BASELINES, baseline_filter(scope, type), NULL, &doc, error);
  if (rc) return rc == AZD_ENOTFOUND ? 0 : rc;
  *set_ms = mg_i64(doc, "set");
  bson_destroy(doc);
  return 0;
}

/* What was accepted on an earlier baseline goes; what was accepted on this one, by an engine that saw it already,
 * stays.
 */
static int forget_older(struct mg_store *store, struct azd_str scope, struct azd_str type, int64_t set_ms,
                        struct azd_error *error) {
  bson_t *filter = range_filter(scope, type, ACCEPTED_ID);
  BCON_APPEND(filter, "baseline_ms", "{", "$ne", BCON_INT64(set_ms), "}");
  return mg_delete(store, MG_ACCEPTED, filter, NULL, error);
}

static int set_one(struct mg_store *store, struct azd_str scope, struct azd_str type, int64_t seq, bool only_missing,
                   struct azd_str who, struct azd_str why, size_t *changed, struct azd_error *error) {
  int64_t set_ms = azd_clock_wall_ms(), before_ms = 0;
  int rc = only_missing ? 0 : mg_baseline_ms(store, scope, type, &before_ms, error);
  if (rc) return rc;
  if (set_ms <= before_ms) set_ms = before_ms + 1;
  bson_t *doc = baseline_filter(scope, type);
  mg_put(doc, "scope", scope);
  mg_put(doc, "type", type);
  BSON_APPEND_INT64(doc, "seq", seq);
  BSON_APPEND_DATE_TIME(doc, "set", set_ms);
  mg_put(doc, "who", who);
  mg_put(doc, "why", why);
  if (only_missing) {
    rc = mg_insert(store, MG_BASELINES, doc, error);
    *changed += rc == 0;
    return rc == AZD_ECONFLICT ? 0 : rc;
  }
  rc = mg_update(store, MG_BASELINES, MG_REPLACE, baseline_filter(scope, type), doc, NULL, error);
  *changed += rc == 0;
  return rc ? rc : forget_older(store, scope, type, set_ms, error);
}

int mg_baseline_set(struct azd_store *base, struct azd_str scope, const struct azd_str *types, size_t count,
                    int64_t seq, bool only_missing, struct azd_str who, struct azd_str why, size_t *changed,
                    struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  *changed = 0;
  int rc = mg_pin(store, scope, seq, error);
  for (size_t i = 0; !rc && i < count; i++)
    rc = set_one(store, scope, types[i], seq, only_missing, who, why, changed, error);
  return rc;
}

int mg_baseline_clear(struct azd_store *base, struct azd_str scope, struct azd_str type, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  int rc = mg_delete(store, MG_BASELINES, range_filter(scope, type, BASELINE_ID), NULL, error);
  return rc ? rc : mg_delete(store, MG_ACCEPTED, range_filter(scope, type, ACCEPTED_ID), NULL, error);
}

int mg_baselines(struct azd_store *base, struct azd_str scope, struct azd_arena *arena, struct azd_baseline **baselines,
                 size_t *count, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct mg_patience patience = {0};
  int rc;
  do {
    struct mg_list list;
    const bson_t *doc;
    size_t capacity = 0;
    *baselines = NULL;
    *count = 0;
    rc = mg_list_open(store, MG_BASELINES, range_filter(scope, (struct azd_str){0}, BASELINE_ID),
                      BCON_NEW("sort", "{", "type", BCON_INT32(1), "}"), &list, error);
    while (!rc && (rc = mg_list_next(&list, &doc, error)) > 0) {
      *baselines = mg_array_room(arena, *baselines, *count, &capacity, sizeof **baselines);
      struct azd_baseline *b = *baselines ? &(*baselines)[*count] : NULL;
      if (b)
        *b = (struct azd_baseline){.type = azd_arena_keep(arena, mg_str(doc, "type")),
                                   .seq = mg_i64(doc, "seq"),
                                   .set_ms = mg_i64(doc, "set"),
                                   .who = azd_arena_keep(arena, mg_str(doc, "who")),
                                   .why = azd_arena_keep(arena, mg_str(doc, "why"))};
      bool ok = b && b->type.data && b->who.data && b->why.data;
      rc = ok ? 0 : azd_fail(error, AZD_ENOMEM, "no memory for baselines");
      *count += ok;
    }
    mg_list_close(&list);
  } while (mg_again(store, &patience, rc));
  return rc;
}
