#include "script/message.h"
#include "script/reader.h"

#include <lauxlib.h>
#include <stdio.h>

static const char *const kinds[] = {"added", "removed", "changed", "moved", "recreated", "state", NULL};

static void read_watch(const struct azd_reader *r, int index, struct azd_policy *policy) {
  policy->watch_texts = azd_reader_texts(r, index, "watch", false);
  struct azd_path *paths =
      policy->watch_texts.count ? azd_reader_alloc(r, policy->watch_texts.count * sizeof *paths) : NULL;
  for (uint32_t i = 0; i < policy->watch_texts.count; i++) {
    struct azd_error error;
    if (azd_path_parse(azd_str_of(policy->watch_texts.items[i]), &r->out->arena, &paths[i], &error) != 0)
      azd_reader_fail(r, "watch", "'%.100s' is no path: %.200s", policy->watch_texts.items[i], error.text);
  }
  policy->watch = paths;
}

static void read_kinds(const struct azd_reader *r, int index, struct azd_policy *policy) {
  struct azd_texts texts = azd_reader_texts(r, index, "kind", false);
  for (uint32_t i = 0; i < texts.count; i++) {
    enum azd_drift_kind kind;
    if (!azd_drift_kind_parse(azd_str_of(texts.items[i]), &kind))
      azd_reader_fail(r, "kind", "'kind' is added, removed, changed, moved, recreated or state, not '%.40s'%s",
                      texts.items[i], azd_reader_suggest(r, texts.items[i], kinds));
    policy->kinds |= 1u << kind;
  }
}

static const char *read_message(const struct azd_reader *r, int index, const char *field) {
  const char *text = azd_reader_text(r, index, field, false);
  struct azd_str unknown;
  if (text && !azd_message_check(azd_str_of(text), &unknown)) {
    char name[64];
    snprintf(name, sizeof name, "%.*s", AZD_STR_FORMAT(unknown));
    azd_reader_fail(r, field, "'%s' cannot fill in {%s}%s", field, name,
                    azd_reader_suggest(r, name, azd_message_names()));
  }
  return text ? text : "";
}

void azd_declare_policy(struct azd_reader *r, int index, const char *name) {
  static const char *const known[] = {"type", "watch", "from", "to",          "kind",      "severity", "message",
                                      "fix",  "refs",  "why",  "on_resource", "on_change", "examples", NULL};
  struct azd_declarations *out = r->out;
  azd_reader_known(r, index, known, false);
  struct azd_policy policy = {.origin = r->origin, .name = name};
  policy.types = azd_reader_texts(r, index, "type", true);
  for (uint32_t i = 0; i < policy.types.count; i++) {
    const char *type = policy.types.items[i];
    if (strcmp(type, "*") == 0)
      policy.any_type = true;
    else if (!strchr(type, '/') || strpbrk(type, " *{}"))
      azd_reader_fail(r, "type",
                      "'%.100s' is no resource type: \"Microsoft.Storage/storageAccounts\", a list, or \"*\"", type);
  }
  read_watch(r, index, &policy);
  read_kinds(r, index, &policy);
  policy.from = azd_reader_scalars(r, index, "from");
  policy.to = azd_reader_scalars(r, index, "to");
  policy.severity = azd_reader_severity(r, index, "severity", true);
  policy.message = read_message(r, index, "message");
  policy.fix = read_message(r, index, "fix");
  policy.refs = azd_reader_texts(r, index, "refs", false);
  azd_reader_text(r, index, "why", false);
  policy.on_resource = azd_reader_function(r, index, "on_resource");
  policy.on_change = azd_reader_function(r, index, "on_change");
  if (policy.on_resource >= 0 && policy.on_change >= 0)
    azd_reader_fail(r, "on_change", "on_resource or on_change, not both");
  bool has_function = policy.on_resource >= 0 || policy.on_change >= 0,
       has_values = policy.from.count || policy.to.count;
  if (has_values && has_function)
    azd_reader_fail(r, policy.from.count ? "from" : "to", "from and to are for policies without a function");
  if (has_values && !policy.watch_texts.count)
    azd_reader_fail(r, NULL, "from and to ask about a watched path, and 'watch' is missing");
  policy.examples = azd_reader_examples(r, index, &policy.example_count);
  out->policies = azd_reader_grow(r, out->policies, out->policy_count, sizeof *out->policies);
  out->policies[out->policy_count++] = policy;
}

