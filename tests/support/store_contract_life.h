/* The contract's cases about baselines, reports, small documents and bodies. */
#ifndef AZD_TESTS_STORE_CONTRACT_LIFE_H
#define AZD_TESTS_STORE_CONTRACT_LIFE_H

#include "store_world.h"

/* ---- baselines ---- */

/* The pairs from the baseline as text, one a resource in order of its number: "3:1>2 " is resource 3 from state 1 to 2,
 * "-" an absent side, "*" an accepted one. */
static void baseline_text(struct world *w, int64_t to_seq, char *out, size_t bytes) {
  struct azd_pair_cursor *cursor;
  struct azd_pair pair;
  char each[WORLD_RESOURCES][32] = {{0}};
  int rc;
  must(azd_store_diff(w->store,
                      &(struct azd_diff_query){
                          .scope = SCOPE, .from_baseline = true, .to_seq = to_seq, .bodies = true, .now_ms = w->now_ms},
                      &cursor, ERR));
  while ((rc = azd_pair_next(cursor, &pair, ERR)) > 0) {
    int i = world_index(pair.has_before ? pair.before.id : pair.after.id), revision[2] = {0};
    const struct azd_version *side[2] = {pair.has_before ? &pair.before : NULL, pair.has_after ? &pair.after : NULL};
    for (int s = 0; s < 2; s++) {
      if (!side[s]) continue;
      azd_buf_clear(&w->scratch);
      must(azd_codec_decode(azd_store_codec(w->store), w->work, side[s]->body, &w->scratch, ERR));
      azd_buf_append_char(&w->scratch, '\0');
      revision[s] = atoi(strstr(w->scratch.data, "\"revision\":") + 11);
    }
    assert_int_equal(each[i][0], 0);
    snprintf(each[i], sizeof each[i], "%d:%d>%d%s ", i, revision[0], revision[1], pair.accepted ? "*" : "");
  }
  if (rc) fail_msg("diff: %s", ERR->text);
  azd_pair_close(cursor);
  out[0] = '\0';
  for (int i = 0; i < WORLD_RESOURCES; i++) strncat(out, each[i], bytes - strlen(out) - 1);
}

static void assert_baseline(struct world *w, int64_t to_seq, const char *expected) {
  char text[2048];
  baseline_text(w, to_seq, text, sizeof text);
  assert_string_equal(text, expected);
}

static void baseline_is_kept_per_type(void **state) {
  struct world w;
  int states[WORLD_RESOURCES], next[WORLD_RESOURCES];
  size_t changed, count;
  struct azd_baseline *baselines;
  world_init(&w, *state);
  int64_t first = world_first(&w, 10, states); /* types 0 to 4 are resources 0,5 1,6 2,7 3,8 4,9 */
  struct azd_str early[] = {world_type(0), world_type(1)}, all[] = {world_type(0), world_type(1), world_type(2)};
  must(azd_store_baseline_set(w.store, SCOPE, early, 2, first, true, AZD_STR("run"), AZD_STR("first read"), &changed,
                              ERR));
  assert_int_equal(changed, 2);
  memcpy(next, states, sizeof next);
  next[0] = 2, next[1] = 0, next[2] = 2, next[10] = 1;
  int64_t second = world_commit(&w, states, next);
  assert_baseline(&w, second, "0:1>2 1:1>0 10:0>1 ");
  must(azd_store_baseline_set(w.store, SCOPE, all, 3, second, true, AZD_STR("run"), AZD_STR("first read"), &changed,
                              ERR));
  assert_int_equal(changed, 1); /* type 2 had none */
  assert_baseline(&w, second, "0:1>2 1:1>0 10:0>1 ");
  memcpy(states, next, sizeof states);
  next[2] = 3, next[0] = 1;
  int64_t third = world_commit(&w, states, next);
  assert_baseline(&w, third, "1:1>0 2:2>3 10:0>1 ");
  assert_baseline(&w, first, "2:2>1 "); /* a baseline may be newer than what is compared with it */
  must(azd_store_baseline_set(w.store, SCOPE, all, 1, third, false, AZD_STR("me"), AZD_STR("new normal"), &changed,
                              ERR));
  assert_baseline(&w, third, "1:1>0 2:2>3 ");
  must(azd_store_baselines(w.store, SCOPE, &w.arena, &baselines, &count, ERR));
  assert_int_equal(count, 3);
  for (size_t i = 0; i < count; i++) {
    bool is_first = azd_str_equal(baselines[i].type, world_type(0));
    assert_int_equal(baselines[i].seq, is_first                                          ? third
                                       : azd_str_equal(baselines[i].type, world_type(1)) ? first
                                                                                         : second);
    if (is_first) assert_string_equal(baselines[i].why.data, "new normal");
  }
  must(azd_store_baseline_clear(w.store, SCOPE, world_type(1), ERR));
  assert_baseline(&w, third, "2:2>3 ");
  must(azd_store_baseline_clear(w.store, SCOPE, (struct azd_str){0}, ERR));
  assert_baseline(&w, third, "");
  assert_int_equal(azd_store_baseline_set(w.store, SCOPE, all, 1, 99, false, AZD_STR(""), AZD_STR(""), &changed, ERR),
                   AZD_ENOTFOUND);
  world_free(&w);
}

