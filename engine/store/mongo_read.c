/* Reading versions. A snapshot is read in two steps: first which versions (mongo_order.c), then, in batches by id and
 * so in key order, the documents themselves: to_seq may move meanwhile, their ids and bodies never do. What is bounded
 * by one resource or one type is read straight from a range of ids, where no document ever moves. */
#include "store/mongo.h"

#include <stdlib.h>

struct mg_cursor {
  struct azd_version_cursor base;
  bool bodies;
  int failure;
  struct mg_moment *moments; /* owned: one a scope that is looked in */
  size_t moment_count, moment;
  struct mg_list list;
  struct mg_patience patience;

  struct mg_order order; /* two steps: what is to come, and how far we are */
  size_t next, batch_end;

  bool raw;    /* every version as it is stored */
  bool ranged; /* one step: what is left of the range of ids, in which direction, what is open at seq (0: all) */
  bool descending;
  uint8_t low[AZD_VERSION_ID_BYTES], high[AZD_VERSION_ID_BYTES];
  int64_t seq;
};

static struct mg_store *store_of(const struct mg_cursor *cursor) {
  return (struct mg_store *)cursor->base.store;
}

/* ---- one document ---- */

static const struct {
  const char *name;
  size_t offset;
} texts[] = {{"id", offsetof(struct azd_version, id)},
             {"type", offsetof(struct azd_version, type)},
             {"view", offsetof(struct azd_version, view)},
             {"api_version", offsetof(struct azd_version, api_version)},
             {"redaction", offsetof(struct azd_version, redaction)},
             {"subscription_id", offsetof(struct azd_version, subscription_id)},
             {"resource_group", offsetof(struct azd_version, resource_group)}};

static struct azd_str *text_of(struct azd_version *version, const char *name) {
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (!strcmp(texts[i].name, name)) return (struct azd_str *)((char *)version + texts[i].offset);
  return NULL;
}

/* One pass over the fields. Texts are followed by a NUL in BSON; so is the body, which is the last field. */
int mg_version_read(const struct mg_store *store, const bson_t *doc, const struct mg_moment *moment,
                    struct azd_version *v, struct azd_error *error) {
  bson_iter_t field;
  uint32_t bytes;
  bool has_id = false, has_hash = false;
  *v = (struct azd_version){.body = AZD_STR("")};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) *text_of(v, texts[i].name) = AZD_STR("");
  for (bool ok = bson_iter_init(&field, doc); ok && bson_iter_next(&field);) {
    const char *name = bson_iter_key(&field);
    if (BSON_ITER_HOLDS_UTF8(&field)) {
      struct azd_str *text = text_of(v, name);
      if (!text) continue;
      text->data = bson_iter_utf8(&field, &bytes);
      text->size = bytes;
    } else if (BSON_ITER_HOLDS_BINARY(&field)) {
      const uint8_t *data;
      bson_iter_binary(&field, NULL, &bytes, &data);
      if (!strcmp(name, "body")) {
        v->body = (struct azd_str){(const char *)data, bytes};
      } else if (!strcmp(name, "_id") && bytes == AZD_VERSION_ID_BYTES) {
        memcpy(v->key.bytes, data + MG_SCOPE_HASH_BYTES, AZD_KEY_BYTES);
        has_id = true;
      } else if (!strcmp(name, "hash") && bytes == AZD_HASH_BYTES) {
        memcpy(v->hash, data, AZD_HASH_BYTES);
        has_hash = true;
      }
    } else if (!strcmp(name, "from_seq")) {
      v->from_seq = bson_iter_as_int64(&field);
    } else if (!strcmp(name, "to_seq")) {
      v->to_seq = bson_iter_as_int64(&field);
    } else if (!strcmp(name, "prev_from")) {
      v->prev_from = bson_iter_as_int64(&field);
    }
  }
  if (!has_id || !has_hash || v->from_seq < 1 || v->to_seq < v->from_seq)
    return azd_fail(error, AZD_ECORRUPT, "%s: a document of " MG_VERSIONS " was changed: restore it from a backup",
                    store->base.name);
  if (v->to_seq > moment->last) v->to_seq = AZD_SEQ_OPEN; /* by a commit that is not published yet */
  return 0;
}

/* Whole documents are answered as they lie there: to leave out a field, the server takes each apart. */
bson_t *mg_version_opts(bool bodies, size_t batch) {
  bson_t *opts = BCON_NEW("batchSize", BCON_INT32((int32_t)batch));
  if (!bodies) BCON_APPEND(opts, "projection", "{", "body", BCON_INT32(0), "}");
  return opts;
}

