/* The detect job: pairs of bodies become drifts. Kinds, classes, fingerprints, secrets, views, scripts that fail. */
#include "drift/detect.h"
#include "support/drift_world.h"

static const char rules[] = "rules { type = \"*\", owner = \"t\",\n"
                            "  { ignore = \"properties.noise\", why = \"changes by itself\" },\n"
                            "  { observe = \"properties.endpoint\", why = \"the platform's\" },\n"
                            "  { redact = \"properties.password\", why = \"a secret\" },\n"
                            "}\n";

static const char policies[] =
    "policy \"open\" { type = \"" ACCOUNTS
    "\", watch = \"properties.access\", to = { \"Allow\" }, severity = \"high\",\n"
    "  message = \"{resource.name} is open\", fix = \"close it\", refs = { \"R1\" },\n"
    "  examples = { { old = { properties = { access = \"Deny\" } }, new = { properties = { access = \"Allow\" } }, "
    "gives = \"high\" } } }\n"
    "policy \"fragile\" { type = \"" ACCOUNTS "\", watch = \"properties.count\", severity = \"medium\",\n"
    "  message = \"count fell\", on_change = function(change) return change.new < change.old and \"medium\" end,\n"
    "  examples = { { old = { properties = { count = 2 } }, new = { properties = { count = 1 } }, gives = \"medium\" } "
    "} }\n"
    "expected \"by our pipeline\" { type = \"A.b/c\", why = \"reviewed\", unless = function(r) return r.actor == nil "
    "and r.kind ~= \"changed\" end }\n";

struct world {
  struct azd_detector *detector;
  struct azd_bundle *bundle;
  struct azd_detect_options options;
  struct azd_detected found;
};

static int set_up(void **state) {
  struct world *world = calloc(1, sizeof *world);
  world->detector = azd_detector_new();
  world->bundle = bundle_of(rules, policies);
  world->options = (struct azd_detect_options){
      .bundle = world->bundle,
      .scope = AZD_STR(SUBSCRIPTION),
      .now_ms = 1770000000000,
      .identities = {AZD_STR("/properties/vmId")},
      .identity_count = 1,
  };
  *state = world;
  return 0;
}

static int tear_down(void **state) {
  struct world *world = *state;
  azd_detector_free(world->detector);
  azd_bundle_unref(world->bundle);
  free(world);
  return 0;
}

static struct azd_detect_pair account(void) {
  return (struct azd_detect_pair){.id = AZD_STR(ACCOUNT("a")), .type = AZD_STR(ACCOUNTS)};
}

static const struct azd_detected *detect_pair(struct world *world, struct azd_detect_pair pair, const char *before,
                                              const char *after) {
  must(azd_detect_bytes(world->detector, &world->options, &pair, azd_str_of(before), azd_str_of(after), &world->found,
                        ERR));
  return &world->found;
}

static const struct azd_detected *detect(struct world *world, const char *before, const char *after) {
  return detect_pair(world, account(), before, after);
}

static void a_change_has_severity_verdict_path_and_pointer(void **state) {
  const struct azd_detected *found = detect(*state, "{\"properties\":{\"access\":\"Deny\",\"size\":1}}",
                                            "{\"properties\":{\"access\":\"Allow\",\"size\":2}}");
  assert_true(found->found && found->complete);
  assert_int_equal(found->kind, AZD_DRIFT_CHANGED);
  assert_int_equal(found->severity, AZD_SEVERITY_HIGH);
  assert_int_equal(found->changes, 2);
  assert_str(found->json, "{\"kind\":\"changed\",\"resource_type\":\"" ACCOUNTS "\",\"resource_id\":\"" ACCOUNT(
                              "a") "\",\"severity\":\"high\","
                                   "\"verdicts\":[{\"policy\":\"open\",\"severity\":\"high\",\"message\":\"a is "
                                   "open\",\"fix\":\"close it\",\"refs\":[\"R1\"],\"changes\":[0]}],"
                                   "\"changes\":[{\"op\":\"replace\",\"property\":\"properties.access\",\"pointer\":\"/"
                                   "properties/access\",\"old_value\":\"Deny\","
                                   "\"new_value\":\"Allow\",\"severity\":\"high\"},"
                                   "{\"op\":\"replace\",\"property\":\"properties.size\",\"pointer\":\"/properties/"
                                   "size\",\"old_value\":1,\"new_value\":2,\"severity\":\"low\"}],"
                                   "\"effects\":[],\"notes\":[]}");
  assert_str(found->errors, "[]");
}