/* As azd_store_accept with one state: resource i as it was at seq, or in body_state, until a moment. */
static int accept_state(struct world *w, int i, struct azd_accepted_state *states, size_t count, int body_state,
                        int64_t revision, int64_t baseline_ms) {
  char id[256], bytes[512];
  struct azd_buf encoded;
  struct azd_accepted accepted = {.id = world_id(i, id, sizeof id),
                                  .type = world_type(i),
                                  .states = states,
                                  .state_count = count,
                                  .revision = revision,
                                  .baseline_ms = baseline_ms,
                                  .who = AZD_STR("eve"),
                                  .why = AZD_STR("planned"),
                                  .evidence = AZD_STR("[{\"who\":\"eve\"}]")};
  azd_buf_init(&encoded, 0);
  if (body_state) {
    struct azd_str body = world_body(i, body_state, bytes, sizeof bytes);
    must(azd_codec_encode(azd_store_codec(w->store), w->work, body, &encoded, ERR));
    azd_sha256_of(body.data, body.size, states[0].hash);
    states[0].body = azd_buf_str(&encoded);
    states[0].redaction = AZD_STR("k/r");
  }
  int rc = azd_store_accept(w->store, SCOPE, &accepted, ERR);
  azd_buf_free(&encoded);
  return rc;
}

static void accept_one(struct world *w, int i, int64_t seq, int body_state, int64_t until_ms) {
  struct azd_accepted_state state = {.seq = seq, .until_ms = until_ms};
  must(accept_state(w, i, &state, 1, body_state, AZD_ACCEPTED_ANY, 0));
}

