/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/path.h"
#include "json/ruleset.h"
#include "json/schema_text.h"
#include "json/trie.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NETWORK "Microsoft.Network/virtualNetworks"

static struct azd_rule rule_of(enum azd_rule_layer layer, enum azd_verb verb, const char *type, const char *path,
                               int line) {
  return (struct azd_rule){.layer = layer,
                           .verb = verb,
                           .type = azd_str_of(type),
                           .path = azd_str_of(path),
                           .file = AZD_STR("rules/test.lua"),
                           .line = line,
                           .owner = AZD_STR("team"),
                           .why = AZD_STR("because"),
                           .condition = -1};
}

static void add(struct azd_ruleset *ruleset, struct azd_rule rule) {
  struct azd_error error = {0};
  if (azd_ruleset_add(ruleset, &rule, &error)) fail_msg("%s", error.text);
}

static void seal(struct azd_ruleset *ruleset) {
  struct azd_error error = {0};
  if (azd_ruleset_seal(ruleset, 1000, &error)) fail_msg("%s", error.text);
}

/* Walks names, "[]" and "[name=ssh]" as one would walk a document, and answers the line of the rule that decides
 * whether a difference counts there; 0 where none does. The class question as the diff asks it: higher layer, then
 * nearer. */
static int speaker(struct azd_ruleset *ruleset, const char *type, const char *const *steps) {
  struct azd_error error = {0};
  const struct azd_trie *trie = azd_ruleset_trie(ruleset, azd_str_of(type), 0, &error);
  if (!trie) fail_msg("%s", error.text);
  uint32_t node = AZD_TRIE_ROOT;
  const struct azd_say *best = NULL;
  for (;; steps++) {
    const struct azd_place *place = azd_trie_place(trie, node);
    if (place->say_count && (!best || place->says->layer >= best->layer)) best = place->says;
    if (!*steps) break;
    node = strcmp(*steps, "[]") == 0 ? azd_trie_item(trie, node, NULL, AZD_NODE_NONE)
                                     : azd_trie_name(trie, node, azd_str_of(*steps));
  }
  return best ? azd_ruleset_rule(ruleset, best->rule)->line : 0;
}
#define SPEAKER(ruleset, type, ...) speaker(ruleset, type, (const char *const[]){__VA_ARGS__, NULL})

struct told {
  const struct azd_ruleset *ruleset;
  int lines[16], won[16];
  uint32_t count;
};

static void note(void *context, uint32_t rule, bool won) {
  struct told *told = context;
  assert_true(told->count < 16);
  told->lines[told->count] = azd_ruleset_rule(told->ruleset, rule)->line;
  told->won[told->count++] = won;
}

static struct told explain(struct azd_ruleset *ruleset, const char *type, const char *path) {
  struct told told = {.ruleset = ruleset};
  struct azd_error error = {0};
  if (azd_ruleset_explain(ruleset, azd_str_of(type), azd_str_of(path), note, &told, &error)) fail_msg("%s", error.text);
  return told;
}

static void paths_are_read_and_written_back(void **state) {
  (void)state;
  static const char *const paths[] = {"a",
                                      "a.b[].c",
                                      "tags{}",
                                      "tags['odd.key']",
                                      "['a b'].c",
                                      "list[name=ssh].x",
                                      "a[3][4]",
                                      "list[id=/subscriptions/x/y.z]",
                                      "p[objectId=a,applicationId='b,c']",
                                      "x['it\\'s\\\\']",
                                      "list[name=a==]",
                                      "a[name='x]']",
                                      "['']"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    struct azd_arena arena;
    struct azd_path path;
    struct azd_error error = {0};
    struct azd_buf out;
    azd_arena_init(&arena, 0), azd_buf_init(&out, 0);
    if (azd_path_parse(azd_str_of(paths[i]), &arena, &path, &error)) fail_msg("%s", error.text);
    for (uint32_t s = 0; s < path.count; s++) {
      const struct azd_step *step = &path.steps[s];
      if (step->kind == AZD_STEP_NAME)
        azd_path_write_name(&out, step->name, s == 0);
      else if (step->kind == AZD_STEP_SELECT)
        azd_path_write_selector(&out, step->by, step->count);
      else if (step->kind == AZD_STEP_INDEX)
        azd_path_write_index(&out, step->count);
      else
        azd_buf_append_text(&out, step->kind == AZD_STEP_ITEM ? "[]" : "{}");
    }
    assert_int_equal(out.size, strlen(paths[i]));
    assert_memory_equal(out.data, paths[i], out.size);
    azd_buf_free(&out), azd_arena_free(&arena);
  }
}

