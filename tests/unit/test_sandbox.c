/* Attacks on a policy state. Each is refused or stopped, with the file and line that did it and the limit it met; none
 * hangs, crashes or shows an address; and the worker evaluates the next script as if nothing had been. Each runs under
 * the deadline of production and under the counted work of proving. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "base/buf.h"
#include "base/clock.h"
#include "script/sandbox.h"

#include <lauxlib.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Under ASan our own C is some ten times slower, and an attack that is refused must be refused before it is late. */
#ifdef __SANITIZE_ADDRESS__
enum { BUDGET_MS = 600 };
#else
enum { BUDGET_MS = 50 };
#endif

enum outcome {
  RETURNS, /* harmless: gives what `says` is, as tostring writes it ("" is anything) */
  RAISES,  /* an error that contains `says` */
  TIME,    /* stopped by the deadline, or by the work when that counts */
  MEMORY,  /* stopped by memory */
  SPENT,   /* stopped by any of them: which is first depends on the machine */
  FAILS,   /* an error or a stop */
};

struct attack {
  const char *name, *source;
  enum outcome outcome;
  const char *says;
  int line; /* of the culprit; 0: anywhere in the file */
};

static const struct attack attacks[] = {
    /* loops */
    {"while", "local x = 1\nwhile true do end", TIME, "", 2},
    {"goto", "::again:: goto again", TIME, "", 1},
    {"tail call", "local function f() return f() end\nf()", TIME, "", 1},
    {"for near the largest integer", "for i = math.mininteger, math.maxinteger do end", TIME, "", 1},
    {"for to infinity", "for i = 1, math.huge do end", TIME, "", 1},
    {"repeat", "repeat until false", TIME, "", 1},
    {"deep recursion", "local function f() return 1 + f() end\nreturn f()", MEMORY, "", 1},
    {"mutual recursion through sort", "local function f() table.sort({ 1, 2, 3 }, f) end f()", RAISES, "", 0},
    /* swallowing the stop: the names for it do not exist */
    {"pcall", "while true do pcall(function() while true do end end) end", RAISES, "unknown name 'pcall'", 1},
    {"pcall of pcall", "local function f() while true do end end pcall(pcall, pcall, f)", RAISES,
     "unknown name 'pcall'", 1},
    {"xpcall", "xpcall(function() while true do end end, function() while true do end end)", RAISES,
     "unknown name 'xpcall'", 1},
    {"coroutine", "coroutine.wrap(function() while true do end end)()", RAISES, "unknown name 'coroutine'", 1},
    {"coroutine bomb", "local function go() coroutine.wrap(go)() end\ngo()", RAISES, "unknown name 'coroutine'", 1},
    {"coroutine.close chain", "local c = coroutine.create(function() end) coroutine.close(c)", RAISES, "unknown name",
     1},
    {"finalizer", "setmetatable({}, { __gc = function() while true do end end })", RAISES,
     "unknown name 'setmetatable'", 1},
    {"finalizer that allocates",
     "setmetatable({}, { __gc = function() local s = 'x' while true do s = s .. s end end })", RAISES,
     "unknown name 'setmetatable'", 1},
    {"__close", "do local x <close> = setmetatable({}, { __close = function() while true do end end }) end", RAISES,
     "unknown name 'setmetatable'", 1},
    {"to-be-closed without metatable", "local x <close> = {}", RAISES, "non-closable value", 1},
    {"error with __tostring", "error(setmetatable({}, { __tostring = function() while true do end end }))", RAISES,
     "setmetatable", 1},
    {"error with __name", "error(setmetatable({}, { __name = ('x'):rep(1e6) }))", RAISES, "setmetatable", 1},
    {"__concat that grows the stack", "local t = setmetatable({}, { __concat = function() end }) return 'a' .. t",
     RAISES, "setmetatable", 1},
    {"__index to itself", "local t = {} setmetatable(t, { __index = t }) return t.x", RAISES, "setmetatable", 1},
    {"rawset", "return rawset({}, 1, 1)", RAISES, "unknown name 'rawset'", 1},
    {"rawget of a string", "return rawget('', 1)", RAISES, "unknown name 'rawget'", 1},
    {"getmetatable of a string", "return getmetatable('').__index.rep", RAISES, "unknown name 'getmetatable'", 1},
    {"breaking strings", "getmetatable('').__index = nil", RAISES, "unknown name 'getmetatable'", 1},
    {"collectgarbage", "collectgarbage('stop') local t = {} while true do t[#t + 1] = {} end", RAISES,
     "unknown name 'collectgarbage'", 1},
    /* reaching out */
    {"_G", "return _G.os", RAISES, "unknown name '_G'", 1},
    {"os", "return os.execute('id')", RAISES, "unknown name 'os'", 1},
    {"io", "return io.open('/etc/passwd')", RAISES, "unknown name 'io'", 1},
    {"debug", "return debug.getregistry()", RAISES, "unknown name 'debug'", 1},
    {"load", "return load('return 1')()", RAISES, "unknown name 'load'", 1},
    {"dofile", "dofile('/etc/passwd')", RAISES, "unknown name 'dofile'", 1},
    {"require", "return require('os')", RAISES, "unknown name 'require'", 1},
    {"package", "return package.loadlib('x', '*')", RAISES, "unknown name 'package'", 1},
    {"print", "print('x')", RAISES, "unknown name 'print'", 1},
    {"string.dump", "return string.dump(function() end)", RAISES, "attempt to call a nil value", 1},
    {"_ENV <const>", "local _ENV <const> = nil\nreturn x", RETURNS, "nil", 0},
    {"_ENV of one's own", "local _ENV = {} return os", RETURNS, "nil", 0},
    {"writing the environment", "ipairs = nil pairs = nil tostring = nil x = 1 return x", RETURNS, "1", 0},
    {"writing string", "string.lower = function() return 'evil' end return ('A'):lower()", RETURNS, "a", 0},
    {"writing a string", "('x').lower = 1", RAISES, "attempt to index a string value", 1},
    {"math.random", "return math.random()", RAISES, "attempt to call a nil value", 1},
    /* addresses */
    {"%p", "return string.format('%p', {})", RAISES, "only d i u x X c g G e E f s q may follow", 1},
    {"%s of a table", "return string.format('%s', {})", RAISES, "a table has no text", 1},
    {"tostring of a table", "return tostring({})", RETURNS, "table", 0},
    {"tostring of a function", "return tostring(ipairs)", RETURNS, "function", 0},
    {"concat of a table", "return table.concat({ {} })", RAISES, "invalid value (table) at index 1", 1},
    /* memory */
    {"doubling a string", "local s = 'x'\nwhile true do s = s .. s end", MEMORY, "", 2},
    {"tables in tables", "local t = {} while true do t = { t } end", SPENT, "", 1},
    {"a long array", "local t = {}\nfor i = 1, 1e9 do t[i] = i end", SPENT, "", 2},
    {"a wide hash", "local t = {} for i = 1, 1e9 do t[i .. ''] = i end", SPENT, "", 1},
    {"closures", "local t = {} for i = 1, 1e9 do t[i] = function() return i end end", SPENT, "", 1},
    {"gsub that doubles", "local s = 'aa' while true do s = s:gsub('a', '%0%0%0%0%0%0%0%0') end", RAISES, "gave up", 1},
    /* string */
    {"rep", "return ('x'):rep(1e9)", RAISES, "result longer than 1 MiB", 1},
    {"rep of nothing", "return (''):rep(1 << 62)", RETURNS, "", 0},
    {"rep of nothing with nothing between", "return string.rep('', 1 << 62, '')", RETURNS, "", 0},
    {"rep with something between", "return string.rep('', 1 << 62, 'x')", RAISES, "result longer than 1 MiB", 1},
    {"format width", "return string.format('%99999d', 1)", RAISES, "invalid conversion", 1},
    {"format of many", "local s = ('%s'):rep(200000)\nreturn string.format(s, 1)", RAISES,
     "format longer than 4096 bytes", 2},
    {"format with a percent at the end", "return string.format('%')", RAISES, "may follow", 1},
    {"pack", "return string.pack('c2000000000', '')", RAISES, "attempt to call a nil value", 1},
    {"packsize", "return string.packsize(('c2147483647'):rep(3))", RAISES, "attempt to call a nil value", 1},
    {"unpack", "return string.unpack('s8', '\\255\\255\\255\\255\\255\\255\\255\\127')", RAISES,
     "attempt to call a nil value", 1},
    {"byte of everything", "return ('x'):rep(1000):byte(1, -1)", RAISES, "more than 200 values", 1},
    {"byte to the largest integer", "return ('x'):byte(math.mininteger, math.maxinteger)", RAISES,
     "more than 200 values", 1},
    {"utf8", "return utf8.char(1)", RAISES, "unknown name 'utf8'", 1},
    {"a long number", "return tonumber(('1'):rep(1e6))", RETURNS, "", 0},
    {"a long number of another base", "return tonumber(('f'):rep(1e6), 16)", RETURNS, "", 0},
    {"comparing zero bytes", "return ('a\\0b') < ('a\\0' .. ('c'):rep(1000))", RETURNS, "true", 0},
    {"arithmetic on text", "return '10' + 1", RETURNS, "11", 0},
    {"arithmetic on long text", "local s = ('x'):rep(1e6) return s + 1", RAISES, "attempt to add", 1},
    {"indexing by a long key", "local s, t = ('x'):rep(1e6) return t[s]", RETURNS, "nil", 0},
    /* patterns */
    {"backtracking stars", "return ('a'):rep(400):find('a*a*a*a*b')", RAISES, "gave up after 1000000 steps", 1},
    {"backtracking dashes", "return ('a'):rep(3000):find('.-.-.-.-x')", RAISES, "gave up", 1},
    {"trim of spaces", "local s = (' '):rep(800000)\nreturn (s .. 'x' .. s):match('^(.-)%s*$')", RAISES, "gave up", 2},
    {"gsub that backtracks", "return ('a'):rep(500):gsub('(a*)(a*)(a*)(a*)b', '')", RAISES, "gave up", 1},
    {"gmatch that backtracks", "for x in ('a'):rep(500):gmatch('a*a*a*a*b') do end", RAISES, "gave up", 1},
    {"back references", "return ('a'):rep(4000):find('(a*)(a*)%1%2b')", RAISES, "gave up", 1},
    {"nested balance", "return ('('):rep(200000):find('%b()')", RAISES, "gave up", 1},
    {"long plain find", "local s = ('a'):rep(900000) return s:find(('a'):rep(450000) .. 'b', 1, true)", RAISES,
     "pattern longer than 512", 1},
    {"huge set", "return ('a'):rep(900000):find('[^' .. ('b'):rep(400) .. ']-z')", RAISES, "gave up", 1},
    {"pattern that nests", "return ('a'):rep(300):find(('a?'):rep(250) .. ('a'):rep(3))", RAISES, "pattern too complex",
     1},
    {"endless callback", "return ('aaaa'):gsub('a', function() while true do end end)", TIME, "", 1},
    {"like that goes back", "local s = ('a'):rep(10000)\nreturn like(s, ('*a'):rep(200) .. 'b')", RETURNS, "false", 0},
    {"contains in long text", "local s = ('a'):rep(1000000) while true do contains(s, ('a'):rep(500) .. 'b') end",
     SPENT, "", 1},
    {"contains of a long part", "return contains(('a'):rep(1000000), ('a'):rep(1000))", RAISES, "longer than 512 bytes",
     1},
    /* table */
    {"insert", "table.insert(setmetatable({}, { __len = function() return 1 << 62 end }), 1, 1)", RAISES,
     "setmetatable", 1},
    {"insert far outside", "table.insert({}, math.maxinteger, 1)", RAISES, "position out of bounds", 1},
    {"concat outside", "return table.concat({}, '', 1, math.maxinteger)", RAISES, "outside the table", 1},
    {"concat of one MiB many times",
     "local s, t = ('x'):rep(1e6), {} for i = 1, 20000 do t[i] = s end\nreturn table.concat(t)", RAISES,
     "result longer than 1 MiB", 2},
    {"move", "table.move({}, 1, math.maxinteger - 1, 2)", RAISES, "attempt to call a nil value", 1},
    {"unpack of a million", "return table.unpack({}, 1, 1e6)", RAISES, "more than 200 values", 1},
    {"unpack of every integer", "return table.unpack({}, math.mininteger, math.maxinteger)", RAISES,
     "more than 200 values", 1},
    {"select from the end", "return select(-1, table.unpack({}, 1, 200))", RETURNS, "nil", 0},
    {"sort that never agrees",
     "local t = {} for i = 1, 20000 do t[i] = i end\ntable.sort(t, function() return true end)", RAISES,
     "invalid order function", 2},
    {"sort of long text",
     "local a, b = ('x'):rep(1e6) .. 'a', ('x'):rep(1e6) .. 'b'\nlocal t = {}\nfor i = 1, 20000 do t[i] = i % 2 == 0 "
     "and a or b "
     "end\ntable.sort(t)",
     RAISES, "text longer than 4096", 4},
    {"sort with an endless comparison", "table.sort({ 3, 2, 1 }, function()\nwhile true do end end)", TIME, "", 2},
    {"sort of a document", "table.sort('x')", RAISES, "table expected", 1},
    {"NaN as key", "local t = {} t[0 / 0] = 1", RAISES, "index is NaN", 1},
    {"next after a stranger", "local t = { a = 1 } return next(t, 'zz')", RAISES, "invalid key to 'next'", 1},
    {"integer division by zero", "return 1 // 0", RAISES, "divide by zero", 1},
    {"ipairs of a liar", "for i in ipairs(setmetatable({}, { __index = function(_, i) return i end })) do end", RAISES,
     "setmetatable", 1},
    /* error values */
    {"error of a MiB", "error(('x'):rep(1e6))", RAISES, "xxxxxxxx", 1},
    {"error of a table", "error({ 1, 2, 3 })", RAISES, "raised a table, not a message", 1},
    {"error of nil", "error(nil)", RAISES, "raised a nil, not a message", 1},
    {"error that blames its caller", "error('mine', 2)", RAISES, "mine", 0},
    /* source */
    {"binary chunk", "\x1bLua\x54", RAISES, "binary chunk", 1},
    {"not Lua", "policy is { this", RAISES, "syntax error", 1},
};

