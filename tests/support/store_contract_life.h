/* The second half of the contract's cases: baselines, reports, small documents, bodies, checking. */
#ifndef AZD_TESTS_STORE_CONTRACT_LIFE_H
#define AZD_TESTS_STORE_CONTRACT_LIFE_H

#include "store_world.h"

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

#define STORE_CONTRACT_LIFE_CASES                                                                                      \
  STORE_CASE(small_documents_keep_their_revision), STORE_CASE(another_redaction_key_is_refused)

#endif