static void a_wrong_path_is_refused_with_its_column(void **state) {
  (void)state;
  static const struct {
    const char *path, *says;
  } cases[] = {{"a..", "column 4"},  {".a", "column 2"},
               {"a.", "column 3"},   {"a[", "column 3"},
               {"a[b]", "column 4"}, {"a['x", "closing"},
               {"a]b", "column 2"},  {"a{b}", "'}'"},
               {"a.[b=c]", "'['"},   {"a b", "column 2"},
               {"a['\\x']", "\\'"},  {"a[=x]", "member name"},
               {"a[].b[]c", "'.'"},  {"a[x=1,y=2,z=3,w=4,v=5]", "4 pairs"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct azd_arena arena;
    struct azd_path path;
    struct azd_error error = {0};
    azd_arena_init(&arena, 0);
    assert_int_equal(azd_path_parse(azd_str_of(cases[i].path), &arena, &path, &error), AZD_EPARSE);
    if (!strstr(error.text, cases[i].says)) fail_msg("%s: %s", cases[i].path, error.text);
    azd_arena_free(&arena);
  }
  struct azd_ruleset *ruleset = azd_ruleset_new();
  struct azd_error error = {0};
  struct azd_rule rule = rule_of(AZD_LAYER_USER, AZD_VERB_IGNORE, "*", "a..", 7);
  assert_int_equal(azd_ruleset_add(ruleset, &rule, &error), AZD_EINVAL);
  assert_non_null(strstr(error.text, "rules/test.lua:7"));
  rule.path = AZD_STR("servers[2]");
  assert_int_equal(azd_ruleset_add(ruleset, &rule, &error), AZD_EINVAL);
  rule.path = AZD_STR("a"), rule.verb = AZD_VERB_SAME, rule.same = AZD_SAME_VALUES;
  rule.values = AZD_STR("[null, Disabled]");
  assert_int_equal(azd_ruleset_add(ruleset, &rule, &error), AZD_EINVAL);
  assert_int_equal(azd_ruleset_count(ruleset), 0);
  azd_ruleset_unref(ruleset);
}

static void a_path_has_at_most_63_steps(void **state) {
  (void)state;
  char text[2 * 64 + 1];
  for (int i = 0; i < 64; i++) memcpy(text + 2 * i, i ? ".a" : "aa", 2);
  struct azd_arena arena;
  struct azd_path path;
  azd_arena_init(&arena, 0);
  assert_int_equal(azd_path_parse((struct azd_str){text, 2 * 64}, &arena, &path, NULL), AZD_ELIMIT);
  assert_int_equal(azd_path_parse((struct azd_str){text, 2 * 63}, &arena, &path, NULL), 0);
  assert_int_equal(path.count, 63);
  azd_arena_free(&arena);
}

static void a_rule_speaks_for_its_place_and_what_lies_below(void **state) {
  (void)state;
  struct azd_ruleset *ruleset = azd_ruleset_new();
  add(ruleset, rule_of(AZD_LAYER_SHIPPED, AZD_VERB_IGNORE, NETWORK, "properties.subnets[].state", 1));
  add(ruleset, rule_of(AZD_LAYER_SHIPPED, AZD_VERB_OBSERVE, "*", "..etag", 2));
  add(ruleset, rule_of(AZD_LAYER_SHIPPED, AZD_VERB_IGNORE, "*", "tags{}.inner", 3));
  seal(ruleset);
  assert_int_equal(SPEAKER(ruleset, NETWORK, "properties", "subnets", "[]", "state", "deep", "er"), 1);
  assert_int_equal(SPEAKER(ruleset, "microsoft.network/VIRTUALNETWORKS", "PROPERTIES", "subNets", "[]", "STATE"), 1);
  assert_int_equal(SPEAKER(ruleset, NETWORK, "properties", "subnets", "[]", "name"), 0);
  assert_int_equal(SPEAKER(ruleset, NETWORK, "properties", "subnets", "state"), 0);
  assert_int_equal(SPEAKER(ruleset, "Other/types", "properties", "subnets", "[]", "state"), 0);
  assert_int_equal(SPEAKER(ruleset, "Other/types", "etag"), 2);
  assert_int_equal(SPEAKER(ruleset, NETWORK, "properties", "subnets", "[]", "etag"), 2);
  assert_int_equal(SPEAKER(ruleset, NETWORK, "x", "[]", "[]", "y", "eTag", "z"), 2);
  assert_int_equal(SPEAKER(ruleset, NETWORK, "tags", "any", "inner"), 3);
  assert_int_equal(SPEAKER(ruleset, NETWORK, "tags", "[]", "inner"), 0);
  azd_ruleset_unref(ruleset);
}

static void the_higher_layer_wins_then_the_nearer_end_then_more_steps_then_names_then_the_exact_type(void **state) {
  (void)state;
  struct azd_ruleset *ruleset = azd_ruleset_new();
  add(ruleset, rule_of(AZD_LAYER_SHIPPED, AZD_VERB_IGNORE, "*", "..etag", 1));
  add(ruleset, rule_of(AZD_LAYER_USER, AZD_VERB_COMPARE, NETWORK, "properties", 2));
  add(ruleset, rule_of(AZD_LAYER_SHIPPED, AZD_VERB_IGNORE, "*", "a", 3));
  add(ruleset, rule_of(AZD_LAYER_SHIPPED, AZD_VERB_COMPARE, "*", "a.b", 4));
  add(ruleset, rule_of(AZD_LAYER_SHIPPED, AZD_VERB_OBSERVE, "*", "a.etag", 5));
  add(ruleset, rule_of(AZD_LAYER_SHIPPED, AZD_VERB_IGNORE, "*", "m{}", 6));
  add(ruleset, rule_of(AZD_LAYER_SHIPPED, AZD_VERB_COMPARE, "*", "m.kept", 7));
  add(ruleset, rule_of(AZD_LAYER_SHIPPED, AZD_VERB_IGNORE, "*", "kind", 8));
  add(ruleset, rule_of(AZD_LAYER_SHIPPED, AZD_VERB_OBSERVE, NETWORK, "kind", 9));
  seal(ruleset);
  assert_int_equal(SPEAKER(ruleset, NETWORK, "properties", "x", "etag"), 2); /* the user's, though farther away */
  assert_int_equal(SPEAKER(ruleset, NETWORK, "a", "x"), 3);
  assert_int_equal(SPEAKER(ruleset, NETWORK, "a", "b", "x"), 4);
  assert_int_equal(SPEAKER(ruleset, NETWORK, "a", "b", "etag"), 1); /* ends nearer than a.b */
  assert_int_equal(SPEAKER(ruleset, NETWORK, "a", "etag"), 5);      /* same end, more steps than ..etag */
  assert_int_equal(SPEAKER(ruleset, NETWORK, "m", "other"), 6);
  assert_int_equal(SPEAKER(ruleset, NETWORK, "m", "kept"), 7);
  assert_int_equal(SPEAKER(ruleset, NETWORK, "kind"), 9);
  assert_int_equal(SPEAKER(ruleset, "Other/types", "kind"), 8);

  struct told told = explain(ruleset, NETWORK, "properties.subnets[name=a].etag");
  assert_int_equal(told.count, 2);
  assert_int_equal(told.lines[0], 2), assert_true(told.won[0]);
  assert_int_equal(told.lines[1], 1), assert_false(told.won[1]);
  told = explain(ruleset, NETWORK, "a.b.etag");
  assert_int_equal(told.count, 3);
  assert_int_equal(told.lines[0], 1), assert_int_equal(told.lines[1], 4), assert_int_equal(told.lines[2], 3);
  assert_true(told.won[0]), assert_false(told.won[1]), assert_false(told.won[2]);
  azd_ruleset_unref(ruleset);
}

static void a_tie_is_refused_naming_both_lines(void **state) {
  (void)state;
  static const struct {
    enum azd_verb a_verb, b_verb;
    const char *a_path, *b_path;
    bool refused;
  } cases[] = {
      {AZD_VERB_IGNORE, AZD_VERB_COMPARE, "a.b", "A.B", true},
      {AZD_VERB_IGNORE, AZD_VERB_OBSERVE, "a{}.c", "a.b{}", true}, /* they meet at a.b.c */
      {AZD_VERB_SET, AZD_VERB_LIST, "a[]", "a[]", true},
      {AZD_VERB_IGNORE, AZD_VERB_IGNORE, "a.b", "a.b", false},
      {AZD_VERB_IGNORE, AZD_VERB_LIST, "a.b", "a.b", false}, /* two questions */
      {AZD_VERB_IGNORE, AZD_VERB_COMPARE, "a.b", "a{}", false},
      {AZD_VERB_IGNORE, AZD_VERB_COMPARE, "..b", "a.b", false},
      {AZD_VERB_IGNORE, AZD_VERB_OBSERVE, "l[name=x].c", "l[name=y].c", false}, /* no element is both */
      {AZD_VERB_IGNORE, AZD_VERB_OBSERVE, "l[name=x].c", "l[kind=y].c", true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct azd_ruleset *ruleset = azd_ruleset_new();
    struct azd_error error = {0};
    add(ruleset, rule_of(AZD_LAYER_USER, cases[i].a_verb, NETWORK, cases[i].a_path, 11));
    add(ruleset, rule_of(AZD_LAYER_USER, cases[i].b_verb, NETWORK, cases[i].b_path, 12));
    int status = azd_ruleset_seal(ruleset, 0, &error);
    if (status != (cases[i].refused ? AZD_EINVAL : 0)) fail_msg("%s %s: %d", cases[i].a_path, cases[i].b_path, status);
    if (status) {
      assert_non_null(strstr(error.text, "rules/test.lua:11"));
      assert_non_null(strstr(error.text, "rules/test.lua:12"));
    }
    azd_ruleset_unref(ruleset);
  }
}

static void two_keys_for_one_array_are_a_tie(void **state) {
  (void)state;
  struct azd_ruleset *ruleset = azd_ruleset_new();
  struct azd_rule rule = rule_of(AZD_LAYER_USER, AZD_VERB_KEY, NETWORK, "list", 1);
  rule.by[0] = AZD_STR("a"), rule.by_count = 1;
  add(ruleset, rule);
  rule.by[0] = AZD_STR("b"), rule.line = 2;
  add(ruleset, rule);
  struct azd_error error;
  assert_int_equal(azd_ruleset_seal(ruleset, 0, &error), AZD_EINVAL);
  azd_ruleset_unref(ruleset);
}

static void an_outdated_rule_is_off(void **state) {
  (void)state;
  struct azd_ruleset *ruleset = azd_ruleset_new();
  struct azd_rule rule = rule_of(AZD_LAYER_USER, AZD_VERB_IGNORE, "*", "a", 1);
  rule.till_ms = 1000;
  add(ruleset, rule);
  rule.path = AZD_STR("b"), rule.line = 2, rule.till_ms = 1001;
  add(ruleset, rule);
  seal(ruleset); /* now is 1000 */
  assert_int_equal(SPEAKER(ruleset, NETWORK, "a"), 0);
  assert_int_equal(SPEAKER(ruleset, NETWORK, "b"), 2);
  azd_ruleset_unref(ruleset);
}

static void conditions_come_before_the_rule_without_one(void **state) {
  (void)state;
  struct azd_ruleset *ruleset = azd_ruleset_new();
  add(ruleset, rule_of(AZD_LAYER_USER, AZD_VERB_OBSERVE, NETWORK, "a", 1));
  struct azd_rule conditional = rule_of(AZD_LAYER_USER, AZD_VERB_IGNORE, NETWORK, "a", 2);
  conditional.condition = 5;
  add(ruleset, conditional);
  seal(ruleset);
  const struct azd_trie *trie = azd_ruleset_trie(ruleset, AZD_STR(NETWORK), 0, NULL);
  const struct azd_place *place = azd_trie_place(trie, azd_trie_name(trie, AZD_TRIE_ROOT, AZD_STR("a")));
  assert_int_equal(place->say_count, 2);
  assert_true(place->says[0].conditional);
  assert_int_equal(place->says[1].verb, AZD_VERB_OBSERVE);
  struct told told = explain(ruleset, NETWORK, "a");
  assert_int_equal(told.lines[0], 2), assert_true(told.won[0]), assert_true(told.won[1]);
  azd_ruleset_unref(ruleset);
}

/* The verb that decides at `a` for two bodies read in ways that differ by the mask; -1: none. */
static int verb_between(struct azd_ruleset *ruleset, uint32_t between) {
  const struct azd_trie *trie = azd_ruleset_trie(ruleset, AZD_STR(NETWORK), between, NULL);
  const struct azd_place *place = azd_trie_place(trie, azd_trie_name(trie, AZD_TRIE_ROOT, AZD_STR("a")));
  assert_true(place->say_count <= 1);
  return place->say_count ? place->says[0].verb : -1;
}

static void a_rule_between_views_speaks_only_there_and_first(void **state) {
  (void)state;
  struct azd_ruleset *ruleset = azd_ruleset_new();
  struct azd_rule between_views = rule_of(AZD_LAYER_USER, AZD_VERB_IGNORE, NETWORK, "a", 1);
  between_views.between = AZD_BETWEEN_VIEWS;
  add(ruleset, between_views);
  struct azd_rule of_all = rule_of(AZD_LAYER_SHIPPED, AZD_VERB_OBSERVE, "*", "a", 2);
  of_all.between = AZD_BETWEEN_VERSIONS;
  add(ruleset, of_all);
  add(ruleset, rule_of(AZD_LAYER_USER, AZD_VERB_COMPARE, NETWORK, "a", 3));
  seal(ruleset);
  assert_int_equal(verb_between(ruleset, 0), AZD_VERB_COMPARE);
  assert_int_equal(verb_between(ruleset, AZD_BETWEEN_VIEWS), AZD_VERB_IGNORE);
  assert_int_equal(verb_between(ruleset, AZD_BETWEEN_VERSIONS), AZD_VERB_COMPARE);
  assert_int_equal(verb_between(ruleset, AZD_BETWEEN_ALL), AZD_VERB_IGNORE);
  struct told told = explain(ruleset, NETWORK, "a");
  assert_int_equal(told.lines[0], 1), assert_true(told.won[0]), assert_true(told.won[1]);
  assert_int_equal(told.lines[1], 3), assert_false(told.won[2]);
  azd_ruleset_unref(ruleset);
}

static void a_type_without_rules_of_its_own_shares_those_of_all(void **state) {
  (void)state;
  struct azd_ruleset *ruleset = azd_ruleset_new();
  struct azd_rule rule = rule_of(AZD_LAYER_USER, AZD_VERB_IGNORE, "*", "a", 1);
  rule.between = AZD_BETWEEN_VIEWS;
  add(ruleset, rule);
  seal(ruleset);
  const struct azd_trie *alike = azd_ruleset_trie(ruleset, AZD_STR("T/one"), 0, NULL);
  const struct azd_trie *apart = azd_ruleset_trie(ruleset, AZD_STR("T/one"), AZD_BETWEEN_VIEWS, NULL);
  assert_ptr_not_equal(alike, apart);
  assert_ptr_equal(azd_ruleset_trie(ruleset, AZD_STR("T/two"), 0, NULL), alike);
  assert_ptr_equal(azd_ruleset_trie(ruleset, AZD_STR("T/two"), AZD_BETWEEN_VIEWS, NULL), apart);
  assert_ptr_equal(azd_ruleset_trie(ruleset, AZD_STR("T/two"), AZD_BETWEEN_ALL, NULL), apart);
  assert_ptr_equal(azd_ruleset_trie(ruleset, AZD_STR("T/two"), AZD_BETWEEN_VERSIONS, NULL), alike);
  azd_ruleset_unref(ruleset);
}

static void a_secret_is_one_however_it_was_read(void **state) {
  (void)state;
  struct azd_ruleset *ruleset = azd_ruleset_new();
  struct azd_error error = {0};
  struct azd_rule rule = rule_of(AZD_LAYER_USER, AZD_VERB_REDACT, NETWORK, "a", 1);
  rule.between = AZD_BETWEEN_VIEWS;
  assert_int_equal(azd_ruleset_add(ruleset, &rule, &error), AZD_EINVAL);
  assert_non_null(strstr(error.text, "rules/test.lua:1"));
  azd_ruleset_unref(ruleset);
}

/* ---- compiled from what is common ---- */

enum { ORACLE_RULES = 24, ORACLE_WALKS = 200, ORACLE_ROUNDS = 300 };

struct oracle {
  struct azd_arena arena;
  struct azd_rule rules[ORACLE_RULES];
  struct azd_path paths[ORACLE_RULES];
  struct azd_trie_rule entries[ORACLE_RULES];
};

static uint32_t roll(uint64_t *seed, uint32_t sides) {
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*seed >> 33) % sides;
}

/* A path of one to three steps over a few names; only the common ones may begin anywhere, or now and then the others
 * too: what is common is then no start. */
static void make_rule(struct oracle *oracle, uint32_t i, uint64_t *seed, bool deep_allowed) {
  static const char *const names[] = {"a", "b", "longer_name", "c"};
  char text[128];
  int size = 0;
  uint32_t steps = 1 + roll(seed, 3);
  for (uint32_t step = 0; step < steps; step++) {
    bool deep = (step || deep_allowed) && roll(seed, 4) == 0;
    size += snprintf(text + size, sizeof text - (size_t)size, "%s%s",
                     deep   ? ".."
                     : step ? "."
                            : "",
                     names[roll(seed, 4)]);
    uint32_t form = roll(seed, 6);
    if (form < 3)
      size += snprintf(text + size, sizeof text - (size_t)size, "%s", form == 0 ? "[]" : form == 1 ? "{}" : "[name=x]");
  }
  static const enum azd_verb verbs[] = {AZD_VERB_IGNORE, AZD_VERB_FOLD, AZD_VERB_REDACT};
  oracle->rules[i] = rule_of(AZD_LAYER_SCHEMA, verbs[roll(seed, 3)], i < ORACLE_RULES / 2 ? "*" : NETWORK, "", (int)i);
  struct azd_error error = {0};
  if (azd_path_parse(azd_str_of(text), &oracle->arena, &oracle->paths[i], &error)) fail_msg("%s: %s", text, error.text);
  oracle->entries[i] = (struct azd_trie_rule){&oracle->rules[i], &oracle->paths[i], i};
}

static void walk_both(const struct azd_trie *alone, const struct azd_trie *built_on, uint64_t *seed) {
  static const char *const names[] = {"a", "B", "LONGER_NAME", "c", "unknown"};
  uint32_t x = AZD_TRIE_ROOT, y = AZD_TRIE_ROOT;
  for (int step = 0; step < 6; step++) {
    const struct azd_place *a = azd_trie_place(alone, x), *b = azd_trie_place(built_on, y);
    assert_int_equal(a->say_count, b->say_count);
    for (uint32_t i = 0; i < a->say_count; i++) assert_int_equal(a->says[i].rule, b->says[i].rule);
    assert_int_equal(a->same, b->same);
    assert_int_equal(a->redact, b->redact);
    assert_int_equal(azd_trie_is_open(alone, x), azd_trie_is_open(built_on, y));
    assert_int_equal(azd_trie_is_silent(alone, x), azd_trie_is_silent(built_on, y));
    uint32_t way = roll(seed, 6);
    x = way == 5 ? azd_trie_item(alone, x, NULL, AZD_NODE_NONE) : azd_trie_name(alone, x, azd_str_of(names[way]));
    y = way == 5 ? azd_trie_item(built_on, y, NULL, AZD_NODE_NONE) : azd_trie_name(built_on, y, azd_str_of(names[way]));
  }
}

static void what_is_common_makes_no_difference_but_in_time(void **state) {
  (void)state;
  static struct oracle oracle;
  uint64_t seed = 20261123;
  for (uint32_t round = 0; round < ORACLE_ROUNDS; round++) {
    struct azd_error error = {0};
    azd_arena_init(&oracle.arena, 0);
    bool own_deep = round % 4 == 3;
    for (uint32_t i = 0; i < ORACLE_RULES; i++) make_rule(&oracle, i, &seed, own_deep || i < ORACLE_RULES / 2);
    struct azd_trie_common *common = NULL;
    struct azd_trie *alone = NULL, *built_on = NULL;
    assert_int_equal(azd_trie_common_new(oracle.entries, ORACLE_RULES / 2, &common, &error), 0);
    assert_int_equal(azd_trie_compile(oracle.entries, ORACLE_RULES, NULL, &alone, &error), 0);
    assert_int_equal(azd_trie_compile(oracle.entries, ORACLE_RULES, common, &built_on, &error), 0);
    for (int walk = 0; walk < ORACLE_WALKS; walk++) walk_both(alone, built_on, &seed);
    azd_trie_free(alone);
    azd_trie_free(built_on);
    azd_trie_common_free(common);
    azd_arena_free(&oracle.arena);
  }
}

static void many_dots_in_one_rule_end_in_a_named_limit(void **state) {
  (void)state;
  /* Whether step i back was named a: 2^20 sets. */
  struct azd_ruleset *ruleset = azd_ruleset_new();
  add(ruleset, rule_of(AZD_LAYER_USER, AZD_VERB_IGNORE, "*", "..a{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}", 1));
  struct azd_error error;
  assert_int_equal(azd_ruleset_seal(ruleset, 0, &error), AZD_ELIMIT);
  assert_non_null(strstr(error.text, "65535"));
  azd_ruleset_unref(ruleset);
}

/* ---- the schema layer ---- */

static char folder[] = "/tmp/azdrift-test-ruleset-XXXXXX";

static void write_schema(const char *name, const char *text) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
  assert_int_equal(fclose(file), 0);
}

