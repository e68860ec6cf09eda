/* Commits under faults, and the books that are kept of them: what a run was told is compared with what is there when
 * the dust has settled, and a reader looks all the while. A run puts every resource into the state of its own seq, so
 * that whatever is seen shows by itself whether it is whole. Thread: commits and looks from any number of
 * threads, each with a hand of its own; the rest from one. */
#ifndef AZD_TESTS_STORE_TALLY_H
#define AZD_TESTS_STORE_TALLY_H

#include "store_world.h"

#include "base/clock.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

enum { TALLY_TOLD_MAX = 200000, TALLY_SCOPES_MAX = 32 };

struct tally_told {
  int scope;
  int64_t seq, at_ns; /* when it was told to be published */
};

struct tally {
  struct azd_str scopes[TALLY_SCOPES_MAX];
  int scope_count;
  pthread_mutex_t lock; /* guards told, told_count and error */
  struct tally_told *told;
  int told_count;
  struct azd_error error;                       /* the first that no run may end with */
  atomic_int tried, survived, refused, unknown; /* unknown: it was said that it may be published or not */
  atomic_int reads, behind, half_seen, unexpected, stop;
  int lost, doubled, snapshots; /* by tally_settle */
};

static inline void tally_init(struct tally *t) {
  *t = (struct tally){.scopes = {SCOPE}, .scope_count = 1, .told = calloc(TALLY_TOLD_MAX, sizeof *t->told)};
  assert_non_null(t->told);
  pthread_mutex_init(&t->lock, NULL);
}

static inline void tally_free(struct tally *t) {
  pthread_mutex_destroy(&t->lock);
  free(t->told);
}

static inline void tally_unexpected(struct tally *t, const struct azd_error *error) {
  pthread_mutex_lock(&t->lock);
  if (!atomic_fetch_add(&t->unexpected, 1)) t->error = *error;
  pthread_mutex_unlock(&t->lock);
}

/* ---- a run ---- */

/* What one thread commits or reads with. */
struct tally_hand {
  struct azd_store *store;
  struct azd_map *map;
  struct azd_codec_work *work;
  struct azd_arena arena;
  struct azd_buf bytes;
};

static inline void tally_hand_init(struct tally_hand *hand, struct azd_store *store) {
  *hand = (struct tally_hand){.store = store, .map = azd_map_new(), .work = azd_codec_work_new()};
  azd_arena_init(&hand->arena, 0);
  azd_buf_init(&hand->bytes, 0);
}

static inline void tally_hand_free(struct tally_hand *hand) {
  azd_map_free(hand->map);
  azd_codec_work_free(hand->work);
  azd_arena_free(&hand->arena);
  azd_buf_free(&hand->bytes);
}

/* As world_fill, but that nothing in it may end the test: it runs on threads, and in processes that are to die. */
static inline int tally_put(struct tally_hand *hand, struct azd_commit *commit, int i, int state,
                            struct azd_error *error) {
  char id[256], text[512];
  struct azd_str bytes = world_body(i, state, text, sizeof text);
  struct azd_new_version version = {.key = world_key(i),
                                    .id = world_id(i, id, sizeof id),
                                    .type = world_type(i),
                                    .view = AZD_STR("list"),
                                    .api_version = AZD_STR("2024-01-01"),
                                    .redaction = AZD_STR("k1")};
  azd_buf_clear(&hand->bytes);
  int rc = azd_codec_encode(azd_store_codec(hand->store), hand->work, bytes, &hand->bytes, error);
  version.body = azd_buf_str(&hand->bytes);
  azd_sha256_of(bytes.data, bytes.size, version.hash);
  version.previous = azd_map_find(hand->map, &version.key);
  return rc ? rc : azd_commit_put(commit, &version, 1, NULL, error);
}

static inline int tally_begin(struct tally_hand *hand, struct azd_str scope, const char *owner, int64_t ttl_ms,
                              int resources, struct azd_lease *lease, struct azd_commit **commit,
                              struct azd_error *error) {
  *commit = NULL;
  int rc = azd_store_acquire(hand->store, scope, azd_str_of(owner), ttl_ms, lease, error);
  if (!rc) rc = azd_store_map_load(hand->store, scope, hand->map, error);
  if (!rc) rc = azd_commit_begin(hand->store, lease, commit, error);
  for (int i = 0; !rc && i < resources; i++) rc = tally_put(hand, *commit, i, (int)lease->seq, error);
  return rc;
}