/* ---- attacks that are too long to write down ---- */

static void repeat(struct azd_buf *out, const char *text, int times) {
  for (int i = 0; i < times; i++) azd_buf_append_text(out, text);
}

static void make_chain(struct azd_buf *out) { /* the error message at its end walks the chain backwards, and recurses */
  azd_buf_append_text(out, "local a = {} a.b = a\nlocal x = a");
  repeat(out, ".b", 16000);
  azd_buf_append_text(out, ".c + 1");
}
static void make_long_chain(struct azd_buf *out) {
  azd_buf_append_text(out, "local a = {} a.b = a local x = a");
  repeat(out, ".b", 60000);
}
static void make_big_source(struct azd_buf *out) {
  repeat(out, "local a do end\n", 200000);
}
static void make_nested_tables(struct azd_buf *out) {
  azd_buf_append_text(out, "local t = ");
  repeat(out, "{", 30000);
}
static void make_nested_parentheses(struct azd_buf *out) {
  azd_buf_append_text(out, "local t = ");
  repeat(out, "(", 30000);
}
static void make_gotos(struct azd_buf *out) {
  for (int i = 0; i < 1000; i++) azd_buf_printf(out, "goto l%d ", i);
  for (int i = 0; i < 1000; i++) azd_buf_printf(out, "::l%d::x=1 ", i);
}
static void make_locals(struct azd_buf *out) {
  for (int i = 0; i < 201; i++) azd_buf_printf(out, "local a%d\n", i);
}
static void make_deep_functions(struct azd_buf *out) {
  repeat(out, "return function() local a,b,c,d,e,f,g,h,i,j,k,l,m,n ", 150);
  repeat(out, "z=1 ", 4000);
  repeat(out, " end", 150);
}