static int make_folder(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  write_schema("microsoft.storage.rules", "# made for a test\r\n"
                                          "Microsoft.Storage/storageAccounts @2026-04-01\r\n"
                                          "  observe  properties.primaryEndpoints\r\n"
                                          "  observe? properties.provisioningState   # soft\r\n"
                                          "  fold     sku.name\r\n"
                                          "  key      properties.networkAcls.ipRules value action\r\n"
                                          "  same     properties.odd['a # b'] instant\r\n"
                                          "  same     properties.vnet [null, \"Disabled # not a comment\"] # one\r\n"
                                          "  redact   properties.customerSecret\r\n"
                                          "\r\n"
                                          "Microsoft.Storage/others\r\n"
                                          "  observe  properties.elsewhere\r\n");
  write_schema("broken.provider.rules", "Broken.Provider/things\n  observe a\n  obsrve b\n");
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  char path[256];
  static const char *const names[] = {"microsoft.storage.rules", "broken.provider.rules"};
  for (size_t i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    unlink(path);
  }
  return rmdir(folder);
}

static struct azd_ruleset *with_schema(void) {
  struct azd_ruleset *ruleset = azd_ruleset_new();
  struct azd_error error = {0};
  if (azd_ruleset_set_schema_dir(ruleset, folder, &error)) fail_msg("%s", error.text);
  return ruleset;
}

