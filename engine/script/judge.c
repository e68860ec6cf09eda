#include "script/judge_impl.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX_BYTES = 4096 };

struct azd_judge *azd_judge_new(void) {
  struct azd_judge *judge = calloc(1, sizeof *judge);
  if (judge) azd_buf_init(&judge->text, TEXT_MAX_BYTES);
  return judge;
}

static void drop_state(struct azd_judge *judge) {
  azd_script_state_close(judge->state);
  judge->state = NULL;
}

void azd_judge_free(struct azd_judge *judge) {
  if (!judge) return;
  azd_judge_use(judge, NULL);
  azd_watchdog_leave(judge->watch);
  azd_buf_free(&judge->text);
  free(judge);
}

void azd_judge_use(struct azd_judge *judge, struct azd_bundle *bundle) {
  if (judge->bundle == bundle) return;
  drop_state(judge);
  azd_bundle_unref(judge->bundle);
  judge->bundle = azd_bundle_ref(bundle);
}

uint64_t azd_judge_states_rebuilt(const struct azd_judge *judge) {
  return judge->rebuilt;
}

/* ---- asking a function ---- */

/* The state, with this run's documents lent to it. */
static int need_state(struct azd_judge *judge, struct azd_error *error) {
  int rc;
  if (!judge->watch && (rc = azd_watchdog_join(&judge->watch, error)) != 0) return rc;
  if (!judge->state) {
    struct azd_sandbox_options options = {
        .watch = judge->watch, .work_max = judge->work_max, .budget_us = judge->budget_us};
    if ((rc = azd_script_state_open(judge->bundle, &options, NULL, &judge->state, error)) != 0) return rc;
  }
  struct azd_lend *lend = &judge->state->sandbox->lend;
  if (lend->host) return 0;
  azd_lend_document(lend, AZD_SLOT_BEFORE, judge->run.input->before);
  azd_lend_document(lend, AZD_SLOT_AFTER, judge->run.input->after);
  azd_lend_document(lend, AZD_SLOT_CONTEXT, judge->run.input->context);
  lend->objects = &azd_judge_objects;
  lend->reader = judge->reader;
  lend->host = &judge->run;
  return 0;
}

struct question {
  const char *name; /* of the declaration, for errors */
  const struct azd_origin *origin;
  int function;
  bool with_change;
  uint32_t change;
};

enum { ANSWERED = 0, FAILED = 1 }; /* or a negative azd_err */

static int tell_origin(struct azd_judge *judge, const struct question *q, const char *at, const char *text,
                       bool stopped) {
  char origin[AZD_SANDBOX_AT_BYTES];
  snprintf(origin, sizeof origin, "%s:%d", q->origin->file, q->origin->line);
  int rc = azd_judge_error(judge, q->name, *at ? at : origin, text, stopped);
  return rc ? rc : FAILED;
}

/* A stopped state is spent, and the function that did it is off until the next bundle. */
static int fail(struct azd_judge *judge, const struct question *q) {
  struct azd_fault fault = judge->state->sandbox->fault;
  if (fault.stopped) {
    azd_bundle_strike(judge->bundle, q->function, &fault);
    drop_state(judge);
    judge->rebuilt++;
  }
  return tell_origin(judge, q, fault.at, fault.text, fault.stopped);
}

/* Calls function(change, r) or function(r). ANSWERED: one value is on the stack, to be popped by forget(). */
static int ask(struct azd_judge *judge, const struct question *q, struct azd_error *error) {
  const struct azd_strike *strike = &judge->bundle->strikes[q->function];
  if (atomic_load_explicit(&strike->off, memory_order_acquire)) {
    char text[AZD_SANDBOX_FAULT_BYTES + 64];
    snprintf(text, sizeof text, "%s (off until the next bundle)", strike->text);
    return tell_origin(judge, q, strike->at, text, true);
  }
  int rc = need_state(judge, error);
  if (rc != 0) return rc;
  lua_State *L = judge->state->sandbox->L;
  azd_declare_push_function(L, q->function);
  if (q->with_change) azd_judge_push_change(L, q->change);
  azd_judge_push_resource(L);
  if (azd_sandbox_call(judge->state->sandbox, q->with_change ? 2 : 1, 1) != 0) return fail(judge, q);
  return ANSWERED;
}

