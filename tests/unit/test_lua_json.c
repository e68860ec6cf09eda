/* The module as scripts use it: each case is a piece of Lua that asserts. A state of its own, with libraries. */
/* cmocka.h wants the others first. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "bind/bindings.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

static void run(const char *script) {
  static const char prelude[] =
      "local json = require 'azdrift.json'\n"
      "local function raises(pattern, f, ...)\n"
      "  local ok, message = pcall(f, ...)\n"
      "  assert(not ok and string.find(message, pattern), tostring(message))\n"
      "end\n"
      "local function same(a, b) if a ~= b then error(tostring(a)..' is not '..tostring(b), 2) end end\n";
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  azd_bindings_register(L);
  char *text = malloc(sizeof prelude + strlen(script));
  strcpy(text, prelude), strcat(text, script);
  int failed = luaL_loadbufferx(L, text, strlen(text), "=script", "t") || lua_pcall(L, 0, 0, 0);
  if (failed) print_error("%s\n", lua_tostring(L, -1));
  free(text);
  lua_close(L);
  assert_false(failed);
}

static void documents_read_like_tables(void **state) {
  (void)state;
  run("local d = "
      "assert(json.parse('{\"a\":{\"b\":[1,2.5,null,\"x\",{\"c\":true}]},\"n\":null,\"big\":9007199254740993,\"f\":"
      "false}'))\n"
      "same(d.a.b[1], 1) same(math.type(d.a.b[1]), 'integer') same(d.a.b[2], 2.5) same(d.a.b[3], nil) same(d.a.b[4], "
      "'x')\n"
      "same(d.a.b[5].c, true) same(d.f, false) same(d.big, 9007199254740993) same(d.n, nil) same(d.nope, nil)\n"
      "same(#d, 4) same(#d.a.b, 5) same(d.a.b[0], nil) same(d.a.b[6], nil) same(d.a.b[1.5], nil) same(d[{}], nil) "
      "same(d.a.b.x, nil)\n"
      "same(d.a, d.a) assert(d.a ~= d.a.b) assert(d.a ~= json.parse('{}'))\n"
      "assert(json.has(d, 'n') and json.is_null(d, 'n') and not json.has(d, 'x') and not json.is_null(d, 'x') and not "
      "json.is_null(d, 'a'))\n"
      "same(tostring(d), 'JSON object of 4') same(tostring(d.a.b), 'JSON array of 5')\n"
      "same(json.kind(d), 'object') same(json.kind(d.a.b), 'array') same(json.kind(5), nil) same(json.kind({}), nil)\n"
      "raises('read%-only', function() d.x = 1 end)\n");
}

static void numbers_keep_their_digits(void **state) {
  (void)state;
  run("local d = json.parse('[1.0,12345678901234567890123,1e2,-0,0.1,9223372036854775807,-9223372036854775808]')\n"
      "same(math.type(d[1]), 'float') same(d[2], 12345678901234567890123.0) same(d[3], 100.0) same(d[4], 0) same(d[5], "
      "0.1)\n"
      "same(d[6], math.maxinteger) same(d[7], math.mininteger)\n"
      "same(json.raw(d, 2), '12345678901234567890123') same(json.raw(d, 3), '1e2') same(json.raw(d, 99), nil)\n"
      "same(json.canonical(d), '[1,12345678901234567890123,100,0,0.1,9223372036854775807,-9223372036854775808]')\n"
      "same(json.encode(json.decode('[90000,90000.5,9007199254740993]')), '[90000,90000.5,9007199254740993]')\n");
}

static void pairs_goes_over_nulls_in_the_order_of_the_text(void **state) {
  (void)state;
  run("local d, seen = json.parse('{\"z\":1,\"a\":null,\"m\":[5,null,7]}'), {}\n"
      "for k, v in pairs(d) do seen[#seen + 1] = k..'='..(type(v) == 'userdata' and 'view' or tostring(v)) end\n"
      "same(table.concat(seen, ' '), 'z=1 a=nil m=view')\n"
      "seen = {} for i, v in pairs(d.m) do seen[#seen + 1] = i..'='..tostring(v) end same(table.concat(seen, ' '), "
      "'1=5 2=nil 3=7')\n"
      "seen = {} for i, v in ipairs(json.parse('[4,5]')) do seen[i] = v end same(#seen, 2) same(seen[2], 5)\n"
      "for _ in pairs(json.parse('{}')) do error('empty') end\n");
}

static void pointers_work_from_any_view(void **state) {
  (void)state;
  run("local d = json.parse('{\"a\":{\"b\":[10,20]},\"x\":{\"pointer\":\"mine\"}}')\n"
      "same(d:pointer('/a/b/1'), 20) same(d:pointer('/a/nope/x'), nil) same(d:pointer(''), d) same(json.pointer(d.a, "
      "'/b/0'), 10)\n"
      "raises('JSON pointer expected', d.pointer, d, 'a/b')\n"
      "same(d.x.pointer, 'mine') same(d.a.pointer, nil)\n"
      "same(json.parse('{\"pointer\":1}').pointer, 1) same(json.parse('5'):pointer(''), 5)\n");
}

static void a_view_keeps_its_document_alive_until_it_is_closed(void **state) {
  (void)state;
  run("local function deep() local d = json.parse('{\"a\":{\"b\":\"'..string.rep('x', 1000)..'\"}}') return d.a end\n"
      "local a = deep() collectgarbage() collectgarbage()\n"
      "same(#a.b, 1000)\n"
      "json.close(a) json.close(a)\n"
      "raises('closed', function() return a.b end) raises('closed', function() return #a end)\n"
      "raises('closed', json.canonical, a) raises('closed', function() for _ in pairs(a) do end end)\n"
      "local d = json.parse('[1,2,3]') local step = pairs(d) step() json.close(d) raises('closed', step)\n");
}

/* A finalizer that runs while the state closes may hold a view of a document whose own finalizer ran before. */
static void a_view_in_a_late_finalizer_meets_no_freed_memory(void **state) {
  (void)state;
  run("late = setmetatable({}, { __gc = function(self) local ok, e = pcall(function() return self.view.a end) end })\n"
      "late.view = json.parse('{\"a\":{\"b\":1}}').a\n");
}