/* ---- two steps ---- */

static int step_order(struct mg_cursor *cursor, struct azd_version *version, struct azd_error *error) {
  struct mg_store *store = store_of(cursor);
  const struct mg_moment *moment = &cursor->moments[0];
  const bson_t *doc;
  int rc = 0;
  if (cursor->next == cursor->order.count) return 0;
  if (cursor->next == cursor->batch_end) {
    size_t left = cursor->order.count - cursor->next, count = left < MG_BATCH ? left : MG_BATCH;
    bson_t *opts = mg_version_opts(cursor->bodies, count + 1); /* one more: so the server sees the end, and closes */
    mg_list_close(&cursor->list);
    BCON_APPEND(opts, "sort", "{", "_id", BCON_INT32(1), "}");
    rc = mg_list_open(store, MG_VERSIONS, mg_order_filter(moment, &cursor->order, cursor->next, count), opts,
                      &cursor->list, error);
    if (rc) return rc;
    cursor->batch_end = cursor->next + count;
  }
  rc = mg_list_next(&cursor->list, &doc, error);
  if (rc < 0) {
    cursor->batch_end = cursor->next; /* from here once more */
    return rc;
  }
  if (rc > 0) {
    rc = mg_version_read(store, doc, moment, version, error);
    if (rc) return rc;
    if (!memcmp(version->key.bytes, cursor->order.ids[cursor->next], AZD_KEY_BYTES)) {
      cursor->next++;
      return 1;
    }
  }
  return azd_fail(error, AZD_ECORRUPT, "%s: a version is gone while it was read: was it deleted? Read again",
                  store->base.name);
}

/* ---- one step ---- */

static int open_range(struct mg_cursor *cursor, struct azd_error *error) {
  bson_t *filter = bson_new(), *opts = mg_version_opts(cursor->bodies, MG_BATCH);
  mg_put_range(filter, cursor->low, cursor->high, AZD_VERSION_ID_BYTES);
  if (cursor->seq)
    BCON_APPEND(filter, "from_seq", "{", "$lte", BCON_INT64(cursor->seq), "}", "to_seq", "{", "$gt",
                BCON_INT64(cursor->seq), "}");
  BCON_APPEND(opts, "sort", "{", "_id", BCON_INT32(cursor->descending ? -1 : 1), "}");
  mg_list_close(&cursor->list);
  return mg_list_open(store_of(cursor), MG_VERSIONS, filter, opts, &cursor->list, error);
}

/* The ids begin with their scope. */
static void range_in(struct mg_cursor *cursor, const struct mg_moment *moment) {
  memcpy(cursor->low, moment->hash, MG_SCOPE_HASH_BYTES);
  memcpy(cursor->high, moment->hash, MG_SCOPE_HASH_BYTES);
}

/* Past id: where reading goes on after a failure. */
static void narrow(struct mg_cursor *cursor, const struct mg_moment *moment, const struct azd_version *version) {
  uint8_t *bound = cursor->descending ? cursor->high : cursor->low;
  azd_version_id_in(moment->hash, &version->key, cursor->descending ? version->from_seq - 1 : version->from_seq + 1,
                    bound);
}

static int step_range(struct mg_cursor *cursor, struct azd_version *version, struct azd_error *error) {
  const bson_t *doc;
  while (cursor->moment < cursor->moment_count) {
    const struct mg_moment *moment = &cursor->moments[cursor->moment];
    int rc = cursor->list.client ? 0 : open_range(cursor, error);
    if (!rc) rc = mg_list_next(&cursor->list, &doc, error);
    if (rc < 0) {
      mg_list_close(&cursor->list);
      return rc;
    }
    if (rc == 0) {
      struct azd_key key;
      mg_list_close(&cursor->list);
      if (++cursor->moment == cursor->moment_count) return 0;
      /* The same resource in the next scope: only histories look in several. */
      memcpy(key.bytes, cursor->low + MG_SCOPE_HASH_BYTES, AZD_KEY_BYTES);
      azd_version_id_in(cursor->moments[cursor->moment].hash, &key, INT64_MAX, cursor->high);
      range_in(cursor, &cursor->moments[cursor->moment]);
      continue;
    }
    rc = mg_version_read(store_of(cursor), doc, moment, version, error);
    if (rc) return rc;
    narrow(cursor, moment, version);
    if (cursor->raw || (version->from_seq <= moment->last && !mg_is_void(moment, version->from_seq))) return 1;
  }
  return 0;
}

/* ---- the cursor ---- */

