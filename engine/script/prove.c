/* Examples: each runs through the real diff, ruleset and policy, as one. Proving a bundle runs all of them in one
 * state, again there in reverse order, and in reverse order in another state, whose hashes are seeded otherwise; under
 * counted work, so that the verdict is the same on every machine. A policy that answers differently is not pure, and
 * the bundle is refused. */
#include "script/judge_impl.h"

#include <stdio.h>
#include <stdlib.h>

enum { DETAIL_BYTES = 400, ID_BYTES = 1024, BACKSTOP_US = 5000000 };

/* 2026-01-01T00:00:00Z: `now` of an example that does not set it. Never the clock. */
static const int64_t example_now_ms = 1767225600000;

struct outcome {
  enum azd_severity got;
  bool failed; /* the policy raised or was stopped */
  char at[AZD_SANDBOX_AT_BYTES];
  char detail[DETAIL_BYTES];
  uint64_t hash; /* of everything said */
};

struct prover {
  struct azd_bundle *bundle;
  struct azd_judge *judge;
  struct azd_doc *doc;
  struct azd_diff *diff;
  struct azd_arena arena;
};

static void prover_close(struct prover *prover) {
  azd_judge_free(prover->judge);
  azd_doc_free(prover->doc);
  azd_diff_free(prover->diff);
  azd_arena_free(&prover->arena);
}

static int prover_open(struct prover *prover, struct azd_bundle *bundle, struct azd_error *error) {
  *prover = (struct prover){.bundle = bundle, .judge = azd_judge_new(), .doc = azd_doc_new(), .diff = azd_diff_new()};
  azd_arena_init(&prover->arena, 0);
  if (!prover->judge || !prover->doc || !prover->diff) {
    prover_close(prover);
    return azd_fail(error, AZD_ENOMEM, "no memory to run examples");
  }
  prover->judge->work_max = AZD_SANDBOX_WORK;
  prover->judge->budget_us = BACKSTOP_US;
  azd_judge_use(prover->judge, bundle);
  return 0;
}

/* /subscriptions/0.../resourceGroups/example/providers/Microsoft.Network/virtualNetworks/example/subnets/NAME */
static struct azd_str make_id(struct azd_str type, struct azd_str name, char out[ID_BYTES]) {
  size_t used = (size_t)snprintf(
      out, ID_BYTES, "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/example/providers/");
  bool in_namespace = true;
  for (size_t i = 0; i <= type.size && used < ID_BYTES - 300; i++) {
    if (i < type.size && type.data[i] != '/') {
      out[used++] = type.data[i];
      continue;
    }
    if (in_namespace)
      out[used++] = '/';
    else if (i < type.size)
      used += (size_t)snprintf(out + used, ID_BYTES - used, "/example/");
    else
      used +=
          (size_t)snprintf(out + used, ID_BYTES - used, "/%.*s", (int)(name.size < 200 ? name.size : 200), name.data);
    in_namespace = false;
  }
  return (struct azd_str){out, used};
}

static void fill_input(const struct prover *prover, const struct azd_policy *policy, struct azd_judge_input *input,
                       char id[ID_BYTES]) {
  const struct azd_doc *doc = prover->doc;
  struct azd_str text;
  azd_node node = azd_doc_member(doc, 0, AZD_STR("old"));
  *input = (struct azd_judge_input){
      .context = doc, .now_ms = example_now_ms, .before_node = AZD_NODE_NONE, .after_node = AZD_NODE_NONE};
  if (node != AZD_NODE_NONE && azd_doc_type(doc, node) != AZD_JSON_NULL) input->before = doc, input->before_node = node;
  node = azd_doc_member(doc, 0, AZD_STR("new"));
  if (node != AZD_NODE_NONE && azd_doc_type(doc, node) != AZD_JSON_NULL) input->after = doc, input->after_node = node;
  input->kind = !input->before ? AZD_DRIFT_ADDED : !input->after ? AZD_DRIFT_REMOVED : AZD_DRIFT_CHANGED;
  text = azd_doc_text(doc, 0, "kind");
  if (text.data) azd_drift_kind_parse(text, &input->kind);
  input->type = azd_doc_text(doc, 0, "type");
  if (!input->type.data)
    input->type = azd_str_of(policy->any_type ? "Microsoft.Example/things" : policy->types.items[0]);
  input->id = azd_doc_text(doc, 0, "id");
  text = azd_doc_text(doc, 0, "name");
  if (!input->id.data) input->id = make_id(input->type, text.data ? text : AZD_STR("example"), id);
  input->against_baseline = azd_str_equal(azd_doc_text(doc, 0, "against"), AZD_STR("baseline"));
  node = azd_doc_member(doc, 0, AZD_STR("now"));
  if (node != AZD_NODE_NONE && azd_doc_type(doc, node) == AZD_JSON_NUMBER)
    input->now_ms = (int64_t)(azd_doc_double(doc, node) * 1000);
}