/* The answer is read: what the script kept of the documents is stale from here on. */
static void forget(struct azd_judge *judge) {
  if (!judge->state) return;
  lua_settop(judge->state->sandbox->L, 0);
  judge->state->sandbox->lend.epoch++;
}

static int ask_whether(struct azd_judge *judge, const struct question *q, bool *holds, struct azd_error *error) {
  int rc = ask(judge, q, error);
  *holds = rc == ANSWERED && lua_toboolean(judge->state->sandbox->L, -1);
  forget(judge);
  return rc;
}

/* ---- what a policy answered ---- */

struct answer {
  struct azd_arena *arena;
  enum azd_severity severity; /* NONE: nothing to say */
  const char *message, *fix;  /* NULL: the policy's own */
  struct azd_texts refs;      /* count 0: the policy's own */
};

static const char *answer_text(lua_State *L, struct azd_arena *arena, const char *field) { /* the value is on top */
  if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "returned a '%s' that is no text", field);
  struct azd_str text;
  text.data = lua_tolstring(L, -1, &text.size);
  const char *copy = azd_arena_copy(arena, text);
  if (!copy) luaL_error(L, "no memory for the answer");
  return copy;
}

static void read_refs(lua_State *L, struct answer *answer) { /* the value is on top */
  if (!lua_istable(L, -1) || lua_rawlen(L, -1) > 50) luaL_error(L, "returned 'refs' that are no short list");
  uint32_t count = (uint32_t)lua_rawlen(L, -1);
  const char **refs = azd_arena_alloc(answer->arena, (count + 1) * sizeof *refs);
  if (!refs) luaL_error(L, "no memory for the answer");
  for (uint32_t i = 0; i < count; i++) {
    lua_rawgeti(L, -1, i + 1);
    refs[i] = answer_text(L, answer->arena, "refs");
    lua_pop(L, 1);
  }
  answer->refs = (struct azd_texts){refs, count};
}

static void read_severity(lua_State *L, struct answer *answer) { /* the value is on top */
  struct azd_str text = {"", 0};
  if (lua_type(L, -1) == LUA_TSTRING) text.data = lua_tolstring(L, -1, &text.size);
  if (!azd_severity_parse(text, &answer->severity))
    luaL_error(L, "returned the severity '%s': it is info, low, medium, high or critical",
               *text.data ? text.data : luaL_typename(L, -1));
}

/* nil, false, a severity, or { severity, message, fix, refs }. Anything else is the policy's mistake. */
static int read_answer(lua_State *L) { /* answer value */
  struct answer *answer = lua_touserdata(L, 1);
  lua_settop(L, 2);
  if (!lua_toboolean(L, 2)) return 0;
  if (lua_type(L, 2) == LUA_TSTRING) return read_severity(L, answer), 0;
  if (!lua_istable(L, 2))
    return luaL_error(
        L, "returned a %s: nil, false, a severity, or { severity =, message =, fix =, refs = } is understood",
        luaL_typename(L, 2));
  for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
    const char *field = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    if (strcmp(field, "severity") == 0)
      read_severity(L, answer);
    else if (strcmp(field, "message") == 0)
      answer->message = answer_text(L, answer->arena, field);
    else if (strcmp(field, "fix") == 0)
      answer->fix = answer_text(L, answer->arena, field);
    else if (strcmp(field, "refs") == 0)
      read_refs(L, answer);
    else
      return luaL_error(L, "returned a field '%s' that nobody knows: severity, message, fix and refs are", field);
  }
  if (!answer->severity) return luaL_error(L, "returned a table without severity");
  return 0;
}

