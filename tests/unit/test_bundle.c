/* Bundles: what a file may declare, what is refused and how that is told, proving, reloading. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "script/declare.h"
#include "script/judge.h"
#include "script/window.h"
#include "support/script_project.h"

#include <pthread.h>
#include <stdatomic.h>

/* A bundle of one file is refused, and the sentence has each of says, separated by '|'. */
static void refused(const char *name, const char *text, const char *says) {
  struct script_project project;
  struct azd_bundle *bundle;
  struct azd_error error = {0};
  project_open(&project);
  project_write(&project, name, text);
  if (project_build(&project, "", false, &bundle, &error) == 0) fail_msg("accepted: %s", text);
  char wanted[512];
  snprintf(wanted, sizeof wanted, "%s", says);
  for (char *rest = wanted, *part; (part = strsep(&rest, "|")) != NULL;)
    if (!strstr(error.text, part)) fail_msg("'%s' does not say '%s'", error.text, part);
  project_close(&project);
}

#define POLICY(fields)                                                                                                 \
  "policy \"x\" {\n  type = \"Microsoft.Storage/storageAccounts\",\n  severity = \"high\",\n" fields "}\n"

static void wrong_declarations_name_file_line_and_what_was_meant(void **state) {
  (void)state;
  refused("policies/a.lua", POLICY("  wach = \"properties\",\n"),
          "policies/a.lua:4: policy 'x': nobody knows the field 'wach'; did you mean 'watch'?");
  refused("policies/a.lua", "policy \"x\" {\n  type = \"Microsoft.Storage/storageAccounts\",\n  severity = \"hgh\",\n}",
          "policies/a.lua:3:|not 'hgh'; did you mean 'high'?");
  refused("policies/a.lua", "policy \"x\" { severity = \"low\" }", "policies/a.lua:1: policy 'x': 'type' is missing");
  refused("policies/a.lua", "policy \"x\" { type = 7, severity = \"low\" }",
          "'type' is text or a list of texts, not a number");
  refused("policies/a.lua", "policy \"x\" { type = \"storage\", severity = \"low\" }", "'storage' is no resource type");
  refused("policies/a.lua", POLICY("  watch = \"a..[\",\n"), "policies/a.lua:4:|is no path");
  refused("policies/a.lua", POLICY("  message = \"{resource.nam}\",\n"),
          "cannot fill in {resource.nam}; did you mean 'resource.name'?");
  refused("policies/a.lua", POLICY("  kind = \"chnged\",\n"), "'chnged'; did you mean 'changed'?");
  refused("policies/a.lua", POLICY("  to = { \"a\" },\n"), "'watch' is missing");
  refused("policies/a.lua", POLICY("  on_change = \"high\",\n"),
          "policies/a.lua:4:|'on_change' is a function, not a string");
  refused("policies/a.lua", POLICY("  on_change = function() end, on_resource = function() end,\n"), "not both");
  refused("policies/a.lua", POLICY("  examples = { { old = {}, gives = \"low\", nwe = {} } },\n"),
          "'nwe'; did you mean 'new'?");
  refused("policies/a.lua", POLICY("  examples = { { gives = false } },\n"), "an example has `old`, `new` or both");
  refused("policies/a.lua", POLICY("  examples = { { old = {} } },\n"), "'gives' is missing");
  refused("policies/a.lua", "policy \"x\"", "a name without { ... }");
  refused("policies/a.lua", "policy { type = \"*\" }", "policies/a.lua:1:|policy is followed by a name in quotes");
  refused("policies/a.lua", "tune \"x\" { severity = \"low\", why = \"y\" }", "there is no policy 'x'");
  refused("policies/a.lua", POLICY("") "tune \"x\" { severity = \"low\" }",
          "policies/a.lua:5: tune 'x': 'why' is missing");
  refused("policies/a.lua", POLICY("") "tune \"x\" { why = \"y\" }", "tunes nothing");
  refused("policies/a.lua", "expected \"x\" { why = \"y\" }", "expects everything");
  refused("policies/a.lua", "expected \"x\" { why = \"y\", within = \"mon-fri 8-18\" }",
          "no time window|mon-fri 08:00-18:00 Europe/Berlin");
  refused("policies/a.lua", "expected \"x\" { why = \"y\", within = \"mon-fri Europe/Atlantis\" }",
          "'Europe/Atlantis' is no time zone");
  refused("policies/a.lua", "pattern \"x\" { by = \"resorce\", within = \"7d\", severity = \"low\" }",
          "'resorce'; did you mean 'resource'?");
  refused("policies/a.lua", "pattern \"x\" { by = \"resource\", within = \"week\", severity = \"low\" }",
          "a duration like");
  refused("policies/a.lua", "rules { }", "policies/a.lua:1:|rules belongs in a file of rules/");
  refused("policies/a.lua", "route \"GET /v1/x\" { }", "route belongs in a file of routes/");
  refused("policies/a.lua",
          POLICY("  on_change = function(c) return polcy end,\n  examples = { { old = { a = 1 }, new = { a = 2 }, "
                 "gives = false } },\n"),
          "policies/a.lua:4: policy 'x', example 1: unknown name 'polcy'");
  refused("rules/a.lua", "policy \"x\" { }", "rules/a.lua:1:|policy belongs in a file of policies/");
  refused("rules/a.lua",
          "rules {\n  type = \"*\", owner = \"o\",\n  { ignore = \"a\", why = \"w\" },\n  { ignore = \"b\", wy = \"w\" "
          "},\n}",
          "rules/a.lua:4: rules: nobody knows the field 'wy'; did you mean 'why'?");
  refused("rules/a.lua", "rules { type = \"*\", { ignore = \"a\", why = \"w\" } }", "'owner' is missing");
  refused("rules/a.lua", "rules { type = \"*\", owner = \"o\",\n{ ignore = \"a\", set = \"a\", why = \"w\" } }",
          "rules/a.lua:2:|one verb a row");
  refused("rules/a.lua", "rules { type = \"*\", owner = \"o\",\n{ ignore = \"a\" } }",
          "rules/a.lua:2:|'why' is missing");
  refused("rules/a.lua", "rules { type = \"*\", owner = \"o\", { key = \"a\", why = \"w\" } }", "'by' is missing");
  refused("rules/a.lua", "rules { type = \"*\", owner = \"o\", { set = \"a\", by = \"n\", why = \"w\" } }",
          "'by' goes with key only");
  refused("rules/a.lua", "rules { type = \"*\", owner = \"o\", { same = \"a\", as = \"instnt\", why = \"w\" } }",
          "'instnt'; did you mean 'instant'?");
  refused("rules/a.lua", "rules { type = \"*\", owner = \"o\", { ignore = \"a\", why = \"w\", between = \"view\" } }",
          "did you mean 'views'?");
  refused("rules/a.lua", "rules { type = \"*\", owner = \"o\", { ignore = \"a\", why = \"w\", till = \"30.6.2027\" } }",
          "a date like");
  refused("rules/a.lua", "rules { type = \"*\", owner = \"o\",\n  { ignore = \"a..\", why = \"w\" } }",
          "rules/a.lua:2");
  refused("rules/a.lua",
          "rules { type = \"*\", owner = \"o\",\n  { set = \"a\", why = \"w\" },\n  { list = \"a\", why = \"w\" } }",
          "rules/a.lua:2|rules/a.lua:3");
  refused("rules/a.lua", "rules {\n", "rules/a.lua:|expected");
}