void azd_declare_tune(struct azd_reader *r, int index, const char *name) {
  static const char *const known[] = {"severity", "unless", "enabled", "why", NULL};
  struct azd_declarations *out = r->out;
  azd_reader_known(r, index, known, false);
  struct azd_tune tune = {.origin = r->origin, .name = name};
  tune.why = azd_reader_text(r, index, "why", true);
  tune.severity = azd_reader_severity(r, index, "severity", false);
  tune.unless = azd_reader_function(r, index, "unless");
  tune.off = !azd_reader_flag(r, index, "enabled", true);
  if (!tune.severity && tune.unless < 0 && !tune.off)
    azd_reader_fail(r, NULL, "tunes nothing: severity, unless, or enabled = false");
  out->tunes = azd_reader_grow(r, out->tunes, out->tune_count, sizeof *out->tunes);
  out->tunes[out->tune_count++] = tune;
}

/* Names of one kind, for doubles. The declarations are few enough to compare each with each. */
static void refuse_double(struct azd_reader *r, const char *kind, const char *name, const char *other,
                          const struct azd_origin *here, const struct azd_origin *there) {
  if (strcmp(name, other) != 0) return;
  r->origin = *here;
  r->what = kind;
  azd_reader_fail(r, NULL, "'%.100s' is declared already at %s:%d%s", name, there->file, there->line,
                  strcmp(kind, "policy") == 0 ? "; to change a policy, tune it" : "");
}

static void tune_policies(struct azd_reader *r) {
  struct azd_declarations *out = r->out;
  const char **names = azd_reader_alloc(r, (out->policy_count + 1) * sizeof *names);
  for (uint32_t p = 0; p < out->policy_count; p++) names[p] = out->policies[p].name;
  for (uint32_t t = 0; t < out->tune_count; t++) {
    struct azd_policy *tuned = NULL;
    for (uint32_t p = 0; p < out->policy_count; p++)
      if (strcmp(names[p], out->tunes[t].name) == 0) tuned = &out->policies[p];
    if (tuned) {
      tuned->tune = &out->tunes[t];
      continue;
    }
    r->origin = out->tunes[t].origin;
    r->what = "tune";
    azd_reader_fail(r, NULL, "there is no policy '%.100s'%s", out->tunes[t].name,
                    azd_reader_suggest(r, out->tunes[t].name, names));
  }
}

void azd_declare_together(struct azd_reader *r) {
  struct azd_declarations *out = r->out;
  for (uint32_t i = 1; i < out->policy_count; i++)
    for (uint32_t j = 0; j < i; j++)
      refuse_double(r, "policy", out->policies[i].name, out->policies[j].name, &out->policies[i].origin,
                    &out->policies[j].origin);
  for (uint32_t i = 1; i < out->tune_count; i++)
    for (uint32_t j = 0; j < i; j++)
      refuse_double(r, "tune", out->tunes[i].name, out->tunes[j].name, &out->tunes[i].origin, &out->tunes[j].origin);
  for (uint32_t i = 1; i < out->expected_count; i++)
    for (uint32_t j = 0; j < i; j++)
      refuse_double(r, "expected", out->expected[i].name, out->expected[j].name, &out->expected[i].origin,
                    &out->expected[j].origin);
  for (uint32_t i = 1; i < out->pattern_count; i++)
    for (uint32_t j = 0; j < i; j++)
      refuse_double(r, "pattern", out->patterns[i].name, out->patterns[j].name, &out->patterns[i].origin,
                    &out->patterns[j].origin);
  tune_policies(r);
}