static int ask_policy(struct azd_judge *judge, const struct question *q, struct answer *answer,
                      struct azd_error *error) {
  *answer = (struct answer){.arena = judge->run.arena};
  int rc = ask(judge, q, error);
  if (rc == ANSWERED) {
    struct azd_sandbox *sandbox = judge->state->sandbox;
    struct azd_str text = {NULL, 0};
    if (lua_type(sandbox->L, -1) == LUA_TSTRING) text.data = lua_tolstring(sandbox->L, -1, &text.size);
    bool quick = !lua_toboolean(sandbox->L, -1) || (text.data && azd_severity_parse(text, &answer->severity));
    if (!quick) { /* reading the rest may raise */
      lua_pushcfunction(sandbox->L, read_answer);
      lua_pushlightuserdata(sandbox->L, answer);
      lua_pushvalue(sandbox->L, -3);
      if (azd_sandbox_call(sandbox, 2, 0) != 0) {
        answer->severity = AZD_SEVERITY_NONE;
        rc = fail(judge, q);
      }
    }
  }
  forget(judge);
  return rc;
}

/* ---- changes and conditions ---- */

static void list_changes(struct azd_judging *run) {
  run->counted_count = run->effect_count = 0;
  for (uint32_t i = 0; i < run->change_count; i++) {
    if (run->judged[i].class == AZD_CLASS_CHANGE)
      run->counted[run->counted_count++] = i;
    else if (run->judged[i].class == AZD_CLASS_EFFECT)
      run->effects[run->effect_count++] = i;
  }
}

static int take_changes(struct azd_judge *judge, const struct azd_judge_input *input) {
  struct azd_judging *run = &judge->run;
  run->change_count = input->diff ? azd_diff_count(input->diff) : 1;
  size_t count = run->change_count + 1;
  run->changes = azd_arena_alloc(run->arena, count * sizeof *run->changes);
  run->judged = azd_arena_zalloc(run->arena, count * sizeof *run->judged);
  run->counted = azd_arena_alloc(run->arena, count * sizeof *run->counted);
  run->effects = azd_arena_alloc(run->arena, count * sizeof *run->effects);
  run->paths = azd_arena_alloc(run->arena, count * sizeof *run->paths);
  run->parsed = azd_arena_zalloc(run->arena, count * sizeof *run->parsed);
  if (!run->changes || !run->judged || !run->counted || !run->effects || !run->paths || !run->parsed) return AZD_ENOMEM;
  judge->whole_body = (struct azd_change){
      .op = !input->before  ? AZD_OP_ADD
            : !input->after ? AZD_OP_REMOVE
                            : AZD_OP_REPLACE,
      .class = AZD_CLASS_CHANGE,
      .old_node = input->before ? input->before_node : AZD_NODE_NONE,
      .new_node = input->after ? input->after_node : AZD_NODE_NONE,
      .old_parent = AZD_NODE_NONE,
      .new_parent = AZD_NODE_NONE,
      .property = AZD_STR(""),
      .pointer = AZD_STR(""),
      .rule = AZD_RULE_NONE,
  };
  for (uint32_t i = 0; i < run->change_count; i++) {
    run->changes[i] = input->diff ? azd_diff_change(input->diff, i) : &judge->whole_body;
    run->judged[i] = (struct azd_judged_change){.class = run->changes[i]->class, .rule = run->changes[i]->rule};
  }
  list_changes(run);
  return 0;
}

/* A condition that fails does not hold: the change is shown rather than swallowed. */
static int resolve_conditions(struct azd_judge *judge, struct azd_error *error) {
  struct azd_judging *run = &judge->run;
  for (uint32_t i = 0; i < run->change_count; i++) {
    for (const struct azd_when *when = run->changes[i]->whens; when; when = when->next) {
      const struct azd_rule *rule = azd_ruleset_rule(judge->bundle->ruleset, when->rule);
      struct azd_origin origin = {rule->file.data, rule->line, rule->layer};
      struct question q = {"rules", &origin, rule->condition, true, i};
      bool holds;
      if (rule->condition < 0) continue;
      int rc = ask_whether(judge, &q, &holds, error);
      if (rc < 0) return rc;
      if (!holds) continue;
      run->judged[i].class = when->class;
      run->judged[i].rule = when->rule;
      break;
    }
  }
  list_changes(run);
  return 0;
}

/* ---- policies ---- */