static void doubled_names_name_both_lines(void **state) {
  (void)state;
  refused("policies/a.lua", POLICY("") POLICY(""),
          "policies/a.lua:5: policy: 'x' is declared already at policies/a.lua:1; to change a policy, tune it");
  refused("policies/a.lua",
          POLICY("") "tune \"x\" { enabled = false, why = \"y\" }\ntune \"x\" { enabled = false, why = \"y\" }",
          "policies/a.lua:6: tune: 'x' is declared already at policies/a.lua:5");
}

static void bytecode_is_refused(void **state) {
  (void)state;
  struct script_project project;
  struct azd_bundle *bundle;
  struct azd_error error;
  project_open(&project);
  project_write_bytes(&project, "policies/a.lua", "\x1bLuaT\0\x19\x93\r\n\x1a\n", 12);
  assert_int_equal(project_build(&project, "", false, &bundle, &error), AZD_ESCRIPT);
  assert_non_null(strstr(error.text, "policies/a.lua:1: attempt to load a binary chunk"));
  project_close(&project);
}

static void failing_examples_refuse_the_bundle(void **state) {
  (void)state;
  refused("policies/a.lua",
          POLICY("  watch = \"properties.tls\", to = \"1.0\", message = \"now {new}\",\n  examples = { { old = { "
                 "properties = { tls = \"1.2\" } }, "
                 "new = { properties = { tls = \"1.0\" } }, gives = \"medium\" } },\n"),
          "policies/a.lua:1: policy 'x', example 1: gives high, expected medium: now 1.0");
  refused("policies/a.lua",
          POLICY("  on_resource = function(r)\n    return r.after.count < 3 and \"high\" end,\n  examples = { { old = "
                 "{}, new = { a = 1 }, gives = false } },\n"),
          "policies/a.lua:5: policy 'x', example 1: attempt to compare nil with number");
  refused("policies/a.lua",
          POLICY("  on_resource = function(r) while true do end end,\n  examples = { { new = {}, gives = false } },\n"),
          "policies/a.lua:4: policy 'x', example 1: stopped: more than 1000000 instructions");
  refused("policies/a.lua",
          POLICY("  on_resource = function(r) return 7 end,\n  examples = { { new = {}, gives = false } },\n"),
          "policies/a.lua:1: policy 'x', example 1: returned a number");
}

