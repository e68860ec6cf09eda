/* Judging one drift: conditions of rules, every form a policy can answer in, several policies, errors and stops, tune,
 * expected, defaults, messages. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "base/clock.h"
#include "script/judge.h"
#include "support/script_project.h"

#define STORAGE "Microsoft.Storage/storageAccounts"
static const char id[] = "/subscriptions/5ab/resourceGroups/rg-shop/providers/" STORAGE "/stshop";

struct world {
  struct script_project project;
  struct azd_bundle *bundle;
  struct azd_judge *judge;
  struct azd_doc *before, *after, *context;
  struct azd_diff *diff;
  struct azd_arena arena;
  struct azd_judgement judgement;
  enum azd_drift_kind kind;
};

static void open_world(struct world *world, const char *rules, const char *policies) {
  struct azd_error error;
  memset(world, 0, sizeof *world);
  project_open(&world->project);
  if (rules) project_write(&world->project, "rules/r.lua", rules);
  project_write(&world->project, "policies/p.lua", policies);
  if (project_build(&world->project, "", false, &world->bundle, &error) != 0) fail_msg("%s", error.text);
  world->judge = azd_judge_new();
  azd_judge_use(world->judge, world->bundle);
  world->before = azd_doc_new(), world->after = azd_doc_new(), world->context = azd_doc_new();
  world->diff = azd_diff_new();
  azd_arena_init(&world->arena, 0);
}

static void close_world(struct world *world) {
  azd_judge_free(world->judge);
  azd_bundle_unref(world->bundle);
  azd_doc_free(world->before), azd_doc_free(world->after), azd_doc_free(world->context);
  azd_diff_free(world->diff);
  azd_arena_free(&world->arena);
  project_close(&world->project);
}

static void parse(struct azd_doc *doc, const char *json) {
  struct azd_error error;
  if (azd_doc_parse(doc, azd_str_of(json), NULL, &error) != 0) fail_msg("%s: %s", json, error.text);
}

/* before, after, context: JSON or NULL. */
static const struct azd_judgement *judge(struct world *world, const char *before, const char *after,
                                         const char *context) {
  struct azd_error error;
  struct azd_judge_input input = {.kind = before && after ? AZD_DRIFT_CHANGED
                                          : before        ? AZD_DRIFT_REMOVED
                                                          : AZD_DRIFT_ADDED,
                                  .id = azd_str_of(id),
                                  .type = AZD_STR(STORAGE),
                                  .now_ms = 1770000000000};
  if (before) parse(world->before, before), input.before = world->before;
  if (after) parse(world->after, after), input.after = world->after;
  if (context) parse(world->context, context), input.context = world->context;
  if (before && after) {
    const struct azd_trie *trie = azd_ruleset_trie(azd_bundle_ruleset(world->bundle), input.type, 0, &error);
    if (azd_diff_run(world->diff, trie, world->before, 0, world->after, 0, &(struct azd_diff_options){0}, &error) != 0)
      fail_msg("%s", error.text);
    input.diff = world->diff;
  }
  azd_arena_reset(&world->arena);
  if (azd_judge_run(world->judge, &input, &world->arena, &world->judgement, &error) != 0) fail_msg("%s", error.text);
  return &world->judgement;
}

static void assert_verdict(const struct azd_judgement *j, uint32_t i, const char *policy, enum azd_severity severity,
                           const char *message) {
  if (i >= j->verdict_count)
    fail_msg("only %u verdicts; error: %s", j->verdict_count, j->error_count ? j->errors[0].text : "none");
  assert_string_equal(j->verdicts[i].policy, policy);
  assert_int_equal(j->verdicts[i].severity, severity);
  if (message) assert_string_equal(j->verdicts[i].message, message);
}

/* ---- policies that are data ---- */

