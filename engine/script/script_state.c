/* One Lua state of a bundle: every file run once, each in an environment of its own; the functions they declared by
 * number. */
#include "script/bundle_impl.h"

#include <lauxlib.h>
#include <stdlib.h>

enum { LIB_DEPTH_MAX = 8, LOAD_BUDGET_US = 1000000, LOAD_WORK = 20000000 };

static struct azd_script_state *state_of(lua_State *L) {
  return azd_sandbox_of(L)->owner;
}

/* param(name, default): a copy, so that scripts cannot change it for each other. */
static int native_param(lua_State *L) {
  struct azd_script_state *state = state_of(L);
  struct azd_str name;
  name.data = luaL_checklstring(L, 1, &name.size);
  lua_settop(L, 2);
  azd_node node = azd_doc_size(state->params) ? azd_doc_member(state->params, 0, name) : AZD_NODE_NONE;
  if (node != AZD_NODE_NONE && azd_doc_type(state->params, node) != AZD_JSON_NULL)
    azd_json_to_lua(L, state->params, node);
  return 1;
}

static const struct azd_script_file *find_lib(const struct azd_script_state *state, const char *name) {
  const struct azd_script_file *found = NULL;
  for (size_t i = 0; i < state->bundle->file_count; i++) {
    const struct azd_script_file *file = &state->bundle->files[i];
    if (file->kind != AZD_FILE_LIB || strcmp(file->lib_name, name) != 0) continue;
    if (!found || file->layer == state->current.layer) found = file; /* the asking file's own layer first */
  }
  return found;
}

static int native_lib(lua_State *L);

static void add_natives(lua_State *L) { /* in the environment on top */
  static const luaL_Reg functions[] = {{"param", native_param}, {"lib", native_lib}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}

/* lib(name): what policies/lib/name.lua returns. Run anew for each file that asks: what one does to it no other sees.
 */
static int native_lib(lua_State *L) {
  struct azd_script_state *state = state_of(L);
  const char *name = luaL_checkstring(L, 1);
  if (!azd_sandbox_of(L)->loading) return luaL_error(L, "lib loads a file: that belongs at the top");
  const struct azd_script_file *file = find_lib(state, name);
  if (!file) return luaL_error(L, "there is no policies/lib/%s.lua", name);
  if (state->lib_depth >= LIB_DEPTH_MAX) return luaL_error(L, "lib '%s' asks for itself", name);
  struct azd_origin asking = state->current;
  state->lib_depth++;
  state->current = (struct azd_origin){file->name, 1, file->layer};
  azd_sandbox_load(L, (struct azd_str){file->text, file->bytes}, file->name);
  add_natives(L);
  lua_pop(L, 1);
  lua_call(L, 0, 1);
  state->current = asking;
  state->lib_depth--;
  azd_sandbox_of(L)->source_name = asking.file;
  return 1;
}

static int run_file(lua_State *L) { /* file */
  const struct azd_script_file *file = lua_touserdata(L, 1);
  struct azd_script_state *state = state_of(L);
  state->current = (struct azd_origin){file->name, 1, file->layer};
  state->lib_depth = 0;
  azd_sandbox_load(L, (struct azd_str){file->text, file->bytes}, file->name);
  add_natives(L);
  azd_declare_open(L, file->kind == AZD_FILE_RULES ? AZD_SCRIPT_RULES : AZD_SCRIPT_POLICIES, &state->current);
  lua_pop(L, 1);
  lua_call(L, 0, 0);
  return 0;
}

static struct azd_str source_of(void *context, const char *name) {
  const struct azd_bundle *bundle = context;
  for (size_t i = 0; i < bundle->file_count; i++)
    if (strcmp(bundle->files[i].name, name) == 0)
      return (struct azd_str){bundle->files[i].text, bundle->files[i].bytes};
  return (struct azd_str){"", 0};
}

static int read_declarations(lua_State *L) { /* declarations */
  azd_declare_read(L, lua_touserdata(L, 1), source_of, (void *)state_of(L)->bundle);
  return 0;
}

static int fault_error(const struct azd_sandbox *sandbox, struct azd_error *error) {
  const struct azd_fault *fault = &sandbox->fault;
  int code = sandbox->stop == AZD_STOP_MEMORY ? AZD_ELIMIT : AZD_ESCRIPT;
  return azd_fail(error, code, "%s%s%s", fault->at, *fault->at ? ": " : "", fault->text);
}

static int run_files(struct azd_script_state *state, struct azd_declarations *declarations, struct azd_error *error) {
  const struct azd_bundle *bundle = state->bundle;
  struct azd_declarations again = {0};
  struct azd_declarations *read = declarations ? declarations : &again;
  int rc = 0;
  for (size_t i = 0; i < bundle->file_count; i++) {
    if (bundle->files[i].kind == AZD_FILE_LIB) continue;
    if (azd_sandbox_run(state->sandbox, run_file, &bundle->files[i], 0) != 0) return fault_error(state->sandbox, error);
  }
  if (azd_sandbox_run(state->sandbox, read_declarations, read, 0) != 0)
    rc = fault_error(state->sandbox, error);
  else if (!declarations && (again.functions_seen != bundle->declarations.functions_seen ||
                             again.function_count != bundle->declarations.function_count))
    rc = azd_fail(error, AZD_ESCRIPT, "the scripts declare other things each time they run: they are not pure");
  azd_arena_free(&again.arena);
  return rc;
}

int azd_script_state_open(const struct azd_bundle *bundle, const struct azd_sandbox_options *sandbox_options,
                          struct azd_declarations *declarations, struct azd_script_state **opened,
                          struct azd_error *error) {
  int rc = AZD_ENOMEM;
  struct azd_sandbox_options loading = *sandbox_options;
  loading.budget_us = LOAD_BUDGET_US; /* of one file: a crowded machine must not refuse at random */
  if (loading.work_max) loading.work_max = LOAD_WORK;
  struct azd_script_state *state = calloc(1, sizeof *state);
  if (!state || !(state->params = azd_doc_new())) goto no_memory;
  state->bundle = bundle;
  if (bundle->params_json.size && (rc = azd_doc_parse(state->params, bundle->params_json, NULL, error)) != 0)
    goto failed;
  if (!(state->sandbox = azd_sandbox_new(&loading, error))) goto failed;
  state->sandbox->owner = state;
  if ((rc = run_files(state, declarations, error)) != 0) goto failed;
  azd_sandbox_seal(state->sandbox);
  state->sandbox->options.budget_us = sandbox_options->budget_us ? sandbox_options->budget_us : AZD_SANDBOX_BUDGET_US;
  state->sandbox->options.work_max = sandbox_options->work_max;
  *opened = state;
  return 0;
no_memory:
  rc = azd_fail(error, AZD_ENOMEM, "no memory for a script state");
failed:
  azd_script_state_close(state);
  return rc;
}

void azd_script_state_close(struct azd_script_state *state) {
  if (!state) return;
  azd_sandbox_free(state->sandbox);
  azd_doc_free(state->params);
  free(state);
}
