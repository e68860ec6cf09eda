/* What was accepted for one resource: one document, its states inside. What an engine accepts while another sets the
 * baseline anew is fenced when it is read: it names the baseline it was made on (azd_accepted's baseline_ms). */
#include "base/clock.h"
#include "store/mongo.h"

static bson_t *accepted_filter(struct azd_str scope, const struct azd_key *key) {
  uint8_t id[MG_ACCEPTED_ID_BYTES];
  bson_t *filter = bson_new();
  mg_scope_hash(scope, id);
  memcpy(id + MG_SCOPE_HASH_BYTES, key->bytes, AZD_KEY_BYTES);
  mg_put_bytes(filter, "_id", id, sizeof id);
  return filter;
}

static int states_ok(struct mg_store *store, struct azd_str scope, const struct azd_accepted *a,
                     struct azd_error *error) {
  size_t bytes = a->evidence.size;
  int rc = 0;
  for (size_t i = 0; !rc && i < a->state_count; i++) {
    bytes += a->states[i].body.size;
    rc = mg_pin(store, scope, a->states[i].seq, error);
  }
  if (!rc && bytes > MG_BODY_MAX_BYTES)
    rc = azd_fail(error, AZD_ELIMIT, "%.*s: %zu bytes of what was accepted, when compressed: MongoDB keeps at most %d",
                  AZD_STR_FORMAT(a->id), bytes, MG_BODY_MAX_BYTES);
  return rc;
}

static bson_t *accepted_doc(struct azd_str scope, const struct azd_key *key, const struct azd_accepted *a,
                            int64_t revision) {
  bson_t *doc = accepted_filter(scope, key), list, each;
  mg_put(doc, "scope", scope);
  mg_put(doc, "id", a->id);
  mg_put(doc, "type", a->type);
  BSON_APPEND_INT64(doc, "revision", revision);
  BSON_APPEND_INT64(doc, "baseline_ms", a->baseline_ms);
  BSON_APPEND_DATE_TIME(doc, "set", a->set_ms ? a->set_ms : azd_clock_wall_ms());
  mg_put(doc, "who", a->who);
  mg_put(doc, "why", a->why);
  mg_put(doc, "evidence", a->evidence);
  bson_append_array_begin(doc, "states", -1, &list);
  for (size_t i = 0; i < a->state_count; i++) {
    const struct azd_accepted_state *s = &a->states[i];
    char place[8];
    snprintf(place, sizeof place, "%zu", i);
    bson_append_document_begin(&list, place, -1, &each);
    BSON_APPEND_INT64(&each, "until_ms", s->until_ms);
    BSON_APPEND_INT64(&each, "seq", s->seq);
    mg_put(&each, "redaction", s->redaction);
    mg_put_bytes(&each, "hash", s->hash, AZD_HASH_BYTES);
    mg_put_bytes(&each, "body", s->body.data, s->body.size);
    bson_append_document_end(&list, &each);
  }
  bson_append_array_end(doc, &list);
  return doc;
}

/* What is stored now; 0: nothing. */
static int revision_of(struct mg_store *store, struct azd_str scope, const struct azd_key *key, int64_t *revision,
                       struct azd_error *error) {
  bson_t *doc;
  *revision = 0;
  int rc = mg_get(store, MG_ACCEPTED, accepted_filter(scope, key), NULL, &doc, error);
  if (rc) return rc == AZD_ENOTFOUND ? 0 : rc;
  *revision = mg_i64(doc, "revision");
  bson_destroy(doc);
  return 0;
}

static int spoken_since(const struct azd_accepted *a, struct azd_error *error) {
  return azd_fail(error, AZD_ECONFLICT, "%.*s: something else was accepted meanwhile: read it again",
                  AZD_STR_FORMAT(a->id));
}

static int put(struct mg_store *store, struct azd_str scope, const struct azd_key *key, const struct azd_accepted *a,
               struct azd_error *error) {
  int64_t revision, matched = 0;
  int rc = revision_of(store, scope, key, &revision, error);
  if (rc) return rc;
  if (a->revision != AZD_ACCEPTED_ANY && a->revision != revision) return spoken_since(a, error);
  bson_t *doc = accepted_doc(scope, key, a, revision + 1);
  if (revision == 0) {
    rc = mg_insert(store, MG_ACCEPTED, doc, error);
    return rc == AZD_ECONFLICT ? spoken_since(a, error) : rc;
  }
  bson_t *filter = accepted_filter(scope, key);
  BSON_APPEND_INT64(filter, "revision", revision);
  rc = mg_update(store, MG_ACCEPTED, MG_REPLACE, filter, doc, &matched, error);
  return rc == AZD_ECONFLICT ? spoken_since(a, error) : rc;
}