static void data_policies_ask_from_to_and_kind(void **state) {
  (void)state;
  struct world w;
  open_world(&w, NULL,
             "policy \"tls\" { type = \"" STORAGE
             "\", watch = \"properties.tls\", to = { \"TLS1_0\", \"TLS1_1\" }, severity = \"medium\",\n"
             "  message = \"{resource.name} in {resource.group} went from {old} to {new} at {path}\", fix = \"az --ids "
             "{resource.id}\", refs = { \"CIS 9\" } }\n"
             "policy \"key\" { type = \"" STORAGE
             "\", watch = \"properties.sharedKey\", from = false, to = { true, null }, severity = \"high\" }\n"
             "policy \"gone\" { type = \"*\", kind = \"removed\", severity = \"high\", message = \"{resource.name} is "
             "gone\" }\n"
             "policy \"other\" { type = \"Microsoft.Network/virtualNetworks\", severity = \"critical\" }\n");
  const struct azd_judgement *j = judge(&w, "{\"properties\":{\"tls\":\"TLS1_2\",\"sharedKey\":false}}",
                                        "{\"properties\":{\"tls\":\"tls1_0\"}}", NULL);
  assert_int_equal(j->verdict_count, 2);
  assert_verdict(j, 0, "tls", AZD_SEVERITY_MEDIUM, "stshop in rg-shop went from TLS1_2 to tls1_0 at properties.tls");
  assert_string_equal(j->verdicts[0].refs[0], "CIS 9");
  char fix[256];
  snprintf(fix, sizeof fix, "az --ids %s", id);
  assert_string_equal(j->verdicts[0].fix, fix);
  assert_verdict(j, 1, "key", AZD_SEVERITY_HIGH, "");
  assert_int_equal(j->severity, AZD_SEVERITY_HIGH);
  assert_true(j->complete);
  /* the other way round nobody speaks: the default */
  j = judge(&w, "{\"properties\":{\"tls\":\"TLS1_0\"}}", "{\"properties\":{\"tls\":\"TLS1_2\",\"sharedKey\":false}}",
            NULL);
  assert_int_equal(j->verdict_count, 0);
  assert_int_equal(j->severity, AZD_SEVERITY_LOW);
  assert_false(j->changes[0].spoken);
  /* a new resource is asked as well: the watched path lies below its one change */
  j = judge(&w, NULL, "{\"properties\":{\"tls\":\"TLS1_0\"}}", NULL);
  assert_verdict(j, 0, "tls", AZD_SEVERITY_MEDIUM, "stshop in rg-shop went from absent to TLS1_0 at properties.tls");
  assert_int_equal(j->verdicts[0].changes[0], 0);
  j = judge(&w, "{\"properties\":{\"tls\":\"TLS1_0\"}}", NULL, NULL);
  assert_int_equal(j->verdict_count, 1);
  assert_verdict(j, 0, "gone", AZD_SEVERITY_HIGH, "stshop is gone");
  close_world(&w);
}