static uint64_t hash_text(uint64_t hash, const char *text) {
  for (;; text++) {
    hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    if (!*text) return hash;
  }
}

static void read_judgement(const struct azd_judgement *judgement, struct outcome *outcome) {
  *outcome = (struct outcome){.hash = 0xcbf29ce484222325u};
  for (uint32_t i = 0; i < judgement->verdict_count; i++) {
    const struct azd_verdict *verdict = &judgement->verdicts[i];
    if (verdict->severity > outcome->got || !*outcome->detail)
      snprintf(outcome->detail, sizeof outcome->detail, "%s", verdict->message);
    outcome->got = azd_severity_max(outcome->got, verdict->severity);
    outcome->hash = hash_text(
        hash_text(hash_text(outcome->hash, azd_severity_name(verdict->severity)), verdict->message), verdict->fix);
    for (uint32_t r = 0; r < verdict->ref_count; r++) outcome->hash = hash_text(outcome->hash, verdict->refs[r]);
    for (uint32_t c = 0; c < verdict->change_count; c++)
      outcome->hash = (outcome->hash ^ verdict->changes[c]) * 0x100000001b3u;
  }
  for (uint32_t i = 0; i < judgement->error_count; i++) {
    outcome->failed = true;
    snprintf(outcome->at, sizeof outcome->at, "%s", judgement->errors[i].at);
    snprintf(outcome->detail, sizeof outcome->detail, "%s", judgement->errors[i].text);
    outcome->hash = hash_text(hash_text(outcome->hash, outcome->at), outcome->detail);
  }
}

static int run_example(struct prover *prover, const struct azd_policy *policy, const struct azd_example *example,
                       struct outcome *outcome, struct azd_error *error) {
  struct azd_judge_input input;
  struct azd_judgement judgement;
  char id[ID_BYTES];
  azd_arena_reset(&prover->arena);
  int rc = azd_doc_parse(prover->doc, example->json, NULL, error);
  if (rc != 0) return rc;
  fill_input(prover, policy, &input, id);
  if (input.before && input.after) {
    const struct azd_trie *trie = azd_ruleset_trie(prover->bundle->ruleset, input.type, 0, error);
    if (!trie) return AZD_ESCRIPT;
    rc = azd_diff_run(prover->diff, trie, input.before, input.before_node, input.after, input.after_node,
                      &(struct azd_diff_options){0}, error);
    if (rc != 0) return rc;
    input.diff = prover->diff;
  }
  prover->judge->only = policy;
  rc = azd_judge_run(prover->judge, &input, &prover->arena, &judgement, error);
  if (rc == 0) read_judgement(&judgement, outcome);
  return rc;
}

static const char *said(const struct outcome *outcome) {
  return outcome->failed ? "an error" : outcome->got ? azd_severity_name(outcome->got) : "false";
}

static const char *wanted(const struct azd_example *example) {
  return example->gives ? azd_severity_name(example->gives) : "false";
}

static bool passes(const struct azd_example *example, const struct outcome *outcome) {
  return !outcome->failed && outcome->got == example->gives;
}

static int refuse_failed(const struct azd_policy *policy, uint32_t example, const struct outcome *outcome,
                         struct azd_error *error) {
  if (outcome->failed)
    return azd_fail(error, AZD_ESCRIPT, "%s: policy '%s', example %u: %s", outcome->at, policy->name, example + 1,
                    outcome->detail);
  return azd_fail(error, AZD_ESCRIPT, "%s:%d: policy '%s', example %u: gives %s, expected %s%s%s", policy->origin.file,
                  policy->origin.line, policy->name, example + 1, said(outcome), wanted(&policy->examples[example]),
                  *outcome->detail ? ": " : "", outcome->detail);
}

static int refuse_impure(const struct azd_policy *policy, uint32_t example, const struct outcome *first,
                         const struct outcome *then, struct azd_error *error) {
  return azd_fail(error, AZD_ESCRIPT, "%s:%d: policy '%s', example %u: not pure: says %s (%.120s), then %s (%.120s)",
                  policy->origin.file, policy->origin.line, policy->name, example + 1, said(first), first->detail,
                  said(then), then->detail);
}

