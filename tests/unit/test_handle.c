/* Documents as scripts see them: reading, walking, what cannot be done, and what is left of a handle after its call. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "script/sandbox.h"

#include <lauxlib.h>

struct fixture {
  struct azd_sandbox *sandbox;
  struct azd_doc *doc, *other;
};

static const char json[] =
    "{\"name\":\"vm\",\"size\":9007199254740993,\"share\":1.5,\"huge\":1e400,\"on\":true,\"off\":false,\"none\":null,"
    "\"tags\":{\"a\":\"1\",\"b\":null,\"c\":\"3\"},\"list\":[10,null,{\"x\":1},[]],\"empty\":{}}";

/* script arguments: doc, other */
static int run_with_documents(lua_State *L) {
  const char *source = lua_touserdata(L, 1);
  azd_sandbox_load(L, azd_str_of(source), "t.lua");
  lua_pop(L, 1);
  azd_handle_push(L, 0, 0);
  azd_handle_push(L, 1, 0);
  lua_call(L, 2, 1);
  luaL_tolstring(L, -1, NULL);
  return 1;
}

static int open_fixture(void **state) {
  static struct fixture fixture;
  struct azd_sandbox_options options = {.work_max = AZD_SANDBOX_WORK};
  fixture.sandbox = azd_sandbox_new(&options, NULL);
  fixture.doc = azd_doc_new(), fixture.other = azd_doc_new();
  *state = &fixture;
  return azd_doc_parse(fixture.doc, azd_str_of(json), NULL, NULL) ||
         azd_doc_parse(fixture.other, AZD_STR("{\"name\":\"vm\"}"), NULL, NULL);
}

static int close_fixture(void **state) {
  struct fixture *fixture = *state;
  azd_sandbox_free(fixture->sandbox);
  azd_doc_free(fixture->doc), azd_doc_free(fixture->other);
  return 0;
}

static void lend(struct fixture *fixture) {
  azd_lend_document(&fixture->sandbox->lend, 0, fixture->doc);
  azd_lend_document(&fixture->sandbox->lend, 1, fixture->other);
}

static void gives(struct fixture *fixture, const char *body, const char *result) {
  char source[1024];
  snprintf(source, sizeof source, "local doc, other = ... %s", body);
  lend(fixture);
  if (azd_sandbox_run(fixture->sandbox, run_with_documents, source, 1) != 0)
    fail_msg("%s: %s", body, fixture->sandbox->fault.text);
  const char *got = lua_tostring(fixture->sandbox->L, -1);
  if (strcmp(got, result) != 0) fail_msg("%s: %s, not %s", body, got, result);
  lua_settop(fixture->sandbox->L, 0);
  azd_lend_return(&fixture->sandbox->lend);
}

static void raises(struct fixture *fixture, const char *body, const char *says) {
  char source[1024];
  snprintf(source, sizeof source, "local doc, other = ... %s", body);
  lend(fixture);
  assert_int_equal(azd_sandbox_run(fixture->sandbox, run_with_documents, source, 1), AZD_ESCRIPT);
  if (!strstr(fixture->sandbox->fault.text, says)) fail_msg("%s: says %s", body, fixture->sandbox->fault.text);
  azd_lend_return(&fixture->sandbox->lend);
}

static void reads_values_exactly(void **state) {
  gives(*state, "return doc.name", "vm");
  gives(*state, "return math.type(doc.size) .. doc.size", "integer9007199254740993");
  gives(*state, "return math.type(doc.share) .. doc.share", "float1.5");
  gives(*state, "return doc.huge == math.huge", "true");
  gives(*state, "return raw(doc, 'huge') .. raw(doc, 'size') .. raw(doc, 'tags')",
        "1e4009007199254740993{\"a\":\"1\",\"b\":null,\"c\":\"3\"}");
  gives(*state, "return doc.on == true and doc.off == false", "true");
  gives(*state, "return doc.none", "nil");
  gives(*state, "return doc.none.of.these.things", "nil");
  gives(*state, "return doc.name.length", "nil");
  gives(*state, "return doc.list[1] + doc.list[3].x", "11");
  gives(*state, "return doc[1] or doc[{}] or doc[1.5] or doc.list[0] or doc.list[5] or doc.list.x or doc.list[0/0]",
        "nil");
  gives(*state, "return doc.Name", "nil"); /* names are exact */
}

static void equal_places_are_equal(void **state) {
  gives(*state, "return doc.tags == doc.tags", "true");
  gives(*state, "return doc.tags == doc.list or doc == other", "false");
  gives(*state, "local t = { [doc.tags] = 7 } return t[doc.tags]", "7");
}

static void walks_like_a_table(void **state) {
  gives(*state, "local s = '' for k, v in pairs(doc.tags) do s = s .. k .. tostring(v) end return s", "a1bnilc3");
  gives(*state, "local s = '' for i, v in ipairs(doc.list) do s = s .. i .. type(v) end return s",
        "1number2nil3table4table");
  gives(*state, "local s = '' for i, v in pairs(doc.list) do s = s .. i .. type(v) end return s",
        "1number2nil3table4table");
  gives(*state, "local s = '' for i = 1, #doc.list do s = s .. type(doc.list[i]) end return s", "numberniltabletable");
  gives(*state,
        "local n = 0 for _ in pairs(doc.empty) do n = n + 1 end for _ in ipairs(doc.tags) do n = n + 1 end return n .. "
        "#doc.tags",
        "03");
  gives(*state,
        "local k, v = next(doc.tags) k = next(doc.tags, k) return k .. tostring(next(doc.tags, 'c')) .. "
        "tostring(next(doc.empty))",
        "bnilnil");
  gives(*state, "local i = next(doc.list) i = next(doc.list, i) return i .. tostring(next(doc.list, 4))", "2nil");
  gives(*state, "return type(doc) .. type(doc.tags) .. tostring(doc)", "tabletabletable");
  gives(*state, "return table.concat(keys(doc.tags))", "abc");
  gives(*state, "return find(doc.list, 'x', 1).x", "1");
  gives(*state, "return contains(doc.list, 10)", "true");
}