static void accepted_state_of_one_resource_is_its_baseline(void **state) {
  struct world w;
  int states[WORLD_RESOURCES], next[WORLD_RESOURCES];
  char id[256];
  struct azd_accepted *accepted;
  size_t count;
  struct azd_str type = world_type(0);
  world_init(&w, *state);
  int64_t first = world_first(&w, 10, states);
  must(azd_store_baseline_set(w.store, SCOPE, &type, 1, first, true, AZD_STR(""), AZD_STR(""), NULL, ERR));
  memcpy(next, states, sizeof next);
  next[0] = 2, next[5] = 0, next[10] = 1;
  int64_t second = world_commit(&w, states, next);
  assert_baseline(&w, second, "0:1>2 5:1>0 10:0>1 ");
  accept_one(&w, 0, second, 0, 0);
  accept_one(&w, 5, second, 0, 0);  /* that it is gone */
  accept_one(&w, 10, second, 9, 0); /* a part: as if it were in state 9 */
  assert_baseline(&w, second, "10:9>1* ");
  memcpy(states, next, sizeof states);
  next[0] = 1, next[5] = 1;
  int64_t third = world_commit(&w, states, next);
  assert_baseline(&w, third, "0:2>1* 5:0>1* 10:9>1* "); /* the old value is drift now */
  accept_one(&w, 0, second, 0, 1);                      /* until a millisecond after 1970 */
  assert_baseline(&w, third, "5:0>1* 10:9>1* ");
  must(azd_store_accepted(w.store, SCOPE, NULL, &w.arena, &accepted, &count, ERR));
  assert_int_equal(count, 3);
  assert_string_equal(accepted[0].who.data, "eve");
  assert_string_equal(accepted[0].evidence.data, "[{\"who\":\"eve\"}]");
  must(azd_store_unaccept(w.store, SCOPE, type, world_id(10, id, sizeof id), ERR));
  assert_int_equal(azd_store_unaccept(w.store, SCOPE, type, world_id(10, id, sizeof id), ERR), AZD_ENOTFOUND);
  assert_baseline(&w, third, "5:0>1* 10:0>1 ");
  must(azd_store_baseline_set(w.store, SCOPE, &type, 1, third, false, AZD_STR(""), AZD_STR(""), NULL, ERR));
  assert_baseline(&w, third, ""); /* set anew: what was accepted before is part of it */
  world_free(&w);
}

/* The pairs from the baseline as they were told at a time. */
static void assert_baseline_at(struct world *w, int64_t to_seq, int64_t now_ms, const char *expected) {
  char text[2048];
  w->now_ms = now_ms;
  baseline_text(w, to_seq, text, sizeof text);
  w->now_ms = 0;
  assert_string_equal(text, expected);
}

static void accepted_states_hold_until_their_times(void **state) {
  struct world w;
  int states[WORLD_RESOURCES], next[WORLD_RESOURCES];
  struct azd_accepted *accepted;
  size_t count;
  struct azd_str type = world_type(0);
  world_init(&w, *state);
  int64_t first = world_first(&w, 10, states);
  must(azd_store_baseline_set(w.store, SCOPE, &type, 1, first, true, AZD_STR(""), AZD_STR(""), NULL, ERR));
  memcpy(next, states, sizeof next);
  next[0] = 2;
  int64_t second = world_commit(&w, states, next);
  struct azd_accepted_state three[] = {{.seq = first, .until_ms = 1000}, {.seq = second, .until_ms = 2000}};
  must(accept_state(&w, 0, three, 2, 9, 0, 0));
  assert_baseline_at(&w, second, 999, "0:9>2* ");
  assert_baseline_at(&w, second, 1000, ""); /* as it was at second */
  assert_baseline_at(&w, second, 1999, "");
  assert_baseline_at(&w, second, 2000, "0:1>2 "); /* what ran out speaks again */
  struct azd_accepted_state for_good[] = {{.seq = second, .until_ms = 1000}, {.seq = first}};
  must(accept_state(&w, 0, for_good, 2, 0, 1, 0));
  assert_baseline_at(&w, second, 999, "");
  assert_baseline_at(&w, second, 1000, "0:1>2* ");
  must(azd_store_accepted(w.store, SCOPE, NULL, &w.arena, &accepted, &count, ERR));
  assert_int_equal(count, 1);
  assert_int_equal(accepted[0].revision, 2);
  assert_int_equal(accepted[0].state_count, 2);
  assert_int_equal(accepted[0].states[0].until_ms, 1000);
  assert_int_equal(accepted[0].states[1].until_ms, 0);
  struct azd_accepted_state wrong[] = {{.seq = first}, {.seq = second, .until_ms = 5}};
  assert_int_equal(accept_state(&w, 0, wrong, 2, 0, AZD_ACCEPTED_ANY, 0), AZD_EINVAL);
  assert_int_equal(accept_state(&w, 0, wrong, 0, 0, AZD_ACCEPTED_ANY, 0), AZD_ELIMIT);
  wrong[0].seq = 99;
  assert_int_equal(accept_state(&w, 0, wrong, 1, 0, AZD_ACCEPTED_ANY, 0), AZD_ENOTFOUND);
  world_free(&w);
}

