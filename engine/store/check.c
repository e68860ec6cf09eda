/* Does what is stored still say what was said? Per scope from the oldest snapshot up: its fields give its chain, its
 * chain goes on from the one before, its changes are those the versions show, its count and xor follow from them. */
#include "store/driver.h"

#include <stdio.h>

struct checking {
  struct azd_store *store;
  struct azd_check *check;
  void (*on_finding)(void *, const char *);
  void *context;
  bool bodies;
  struct azd_codec_work *work;
  struct azd_buf decoded;
};

static void found(void *opaque, const char *text) {
  struct checking *c = opaque;
  c->check->findings++;
  if (!c->check->first[0]) snprintf(c->check->first, sizeof c->check->first, "%s", text);
  if (c->on_finding) c->on_finding(c->context, text);
}

static void found_in(struct checking *c, const struct azd_snapshot *s, const char *what) {
  char text[256];
  snprintf(text, sizeof text, "%.*s, snapshot %lld (%s): %s", AZD_STR_FORMAT(s->scope), (long long)s->seq, s->id, what);
  found(c, text);
}

static int check_body(struct checking *c, const struct azd_snapshot *s, const struct azd_version *v) {
  uint8_t digest[AZD_SHA256_BYTES];
  c->check->versions++;
  if (!c->bodies) return 0;
  c->check->bodies++;
  azd_buf_clear(&c->decoded);
  int rc = azd_codec_decode(c->store->codec, c->work, v->body, &c->decoded, NULL);
  if (rc == AZD_ENOMEM) return rc;
  if (!rc) azd_sha256_of(c->decoded.data, c->decoded.size, digest);
  if (rc || memcmp(digest, v->hash, sizeof digest)) {
    char what[160];
    snprintf(what, sizeof what, "the body of %.*s %s", v->id.size > 100 ? 100 : (int)v->id.size, v->id.data,
             rc ? "does not decompress" : "is not what was hashed");
    found_in(c, s, what);
  }
  return 0;
}

/* What the versions say changed in s since previous (NULL: it is the first). */
static int changes_of(struct checking *c, const struct azd_snapshot *s, const struct azd_snapshot *previous,
                      struct azd_changes *changes, struct azd_error *error) {
  struct azd_version_cursor *cursor = NULL;
  struct azd_version version;
  int rc;
  if (previous) {
    struct azd_touched_query query = {
        .scope = s->scope, .from_seq = previous->seq, .to_seq = s->seq, .bodies = c->bodies};
    rc = c->store->ops->touched(c->store, &query, &cursor, error);
  } else {
    struct azd_version_query query = {.scope = s->scope, .seq = s->seq, .bodies = c->bodies};
    rc = azd_store_versions(c->store, &query, &cursor, error);
  }
  struct azd_change_entry before = {0};
  bool has_before = false;
  while (!rc && (rc = azd_version_next(cursor, &version, error)) > 0) {
    bool opened = !previous || version.from_seq > previous->seq;
    bool follows = has_before && azd_key_compare(&before.key, &version.key) == 0;
    rc = 0;
    if (has_before && !follows) rc = azd_changes_add(changes, &before.key, before.from, NULL);
    if (rc >= 0 && opened) rc = azd_changes_add(changes, &version.key, follows ? before.from : NULL, version.hash);
    if (rc >= 0 && opened) rc = check_body(c, s, &version);
    if (rc > 0) rc = 0;
    has_before = !opened;
    if (!opened) {
      before.key = version.key;
      memcpy(before.from, version.hash, AZD_HASH_BYTES);
    }
  }
  if (!rc && has_before) rc = azd_changes_add(changes, &before.key, before.from, NULL);
  azd_version_close(cursor);
  return rc > 0 ? 0 : rc;
}

static void check_chain(struct checking *c, const struct azd_snapshot *s, const struct azd_snapshot *previous) {
  static const uint8_t zero[AZD_HASH_BYTES];
  uint8_t chain[AZD_HASH_BYTES];
  if (azd_chain_of(s, chain) || memcmp(chain, s->chain, sizeof chain))
    found_in(c, s, "its fields are not those that were chained");
  if (memcmp(s->previous_chain, previous ? previous->chain : zero, AZD_HASH_BYTES))
    found_in(c, s, "its chain does not go on from the snapshot before it");
}

