/* cmocka.h wants the others first. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "json/pointer.h"

#include <stdio.h>

static struct azd_doc *doc;

static int set_up(void **state) {
  (void)state;
  doc = azd_doc_new();
  return doc ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  azd_doc_free(doc);
  return 0;
}

static void must_parse(const char *text) {
  assert_int_equal(azd_doc_parse(doc, azd_str_of(text), NULL, NULL), 0);
}

/* The document and the pointers of RFC 6901, section 5: each member holds the number it is expected to give. */
static void the_pointers_of_the_rfc_lead_where_it_says(void **state) {
  (void)state;
  must_parse("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,\"k\\\"l\":6,\" "
             "\":7,\"m~n\":8}");
  static const char *const pointers[] = {"/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", "/k\"l", "/ ", "/m~0n"};
  azd_node found;
  for (int i = 0; i < 9; i++) {
    int64_t value;
    assert_int_equal(azd_pointer_resolve(doc, 0, azd_str_of(pointers[i]), &found), 0);
    assert_true(azd_doc_int64(doc, found, &value));
    assert_int_equal(value, i);
  }
  assert_int_equal(azd_pointer_resolve(doc, 0, AZD_STR(""), &found), 0);
  assert_int_equal(found, 0);
  assert_int_equal(azd_pointer_resolve(doc, 0, AZD_STR("/foo/1"), &found), 0);
  assert_true(azd_str_equal(azd_doc_string(doc, found), AZD_STR("baz")));
}

static void what_is_no_pointer_is_told_from_what_is_not_there(void **state) {
  (void)state;
  must_parse("{\"a\":[1,{\"~1\":2}],\"01\":3}");
  static const char *const invalid[] = {"a", "a/b", "/~", "/~2", "/nope/~", "/a/0~", "0"};
  static const char *const missing[] = {"/A",
                                        "/a/2",
                                        "/a/-",
                                        "/a/01",
                                        "/a/+1",
                                        "/a/1e0",
                                        "/a/",
                                        "/a/0/0",
                                        "/a/4294967296",
                                        "/a/4294967297",
                                        "/a/99999999999999999999",
                                        "/nope/a",
                                        "//",
                                        "/a/1/~1"};
  azd_node found = 77;
  for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++)
    assert_int_equal(azd_pointer_resolve(doc, 0, azd_str_of(invalid[i]), &found), AZD_EINVAL);
  for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
    assert_int_equal(azd_pointer_resolve(doc, 0, azd_str_of(missing[i]), &found), AZD_ENOTFOUND);
  assert_int_equal(found, 77);
  assert_int_equal(azd_pointer_resolve(doc, 0, AZD_STR("/a/1/~01"), &found), 0);
  assert_int_equal(azd_pointer_resolve(doc, 0, AZD_STR("/01"), &found), 0);
}

/* Every node's own pointer leads back to it, from the root and from a part; arrays of scalars, of containers, and of
 * containers that lost doubled members are each addressed in their own way. */
static void every_node_has_a_pointer_that_leads_back(void **state) {
  (void)state;
  must_parse(
      "{\"x\":[[1,2,3],[{\"a/b\":[{}],\"\":{\"~\":null}},[]],[{\"d\":[1],\"d\":[2,[3],4]},{\"e\":1}]],\"y\":[0,1,2]}");
  assert_int_equal(azd_doc_duplicates(doc, NULL), 1);
  struct azd_buf out;
  azd_buf_init(&out, 0);
  for (azd_node root = 0; root < azd_doc_size(doc); root++)
    for (azd_node node = root; node < azd_doc_end(doc, root); node++) {
      azd_node found;
      azd_buf_clear(&out);
      assert_int_equal(azd_pointer_of(doc, root, node, &out), 0);
      assert_int_equal(azd_pointer_resolve(doc, root, azd_buf_str(&out), &found), 0);
      assert_int_equal(found, node);
    }
  azd_buf_free(&out);
}

static void steps_are_escaped_and_read_back(void **state) {
  (void)state;
  struct azd_buf out, token;
  azd_buf_init(&out, 0), azd_buf_init(&token, 0);
  azd_pointer_append_name(&out, AZD_STR("a/~b~1"));
  azd_pointer_append_index(&out, 4294967295u);
  azd_pointer_append_name(&out, AZD_STR(""));
  static const char expected[] = "/a~1~0b~01/4294967295/";
  assert_int_equal(out.size, sizeof expected - 1);
  assert_memory_equal(out.data, expected, out.size);
  struct azd_str rest = azd_buf_str(&out);
  uint32_t index;
  assert_true(azd_pointer_step(&rest, &token));
  assert_true(azd_str_equal(azd_buf_str(&token), AZD_STR("a/~b~1")));
  assert_true(azd_pointer_step(&rest, &token));
  assert_true(azd_pointer_index(azd_buf_str(&token), &index));
  assert_int_equal(index, 4294967295u);
  assert_true(azd_pointer_step(&rest, &token));
  assert_int_equal(token.size, 0);
  assert_false(azd_pointer_step(&rest, &token));
  assert_int_equal(rest.size, 0);
  azd_buf_free(&out), azd_buf_free(&token);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_pointers_of_the_rfc_lead_where_it_says),
      cmocka_unit_test(what_is_no_pointer_is_told_from_what_is_not_there),
      cmocka_unit_test(every_node_has_a_pointer_that_leads_back),
      cmocka_unit_test(steps_are_escaped_and_read_back),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