/* One whole run. The seq is its state and its timestamp. */
static inline int tally_run(struct tally_hand *hand, struct azd_str scope, const char *owner, int64_t *seq,
                            struct azd_error *error) {
  struct azd_lease lease = {0};
  struct azd_commit *commit;
  int rc = tally_begin(hand, scope, owner, 600000, WORLD_RESOURCES, &lease, &commit, error);
  struct azd_snapshot snapshot = world_snapshot(AZD_SNAPSHOT_COMPLETE, lease.seq);
  if (!rc) rc = azd_commit_publish(commit, &snapshot, error);
  if (rc) azd_commit_abort(commit);
  *seq = lease.seq;
  if (lease.seq) azd_store_release(hand->store, &lease, NULL); /* that it fails is for the next to bear */
  return rc;
}

/* A run whose outcome is put into the books. AZD_EBUSY is not counted as tried: another engine is at it. */
static inline int tally_commit(struct tally *t, struct tally_hand *hand, int scope, const char *owner) {
  struct azd_error error = {0};
  int64_t seq;
  int rc = tally_run(hand, t->scopes[scope], owner, &seq, &error);
  if (rc == AZD_EBUSY && !seq) return rc;
  atomic_fetch_add(&t->tried, 1);
  if (!rc) {
    atomic_fetch_add(&t->survived, 1);
    pthread_mutex_lock(&t->lock);
    if (t->told_count < TALLY_TOLD_MAX)
      t->told[t->told_count++] = (struct tally_told){.scope = scope, .seq = seq, .at_ns = azd_clock_mono_ns()};
    pthread_mutex_unlock(&t->lock);
  } else if (rc == AZD_ECONFLICT) {
    atomic_fetch_add(&t->refused, 1);
  } else if (rc == AZD_EIO || rc == AZD_EBUSY) {
    atomic_fetch_add(&t->unknown, 1);
  } else {
    tally_unexpected(t, &error);
  }
  return rc;
}

/* ---- a look ---- */

/* Every resource is there once, in the state of the snapshot. Neither an interrupted reading nor what was not found is
 * half of anything; data that does not verify is. may_lag: a primary that was just elected may not know yet that what
 * its predecessor published is safe, and shows what was there before (a majority read goes back; each is whole). */
static inline void tally_look(struct tally *t, struct tally_hand *hand, struct azd_str scope, int64_t seq,
                              bool may_lag) {
  struct azd_version_cursor *cursor = NULL;
  struct azd_version version;
  struct azd_error error = {0};
  int count = 0;
  bool whole = true;
  struct azd_version_query query = {.scope = scope, .seq = seq, .bodies = true};
  int rc = azd_store_versions(hand->store, &query, &cursor, &error);
  while (!rc && (rc = azd_version_next(cursor, &version, &error)) > 0) {
    char text[512];
    struct azd_str wanted = world_body(world_index(version.id), (int)seq, text, sizeof text);
    azd_buf_clear(&hand->bytes);
    rc = azd_codec_decode(azd_store_codec(hand->store), hand->work, version.body, &hand->bytes, &error);
    if (!rc && !azd_str_equal(wanted, azd_buf_str(&hand->bytes))) whole = false;
    count++;
  }
  azd_version_close(cursor);
  if (rc == AZD_EIO || rc == AZD_EBUSY) return;
  if (rc == AZD_ENOTFOUND && may_lag && !count) {
    atomic_fetch_add(&t->behind, 1);
    return;
  }
  atomic_fetch_add(&t->reads, 1);
  if (rc) tally_unexpected(t, &error);
  if (rc || !whole || count != WORLD_RESOURCES) atomic_fetch_add(&t->half_seen, 1);
}

static inline int64_t tally_last(struct tally_hand *hand, struct azd_str scope) {
  struct azd_snapshot last;
  azd_arena_reset(&hand->arena);
  struct azd_snapshot_query query = {.by = AZD_BY_LAST, .scope = scope};
  return azd_store_snapshot(hand->store, &query, &hand->arena, &last, NULL) ? 0 : last.seq;
}

struct tally_reader {
  struct tally *tally;
  struct azd_store *store;
  pthread_t thread;
};

/* Looks at the last snapshot of every scope until it is told to stop. How often one of them went back is told. */
static inline void *tally_read(void *opaque) {
  enum { BREATH_MS = 10 };
  struct tally_reader *reader = opaque;
  struct tally *t = reader->tally;
  struct tally_hand hand;
  int64_t before[TALLY_SCOPES_MAX] = {0};
  tally_hand_init(&hand, reader->store);
  for (int i = 0; !atomic_load(&t->stop); i = (i + 1) % t->scope_count) {
    int64_t last = tally_last(&hand, t->scopes[i]);
    if (!last) continue;
    if (last < before[i]) atomic_fetch_add(&t->behind, 1);
    before[i] = last;
    tally_look(t, &hand, t->scopes[i], last, true);
    poll(NULL, 0, BREATH_MS); /* the servers have other things to do */
  }
  tally_hand_free(&hand);
  return NULL;
}