static void what_rules_swallow_is_no_drift_and_is_counted(void **state) {
  struct world *world = *state;
  const char *before = "{\"properties\":{\"noise\":1,\"endpoint\":\"a\"}}",
             *after = "{\"properties\":{\"noise\":2,\"endpoint\":\"b\"}}";
  const struct azd_detected *found = detect(world, before, after);
  assert_false(found->found);
  assert_int_equal(found->ignored, 1);
  assert_int_equal(found->effects, 1);
  assert_has(found->json, "\"effects\":[{\"op\":\"replace\",\"property\":\"properties.endpoint\"");
  assert_has(
      found->json,
      "\"rule\":{\"file\":\"rules/r.lua\",\"line\":3,\"path\":\"properties.endpoint\",\"why\":\"the platform's\"}");
  assert_lacks(found->json, "ignored");
  world->options.show_ignored = true;
  assert_has(detect(world, before, after)->json, "\"ignored\":[{\"op\":\"replace\",\"property\":\"properties.noise\"");
}

static void verdicts_count_only_the_changes_that_are_listed(void **state) {
  /* The judge numbers all differences; the report's "changes" leave out effects and what was ignored. */
  const struct azd_detected *found =
      detect(*state, "{\"a\":1,\"properties\":{\"endpoint\":\"x\",\"noise\":1,\"access\":\"Deny\"}}",
             "{\"a\":2,\"properties\":{\"endpoint\":\"y\",\"noise\":2,\"access\":\"Allow\"}}");
  assert_int_equal(found->changes, 2);
  assert_has(found->json, "\"refs\":[\"R1\"],\"changes\":[1]}");
}

static void added_and_removed_are_one_change_of_the_whole_body(void **state) {
  const struct azd_detected *found = detect(*state, "", "{\"a\":1}");
  assert_true(found->found);
  assert_int_equal(found->kind, AZD_DRIFT_ADDED);
  assert_int_equal(found->changes, 1);
  assert_has(
      found->json,
      "\"changes\":[{\"op\":\"add\",\"property\":\"\",\"pointer\":\"\",\"new_value\":{\"a\":1},\"severity\":\"low\"}]");
  found = detect(*state, "{\"a\":1}", "");
  assert_int_equal(found->kind, AZD_DRIFT_REMOVED);
  assert_has(found->json, "\"changes\":[{\"op\":\"remove\",\"property\":\"\",\"pointer\":\"\",\"old_value\":{\"a\":1},"
                          "\"severity\":\"low\"}]");
}

static void made_again_under_its_name_is_a_drift_of_its_own(void **state) {
  const struct azd_detected *found =
      detect(*state, "{\"properties\":{\"vmId\":\"A-1\"}}", "{\"properties\":{\"vmId\":\"b-2\"}}");
  assert_int_equal(found->kind, AZD_DRIFT_RECREATED);
  assert_int_equal(found->severity, AZD_SEVERITY_MEDIUM); /* what hung on it is gone, whatever the bodies say */
  assert_int_equal(detect(*state, "{\"properties\":{\"vmId\":\"A-1\",\"access\":\"Deny\"}}",
                          "{\"properties\":{\"vmId\":\"b-2\",\"access\":\"Allow\"}}")
                       ->severity,
                   AZD_SEVERITY_HIGH);
  /* The same value in another case, and one that only one side has, say nothing. */
  assert_int_equal(
      detect(*state, "{\"properties\":{\"vmId\":\"A-1\",\"x\":1}}", "{\"properties\":{\"vmId\":\"a-1\",\"x\":2}}")
          ->kind,
      AZD_DRIFT_CHANGED);
  assert_int_equal(detect(*state, "{\"properties\":{\"x\":1}}", "{\"properties\":{\"vmId\":\"a-1\",\"x\":2}}")->kind,
                   AZD_DRIFT_CHANGED);
}

static void fingerprint_of(struct world *world, const char *before, const char *after, char *out) {
  strcpy(out, detect(world, before, after)->fingerprint);
}

