/* A bundle: one immutable generation of all rules and policies, with the ruleset compiled from them.
 *
 *   bundle    sources + compiled ruleset + table of policies + a stamp (hash of the content). Never changes, but for
 * strikes. bundles   the place where the current bundle hangs: reload builds the next one aside, proves it, swaps one
 * pointer. strike    a script function that was stopped (time, memory, work) is off until the next bundle, on every
 * worker.
 *
 * Life: azd_bundle_build gives one reference; azd_bundle_ref/unref; the last unref frees. Runs in flight end on the
 * bundle they began on. Lua states are not the bundle's: each worker makes its own from the sources (judge.h). Thread:
 * any. Blocks: build and reload read files and run the examples (some 50 ms for 200 files); never on the loop. */
#ifndef AZD_SCRIPT_BUNDLE_H
#define AZD_SCRIPT_BUNDLE_H

#include "base/err.h"
#include "script/severity.h"
#include "json/properties.h"
#include "json/ruleset.h"

enum { AZD_BUNDLE_FILES_MAX = 200, AZD_BUNDLE_STAMP_BYTES = 17 };

/* One folder of rules and one of policies. NULL or a folder that does not exist: none. *.lua in it and its subfolders
 * is read, `_x.lua` is not, and policies/lib/ holds the helpers for lib "name". Errors name a file as "policies/x.lua"
 * for the user's layer and "shipped/policies/x.lua" for the shipped one. */
struct azd_bundle_layer {
  enum azd_rule_layer layer; /* AZD_LAYER_SHIPPED or AZD_LAYER_USER */
  const char *rules_dir;
  const char *policies_dir;
};

struct azd_bundle_options {
  const struct azd_bundle_layer *layers;
  size_t layer_count;
  struct azd_str params_json;           /* what param() reads: a JSON object, or empty */
  const char *schema_dir;               /* of the schema layer's rules; NULL: none */
  const char *properties_dir;           /* of the tables of json/properties.h; NULL: none */
  int64_t now_ms;                       /* decides `till` of rules */
  enum azd_severity severity_default;   /* of a change nobody speaks about; NONE: low */
  enum azd_severity severity_tags_only; /* of such a change under "tags"; NONE: info */
  bool unproved;                        /* do not run the examples: for azd_bundle_test, which runs and reports them */
};

struct azd_bundle;

/* 0 and a reference, or: AZD_ESCRIPT (a file that does not compile, raises, declares something wrong, fails an example
 * or is not pure; the sentence opens with file:line), AZD_EINVAL (options; a rule the ruleset refuses), AZD_EIO,
 * AZD_ELIMIT, AZD_ENOMEM. Everything in options is copied. */
int azd_bundle_build(const struct azd_bundle_options *options, struct azd_bundle **bundle, struct azd_error *error);
struct azd_bundle *azd_bundle_ref(struct azd_bundle *bundle);
void azd_bundle_unref(struct azd_bundle *bundle);

/* 16 hex digits of the SHA-256 over the files' names, layers and content, and the params. Borrowed from the bundle. */
const char *azd_bundle_stamp(const struct azd_bundle *bundle);
/* Sealed. Borrowed; as long as the bundle. */
struct azd_ruleset *azd_bundle_ruleset(const struct azd_bundle *bundle);
/* Which property exists in which api-version; NULL where the bundle was built without. Borrowed; as long as the bundle.
 */
struct azd_properties *azd_bundle_properties(const struct azd_bundle *bundle);

/* How many of its functions were stopped and are off: a metric. */
uint32_t azd_bundle_struck(const struct azd_bundle *bundle);

/* What is in it, in the order of files. Borrowed. */
struct azd_declarations;
const struct azd_declarations *azd_bundle_declarations(const struct azd_bundle *bundle); /* script/declare.h */

/* `policies test`: runs the examples of every policy, or of those whose file ends with `file` (NULL: all), and tells
 * each one, in order, before the call returns, on the calling thread. got is the severity said, "false", or an error.
 * 0 when all could be run (passed or not); AZD_ESCRIPT, AZD_ENOMEM where no state could be made. */
struct azd_example_result {
  const char *policy, *file;
  int line;         /* of the policy */
  uint32_t example; /* counted from 1 */
  const char *expected, *got;
  const char *detail; /* the message said, or the error; "" */
  bool passed;
};
typedef void azd_example_fn(void *context, const struct azd_example_result *result);
int azd_bundle_test(struct azd_bundle *bundle, const char *file, azd_example_fn *tell, void *context,
                    struct azd_error *error);

/* `policies check`, `rules check`: the paths that rules of the user name, and those that policies watch and read while
 * their examples run, which no version of the type knows (json/properties.h). Each is told once, in the order of
 * declarations, before the call returns, on the calling thread. A policy of several types may read what one of them
 * has; types without a table, "*" and what stands below free properties are not asked about. 0; AZD_EPARSE, AZD_EIO (a
 * table that cannot be read), AZD_ESCRIPT, AZD_ENOMEM. */
struct azd_properties;
struct azd_unknown_path {
  const char *policy; /* its name; NULL: a rule */
  const struct azd_rule *rule;
  struct azd_str file, type, path;
  int line;
  struct azd_str unknown;      /* the name in the path that nobody knows */
  const struct azd_str *names; /* that stand at its place */
  uint32_t name_count;
};
typedef void azd_unknown_path_fn(void *context, const struct azd_unknown_path *unknown);
int azd_bundle_check_paths(struct azd_bundle *bundle, struct azd_properties *properties, azd_unknown_path_fn *tell,
                           void *context, struct azd_error *error);

/* ---- the current one ---- */

struct azd_bundles;

struct azd_bundles *azd_bundles_new(void);
/* Drops its reference to the current bundle; others keep theirs. */
void azd_bundles_free(struct azd_bundles *bundles);
/* Builds, proves, swaps. A failure leaves the current bundle serving and is as azd_bundle_build says. */
int azd_bundles_reload(struct azd_bundles *bundles, const struct azd_bundle_options *options, struct azd_error *error);
/* A new reference to the current bundle, or NULL before the first reload. */
struct azd_bundle *azd_bundles_current(struct azd_bundles *bundles);

#endif