static int64_t baseline_ms(struct world *w) {
  struct azd_baseline *baselines;
  size_t count;
  must(azd_store_baselines(w->store, SCOPE, &w->arena, &baselines, &count, ERR));
  return count ? baselines[0].set_ms : 0;
}

static void two_who_accept_at_once_do_not_lose_a_word(void **state) {
  struct world w;
  int states[WORLD_RESOURCES], next[WORLD_RESOURCES];
  char id[256];
  struct azd_accepted *accepted;
  size_t count;
  struct azd_str type = world_type(0);
  world_init(&w, *state);
  int64_t first = world_first(&w, 10, states);
  must(azd_store_baseline_set(w.store, SCOPE, &type, 1, first, true, AZD_STR(""), AZD_STR(""), NULL, ERR));
  memcpy(next, states, sizeof next);
  next[0] = 2;
  int64_t second = world_commit(&w, states, next), set_ms = baseline_ms(&w);
  struct azd_accepted_state one = {.seq = first};
  must(accept_state(&w, 0, &one, 1, 9, 0, set_ms));
  one = (struct azd_accepted_state){.seq = first};
  assert_int_equal(accept_state(&w, 0, &one, 1, 8, 0, set_ms), AZD_ECONFLICT); /* it has seen nothing accepted */
  assert_baseline(&w, second, "0:9>2* ");
  one = (struct azd_accepted_state){.seq = first};
  must(accept_state(&w, 0, &one, 1, 8, 1, set_ms));
  assert_baseline(&w, second, "0:8>2* ");
  struct azd_key key = azd_key_of(type, world_id(0, id, sizeof id));
  must(azd_store_accepted(w.store, SCOPE, &key, &w.arena, &accepted, &count, ERR));
  assert_int_equal(count, 1);
  assert_int_equal(accepted[0].revision, 2);
  assert_int_equal(accepted[0].baseline_ms, set_ms);
  assert_string_equal(accepted[0].states[0].redaction.data, "k/r");
  /* The baseline moves under one that is about to accept: its word is refused, and would not hold. */
  must(azd_store_baseline_set(w.store, SCOPE, &type, 1, first, false, AZD_STR(""), AZD_STR(""), NULL, ERR));
  assert_true(baseline_ms(&w) > set_ms);
  one = (struct azd_accepted_state){.seq = first};
  assert_int_equal(accept_state(&w, 0, &one, 1, 9, AZD_ACCEPTED_ANY, set_ms), AZD_ECONFLICT);
  assert_baseline(&w, second, "0:1>2 ");
  one = (struct azd_accepted_state){.seq = first};
  must(accept_state(&w, 0, &one, 1, 9, AZD_ACCEPTED_ANY, baseline_ms(&w)));
  assert_baseline(&w, second, "0:9>2* ");
  must(azd_store_unaccept(w.store, SCOPE, type, world_id(0, id, sizeof id), ERR));
  must(azd_store_accepted(w.store, SCOPE, &key, &w.arena, &accepted, &count, ERR));
  assert_int_equal(count, 0);
  world_free(&w);
}

/* ---- reports ---- */

static struct azd_drift a_drift(const char *fingerprint, enum azd_drift_status status, int64_t first_seen_seq) {
  return (struct azd_drift){.id = azd_str_of(fingerprint),
                            .fingerprint = azd_str_of(fingerprint),
                            .kind = AZD_STR("changed"),
                            .type = AZD_STR("Microsoft.Sql/servers"),
                            .resource_id = AZD_STR("/subscriptions/1/x"),
                            .severity = AZD_STR("high"),
                            .status = status,
                            .first_seen_seq = first_seen_seq,
                            .first_seen_ms = first_seen_seq * 1000,
                            .last_seen_seq = first_seen_seq,
                            .last_seen_ms = first_seen_seq * 1000,
                            .earlier = AZD_STR("[{\"ended\":\"resolved\"}]"),
                            .document = AZD_STR("{\"changes\":[]}")};
}

