/* Where a policy's watched paths meet the changes of a drift: all of it without entering Lua. */
#include "script/judge_impl.h"
#include "json/canonical.h"

#include <stdlib.h>

enum { FOUND_MAX = 64 };

enum relation { APART, ABOVE, AT, BELOW }; /* how the change lies to the watched path */

/* Does a step of a watched path stand for this step of a change's path? */
static bool step_meets(const struct azd_step *watch, const struct azd_step *step) {
  switch (watch->kind) {
  case AZD_STEP_NAME: return step->kind == AZD_STEP_NAME && azd_str_equal_fold(watch->name, step->name);
  case AZD_STEP_MAP: return step->kind == AZD_STEP_NAME;
  case AZD_STEP_ITEM: return step->kind != AZD_STEP_NAME && step->kind != AZD_STEP_MAP;
  case AZD_STEP_SELECT: return step->kind == AZD_STEP_SELECT && azd_selector_equal(watch, step);
  case AZD_STEP_INDEX: return step->kind == AZD_STEP_INDEX && step->count == watch->count;
  }
  return false;
}

/* From step w of the watched path and step c of the change's. *deepest: the watched step at which the change ended
 * (ABOVE). */
static enum relation relate(const struct azd_path *watch, uint32_t w, const struct azd_path *change, uint32_t c,
                            uint32_t *deepest) {
  if (w == watch->count) return c == change->count ? AT : BELOW;
  if (c == change->count) return *deepest = w, ABOVE;
  if (!watch->steps[w].deep)
    return step_meets(&watch->steps[w], &change->steps[c]) ? relate(watch, w + 1, change, c + 1, deepest) : APART;
  enum relation best = APART;
  for (uint32_t skip = c; skip < change->count; skip++) {
    if (!step_meets(&watch->steps[w], &change->steps[skip])) continue;
    uint32_t at = 0;
    enum relation relation = relate(watch, w + 1, change, skip + 1, &at);
    if (relation >= AT) return relation;
    if (relation == ABOVE) best = ABOVE, *deepest = at;
  }
  if (best == APART) *deepest = w; /* it may still lie somewhere below */
  return ABOVE;
}

/* ---- nodes that the rest of a watched path names below a node ---- */

struct found {
  azd_node nodes[FOUND_MAX];
  uint32_t count;
};

static bool selected(const struct azd_doc *doc, azd_node element, const struct azd_step *step) {
  for (uint32_t i = 0; i < step->count; i++) {
    azd_node member = azd_doc_member_fold(doc, element, step->by[i].name);
    if (member == AZD_NODE_NONE || azd_doc_type(doc, member) != AZD_JSON_STRING ||
        !azd_str_equal_fold(azd_doc_string(doc, member), step->by[i].value))
      return false;
  }
  return true;
}

static void collect(const struct azd_doc *doc, azd_node node, const struct azd_path *path, uint32_t step,
                    struct found *found);

static void collect_step(const struct azd_doc *doc, azd_node node, const struct azd_path *path, uint32_t i,
                         struct found *found) {
  const struct azd_step *step = &path->steps[i];
  enum azd_json_type type = azd_doc_type(doc, node);
  if (step->kind == AZD_STEP_NAME) {
    azd_node member = type == AZD_JSON_OBJECT ? azd_doc_member_fold(doc, node, step->name) : AZD_NODE_NONE;
    if (member != AZD_NODE_NONE) collect(doc, member, path, i + 1, found);
    return;
  }
  if (type != (step->kind == AZD_STEP_MAP ? AZD_JSON_OBJECT : AZD_JSON_ARRAY)) return;
  uint32_t index = 0;
  for (azd_node n = azd_doc_first(doc, node); n != AZD_NODE_NONE; n = azd_doc_next(doc, n), index++) {
    if (step->kind == AZD_STEP_SELECT && !selected(doc, n, step)) continue;
    if (step->kind == AZD_STEP_INDEX && index != step->count) continue;
    collect(doc, n, path, i + 1, found);
  }
}

static void collect(const struct azd_doc *doc, azd_node node, const struct azd_path *path, uint32_t i,
                    struct found *found) {
  if (i == path->count) {
    if (found->count < FOUND_MAX) found->nodes[found->count++] = node;
    return;
  }
  collect_step(doc, node, path, i, found);
  if (!path->steps[i].deep) return;
  enum azd_json_type type = azd_doc_type(doc, node);
  if (type != AZD_JSON_OBJECT && type != AZD_JSON_ARRAY) return;
  for (azd_node n = azd_doc_first(doc, node); n != AZD_NODE_NONE && found->count < FOUND_MAX; n = azd_doc_next(doc, n))
    collect(doc, n, path, i, found);
}

/* Whether the rest of the path names at most one node. */
static bool is_single(const struct azd_path *path, uint32_t from) {
  for (uint32_t i = from; i < path->count; i++)
    if (path->steps[i].deep || path->steps[i].kind == AZD_STEP_MAP || path->steps[i].kind == AZD_STEP_ITEM)
      return false;
  return true;
}

/* ---- values ---- */

