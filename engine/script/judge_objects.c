/* The resource `r`, its changes, and what hangs on them, as scripts see them: host objects, made of the input and
 * nothing else. A name they do not have raises: a misspelt field must not be nil for ever. */
#include "script/judge_impl.h"

#include <lauxlib.h>

enum object { OBJECT_RESOURCE = 1, OBJECT_CHANGES, OBJECT_EFFECTS, OBJECT_CHANGE, OBJECT_GROUP, OBJECT_KEY };
enum { KIND_SHIFT = 28, NUMBER_MASK = (1 << KIND_SHIFT) - 1 };

static uint32_t object_of(enum object kind, uint32_t number) {
  return (uint32_t)kind << KIND_SHIFT | number;
}
static enum object kind_of(uint32_t object) {
  return (enum object)(object >> KIND_SHIFT);
}

void azd_judge_push_resource(lua_State *L) {
  azd_handle_push_object(L, object_of(OBJECT_RESOURCE, 0));
}
void azd_judge_push_change(lua_State *L, uint32_t change) {
  azd_handle_push_object(L, object_of(OBJECT_CHANGE, change));
}

static void push_str(lua_State *L, struct azd_str text) {
  if (text.data)
    lua_pushlstring(L, text.data, text.size);
  else
    lua_pushnil(L);
}

/* ---- what the id says ---- */

/* The segment that follows `name`, without case; NULL data where there is none. */
static struct azd_str after_segment(struct azd_str id, struct azd_str name) {
  const char *end = id.data + id.size;
  for (const char *c = id.data; c && c < end;) {
    const char *slash = memchr(c, '/', (size_t)(end - c));
    struct azd_str segment = {c, (size_t)((slash ? slash : end) - c)};
    if (slash && azd_str_equal_fold(segment, name)) {
      const char *next = memchr(slash + 1, '/', (size_t)(end - slash - 1));
      return (struct azd_str){slash + 1, (size_t)((next ? next : end) - slash - 1)};
    }
    if (!slash) break;
    c = slash + 1;
  }
  return (struct azd_str){NULL, 0};
}

struct azd_str azd_judge_resource_name(const struct azd_judging *run) {
  struct azd_str id = run->input->id;
  const char *slash = id.size ? memrchr(id.data, '/', id.size) : NULL;
  return slash ? (struct azd_str){slash + 1, id.size - (size_t)(slash + 1 - id.data)} : id;
}

azd_node azd_judge_context(const struct azd_judging *run, const char *name) {
  return run->input->context ? azd_doc_member(run->input->context, run->input->context_node, azd_str_of(name))
                             : AZD_NODE_NONE;
}

azd_node azd_judge_known(const struct azd_judging *run, const char *name, const struct azd_doc **doc) {
  const struct azd_judge_input *input = run->input;
  azd_node node = azd_judge_context(run, name);
  *doc = input->context;
  if (node != AZD_NODE_NONE) return node;
  *doc = input->after ? input->after : input->before;
  return *doc ? azd_doc_member_fold(*doc, input->after ? input->after_node : input->before_node, azd_str_of(name))
              : AZD_NODE_NONE;
}

struct azd_str azd_judge_group_name(const struct azd_judging *run) {
  azd_node group = azd_judge_context(run, "group");
  struct azd_str name = {NULL, 0};
  if (group != AZD_NODE_NONE) name = azd_doc_text(run->input->context, group, "name");
  return name.data ? name : after_segment(run->input->id, AZD_STR("resourceGroups"));
}

struct azd_str azd_judge_subscription(const struct azd_judging *run) {
  azd_node node = azd_judge_context(run, "subscription");
  if (node != AZD_NODE_NONE && azd_doc_type(run->input->context, node) == AZD_JSON_STRING)
    return azd_doc_string(run->input->context, node);
  return after_segment(run->input->id, AZD_STR("subscriptions"));
}

/* ---- r ---- */

static void push_known(lua_State *L, const struct azd_judging *run, const char *name) {
  const struct azd_doc *doc;
  azd_node node = azd_judge_known(run, name, &doc);
  unsigned slot = doc && doc == run->input->context ? AZD_SLOT_CONTEXT
                  : run->input->after               ? AZD_SLOT_AFTER
                                                    : AZD_SLOT_BEFORE;
  azd_handle_push(L, slot, node);
}