static void schema_rules_are_read_when_a_type_is_first_met(void **state) {
  (void)state;
  struct azd_ruleset *ruleset = with_schema();
  add(ruleset, rule_of(AZD_LAYER_SHIPPED, AZD_VERB_COMPARE, "*", "..primaryEndpoints", 99));
  seal(ruleset);
  assert_int_equal(azd_ruleset_count(ruleset), 1);
  assert_int_equal(SPEAKER(ruleset, "microsoft.storage/storageaccounts", "properties", "provisioningState"), 4);
  assert_int_equal(azd_ruleset_count(ruleset), 8);
  assert_int_equal(SPEAKER(ruleset, "Microsoft.Storage/storageAccounts", "properties", "primaryEndpoints", "blob"), 99);
  assert_int_equal(SPEAKER(ruleset, "Microsoft.Storage/storageAccounts", "properties", "elsewhere"), 0);
  assert_int_equal(SPEAKER(ruleset, "Microsoft.Storage/others", "properties", "elsewhere"), 12);
  assert_int_equal(azd_ruleset_count(ruleset), 9);
  const struct azd_rule *soft = azd_ruleset_rule(ruleset, 2);
  assert_true(soft->soft);
  assert_non_null(strstr(soft->file.data, "microsoft.storage.rules"));

  const struct azd_trie *trie = azd_ruleset_trie(ruleset, AZD_STR("Microsoft.Storage/storageAccounts"), 0, NULL);
  uint32_t properties = azd_trie_name(trie, AZD_TRIE_ROOT, AZD_STR("properties"));
  uint32_t acls = azd_trie_name(trie, properties, AZD_STR("networkAcls"));
  const struct azd_rule *key = azd_trie_place(trie, azd_trie_name(trie, acls, AZD_STR("ipRules")))->array;
  assert_int_equal(key->by_count, 2);
  assert_memory_equal(key->by[1].data, "action", 6);
  const struct azd_place *vnet = azd_trie_place(trie, azd_trie_name(trie, properties, AZD_STR("vnet")));
  assert_int_equal(vnet->value_count, 1);
  assert_string_equal(vnet->values[0]->values.data, "[null, \"Disabled # not a comment\"]");
  uint32_t odd = azd_trie_name(trie, properties, AZD_STR("odd"));
  assert_int_equal(azd_trie_place(trie, azd_trie_name(trie, odd, AZD_STR("a # b")))->same, AZD_SAME_INSTANT);
  assert_true(azd_trie_place(trie, azd_trie_name(trie, properties, AZD_STR("customersecret")))->redact);
  azd_ruleset_unref(ruleset);
}

