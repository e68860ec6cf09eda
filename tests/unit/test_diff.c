/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/json_tree.h"
#include "json/canonical.h"
#include "json/diff.h"
#include "json/properties_impl.h"
#include "json/same.h"
#include "json/schema_text.h"

#include <stdio.h>
#include <stdlib.h>

/* Rules in the schema layer's text form, put into the layer that stands before them: "shipped\n T/t\n  ignore a\n". */
struct source {
  struct azd_ruleset *ruleset;
  enum azd_rule_layer layer;
  int condition;
};

static int declare(void *context, const struct azd_rule *rule, struct azd_error *error) {
  struct source *source = context;
  struct azd_rule copy = *rule;
  copy.layer = source->layer;
  copy.condition = source->condition;
  if (azd_str_equal(copy.type, AZD_STR("any/type"))) copy.type = AZD_STR("*");
  return azd_ruleset_add(source->ruleset, &copy, error);
}

static void layer(struct azd_ruleset *ruleset, enum azd_rule_layer which, int condition, const char *text) {
  struct source source = {ruleset, which, condition};
  struct azd_error error = {0};
  if (azd_schema_text_parse_all(azd_str_of(text), AZD_STR("test"), declare, &source, &error))
    fail_msg("%s", error.text);
}

struct fixture {
  struct azd_ruleset *ruleset;
  struct azd_doc *old_doc, *new_doc;
  struct azd_diff *diff;
  struct azd_buf told;
  struct azd_diff_options options;
};

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  f->ruleset = azd_ruleset_new();
  f->old_doc = azd_doc_new();
  f->new_doc = azd_doc_new();
  f->diff = azd_diff_new();
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  azd_diff_free(f->diff);
  azd_doc_free(f->old_doc);
  azd_doc_free(f->new_doc);
  azd_ruleset_unref(f->ruleset);
  azd_buf_free(&f->told);
  free(f);
  return 0;
}

static void rules(struct fixture *f, const char *text) {
  char all[4096];
  snprintf(all, sizeof all, "any/type\n%s", text);
  layer(f->ruleset, AZD_LAYER_SHIPPED, -1, all);
}

static void tell_value(struct fixture *f, const struct azd_doc *doc, azd_node node) {
  if (node == AZD_NODE_NONE)
    azd_buf_append_text(&f->told, "-");
  else
    assert_int_equal(azd_json_canonical(doc, node, NULL, 0, &f->told), 0);
}

/* Each change on a line: "change replace a.b /a/b 1 2". */
static const char *compare(struct fixture *f, const char *old_text, const char *new_text) {
  static const char *const ops[] = {"add", "remove", "replace", "move"};
  static const char *const classes[] = {"change", "effect", "note", "ignored"};
  struct azd_error error = {0};
  const struct azd_trie *trie = azd_ruleset_trie(f->ruleset, AZD_STR("T/t"), 0, &error);
  if (!trie) fail_msg("%s", error.text);
  if (azd_doc_parse(f->old_doc, azd_str_of(old_text), NULL, &error)) fail_msg("%s", error.text);
  if (azd_doc_parse(f->new_doc, azd_str_of(new_text), NULL, &error)) fail_msg("%s", error.text);
  if (azd_diff_run(f->diff, trie, f->old_doc, 0, f->new_doc, 0, &f->options, &error)) fail_msg("%s", error.text);
  azd_buf_clear(&f->told);
  for (uint32_t i = 0; i < azd_diff_count(f->diff); i++) {
    const struct azd_change *c = azd_diff_change(f->diff, i);
    azd_buf_printf(&f->told, "%s%s %s %.*s %.*s ", i ? "\n" : "", classes[c->class], ops[c->op],
                   AZD_STR_FORMAT(c->property), AZD_STR_FORMAT(c->pointer));
    tell_value(f, f->old_doc, c->old_node);
    azd_buf_append_char(&f->told, ' ');
    tell_value(f, f->new_doc, c->new_node);
  }
  azd_buf_append_char(&f->told, '\0');
  return f->told.data;
}

static void seal(struct fixture *f) {
  struct azd_error error = {0};
  if (azd_ruleset_seal(f->ruleset, 0, &error)) fail_msg("%s", error.text);
}

/* ---- without rules ---- */

static void equal_documents_have_no_changes(void **state) {
  struct fixture *f = *state;
  seal(f);
  assert_string_equal(compare(f, "{\"a\":1,\"b\":[{\"id\":\"x\"}]}", "{\"b\":[{\"id\":\"x\"}],\"a\":1.0}"), "");
  assert_string_equal(compare(f, "null", "null"), "");
  assert_string_equal(compare(f, "12345678901234567890", "12345678901234567890"), "");
}

static void changes_name_property_and_pointer(void **state) {
  struct fixture *f = *state;
  seal(f);
  assert_string_equal(
      compare(f, "{\"a\":{\"b/c\":1,\"d~\":2,\"gone\":true}}", "{\"a\":{\"b/c\":2,\"d~\":null,\"came\":[]}}"),
      "change replace a.b/c /a/b~1c 1 2\n"
      "change replace a.d~ /a/d~0 2 null\n"
      "change remove a.gone /a/gone true -\n"
      "change add a.came /a/came - []");
  assert_string_equal(
      compare(f, "{\"odd.key\":{\"it's\":1,\"\":{\"a[0]\":1}}}", "{\"odd.key\":{\"it's\":2,\"\":{\"a[0]\":2}}}"),
      "change replace ['odd.key']['it\\'s'] /odd.key/it's 1 2\n"
      "change replace ['odd.key']['']['a[0]'] /odd.key//a[0] 1 2");
  assert_string_equal(compare(f, "1", "{}"), "change replace   1 {}");
  assert_string_equal(compare(f, "{\"a\":9007199254740993}", "{\"a\":9007199254740992}"),
                      "change replace a /a 9007199254740993 9007199254740992");
}