static void is_read_only_and_has_no_order(void **state) {
  raises(*state, "doc.name = 1", "documents are read-only");
  raises(*state, "table.insert(doc.list, 1)", "documents are read-only");
  raises(*state, "return doc < other", "a document has no order");
  raises(*state, "return doc.nothing < 3", "attempt to compare nil with number");
  raises(*state, "return doc .. 'x'", "attempt to concatenate a userdata value");
  raises(*state, "return doc()", "attempt to call a userdata value");
  raises(*state, "return doc + 1", "arithmetic on a userdata value");
  raises(*state, "return next(doc.tags, 'zz')", "no such key");
  raises(*state, "local f = ipairs(doc.list) return f(42, 1)", "list expected");
  raises(*state, "local f = ipairs(doc.list) return f(doc.list, 'x')", "number expected");
  raises(*state, "for _ in ipairs('text') do end", "list expected");
}

static int
keep_then_use(lua_State *L) { /* use: keeps doc.tags, gives everything back, lends again, uses what was kept */
  const char *use = lua_touserdata(L, 1);
  struct azd_lend *lend = &azd_sandbox_of(L)->lend;
  const struct azd_doc *doc = lend->docs[0];
  lua_pushfstring(L, "local doc = ... local kept, step = doc.tags, pairs(doc.tags) return function(fresh) %s end", use);
  const char *source = lua_tostring(L, -1);
  azd_sandbox_load(L, azd_str_of(source), "t.lua");
  lua_pop(L, 1);
  azd_handle_push(L, 0, 0);
  lua_call(L, 1, 1);
  azd_lend_return(lend);
  azd_lend_document(lend, 0, doc);
  azd_handle_push(L, 0, 0);
  lua_call(L, 1, 1);
  return 1;
}

static void a_kept_handle_raises_however_it_is_used(void **state) {
  struct fixture *fixture = *state;
  static const char *const uses[] = {
      "return kept.a",         "return #kept",        "for _ in pairs(kept) do end", "for _ in ipairs(kept) do end",
      "return next(kept)",     "return has(kept, 1)", "return keys(kept)",           "return contains(kept, 1)",
      "return raw(kept, 'a')", "return step()",       "return find(kept, 'a', 1)",   "return is_null(kept, 'a')"};
  for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
    lend(fixture);
    if (azd_sandbox_run(fixture->sandbox, keep_then_use, (void *)uses[i], 1) == 0) fail_msg("%s: went well", uses[i]);
    if (!strstr(fixture->sandbox->fault.text, "it lives for one call"))
      fail_msg("%s: %s", uses[i], fixture->sandbox->fault.text);
    azd_lend_return(&fixture->sandbox->lend);
  }
  lend(fixture);
  assert_int_equal(azd_sandbox_run(fixture->sandbox, keep_then_use, "return kept ~= fresh.tags and fresh.tags.a", 1),
                   0);
  assert_string_equal(lua_tostring(fixture->sandbox->L, -1), "1");
  lua_settop(fixture->sandbox->L, 0);
  azd_lend_return(&fixture->sandbox->lend);
}

/* After 2^24 calls the epoch is the same again: such a handle reads some place of what is lent now, or raises; never
 * beyond it. */
static void an_epoch_that_wrapped_stays_inside(void **state) {
  struct fixture *fixture = *state;
  lua_State *L = fixture->sandbox->L;
  lend(fixture);
  azd_handle_push(L, 0, azd_doc_size(fixture->doc) - 1); /* a place that the small document does not have */
  uint32_t epoch = fixture->sandbox->lend.epoch;
  azd_lend_return(&fixture->sandbox->lend);
  fixture->sandbox->lend.epoch = epoch + (1u << 24);
  azd_lend_document(&fixture->sandbox->lend, 0, fixture->other);
  lua_pushcfunction(L, azd_native_pairs);
  lua_insert(L, 1);
  assert_int_equal(azd_sandbox_call(fixture->sandbox, 1, 1), AZD_ESCRIPT);
  assert_non_null(strstr(fixture->sandbox->fault.text, "it lives for one call"));
  azd_lend_return(&fixture->sandbox->lend);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(reads_values_exactly, open_fixture, close_fixture),
      cmocka_unit_test_setup_teardown(equal_places_are_equal, open_fixture, close_fixture),
      cmocka_unit_test_setup_teardown(walks_like_a_table, open_fixture, close_fixture),
      cmocka_unit_test_setup_teardown(is_read_only_and_has_no_order, open_fixture, close_fixture),
      cmocka_unit_test_setup_teardown(a_kept_handle_raises_however_it_is_used, open_fixture, close_fixture),
      cmocka_unit_test_setup_teardown(an_epoch_that_wrapped_stays_inside, open_fixture, close_fixture),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
