/* Does what is stored still say what was said? Per scope from the oldest snapshot up: its fields give its chain, its
 * chain goes on from the one before, its changes are those the versions show, its count and xor follow from them. */
#include "store/check.h"

#include <stdio.h>

enum { PAGE = 64 }; /* snapshots in memory at once: their coverage is long */

void azd_checking_found(void *opaque, const char *text) {
  struct azd_checking *c = opaque;
  c->check->findings++;
  if (!c->check->first[0]) snprintf(c->check->first, sizeof c->check->first, "%s", text);
  if (c->on_finding) c->on_finding(c->context, text);
}

static void found_in(struct azd_checking *c, const struct azd_snapshot *s, const char *what) {
  char text[256];
  snprintf(text, sizeof text, "%.*s, snapshot %lld (%s): %s", AZD_STR_FORMAT(s->scope), (long long)s->seq, s->id, what);
  azd_checking_found(c, text);
}

static int check_body(struct azd_checking *c, const struct azd_snapshot *s, const struct azd_version *v) {
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
static int changes_of(struct azd_checking *c, const struct azd_snapshot *s, const struct azd_snapshot *previous,
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

static void check_chain(struct azd_checking *c, const struct azd_snapshot *s, const struct azd_snapshot *previous) {
  static const uint8_t zero[AZD_HASH_BYTES];
  uint8_t chain[AZD_HASH_BYTES];
  if (azd_chain_of(s, chain) || memcmp(chain, s->chain, sizeof chain))
    found_in(c, s, "its fields are not those that were chained");
  if (memcmp(s->previous_chain, previous ? previous->chain : zero, AZD_HASH_BYTES))
    found_in(c, s, "its chain does not go on from the snapshot before it");
}

/* Its content is what was kept before it and the changes since: those are hashed where nothing was thinned out between
 * the two; else count and xor of the hashes, which are chained as well, hold it. */
static int check_content(struct azd_checking *c, const struct azd_snapshot *s, const struct azd_snapshot *previous,
                         const struct azd_snapshot *kept, struct azd_error *error) {
  struct azd_changes changes;
  struct azd_error failure = {0};
  struct azd_snapshot again = *s;
  bool whole = kept ? kept->seq == previous->seq : !previous;
  azd_changes_init(&changes);
  int rc = changes_of(c, s, kept, &changes, &failure);
  if (!rc) rc = azd_chain_link(&again, kept, &changes);
  azd_changes_free(&changes);
  if (rc == AZD_ECORRUPT) {
    found_in(c, s, failure.text);
    return 0;
  }
  if (rc) return azd_fail(error, rc, "%s", failure.text[0] ? failure.text : "no memory for checking");
  if (whole && memcmp(again.changes_hash, s->changes_hash, AZD_HASH_BYTES))
    found_in(c, s, "the versions of this run are not those that were published");
  else if (again.resources != s->resources || memcmp(again.hashes_xor, s->hashes_xor, AZD_HASH_BYTES))
    found_in(c, s,
             whole ? "its count or its hashes do not follow from the snapshot before it"
                   : "its count or its hashes do not follow from the snapshot kept before it");
  return 0;
}

/* All of the newest: ends of versions that no chain holds would show here. */
static int check_newest(struct azd_checking *c, const struct azd_snapshot *s, struct azd_error *error) {
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

/* Where a check of a scope has come to. A snapshot's texts are only needed for its own fields. */
struct links {
  struct azd_snapshot previous, kept; /* seq 0: none yet */
};

static int check_page(struct azd_checking *c, struct azd_str scope, struct links *links, size_t *count,
                      struct azd_error *error) {
  struct azd_arena arena;
  struct azd_snapshot *page;
  azd_arena_init(&arena, 0);
  int rc = azd_store_chain(c->store, scope, links->previous.seq, PAGE, &arena, &page, count, error);
  for (size_t i = 0; !rc && i < *count; i++) {
    const struct azd_snapshot *previous = links->previous.seq ? &links->previous : NULL;
    c->check->snapshots++;
    c->check->thinned += page[i].thinned;
    check_chain(c, &page[i], previous);
    if (!page[i].thinned) {
      rc = check_content(c, &page[i], previous, links->kept.seq ? &links->kept : NULL, error);
      links->kept = page[i];
    }
    links->previous = page[i];
  }
  links->kept.scope = links->previous.scope = scope;
  azd_arena_free(&arena);
  return rc;
}

static int check_scope(struct azd_checking *c, struct azd_str scope, struct azd_error *error) {
  struct links links = {0};
  size_t count = 0;
  int rc;
  do rc = check_page(c, scope, &links, &count, error);
  while (!rc && count == PAGE);
  if (!rc && links.kept.seq) rc = check_newest(c, &links.kept, error);
  return rc ? rc : azd_check_intervals(c, scope, error);
}

static int check_all(struct azd_store *store, struct azd_str scope, bool files, struct azd_checking *c,
                     struct azd_error *error) {
  struct azd_arena arena;
  const char **scopes = NULL;
  size_t count = 0;
  *c->check = (struct azd_check){0};
  azd_arena_init(&arena, 0);
  azd_buf_init(&c->decoded, AZD_BODY_MAX_BYTES);
  c->work = azd_codec_work_new();
  int rc = c->work ? 0 : azd_fail(error, AZD_ENOMEM, "no memory for zstd");
  if (!rc && files) rc = store->ops->self_check(store, azd_checking_found, c, error);
  if (c->check->findings) goto out; /* nothing that is read through damaged indexes can be judged */
  if (!rc && scope.size)
    rc = check_scope(c, scope, error);
  else if (!rc)
    rc = azd_store_scopes(store, &arena, &scopes, &count, error);
  for (size_t i = 0; !rc && i < count; i++) rc = check_scope(c, azd_str_of(scopes[i]), error);
out:
  azd_codec_work_free(c->work);
  azd_buf_free(&c->decoded);
  azd_arena_free(&arena);
  return rc;
}

int azd_store_check(struct azd_store *store, struct azd_str scope, bool bodies,
                    void (*on_finding)(void *context, const char *finding), void *context, struct azd_check *check,
                    struct azd_error *error) {
  struct azd_checking c = {
      .store = store, .check = check, .on_finding = on_finding, .context = context, .bodies = bodies};
  return check_all(store, scope, true, &c, error);
}

int azd_store_verify(struct azd_store *store, struct azd_str scope, bool bodies,
                     void (*on_finding)(void *context, const char *finding), void *context, struct azd_check *check,
                     struct azd_error *error) {
  struct azd_checking c = {
      .store = store, .check = check, .on_finding = on_finding, .context = context, .bodies = bodies};
  return check_all(store, scope, false, &c, error);
}