static void elements_are_matched_by_id_then_name_and_shown_by_name(void **state) {
  struct fixture *f = *state;
  seal(f);
  assert_string_equal(
      compare(f, "{\"r\":[{\"id\":\"/S/1\",\"name\":\"a\",\"v\":1},{\"id\":\"/s/2\",\"name\":\"b\",\"v\":2}]}",
              "{\"r\":[{\"id\":\"/s/2\",\"name\":\"b\",\"v\":3},{\"id\":\"/s/3\",\"name\":\"c\",\"v\":1},"
              "{\"id\":\"/s/1\",\"name\":\"a\",\"v\":1}]}"),
      "change replace r[name=a].id /r/2/id \"/S/1\" \"/s/1\"\n"
      "change replace r[name=b].v /r/0/v 2 3\n"
      "change add r[name=c] /r/1 - {\"id\":\"/s/3\",\"name\":\"c\",\"v\":1}");
  assert_string_equal(compare(f, "[{\"name\":\"a]b\",\"v\":1},{\"name\":\"c\"}]", "[{\"name\":\"a]b\",\"v\":2}]"),
                      "change replace [name='a]b'].v /0/v 1 2\n"
                      "change remove [name=c] /1 {\"name\":\"c\"} -");
  const struct azd_change *change = azd_diff_change(f->diff, 0);
  assert_memory_equal(change->key_name.data, "name", 4);
  assert_memory_equal(change->key_value.data, "a]b", 3);
  assert_int_equal(azd_doc_type(f->new_doc, change->new_parent), AZD_JSON_OBJECT);
}

static void an_id_that_nobody_shares_gives_way_to_the_name(void **state) {
  struct fixture *f = *state;
  seal(f);
  assert_string_equal(compare(f, "[{\"id\":\"1\",\"name\":\"a\"},{\"id\":\"2\",\"name\":\"b\"}]",
                              "[{\"id\":\"3\",\"name\":\"b\"},{\"id\":\"4\",\"name\":\"a\"}]"),
                      "change replace [name=a].id /1/id \"1\" \"4\"\n"
                      "change replace [name=b].id /0/id \"2\" \"3\"\n"
                      "note move   [{\"id\":\"1\",\"name\":\"a\"},{\"id\":\"2\",\"name\":\"b\"}] "
                      "[{\"id\":\"3\",\"name\":\"b\"},{\"id\":\"4\",\"name\":\"a\"}]");
}

static void names_that_differ_only_in_case_are_told_apart(void **state) {
  struct fixture *f = *state;
  seal(f);
  assert_string_equal(compare(f, "{\"env\":[{\"name\":\"A\",\"v\":1},{\"name\":\"a\",\"v\":2}]}",
                              "{\"env\":[{\"name\":\"A\",\"v\":1},{\"name\":\"a\",\"v\":3}]}"),
                      "change replace env[name=a].v /env/1/v 2 3");
}

static void a_pure_reorder_is_a_note(void **state) {
  struct fixture *f = *state;
  seal(f);
  assert_string_equal(compare(f, "{\"a\":[1,2,2,3]}", "{\"a\":[2,3,1,2]}"), "note move a /a [1,2,2,3] [2,3,1,2]");
  assert_string_equal(compare(f, "{\"a\":[{\"x\":1},{\"x\":2}]}", "{\"a\":[{\"x\":2},{\"x\":1}]}"),
                      "note move a /a [{\"x\":1},{\"x\":2}] [{\"x\":2},{\"x\":1}]");
  assert_int_equal(azd_diff_count_of(f->diff, AZD_CLASS_CHANGE), 0);
  assert_string_equal(compare(f, "{\"a\":[1,2,3]}", "{\"a\":[3,1]}"), "change remove a[1] /a/1 2 -");
}

static void doubles_in_a_multiset_are_counted(void **state) {
  struct fixture *f = *state;
  seal(f);
  assert_string_equal(compare(f, "[\"x\",\"x\",\"y\"]", "[\"y\",\"x\"]"), "change remove [0] /0 \"x\" -");
  assert_string_equal(compare(f, "[\"x\"]", "[\"x\",\"x\"]"), "change add [1] /1 - \"x\"");
  assert_string_equal(compare(f, "[\"a\",\"b\"]", "[\"c\",\"a\"]"), "change replace [0] /0 \"b\" \"c\"");
}

static void elements_without_identity_are_paired_where_they_are_clearly_the_same(void **state) {
  struct fixture *f = *state;
  seal(f);
  assert_string_equal(compare(f, "[{\"p\":1,\"q\":1,\"r\":1},{\"p\":2,\"q\":2,\"r\":2}]",
                              "[{\"p\":2,\"q\":2,\"r\":9},{\"p\":1,\"q\":1,\"r\":1},{\"p\":7}]"),
                      "change replace [0].r /0/r 2 9\n"
                      "change add [2] /2 - {\"p\":7}");
  assert_string_equal(compare(f, "[{\"p\":1},{\"p\":2}]", "[{\"p\":3},{\"p\":2}]"), "change replace [0].p /0/p 1 3");
  assert_string_equal(compare(f, "[[1,2],[3]]", "[[3],[1,4]]"), "change replace [1][1] /1/1 2 4");
}