/* Drops the matches that the policy's tune exempts. */
static int apply_tune(struct azd_judge *judge, const struct azd_policy *policy, struct azd_match *matches,
                      uint32_t *count, struct azd_error *error) {
  const struct azd_tune *tune = judge->only ? NULL : policy->tune;
  if (!tune || tune->unless < 0) return 0;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < *count; i++) {
    struct question q = {policy->name, &tune->origin, tune->unless, true, matches[i].change};
    bool exempt;
    int rc = ask_whether(judge, &q, &exempt, error);
    if (rc < 0) return rc;
    if (!exempt) matches[kept++] = matches[i];
  }
  *count = kept;
  return 0;
}

static int say(struct azd_judge *judge, const struct azd_policy *policy, const struct answer *answer,
               struct azd_match *matches, uint32_t count, struct azd_error *error) {
  int rc = apply_tune(judge, policy, matches, &count, error);
  if (rc != 0 || count == 0) return rc;
  enum azd_severity severity = answer->severity;
  if (!judge->only && policy->tune && policy->tune->severity) severity = policy->tune->severity;
  return azd_judge_say(judge, policy, severity, answer->message ? answer->message : policy->message,
                       answer->fix ? answer->fix : policy->fix, answer->refs.count ? &answer->refs : &policy->refs,
                       matches, count);
}

static int run_function(struct azd_judge *judge, const struct azd_policy *policy, struct azd_match *matches,
                        uint32_t count, struct azd_error *error) {
  bool by_change = policy->on_change >= 0;
  struct question q = {policy->name, &policy->origin, by_change ? policy->on_change : policy->on_resource, by_change,
                       0};
  uint32_t calls = by_change ? count : 1;
  struct answer answer;
  for (uint32_t i = 0; i < calls; i++) {
    q.change = matches[i].change;
    int rc = ask_policy(judge, &q, &answer, error);
    if (rc == FAILED) judge->run.floor = azd_severity_max(judge->run.floor, policy->severity);
    if (rc == ANSWERED && answer.severity) rc = say(judge, policy, &answer, &matches[i], by_change ? 1 : count, error);
    if (rc < 0) return rc;
  }
  return 0;
}

static int run_policy(struct azd_judge *judge, const struct azd_policy *policy, struct azd_error *error) {
  struct azd_match *matches;
  uint32_t count;
  if (policy->kinds && !(policy->kinds & 1u << judge->run.input->kind)) return 0;
  if (!judge->only && policy->tune && policy->tune->off) return 0;
  int rc = azd_judge_matches(&judge->run, policy, &matches, &count);
  if (rc != 0 || count == 0) return rc;
  if (policy->on_change >= 0 || policy->on_resource >= 0) return run_function(judge, policy, matches, count, error);
  struct answer answer = {.severity = policy->severity};
  for (uint32_t i = 0; i < count; i++)
    if ((rc = say(judge, policy, &answer, &matches[i], 1, error)) != 0) return rc;
  return 0;
}