static void a_broken_schema_file_is_an_error_with_its_line_each_time_it_is_met(void **state) {
  (void)state;
  struct azd_ruleset *ruleset = with_schema();
  seal(ruleset);
  for (int i = 0; i < 2; i++) {
    struct azd_error error = {0};
    assert_null(azd_ruleset_trie(ruleset, AZD_STR("Broken.Provider/things"), 0, &error));
    assert_int_equal(error.code, AZD_EPARSE);
    assert_non_null(strstr(error.text, "broken.provider.rules:3"));
  }
  azd_ruleset_unref(ruleset);
}

static void a_type_name_cannot_leave_the_schema_folder(void **state) {
  (void)state;
  struct azd_ruleset *ruleset = with_schema();
  seal(ruleset);
  static const char *const types[] = {"../../etc/passwd/x", "..", "/x", ".hidden/x", "a\\b/x", "", "nothing"};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    struct azd_error error = {0};
    assert_non_null(azd_ruleset_trie(ruleset, azd_str_of(types[i]), 0, &error));
  }
  assert_int_equal(azd_ruleset_count(ruleset), 0);
  azd_ruleset_unref(ruleset);
}

static void wrong_schema_lines_are_refused(void **state) {
  (void)state;
  static const char *const texts[] = {
      "  observe a\n",    "a/b\n  observe\n",     "a/b\n  key x\n",           "a/b\n  fold x y\n",
      "a/b\n  same x\n",  "a/b\n  same x soon\n", "a/b\n  fold? x\n",         "notype\n",
      "a/b 2020-01-01\n", "a/b @1 more\n",        "a/b\n  key x 1 2 3 4 5\n", "a/b\n  same x [1] [2]\n"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct azd_error error = {0};
    int status = azd_schema_text_parse_all(azd_str_of(texts[i]), AZD_STR("f"), NULL, NULL, &error);
    if (status != AZD_EPARSE || strncmp(error.text, "f:", 2)) fail_msg("%s: %d %s", texts[i], status, error.text);
  }
}

