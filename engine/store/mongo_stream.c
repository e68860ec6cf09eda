/* A whole snapshot in one pass, in the order in which the server has it at hand: the fastest way to all of it.
 *
 * The scan goes down the index on to_seq, as mongo_order.c explains, so what a commit closes meanwhile may be met
 * twice, never not at all. The ids of what was answered are kept, 24 bytes each: they tell what was met before, also
 * where a lost connection made us begin again, and they are counted against the snapshot, with its hashes, before the
 * end is told. */
#include "store/mongo.h"

#include <stdlib.h>

struct stream {
  struct azd_version_cursor base;
  struct mg_moment moment;
  struct mg_list list;
  struct mg_patience patience;
  struct mg_order seen;
  size_t sorted; /* of seen, from its begin: what may come a second time */
  int64_t seq, resources;
  uint8_t wanted_xor[AZD_HASH_BYTES], xored[AZD_HASH_BYTES];
  bool bodies, doubles; /* doubles: we are past the first that moved, or began again */
  int failure, passes;
};

static struct mg_store *store_of(const struct stream *s) {
  return (struct mg_store *)s->base.store;
}

static void expect_doubles(struct stream *s) {
  mg_order_sort(&s->seen);
  s->sorted = s->seen.count;
  s->doubles = true;
}

static int open_pass(struct stream *s, struct azd_error *error) {
  bson_t *filter = mg_scoped(azd_str_of(s->moment.scope)), *opts = mg_version_opts(s->bodies, MG_BATCH);
  BCON_APPEND(filter, "to_seq", "{", "$gt", BCON_INT64(s->seq), "}", "from_seq", "{", "$lte", BCON_INT64(s->seq), "}");
  BCON_APPEND(opts, "sort", "{", "scope", BCON_INT32(-1), "to_seq", BCON_INT32(-1), "from_seq", BCON_INT32(-1), "}",
              "hint", BCON_UTF8(MG_BY_TO));
  s->doubles = false;
  if (s->passes++) expect_doubles(s);
  return mg_list_open(store_of(s), MG_VERSIONS, filter, opts, &s->list, error);
}

/* 1: it is new; 0: it was answered before. */
static int admit(struct stream *s, const bson_t *doc, const struct azd_version *v, struct azd_error *error) {
  uint8_t id[AZD_VERSION_ID_BYTES];
  int64_t to_seq = v->to_seq == AZD_SEQ_OPEN ? mg_i64(doc, "to_seq") : v->to_seq;
  azd_version_id_in(s->moment.hash, &v->key, v->from_seq, id);
  if (!s->doubles && to_seq > s->moment.last && to_seq < AZD_SEQ_OPEN) expect_doubles(s);
  if (s->doubles && mg_order_has(&s->seen, s->sorted, id + MG_SCOPE_HASH_BYTES)) return 0;
  for (int i = 0; i < AZD_HASH_BYTES; i++) s->xored[i] ^= v->hash[i];
  int rc = mg_order_add(&s->seen, id + MG_SCOPE_HASH_BYTES, error);
  return rc ? rc : 1;
}

/* 0: it is all there; 1: something is missing that another pass may find. */
static int end_pass(struct stream *s, struct azd_error *error) {
  enum { PASSES = 5 };
  mg_list_close(&s->list);
  if ((int64_t)s->seen.count == s->resources && !memcmp(s->xored, s->wanted_xor, sizeof s->xored)) return 0;
  if ((int64_t)s->seen.count < s->resources && s->passes < PASSES) return 1;
  return mg_order_differs(store_of(s), s->resources, s->seen.count, error);
}

static int step_once(struct stream *s, struct azd_version *version, struct azd_error *error) {
  const bson_t *doc;
  for (;;) {
    int rc = s->list.client ? 0 : open_pass(s, error);
    if (!rc) rc = mg_list_next(&s->list, &doc, error);
    if (rc < 0) {
      mg_list_close(&s->list);
      return rc;
    }
    if (rc == 0) {
      rc = end_pass(s, error);
      if (rc <= 0) return rc;
      continue;
    }
    rc = mg_version_read(store_of(s), doc, &s->moment, version, error);
    if (!rc && !mg_is_void(&s->moment, version->from_seq)) rc = admit(s, doc, version, error);
    if (rc) return rc;
  }
}

static int step(struct azd_version_cursor *base, struct azd_version *version, struct azd_error *error) {
  struct stream *s = (struct stream *)base;
  int rc = s->failure;
  if (rc) return azd_fail(error, rc, "%s: this cursor has failed before", base->store->name);
  do rc = step_once(s, version, error);
  while (rc < 0 && mg_again(store_of(s), &s->patience, rc));
  if (rc < 0) s->failure = rc;
  if (rc > 0) s->patience = (struct mg_patience){0};
  return rc;
}

static void close_stream(struct azd_version_cursor *base) {
  struct stream *s = (struct stream *)base;
  mg_list_close(&s->list);
  mg_moment_free(&s->moment);
  mg_order_free(&s->seen);
  free(s);
}

int mg_stream_open(struct azd_store *base, const struct azd_version_query *query, struct azd_version_cursor **out,
                   struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct azd_snapshot snapshot;
  struct azd_arena arena;
  struct stream *s = calloc(1, sizeof *s);
  if (!s) return azd_fail(error, AZD_ENOMEM, "no memory for a cursor");
  s->base = (struct azd_version_cursor){.step = step, .close = close_stream, .store = base};
  s->seq = query->seq;
  s->bodies = query->bodies;
  azd_arena_init(&arena, 0);
  int rc = mg_moment_load(store, query->scope, &s->moment, error);
  if (!rc) rc = mg_published(store, query->scope, query->seq, &snapshot, &arena, error);
  if (!rc) {
    s->resources = snapshot.resources;
    memcpy(s->wanted_xor, snapshot.hashes_xor, sizeof s->wanted_xor);
  }
  azd_arena_free(&arena);
  if (rc)
    close_stream(&s->base);
  else
    *out = &s->base;
  return rc;
}
