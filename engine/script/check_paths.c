/* Paths that no version of a type knows: those that rules name, that policies watch, and that policies read while
 * their examples run. A misspelt property is absent for ever, and a rule or policy about it silent for ever. */
#include "script/bundle_impl.h"
#include "script/judge_impl.h"
#include "json/properties.h"

enum { NAMES_MAX = 512 };

struct names {
  struct azd_str items[NAMES_MAX];
  uint32_t count;
};

struct checking {
  struct azd_properties *properties;
  azd_unknown_path_fn *tell;
  void *context;
  const struct azd_policy *policy;
  struct azd_arena arena; /* of one policy's paths */
  struct seen *seen;
  struct names names;
  int status;
  struct azd_error *error;
};

struct seen {
  struct seen *next;
  struct azd_str path;
};

static void note_name(void *context, struct azd_str name) {
  struct names *names = context;
  if (names->count < NAMES_MAX) names->items[names->count++] = name;
}

static struct azd_str step_name(const struct azd_step *step) {
  return step->kind == AZD_STEP_NAME ? step->name : step->kind == AZD_STEP_MAP ? AZD_STR("{}") : AZD_STR("[]");
}

static int tell_unknown(struct checking *checking, const struct azd_property_tree *tree, const struct azd_path *path,
                        uint32_t step, struct azd_unknown_path *unknown) {
  checking->names.count = 0;
  int status = azd_property_names(tree, path, step, note_name, &checking->names, checking->error);
  if (status) return status;
  unknown->unknown = step_name(&path->steps[step]);
  unknown->names = checking->names.items;
  unknown->name_count = checking->names.count;
  checking->tell(checking->context, unknown);
  return 0;
}

/* ---- rules ---- */

struct looked_up {
  const struct azd_property_tree *tree; /* NULL: nothing is known of the type */
  struct azd_path path;
  struct azd_property_place place;
};

static int look_up(struct checking *checking, const struct azd_rule *rule, struct looked_up *found) {
  azd_arena_reset(&checking->arena);
  *found = (struct looked_up){.place.answer = AZD_PROPERTY_FREE};
  int status = azd_properties_of(checking->properties, rule->type, &found->tree, checking->error);
  if (status || !found->tree) return status;
  status = azd_path_parse(rule->path, &checking->arena, &found->path, checking->error);
  return status ? status : azd_property_find(found->tree, &found->path, &found->place, checking->error);
}

static bool is_row(const struct azd_rule *a, const struct azd_rule *b) {
  return a->line == b->line && a->verb == b->verb && azd_str_equal(a->file, b->file) && azd_str_equal(a->path, b->path);
}

/* A row of a block of several types is one rule a type, one behind the other: one type that has the path is enough.
 * *end: the rule behind the row. */
static int check_row(struct checking *checking, const struct azd_ruleset *ruleset, uint32_t first, uint32_t *end) {
  const struct azd_rule *rule = azd_ruleset_rule(ruleset, first);
  uint32_t count = azd_ruleset_count(ruleset);
  struct looked_up found;
  int status = 0;
  for (*end = first + 1; *end < count && is_row(rule, azd_ruleset_rule(ruleset, *end));) (*end)++;
  for (uint32_t i = *end; i-- > first;) { /* the first type is asked last, and told of */
    status = look_up(checking, azd_ruleset_rule(ruleset, i), &found);
    if (status || found.place.answer != AZD_PROPERTY_UNKNOWN) return status;
  }
  struct azd_unknown_path unknown = {
      .rule = rule, .file = rule->file, .line = rule->line, .type = rule->type, .path = rule->path};
  return tell_unknown(checking, found.tree, &found.path, found.place.step, &unknown);
}

/* The user's. Shipped rules are held against recorded bodies, which have more than any schema says. */
static int check_rules(struct checking *checking, const struct azd_ruleset *ruleset) {
  uint32_t count = azd_ruleset_count(ruleset), next;
  int status = 0;
  for (uint32_t i = 0; i < count && !status; i = next) {
    const struct azd_rule *rule = azd_ruleset_rule(ruleset, i);
    next = i + 1;
    if (rule->layer == AZD_LAYER_USER && !azd_str_equal(rule->type, AZD_STR("*")))
      status = check_row(checking, ruleset, i, &next);
  }
  return status;
}

/* ---- policies ---- */

/* Unknown to every type of the policy; *tree and *place are those of its first type. false, too, where a type has no
 * table: then nothing is known. */
static bool unknown_to_all(struct checking *checking, const struct azd_path *path,
                           const struct azd_property_tree **tree, struct azd_property_place *place) {
  const struct azd_policy *policy = checking->policy;
  if (policy->any_type) return false;
  for (uint32_t i = policy->types.count; i-- > 0 && !checking->status;) {
    *tree = NULL;
    checking->status =
        azd_properties_of(checking->properties, azd_str_of(policy->types.items[i]), tree, checking->error);
    if (checking->status || !*tree) return false;
    checking->status = azd_property_find(*tree, path, place, checking->error);
    if (checking->status || place->answer != AZD_PROPERTY_UNKNOWN) return false;
  }
  return !checking->status;
}