static void impure_policies_are_refused(void **state) {
  (void)state;
  static const char counting[] = "local seen = 0\n" POLICY(
      "  on_resource = function(r) seen = seen + 1 return { severity = \"high\", message = \"call \" .. seen } end,\n"
      "  examples = { { new = { a = 1 }, gives = \"high\" } },\n");
  refused("policies/a.lua", counting,
          "policies/a.lua:2: policy 'x', example 1: not pure: says high (call 1), then high (call 2)");
  /* The order of a table's pairs differs from state to state, and so does what is built on it. */
  static const char by_order[] = "local set = {} for i = 1, 40 do set['k' .. i] = true end\n" POLICY(
      "  on_resource = function(r) local o = {} for k in pairs(set) do o[#o + 1] = k end\n"
      "    return { severity = \"high\", message = table.concat(o) } end,\n"
      "  examples = { { new = { a = 1 }, gives = \"high\" } },\n");
  refused("policies/a.lua", by_order, "not pure");
  refused(
      "policies/a.lua",
      POLICY("  on_resource = function(r) count = (count or 0) + 1 end, examples = { { new = {}, gives = false } },\n"),
      "unknown name 'count'");
}

static void a_good_bundle_has_all_it_declares(void **state) {
  (void)state;
  struct script_project project;
  struct azd_bundle *bundle, *again;
  struct azd_error error;
  project_open(&project);
  project_write(&project, "rules/net.lua",
                "rules {\n  type = { \"Microsoft.Network/virtualNetworks\", \"Microsoft.Network/routeTables\" }, owner "
                "= \"net\",\n"
                "  { ignore = \"properties.a[].b\", why = \"w\", till = \"2027-06-30\" },\n"
                "  { key = \"properties.subnets\", by = { \"name\", \"id\" }, why = \"w\" }, -- { not a row }\n"
                "  { same = \"properties.p\", as = { null, \"Disabled\" }, why = \"w\", owner = \"me\" },\n}");
  project_write(&project, "policies/lib/nsg.lua", "local M = {} function M.open(p) return p == '*' end return M");
  project_write(
      &project, "policies/x.lua",
      "local nsg, limit = lib \"nsg\", param(\"limit\", 3)\n"
      "policy \"open\" { type = \"Microsoft.Network/routeTables\", severity = \"low\", on_resource = function(r)\n"
      "  return nsg.open(r.after.source) and limit == 5 and \"critical\" end,\n"
      "  examples = { { new = { source = \"*\" }, gives = \"critical\" }, { new = { source = \"10.0.0.0/8\" }, gives = "
      "false } } }\n"
      "expected \"ours\" { actor = \"sp-*\", within = { \"mon-fri 08:00-18:00 Europe/Berlin\" }, why = \"reviewed\" }\n"
      "pattern \"fight\" { by = { \"resource\", \"path\" }, within = \"7d\", at_least = 3, severity = \"high\" }\n"
      "tune \"open\" { unless = function(change, r) return r.tags.env == \"dev\" end, why = \"dev\" }\n");
  project_write(&project, "policies/_draft.lua", "this is no Lua");
  if (project_build(&project, "{\"limit\": 5}", false, &bundle, &error) != 0) fail_msg("%s", error.text);
  const struct azd_declarations *declared = azd_bundle_declarations(bundle);
  assert_int_equal(declared->rule_count, 6);
  assert_int_equal(declared->rules[0].line, 3);
  assert_int_equal(declared->rules[5].line, 5);
  assert_memory_equal(declared->rules[5].values.data, "[null,\"Disabled\"]", declared->rules[5].values.size);
  assert_int_equal(declared->rules[2].by_count, 2);
  assert_int_equal(declared->rules[0].till_ms, 1814400000000); /* 2027-07-01: it holds on its last day */
  assert_int_equal(declared->policy_count, 1);
  assert_non_null(declared->policies[0].tune);
  assert_int_equal(declared->expected_count, 1);
  assert_int_equal(declared->patterns[0].within_ms, 7 * 86400000ll);
  assert_int_equal(declared->function_count, 2);
  assert_int_equal(azd_ruleset_count(azd_bundle_ruleset(bundle)), 6);
  /* the stamp is of the content */
  assert_int_equal(strlen(azd_bundle_stamp(bundle)), 16);
  assert_int_equal(project_build(&project, "{\"limit\": 5}", false, &again, &error), 0);
  assert_string_equal(azd_bundle_stamp(bundle), azd_bundle_stamp(again));
  azd_bundle_unref(again);
  project_write(&project, "rules/net.lua", "-- nothing");
  assert_int_equal(project_build(&project, "{\"limit\": 5}", false, &again, &error), 0);
  assert_string_not_equal(azd_bundle_stamp(bundle), azd_bundle_stamp(again));
  azd_bundle_unref(again);
  azd_bundle_unref(bundle);
  project_close(&project);
}