/* All examples once; forward: into outcomes, refusing those that fail; backward: compared with outcomes. */
static int run_all(struct prover *prover, struct outcome *outcomes, bool backward, struct azd_error *error) {
  const struct azd_declarations *declarations = &prover->bundle->declarations;
  uint32_t total = 0, at = 0;
  for (uint32_t i = 0; i < declarations->policy_count; i++) total += declarations->policies[i].example_count;
  for (uint32_t i = 0; i < declarations->policy_count; i++) {
    uint32_t p = backward ? declarations->policy_count - 1 - i : i;
    const struct azd_policy *policy = &declarations->policies[p];
    for (uint32_t e = 0; e < policy->example_count; e++, at++) {
      uint32_t number = backward ? policy->example_count - 1 - e : e;
      struct outcome again, *outcome = &outcomes[backward ? total - 1 - at : at];
      int rc = run_example(prover, policy, &policy->examples[number], backward ? &again : outcome, error);
      if (rc != 0) {
        azd_error_prefix(error, "%s:%d: policy '%s', example %u", policy->origin.file, policy->origin.line,
                         policy->name, number + 1);
        return rc;
      }
      if (!backward && !passes(&policy->examples[number], outcome))
        return refuse_failed(policy, number, outcome, error);
      if (backward && again.hash != outcome->hash) return refuse_impure(policy, number, outcome, &again, error);
    }
  }
  return 0;
}

int azd_bundle_prove(struct azd_bundle *bundle, struct azd_error *error) {
  const struct azd_declarations *declarations = &bundle->declarations;
  struct prover one, other;
  size_t total = 0;
  for (uint32_t i = 0; i < declarations->policy_count; i++) total += declarations->policies[i].example_count;
  struct outcome *outcomes = calloc(total + 1, sizeof *outcomes);
  if (!outcomes) return azd_fail(error, AZD_ENOMEM, "no memory to run examples");
  int rc = prover_open(&one, bundle, error);
  if (rc == 0) {
    rc = run_all(&one, outcomes, false, error);
    if (rc == 0) rc = run_all(&one, outcomes, true, error);
    if (rc == 0 &&
        (rc = prover_open(&other, bundle, error)) == 0) { /* while the first state lives, so that addresses differ */
      rc = run_all(&other, outcomes, true, error);
      prover_close(&other);
    }
    prover_close(&one);
  }
  free(outcomes);
  return rc;
}

int azd_bundle_read_examples(struct azd_bundle *bundle, const struct azd_lend_reader *reader, azd_policy_fn *begin,
                             struct azd_error *error) {
  const struct azd_declarations *declarations = &bundle->declarations;
  struct prover prover;
  int rc = prover_open(&prover, bundle, error);
  if (rc != 0) return rc;
  prover.judge->reader = reader;
  for (uint32_t p = 0; p < declarations->policy_count && rc == 0; p++) {
    const struct azd_policy *policy = &declarations->policies[p];
    begin(reader->context, policy);
    for (uint32_t e = 0; e < policy->example_count && rc == 0; e++) {
      struct outcome outcome;
      rc = run_example(&prover, policy, &policy->examples[e], &outcome, error);
    }
  }
  prover_close(&prover);
  return rc;
}

static bool is_file(const char *name, const char *wanted_end) {
  size_t size = strlen(name), end = wanted_end ? strlen(wanted_end) : 0;
  if (end == 0) return true;
  return size >= end && strcmp(name + size - end, wanted_end) == 0 && (size == end || name[size - end - 1] == '/');
}

int azd_bundle_test(struct azd_bundle *bundle, const char *file, azd_example_fn *tell, void *context,
                    struct azd_error *error) {
  const struct azd_declarations *declarations = &bundle->declarations;
  struct prover prover;
  int rc = prover_open(&prover, bundle, error);
  if (rc != 0) return rc;
  for (uint32_t p = 0; p < declarations->policy_count && rc == 0; p++) {
    const struct azd_policy *policy = &declarations->policies[p];
    if (!is_file(policy->origin.file, file)) continue;
    for (uint32_t e = 0; e < policy->example_count; e++) {
      struct outcome outcome;
      if ((rc = run_example(&prover, policy, &policy->examples[e], &outcome, error)) != 0) break;
      char detail[AZD_SANDBOX_AT_BYTES + DETAIL_BYTES + 4];
      snprintf(detail, sizeof detail, "%s%s%s", outcome.at, *outcome.at ? ": " : "", outcome.detail);
      struct azd_example_result result = {.policy = policy->name,
                                          .file = policy->origin.file,
                                          .line = policy->origin.line,
                                          .example = e + 1,
                                          .expected = wanted(&policy->examples[e]),
                                          .got = said(&outcome),
                                          .detail = detail,
                                          .passed = passes(&policy->examples[e], &outcome)};
      tell(context, &result);
    }
  }
  prover_close(&prover);
  return rc;
}