static void a_fingerprint_follows_resource_kind_and_paths(void **state) {
  struct world *world = *state;
  char first[AZD_FINGERPRINT_BYTES], other[AZD_FINGERPRINT_BYTES];
  fingerprint_of(world, "{\"a\":1,\"b\":1}", "{\"a\":2,\"b\":2}", first);
  assert_int_equal(strlen(first), 16);
  /* the order of the properties, other values and noise beside are the same drift */
  fingerprint_of(world, "{\"b\":1,\"a\":1}", "{\"b\":3,\"a\":4}", other);
  assert_string_equal(first, other);
  fingerprint_of(world, "{\"a\":1,\"b\":1,\"properties\":{\"noise\":1,\"endpoint\":1}}",
                 "{\"a\":2,\"b\":2,\"properties\":{\"noise\":2,\"endpoint\":2}}", other);
  assert_string_equal(first, other);
  struct azd_detect_pair pair = account();
  pair.id = AZD_STR(GROUP "/PROVIDERS/MICROSOFT.storage/storageaccounts/A");
  pair.type = AZD_STR("microsoft.storage/storageaccounts");
  assert_string_equal(first, detect_pair(world, pair, "{\"a\":1,\"b\":1}", "{\"a\":2,\"b\":2}")->fingerprint);
  /* another path, one less, another kind, another resource, another scope are others */
  static const char *const others[][2] = {{"{\"a\":1,\"c\":1}", "{\"a\":2,\"c\":2}"},
                                          {"{\"a\":1}", "{\"a\":2}"},
                                          {"", "{\"a\":2,\"b\":2}"},
                                          {"{\"a\":1,\"b\":1}", ""}};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    fingerprint_of(world, others[i][0], others[i][1], other);
    assert_string_not_equal(first, other);
  }
  pair.id = AZD_STR(ACCOUNT("b"));
  assert_string_not_equal(first, detect_pair(world, pair, "{\"a\":1,\"b\":1}", "{\"a\":2,\"b\":2}")->fingerprint);
  world->options.scope = AZD_STR("/subscriptions/other");
  assert_string_not_equal(first, detect(world, "{\"a\":1,\"b\":1}", "{\"a\":2,\"b\":2}")->fingerprint);
}

static void an_element_keeps_its_fingerprint_when_it_moves(void **state) {
  char first[AZD_FINGERPRINT_BYTES], moved[AZD_FINGERPRINT_BYTES];
  fingerprint_of(*state, "{\"r\":[{\"name\":\"x\",\"v\":1},{\"name\":\"y\",\"v\":1}]}",
                 "{\"r\":[{\"name\":\"x\",\"v\":1},{\"name\":\"y\",\"v\":2}]}", first);
  fingerprint_of(*state, "{\"r\":[{\"name\":\"y\",\"v\":1},{\"name\":\"x\",\"v\":1}]}",
                 "{\"r\":[{\"name\":\"y\",\"v\":2},{\"name\":\"x\",\"v\":1}]}", moved);
  assert_string_equal(first, moved);
}

static void another_view_compares_what_both_carry(void **state) {
  struct azd_detect_pair pair = account();
  pair.before.view = AZD_STR("list");
  pair.after.view = AZD_STR("get");
  pair.before.api_version = pair.after.api_version = AZD_STR("2023-05-01");
  const struct azd_detected *found = detect_pair(*state, pair, "{\"a\":1}", "{\"a\":1,\"b\":2}");
  assert_false(found->found);
  assert_int_equal(found->not_compared, 1);
  found = detect_pair(*state, pair, "{\"a\":1}", "{\"a\":2,\"b\":2}");
  assert_true(found->found);
  assert_int_equal(found->changes, 1);
  assert_has(found->json, "\"notes\":[{\"op\":\"replace\",\"property\":\"\",\"note\":\"read another way: only what "
                          "both carry was compared\","
                          "\"old_value\":\"list 2023-05-01\",\"new_value\":\"get 2023-05-01\"}]");
  pair.after.view = AZD_STR("LIST");
  assert_int_equal(detect_pair(*state, pair, "{\"a\":1}", "{\"a\":1,\"b\":2}")->changes, 1);
  pair.after.api_version = AZD_STR("2024-01-01");
  assert_int_equal(detect_pair(*state, pair, "{\"a\":1}", "{\"a\":1,\"b\":2}")->changes, 0);
  /* Not known on one side is not another one. */
  pair.after.view = pair.after.api_version = AZD_STR("");
  assert_int_equal(detect_pair(*state, pair, "{\"a\":1}", "{\"a\":1,\"b\":2}")->changes, 1);
}

static void a_policy_that_raises_is_told_and_leaves_its_own_severity(void **state) {
  const struct azd_detected *found =
      detect(*state, "{\"properties\":{\"count\":2}}", "{\"properties\":{\"count\":\"two\"}}");
  assert_true(found->found);
  assert_false(found->complete);
  assert_int_equal(found->severity, AZD_SEVERITY_MEDIUM);
  assert_has(found->errors, "[{\"policy\":\"fragile\",\"at\":\"policies/p.lua:5\",\"error\":\"");
  assert_has(found->errors, "compare");
}