/* The first entry of a type in the bundle's sorted list. */
static uint32_t first_of_type(const struct azd_bundle *bundle, struct azd_str type) {
  uint32_t low = 0, high = bundle->by_type_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (azd_str_compare_fold(azd_str_of(bundle->by_type[middle].type), type) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Policies of the type and of "*", in the order of declarations: two sorted runs, merged. */
static int run_policies(struct azd_judge *judge, struct azd_error *error) {
  const struct azd_bundle *bundle = judge->bundle;
  const struct azd_policy *policies = bundle->declarations.policies;
  if (judge->only) return run_policy(judge, judge->only, error);
  struct azd_str type = judge->run.input->type, any = AZD_STR("*");
  uint32_t a = first_of_type(bundle, type), b = first_of_type(bundle, any);
  for (;;) {
    bool has_a = a < bundle->by_type_count && azd_str_equal_fold(azd_str_of(bundle->by_type[a].type), type);
    bool has_b = b < bundle->by_type_count && azd_str_equal(azd_str_of(bundle->by_type[b].type), any);
    if (!has_a && !has_b) return 0;
    bool take_a = has_a && (!has_b || bundle->by_type[a].policy < bundle->by_type[b].policy);
    int rc = run_policy(judge, &policies[take_a ? bundle->by_type[a++].policy : bundle->by_type[b++].policy], error);
    if (rc != 0) return rc;
  }
}

/* ---- all of it ---- */

static bool under_tags(struct azd_str property) {
  return property.size >= 4 && azd_str_starts_with_fold(property, AZD_STR("tags")) &&
         (property.size == 4 || property.data[4] == '.' || property.data[4] == '[');
}

static void settle_severities(struct azd_judge *judge) {
  struct azd_judging *run = &judge->run;
  for (const struct azd_verdict_link *link = run->verdicts; link; link = link->next)
    for (uint32_t i = 0; i < link->verdict.change_count; i++) {
      struct azd_judged_change *change = &run->judged[link->changes[i]];
      change->severity = azd_severity_max(change->severity, link->verdict.severity);
      change->spoken = true;
    }
  enum azd_severity severity = run->floor;
  for (uint32_t i = 0; i < run->counted_count; i++) {
    struct azd_judged_change *change = &run->judged[run->counted[i]];
    if (!change->spoken)
      change->severity = under_tags(run->changes[run->counted[i]]->property) ? judge->bundle->severity_tags_only
                                                                             : judge->bundle->severity_default;
    severity = azd_severity_max(severity, change->severity);
  }
  run->severity = severity;
}

static bool ask_unless(struct azd_judge *judge, const struct azd_expected *expected) {
  struct question q = {expected->name, &expected->origin, expected->unless, false, 0};
  bool holds;
  /* One that fails is no reason to fold a drift away. */
  return ask_whether(judge, &q, &holds, NULL) != ANSWERED || holds;
}

static int collect(const struct azd_judging *run, struct azd_judgement *judgement) {
  uint32_t verdicts = 0, errors = 0;
  for (const struct azd_verdict_link *link = run->verdicts; link; link = link->next) verdicts++;
  for (const struct azd_error_link *link = run->errors; link; link = link->next) errors++;
  struct azd_verdict *verdict = azd_arena_alloc(run->arena, (verdicts + 1) * sizeof *verdict);
  struct azd_script_error *error = azd_arena_alloc(run->arena, (errors + 1) * sizeof *error);
  if (!verdict || !error) return AZD_ENOMEM;
  judgement->verdicts = verdict;
  judgement->errors = error;
  for (const struct azd_verdict_link *link = run->verdicts; link; link = link->next) *verdict++ = link->verdict;
  for (const struct azd_error_link *link = run->errors; link; link = link->next) *error++ = link->error;
  judgement->verdict_count = verdicts;
  judgement->error_count = errors;
  judgement->complete = errors == 0;
  return 0;
}

int azd_judge_run(struct azd_judge *judge, const struct azd_judge_input *input, struct azd_arena *arena,
                  struct azd_judgement *judgement, struct azd_error *error) {
  struct azd_judging *run = &judge->run;
  struct azd_judgement result = {0};
  const struct azd_expected *expected = NULL;
  AZD_ASSERT(judge->bundle);
  *run = (struct azd_judging){.input = input, .arena = arena};
  run->verdicts_end = &run->verdicts;
  run->errors_end = &run->errors;
  int rc = take_changes(judge, input);
  if (rc == 0 && input->diff) rc = resolve_conditions(judge, error);
  if (rc == 0 && run->counted_count > 0) rc = run_policies(judge, error);
  if (rc == 0 && run->counted_count > 0) {
    settle_severities(judge);
    if (!judge->only) expected = azd_judge_find_expected(judge, ask_unless);
  }
  if (rc == 0) rc = collect(run, &result);
  if (judge->state) azd_lend_return(&judge->state->sandbox->lend);
  if (rc == AZD_ENOMEM) azd_fail(error, rc, "no memory to judge a drift");
  if (rc != 0) return rc;
  result.changes = run->judged;
  result.change_count = run->change_count;
  result.counted = run->counted_count;
  result.severity = run->counted_count ? run->severity : AZD_SEVERITY_NONE;
  result.expected = expected ? expected->name : NULL;
  *judgement = result;
  return 0;
}