static struct azd_report a_report(const char *id, int64_t revision, int64_t to_seq) {
  return (struct azd_report){.id = azd_str_of(id),
                             .scope = SCOPE,
                             .snapshot_id = AZD_STR("snapshot"),
                             .revision = revision,
                             .timestamp_ms = to_seq * 1000,
                             .from_seq = to_seq - 1,
                             .to_seq = to_seq,
                             .has_drift = true,
                             .header = AZD_STR("{\"summary\":{}}")};
}

/* "f1 f2 " : the fingerprints in order. */
static void drifts_text(struct world *w, const char *report, unsigned statuses, char *out, size_t bytes) {
  struct azd_drift_cursor *cursor;
  struct azd_drift drift;
  int rc;
  if (report)
    must(azd_store_report_drifts(w->store, azd_str_of(report), &cursor, ERR));
  else
    must(azd_store_drifts(w->store, SCOPE, statuses, &cursor, ERR));
  out[0] = '\0';
  while ((rc = azd_drift_next(cursor, &drift, ERR)) > 0) {
    strncat(out, drift.fingerprint.data, bytes - strlen(out) - 1);
    strncat(out, " ", bytes - strlen(out) - 1);
    assert_string_equal(drift.document.data, "{\"changes\":[]}");
  }
  assert_int_equal(rc, 0);
  azd_drift_close(cursor);
}

static void assert_drifts(struct world *w, const char *report, unsigned statuses, const char *expected) {
  char text[256];
  drifts_text(w, report, statuses, text, sizeof text);
  assert_string_equal(text, expected);
}

static void report_is_stored_with_its_drifts_as_one(void **state) {
  struct world w;
  int states[WORLD_RESOURCES];
  struct azd_report report, *list;
  size_t count;
  world_init(&w, *state);
  world_first(&w, 3, states);
  struct azd_drift drifts[] = {a_drift("f2", AZD_DRIFT_OPEN, 1), a_drift("f1", AZD_DRIFT_OPEN, 1)};
  report = a_report("r1", 1, 1);
  must(azd_store_report_put(w.store, &report, drifts, 2, NULL, 0, ERR));
  assert_drifts(&w, "r1", 0, "f2 f1 ");
  assert_int_equal(azd_store_report_put(w.store, &report, drifts, 1, NULL, 0, ERR), AZD_ECONFLICT);
  assert_drifts(&w, "r1", 0, "f2 f1 "); /* nothing of the refused one */
  report.revision = 2, report.complete = true;
  must(azd_store_report_put(w.store, &report, drifts, 1, NULL, 0, ERR));
  assert_drifts(&w, "r1", 0, "f2 ");
  struct azd_report later = a_report("r2", 1, 2);
  must(azd_store_report_put(w.store, &later, NULL, 0, NULL, 0, ERR));
  must(azd_store_report(w.store, SCOPE, (struct azd_str){0}, &w.arena, &report, ERR));
  assert_string_equal(report.id.data, "r2");
  must(azd_store_report(w.store, (struct azd_str){0}, AZD_STR("r1"), &w.arena, &report, ERR));
  assert_int_equal(report.revision, 2);
  assert_true(report.complete && report.has_drift);
  assert_string_equal(report.header.data, "{\"summary\":{}}");
  assert_string_equal(report.scope.data, SCOPE.data);
  must(azd_store_reports(w.store, SCOPE, 0, 10, &w.arena, &list, &count, ERR));
  assert_int_equal(count, 2);
  assert_string_equal(list[0].id.data, "r2");
  must(azd_store_reports(w.store, (struct azd_str){0}, 2000, 10, &w.arena, &list, &count, ERR));
  assert_int_equal(count, 1);
  assert_int_equal(azd_store_report(w.store, SCOPE, AZD_STR("none"), &w.arena, &report, ERR), AZD_ENOTFOUND);
  world_free(&w);
}