static bool is_new(struct checking *checking, struct azd_str path) {
  for (const struct seen *seen = checking->seen; seen; seen = seen->next)
    if (azd_str_equal_fold(seen->path, path)) return false;
  struct seen *seen = azd_arena_alloc(&checking->arena, sizeof *seen);
  const char *copy = azd_arena_copy(&checking->arena, path);
  if (!seen || !copy) {
    checking->status = azd_fail(checking->error, AZD_ENOMEM, "no memory to check paths");
    return false;
  }
  *seen = (struct seen){checking->seen, {copy, path.size}};
  checking->seen = seen;
  return true;
}

/* last_only: what stands before the last step was told of when it was read itself. */
static void check_policy_path(struct checking *checking, const struct azd_path *path, struct azd_str text,
                              bool last_only) {
  const struct azd_property_tree *tree;
  struct azd_property_place place;
  const struct azd_policy *policy = checking->policy;
  if (checking->status || !is_new(checking, text) || !unknown_to_all(checking, path, &tree, &place)) return;
  if (last_only && place.step + 1 != path->count) return;
  struct azd_unknown_path unknown = {.policy = policy->name,
                                     .file = azd_str_of(policy->origin.file),
                                     .line = policy->origin.line,
                                     .type = azd_str_of(policy->types.items[0]),
                                     .path = text};
  checking->status = tell_unknown(checking, tree, path, place.step, &unknown);
}

static void begin_policy(void *context, const struct azd_policy *policy) {
  struct checking *checking = context;
  azd_arena_reset(&checking->arena);
  checking->seen = NULL;
  checking->policy = policy;
  for (uint32_t i = 0; i < policy->watch_texts.count; i++)
    check_policy_path(checking, &policy->watch[i], azd_str_of(policy->watch_texts.items[i]), false);
}

/* The body of an example stands under "old" or "new" of its document. */
static bool path_of(const struct azd_doc *doc, azd_node object, struct azd_str key,
                    struct azd_step steps[AZD_PATH_STEPS_MAX], struct azd_path *path) {
  uint32_t count = 0;
  for (azd_node node = object;
       azd_doc_parent(doc, node) != AZD_NODE_NONE && azd_doc_parent(doc, azd_doc_parent(doc, node)) != AZD_NODE_NONE;
       node = azd_doc_parent(doc, node))
    count++;
  if (count + 1 > AZD_PATH_STEPS_MAX) return false;
  *path = (struct azd_path){steps, count + 1};
  steps[count] = (struct azd_step){.kind = AZD_STEP_NAME, .name = key};
  for (azd_node node = object; count; node = azd_doc_parent(doc, node)) {
    struct azd_str name = azd_doc_key(doc, node);
    bool is_element = azd_doc_type(doc, azd_doc_parent(doc, node)) == AZD_JSON_ARRAY;
    steps[--count] = (struct azd_step){.kind = is_element ? AZD_STEP_ITEM : AZD_STEP_NAME, .name = name};
  }
  return true;
}

static struct azd_str text_of(const struct azd_path *path, struct azd_buf *out) {
  for (uint32_t i = 0; i < path->count; i++)
    if (path->steps[i].kind == AZD_STEP_NAME)
      azd_path_write_name(out, path->steps[i].name, i == 0);
    else
      azd_buf_append_text(out, "[]");
  return azd_buf_str(out);
}

/* A dotted key is find()'s way to name a path; it is read again step by step. */
static void note_read(void *context, unsigned slot, const struct azd_doc *doc, azd_node object, struct azd_str key) {
  struct checking *checking = context;
  struct azd_step steps[AZD_PATH_STEPS_MAX];
  struct azd_path path;
  struct azd_buf text;
  if (slot != AZD_SLOT_BEFORE && slot != AZD_SLOT_AFTER) return;
  if (!key.size || memchr(key.data, '.', key.size) || !path_of(doc, object, key, steps, &path)) return;
  azd_buf_init(&text, 0);
  struct azd_str written = text_of(&path, &text);
  if (!azd_buf_status(&text)) check_policy_path(checking, &path, written, true);
  azd_buf_free(&text);
}

int azd_bundle_check_paths(struct azd_bundle *bundle, struct azd_properties *properties, azd_unknown_path_fn *tell,
                           void *context, struct azd_error *error) {
  struct checking checking = {.properties = properties, .tell = tell, .context = context, .error = error};
  struct azd_lend_reader reader = {note_read, &checking};
  azd_arena_init(&checking.arena, 0);
  int status = check_rules(&checking, bundle->ruleset);
  if (!status) status = azd_bundle_read_examples(bundle, &reader, begin_policy, error);
  if (!status) status = checking.status;
  azd_arena_free(&checking.arena);
  return status;
}
