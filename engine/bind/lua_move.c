/* `detector:move`: a baseline moved over part of a drift (drift/move.h).
 *
 *   detector:move({ id =, type =, before = json_text, after = json_text, before_view =, before_api_version =,
 *     before_redaction =, after_view =, after_api_version =, after_redaction =, places = { property, ... }, apart = })
 *     -> { body = canonical json_text, moved =, left =, apart = } or nil, sentence, code                   -- awaits
 *
 * Thread: the loop's; the work is done on a CPU worker. Blocks: never. */
#include "bind/await.h"
#include "bind/class.h"
#include "bind/engine.h"
#include "bind/lua_detect.h"
#include "bind/store_call.h"
#include "drift/batch.h"
#include "drift/move.h"

#include <lauxlib.h>

enum { MOVE_DEADLINE_MS = 600000, PLACES_MAX = 10000 };

struct moving {
  struct azd_work work;
  const struct azd_detect_setup *setup;
  struct azd_move move;
  struct azd_arena arena; /* of the places */
  struct azd_buf bytes;
  struct azd_moved moved;
  int status;
  struct azd_error error;
};

static void *create_detector(void) {
  return azd_detector_new();
}
static void destroy_detector(void *detector) {
  azd_detector_free(detector);
}
static const struct azd_worker_kind detector_kind = {create_detector, destroy_detector};

static void move_run(struct azd_work *work, struct azd_worker *worker) {
  struct moving *moving = (struct moving *)work;
  struct azd_detector *detector = azd_worker_keep(worker, &detector_kind);
  moving->status = detector ? azd_move_run(detector, &moving->setup->options, &moving->move, &moving->bytes,
                                           &moving->moved, &moving->error)
                            : azd_fail(&moving->error, AZD_ENOMEM, "no memory to move a baseline");
}

static int move_push(lua_State *L, struct azd_work *work) {
  struct moving *moving = (struct moving *)work;
  if (moving->status) return azd_push_error(L, &moving->error);
  lua_createtable(L, 0, 4);
  lua_pushlstring(L, moving->bytes.data, moving->bytes.size);
  lua_setfield(L, -2, "body");
  azd_set_integer(L, "moved", moving->moved.moved);
  azd_set_integer(L, "left", moving->moved.left);
  azd_set_integer(L, "apart", moving->moved.apart);
  return 1;
}

static void move_close(struct azd_work *work) {
  struct moving *moving = (struct moving *)work;
  azd_buf_free(&moving->bytes);
  azd_arena_free(&moving->arena);
}

static const struct azd_work_type move_type = {
    "moving a baseline", sizeof(struct moving), move_run, move_push, move_close, NULL};

/* Borrowed from the table at 2, which the work anchors. */
static struct azd_str text_field(lua_State *L, const char *name, bool is_needed) {
  struct azd_str text = {"", 0};
  int type = lua_getfield(L, 2, name);
  if (type == LUA_TSTRING)
    text.data = lua_tolstring(L, -1, &text.size);
  else if (type != LUA_TNIL || is_needed)
    luaL_error(L, "detector:move: %s: text expected, got %s", name, lua_typename(L, type));
  lua_pop(L, 1);
  return text;
}

static void read_places(lua_State *L, struct moving *moving) {
  if (lua_getfield(L, 2, "places") != LUA_TNIL) {
    luaL_argcheck(L, lua_istable(L, -1), 2, "places: a list of properties expected");
    size_t count = lua_rawlen(L, -1);
    luaL_argcheck(L, count <= PLACES_MAX, 2, "places: too many");
    struct azd_str *places = azd_arena_alloc(&moving->arena, (count + 1) * sizeof *places);
    if (!places) luaL_error(L, "no memory");
    for (size_t i = 0; i < count; i++, lua_pop(L, 1)) {
      lua_rawgeti(L, -1, (lua_Integer)i + 1);
      places[i].data = luaL_checklstring(L, -1, &places[i].size);
    }
    moving->move.places = places;
    moving->move.place_count = count;
  }
  lua_pop(L, 1);
}

int azd_detector_l_move(lua_State *L) { /* detector arguments */
  const struct azd_detect_setup *setup = azd_check_detector(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  struct moving *moving = (struct moving *)azd_work_new(L, &move_type);
  azd_arena_init(&moving->arena, 0);
  azd_buf_init(&moving->bytes, 0);
  for (int i = 1; i <= 2; i++) azd_work_anchor(L, &moving->work, i);
  moving->setup = setup;
  moving->move = (struct azd_move){
      .pair = {.id = text_field(L, "id", true),
               .type = text_field(L, "type", true),
               .before = {.view = text_field(L, "before_view", false),
                          .api_version = text_field(L, "before_api_version", false)},
               .after = {.view = text_field(L, "after_view", false),
                         .api_version = text_field(L, "after_api_version", false)},
               .redacted =
                   azd_redacted_how(text_field(L, "before_redaction", false), text_field(L, "after_redaction", false))},
      .before = text_field(L, "before", true),
      .after = text_field(L, "after", true),
  };
  lua_getfield(L, 2, "apart");
  moving->move.apart = lua_toboolean(L, -1);
  lua_pop(L, 1);
  read_places(L, moving);
  return azd_await_work(L, &moving->work, azd_engine_of(L)->cpu_pool, MOVE_DEADLINE_MS);
}