static bool is_scalar(const struct azd_doc *doc, azd_node node, const struct azd_scalar *scalar) {
  if (node == AZD_NODE_NONE || azd_doc_type(doc, node) == AZD_JSON_NULL) return scalar->type == AZD_JSON_NULL;
  if (azd_doc_type(doc, node) != scalar->type) return false;
  if (scalar->type == AZD_JSON_STRING) return azd_str_equal_fold(azd_doc_string(doc, node), scalar->text);
  if (scalar->type != AZD_JSON_NUMBER) return true;
  int64_t value;
  char *end;
  if (azd_doc_int64(doc, node, &value)) {
    long long wanted = strtoll(scalar->text.data, &end, 10);
    if (!*end) return value == wanted;
  }
  return azd_doc_double(doc, node) == strtod(scalar->text.data, NULL);
}

static bool one_of(const struct azd_doc *doc, azd_node node, const struct azd_scalars *scalars) {
  for (uint32_t i = 0; i < scalars->count; i++)
    if (is_scalar(doc, node, &scalars->items[i])) return true;
  return scalars->count == 0;
}

static bool any_of(const struct azd_doc *doc, const struct found *found, const struct azd_scalars *scalars,
                   azd_node *which) {
  if (found->count == 0) return one_of(doc, AZD_NODE_NONE, scalars);
  for (uint32_t i = 0; i < found->count; i++)
    if (one_of(doc, found->nodes[i], scalars)) return *which = found->nodes[i], true;
  return false;
}

static bool same_value(const struct azd_judge_input *input, azd_node old_node, azd_node new_node) {
  if (old_node == AZD_NODE_NONE || new_node == AZD_NODE_NONE) return old_node == new_node;
  return azd_json_equal(input->before, old_node, input->after, new_node);
}

/* A change above the watched path: what lies at the path, on both sides. */
static bool match_below(const struct azd_judging *run, const struct azd_policy *policy, const struct azd_path *watch,
                        uint32_t step, struct azd_match *match) {
  const struct azd_judge_input *input = run->input;
  const struct azd_change *change = run->changes[match->change];
  struct found old_found = {.count = 0}, new_found = {.count = 0};
  if (change->old_node != AZD_NODE_NONE) collect(input->before, change->old_node, watch, step, &old_found);
  if (change->new_node != AZD_NODE_NONE) collect(input->after, change->new_node, watch, step, &new_found);
  match->old_node = old_found.count ? old_found.nodes[0] : AZD_NODE_NONE;
  match->new_node = new_found.count ? new_found.nodes[0] : AZD_NODE_NONE;
  bool has_function = policy->on_resource >= 0 || policy->on_change >= 0;
  if (has_function) return is_single(watch, step) || old_found.count || new_found.count;
  if (old_found.count + new_found.count == 0) return false;
  if (is_single(watch, step) && same_value(input, match->old_node, match->new_node)) return false;
  return any_of(input->before, &old_found, &policy->from, &match->old_node) &&
         any_of(input->after, &new_found, &policy->to, &match->new_node);
}

static bool match_one(struct azd_judging *run, const struct azd_policy *policy, uint32_t w, struct azd_match *match) {
  const struct azd_path *watch = &policy->watch[w];
  const struct azd_change *change = run->changes[match->change];
  uint32_t step = 0;
  enum relation relation = relate(watch, 0, &run->paths[match->change], 0, &step);
  match->old_node = change->old_node;
  match->new_node = change->new_node;
  match->path = change->property;
  if (relation == ABOVE) {
    if (is_single(watch, step)) match->path = azd_str_of(policy->watch_texts.items[w]);
    return match_below(run, policy, watch, step, match);
  }
  bool asks = policy->from.count || policy->to.count;
  if (relation == BELOW) return !asks;
  return relation == AT && one_of(run->input->before, change->old_node, &policy->from) &&
         one_of(run->input->after, change->new_node, &policy->to);
}

/* A path of the diff that does not parse here would be a bug of ours; it is then above everything: loud, not silent. */
static void parse_change_path(struct azd_judging *run, uint32_t change) {
  if (run->parsed[change]) return;
  run->parsed[change] = true;
  if (azd_path_parse(run->changes[change]->property, run->arena, &run->paths[change], NULL) != 0)
    run->paths[change] = (struct azd_path){NULL, 0};
}

int azd_judge_matches(struct azd_judging *run, const struct azd_policy *policy, struct azd_match **matches,
                      uint32_t *count) {
  uint32_t watches = policy->watch_texts.count;
  size_t room = (size_t)run->counted_count * (watches ? watches : 1);
  *count = 0;
  *matches = azd_arena_alloc(run->arena, room * sizeof **matches);
  if (!*matches) return AZD_ENOMEM;
  for (uint32_t i = 0; i < run->counted_count; i++) {
    struct azd_match match = {.change = run->counted[i]};
    const struct azd_change *change = run->changes[match.change];
    if (!watches) {
      match.old_node = change->old_node, match.new_node = change->new_node, match.path = change->property;
      (*matches)[(*count)++] = match;
      continue;
    }
    parse_change_path(run, match.change);
    for (uint32_t w = 0; w < watches; w++) {
      if (!match_one(run, policy, w, &match)) continue;
      (*matches)[(*count)++] = match;
      if (policy->on_change >= 0 || policy->on_resource >= 0) break; /* a function is asked once a change */
    }
  }
  return 0;
}
