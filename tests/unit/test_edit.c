/* A document with pieces of another in it (json/edit.h). cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/json_tree.h"
#include "json/edit.h"

#include <stdio.h>

enum { DOCUMENTS = 20000, EDITS_MAX = 4096 };

struct fixture {
  struct azd_doc *old_doc, *new_doc, *edited;
  struct azd_diff *diff;
  struct azd_buf old_text, new_text, out;
};

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  f->old_doc = azd_doc_new();
  f->new_doc = azd_doc_new();
  f->edited = azd_doc_new();
  f->diff = azd_diff_new();
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  azd_doc_free(f->old_doc);
  azd_doc_free(f->new_doc);
  azd_doc_free(f->edited);
  azd_diff_free(f->diff);
  azd_buf_free(&f->old_text);
  azd_buf_free(&f->new_text);
  azd_buf_free(&f->out);
  free(f);
  return 0;
}

static void compare(struct fixture *f, const struct azd_doc *old_doc) {
  static const struct azd_diff_options options;
  assert_int_equal(azd_diff_run(f->diff, NULL, old_doc, 0, f->new_doc, 0, &options, NULL), 0);
}

/* The edits of the changes whose property stands in only ("a b"), or of all; reorders alone are left out. */
static size_t edits_of(struct fixture *f, const char *only, struct azd_edit *edits) {
  size_t count = 0;
  for (uint32_t i = 0; i < azd_diff_count(f->diff); i++) {
    const struct azd_change *c = azd_diff_change(f->diff, i);
    char word[256];
    snprintf(word, sizeof word, "%.*s", AZD_STR_FORMAT(c->property));
    if (c->op == AZD_OP_MOVE || (only && !strstr(only, word))) continue;
    assert_true(count < EDITS_MAX);
    edits[count++] = c->op == AZD_OP_ADD ? (struct azd_edit){c->old_parent, c->new_node, true}
                                         : (struct azd_edit){c->old_node, c->new_node, false};
  }
  return count;
}

static void parse(struct fixture *f, const char *old_text, const char *new_text) {
  assert_int_equal(azd_doc_parse(f->old_doc, azd_str_of(old_text), NULL, NULL), 0);
  assert_int_equal(azd_doc_parse(f->new_doc, azd_str_of(new_text), NULL, NULL), 0);
  compare(f, f->old_doc);
}

static void assert_edited(void **state, const char *old_text, const char *new_text, const char *only,
                          const char *expected) {
  struct fixture *f = *state;
  struct azd_edit edits[EDITS_MAX];
  parse(f, old_text, new_text);
  size_t count = edits_of(f, only, edits);
  azd_buf_clear(&f->out);
  assert_int_equal(azd_json_edit(f->old_doc, 0, f->new_doc, edits, count, &f->out), 0);
  azd_buf_append_char(&f->out, '\0');
  assert_string_equal(f->out.data, expected);
}

static void chosen_places_move_and_no_others(void **state) {
  const char *was = "{\"a\":1,\"b\":{\"c\":2,\"d\":[1,2]},\"e\":3}";
  const char *is = "{\"a\":9,\"b\":{\"c\":8,\"d\":[1,2],\"f\":{\"g\":null}},\"h\":[]}";
  assert_edited(state, was, is, "", "{\"a\":1,\"b\":{\"c\":2,\"d\":[1,2]},\"e\":3}");
  assert_edited(state, was, is, "b.c", "{\"a\":1,\"b\":{\"c\":8,\"d\":[1,2]},\"e\":3}");
  assert_edited(state, was, is, "b.f e", "{\"a\":1,\"b\":{\"c\":2,\"d\":[1,2],\"f\":{\"g\":null}}}");
  assert_edited(state, was, is, "a h", "{\"a\":9,\"b\":{\"c\":2,\"d\":[1,2]},\"e\":3,\"h\":[]}");
}

static void emptied_and_filled_containers_are_written_well(void **state) {
  assert_edited(state, "{\"a\":1}", "{}", NULL, "{}");
  assert_edited(state, "{}", "{\"\\u00e9\\n\":1}", NULL, "{\"\xc3\xa9\\n\":1}");
  assert_edited(state, "[{\"id\":\"x\"},{\"id\":\"y\"}]", "[{\"id\":\"z\"},{\"id\":\"y\",\"v\":1}]", NULL,
                "[{\"id\":\"y\",\"v\":1},{\"id\":\"z\"}]");
  assert_edited(state, "1", "{\"a\":2}", NULL, "{\"a\":2}");
}

/* Whatever the two are: with all of the differences in it the one means the other. */
static void all_edits_make_the_other(void **state) {
  struct fixture *f = *state;
  static struct azd_edit edits[EDITS_MAX];
  struct dice dice = {.seed = 7};
  for (int n = 0; n < DOCUMENTS; n++) {
    azd_buf_clear(&f->old_text);
    azd_buf_clear(&f->new_text);
    azd_buf_clear(&f->out);
    dice_json(&dice, 4, &f->old_text);
    dice_json(&dice, 4, &f->new_text);
    assert_int_equal(azd_doc_parse(f->old_doc, azd_buf_str(&f->old_text), NULL, NULL), 0);
    assert_int_equal(azd_doc_parse(f->new_doc, azd_buf_str(&f->new_text), NULL, NULL), 0);
    compare(f, f->old_doc);
    size_t count = edits_of(f, NULL, edits);
    assert_int_equal(azd_json_edit(f->old_doc, 0, f->new_doc, edits, count, &f->out), 0);
    assert_int_equal(azd_doc_parse(f->edited, azd_buf_str(&f->out), NULL, NULL), 0);
    compare(f, f->edited);
    if (azd_diff_count_of(f->diff, AZD_CLASS_CHANGE))
      fail_msg("%.*s\nto %.*s\nmade %.*s", AZD_STR_FORMAT(azd_buf_str(&f->old_text)),
               AZD_STR_FORMAT(azd_buf_str(&f->new_text)), AZD_STR_FORMAT(azd_buf_str(&f->out)));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(chosen_places_move_and_no_others, set_up, tear_down),
      cmocka_unit_test_setup_teardown(emptied_and_filled_containers_are_written_well, set_up, tear_down),
      cmocka_unit_test_setup_teardown(all_edits_make_the_other, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