static void drift_has_a_life_beyond_its_report(void **state) {
  struct world w;
  int states[WORLD_RESOURCES];
  struct azd_drift drift;
  world_init(&w, *state);
  world_first(&w, 3, states);
  struct azd_drift drifts[] = {a_drift("f1", AZD_DRIFT_OPEN, 1), a_drift("f2", AZD_DRIFT_OPEN, 1),
                               a_drift("f3", AZD_DRIFT_OPEN, 1)};
  struct azd_report report = a_report("r1", 1, 1);
  must(azd_store_report_put(w.store, &report, drifts, 3, NULL, 0, ERR));
  assert_drifts(&w, NULL, 0, "f1 f2 f3 ");
  must(azd_store_drift_set(w.store, SCOPE, AZD_STR("f2"), AZD_DRIFT_MUTED, AZD_STR("eve"), AZD_STR("known"), 99, ERR));
  must(azd_store_drift_set(w.store, SCOPE, AZD_STR("f3"), AZD_DRIFT_ACCEPTED, AZD_STR("eve"), AZD_STR("fine"), 0, ERR));
  assert_drifts(&w, NULL, 0, "f1 f2 ");
  assert_drifts(&w, NULL, AZD_DRIFT_ACCEPTED, "f3 ");
  must(azd_store_drift(w.store, SCOPE, AZD_STR("f2"), &w.arena, &drift, ERR));
  assert_int_equal(drift.status, AZD_DRIFT_MUTED);
  assert_int_equal(drift.until_ms, 99);
  assert_string_equal(drift.who.data, "eve");
  assert_string_equal(drift.why.data, "known");
  assert_string_equal(drift.report_id.data, "r1");
  assert_string_equal(drift.earlier.data, "[{\"ended\":\"resolved\"}]");
  /* The next run still sees f2, and f1 is gone. */
  struct azd_str resolved[] = {AZD_STR("f1")};
  drift.last_seen_seq = 2;
  drift.report_id = (struct azd_str){0};
  report = a_report("r2", 1, 2);
  must(azd_store_report_put(w.store, &report, &drift, 1, resolved, 1, ERR));
  assert_drifts(&w, NULL, 0, "f2 ");
  assert_drifts(&w, NULL, AZD_DRIFT_RESOLVED, "f1 ");
  assert_drifts(&w, "r1", 0, "f1 f2 f3 ");
  must(azd_store_drift(w.store, SCOPE, AZD_STR("f2"), &w.arena, &drift, ERR));
  assert_int_equal(drift.first_seen_seq, 1);
  assert_int_equal(drift.last_seen_seq, 2);
  assert_string_equal(drift.report_id.data, "r2");
  assert_int_equal(azd_store_drift_set(w.store, SCOPE, AZD_STR("f9"), AZD_DRIFT_OPEN, AZD_STR(""), AZD_STR(""), 0, ERR),
                   AZD_ENOTFOUND);
  assert_int_equal(azd_store_drift(w.store, SCOPE, AZD_STR("f9"), &w.arena, &drift, ERR), AZD_ENOTFOUND);
  world_free(&w);
}

/* ---- small documents ---- */

