/* The counted patterns find what Lua's own library finds, and give up where that one would not come back. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "script/pattern.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

static void no_stop(lua_State *L) {
  luaL_error(L, "stop was never set");
}
static volatile sig_atomic_t stop;
static const struct azd_pattern_limits limits = {&stop, 200000, no_stop, NULL};

/* Random texts and patterns of a small alphabet, so that they often match; both libraries must agree on values and on
 * whether it is an error. A budget that ran out is no disagreement. Returns comparisons, errors, differences and the
 * first difference. */
static const char differential[] =
    "local counted, rounds, seed = ...\n"
    "math.randomseed(seed)\n"
    "local pieces = { 'a', 'b', 'a', '%a', '%D', '%z', '.', '*', '+', '-', '?', '(', ')', '()', '[', ']', '^', '$', "
    "'%', "
    "'%b()', '%b',\n"
    "  '%f[%w]', '%f', '%1', '%2', '[^a]', '[a-c]', '[%s1]', '%s', '1', ' ', '[]]', '[^]-]', '%%', '\\0', '[a-', '-]' "
    "}\n"
    "local letters = { 'a', 'b', 'a', '1', ' ', '(', ')', 'b', '\\0', '%', ']', '-' }\n"
    "local function random_of(set, most)\n"
    "  local out = {}\n"
    "  for i = 1, math.random(0, most) do out[i] = set[math.random(#set)] end\n"
    "  return table.concat(out)\n"
    "end\n"
    "local function all_of(gmatch)\n"
    "  return function(...)\n"
    "    local seen = {}\n"
    "    for x, y in gmatch(...) do seen[#seen + 1] = tostring(x) .. ',' .. tostring(y) end\n"
    "    return table.concat(seen, ';')\n"
    "  end\n"
    "end\n"
    "local stock = { find = string.find, match = string.match, gsub = string.gsub, all = all_of(string.gmatch) }\n"
    "local ours = { find = counted.find, match = counted.match, gsub = counted.gsub, all = all_of(counted.gmatch) }\n"
    "local compared, errors, differ, first = 0, 0, 0, ''\n"
    "local function compare(name, ...)\n"
    "  local x, y = table.pack(pcall(stock[name], ...)), table.pack(pcall(ours[name], ...))\n"
    "  local same = x[1] == y[1] and (not x[1] or x.n == y.n)\n"
    "  for i = 2, same and x[1] and x.n or 0 do same = same and x[i] == y[i] end\n"
    "  compared = compared + 1\n"
    "  if not x[1] then errors = errors + 1 end\n"
    "  if same or not y[1] and y[2]:find('gave up after', 1, true) then return end\n"
    "  differ = differ + 1\n"
    "  if differ == 1 then first = ('%s(%q, %q, %s): %s %s, not %s %s'):format(name, (...), (select(2, ...)), "
    "tostring((select(3, ...))),\n"
    "    tostring(y[1]), tostring(y[2]), tostring(x[1]), tostring(x[2])) end\n"
    "end\n"
    "local words = { ['1'] = 'one', a = 'A', [''] = 'e' }\n"
    "for i = 1, rounds do\n"
    "  local text, pattern, init = random_of(letters, 10), random_of(pieces, 7), math.random(-12, 12)\n"
    "  compare('find', text, pattern, init)\n"
    "  compare('match', text, pattern, init)\n"
    "  compare('gsub', text, pattern, random_of({ 'x', '%0', '%1', '%%', 'y', '%' }, 3), math.random(0, 4))\n"
    "  compare('gsub', text, pattern, i % 2 == 0 and words or function(x) return x ~= 'a' and x end)\n"
    "  compare('all', text, pattern, init)\n"
    "  compare('find', text, pattern, init, true)\n"
    "end\n"
    "return compared, errors, differ, first\n";

static lua_State *open_both(void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_newtable(L);
  azd_pattern_open(L, &limits); /* counted */
  return L;
}

