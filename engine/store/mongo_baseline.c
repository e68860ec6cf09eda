/* Baselines of types and accepted states of resources. Their ids begin with the scope's hash and go on with the type's
 * prefix, or the resource's key: what belongs to a type is a range. */
#include "base/clock.h"
#include "store/mongo.h"

enum { BASELINE_ID = MG_SCOPE_HASH_BYTES + AZD_KEY_TYPE_BYTES, ACCEPTED_ID = MG_SCOPE_HASH_BYTES + AZD_KEY_BYTES };

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

static int must_be_published(struct mg_store *store, struct azd_str scope, int64_t seq, struct azd_error *error) {
  struct azd_snapshot snapshot;
  struct azd_arena arena;
  azd_arena_init(&arena, 0);
  int rc = mg_published(store, scope, seq, &snapshot, &arena, error);
  azd_arena_free(&arena);
  return rc;
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

static int set_one(struct mg_store *store, struct azd_str scope, struct azd_str type, int64_t seq, bool only_missing,
                   struct azd_str who, struct azd_str why, size_t *changed, struct azd_error *error) {
  bson_t *doc = baseline_filter(scope, type);
  mg_put(doc, "scope", scope);
  mg_put(doc, "type", type);
  BSON_APPEND_INT64(doc, "seq", seq);
  BSON_APPEND_DATE_TIME(doc, "set", azd_clock_wall_ms());
  mg_put(doc, "who", who);
  mg_put(doc, "why", why);
  if (only_missing) {
    int rc = mg_insert(store, MG_BASELINES, doc, error);
    *changed += rc == 0;
    return rc == AZD_ECONFLICT ? 0 : rc;
  }
  int rc = mg_update(store, MG_BASELINES, MG_REPLACE, baseline_filter(scope, type), doc, NULL, error);
  *changed += rc == 0;
  return rc ? rc : mg_delete(store, MG_ACCEPTED, range_filter(scope, type, ACCEPTED_ID), NULL, error);
}

int mg_baseline_set(struct azd_store *base, struct azd_str scope, const struct azd_str *types, size_t count,
                    int64_t seq, bool only_missing, struct azd_str who, struct azd_str why, size_t *changed,
                    struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  *changed = 0;
  int rc = must_be_published(store, scope, seq, error);
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

/* ---- what was accepted for one resource ---- */

static bson_t *accepted_filter(struct azd_str scope, const struct azd_key *key) {
  uint8_t id[ACCEPTED_ID];
  bson_t *filter = bson_new();
  mg_scope_hash(scope, id);
  memcpy(id + MG_SCOPE_HASH_BYTES, key->bytes, AZD_KEY_BYTES);
  mg_put_bytes(filter, "_id", id, sizeof id);
  return filter;
}

int mg_accept(struct azd_store *base, struct azd_str scope, const struct azd_accepted *a, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct azd_key key = azd_key_of(a->type, a->id);
  int rc = must_be_published(store, scope, a->seq, error);
  if (rc) return rc;
  if (a->body.size > MG_BODY_MAX_BYTES)
    return azd_fail(error, AZD_ELIMIT, "%.*s: %zu bytes when compressed: MongoDB keeps at most %d",
                    AZD_STR_FORMAT(a->id), a->body.size, MG_BODY_MAX_BYTES);
  bson_t *doc = accepted_filter(scope, &key);
  mg_put(doc, "scope", scope);
  mg_put(doc, "id", a->id);
  mg_put(doc, "type", a->type);
  BSON_APPEND_INT64(doc, "seq", a->seq);
  BSON_APPEND_DATE_TIME(doc, "set", a->set_ms ? a->set_ms : azd_clock_wall_ms());
  BSON_APPEND_INT64(doc, "until_ms", a->until_ms);
  mg_put(doc, "who", a->who);
  mg_put(doc, "why", a->why);
  mg_put_bytes(doc, "hash", a->hash, AZD_HASH_BYTES);
  mg_put_bytes(doc, "body", a->body.data, a->body.size);
  return mg_update(store, MG_ACCEPTED, MG_REPLACE, accepted_filter(scope, &key), doc, NULL, error);
}

int mg_unaccept(struct azd_store *base, struct azd_str scope, const struct azd_key *key, struct azd_error *error) {
  int64_t deleted = 0;
  int rc = mg_delete((struct mg_store *)base, MG_ACCEPTED, accepted_filter(scope, key), &deleted, error);
  if (!rc && !deleted) rc = azd_fail(error, AZD_ENOTFOUND, "%s: nothing was accepted for this resource", base->name);
  return rc;
}

static int read_accepted(const struct mg_store *store, const bson_t *doc, struct azd_arena *arena,
                         struct azd_accepted *a, struct azd_error *error) {
  *a = (struct azd_accepted){.id = azd_arena_keep(arena, mg_str(doc, "id")),
                             .type = azd_arena_keep(arena, mg_str(doc, "type")),
                             .seq = mg_i64(doc, "seq"),
                             .body = azd_arena_keep(arena, mg_bin(doc, "body")),
                             .set_ms = mg_i64(doc, "set"),
                             .until_ms = mg_i64(doc, "until_ms"),
                             .who = azd_arena_keep(arena, mg_str(doc, "who")),
                             .why = azd_arena_keep(arena, mg_str(doc, "why"))};
  if (!a->id.data || !a->type.data || !a->body.data || !a->who.data || !a->why.data)
    return azd_fail(error, AZD_ENOMEM, "no memory for what was accepted");
  return mg_bytes(store, doc, "hash", a->hash, AZD_HASH_BYTES, error);
}

int mg_accepted(struct azd_store *base, struct azd_str scope, struct azd_arena *arena, struct azd_accepted **accepted,
                size_t *count, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct mg_patience patience = {0};
  int rc;
  do {
    struct mg_list list;
    const bson_t *doc;
    size_t capacity = 0;
    *accepted = NULL;
    *count = 0;
    rc = mg_list_open(store, MG_ACCEPTED, range_filter(scope, (struct azd_str){0}, ACCEPTED_ID),
                      BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}"), &list, error);
    while (!rc && (rc = mg_list_next(&list, &doc, error)) > 0) {
      *accepted = mg_array_room(arena, *accepted, *count, &capacity, sizeof **accepted);
      rc = *accepted ? read_accepted(store, doc, arena, &(*accepted)[*count], error)
                     : azd_fail(error, AZD_ENOMEM, "no memory for what was accepted");
      *count += rc == 0;
    }
    mg_list_close(&list);
  } while (mg_again(store, &patience, rc));
  return rc;
}