struct made_attack {
  struct attack as;
  void (*make)(struct azd_buf *out);
};

static const struct made_attack made_attacks[] = {
    {{"chain of fields", NULL, FAILS, "", 0}, make_chain},
    {{"chain of fields beyond the cap", NULL, RAISES, "longer than 32 KiB", 1}, make_long_chain},
    {{"big source", NULL, RAISES, "longer than 32 KiB", 1}, make_big_source},
    {{"nested tables", NULL, RAISES, "overflow", 1}, make_nested_tables},
    {{"nested parentheses", NULL, RAISES, "overflow", 1}, make_nested_parentheses},
    {{"gotos and labels", NULL, RETURNS, "", 0}, make_gotos},
    {{"too many locals", NULL, RAISES, "too many local variables", 0}, make_locals},
    {{"deep functions", NULL, RAISES, "", 1}, make_deep_functions},
};

/* ---- running one ---- */

struct script {
  struct azd_str source;
  char result[64];
};

static int run_script(lua_State *L) { /* the script, as the loader runs a file */
  struct script *script = lua_touserdata(L, 1);
  azd_sandbox_load(L, script->source, "policies/attack.lua");
  lua_pop(L, 1);
  lua_call(L, 0, 1);
  size_t bytes;
  const char *text = luaL_tolstring(L, -1, &bytes);
  snprintf(script->result, sizeof script->result, "%s", text);
  return 0;
}

