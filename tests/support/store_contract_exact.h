/* What is read back is, byte for byte, what was handed over: 10,000 documents of nasty_json.h. AZD_EXACT_SEED repeats a
 * run. Included by store_contract.h. */
#ifndef AZD_TESTS_STORE_CONTRACT_EXACT_H
#define AZD_TESTS_STORE_CONTRACT_EXACT_H

#include "nasty_json.h"
#include "json/canonical.h"

enum { EXACT_DOCUMENTS = 10000, EXACT_CHANGED_EACH = 7 };

struct exact {
  uint64_t seed;
  struct azd_doc *doc;
  struct azd_buf text, canonical;
};

/* Which document resource i holds in a run. */
static uint64_t exact_number(int run, int i) {
  return run == 2 && i % EXACT_CHANGED_EACH == 0 ? (uint64_t)i + EXACT_DOCUMENTS : (uint64_t)i;
}

/* The canonical bytes of a document, which is also the same document: parsed again it gives the same bytes. */
static struct azd_str exact_bytes(struct exact *e, uint64_t number) {
  nasty_document(e->seed, number, &e->text);
  must(azd_doc_parse(e->doc, azd_buf_str(&e->text), NULL, ERR));
  azd_buf_clear(&e->canonical);
  must(azd_json_canonical(e->doc, 0, NULL, 0, &e->canonical));
  return azd_buf_str(&e->canonical);
}

static int64_t exact_commit(struct world *w, struct exact *e, int run) {
  struct azd_commit *commit;
  struct world_put put;
  struct azd_lease lease = world_acquire(w, "engine-a");
  struct azd_snapshot snapshot = world_snapshot(AZD_SNAPSHOT_COMPLETE, 1000 * lease.seq);
  must(azd_store_map_load(w->store, SCOPE, w->map, ERR));
  must(azd_commit_begin(w->store, &lease, &commit, ERR));
  for (int i = 0; i < EXACT_DOCUMENTS; i++) {
    if (run > 1 && exact_number(run, i) == exact_number(run - 1, i)) continue;
    world_fill_bytes(w, &put, i, exact_bytes(e, exact_number(run, i)));
    must(azd_commit_put(commit, &put.version, 1, NULL, ERR));
    azd_buf_free(&put.body);
  }
  must(azd_commit_publish(commit, &snapshot, ERR));
  must(azd_store_release(w->store, &lease, ERR));
  return lease.seq;
}

static void exact_compare(struct world *w, struct exact *e, const struct azd_version *version, int run) {
  uint64_t number = exact_number(run, world_index(version->id));
  struct azd_str wanted = exact_bytes(e, number);
  azd_buf_clear(&w->scratch);
  must(azd_codec_decode(azd_store_codec(w->store), w->work, version->body, &w->scratch, ERR));
  if (!azd_str_equal(wanted, azd_buf_str(&w->scratch)))
    fail_msg("seed %llu, document %llu came back as other bytes", (unsigned long long)e->seed,
             (unsigned long long)number);
}

static void exact_read(struct world *w, struct exact *e, int64_t seq, int run) {
  struct azd_version_cursor *cursor;
  struct azd_version version;
  int count = 0, rc;
  must(azd_store_versions(w->store, &(struct azd_version_query){.scope = SCOPE, .seq = seq, .bodies = true}, &cursor,
                          ERR));
  for (; (rc = azd_version_next(cursor, &version, ERR)) > 0; count++) exact_compare(w, e, &version, run);
  if (rc) fail_msg("seed %llu: %s", (unsigned long long)e->seed, ERR->text);
  assert_int_equal(count, EXACT_DOCUMENTS);
  azd_version_close(cursor);
}

/* The second run's bodies are compressed with a dictionary that was trained on the first one's. */
static void ten_thousand_nasty_documents_come_back_byte_for_byte(void **state) {
  struct world w;
  struct exact e = {.doc = azd_doc_new()};
  struct azd_pair_cursor *pairs;
  struct azd_pair pair;
  int count = 0, rc;
  const char *given = getenv("AZD_EXACT_SEED");
  if (given)
    e.seed = strtoull(given, NULL, 10);
  else
    azd_random(&e.seed, sizeof e.seed);
  print_message("AZD_EXACT_SEED=%llu\n", (unsigned long long)e.seed);
  azd_buf_init(&e.text, 0);
  azd_buf_init(&e.canonical, 0);
  world_init(&w, *state);
  int64_t first = exact_commit(&w, &e, 1);
  must(azd_store_train(w.store, SCOPE, NULL, ERR));
  int64_t second = exact_commit(&w, &e, 2);
  world_reopen(&w);
  exact_read(&w, &e, first, 1);
  exact_read(&w, &e, second, 2);
  struct azd_diff_query query = {.scope = SCOPE, .from_seq = first, .to_seq = second, .bodies = true};
  must(azd_store_diff(w.store, &query, &pairs, ERR));
  for (; (rc = azd_pair_next(pairs, &pair, ERR)) > 0; count++) {
    exact_compare(&w, &e, &pair.before, 1);
    exact_compare(&w, &e, &pair.after, 2);
  }
  assert_int_equal(rc, 0);
  assert_int_equal(count, (EXACT_DOCUMENTS + EXACT_CHANGED_EACH - 1) / EXACT_CHANGED_EACH);
  azd_pair_close(pairs);
  world_assert_sound(&w);
  world_free(&w);
  azd_doc_free(e.doc);
  azd_buf_free(&e.text);
  azd_buf_free(&e.canonical);
}

#define STORE_CONTRACT_EXACT_CASES STORE_CASE(ten_thousand_nasty_documents_come_back_byte_for_byte)

#endif