/* r.related(type): the neighbours of that type that the context knows. */
static int related(lua_State *L) {
  struct azd_str type;
  type.data = luaL_checklstring(L, lua_type(L, 1) == LUA_TLIGHTUSERDATA ? 2 : 1, &type.size);
  const struct azd_lend *lend = &azd_sandbox_of(L)->lend;
  if (!lend->host) return luaL_error(L, "this resource is no longer there: it lives for one call");
  const struct azd_judging *run = lend->host;
  azd_node all = azd_judge_context(run, "related");
  azd_handle_push(L, AZD_SLOT_CONTEXT,
                  all == AZD_NODE_NONE ? AZD_NODE_NONE : azd_doc_member_fold(run->input->context, all, type));
  return 1;
}

enum {
  R_AFTER,
  R_BEFORE,
  R_TAGS,
  R_ACTOR,
  R_CHANGES,
  R_EFFECTS,
  R_NAME,
  R_ID,
  R_TYPE,
  R_KIND,
  R_GROUP,
  R_SUBSCRIPTION,
  R_PARENT,
  R_RELATED,
  R_LOCATION,
  R_AGAINST,
  R_NOW,
  R_SEVERITY,
  R_COUNT
};
static const char *const resource_names[] = {"after",  "before",  "tags",     "actor",   "changes", "effects",
                                             "name",   "id",      "type",     "kind",    "group",   "subscription",
                                             "parent", "related", "location", "against", "now",     "severity"};

static void push_resource_field(lua_State *L, const struct azd_judging *run, int field) {
  const struct azd_judge_input *input = run->input;
  switch (field) {
  case R_AFTER: azd_handle_push(L, AZD_SLOT_AFTER, input->after_node); return;
  case R_BEFORE: azd_handle_push(L, AZD_SLOT_BEFORE, input->before_node); return;
  case R_TAGS: push_known(L, run, "tags"); return;
  case R_ACTOR: azd_handle_push(L, AZD_SLOT_CONTEXT, azd_judge_context(run, "actor")); return;
  case R_CHANGES: azd_handle_push_object(L, object_of(OBJECT_CHANGES, 0)); return;
  case R_EFFECTS: azd_handle_push_object(L, object_of(OBJECT_EFFECTS, 0)); return;
  case R_NAME: push_str(L, azd_judge_resource_name(run)); return;
  case R_ID: push_str(L, input->id); return;
  case R_TYPE: push_str(L, input->type); return;
  case R_KIND: lua_pushstring(L, azd_drift_kind_name(input->kind)); return;
  case R_GROUP: azd_handle_push_object(L, object_of(OBJECT_GROUP, 0)); return;
  case R_SUBSCRIPTION: push_str(L, azd_judge_subscription(run)); return;
  case R_PARENT: azd_handle_push(L, AZD_SLOT_CONTEXT, azd_judge_context(run, "parent")); return;
  case R_RELATED: lua_pushcfunction(L, related); return;
  case R_LOCATION: push_known(L, run, "location"); return;
  case R_AGAINST: lua_pushstring(L, input->against_baseline ? "baseline" : "previous"); return;
  case R_NOW: lua_pushinteger(L, input->now_ms / 1000); return;
  default:
    if (run->severity)
      lua_pushstring(L, azd_severity_name(run->severity));
    else
      lua_pushnil(L);
  }
}

/* ---- change ---- */

enum { C_OP, C_PATH, C_OLD, C_NEW, C_PARENT, C_POINTER, C_KEY, C_COUNT };
static const char *const change_names[] = {"op", "path", "old", "new", "parent", "pointer", "key"};
static const char *const op_names[] = {"add", "remove", "replace", "move"};

static void push_change_field(lua_State *L, const struct azd_judging *run, uint32_t number, int field) {
  const struct azd_change *change = run->changes[number];
  switch (field) {
  case C_OP: lua_pushstring(L, op_names[change->op]); return;
  case C_PATH: push_str(L, change->property); return;
  case C_OLD: azd_handle_push(L, AZD_SLOT_BEFORE, change->old_node); return;
  case C_NEW: azd_handle_push(L, AZD_SLOT_AFTER, change->new_node); return;
  case C_PARENT: /* the new side's, where that has one */
    if (change->new_parent != AZD_NODE_NONE)
      azd_handle_push(L, AZD_SLOT_AFTER, change->new_parent);
    else
      azd_handle_push(L, AZD_SLOT_BEFORE, change->old_parent);
    return;
  case C_POINTER: push_str(L, change->pointer); return;
  default:
    if (change->key_name.data)
      azd_handle_push_object(L, object_of(OBJECT_KEY, number));
    else
      lua_pushnil(L);
  }
}