static int step(struct azd_version_cursor *base, struct azd_version *version, struct azd_error *error) {
  struct mg_cursor *cursor = (struct mg_cursor *)base;
  int rc = cursor->failure;
  if (rc) return azd_fail(error, rc, "%s: this cursor has failed before", base->store->name);
  do rc = cursor->ranged ? step_range(cursor, version, error) : step_order(cursor, version, error);
  while (rc < 0 && mg_again(store_of(cursor), &cursor->patience, rc));
  if (rc < 0)
    cursor->failure = rc;
  else
    cursor->patience = (struct mg_patience){0};
  if (rc == 0) mg_list_close(&cursor->list);
  return rc;
}

static void close_cursor(struct azd_version_cursor *base) {
  struct mg_cursor *cursor = (struct mg_cursor *)base;
  mg_list_close(&cursor->list);
  for (size_t i = 0; i < cursor->moment_count; i++) mg_moment_free(&cursor->moments[i]);
  free(cursor->moments);
  mg_order_free(&cursor->order);
  free(cursor);
}

/* Of one scope, or, where scope is empty, of all. */
static int cursor_new(struct azd_store *store, struct azd_str scope, bool bodies, struct mg_cursor **out,
                      struct azd_error *error) {
  struct mg_cursor *cursor = calloc(1, sizeof *cursor);
  struct azd_arena arena;
  const char *only[1] = {NULL}, **scopes = only;
  size_t count = 1;
  if (!cursor) return azd_fail(error, AZD_ENOMEM, "no memory for a cursor");
  azd_arena_init(&arena, 0);
  cursor->base = (struct azd_version_cursor){.step = step, .close = close_cursor, .store = store};
  cursor->bodies = bodies;
  int rc = 0;
  if (scope.size)
    only[0] = azd_arena_copy(&arena, scope);
  else
    rc = mg_scopes(store, &arena, &scopes, &count, error);
  cursor->moments = calloc(count + 1, sizeof *cursor->moments);
  if (!rc && (!cursor->moments || (scope.size && !only[0]))) rc = azd_fail(error, AZD_ENOMEM, "no memory for a cursor");
  for (size_t i = 0; !rc && i < count; i++) {
    rc = mg_moment_load((struct mg_store *)store, azd_str_of(scopes[i]), &cursor->moments[i], error);
    cursor->moment_count += rc == 0;
  }
  azd_arena_free(&arena);
  if (rc)
    close_cursor(&cursor->base);
  else
    *out = cursor;
  return rc;
}

static int cursor_done(struct mg_cursor *cursor, int rc, struct azd_version_cursor **out) {
  if (rc)
    close_cursor(&cursor->base);
  else
    *out = &cursor->base;
  return rc;
}

int mg_versions(struct azd_store *base, const struct azd_version_query *query, struct azd_version_cursor **out,
                struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct azd_snapshot snapshot;
  struct azd_arena arena;
  struct mg_cursor *cursor;
  if (query->any_order && !query->type.size) return mg_stream_open(base, query, out, error);
  int rc = cursor_new(base, query->scope, query->bodies, &cursor, error);
  if (rc) return rc;
  azd_arena_init(&arena, 0);
  rc = mg_published(store, query->scope, query->seq, &snapshot, &arena, error);
  if (!rc && query->type.size) {
    cursor->ranged = true;
    cursor->seq = query->seq;
    memset(cursor->low, 0, sizeof cursor->low);
    memset(cursor->high, 0xff, sizeof cursor->high);
    range_in(cursor, &cursor->moments[0]);
    azd_key_type_prefix(query->type, cursor->low + MG_SCOPE_HASH_BYTES);
    azd_key_type_prefix(query->type, cursor->high + MG_SCOPE_HASH_BYTES);
  } else if (!rc) {
    rc = mg_order_snapshot(store, &cursor->moments[0], &snapshot, &cursor->order, NULL, NULL, error);
  }
  azd_arena_free(&arena);
  return cursor_done(cursor, rc, out);
}

int mg_versions_of(struct azd_store *base, struct azd_str scope, struct mg_order *order, bool bodies,
                   struct azd_version_cursor **out, struct azd_error *error) {
  struct mg_cursor *cursor;
  int rc = cursor_new(base, scope, bodies, &cursor, error);
  if (rc) return rc;
  cursor->order = *order;
  *order = (struct mg_order){0};
  *out = &cursor->base;
  return 0;
}

static void range_of_key(struct mg_cursor *cursor, const struct azd_key *key, int64_t up_to) {
  const struct mg_moment *moment = &cursor->moments[0];
  cursor->ranged = cursor->descending = true;
  azd_version_id_in(moment->hash, key, 0, cursor->low);
  azd_version_id_in(moment->hash, key, up_to, cursor->high);
}