static int check_snapshot(struct checking *c, const struct azd_snapshot *s, const struct azd_snapshot *previous,
                          struct azd_error *error) {
  struct azd_changes changes;
  struct azd_error failure = {0};
  struct azd_snapshot again = *s;
  c->check->snapshots++;
  check_chain(c, s, previous);
  azd_changes_init(&changes);
  int rc = changes_of(c, s, previous, &changes, &failure);
  if (!rc) rc = azd_chain_link(&again, previous, &changes);
  azd_changes_free(&changes);
  if (rc == AZD_ECORRUPT) {
    found_in(c, s, failure.text);
    return 0;
  }
  if (rc) return azd_fail(error, rc, "%s", failure.text[0] ? failure.text : "no memory for checking");
  if (memcmp(again.changes_hash, s->changes_hash, AZD_HASH_BYTES))
    found_in(c, s, "the versions of this run are not those that were published");
  else if (again.resources != s->resources || memcmp(again.hashes_xor, s->hashes_xor, AZD_HASH_BYTES))
    found_in(c, s, "its count or its hashes do not follow from the snapshot before it");
  return 0;
}

/* All of the newest: ends of versions that no chain holds would show here. */
static int check_newest(struct checking *c, const struct azd_snapshot *s, struct azd_error *error) {
  struct azd_version_query query = {.scope = s->scope, .seq = s->seq};
  struct azd_version_cursor *cursor = NULL;
  struct azd_version version;
  struct azd_error failure = {0};
  int rc = azd_store_versions(c->store, &query, &cursor, &failure);
  while (!rc && (rc = azd_version_next(cursor, &version, &failure)) > 0) rc = 0;
  azd_version_close(cursor);
  if (rc == AZD_ECORRUPT) {
    found_in(c, s, failure.text);
    return 0;
  }
  return rc ? azd_fail(error, rc, "%s", failure.text) : 0;
}

static int check_scope(struct checking *c, struct azd_str scope, struct azd_error *error) {
  struct azd_arena arena;
  struct azd_snapshot *snapshots;
  size_t count;
  azd_arena_init(&arena, 0);
  int rc = azd_store_snapshots(c->store, scope, 0, SIZE_MAX, &arena, &snapshots, &count, error);
  for (size_t i = count; !rc && i-- > 0;) /* newest first in the list */
    rc = check_snapshot(c, &snapshots[i], i + 1 < count ? &snapshots[i + 1] : NULL, error);
  if (!rc && count) rc = check_newest(c, &snapshots[0], error);
  azd_arena_free(&arena);
  return rc;
}

int azd_store_check(struct azd_store *store, struct azd_str scope, bool bodies,
                    void (*on_finding)(void *context, const char *finding), void *context, struct azd_check *check,
                    struct azd_error *error) {
  struct checking c = {.store = store, .check = check, .on_finding = on_finding, .context = context, .bodies = bodies};
  struct azd_arena arena;
  const char **scopes = NULL;
  size_t count = 0;
  *check = (struct azd_check){0};
  azd_arena_init(&arena, 0);
  azd_buf_init(&c.decoded, AZD_BODY_MAX_BYTES);
  c.work = azd_codec_work_new();
  int rc = c.work ? store->ops->self_check(store, found, &c, error) : azd_fail(error, AZD_ENOMEM, "no memory for zstd");
  if (!rc && scope.size)
    rc = check_scope(&c, scope, error);
  else if (!rc)
    rc = azd_store_scopes(store, &arena, &scopes, &count, error);
  for (size_t i = 0; !rc && i < count; i++) rc = check_scope(&c, azd_str_of(scopes[i]), error);
  azd_codec_work_free(c.work);
  azd_buf_free(&c.decoded);
  azd_arena_free(&arena);
  return rc;
}