static int complaints; /* all attacks are tried before the test fails */
#define complain(...) (print_error(__VA_ARGS__), print_error("\n"), complaints++)

static void check_place(const struct attack *attack, const struct azd_fault *fault, const char *how) {
  static const char file[] = "policies/attack.lua:";
  if (strncmp(fault->at, file, strlen(file)) != 0 || (attack->line && atoi(fault->at + strlen(file)) != attack->line))
    complain("%s, %s: blamed on '%s', not on line %d (%s)", attack->name, how, fault->at, attack->line, fault->text);
}

static void check_stop(const struct attack *attack, const struct azd_fault *fault, const char *how, const char *limit) {
  if (!fault->stopped) complain("%s, %s: not stopped: %s", attack->name, how, fault->text);
  if (!strstr(fault->text, limit)) complain("%s, %s: stopped by '%s'", attack->name, how, fault->text);
}

static void check(const struct attack *attack, int rc, const struct script *script, const struct azd_fault *fault,
                  bool counted) {
  const char *how = counted ? "counted" : "deadline";
  if (attack->outcome == RETURNS) {
    if (rc != 0) complain("%s, %s: failed: %s: %s", attack->name, how, fault->at, fault->text);
    if (*attack->says) {
      if (strcmp(script->result, attack->says) != 0) complain("%s, %s: gave %s", attack->name, how, script->result);
    }
    return;
  }
  if (rc == 0) {
    complain("%s, %s: gave %s", attack->name, how, script->result);
    return;
  }
  assert_int_equal(rc, AZD_ESCRIPT);
  check_place(attack, fault, how);
  assert_null(strstr(fault->text, "0x")); /* no address */
  switch (attack->outcome) {
  case TIME: {
    char limit[64];
    snprintf(limit, sizeof limit, counted ? "more than %d instructions" : "more than %d ms of CPU time",
             counted ? AZD_SANDBOX_WORK : BUDGET_MS);
    check_stop(attack, fault, how, limit);
    break;
  }
  case MEMORY: /* where first touches of pages are slow, time may be over before memory is */
    check_stop(attack, fault, how, counted ? "more than 8192 KiB of memory" : "stopped: more than ");
    break;
  case SPENT: check_stop(attack, fault, how, "stopped: more than "); break;
  case FAILS: break;
  default:
    if (!strstr(fault->text, attack->says)) complain("%s, %s: says '%s'", attack->name, how, fault->text);
  }
}