static inline void tally_start_reader(struct tally *t, struct tally_reader *reader, const char *place) {
  *reader = (struct tally_reader){.tally = t, .store = world_open_at(place)};
  assert_int_equal(pthread_create(&reader->thread, NULL, tally_read, reader), 0);
}

/* After stop is set. */
static inline void tally_end_reader(struct tally_reader *reader) {
  pthread_join(reader->thread, NULL);
  azd_store_close(reader->store);
}

/* ---- one who commits until stop is set ---- */

struct tally_writer {
  struct tally *tally;
  struct azd_store *store; /* borrowed */
  const char *owner;
  pthread_t thread;
};

static inline void *tally_write(void *opaque) {
  struct tally_writer *writer = opaque;
  struct tally_hand hand;
  tally_hand_init(&hand, writer->store);
  for (int i = 0; !atomic_load(&writer->tally->stop); i = (i + 1) % writer->tally->scope_count)
    tally_commit(writer->tally, &hand, i, writer->owner);
  tally_hand_free(&hand);
  return NULL;
}

static inline void tally_start_writer(struct tally *t, struct tally_writer *writer, struct azd_store *store,
                                      const char *owner) {
  *writer = (struct tally_writer){.tally = t, .store = store, .owner = owner};
  assert_int_equal(pthread_create(&writer->thread, NULL, tally_write, writer), 0);
}

/* Waits until so many more commits have survived: the fault is over. */
static inline void tally_wait(struct tally *t, int more) {
  enum { TRIES = 9000, EACH_MS = 10 };
  int wanted = atomic_load(&t->survived) + more;
  for (int tries = 0; tries < TRIES && atomic_load(&t->survived) < wanted; tries++) poll(NULL, 0, EACH_MS);
  if (atomic_load(&t->survived) < wanted) fail_msg("no commit for %d s: %s", TRIES * EACH_MS / 1000, t->error.text);
}

/* ---- the reckoning ---- */

static inline bool tally_has(const struct azd_snapshot *snapshots, size_t count, int64_t seq) {
  for (size_t low = 0, high = count; low < high;) { /* newest first */
    size_t middle = (low + high) / 2;
    if (snapshots[middle].seq == seq) return true;
    if (snapshots[middle].seq > seq)
      low = middle + 1;
    else
      high = middle;
  }
  return false;
}

/* Everything told to be published is there, once; the newest of each scope are whole; the chain of all verifies. */
static inline void tally_settle(struct tally *t, struct azd_store *store) {
  enum { LOOKED_AT = 20 };
  struct tally_hand hand;
  struct azd_check check;
  tally_hand_init(&hand, store);
  for (int scope = 0; scope < t->scope_count; scope++) {
    struct azd_snapshot *snapshots;
    size_t count;
    azd_arena_reset(&hand.arena);
    must(azd_store_snapshots(store, t->scopes[scope], 0, TALLY_TOLD_MAX, &hand.arena, &snapshots, &count, ERR));
    t->snapshots += (int)count;
    for (size_t i = 0; i < count; i++) {
      if (i && snapshots[i].seq >= snapshots[i - 1].seq) t->doubled++;
      if (i < LOOKED_AT) tally_look(t, &hand, t->scopes[scope], snapshots[i].seq, false);
    }
    for (int i = 0; i < t->told_count; i++)
      if (t->told[i].scope == scope && !tally_has(snapshots, count, t->told[i].seq)) t->lost++;
  }
  must(azd_store_check(store, (struct azd_str){0}, true, NULL, NULL, &check, ERR));
  if (check.findings) fail_msg("check: %lld findings, first: %s", (long long)check.findings, check.first);
  tally_hand_free(&hand);
}

static inline void tally_tell(const struct tally *t, const char *what, int times) {
  print_message("%s %d times: %d commits tried, %d survived, %d refused, %d not known; %d snapshots read %d times: "
                "%d lost, %d doubled, %d half seen, %d behind\n",
                what, times, t->tried, t->survived, t->refused, t->unknown, t->snapshots, t->reads, t->lost, t->doubled,
                t->half_seen, t->behind);
  if (t->unexpected) fail_msg("a run or a reading ended with: %s: %s", azd_err_name(t->error.code), t->error.text);
  assert_int_equal(t->lost, 0);
  assert_int_equal(t->doubled, 0);
  assert_int_equal(t->half_seen, 0);
  assert_true(t->survived > 0);
  assert_true(t->snapshots >= t->survived);
  assert_true(t->snapshots <= t->survived + t->unknown); /* what was refused is not there */
}

/* What is shortened in `make test`. */
static inline int tally_rounds(int shortened, int full) {
  return getenv("AZD_TORTURE") ? full : shortened;
}

#endif