/* ---- r.group ---- */

enum { G_NAME, G_TAGS, G_MANAGED_BY, G_COUNT };
static const char *const group_names[] = {"name", "tags", "managed_by"};

static void push_group_field(lua_State *L, const struct azd_judging *run, int field) {
  azd_node group = azd_judge_context(run, "group");
  if (field == G_NAME)
    push_str(L, azd_judge_group_name(run));
  else if (group == AZD_NODE_NONE)
    lua_pushnil(L);
  else
    azd_handle_push(L, AZD_SLOT_CONTEXT, azd_doc_member(run->input->context, group, azd_str_of(group_names[field])));
}

/* ---- all of them ---- */

static void push_field(lua_State *L, const struct azd_judging *run, uint32_t object, int field) {
  switch (kind_of(object)) {
  case OBJECT_RESOURCE: push_resource_field(L, run, field); return;
  case OBJECT_CHANGE: push_change_field(L, run, object & NUMBER_MASK, field); return;
  default: push_group_field(L, run, field);
  }
}

/* Names and their number of an object that has fields; NULL for lists and keys. */
static const char *const *names_of(uint32_t object, int *count) {
  switch (kind_of(object)) {
  case OBJECT_RESOURCE: *count = R_COUNT; return resource_names;
  case OBJECT_CHANGE: *count = C_COUNT; return change_names;
  case OBJECT_GROUP: *count = G_COUNT; return group_names;
  default: *count = 0; return NULL;
  }
}

static const uint32_t *list_of(const struct azd_judging *run, uint32_t object, uint32_t *count) {
  bool effects = kind_of(object) == OBJECT_EFFECTS;
  *count = effects ? run->effect_count : run->counted_count;
  return effects ? run->effects : run->counted;
}

static void object_index(lua_State *L, void *host, uint32_t object) {
  const struct azd_judging *run = host;
  int count;
  const char *const *names = names_of(object, &count);
  if (names && lua_type(L, 2) == LUA_TSTRING) {
    const char *wanted = lua_tostring(L, 2);
    for (int i = 0; i < count; i++)
      if (strcmp(names[i], wanted) == 0) {
        push_field(L, run, object, i);
        return;
      }
    luaL_error(L, "a %s has no '%s'",
               kind_of(object) == OBJECT_RESOURCE ? "resource"
               : kind_of(object) == OBJECT_CHANGE ? "change"
                                                  : "group",
               wanted);
  }
  if (kind_of(object) == OBJECT_KEY && lua_type(L, 2) == LUA_TSTRING) {
    const struct azd_change *change = run->changes[object & NUMBER_MASK];
    struct azd_str wanted;
    wanted.data = lua_tolstring(L, 2, &wanted.size);
    if (azd_str_equal_fold(wanted, change->key_name))
      push_str(L, change->key_value);
    else
      lua_pushnil(L);
    return;
  }
  uint32_t listed;
  const uint32_t *list = list_of(run, object, &listed);
  lua_Integer i = !names && lua_isinteger(L, 2) ? lua_tointeger(L, 2) : 0;
  if (kind_of(object) != OBJECT_KEY && i >= 1 && i <= listed)
    azd_judge_push_change(L, list[i - 1]);
  else
    lua_pushnil(L);
}

static uint32_t object_count(void *host, uint32_t object) {
  int names;
  uint32_t listed;
  if (kind_of(object) == OBJECT_KEY) return 1;
  if (names_of(object, &names)) return (uint32_t)names;
  list_of(host, object, &listed);
  return listed;
}

static void object_member(lua_State *L, void *host, uint32_t object, uint32_t i) {
  const struct azd_judging *run = host;
  int count;
  uint32_t listed;
  const char *const *names = names_of(object, &count);
  if (names) {
    lua_pushstring(L, names[i]);
    push_field(L, run, object, (int)i);
  } else if (kind_of(object) == OBJECT_KEY) {
    push_str(L, run->changes[object & NUMBER_MASK]->key_name);
    push_str(L, run->changes[object & NUMBER_MASK]->key_value);
  } else {
    lua_pushinteger(L, (lua_Integer)i + 1);
    azd_judge_push_change(L, list_of(run, object, &listed)[i]);
  }
}

const struct azd_lend_objects azd_judge_objects = {object_index, object_count, object_member};