static struct azd_sandbox *open_sandbox(struct azd_watch *watch, int64_t budget_us) {
  struct azd_sandbox_options options = {.watch = watch, .budget_us = budget_us, .max_bytes = 8 << 20};
  if (!watch) options.work_max = AZD_SANDBOX_WORK;
  struct azd_error error;
  struct azd_sandbox *sandbox = azd_sandbox_new(&options, &error);
  if (!sandbox) fail_msg("%s", error.text);
  return sandbox;
}

static void run_attack(const struct attack *attack, struct azd_str source, struct azd_watch *watch) {
  struct azd_sandbox *sandbox = open_sandbox(watch, BUDGET_MS * 1000);
  struct script script = {source, ""}, next = {AZD_STR("return 6 * 7"), ""};
  int64_t began_ns = azd_clock_thread_cpu_ns();
  int rc = azd_sandbox_run(sandbox, run_script, &script, 0);
  int64_t took_ms = (azd_clock_thread_cpu_ns() - began_ns) / 1000000;
  if (took_ms > 3000) fail_msg("%s: took %d ms", attack->name, (int)took_ms);
  check(attack, rc, &script, &sandbox->fault, !watch);
  /* what comes next is not harmed: in the same state, or in a new one where this is spent */
  if (sandbox->stop) {
    assert_int_equal(azd_sandbox_run(sandbox, run_script, &next, 0), AZD_ESCRIPT);
    azd_sandbox_free(sandbox);
    sandbox = open_sandbox(watch, BUDGET_MS * 1000);
  }
  if (azd_sandbox_run(sandbox, run_script, &next, 0) != 0) fail_msg("after %s: %s", attack->name, sandbox->fault.text);
  assert_string_equal(next.result, "42");
  azd_sandbox_free(sandbox);
}

