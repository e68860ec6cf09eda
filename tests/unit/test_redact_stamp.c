/* The name of what is redacted: it moves with rules of `redact`, and with nothing else. */
#include "support/drift_world.h"
#include "json/redact_stamp.h"

struct stamp {
  char text[AZD_REDACT_STAMP_BYTES];
};

/* schema: the text of microsoft.storage.rules, or NULL: no schema layer. */
static struct stamp stamp_of(const char *rules, const char *policies, const char *schema) {
  struct script_project project;
  struct azd_bundle *bundle = NULL;
  struct stamp stamp;
  project_open(&project);
  project_write(&project, "rules/r.lua", rules);
  project_write(&project, "policies/p.lua", policies);
  if (schema) project_write(&project, "policies/lib/microsoft.storage.rules", schema); /* any folder will do */
  char folder[128];
  snprintf(folder, sizeof folder, "%s/lib", project.policies);
  const struct azd_bundle_layer layer = {AZD_LAYER_USER, project.rules, project.policies};
  const struct azd_bundle_options options = {.layers = &layer, .layer_count = 1, .schema_dir = schema ? folder : NULL};
  must(azd_bundle_build(&options, &bundle, ERR));
  must(azd_redact_stamp(azd_bundle_ruleset(bundle), stamp.text, ERR));
  /* That a type of the schema was met since changes nothing. */
  struct stamp again;
  assert_non_null(azd_ruleset_trie(azd_bundle_ruleset(bundle), AZD_STR(ACCOUNTS), 0, ERR));
  must(azd_redact_stamp(azd_bundle_ruleset(bundle), again.text, ERR));
  assert_string_equal(stamp.text, again.text);
  azd_bundle_unref(bundle);
  project_close(&project);
  return stamp;
}

#define RULES(rows) "rules { type = \"" ACCOUNTS "\", owner = \"t\", " rows " }"
#define SECRET_A    "{ redact = \"a\", why = \"x\" }"
#define SECRET_B    "{ redact = \"b.c\", why = \"y\" }"

static void it_moves_with_what_is_redacted_and_nothing_else(void **state) {
  (void)state;
  struct stamp none = stamp_of("", "", NULL), one = stamp_of(RULES(SECRET_A), "", NULL),
               two = stamp_of(RULES(SECRET_A "," SECRET_B), "", NULL);
  assert_int_equal(strlen(one.text), AZD_REDACT_STAMP_BYTES - 1);
  assert_string_not_equal(none.text, one.text);
  assert_string_not_equal(one.text, two.text);
  /* another order, other reasons, other rules and policies */
  assert_string_equal(two.text, stamp_of(RULES(SECRET_B "," SECRET_A), "", NULL).text);
  assert_string_equal(
      one.text,
      stamp_of(RULES("{ redact = \"A\", why = \"because\" }, { ignore = \"n\", why = \"z\" }"), "", NULL).text);
  assert_string_equal(
      one.text,
      stamp_of(RULES(SECRET_A),
               "policy \"x\" { type = \"A.b/c\", severity = \"low\", examples = { { new = {}, gives = \"low\" } } }",
               NULL)
          .text);
}

static void rules_of_the_schema_count(void **state) {
  (void)state;
  struct stamp none = stamp_of("", "", NULL);
  assert_string_equal(none.text, stamp_of("", "", ACCOUNTS "\n  observe x\n").text);
  struct stamp schema = stamp_of("", "", ACCOUNTS "\n  observe x\n  redact a\n");
  assert_string_not_equal(none.text, schema.text);
  /* The same place in two layers is redacted once. */
  assert_string_equal(schema.text, stamp_of(RULES(SECRET_A), "", NULL).text);
  assert_string_equal(schema.text, stamp_of(RULES(SECRET_A), "", ACCOUNTS "\n  redact a\n").text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_moves_with_what_is_redacted_and_nothing_else),
      cmocka_unit_test(rules_of_the_schema_count),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