int mg_accept(struct azd_store *base, struct azd_str scope, const struct azd_accepted *a, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct azd_key key = azd_key_of(a->type, a->id);
  int64_t baseline_ms = 0;
  int rc = states_ok(store, scope, a, error);
  do rc = rc ? rc : put(store, scope, &key, a, error);
  while (rc == AZD_ECONFLICT && a->revision == AZD_ACCEPTED_ANY && !(rc = 0));
  /* Asked afterwards: a baseline that was set before the document was in place has not seen it. */
  if (!rc && a->baseline_ms) rc = mg_baseline_ms(store, scope, a->type, &baseline_ms, error);
  if (!rc && a->baseline_ms != 0 && a->baseline_ms != baseline_ms)
    rc = azd_fail(error, AZD_ECONFLICT, "%.*s: the baseline was set anew meanwhile: read it again",
                  AZD_STR_FORMAT(a->type));
  return rc;
}

int mg_unaccept(struct azd_store *base, struct azd_str scope, const struct azd_key *key, struct azd_error *error) {
  int64_t deleted = 0;
  int rc = mg_delete((struct mg_store *)base, MG_ACCEPTED, accepted_filter(scope, key), &deleted, error);
  if (!rc && !deleted) rc = azd_fail(error, AZD_ENOTFOUND, "%s: nothing was accepted for this resource", base->name);
  return rc;
}

/* ---- reading ---- */

static int read_state(const struct mg_store *store, const bson_t *doc, struct azd_arena *arena, struct azd_accepted *a,
                      struct azd_error *error) {
  struct azd_accepted_state *s = &a->states[a->state_count++];
  *s = (struct azd_accepted_state){.until_ms = mg_i64(doc, "until_ms"),
                                   .seq = mg_i64(doc, "seq"),
                                   .body = azd_arena_keep(arena, mg_bin(doc, "body")),
                                   .redaction = azd_arena_keep(arena, mg_str(doc, "redaction"))};
  if (!s->body.data || !s->redaction.data) return azd_fail(error, AZD_ENOMEM, "no memory for what was accepted");
  return mg_bytes(store, doc, "hash", s->hash, AZD_HASH_BYTES, error);
}

static int read_states(const struct mg_store *store, const bson_t *doc, struct azd_arena *arena, struct azd_accepted *a,
                       struct azd_error *error) {
  bson_iter_t list, each;
  int rc = 0;
  if (!bson_iter_init_find(&list, doc, "states") || !bson_iter_recurse(&list, &each))
    return read_state(store, doc, arena, a, error); /* as the first schema had it: one state, in the document itself */
  while (!rc && bson_iter_next(&each)) {
    const uint8_t *bytes;
    uint32_t size;
    bson_t state;
    if (!BSON_ITER_HOLDS_DOCUMENT(&each) || a->state_count == AZD_ACCEPTED_STATES_MAX)
      return azd_fail(error, AZD_ECORRUPT, "%.*s: its accepted states are not readable", AZD_STR_FORMAT(a->id));
    bson_iter_document(&each, &size, &bytes);
    if (!bson_init_static(&state, bytes, size))
      return azd_fail(error, AZD_ECORRUPT, "%.*s: its accepted states are not readable", AZD_STR_FORMAT(a->id));
    rc = read_state(store, &state, arena, a, error);
  }
  return rc;
}

static int read_accepted(const struct mg_store *store, const bson_t *doc, struct azd_arena *arena,
                         struct azd_accepted *a, struct azd_error *error) {
  *a = (struct azd_accepted){.id = azd_arena_keep(arena, mg_str(doc, "id")),
                             .type = azd_arena_keep(arena, mg_str(doc, "type")),
                             .revision = mg_i64(doc, "revision"),
                             .baseline_ms = mg_i64(doc, "baseline_ms"),
                             .set_ms = mg_i64(doc, "set"),
                             .who = azd_arena_keep(arena, mg_str(doc, "who")),
                             .why = azd_arena_keep(arena, mg_str(doc, "why")),
                             .evidence = azd_arena_keep(arena, mg_str(doc, "evidence")),
                             .states = azd_arena_alloc(arena, AZD_ACCEPTED_STATES_MAX * sizeof *a->states)};
  if (!a->id.data || !a->type.data || !a->who.data || !a->why.data || !a->evidence.data || !a->states)
    return azd_fail(error, AZD_ENOMEM, "no memory for what was accepted");
  return read_states(store, doc, arena, a, error);
}

static bson_t *scope_filter(struct azd_str scope) {
  uint8_t low[MG_ACCEPTED_ID_BYTES] = {0}, high[MG_ACCEPTED_ID_BYTES];
  bson_t *filter = bson_new();
  memset(high, 0xff, sizeof high);
  mg_scope_hash(scope, low);
  mg_scope_hash(scope, high);
  mg_put_range(filter, low, high, MG_ACCEPTED_ID_BYTES);
  return filter;
}

int mg_accepted(struct azd_store *base, struct azd_str scope, const struct azd_key *key, struct azd_arena *arena,
                struct azd_accepted **accepted, size_t *count, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct mg_patience patience = {0};
  int rc;
  do {
    struct mg_list list;
    const bson_t *doc;
    size_t capacity = 0;
    *accepted = NULL;
    *count = 0;
    rc = mg_list_open(store, MG_ACCEPTED, key ? accepted_filter(scope, key) : scope_filter(scope),
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