static void run_all(struct azd_watch *watch) {
  complaints = 0;
  for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++)
    run_attack(&attacks[i], azd_str_of(attacks[i].source), watch);
  for (size_t i = 0; i < sizeof made_attacks / sizeof *made_attacks; i++) {
    struct azd_buf source;
    azd_buf_init(&source, 0);
    made_attacks[i].make(&source);
    run_attack(&made_attacks[i].as, azd_buf_str(&source), watch);
    azd_buf_free(&source);
  }
  assert_int_equal(complaints, 0);
}

static void attacks_are_stopped_by_the_deadline(void **state) {
  (void)state;
#ifdef __SANITIZE_THREAD__
  skip(); /* TSan holds a signal back until one of its own functions is called, and an empty loop calls none */
#endif
  struct azd_watch *watch;
  assert_int_equal(azd_watchdog_join(&watch, NULL), 0);
  run_all(watch);
  azd_watchdog_leave(watch);
}

static void attacks_are_stopped_by_counted_work(void **state) {
  (void)state;
  run_all(NULL);
}

/* ---- what scripts may rely on ---- */

static void expect(const char *source, const char *result) {
  struct azd_sandbox *sandbox = open_sandbox(NULL, 0);
  struct script script = {azd_str_of(source), ""};
  if (azd_sandbox_run(sandbox, run_script, &script, 0) != 0)
    fail_msg("%s: %s: %s", source, sandbox->fault.at, sandbox->fault.text);
  if (strcmp(script.result, result) != 0) fail_msg("%s: %s, not %s", source, script.result, result);
  azd_sandbox_free(sandbox);
}

static void natives_of_text_ignore_case_and_nil(void **state) {
  (void)state;
  expect("return like('vm-Prod-01', 'VM-*-0?')", "true");
  expect("return like('vm-prod', 'vm-?')", "false");
  expect("return like('', '*')", "true");
  expect("return like('abcbc', '*bc')", "true");
  expect("return like(nil, '*')", "false");
  expect("return like('b', { 'a*', 'b*' })", "true");
  expect("return contains('TLS1_0', 'tls')", "true");
  expect("return contains({ 'A', 'B' }, 'b')", "true");
  expect("return contains({ 1, 2 }, 3)", "false");
  expect("return contains(nil, 'x')", "false");
  expect("return starts_with('/Subscriptions/x', '/subscriptions/')", "true");
  expect("return starts_with(nil, 'x')", "false");
  expect("return ends_with('a.PEM', '.pem')", "true");
  expect("return ends_with('m', 'pem')", "false");
  expect("return one_of('allow', { 'Allow', 'Deny' })", "true");
  expect("return one_of('x', 'y', 'X')", "true");
  expect("return one_of(nil, { 'a' })", "false");
}