static void libs_are_found_run_apart_and_may_not_ask_for_themselves(void **state) {
  (void)state;
  struct script_project project;
  struct azd_bundle *bundle;
  struct azd_error error;
  project_open(&project);
  project_write(&project, "policies/lib/me.lua", "return lib \"me\"");
  project_write(&project, "policies/a.lua", "local me = lib \"me\"");
  assert_int_equal(project_build(&project, "", false, &bundle, &error), AZD_ESCRIPT);
  assert_non_null(strstr(error.text, "lib 'me' asks for itself"));
  project_write(&project, "policies/a.lua", "\nlocal you = lib \"you\"");
  assert_int_equal(project_build(&project, "", false, &bundle, &error), AZD_ESCRIPT);
  assert_string_equal(error.text, "policies/a.lua:2: there is no policies/lib/you.lua");
  project_close(&project);
}

static void a_bundle_has_at_most_200_files(void **state) {
  (void)state;
  struct script_project project;
  struct azd_bundle *bundle = NULL;
  struct azd_error error;
  char path[160];
  project_open(&project);
  for (int i = 0; i <= AZD_BUNDLE_FILES_MAX; i++) {
    snprintf(path, sizeof path, "%s/f%d.lua", project.rules, i);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
  }
  assert_int_equal(project_build(&project, "", false, &bundle, &error), AZD_ELIMIT);
  assert_non_null(strstr(error.text, "more than 200 files"));
  unlink(path);
  assert_int_equal(project_build(&project, "", false, &bundle, &error), 0);
  azd_bundle_unref(bundle);
  for (int i = 0; i < AZD_BUNDLE_FILES_MAX; i++) {
    snprintf(path, sizeof path, "%s/f%d.lua", project.rules, i);
    unlink(path);
  }
  project_close(&project);
}

/* ---- policies test ---- */

struct told {
  int count, passed;
  char got[4][32], at[256];
};

static void tell(void *context, const struct azd_example_result *result) {
  struct told *told = context;
  snprintf(told->got[told->count], sizeof told->got[0], "%s/%s", result->expected, result->got);
  if (strcmp(result->got, "an error") == 0) snprintf(told->at, sizeof told->at, "%s", result->detail);
  told->passed += result->passed;
  told->count++;
}