static void run_differential(lua_Integer rounds, lua_Integer seed) {
  lua_State *L = open_both();
  assert_int_equal(luaL_loadstring(L, differential), LUA_OK);
  lua_insert(L, 1); /* chunk counted */
  lua_pushinteger(L, rounds);
  lua_pushinteger(L, seed);
  if (lua_pcall(L, 3, 4, 0) != LUA_OK) fail_msg("%s", lua_tostring(L, -1));
  if (lua_tointeger(L, 3) != 0) fail_msg("%d differences, the first: %s", (int)lua_tointeger(L, 3), lua_tostring(L, 4));
  assert_int_equal(lua_tointeger(L, 1), rounds * 6);
  assert_true(lua_tointeger(L, 2) > rounds / 2); /* malformed patterns are compared as well */
  lua_close(L);
}

static void finds_what_the_stock_library_finds(void **state) {
  (void)state;
  for (int seed = 1; seed <= 4; seed++) run_differential(25000, seed);
}

/* Whether the call raises, and its message says why. */
static void assert_gives_up(const char *expression) {
  lua_State *L = open_both();
  lua_setglobal(L, "counted");
  lua_pushfstring(L, "return %s", expression);
  assert_int_equal(luaL_loadstring(L, lua_tostring(L, -1)), LUA_OK);
  assert_int_equal(lua_pcall(L, 0, 0, 0), LUA_ERRRUN);
  assert_non_null(strstr(lua_tostring(L, -1), "gave up after 200000 steps"));
  lua_close(L);
}

static void gives_up_where_backtracking_explodes(void **state) {
  (void)state;
  assert_gives_up("counted.find(('a'):rep(400), 'a*a*a*a*b')");
  assert_gives_up("counted.find(('a'):rep(3000), '.-.-.-.-x')");
  assert_gives_up("counted.match((' '):rep(300000) .. 'x', '^(.-)%s*$')");
  assert_gives_up("counted.gsub(('a'):rep(500), '(a*)(a*)(a*)(a*)b', '')");
  assert_gives_up("counted.find(('a'):rep(4000), '(a*)(a*)%1%2b')");
  assert_gives_up("counted.find(('('):rep(200000), '%b()')");
  assert_gives_up("counted.find(('a'):rep(90000), '[^' .. ('b'):rep(400) .. ']-z')");
  assert_gives_up("counted.gmatch(('a'):rep(500), 'a*a*a*a*b')()");
}

static void plain_find_is_linear(void **state) {
  (void)state;
  lua_State *L = open_both();
  lua_setglobal(L, "counted");
  assert_int_equal(luaL_dostring(L, "local s = ('a'):rep(4000000)\n"
                                    "assert(not counted.find(s, ('a'):rep(511) .. 'b', 1, true))\n"
                                    "assert(counted.find(s .. 'b', ('a'):rep(511) .. 'b', 1, true) == 4000000 - 510)"),
                   0);
  assert_int_equal(luaL_dostring(L, "counted.find('', ('a'):rep(513), 1, true)"), 1);
  assert_non_null(strstr(lua_tostring(L, -1), "pattern longer than 512 bytes"));
  lua_close(L);
}

static void says_stopped(lua_State *L) {
  luaL_error(L, "told to stop");
}

static void a_stop_ends_a_match(void **state) {
  (void)state;
  static volatile sig_atomic_t set = 1;
  static const struct azd_pattern_limits stopped = {&set, 1000000, says_stopped, NULL};
  lua_State *L = luaL_newstate();
  lua_newtable(L);
  azd_pattern_open(L, &stopped);
  lua_getfield(L, -1, "match");
  lua_pushliteral(L, "aaa");
  lua_pushliteral(L, "a+");
  assert_int_equal(lua_pcall(L, 2, 1, 0), LUA_ERRRUN);
  assert_string_equal(lua_tostring(L, -1), "told to stop");
  lua_close(L);
}

int main(int argc, char **argv) {
  if (argc == 3) { /* test_pattern ROUNDS SEED: the long loop */
    run_differential(atoll(argv[1]), atoll(argv[2]));
    return 0;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_what_the_stock_library_finds),
      cmocka_unit_test(gives_up_where_backtracking_explodes),
      cmocka_unit_test(plain_find_is_linear),
      cmocka_unit_test(a_stop_ends_a_match),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