static void small_documents_keep_their_revision(void **state) {
  struct world w;
  struct azd_small small, *list;
  size_t count;
  world_init(&w, *state);
  must(azd_store_small_put(w.store, AZD_STR("setting"), AZD_STR("a"), AZD_STR("one"), 0, ERR));
  assert_int_equal(azd_store_small_put(w.store, AZD_STR("setting"), AZD_STR("a"), AZD_STR("x"), 0, ERR), AZD_ECONFLICT);
  must(azd_store_small_put(w.store, AZD_STR("setting"), AZD_STR("a"), AZD_STR("two"), 1, ERR));
  must(azd_store_small_put(w.store, AZD_STR("setting"), AZD_STR("b"), AZD_STR(""), AZD_SMALL_ANY, ERR));
  must(azd_store_small_get(w.store, AZD_STR("setting"), AZD_STR("a"), &w.arena, &small, ERR));
  assert_string_equal(small.bytes.data, "two");
  assert_int_equal(small.revision, 2);
  must(azd_store_small_list(w.store, AZD_STR("setting"), &w.arena, &list, &count, ERR));
  assert_int_equal(count, 2);
  assert_string_equal(list[1].id.data, "b");
  must(azd_store_small_delete(w.store, AZD_STR("setting"), AZD_STR("a"), ERR));
  must(azd_store_small_delete(w.store, AZD_STR("setting"), AZD_STR("a"), ERR));
  assert_int_equal(azd_store_small_get(w.store, AZD_STR("setting"), AZD_STR("a"), &w.arena, &small, ERR),
                   AZD_ENOTFOUND);
  world_free(&w);
}

static void another_redaction_key_is_refused(void **state) {
  struct world w;
  world_init(&w, *state);
  must(azd_store_redaction_key(w.store, AZD_STR("k1"), ERR));
  must(azd_store_redaction_key(w.store, AZD_STR("k1"), ERR));
  world_reopen(&w);
  assert_int_equal(azd_store_redaction_key(w.store, AZD_STR("k2"), ERR), AZD_EDENIED);
  assert_non_null(strstr(ERR->text, "k1"));
  assert_non_null(strstr(ERR->text, "k2"));
  world_free(&w);
}

/* ---- bodies ---- */

static uint64_t life_random(uint64_t *random) {
  *random ^= *random >> 12, *random ^= *random << 25, *random ^= *random >> 27;
  return *random * UINT64_C(2685821657736338717);
}

/* Texts that have been lost in stores before: dollar and dotted and empty names, NUL, numbers beyond every machine
 * type, deep nesting, any Unicode, one byte and hundreds of kilobytes. The store must not care. */
static void odd_bytes(uint64_t *random, struct azd_buf *out) {
  static const struct azd_str pieces[] = {AZD_STR("\"a.b\":1"),
                                          AZD_STR("\"$oid\":\"x\""),
                                          AZD_STR("\"\":null"),
                                          AZD_STR("\"n\\u0000\":0"),
                                          AZD_STR("18446744073709551616"),
                                          AZD_STR("-0"),
                                          AZD_STR("1e400"),
                                          AZD_STR("0.1234567890123456789012345678901234567890"),
                                          AZD_STR("\xf0\x9f\x92\xa9"),
                                          AZD_STR("\0"),
                                          AZD_STR("\"\\ud83d\\ude00\""),
                                          AZD_STR("{\"$numberLong\":\"5\"}"),
                                          AZD_STR("\xef\xbb\xbf"),
                                          AZD_STR("9007199254740993")};
  azd_buf_clear(out);
  uint64_t form = life_random(random) % 20;
  size_t count = form == 0 ? 1 : form == 1 ? 20000 : form == 2 ? 150 : life_random(random) % 200;
  if (form == 2) /* depth 150 */
    for (int i = 0; i < 150; i++) azd_buf_append_text(out, "{\"d\":[");
  for (size_t i = 0; i < count; i++) {
    uint64_t pick = life_random(random);
    size_t which = pick % (sizeof pieces / sizeof *pieces);
    azd_buf_append_str(out, pieces[which]);
    if (form == 3) azd_buf_append(out, &pick, sizeof pick); /* what does not compress */
  }
  if (!out->size) azd_buf_append_char(out, '0');
}

enum { ODD = 1000, ODD_READ_REMOTE = 7 };