static void natives_of_networks_know_both_families(void **state) {
  (void)state;
  expect("return cidr_contains('10.0.0.0/8', '10.255.255.255')", "true");
  expect("return cidr_contains('10.0.0.0/8', '11.0.0.0')", "false");
  expect("return cidr_contains('10.0.0.0/9', '10.0.0.0/8')", "false");
  expect("return cidr_contains({ '192.168.0.0/16', '10.1.2.3/8' }, '10.9.0.0/16')", "true");
  expect("return cidr_contains('2001:db8::/32', '2001:DB8:1::/48')", "true");
  expect("return cidr_contains('::/0', '10.0.0.1')", "false");
  expect("return cidr_contains('0.0.0.0/0', '255.255.255.255/32')", "true");
  expect("return cidr_contains('10.0.0.0/8', 'Internet')", "false");
  expect("return cidr_contains(nil, '10.0.0.1')", "false");
  expect("return cidr_contains('10.0.0.0/33', '10.0.0.0')", "false");
  expect("return cidr_contains('10.0.0.0/', '10.0.0.0')", "false");
  expect("return cidr_contains('10.0.0.4-10.0.0.9', '10.0.0.8/31')", "true");
  expect("return cidr_overlaps('10.0.0.0/9', '10.0.0.0/8')", "true");
  expect("return cidr_overlaps('10.0.0.0/9', '10.128.0.0/9')", "false");
  expect("return cidr_overlaps('0.0.0.0/1', { }) or cidr_overlaps({ '128.0.0.0/1' }, '200.0.0.0/8')", "true");
}

static void nil_may_be_indexed_and_walked(void **state) {
  (void)state;
  expect("local after = {} return after.properties.networkAcls.defaultAction", "nil");
  expect("local n = 0 for _ in ipairs(nil) do n = n + 1 end for _ in pairs(nil) do n = n + 1 end return n", "0");
  expect("return find(nil, 'a', 1)", "nil");
  expect("return has(nil, 'a') or is_null(nil, 'a')", "false");
  expect("return is_null({ a = null }, 'a')", "true");
  expect("return type(null) .. tostring(null)", "nullnull");
  expect("return table.concat(keys({ b = 1, a = 2 }), ',')", "a,b");
  expect("return find({ { n = 1, p = { x = 'A' } }, { p = { x = 'b' } } }, 'p.x', 'B').p.x", "b");
}

static int load_two(lua_State *L) {
  static const char *const sources[] = {"string.lower = nil seen = 1 return 1", "return seen"};
  char *second_says = lua_touserdata(L, 1);
  azd_sandbox_load(L, azd_str_of(sources[0]), "one.lua");
  lua_pop(L, 1);
  lua_call(L, 0, 0);
  azd_sandbox_load(L, AZD_STR("return ('A'):lower() .. string.lower('B')"), "two.lua");
  lua_pop(L, 1);
  lua_call(L, 0, 1);
  strcpy(second_says, lua_tostring(L, -1));
  return 0;
}

static void scripts_cannot_change_each_others_names(void **state) {
  (void)state;
  struct azd_sandbox *sandbox = open_sandbox(NULL, 0);
  char says[8];
  assert_int_equal(azd_sandbox_run(sandbox, load_two, says, 0), 0);
  assert_string_equal(says, "ab");
  azd_sandbox_free(sandbox);
}

static void a_sealed_state_takes_no_new_globals(void **state) {
  (void)state;
  struct azd_sandbox *sandbox = open_sandbox(NULL, 0);
  struct script script = {AZD_STR("local x = 1\ncount = 1"), ""};
  azd_sandbox_seal(sandbox);
  assert_int_equal(azd_sandbox_run(sandbox, run_script, &script, 0), AZD_ESCRIPT);
  assert_string_equal(sandbox->fault.at, "policies/attack.lua:2");
  assert_non_null(strstr(sandbox->fault.text, "a policy keeps nothing, use local"));
  azd_sandbox_free(sandbox);
}

/* ---- the watchdog ---- */

enum { STORM_CALLS = 1500, STORM_THREADS = 3 };

struct storm {
  pthread_t thread;
  int stopped, finished, wrong;
};

/* Calls that end around their budget: kills arrive before, during and after the end of the run they were meant for.
 * Whatever happens, a call either gives the right answer or is stopped, and the next state is fresh. */