static void order_below_an_element_does_not_hide_which_element_it_is(void **state) {
  struct fixture *f = *state;
  seal(f);
  assert_string_equal(compare(f, "[{\"p\":[1,2]},{\"p\":[3,4]}]", "[{\"p\":[4,3]},{\"p\":[2,1]}]"),
                      "note move [1].p /1/p [1,2] [2,1]\n"
                      "note move [0].p /0/p [3,4] [4,3]\n"
                      "note move   [{\"p\":[1,2]},{\"p\":[3,4]}] [{\"p\":[4,3]},{\"p\":[2,1]}]");
}

static void member_names_match_without_case_only_where_no_exact_partner_is(void **state) {
  struct fixture *f = *state;
  seal(f);
  assert_string_equal(compare(f, "{\"/Sub/A\":{\"v\":1}}", "{\"/sub/a\":{\"v\":2}}"),
                      "change replace /sub/a.v /~1sub~1a/v 1 2");
  assert_string_equal(compare(f, "{\"k\":1,\"K\":2}", "{\"K\":2,\"k\":1}"), "");
  assert_string_equal(compare(f, "{\"k\":1}", "{\"k\":1,\"K\":2}"), "change add K /K - 2");
  assert_string_equal(compare(f, "{\"k\":1,\"K\":2}", "{\"K\":2}"), "change remove k /k 1 -");
}

static void a_digest_is_one_value(void **state) {
  struct fixture *f = *state;
  seal(f);
  assert_string_equal(compare(f, "{\"p\":{\"$redacted\":\"aa\"}}", "{\"p\":{\"$redacted\":\"bb\"}}"),
                      "change replace p /p {\"$redacted\":\"aa\"} {\"$redacted\":\"bb\"}");
  assert_string_equal(compare(f, "{\"p\":{\"$redacted\":\"aa\"}}", "{\"p\":{\"$redacted\":\"aa\"}}"), "");
}

/* ---- verbs ---- */

static void ignore_and_observe_cover_what_lies_below_and_are_counted(void **state) {
  struct fixture *f = *state;
  rules(f, " ignore ..etag\n observe p.state\n");
  seal(f);
  assert_string_equal(compare(f, "{\"p\":{\"etag\":1,\"state\":{\"x\":{\"y\":1}},\"v\":1}}",
                              "{\"p\":{\"etag\":2,\"state\":{\"x\":{\"y\":2}},\"v\":2}}"),
                      "ignored replace p.etag /p/etag 1 2\n"
                      "effect replace p.state.x.y /p/state/x/y 1 2\n"
                      "change replace p.v /p/v 1 2");
  assert_int_equal(azd_diff_count_of(f->diff, AZD_CLASS_IGNORED), 1);
  assert_int_equal(azd_diff_count_of(f->diff, AZD_CLASS_EFFECT), 1);
  assert_int_equal(azd_diff_change(f->diff, 1)->rule, 1);
}

static void a_document_with_only_effects_has_no_change(void **state) {
  struct fixture *f = *state;
  rules(f, " observe p.state\n");
  seal(f);
  assert_string_equal(compare(f, "{\"p\":{\"state\":1}}", "{\"p\":{\"state\":2}}"),
                      "effect replace p.state /p/state 1 2");
  assert_int_equal(azd_diff_count_of(f->diff, AZD_CLASS_CHANGE), 0);
}

static void compare_takes_back_a_lower_layer_here_and_below(void **state) {
  struct fixture *f = *state;
  layer(f->ruleset, AZD_LAYER_SCHEMA, -1, "T/t\n observe p.conn\n observe p.conn[].state\n observe p.other\n");
  rules(f, " compare p.conn\n ignore ..etag\n");
  seal(f);
  assert_string_equal(compare(f, "{\"p\":{\"conn\":[{\"name\":\"a\",\"state\":1,\"etag\":1}],\"other\":1}}",
                              "{\"p\":{\"conn\":[{\"name\":\"a\",\"state\":2,\"etag\":2}],\"other\":2}}"),
                      "change replace p.conn[name=a].state /p/conn/0/state 1 2\n"
                      "ignored replace p.conn[name=a].etag /p/conn/0/etag 1 2\n"
                      "effect replace p.other /p/other 1 2");
}

static void a_rule_key_matches_by_several_members(void **state) {
  struct fixture *f = *state;
  rules(f, " key p objectId applicationId\n");
  seal(f);
  assert_string_equal(
      compare(f, "{\"p\":[{\"objectId\":\"o\",\"v\":1},{\"objectId\":\"o\",\"applicationId\":\"a,b\",\"v\":2}]}",
              "{\"p\":[{\"objectId\":\"O\",\"applicationId\":\"a,b\",\"v\":3},{\"objectId\":\"o\",\"v\":1}]}"),
      "change replace p[objectId=O,applicationId='a,b'].objectId /p/0/objectId \"o\" \"O\"\n"
      "change replace p[objectId=O,applicationId='a,b'].v /p/0/v 2 3\n"
      "note move p /p [{\"objectId\":\"o\",\"v\":1},{\"applicationId\":\"a,b\",\"objectId\":\"o\",\"v\":2}] "
      "[{\"applicationId\":\"a,b\",\"objectId\":\"O\",\"v\":3},{\"objectId\":\"o\",\"v\":1}]");
}