static void failures_say_where_and_wrong_use_raises(void **state) {
  (void)state;
  run("local d, message, code = json.parse('{\"a\":}') same(d, nil) same(code, 'parse') assert(message:find('line 1, "
      "column 6'))\n"
      "d, message, code = json.parse('[[[1]]]', { max_depth = 2 }) same(d, nil) same(code, 'limit')\n"
      "d, message, code = json.parse('[1,2,3]', { max_bytes = 3 }) same(code, 'limit')\n"
      "d, message, code = json.decode(string.rep('[', 100)..string.rep(']', 100)) same(code, 'limit')\n"
      "d, message, code = json.decode('nope') same(d, nil) same(code, 'parse')\n"
      "raises('string expected', json.parse, {}) raises('max_depth', json.parse, '1', { max_depth = 0 })\n"
      "raises('max_depth', json.decode, '1', { max_depth = 100000 }) raises('view', json.has, {}, 'x')\n"
      "raises('table expected', json.parse, '1', 5)\n");
}

static void canonical_bytes_and_hashes(void **state) {
  (void)state;
  run("same(json.canonical(json.parse('{\"b\":1.0,\"a\":[ ]}')), '{\"a\":[],\"b\":1}')\n"
      "same(json.canonical(json.parse('{\"x\":{\"b\":1,\"a\":2}}').x), '{\"a\":2,\"b\":1}')\n"
      "same(json.canonical({ b = 1, a = { 1, 2.5, 'x' } }), '{\"a\":[1,2.5,\"x\"],\"b\":1}')\n"
      "same(json.sha256('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')\n"
      "same(json.write(json.parse('{\"b\":1.0,\"a\":[ ]}')), '{\"b\":1.0,\"a\":[]}')\n"
      "same(json.write(json.parse('[1]'), 2), '[\\n  1\\n]')\n"
      "assert(json.equal(json.parse('{\"a\":1,\"b\":2}'), json.parse('{\"b\":2.0,\"a\":1}')))\n"
      "assert(not json.equal(json.parse('{\"a\":1}'), json.parse('{\"a\":2}')))\n"
      "same(json.member(json.parse('{\"Location\":\"weu\"}'), 'location'), 'weu')\n"
      "local n, name = json.duplicates(json.parse('{\"a\":1,\"a\":2}')) same(n, 1) same(name, 'a')\n"
      "same(json.duplicates(json.parse('{}')), 0)\n");
}