static void each_example_is_reported_passed_or_not(void **state) {
  (void)state;
  struct script_project project;
  struct azd_bundle *bundle;
  struct azd_error error;
  struct told told = {0}, none = {0};
  project_open(&project);
  project_write(
      &project, "policies/a.lua",
      POLICY("  on_resource = function(r)\n    if r.after.boom then error('boom') end return r.after.s end,\n"
             "  examples = { { new = { s = \"low\" }, gives = \"low\" }, { new = { s = \"low\" }, gives = false },\n"
             "    { new = { boom = true }, gives = false } },\n"));
  assert_int_equal(project_build(&project, "", true, &bundle, &error), 0);
  assert_int_equal(azd_bundle_test(bundle, "policies/a.lua", tell, &told, &error), 0);
  assert_int_equal(told.count, 3);
  assert_int_equal(told.passed, 1);
  assert_string_equal(told.got[0], "low/low");
  assert_string_equal(told.got[1], "false/low");
  assert_string_equal(told.got[2], "false/an error");
  assert_string_equal(told.at, "policies/a.lua:5: boom");
  assert_int_equal(azd_bundle_test(bundle, "policies/b.lua", tell, &none, &error), 0);
  assert_int_equal(none.count, 0);
  azd_bundle_unref(bundle);
  project_close(&project);
}

/* ---- reload ---- */

enum { RELOADS = 25, WORKERS = 2 };

struct reload_world {
  struct azd_bundles *bundles;
  _Atomic bool quit;
  _Atomic long calls, wrong;
};

static void write_generation(struct script_project *project, int generation) {
  char text[512];
  snprintf(
      text, sizeof text,
      POLICY(
          "  on_resource = function(r) return { severity = \"high\", message = \"generation %d of \" .. r.name } end,\n"
          "  examples = { { new = {}, gives = \"high\" } },\n"),
      generation);
  project_write(project, "policies/a.lua", text);
}

static void *call_all_the_time(void *context) {
  struct reload_world *world = context;
  struct azd_judge *judge = azd_judge_new();
  struct azd_doc *doc = azd_doc_new();
  struct azd_arena arena;
  struct azd_error error;
  int newest = 0;
  azd_arena_init(&arena, 0);
  azd_doc_parse(doc, AZD_STR("{\"a\":1}"), NULL, &error);
  while (!world->quit) {
    struct azd_bundle *bundle = azd_bundles_current(world->bundles);
    struct azd_judge_input input = {.kind = AZD_DRIFT_ADDED,
                                    .id = AZD_STR("/subscriptions/s/x/vm"),
                                    .type = AZD_STR("microsoft.storage/STORAGEACCOUNTS"),
                                    .after = doc,
                                    .before_node = AZD_NODE_NONE};
    struct azd_judgement judgement;
    azd_judge_use(judge, bundle);
    azd_bundle_unref(bundle);
    azd_arena_reset(&arena);
    int generation = -1;
    if (azd_judge_run(judge, &input, &arena, &judgement, &error) != 0 || judgement.verdict_count != 1 ||
        sscanf(judgement.verdicts[0].message, "generation %d of vm", &generation) != 1 || generation < newest)
      world->wrong++;
    newest = generation;
    world->calls++;
  }
  azd_judge_free(judge);
  azd_doc_free(doc);
  azd_arena_free(&arena);
  return NULL;
}