static void what_somebody_expects_is_named(void **state) {
  struct azd_doc *context = azd_doc_new();
  struct azd_detect_pair pair = {.id = AZD_STR("/x/providers/A.b/c/d"), .type = AZD_STR("A.b/c")};
  must(azd_doc_parse(context, AZD_STR("{\"actor\":{\"kind\":\"service\",\"name\":\"pipeline\"}}"), NULL, ERR));
  assert_null(detect_pair(*state, pair, "{\"a\":1}", "{\"a\":2}")->expected); /* nobody knows who did it */
  pair.context = context;
  const struct azd_detected *found = detect_pair(*state, pair, "{\"a\":1}", "{\"a\":2}");
  assert_string_equal(found->expected, "by our pipeline");
  assert_has(found->json, "\"expected\":\"by our pipeline\"");
  azd_doc_free(context);
}

static void with_rules_only_nothing_is_said_of_severity(void **state) {
  struct world *world = *state;
  world->options.rules_only = true;
  const struct azd_detected *found =
      detect(world, "{\"properties\":{\"access\":\"Deny\"}}", "{\"properties\":{\"access\":\"Allow\"}}");
  assert_true(found->found);
  assert_lacks(found->json, "severity");
  assert_lacks(found->json, "verdicts");
}

static void raw_knows_no_rules_and_no_bundle(void **state) {
  struct world *world = *state;
  world->options.raw = true;
  world->options.bundle = NULL;
  const struct azd_detected *found =
      detect(world, "{\"properties\":{\"noise\":1},\"l\":[1,2]}", "{\"properties\":{\"noise\":2},\"l\":[2,1]}");
  assert_int_equal(found->changes, 3);
  assert_lacks(found->json, "severity");
  assert_has(found->json, "\"pointer\":\"/l/0\"");
}

static void secrets_of_files_are_digests_on_both_sides(void **state) {
  struct world *world = *state;
  world->options.redaction_key = redaction_key;
  const struct azd_detected *found = detect(world, "{\"properties\":{\"password\":\"correct horse\"}}",
                                            "{\"properties\":{\"password\":\"battery staple\"}}");
  assert_true(found->found);
  assert_int_equal(found->changes, 1);
  assert_has(found->json, "$redacted");
  assert_lacks(found->json, "horse");
  assert_lacks(found->json, "staple");
  /* The same secret is none, nor is the same text written another way. */
  assert_false(
      detect(world, "{\"properties\":{\"password\":\"x\"},\"b\":1.0}", "{\"b\":1,\"properties\":{\"password\":\"x\"}}")
          ->found);
  /* Another key: other digests, in the same detector. */
  char first[64];
  snprintf(first, sizeof first, "%.16s",
           strstr(detect(world, "{}", "{\"properties\":{\"password\":\"x\"}}")->json.data, "$redacted\":\"") + 12);
  world->options.redaction_key = AZD_STR("another key of at least 16 bytes");
  assert_lacks(detect(world, "{}", "{\"properties\":{\"password\":\"x\"}}")->json, first);
}

static void stored_bytes_that_are_no_json_are_corrupt(void **state) {
  struct world *world = *state;
  struct azd_detect_pair pair = account();
  assert_int_equal(azd_detect_bytes(world->detector, &world->options, &pair, AZD_STR("{\"a\":1}"), AZD_STR("{\"a\":"),
                                    &world->found, ERR),
                   AZD_ECORRUPT);
  assert_has(azd_str_of(ERR->text), "stored body after");
  assert_true(detect(world, "{\"a\":1}", "{\"a\":2}")->found); /* the detector goes on */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_change_has_severity_verdict_path_and_pointer),
      TEST(what_rules_swallow_is_no_drift_and_is_counted),
      TEST(verdicts_count_only_the_changes_that_are_listed),
      TEST(added_and_removed_are_one_change_of_the_whole_body),
      TEST(made_again_under_its_name_is_a_drift_of_its_own),
      TEST(a_fingerprint_follows_resource_kind_and_paths),
      TEST(an_element_keeps_its_fingerprint_when_it_moves),
      TEST(another_view_compares_what_both_carry),
      TEST(a_policy_that_raises_is_told_and_leaves_its_own_severity),
      TEST(what_somebody_expects_is_named),
      TEST(with_rules_only_nothing_is_said_of_severity),
      TEST(raw_knows_no_rules_and_no_bundle),
      TEST(secrets_of_files_are_digests_on_both_sides),
      TEST(stored_bytes_that_are_no_json_are_corrupt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