/* All are read by the check at the end; one by one, every so many of a remote store. */
static int odd_stride(const struct world *w) {
  return w->factory->remote ? ODD_READ_REMOTE : 1;
}

static void assert_odd(struct world *w, int64_t seq, uint64_t seed) {
  struct azd_buf bytes;
  azd_buf_init(&bytes, 0);
  for (int i = 0; i < ODD; i += odd_stride(w)) {
    struct azd_key key = world_key(i);
    struct azd_version version;
    uint64_t random = seed + (uint64_t)i * 7919 + 1;
    odd_bytes(&random, &bytes);
    azd_arena_reset(&w->arena);
    must(azd_store_version(w->store, SCOPE, &key, seq, &w->arena, &version, ERR));
    azd_buf_clear(&w->scratch);
    must(azd_codec_decode(azd_store_codec(w->store), w->work, version.body, &w->scratch, ERR));
    assert_int_equal(w->scratch.size, bytes.size);
    assert_memory_equal(w->scratch.data, bytes.data, bytes.size);
  }
  azd_buf_free(&bytes);
}

static int64_t commit_odd(struct world *w, uint64_t seed) {
  struct azd_commit *commit;
  struct azd_lease lease = world_acquire(w, "engine-a");
  struct azd_snapshot snapshot = world_snapshot(AZD_SNAPSHOT_COMPLETE, 5);
  struct azd_buf bytes;
  azd_buf_init(&bytes, 0);
  must(azd_store_map_load(w->store, SCOPE, w->map, ERR));
  must(azd_commit_begin(w->store, &lease, &commit, ERR));
  for (int i = 0; i < ODD; i++) {
    struct world_put put;
    uint64_t random = seed + (uint64_t)i * 7919 + 1;
    odd_bytes(&random, &bytes);
    world_fill_bytes(w, &put, i, azd_buf_str(&bytes));
    must(azd_commit_put(commit, &put.version, 1, NULL, ERR));
    azd_buf_free(&put.body);
  }
  must(azd_commit_publish(commit, &snapshot, ERR));
  azd_buf_free(&bytes);
  return lease.seq;
}

static void documents_come_back_byte_for_byte_whatever_the_dictionary(void **state) {
  struct world w;
  bool trained = false;
  struct azd_store_stats stats;
  world_init(&w, *state);
  struct azd_store *opened_before = world_open_at(w.place);
  int64_t plain = commit_odd(&w, 1000);
  must(azd_store_train(w.store, SCOPE, &trained, ERR));
  assert_true(trained);
  int64_t with_dictionary = commit_odd(&w, 500000);
  assert_odd(&w, plain, 1000);
  assert_odd(&w, with_dictionary, 500000);
  struct azd_store *first = w.store;
  w.store = opened_before; /* one that was there before the dictionary was */
  assert_odd(&w, with_dictionary, 500000);
  w.store = first;
  world_reopen(&w);
  assert_odd(&w, plain, 1000);
  assert_odd(&w, with_dictionary, 500000);
  must(azd_store_train(w.store, SCOPE, NULL, ERR)); /* once and for all */
  must(azd_store_stats(w.store, &stats, ERR));
  assert_int_equal(stats.dictionaries, 1);
  world_assert_sound(&w);
  azd_store_close(opened_before);
  world_free(&w);
}

#define STORE_CONTRACT_LIFE_CASES                                                                                      \
  STORE_CASE(baseline_is_kept_per_type), STORE_CASE(accepted_state_of_one_resource_is_its_baseline),                   \
      STORE_CASE(accepted_states_hold_until_their_times), STORE_CASE(two_who_accept_at_once_do_not_lose_a_word),       \
      STORE_CASE(report_is_stored_with_its_drifts_as_one), STORE_CASE(drift_has_a_life_beyond_its_report),             \
      STORE_CASE(small_documents_keep_their_revision), STORE_CASE(another_redaction_key_is_refused),                   \
      STORE_CASE(documents_come_back_byte_for_byte_whatever_the_dictionary)

#endif
