/* What scripts declare, read out of Lua and checked: the rules, policies, tunes, expectations and patterns of one
 * bundle, as plain C. Functions stay in Lua, each known by its number, which is the same in every state of the bundle.
 *
 * Life: filled once while a bundle is built, immutable after; everything in it lives in its arena.
 * Thread: any after that. Blocks: never. */
#ifndef AZD_SCRIPT_DECLARE_H
#define AZD_SCRIPT_DECLARE_H

#include "base/arena.h"
#include "script/severity.h"
#include "script/window.h"
#include "json/doc.h"
#include "json/path.h"
#include "json/ruleset.h"

enum { AZD_FUNCTION_NONE = -1, AZD_PATTERN_BY_MAX = 4, AZD_PATTERN_BY_NAMES = 5 };

struct azd_origin {
  const char *file; /* "policies/storage.lua" */
  int line;
  enum azd_rule_layer layer;
};

/* A value without parts, for `from` and `to`. null stands for absent, too. */
struct azd_scalar {
  enum azd_json_type type;
  struct azd_str text; /* of a string, or the digits of a number */
};

struct azd_scalars {
  const struct azd_scalar *items;
  uint32_t count; /* 0: nothing is asked */
};

struct azd_texts {
  const char *const *items;
  uint32_t count;
};

struct azd_example {
  struct azd_str json;     /* an object: old, new, and the inputs the example sets */
  enum azd_severity gives; /* NONE: false, nothing is said */
};

struct azd_tune {
  struct azd_origin origin;
  const char *name; /* of the policy */
  const char *why;
  enum azd_severity severity; /* NONE: as the policy says */
  bool off;                   /* enabled = false */
  int unless;                 /* function(change, r) */
};

struct azd_policy {
  struct azd_origin origin;
  const char *name;
  struct azd_texts types; /* "*": any */
  bool any_type;
  struct azd_texts watch_texts;
  const struct azd_path *watch; /* parallel to watch_texts */
  struct azd_scalars from, to;
  uint32_t kinds; /* mask of 1 << enum azd_drift_kind; 0: all */
  enum azd_severity severity;
  const char *message, *fix; /* "" where there is none */
  struct azd_texts refs;
  int on_resource, on_change;  /* function(r), function(change, r) */
  const struct azd_tune *tune; /* or NULL */
  const struct azd_example *examples;
  uint32_t example_count;
};

struct azd_tag_match {
  const char *name, *value; /* value NULL: any */
};

struct azd_expected {
  struct azd_origin origin;
  const char *name, *why;
  struct azd_texts types, actors, operations, deployments, clients,
      groups;                       /* count 0: not asked; else one must be like */
  const struct azd_tag_match *tags; /* all must match */
  uint32_t tag_count;
  const struct azd_window *windows; /* one must hold */
  uint32_t window_count;
  int unless; /* function(r) */
};

struct azd_pattern_policy {
  struct azd_origin origin;
  const char *name, *message;
  struct azd_texts by;
  int64_t within_ms;
  int64_t at_least;
  enum azd_severity severity;
  int on_group;
  uint32_t example_count;
};

struct azd_declarations {
  struct azd_arena arena;
  struct azd_rule *rules;
  struct azd_policy *policies;
  struct azd_tune *tunes;
  struct azd_expected *expected;
  struct azd_pattern_policy *patterns;
  uint32_t rule_count, policy_count, tune_count, expected_count, pattern_count, function_count;
  uint64_t functions_seen; /* hash of what each number stands for: other states must come to the same */
};

#endif