static void *storm(void *context) {
  static const char source[] =
      "local n = 0 for i = 1, 400 do for j = 1, 100 do n = n + #{ i, j } + (i ~ j) % 3 end end return n";
  struct storm *self = context;
  struct azd_watch *watch;
  struct azd_sandbox *sandbox = NULL;
  char first[64] = "";
  self->wrong = azd_watchdog_join(&watch, NULL) != 0;
  for (int i = 0; i < STORM_CALLS && !self->wrong; i++) {
    struct azd_sandbox_options options = {
        .watch = watch, .budget_us = i % 4 == 0 ? 5000000 : 1 + i % 3, .max_bytes = 8 << 20};
    sandbox = azd_sandbox_new(&options, NULL);
    if (!sandbox) { /* opening the libraries may take longer than a budget of a few us, too */
      self->stopped++;
      continue;
    }
    struct script script = {azd_str_of(source), ""};
    if (azd_sandbox_run(sandbox, run_script, &script, 0) == 0) {
      self->finished++;
      if (!*first) strcpy(first, script.result);
      if (strcmp(first, script.result) != 0) self->wrong = 1;
    } else {
      self->stopped++;
      if (!sandbox->fault.stopped) self->wrong = 1;
    }
    azd_sandbox_free(sandbox);
  }
  azd_watchdog_leave(watch);
  return NULL;
}

static void a_storm_of_kills_harms_nobody(void **state) {
  (void)state;
  struct storm storms[STORM_THREADS] = {0};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 4 << 20);
  for (int i = 0; i < STORM_THREADS; i++)
    assert_int_equal(pthread_create(&storms[i].thread, &attributes, storm, &storms[i]), 0);
  int stopped = 0;
  for (int i = 0; i < STORM_THREADS; i++) pthread_join(storms[i].thread, NULL); /* all, before anything can fail */
  for (int i = 0; i < STORM_THREADS; i++) {
    assert_int_equal(storms[i].wrong, 0);
    assert_int_equal(storms[i].stopped + storms[i].finished, STORM_CALLS);
    assert_true(storms[i].finished >= STORM_CALLS / 4); /* whoever had seconds was not stopped for another's sake */
    stopped += storms[i].stopped;
  }
  assert_true(stopped > 0);
  pthread_attr_destroy(&attributes);
}

static void count_signal(void *subject) {
  ++*(volatile sig_atomic_t *)subject;
}

static void only_cpu_time_counts_and_a_late_run_is_signalled_again(void **state) {
  (void)state;
  struct azd_watch *watch, *same;
  volatile sig_atomic_t signals = 0;
  const struct timespec longer_than_the_budget = {.tv_nsec = 60000000};
  assert_int_equal(azd_watchdog_join(&watch, NULL), 0);
  assert_int_equal(azd_watchdog_join(&same, NULL), 0);
  assert_ptr_equal(watch, same);
  azd_watchdog_begin(watch, 10000, count_signal, (void *)&signals);
  nanosleep(&longer_than_the_budget, NULL); /* time passes and no CPU: what is tested */
  assert_int_equal(signals, 0);
  while (signals < 3) azd_clock_thread_cpu_ns(); /* until it is late, and at each tick while it stays */
  azd_watchdog_end(watch);
  sig_atomic_t at_end = signals;
  int64_t began_ns = azd_clock_thread_cpu_ns();
  while (azd_clock_thread_cpu_ns() - began_ns < 30000000) {
  } /* CPU after the end is nobody's */
  assert_int_equal(signals, at_end);
  azd_watchdog_leave(same);
  azd_watchdog_leave(watch);
}

int main(void) {
  alarm(240); /* an attack that hangs ends this program instead of the machine's evening */
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(attacks_are_stopped_by_the_deadline),
      cmocka_unit_test(attacks_are_stopped_by_counted_work),
      cmocka_unit_test(natives_of_text_ignore_case_and_nil),
      cmocka_unit_test(natives_of_networks_know_both_families),
      cmocka_unit_test(nil_may_be_indexed_and_walked),
      cmocka_unit_test(scripts_cannot_change_each_others_names),
      cmocka_unit_test(a_sealed_state_takes_no_new_globals),
      cmocka_unit_test(a_storm_of_kills_harms_nobody),
      cmocka_unit_test(only_cpu_time_counts_and_a_late_run_is_signalled_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
