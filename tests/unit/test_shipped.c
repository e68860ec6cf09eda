/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script/bundle.h"
#include "json/properties.h"

#include <stdio.h>
#include <string.h>

static struct azd_bundle_layer shipped = {
    .layer = AZD_LAYER_SHIPPED,
    .rules_dir = AZD_SOURCE_DIR "/rules",
    .policies_dir = AZD_SOURCE_DIR "/policies",
};

static struct azd_bundle_options options_of_shipped(void) {
  return (struct azd_bundle_options){
      .layers = &shipped,
      .layer_count = 1,
      .schema_dir = AZD_SOURCE_DIR "/catalog/rules",
      .now_ms = 1795392000000, /* 2026-11-23 */
  };
}

/* What is installed loads as production loads it: proved, pure, without a tie, within the limits. */
static void the_shipped_bundle_is_proved(void **state) {
  struct azd_bundle_options options = options_of_shipped();
  struct azd_bundle *bundle;
  struct azd_error error = {0};
  (void)state;
  if (azd_bundle_build(&options, &bundle, &error)) fail_msg("%s", error.text);
  assert_int_equal(strlen(azd_bundle_stamp(bundle)), AZD_BUNDLE_STAMP_BYTES - 1);
  assert_true(azd_ruleset_count(azd_bundle_ruleset(bundle)) > 300);
  azd_bundle_unref(bundle);
}

struct census {
  uint32_t examples, fires, silent;
  char last[128];
  uint32_t policies, one_sided;
  bool last_fires, last_silent;
};

static void close_policy(struct census *census) {
  if (!*census->last) return;
  census->policies++;
  if (!census->last_fires || !census->last_silent) {
    print_error("%s has no example that %s\n", census->last, census->last_fires ? "does not fire" : "fires");
    census->one_sided++;
  }
}

static void take_example(void *context, const struct azd_example_result *result) {
  struct census *census = context;
  bool fires = strcmp(result->expected, "false") != 0;
  if (!result->passed)
    fail_msg("%s:%d: %s, example %u: expected %s, got %s %s", result->file, result->line, result->policy,
             (unsigned)result->example, result->expected, result->got, result->detail);
  if (strcmp(census->last, result->policy) != 0) {
    close_policy(census);
    snprintf(census->last, sizeof census->last, "%s", result->policy);
    census->last_fires = census->last_silent = false;
  }
  census->examples++;
  if (fires)
    census->last_fires = true;
  else
    census->last_silent = true;
}

/* Every policy proves both that it speaks and that it can be silent. */
static void every_policy_has_both_proofs(void **state) {
  struct azd_bundle_options options = options_of_shipped();
  struct azd_bundle *bundle;
  struct azd_error error = {0};
  struct census census = {0};
  (void)state;
  options.unproved = true;
  if (azd_bundle_build(&options, &bundle, &error)) fail_msg("%s", error.text);
  if (azd_bundle_test(bundle, NULL, take_example, &census, &error)) fail_msg("%s", error.text);
  close_policy(&census);
  assert_true(census.policies > 80);
  assert_true(census.examples > 300);
  assert_int_equal(census.one_sided, 0);
  azd_bundle_unref(bundle);
}

static void refuse_unknown(void *context, const struct azd_unknown_path *unknown) {
  (void)context;
  fail_msg("%.*s:%d: %s: no version of %.*s knows %.*s in %.*s", AZD_STR_FORMAT(unknown->file), unknown->line,
           unknown->policy ? unknown->policy : "a rule", AZD_STR_FORMAT(unknown->type),
           AZD_STR_FORMAT(unknown->unknown), AZD_STR_FORMAT(unknown->path));
}

static void every_policy_watches_and_reads_what_exists(void **state) {
  struct azd_bundle_options options = options_of_shipped();
  struct azd_bundle *bundle;
  struct azd_properties *properties;
  struct azd_error error = {0};
  (void)state;
  options.unproved = true;
  if (azd_bundle_build(&options, &bundle, &error)) fail_msg("%s", error.text);
  if (azd_properties_open(AZD_SOURCE_DIR "/catalog/properties", &properties, &error)) fail_msg("%s", error.text);
  if (azd_bundle_check_paths(bundle, properties, refuse_unknown, NULL, &error)) fail_msg("%s", error.text);
  azd_properties_unref(properties);
  azd_bundle_unref(bundle);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_shipped_bundle_is_proved),
      cmocka_unit_test(every_policy_has_both_proofs),
      cmocka_unit_test(every_policy_watches_and_reads_what_exists),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