static void encode_writes_tables_or_says_why_not(void **state) {
  (void)state;
  run("same(json.encode({}), '{}') same(json.encode(json.array()), '[]') same(json.encode(json.array({ 1 })), '[1]')\n"
      "same(json.encode({ 1, json.null, { x = json.array{} } }), '[1,null,{\"x\":[]}]') same(json.encode(nil), "
      "'null')\n"
      "same(json.encode('\\0\\n\\\"\\u{20ac}'), '\"\\\\u0000\\\\n\\\\\"\\u{20ac}\"') same(json.encode(0.1), '0.1') "
      "same(json.encode(1e21), '1e+21')\n"
      "same(json.encode(math.mininteger), '-9223372036854775808') same(json.encode(2.0), '2')\n"
      "same(json.encode({ z = 1, a = 2, m = 3 }), '{\"a\":2,\"m\":3,\"z\":1}')\n"
      "same(json.encode({ old = json.parse('{\"b\":12345678901234567890123,\"a\":1}') }), "
      "'{\"old\":{\"a\":1,\"b\":12345678901234567890123}}')\n"
      "raises('holes', json.encode, json.array({ [1] = 1, [3] = 3 })) raises('neither', json.encode, { 1, 2, x = 3 })\n"
      "raises('name of a member', json.encode, { [true] = 1 }) raises('function', json.encode, { f = print })\n"
      "raises('no number', json.encode, 1/0) raises('no number', json.encode, 0/0) raises('UTF%-8', json.encode, "
      "'\\xff')\n"
      "local t = {} t.t = t raises('circle', json.encode, t) raises('limit of 10 bytes', json.encode, "
      "'aaaaaaaaaaaaaaa', { max_bytes = 10 })\n"
      "raises('thread', json.encode, { coroutine.create(print) }) raises('userdata', json.encode, io.stdout)\n"
      "local deep = {} for _ = 1, 100 do deep = { deep } end raises('deeper', json.encode, deep)\n"
      "same(#json.encode(deep, { max_depth = 120 }), 202)\n"
      "raises('limit of', json.encode, string.rep('x', 2000000))\n");
}

static void decode_gives_tables_that_encode_gives_back(void **state) {
  (void)state;
  run("local text = '{\"a\":[],\"b\":{},\"c\":[1,null,\"x\"],\"e\":1.5}'\n"
      "local t = json.decode(text) same(json.encode(t), text) same(t.c[2], json.null) same(#t.c, 3)\n"
      "same(json.decode('{\"a\":null}').a, nil) same(next(json.decode('{\"a\":null}')), nil) same(json.decode('null'), "
      "nil)\n"
      "same(json.decode('\"x\"'), 'x') t.c[4] = 4 same(#json.decode(json.encode(t)).c, 4)\n");
}

/* Every allocation of a script fails once: an error, never a crash, and nothing leaks (ASan looks). */
struct meter {
  size_t left;
};

static void *failing_alloc(void *context, void *block, size_t old_size, size_t new_size) {
  struct meter *meter = context;
  if (!new_size) {
    free(block);
    return NULL;
  }
  if (new_size > old_size || !block) {
    if (!meter->left) return NULL;
    meter->left--;
  }
  return realloc(block, new_size);
}

static int protected_script(lua_State *L) {
  luaL_requiref(L, "azdrift.json", azd_open_json, 0);
  lua_setglobal(L, "json");
  static const char script[] =
      "local d = json.parse('{\"a\":{\"b\":[1,2,{\"c\":\"d\"}]}}') local x = d.a.b[3].c .. json.canonical(d)\n"
      "x = json.encode(json.decode('{\"k\":[1,{}]}')) local n = 0 for k, v in pairs(d.a.b) do n = n + k end return "
      "d:pointer('/a')";
  if (luaL_loadstring(L, script)) return lua_error(L);
  lua_call(L, 0, 1);
  return 0;
}

static void running_out_of_memory_anywhere_is_an_error_and_no_leak(void **state) {
  (void)state;
  int failures = 0, success = 0;
  for (size_t allowed = 1; allowed < 2000 && !success; allowed++) {
    struct meter meter = {SIZE_MAX};
    lua_State *L = lua_newstate(failing_alloc, &meter);
    luaL_requiref(L, "_G", luaopen_base, 1);
    lua_settop(L, 0);
    meter.left = allowed;
    lua_pushcfunction(L, protected_script);
    int status = lua_pcall(L, 0, 0, 0);
    if (status == LUA_OK)
      success++;
    else
      assert_int_equal(status, LUA_ERRMEM), failures++;
    meter.left = SIZE_MAX;
    lua_close(L);
  }
  assert_int_equal(success, 1);
  assert_true(failures > 20);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(documents_read_like_tables),
      cmocka_unit_test(numbers_keep_their_digits),
      cmocka_unit_test(pairs_goes_over_nulls_in_the_order_of_the_text),
      cmocka_unit_test(pointers_work_from_any_view),
      cmocka_unit_test(a_view_keeps_its_document_alive_until_it_is_closed),
      cmocka_unit_test(a_view_in_a_late_finalizer_meets_no_freed_memory),
      cmocka_unit_test(failures_say_where_and_wrong_use_raises),
      cmocka_unit_test(canonical_bytes_and_hashes),
      cmocka_unit_test(encode_writes_tables_or_says_why_not),
      cmocka_unit_test(decode_gives_tables_that_encode_gives_back),
      cmocka_unit_test(running_out_of_memory_anywhere_is_an_error_and_no_leak),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