static void reloads_while_workers_call_and_a_refused_one_keeps_the_old(void **state) {
  (void)state;
  struct script_project project;
  struct reload_world world = {.bundles = azd_bundles_new()};
  struct azd_error error;
  pthread_t workers[WORKERS];
  pthread_attr_t attributes;
  project_open(&project);
  const struct azd_bundle_layer layer = {AZD_LAYER_USER, project.rules, project.policies};
  const struct azd_bundle_options options = {.layers = &layer, .layer_count = 1};
  write_generation(&project, 0);
  assert_null(azd_bundles_current(world.bundles));
  assert_int_equal(azd_bundles_reload(world.bundles, &options, &error), 0);
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 4 << 20);
  for (int i = 0; i < WORKERS; i++)
    assert_int_equal(pthread_create(&workers[i], &attributes, call_all_the_time, &world), 0);
  for (int generation = 1; generation <= RELOADS; generation++) {
    write_generation(&project, generation);
    assert_int_equal(azd_bundles_reload(world.bundles, &options, &error), 0);
    project_write(&project, "policies/a.lua", "policy \"x\" { type = 1 }");
    assert_int_equal(azd_bundles_reload(world.bundles, &options, &error), AZD_ESCRIPT);
    struct azd_bundle *current = azd_bundles_current(world.bundles);
    assert_non_null(current); /* the old one serves */
    azd_bundle_unref(current);
    for (long before = world.calls; world.calls < before + 10;) sched_yield(); /* somebody calls each generation */
  }
  world.quit = true;
  for (int i = 0; i < WORKERS; i++) pthread_join(workers[i], NULL);
  assert_int_equal(world.wrong, 0);
  assert_true(world.calls >= RELOADS * 10);
  pthread_attr_destroy(&attributes);
  azd_bundles_free(world.bundles);
  project_close(&project);
}

/* ---- time windows ---- */

static bool holds(const char *window, int64_t at_s) {
  struct azd_window parsed;
  struct azd_error error;
  if (azd_window_parse(azd_str_of(window), &parsed, &error) != 0) fail_msg("%s", error.text);
  return azd_window_holds(&parsed, at_s * 1000);
}

static void windows_follow_the_zone_through_summer_and_years_beyond_the_table(void **state) {
  (void)state;
  /* Monday 2026-01-05 07:30Z is 08:30 in Berlin; Monday 2026-07-06 07:30Z is 09:30 */
  assert_true(holds("mon-fri 08:00-09:00 Europe/Berlin", 1767598200));
  assert_false(holds("mon-fri 08:00-09:00 Europe/Berlin", 1783323000));
  assert_true(holds("mon-fri 09:00-10:00 Europe/Berlin", 1783323000));
  assert_false(holds("mon-fri 08:00-09:00", 1767598200));
  assert_false(holds("tue-sun Europe/Berlin", 1767598200));
  assert_true(holds("sat,mon Europe/Berlin", 1767598200));
  /* over midnight: Friday 2026-01-09 23:30Z and Saturday 05:00Z belong to Friday's night; Saturday 23:30Z does not */
  assert_true(holds("fri 22:00-06:00", 1768001400));
  assert_true(holds("fri 22:00-06:00", 1768021200));
  assert_false(holds("fri 22:00-06:00", 1768087800));
  /* 2050-07-04 (a Monday) 07:30Z: the rule at the end of the file still knows summer time */
  assert_true(holds("mon 09:00-10:00 Europe/Berlin", 2540532600));
  /* 2050-01-03 (a Monday) in Sydney: summer there, UTC+11 */
  assert_true(holds("mon 11:00-12:00 Australia/Sydney", 2524782600));
  struct azd_window window;
  struct azd_error error;
  static const char *const bad[] = {"",
                                    "mon-fun",
                                    "25:00-26:00",
                                    "08:00-08:00",
                                    "mon 08:00-09:00 ../../etc/passwd",
                                    "mon 08:00-09:00 Europe/Berlin x"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_int_not_equal(azd_window_parse(azd_str_of(bad[i]), &window, &error), 0);
}

int main(void) {
  alarm(120);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(wrong_declarations_name_file_line_and_what_was_meant),
      cmocka_unit_test(doubled_names_name_both_lines),
      cmocka_unit_test(bytecode_is_refused),
      cmocka_unit_test(failing_examples_refuse_the_bundle),
      cmocka_unit_test(impure_policies_are_refused),
      cmocka_unit_test(a_good_bundle_has_all_it_declares),
      cmocka_unit_test(libs_are_found_run_apart_and_may_not_ask_for_themselves),
      cmocka_unit_test(a_bundle_has_at_most_200_files),
      cmocka_unit_test(each_example_is_reported_passed_or_not),
      cmocka_unit_test(reloads_while_workers_call_and_a_refused_one_keeps_the_old),
      cmocka_unit_test(windows_follow_the_zone_through_summer_and_years_beyond_the_table),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