int mg_history(struct azd_store *base, struct azd_str scope, const struct azd_key *key, bool bodies,
               struct azd_version_cursor **out, struct azd_error *error) {
  struct mg_cursor *cursor;
  int rc = cursor_new(base, scope, bodies, &cursor, error);
  if (rc) return rc;
  cursor->ranged = true;
  if (cursor->moment_count) range_of_key(cursor, key, INT64_MAX);
  *out = &cursor->base;
  return 0;
}

int mg_version(struct azd_store *base, struct azd_str scope, const struct azd_key *key, int64_t seq,
               struct azd_arena *arena, struct azd_version *version, struct azd_error *error) {
  struct mg_cursor *cursor;
  int rc = cursor_new(base, scope, true, &cursor, error);
  if (rc) return rc;
  if (seq > cursor->moments[0].last) {
    rc = azd_fail(error, AZD_ENOTFOUND, "%s has no published snapshot %lld", base->name, (long long)seq);
  } else {
    range_of_key(cursor, key, seq);
    rc = step(&cursor->base, version, error); /* the newest that had begun */
    if (rc == 0 || (rc > 0 && version->to_seq <= seq))
      rc = azd_fail(error, AZD_ENOTFOUND, "%s does not show this resource at %lld", base->name, (long long)seq);
    else if (rc > 0)
      rc = azd_version_keep(version, arena) ? azd_fail(error, AZD_ENOMEM, "no memory for a version") : 0;
  }
  close_cursor(&cursor->base);
  return rc;
}

/* ---- everything, as it is stored ---- */

int mg_scan(struct azd_store *base, const struct azd_scan_query *query, struct azd_version_cursor **out,
            struct azd_error *error) {
  struct mg_cursor *cursor;
  int rc = cursor_new(base, query->scope, query->bodies, &cursor, error);
  if (rc) return rc;
  cursor->raw = cursor->ranged = true;
  cursor->moments[0].last = AZD_SEQ_OPEN - 1; /* an end is told as it stands */
  azd_version_id(query->scope, &query->after_key, query->after_from + 1, cursor->low);
  memset(cursor->high, 0xff, sizeof cursor->high);
  range_in(cursor, &cursor->moments[0]);
  *out = &cursor->base;
  return 0;
}

/* ---- types ---- */

static int name_of_type(struct mg_store *store, const struct mg_moment *moment, const struct mg_order *order,
                        size_t place, struct azd_arena *arena, struct azd_str *type, struct azd_error *error) {
  bson_t *doc, *opts = BCON_NEW("projection", "{", "type", BCON_INT32(1), "}");
  int rc = mg_get(store, MG_VERSIONS, mg_order_filter(moment, order, place, 1), opts, &doc, error);
  if (rc == AZD_ENOTFOUND)
    return azd_fail(error, AZD_ECORRUPT, "%s: a version is gone while it was read", store->base.name);
  if (rc) return rc;
  *type = azd_arena_keep(arena, mg_str(doc, "type"));
  bson_destroy(doc);
  return type->data ? 0 : azd_fail(error, AZD_ENOMEM, "no memory for types");
}

int mg_types(struct azd_store *base, struct azd_str scope, int64_t seq, struct azd_arena *arena,
             struct azd_type_count **types, size_t *count, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct azd_snapshot snapshot;
  struct mg_moment moment;
  struct mg_order order = {0};
  size_t capacity = 0;
  *types = NULL;
  *count = 0;
  int rc = mg_moment_load(store, scope, &moment, error);
  if (rc) return rc;
  rc = mg_published(store, scope, seq, &snapshot, arena, error);
  if (!rc) rc = mg_order_snapshot(store, &moment, &snapshot, &order, NULL, NULL, error);
  for (size_t i = 0; !rc && i < order.count; i++) {
    if (i && !memcmp(order.ids[i - 1], order.ids[i], AZD_KEY_TYPE_BYTES)) {
      (*types)[*count - 1].versions++;
      continue;
    }
    *types = mg_array_room(arena, *types, *count, &capacity, sizeof **types);
    if (!*types) {
      rc = azd_fail(error, AZD_ENOMEM, "no memory for types");
      break;
    }
    struct azd_type_count *type = &(*types)[(*count)++];
    type->versions = 1;
    rc = name_of_type(store, &moment, &order, i, arena, &type->type, error);
  }
  mg_order_free(&order);
  mg_moment_free(&moment);
  return rc;
}