struct meeting {
  struct azd_ruleset *ruleset;
  const struct azd_trie *met[50];
};

static void *meet_types(void *context) {
  struct meeting *meeting = context;
  for (int i = 0; i < 50; i++) {
    char type[64];
    snprintf(type, sizeof type, i == 25 ? "Microsoft.Storage/storageAccounts" : "Microsoft.Storage/type%d", i);
    meeting->met[i] = azd_ruleset_trie(meeting->ruleset, azd_str_of(type), 0, NULL);
  }
  return NULL;
}

static void threads_that_meet_a_type_at_once_get_one_trie(void **state) {
  (void)state;
  struct azd_ruleset *ruleset = with_schema();
  seal(ruleset);
  struct meeting meetings[4];
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    meetings[i].ruleset = ruleset;
    assert_int_equal(pthread_create(&threads[i], NULL, meet_types, &meetings[i]), 0);
  }
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < 4; i++) assert_memory_equal(meetings[i].met, meetings[0].met, sizeof meetings[0].met);
  assert_ptr_not_equal(meetings[0].met[25], meetings[0].met[0]);
  assert_int_equal(azd_ruleset_count(ruleset), 7);
  azd_ruleset_unref(ruleset);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(paths_are_read_and_written_back),
      cmocka_unit_test(a_wrong_path_is_refused_with_its_column),
      cmocka_unit_test(a_path_has_at_most_63_steps),
      cmocka_unit_test(a_rule_speaks_for_its_place_and_what_lies_below),
      cmocka_unit_test(the_higher_layer_wins_then_the_nearer_end_then_more_steps_then_names_then_the_exact_type),
      cmocka_unit_test(a_tie_is_refused_naming_both_lines),
      cmocka_unit_test(two_keys_for_one_array_are_a_tie),
      cmocka_unit_test(an_outdated_rule_is_off),
      cmocka_unit_test(conditions_come_before_the_rule_without_one),
      cmocka_unit_test(a_rule_between_views_speaks_only_there_and_first),
      cmocka_unit_test(a_type_without_rules_of_its_own_shares_those_of_all),
      cmocka_unit_test(a_secret_is_one_however_it_was_read),
      cmocka_unit_test(what_is_common_makes_no_difference_but_in_time),
      cmocka_unit_test(many_dots_in_one_rule_end_in_a_named_limit),
      cmocka_unit_test(schema_rules_are_read_when_a_type_is_first_met),
      cmocka_unit_test(a_broken_schema_file_is_an_error_with_its_line_each_time_it_is_met),
      cmocka_unit_test(a_type_name_cannot_leave_the_schema_folder),
      cmocka_unit_test(wrong_schema_lines_are_refused),
      cmocka_unit_test(threads_that_meet_a_type_at_once_get_one_trie),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