static void a_generated_key_stands_in_only_where_there_is_no_id_and_no_name(void **state) {
  struct fixture *f = *state;
  layer(f->ruleset, AZD_LAYER_SCHEMA, -1, "T/t\n key p order\n");
  seal(f);
  assert_string_equal(compare(f, "{\"p\":[{\"name\":\"a\",\"order\":1}]}",
                              "{\"p\":[{\"name\":\"b\",\"order\":1},{\"name\":\"a\",\"order\":2}]}"),
                      "change replace p[name=a].order /p/1/order 1 2\n"
                      "change add p[name=b] /p/0 - {\"name\":\"b\",\"order\":1}");
  assert_string_equal(compare(f, "{\"p\":[{\"order\":1,\"v\":1},{\"order\":2,\"v\":1}]}",
                              "{\"p\":[{\"order\":2,\"v\":2},{\"order\":1,\"v\":1}]}"),
                      "change replace p[order=2].v /p/0/v 1 2\n"
                      "note move p /p [{\"order\":1,\"v\":1},{\"order\":2,\"v\":1}] "
                      "[{\"order\":2,\"v\":2},{\"order\":1,\"v\":1}]");
}

static void a_key_that_is_not_unique_falls_back(void **state) {
  struct fixture *f = *state;
  rules(f, " key p kind\n");
  seal(f);
  assert_string_equal(
      compare(f, "{\"p\":[{\"kind\":\"k\",\"name\":\"a\",\"v\":1},{\"kind\":\"k\",\"name\":\"b\",\"v\":1}]}",
              "{\"p\":[{\"kind\":\"k\",\"name\":\"b\",\"v\":1},{\"kind\":\"k\",\"name\":\"a\",\"v\":2}]}"),
      "change replace p[name=a].v /p/1/v 1 2\n"
      "note move p /p [{\"kind\":\"k\",\"name\":\"a\",\"v\":1},{\"kind\":\"k\",\"name\":\"b\",\"v\":1}] "
      "[{\"kind\":\"k\",\"name\":\"b\",\"v\":1},{\"kind\":\"k\",\"name\":\"a\",\"v\":2}]");
}

static void order_counts_where_a_rule_says_list(void **state) {
  struct fixture *f = *state;
  rules(f, " list dns\n");
  seal(f);
  assert_string_equal(compare(f, "{\"dns\":[1,2]}", "{\"dns\":[2,1]}"), "change move dns /dns [1,2] [2,1]");
  assert_string_equal(compare(f, "{\"dns\":[1,2,3]}", "{\"dns\":[1,3]}"), "change remove dns[1] /dns/1 2 -");
  assert_string_equal(compare(f, "{\"dns\":[1,2]}", "{\"dns\":[2,1,3]}"), "change add dns[2] /dns/2 - 3\n"
                                                                          "change move dns /dns [1,2] [2,1,3]");
}

static void a_set_ignores_identity(void **state) {
  struct fixture *f = *state;
  rules(f, " set s\n");
  seal(f);
  assert_string_equal(
      compare(f, "{\"s\":[{\"id\":\"1\",\"a\":1,\"b\":1}]}", "{\"s\":[{\"id\":\"2\",\"a\":1,\"b\":1}]}"),
      "change replace s[0].id /s/0/id \"1\" \"2\"");
}

static void equivalences_hold_where_a_rule_says_so(void **state) {
  struct fixture *f = *state;
  rules(f, " fold f\n same i id\n same l location\n same t instant\n same j json\n same w space\n same e empty\n same "
           "d duration\n"
           " same v [null, \"Disabled\", 0]\n same m{} empty\n same m{} entry\n fold z[]\n");
  seal(f);
  static const struct {
    const char *a, *b;
  } same[] = {{"{\"f\":\"Enabled\"}", "{\"f\":\"enabled\"}"},
              {"{\"i\":\"/Sub/A/\"}", "{\"i\":\"/sub/a\"}"},
              {"{\"l\":\"East US 2\"}", "{\"l\":\"eastus2\"}"},
              {"{\"t\":\"2024-01-01T00:00:00Z\"}", "{\"t\":\"2024-01-01T01:00:00.000+01:00\"}"},
              {"{\"t\":\"2024-01-01T00:00:00\"}", "{\"t\":\"2024-01-01T00:00:00Z\"}"},
              {"{\"j\":\"{\\\"a\\\": 1.0, \\\"b\\\": []}\"}", "{\"j\":\"{\\\"b\\\":[],\\\"a\\\":1}\"}"},
              {"{\"w\":\"a  b\\r\\nc\"}", "{\"w\":\"a b c\"}"},
              {"{\"e\":null}", "{}"},
              {"{\"e\":[]}", "{\"e\":{}}"},
              {"{\"e\":[]}", "{}"},
              {"{\"d\":\"P1DT1H\"}", "{\"d\":\"PT25H\"}"},
              {"{\"v\":\"Disabled\"}", "{}"},
              {"{\"v\":null}", "{\"v\":0}"},
              {"{\"z\":[\"A\",\"b\"]}", "{\"z\":[\"a\",\"B\"]}"}};
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
    if (*compare(f, same[i].a, same[i].b)) fail_msg("%s %s: %s", same[i].a, same[i].b, f->told.data);
    if (*compare(f, same[i].b, same[i].a)) fail_msg("%s %s: %s", same[i].b, same[i].a, f->told.data);
  }
  static const struct {
    const char *a, *b;
  } differ[] = {{"{\"f\":\"a b\"}", "{\"f\":\"ab\"}"},
                {"{\"i\":\"Sub\"}", "{\"i\":\"sub\"}"},
                {"{\"t\":\"2024-01-01T00:00:00Z\"}", "{\"t\":\"2024-01-01T00:00:00.001Z\"}"},
                {"{\"j\":\"{\\\"a\\\":1}\"}", "{\"j\":\"{\\\"a\\\":2}\"}"},
                {"{\"j\":\"x\"}", "{\"j\":\"y\"}"},
                {"{\"e\":null}", "{\"e\":\"\"}"},
                {"{\"e\":null}", "{\"e\":{\"a\":null}}"},
                {"{\"d\":\"P1M\"}", "{\"d\":\"P30D\"}"},
                {"{\"d\":\"PT1M\"}", "{\"d\":\"P1M\"}"},
                {"{\"v\":\"Disabled\"}", "{\"v\":\"Enabled\"}"},
                {"{\"m\":{\"k\":{}}}", "{\"m\":{}}"},
                {"{\"n\":null}", "{}"},
                {"{\"z\":[\"A\",\"b\"]}", "{\"z\":[\"a\",\"c\"]}"}};
  for (size_t i = 0; i < sizeof differ / sizeof *differ; i++)
    if (!*compare(f, differ[i].a, differ[i].b)) fail_msg("%s %s", differ[i].a, differ[i].b);
}