static void watched_paths_meet_changes_at_above_and_below(void **state) {
  (void)state;
  static const struct {
    const char *watch, *before, *after;
    bool fires;
  } cases[] = {
      {"properties.acls", "{\"properties\":{\"acls\":{\"a\":1}}}", "{\"properties\":{\"acls\":{\"a\":2}}}", true},
      {"PROPERTIES.acls.a", "{\"properties\":{\"acls\":{\"a\":1}}}", "{\"properties\":{\"acls\":{\"a\":2}}}", true},
      {"properties.acls.b", "{\"properties\":{\"acls\":{\"a\":1}}}", "{\"properties\":{\"acls\":{\"a\":2}}}", false},
      {"properties.acls.a", "{\"properties\":{}}", "{\"properties\":{\"acls\":{\"a\":2}}}", true},
      {"properties.acls.b", "{\"properties\":{}}", "{\"properties\":{\"acls\":{\"a\":2}}}", false},
      {"properties.rules[].access", "{\"properties\":{\"rules\":[{\"name\":\"x\",\"access\":1}]}}",
       "{\"properties\":{\"rules\":[{\"name\":\"x\",\"access\":2}]}}", true},
      {"properties.rules[name=X].access", "{\"properties\":{\"rules\":[{\"name\":\"x\",\"access\":1}]}}",
       "{\"properties\":{\"rules\":[{\"name\":\"x\",\"access\":2}]}}", true},
      {"properties.rules[name=y].access", "{\"properties\":{\"rules\":[{\"name\":\"x\",\"access\":1}]}}",
       "{\"properties\":{\"rules\":[{\"name\":\"x\",\"access\":2}]}}", false},
      {"properties.rules[].access", "{\"properties\":{\"rules\":[]}}",
       "{\"properties\":{\"rules\":[{\"name\":\"x\",\"access\":2}]}}", true},
      {"..access", "{\"properties\":{\"rules\":[{\"name\":\"x\",\"access\":1}]}}",
       "{\"properties\":{\"rules\":[{\"name\":\"x\",\"access\":2}]}}", true},
      {"..access", "{\"properties\":{\"x\":{}}}", "{\"properties\":{\"x\":{\"y\":{\"access\":1}}}}", true},
      {"..access", "{\"properties\":{\"x\":1}}", "{\"properties\":{\"x\":2}}", false},
      {"tags{}", "{\"tags\":{\"a\":\"1\"}}", "{\"tags\":{\"a\":\"2\"}}", true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char policies[512];
    struct world w;
    snprintf(policies, sizeof policies, "policy \"x\" { type = \"*\", watch = \"%s\", severity = \"high\" }",
             cases[i].watch);
    open_world(&w, NULL, policies);
    const struct azd_judgement *j = judge(&w, cases[i].before, cases[i].after, NULL);
    if ((j->verdict_count == 1) != cases[i].fires)
      fail_msg("%s: %s -> %s", cases[i].watch, cases[i].before, cases[i].after);
    close_world(&w);
  }
}

/* ---- policies that are functions ---- */

static void every_form_of_answer(void **state) {
  (void)state;
  struct world w;
  open_world(&w, NULL,
             "local function p(name, f) policy(name) { type = \"*\", severity = \"low\", message = \"own\", fix = "
             "\"mine\", refs = { \"R\" }, on_resource = f } end\n"
             "p(\"nothing\", function() end)\n"
             "p(\"false\", function() return false end)\n"
             "p(\"severity\", function() return \"critical\" end)\n"
             "p(\"table\", function(r) return { severity = \"high\", message = \"{resource.name} \" .. r.after.n, fix "
             "= \"do\", refs = { \"A\", \"B\" } } end)\n"
             "p(\"partial\", function(r) return { severity = \"info\" } end)\n"
             "p(\"number\", function() return 7 end)\n"
             "p(\"typo\", function() return \"hihg\" end)\n"
             "p(\"field\", function() return { severity = \"low\", mesage = \"x\" } end)\n"
             "p(\"bare\", function() return { message = \"x\" } end)\n");
  const struct azd_judgement *j = judge(&w, "{\"n\":1}", "{\"n\":2}", NULL);
  assert_int_equal(j->verdict_count, 3);
  assert_verdict(j, 0, "severity", AZD_SEVERITY_CRITICAL, "own");
  assert_verdict(j, 1, "table", AZD_SEVERITY_HIGH, "stshop 2");
  assert_string_equal(j->verdicts[1].fix, "do");
  assert_int_equal(j->verdicts[1].ref_count, 2);
  assert_verdict(j, 2, "partial", AZD_SEVERITY_INFO, "own");
  assert_string_equal(j->verdicts[2].refs[0], "R");
  assert_int_equal(j->error_count, 4);
  assert_string_equal(j->errors[0].policy, "number");
  assert_string_equal(j->errors[0].at, "policies/p.lua:1");
  assert_non_null(strstr(j->errors[0].text, "returned a number"));
  assert_non_null(strstr(j->errors[1].text, "returned the severity 'hihg'"));
  assert_non_null(strstr(j->errors[2].text, "'mesage' that nobody knows"));
  assert_non_null(strstr(j->errors[3].text, "a table without severity"));
  assert_false(j->complete);
  close_world(&w);
}

static void on_change_speaks_of_each_change_and_equal_words_are_one_verdict(void **state) {
  (void)state;
  struct world w;
  open_world(
      &w, NULL,
      "policy \"each\" { type = \"*\", severity = \"low\", message = \"{op} {path}\", on_change = function(change, r)\n"
      "  return change.new == 2 and \"medium\" end }\n"
      "policy \"same\" { type = \"*\", severity = \"low\", message = \"something\", on_change = function(change, r)\n"
      "  assert(#r.changes == 3 and r.changes[1].path == \"a\" and r.kind == \"changed\" and change.parent.c) return "
      "\"high\" end }\n");
  const struct azd_judgement *j = judge(&w, "{\"a\":1,\"b\":1,\"c\":1}", "{\"a\":2,\"b\":2,\"c\":3}", NULL);
  if (j->error_count) fail_msg("%s: %s", j->errors[0].at, j->errors[0].text);
  assert_int_equal(j->verdict_count, 3);
  assert_verdict(j, 0, "each", AZD_SEVERITY_MEDIUM, "replace a");
  assert_verdict(j, 1, "each", AZD_SEVERITY_MEDIUM, "replace b");
  assert_verdict(j, 2, "same", AZD_SEVERITY_HIGH, "something");
  assert_int_equal(j->verdicts[2].change_count, 3);
  assert_int_equal(j->changes[0].severity, AZD_SEVERITY_HIGH);
  close_world(&w);
}

static void a_policy_sees_what_is_known_around_the_resource(void **state) {
  (void)state;
  struct world w;
  open_world(
      &w, NULL,
      "policy \"all\" { type = \"*\", severity = \"low\", on_resource = function(r)\n"
      "  assert(r.subscription == \"5ab\" and r.group.name == \"rg-shop\" and r.name == \"stshop\", \"id\")\n"
      "  assert(r.tags.env == \"prod\" and r.location == \"westeurope\", \"body\")\n"
      "  assert(r.actor.kind == \"user\" and r.group.tags.team == \"shop\" and r.group.managed_by == nil, "
      "\"context\")\n"
      "  assert(r.parent.name == \"p\" and #r.related(\"microsoft.network/VNETS\") == 1 and r.related(\"x/y\") == nil, "
      "\"neighbours\")\n"
      "  assert(r.against == \"previous\" and r.now == 1770000000, \"time\")\n"
      "  assert(has(r.after, \"none\") and is_null(r.after, \"none\") and not has(r.after, \"nothing\"), \"null\")\n"
      "  assert(math.type(r.after.big) == \"integer\" and raw(r.after, \"long\") == "
      "\"123456789012345678901234567890\", \"numbers\")\n"
      "  local keys = {} for k in pairs(r.after.tags) do keys[#keys + 1] = k end assert(table.concat(keys, \",\") == "
      "\"a,env\", \"pairs\")\n"
      "  assert(type(r.after) == \"table\" and tostring(r.after) == \"table\" and r.after.tags == r.after.tags, "
      "\"type\")\n"
      "  return \"info\" end }\n"
      "policy \"misspelt\" { type = \"*\", severity = \"medium\", on_resource = function(r) return r.befor.x and "
      "\"low\" end }\n");
  const struct azd_judgement *j =
      judge(&w, "{\"n\":1}",
            "{\"n\":2,\"none\":null,\"big\":9007199254740993,\"long\":123456789012345678901234567890,\"location\":"
            "\"westeurope\",\"tags\":{\"a\":\"1\",\"env\":\"prod\"}}",
            "{\"actor\":{\"kind\":\"user\"},\"group\":{\"tags\":{\"team\":\"shop\"}},\"parent\":{\"name\":\"p\"},"
            "\"related\":{\"Microsoft.Network/vnets\":[{}]}}");
  assert_int_equal(j->error_count, 1);
  assert_string_equal(j->errors[0].policy, "misspelt");
  assert_non_null(strstr(j->errors[0].text, "a resource has no 'befor'"));
  assert_verdict(j, 0, "all", AZD_SEVERITY_INFO, NULL);
  assert_int_equal(j->severity, AZD_SEVERITY_MEDIUM); /* what failed may have had as much to say */
  close_world(&w);
}

static void documents_are_read_only_and_die_with_the_call(void **state) {
  (void)state;
  struct world w;
  open_world(&w, NULL,
             "local kept\n"
             "policy \"write\" { type = \"*\", severity = \"low\", on_resource = function(r) r.after.n = 3 end }\n"
             "policy \"keep\" { type = \"*\", severity = \"low\", on_resource = function(r) kept = kept or { r.after, "
             "r, r.changes } end }\n"
             "policy \"node\" { type = \"*\", severity = \"low\", on_resource = function(r) return kept[1].n == 2 and "
             "\"high\" end }\n"
             "policy \"object\" { type = \"*\", severity = \"low\", on_resource = function(r) return kept[2].name and "
             "\"high\" end }\n"
             "policy \"list\" { type = \"*\", severity = \"low\", on_resource = function(r) for _ in ipairs(kept[3]) "
             "do return \"high\" end end }\n"
             "policy \"order\" { type = \"*\", severity = \"low\", on_resource = function(r) return r.after < r.before "
             "and \"high\" end }\n");
  for (int i = 0; i < 3; i++) {
    const struct azd_judgement *j = judge(&w, "{\"n\":1}", "{\"n\":2}", NULL);
    assert_int_equal(j->verdict_count, 0);
    assert_int_equal(j->error_count, 5);
    assert_non_null(strstr(j->errors[0].text, "documents are read-only"));
    for (int e = 1; e <= 3; e++) assert_non_null(strstr(j->errors[e].text, "it lives for one call"));
    assert_non_null(strstr(j->errors[4].text, "has no order"));
  }
  close_world(&w);
}

/* ---- what goes wrong ---- */

/* The loop allocates, for TSan hands a signal on only when its own functions are called. */
static void a_stopped_policy_is_off_and_the_rest_still_judges(void **state) {
  (void)state;
  struct world w;
  open_world(
      &w, NULL,
      "policy \"loop\" { type = \"*\", severity = \"high\", on_resource = function(r)\n  while true do local t = {} "
      "end end }\n"
      "policy \"hog\" { type = \"*\", severity = \"low\", on_resource = function(r) local s = \"x\"\n  while true do s "
      "= s .. s end end }\n"
      "policy \"fine\" { type = \"*\", severity = \"low\", message = \"still here\", on_resource = function(r) return "
      "\"medium\" end }\n");
  const struct azd_judgement *j = judge(&w, "{\"n\":1}", "{\"n\":2}", NULL);
  assert_int_equal(j->error_count, 2);
  assert_string_equal(j->errors[0].policy, "loop");
  assert_string_equal(j->errors[0].at, "policies/p.lua:2");
  assert_string_equal(j->errors[0].text, "stopped: more than 50 ms of CPU time");
  assert_true(j->errors[0].stopped);
  assert_string_equal(j->errors[1].at, "policies/p.lua:4");
  /* by memory, or by time where first touches of pages are slow */
  assert_non_null(strstr(j->errors[1].text, "stopped: more than "));
  assert_verdict(j, 0, "fine", AZD_SEVERITY_MEDIUM, "still here");
  assert_int_equal(j->severity, AZD_SEVERITY_HIGH);
  assert_false(j->complete);
  assert_int_equal(azd_judge_states_rebuilt(w.judge), 2);
  assert_int_equal(azd_bundle_struck(w.bundle), 2);
  /* off from now on, at no cost, and still said; on other workers, too */
  struct azd_judge *other = azd_judge_new(), *first = w.judge;
  azd_judge_use(other, w.bundle);
  for (int i = 0; i < 2; i++) {
    int64_t began = azd_clock_thread_cpu_ns();
    w.judge = i ? first : other;
    j = judge(&w, "{\"n\":1}", "{\"n\":2}", NULL);
    assert_true(azd_clock_thread_cpu_ns() - began < 50000000);
    assert_int_equal(j->error_count, 2);
    assert_string_equal(j->errors[0].text, "stopped: more than 50 ms of CPU time (off until the next bundle)");
    assert_int_equal(j->verdict_count, 1);
  }
  assert_int_equal(azd_judge_states_rebuilt(other), 0);
  azd_judge_free(other);
  close_world(&w);
}

/* ---- rules ---- */

static void conditions_of_rules_decide_what_is_a_change(void **state) {
  (void)state;
  struct world w;
  open_world(&w,
             "rules { type = \"*\", owner = \"o\",\n"
             "  { ignore = \"pool.count\", why = \"autoscaler\", when = function(change, resource)\n"
             "    return change.parent.auto and change.new <= (change.parent.max or 0) end },\n"
             "  { observe = \"version\", why = \"platform\" },\n"
             "  { ignore = \"broken\", why = \"w\", when = function(change) return change.new < nil end } }",
             "policy \"any\" { type = \"*\", severity = \"high\", on_change = function(c, r) return { severity = "
             "\"high\", message = c.path .. #r.effects } end }");
  const struct azd_judgement *j = judge(&w, "{\"pool\":{\"count\":1,\"auto\":true,\"max\":5},\"version\":1}",
                                        "{\"pool\":{\"count\":4,\"auto\":true,\"max\":5},\"version\":2}", NULL);
  assert_int_equal(j->counted, 0);
  assert_int_equal(j->verdict_count, 0);
  assert_int_equal(j->severity, AZD_SEVERITY_NONE);
  assert_int_equal(j->changes[0].class, AZD_CLASS_IGNORED);
  assert_int_equal(j->changes[0].rule, 0);
  assert_int_equal(j->changes[1].class, AZD_CLASS_EFFECT);
  j = judge(&w, "{\"pool\":{\"count\":1,\"auto\":true,\"max\":5},\"version\":1}",
            "{\"pool\":{\"count\":9,\"auto\":true,\"max\":5},\"version\":2}", NULL);
  assert_int_equal(j->counted, 1);
  assert_verdict(j, 0, "any", AZD_SEVERITY_HIGH, "pool.count1");
  /* a condition that fails swallows nothing */
  j = judge(&w, "{\"broken\":1}", "{\"broken\":2}", NULL);
  assert_int_equal(j->counted, 1);
  assert_string_equal(j->errors[0].policy, "rules");
  assert_string_equal(j->errors[0].at, "rules/r.lua:5");
  assert_false(j->complete);
  close_world(&w);
}

static void nobody_speaks_is_low_and_tags_are_info(void **state) {
  (void)state;
  struct world w;
  open_world(&w, NULL, "");
  assert_int_equal(judge(&w, "{\"tags\":{\"a\":\"1\"}}", "{\"tags\":{\"a\":\"2\"}}", NULL)->severity,
                   AZD_SEVERITY_INFO);
  assert_int_equal(judge(&w, "{\"tagsets\":1}", "{\"tagsets\":2}", NULL)->severity, AZD_SEVERITY_LOW);
  assert_int_equal(judge(&w, "{\"tags\":{},\"n\":1}", "{\"tags\":{\"a\":\"2\"},\"n\":2}", NULL)->severity,
                   AZD_SEVERITY_LOW);
  close_world(&w);
}

/* ---- tune and expected ---- */

static void tune_softens_one_policy(void **state) {
  (void)state;
  struct world w;
  open_world(&w, NULL,
             "policy \"a\" { type = \"*\", watch = \"a\", severity = \"critical\" }\n"
             "policy \"b\" { type = \"*\", watch = \"b\", severity = \"critical\" }\n"
             "policy \"c\" { type = \"*\", watch = \"c\", severity = \"critical\" }\n"
             "tune \"a\" { severity = \"info\", why = \"w\" }\n"
             "tune \"b\" { enabled = false, why = \"w\" }\n"
             "tune \"c\" { unless = function(change, r) return r.tags.env == \"sandbox\" and change.new == 2 end, why "
             "= \"w\" }\n");
  const struct azd_judgement *j =
      judge(&w, "{\"a\":1,\"b\":1,\"c\":1}", "{\"a\":2,\"b\":2,\"c\":2}", "{\"tags\":{\"env\":\"sandbox\"}}");
  assert_int_equal(j->verdict_count, 1);
  assert_verdict(j, 0, "a", AZD_SEVERITY_INFO, NULL);
  assert_int_equal(j->severity, AZD_SEVERITY_LOW); /* b and c are changes nobody speaks about */
  j = judge(&w, "{\"c\":1}", "{\"c\":2}", "{\"tags\":{\"env\":\"prod\"}}");
  assert_verdict(j, 0, "c", AZD_SEVERITY_CRITICAL, NULL);
  close_world(&w);
}

static void expected_wants_all_it_names_and_a_known_actor(void **state) {
  (void)state;
  struct world w;
  open_world(&w, NULL,
             "policy \"x\" { type = \"*\", watch = \"bad\", severity = \"critical\" }\n"
             "expected \"pipelines\" { actor = { \"sp-platform-*\", \"github:acme/infra\" }, within = \"mon-fri "
             "08:00-18:00 Europe/Berlin\",\n"
             "  tag = { env = \"prod\" }, group = \"RG-*\", unless = function(r) return r.severity == \"critical\" "
             "end, why = \"reviewed\" }\n");
  static const char old[] = "{\"n\":1,\"tags\":{\"env\":\"prod\"}}", new[] = "{\"n\":2,\"tags\":{\"env\":\"prod\"}}";
  assert_string_equal(
      judge(&w, old, new, "{\"actor\":{\"name\":\"SP-platform-prod\",\"at\":\"2026-01-05T07:30:00Z\"}}")->expected,
      "pipelines");
  assert_string_equal(judge(&w, old, new, "{\"actor\":{\"id\":\"github:acme/infra\",\"at\":1767598200}}")->expected,
                      "pipelines");
  assert_null(judge(&w, old, new, "{\"actor\":{\"name\":\"eve\",\"at\":\"2026-01-05T07:30:00Z\"}}")->expected);
  assert_null(
      judge(&w, old, new, "{\"actor\":{\"name\":\"sp-platform-prod\",\"at\":\"2026-01-05T20:30:00Z\"}}")->expected);
  assert_null(
      judge(&w, "{\"n\":1}", "{\"n\":2}", "{\"actor\":{\"name\":\"sp-platform-prod\",\"at\":1767598200}}")->expected);
  assert_null(judge(&w, old, new, "{\"actor\":null}")->expected);
  assert_null(judge(&w, old, new, NULL)->expected);
  assert_null(judge(&w, "{\"bad\":1,\"tags\":{\"env\":\"prod\"}}", "{\"bad\":2,\"tags\":{\"env\":\"prod\"}}",
                    "{\"actor\":{\"name\":\"sp-platform-prod\",\"at\":1767598200}}")
                  ->expected);
  close_world(&w);
}

static void the_arena_is_all_a_call_takes(void **state) {
  (void)state;
  struct world w;
  struct azd_error error;
  open_world(&w, NULL, "policy \"x\" { type = \"*\", severity = \"high\", message = \"{old} {new}\" }");
  judge(&w, "{\"n\":1}", "{\"n\":2}", NULL);
  struct azd_judge_input input = {.kind = AZD_DRIFT_CHANGED,
                                  .id = azd_str_of(id),
                                  .type = AZD_STR(STORAGE),
                                  .before = w.before,
                                  .after = w.after,
                                  .diff = w.diff};
  for (size_t cap = 64; cap < 4096; cap += 64) { /* wherever it ends, it says so and harms nothing */
    struct azd_arena small;
    struct azd_judgement judgement;
    azd_arena_init(&small, cap);
    int rc = azd_judge_run(w.judge, &input, &small, &judgement, &error);
    assert_true(rc == 0 || rc == AZD_ENOMEM);
    if (rc == 0) assert_string_equal(judgement.verdicts[0].message, "1 2");
    azd_arena_free(&small);
  }
  close_world(&w);
}

int main(void) {
  alarm(120);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(data_policies_ask_from_to_and_kind),
      cmocka_unit_test(watched_paths_meet_changes_at_above_and_below),
      cmocka_unit_test(every_form_of_answer),
      cmocka_unit_test(on_change_speaks_of_each_change_and_equal_words_are_one_verdict),
      cmocka_unit_test(a_policy_sees_what_is_known_around_the_resource),
      cmocka_unit_test(documents_are_read_only_and_die_with_the_call),
      cmocka_unit_test(a_stopped_policy_is_off_and_the_rest_still_judges),
      cmocka_unit_test(conditions_of_rules_decide_what_is_a_change),
      cmocka_unit_test(nobody_speaks_is_low_and_tags_are_info),
      cmocka_unit_test(tune_softens_one_policy),
      cmocka_unit_test(expected_wants_all_it_names_and_a_known_actor),
      cmocka_unit_test(the_arena_is_all_a_call_takes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