static void durations_are_read_strictly(void **state) {
  (void)state;
  static const char *const bad[] = {"",     "P",      "PT",   "P1",      "1H",    "P1H",
                                    "PT1D", "PT1M1H", "P-1D", "PT1..5S", "P0.5M", "P1DT"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (azd_same_duration(azd_str_of(bad[i]), azd_str_of(bad[i]))) fail_msg("%s", bad[i]);
  assert_true(azd_same_duration(AZD_STR("PT1.5S"), AZD_STR("PT1.500S")));
  assert_true(azd_same_duration(AZD_STR("P1Y"), AZD_STR("P12M")));
  assert_true(azd_same_duration(AZD_STR("P1W"), AZD_STR("P7D")));
  assert_false(azd_same_duration(AZD_STR("P99999999999999999999D"), AZD_STR("P99999999999999999999D")));
}

static void a_whole_object_is_as_loud_as_its_loudest_leaf(void **state) {
  struct fixture *f = *state;
  rules(f, " observe o.seen\n ignore o.etag\n same m{} entry\n observe m{}.seen\n observe l[].seen\n");
  seal(f);
  assert_string_equal(compare(f, "{}", "{\"o\":{\"seen\":1,\"etag\":2}}"), "effect add o /o - {\"etag\":2,\"seen\":1}");
  assert_string_equal(compare(f, "{\"o\":{\"etag\":2}}", "{}"), "ignored remove o /o {\"etag\":2} -");
  assert_string_equal(compare(f, "{}", "{\"o\":{\"seen\":1,\"mine\":2}}"), "change add o /o - {\"mine\":2,\"seen\":1}");
  assert_string_equal(compare(f, "{\"m\":{}}", "{\"m\":{\"k\":{\"seen\":1}}}"), "change add m.k /m/k - {\"seen\":1}");
  assert_string_equal(compare(f, "{\"l\":[]}", "{\"l\":[{\"seen\":1}]}"), "change add l[0] /l/0 - {\"seen\":1}");
}

/* ---- conditions ---- */

static void conditions_are_asked_strongest_first_and_settle_the_class(void **state) {
  struct fixture *f = *state;
  layer(f->ruleset, AZD_LAYER_SCHEMA, -1, "T/t\n observe p\n");
  layer(f->ruleset, AZD_LAYER_SHIPPED, 1, "T/t\n ignore p.count\n");
  layer(f->ruleset, AZD_LAYER_USER, 2, "any/type\n ignore p\n");
  layer(f->ruleset, AZD_LAYER_SHIPPED, -1, "T/t\n compare p.fixed\n");
  seal(f);
  assert_string_equal(
      compare(f, "{\"p\":{\"count\":1,\"fixed\":1,\"x\":1}}", "{\"p\":{\"count\":2,\"fixed\":2,\"x\":2}}"),
      "effect replace p.count /p/count 1 2\n"
      "change replace p.fixed /p/fixed 1 2\n"
      "effect replace p.x /p/x 1 2");
  const struct azd_change *count = azd_diff_change(f->diff, 0);
  assert_int_equal(azd_ruleset_rule(f->ruleset, count->whens->rule)->condition,
                   2); /* the user's, though it ends farther off */
  assert_int_equal(azd_ruleset_rule(f->ruleset, count->whens->next->rule)->condition, 1);
  assert_null(count->whens->next->next);
  const struct azd_change *fixed = azd_diff_change(f->diff, 1);
  assert_int_equal(azd_ruleset_rule(f->ruleset, fixed->whens->rule)->condition, 2);
  assert_null(fixed->whens->next);

  azd_diff_decide(f->diff, 1, fixed->whens);
  assert_int_equal(azd_diff_change(f->diff, 1)->class, AZD_CLASS_IGNORED);
  assert_int_equal(azd_diff_count_of(f->diff, AZD_CLASS_CHANGE), 0);
  assert_int_equal(azd_diff_count_of(f->diff, AZD_CLASS_IGNORED), 1);
  assert_null(azd_diff_change(f->diff, 1)->whens);
}

static void an_unconditional_rule_of_a_higher_layer_silences_conditions_below_it(void **state) {
  struct fixture *f = *state;
  layer(f->ruleset, AZD_LAYER_SHIPPED, 1, "T/t\n ignore p.count\n");
  layer(f->ruleset, AZD_LAYER_USER, -1, "T/t\n compare p\n");
  seal(f);
  assert_string_equal(compare(f, "{\"p\":{\"count\":1}}", "{\"p\":{\"count\":2}}"),
                      "change replace p.count /p/count 1 2");
  assert_null(azd_diff_change(f->diff, 0)->whens);
}

static void a_rule_with_a_selector_holds_for_that_element(void **state) {
  struct fixture *f = *state;
  rules(f, " ignore r[name=SSH].v\n observe r[priority=200].w\n");
  seal(f);
  assert_string_equal(
      compare(
          f, "{\"r\":[{\"name\":\"ssh\",\"v\":1},{\"name\":\"b\",\"priority\":200,\"w\":1},{\"name\":\"c\",\"v\":1}]}",
          "{\"r\":[{\"name\":\"ssh\",\"v\":2},{\"name\":\"b\",\"priority\":200,\"w\":2},{\"name\":\"c\",\"v\":2}]}"),
      "ignored replace r[name=ssh].v /r/0/v 1 2\n"
      "effect replace r[name=b].w /r/1/w 1 2\n"
      "change replace r[name=c].v /r/2/v 1 2");
}

/* ---- views ---- */

static void another_view_is_compared_only_where_both_carry_something(void **state) {
  struct fixture *f = *state;
  seal(f);
  f->options.between = AZD_BETWEEN_VIEWS;
  assert_string_equal(compare(f, "{\"a\":1,\"b\":null,\"c\":\"\",\"d\":[1],\"e\":false,\"n\":{\"x\":1,\"y\":1}}",
                              "{\"b\":1,\"c\":\"x\",\"d\":[],\"e\":true,\"n\":{\"x\":2},\"f\":{}}"),
                      "change replace e /e false true\n"
                      "change replace n.x /n/x 1 2");
  assert_int_equal(azd_diff_not_compared(f->diff), 6);
  assert_string_equal(compare(f, "[2,1]", "[1,2]"), "");
}

static void a_zero_and_a_masked_secret_say_nothing_between_views_only(void **state) {
  struct fixture *f = *state;
  seal(f);
  const char *old_text = "{\"size\":128,\"key\":{\"$redacted\":\"00\"},\"other\":\"****\",\"on\":true}";
  const char *new_text = "{\"size\":0,\"key\":{\"$redacted\":\"11\"},\"other\":{\"$redacted\":\"11\"},\"on\":false}";
  const char *all = "change replace size /size 128 0\n"
                    "change replace key /key {\"$redacted\":\"00\"} {\"$redacted\":\"11\"}\n"
                    "change replace other /other \"****\" {\"$redacted\":\"11\"}\n"
                    "change replace on /on true false";
  assert_string_equal(compare(f, old_text, new_text), all);
  f->options.between = AZD_BETWEEN_VERSIONS;
  assert_string_equal(compare(f, old_text, new_text), all);
  f->options.between = AZD_BETWEEN_VIEWS;
  assert_string_equal(compare(f, old_text, new_text), "change replace on /on true false");
  assert_int_equal(azd_diff_not_compared(f->diff), 3);
}

static const char two_versions[] = "T/t 200101 240101\n"
                                   " properties\n"
                                   "  both\n"
                                   "  flag\n"
                                   "  late 240101\n"
                                   "  list\n"
                                   "   []\n"
                                   "    name\n"
                                   "    late 240101\n"
                                   "  names\n"
                                   "  open*\n";

/* between 2020-01-01 and 2024-01-01, or the other way round */
static void read_in_two_versions(struct fixture *f, struct azd_arena *arena, bool newer_first) {
  struct azd_property_tree *tree;
  struct azd_error error = {0};
  if (azd_property_text_parse(AZD_STR(two_versions), AZD_STR("test"), AZD_STR("T/t"), arena, &tree, &error))
    fail_msg("%s", error.text);
  f->options.between = AZD_BETWEEN_VERSIONS;
  f->options.properties = tree;
  f->options.old_version = azd_property_version(tree, azd_str_of(newer_first ? "2024-01-01" : "2020-01-01"));
  f->options.new_version = azd_property_version(tree, azd_str_of(newer_first ? "2020-01-01" : "2024-01-01"));
}

static void between_versions_what_both_can_carry_is_compared_though_one_side_lacks_it(void **state) {
  struct fixture *f = *state;
  struct azd_arena arena;
  azd_arena_init(&arena, 0);
  seal(f);
  read_in_two_versions(f, &arena, false);
  assert_string_equal(compare(f,
                              "{\"properties\":{\"both\":1,\"list\":[{\"name\":\"a\"}],\"names\":[\"x\"],"
                              "\"open\":{\"k\":1},\"unheard\":1}}",
                              "{\"properties\":{\"late\":1,\"list\":[{\"name\":\"a\",\"late\":2},{\"name\":\"b\"}],"
                              "\"names\":[],\"open\":{}}}"),
                      "change remove properties.both /properties/both 1 -\n"
                      "change add properties.list[name=b] /properties/list/1 - {\"name\":\"b\"}\n"
                      "change remove properties.names[0] /properties/names/0 \"x\" -\n"
                      "change remove properties.open.k /properties/open/k 1 -");
  assert_int_equal(azd_diff_not_compared(f->diff), 3); /* late, late of an element, and what no table knows */
  azd_arena_free(&arena);
}

static void a_newer_version_fills_in_what_an_older_one_left_unsaid_and_not_the_other_way_round(void **state) {
  struct fixture *f = *state;
  struct azd_arena arena;
  azd_arena_init(&arena, 0);
  seal(f);
  read_in_two_versions(f, &arena, false);
  assert_string_equal(compare(f, "{\"properties\":{}}", "{\"properties\":{\"flag\":false,\"both\":0}}"), "");
  assert_string_equal(compare(f, "{\"properties\":{}}", "{\"properties\":{\"flag\":true}}"),
                      "change add properties.flag /properties/flag - true");
  assert_string_equal(compare(f, "{\"properties\":{\"flag\":false}}", "{\"properties\":{}}"),
                      "change remove properties.flag /properties/flag false -");
  read_in_two_versions(f, &arena, true);
  assert_string_equal(compare(f, "{\"properties\":{\"flag\":false}}", "{\"properties\":{}}"), "");
  azd_arena_free(&arena);
}

/* ---- raw: a JSON Patch ---- */

static void a_raw_diff_applied_as_a_patch_gives_the_new_document(void **state) {
  struct fixture *f = *state;
  rules(f, " ignore ..etag\n observe a\n same ..{} empty\n");
  seal(f);
  f->options.raw = true;
  struct dice dice = {.seed = 20261122};
  uint32_t changes = 0;
  struct azd_buf old_text, new_text, patched;
  azd_buf_init(&old_text, 0), azd_buf_init(&new_text, 0), azd_buf_init(&patched, 0);
  for (int round = 0; round < 3000; round++) {
    azd_buf_clear(&old_text), azd_buf_clear(&new_text), azd_buf_clear(&patched);
    dice_json(&dice, 5, &old_text), azd_buf_append_char(&old_text, '\0');
    dice_json(&dice, 5, &new_text), azd_buf_append_char(&new_text, '\0');
    compare(f, old_text.data, new_text.data);
    struct tree *tree = tree_new(f->old_doc, 0);
    for (uint32_t i = 0; i < azd_diff_count(f->diff); i++) {
      const struct azd_change *c = azd_diff_change(f->diff, i);
      tree_apply(&tree, c->op, c->pointer, c->op == AZD_OP_REMOVE ? NULL : tree_new(f->new_doc, c->new_node));
      changes++;
    }
    tree_write(tree, &patched);
    tree_free(tree);
    struct azd_error error = {0};
    if (azd_doc_parse(f->old_doc, azd_buf_str(&patched), NULL, &error)) fail_msg("%s", error.text);
    if (!azd_json_equal(f->old_doc, 0, f->new_doc, 0))
      fail_msg("%s to %s gave %.*s", old_text.data, new_text.data, AZD_STR_FORMAT(azd_buf_str(&patched)));
  }
  assert_true(changes > 1000);
  azd_buf_free(&old_text), azd_buf_free(&new_text), azd_buf_free(&patched);
}

static void a_document_does_not_differ_from_itself(void **state) {
  struct fixture *f = *state;
  seal(f);
  struct dice dice = {.seed = 7};
  struct azd_buf text;
  azd_buf_init(&text, 0);
  for (int round = 0; round < 1000; round++) {
    azd_buf_clear(&text);
    dice_json(&dice, 5, &text), azd_buf_append_char(&text, '\0');
    f->options.raw = round & 1;
    assert_string_equal(compare(f, text.data, text.data), "");
  }
  azd_buf_free(&text);
}

static void a_document_in_another_order_has_only_notes(void **state) {
  struct fixture *f = *state;
  seal(f);
  struct dice dice = {.seed = 99};
  struct azd_buf text, shuffled;
  azd_buf_init(&text, 0), azd_buf_init(&shuffled, 0);
  for (int round = 0; round < 2000; round++) {
    struct azd_error error = {0};
    azd_buf_clear(&text), azd_buf_clear(&shuffled);
    dice_json(&dice, 5, &text), azd_buf_append_char(&text, '\0');
    assert_int_equal(azd_doc_parse(f->old_doc, azd_str_of(text.data), NULL, &error), 0);
    struct tree *tree = tree_new(f->old_doc, 0);
    tree_shuffle(tree, &dice);
    tree_write(tree, &shuffled), azd_buf_append_char(&shuffled, '\0');
    tree_free(tree);
    compare(f, text.data, shuffled.data);
    if (azd_diff_count_of(f->diff, AZD_CLASS_CHANGE)) fail_msg("%s: %s and %s", f->told.data, text.data, shuffled.data);
  }
  azd_buf_free(&text), azd_buf_free(&shuffled);
}

/* ---- limits ---- */

static char *nested(uint32_t depth, const char *inside) {
  char *text = malloc(depth * 2 + strlen(inside) + 1);
  memset(text, '[', depth);
  strcpy(text + depth, inside);
  memset(text + depth + strlen(inside), ']', depth);
  text[depth * 2 + strlen(inside)] = '\0';
  return text;
}

static void documents_deeper_than_1024_are_refused_by_name(void **state) {
  struct fixture *f = *state;
  seal(f);
  struct azd_doc_limits limits = {.max_depth = 3000};
  for (uint32_t depth = 1024; depth <= 1025; depth++) {
    char *a = nested(depth, "1"), *b = nested(depth, "2");
    struct azd_error error = {0};
    assert_int_equal(azd_doc_parse(f->old_doc, azd_str_of(a), &limits, &error), 0);
    assert_int_equal(azd_doc_parse(f->new_doc, azd_str_of(b), &limits, &error), 0);
    int status = azd_diff_run(f->diff, NULL, f->old_doc, 0, f->new_doc, 0, NULL, &error);
    assert_int_equal(status, depth > 1024 ? AZD_ELIMIT : 0);
    assert_int_equal(azd_diff_count(f->diff), depth > 1024 ? 0 : 1);
    if (status) assert_non_null(strstr(error.text, "1024"));
    free(a), free(b);
  }
}

static void long_names_above_many_changes_end_in_a_named_limit(void **state) {
  struct fixture *f = *state;
  seal(f);
  struct azd_buf texts[2];
  for (int side = 0; side < 2; side++) {
    azd_buf_init(&texts[side], 0);
    for (int level = 0; level < 100; level++) azd_buf_printf(&texts[side], "{\"%01000d\":", level);
    for (int i = 0; i < 1000; i++) azd_buf_printf(&texts[side], "%c{\"name\":%d,\"v\":%d}", i ? ',' : '[', i, side);
    azd_buf_append_char(&texts[side], ']');
    for (int level = 0; level < 100; level++) azd_buf_append_char(&texts[side], '}');
  }
  struct azd_error error = {0}; /* 1,000 changes, each with two paths of 100 KB */
  assert_int_equal(azd_doc_parse(f->old_doc, azd_buf_str(&texts[0]), NULL, &error), 0);
  assert_int_equal(azd_doc_parse(f->new_doc, azd_buf_str(&texts[1]), NULL, &error), 0);
  assert_int_equal(azd_diff_run(f->diff, NULL, f->old_doc, 0, f->new_doc, 0, NULL, &error), AZD_ELIMIT);
  assert_non_null(strstr(error.text, "67108864"));
  assert_int_equal(azd_diff_count(f->diff), 0);
  assert_string_equal(compare(f, "1", "2"), "change replace   1 2"); /* and the next run is fine */
  azd_buf_free(&texts[0]), azd_buf_free(&texts[1]);
}

static void wide_arrays_without_identity_end_in_sorting_not_in_squares(void **state) {
  struct fixture *f = *state;
  seal(f);
  struct azd_buf a, b;
  azd_buf_init(&a, 0), azd_buf_init(&b, 0);
  for (int i = 0; i < 100000; i++) {
    azd_buf_printf(&a, "%c{\"v\":%d,\"w\":0}", i ? ',' : '[', i);
    azd_buf_printf(&b, "%c{\"v\":%d,\"w\":0}", i ? ',' : '[', 300000 - i);
  }
  azd_buf_append(&a, "]", 2), azd_buf_append(&b, "]", 2);
  compare(f, a.data, b.data); /* 10^10 comparisons would not end within the test's time limit */
  assert_int_equal(azd_diff_count_of(f->diff, AZD_CLASS_CHANGE), 100000);
  azd_buf_free(&a), azd_buf_free(&b);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(equal_documents_have_no_changes),
      CASE(changes_name_property_and_pointer),
      CASE(elements_are_matched_by_id_then_name_and_shown_by_name),
      CASE(an_id_that_nobody_shares_gives_way_to_the_name),
      CASE(names_that_differ_only_in_case_are_told_apart),
      CASE(a_pure_reorder_is_a_note),
      CASE(doubles_in_a_multiset_are_counted),
      CASE(elements_without_identity_are_paired_where_they_are_clearly_the_same),
      CASE(order_below_an_element_does_not_hide_which_element_it_is),
      CASE(member_names_match_without_case_only_where_no_exact_partner_is),
      CASE(a_digest_is_one_value),
      CASE(ignore_and_observe_cover_what_lies_below_and_are_counted),
      CASE(a_document_with_only_effects_has_no_change),
      CASE(compare_takes_back_a_lower_layer_here_and_below),
      CASE(a_rule_key_matches_by_several_members),
      CASE(a_generated_key_stands_in_only_where_there_is_no_id_and_no_name),
      CASE(a_key_that_is_not_unique_falls_back),
      CASE(order_counts_where_a_rule_says_list),
      CASE(a_set_ignores_identity),
      CASE(equivalences_hold_where_a_rule_says_so),
      CASE(durations_are_read_strictly),
      CASE(a_whole_object_is_as_loud_as_its_loudest_leaf),
      CASE(conditions_are_asked_strongest_first_and_settle_the_class),
      CASE(an_unconditional_rule_of_a_higher_layer_silences_conditions_below_it),
      CASE(a_rule_with_a_selector_holds_for_that_element),
      CASE(another_view_is_compared_only_where_both_carry_something),
      CASE(a_zero_and_a_masked_secret_say_nothing_between_views_only),
      CASE(between_versions_what_both_can_carry_is_compared_though_one_side_lacks_it),
      CASE(a_newer_version_fills_in_what_an_older_one_left_unsaid_and_not_the_other_way_round),
      CASE(a_raw_diff_applied_as_a_patch_gives_the_new_document),
      CASE(a_document_does_not_differ_from_itself),
      CASE(a_document_in_another_order_has_only_notes),
      CASE(documents_deeper_than_1024_are_refused_by_name),
      CASE(long_names_above_many_changes_end_in_a_named_limit),
      CASE(wide_arrays_without_identity_end_in_sorting_not_in_squares),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
