/* `azdrift.listings`: large files compared without holding them (drift/listing.h, drift/compare_listings.h).
 *
 *   local listings = require("azdrift.listings")
 *   listings.read(detector, path) -> listing; false: no list, or a small one (detector:compare takes it);
 *     nil, sentence, code                                                                                  -- awaits
 *   listings.compare(detector, old, new, slice, slices) -> part, or nil, sentence, code; slice counts from 1 -- awaits
 *   listings.join({ part, ... }) -> result, as of detector:compare; the parts of all slices, each used up
 *   listings.workers() -> how many slices can be looked at side by side
 *
 * Both listings and the comparison take one detector. Thread: the loop's; the work is done on CPU workers, which read
 * the files. Blocks: never. */
#include "bind/await.h"
#include "bind/bindings.h"
#include "bind/class.h"
#include "bind/engine.h"
#include "bind/lua_detect.h"
#include "drift/compare_listings.h"

#include <lauxlib.h>

static const char listing_class[] = "azdrift.listing", part_class[] = "azdrift.listing.part";
enum {
  DEADLINE_MS = 600000,
  PARTS_MAX = 256,
  /* Below, a file is read whole before the workers could have shared it out. */
  MIN_FILE_BYTES = 4 * 1024 * 1024,
};

struct listing_box {
  struct azd_listing *listing;
  int users; /* comparisons under way: a close waits for the collector */
};

struct part_box {
  struct azd_compare_part *part;
};

static struct listing_box *check_listing(lua_State *L, int index) {
  struct listing_box *box = luaL_checkudata(L, index, listing_class);
  if (!box->listing) luaL_argerror(L, index, "the listing is closed");
  return box;
}

static int l_close_listing(lua_State *L) {
  struct listing_box *box = luaL_checkudata(L, 1, listing_class);
  if (box->users) return 0;
  azd_listing_free(box->listing);
  box->listing = NULL;
  return 0;
}

static int l_close_part(lua_State *L) {
  struct part_box *box = luaL_checkudata(L, 1, part_class);
  azd_compare_part_free(box->part);
  box->part = NULL;
  return 0;
}

/* ---- reading ---- */

struct listing_work {
  struct azd_work work;
  const struct azd_detect_setup *setup;
  const char *path; /* anchored */
  struct azd_listing *listing;
  int status;
  struct azd_error error;
};

static void listing_run(struct azd_work *work, struct azd_worker *worker) {
  struct listing_work *reading = (struct listing_work *)work;
  (void)worker;
  reading->status =
      azd_listing_read(reading->path, &reading->setup->shape, MIN_FILE_BYTES, &reading->listing, &reading->error);
}

static int listing_push(lua_State *L, struct azd_work *work) {
  struct listing_work *reading = (struct listing_work *)work;
  if (reading->status) return azd_push_error(L, &reading->error);
  if (!reading->listing) {
    lua_pushboolean(L, 0);
    return 1;
  }
  struct listing_box *box = lua_newuserdatauv(L, sizeof *box, 1);
  *box = (struct listing_box){0};
  luaL_setmetatable(L, listing_class);
  lua_pushvalue(L, 1); /* the detector has the shape that the listing was read by */
  lua_setiuservalue(L, -2, 1);
  box->listing = reading->listing;
  reading->listing = NULL;
  return 1;
}

static void listing_free(struct azd_work *work) {
  azd_listing_free(((struct listing_work *)work)->listing);
}

static const struct azd_work_type listing_type = {
    "listing a file", sizeof(struct listing_work), listing_run, listing_push, listing_free, NULL};

static int l_read(lua_State *L) { /* detector path */
  const struct azd_detect_setup *setup = azd_check_detector(L, 1);
  const char *path = luaL_checkstring(L, 2);
  lua_settop(L, 2);
  struct listing_work *reading = (struct listing_work *)azd_work_new(L, &listing_type);
  for (int i = 1; i <= 2; i++) azd_work_anchor(L, &reading->work, i);
  reading->setup = setup;
  reading->path = path;
  return azd_await_work(L, &reading->work, azd_engine_of(L)->cpu_pool, DEADLINE_MS);
}

/* ---- comparing ---- */

struct compare_work {
  struct azd_work work;
  const struct azd_detect_setup *setup;
  struct listing_box *old_box, *new_box; /* anchored */
  uint32_t slice, slices;
  struct azd_compare_part *part;
  int status;
  struct azd_error error;
};

static void compare_run(struct azd_work *work, struct azd_worker *worker) {
  struct compare_work *compare = (struct compare_work *)work;
  struct azd_comparer *comparer = azd_worker_comparer(worker);
  if (!comparer)
    compare->status = azd_fail(&compare->error, AZD_ENOMEM, "no memory for a comparison");
  else
    compare->status =
        azd_compare_listings(comparer, &compare->setup->options, compare->old_box->listing, compare->new_box->listing,
                             compare->slice, compare->slices, &compare->part, &compare->error);
}

static int compare_push(lua_State *L, struct azd_work *work) {
  struct compare_work *compare = (struct compare_work *)work;
  if (compare->status) return azd_push_error(L, &compare->error);
  struct part_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->part = NULL;
  luaL_setmetatable(L, part_class);
  box->part = compare->part;
  compare->part = NULL;
  return 1;
}

static void compare_close(struct azd_work *work) {
  struct compare_work *compare = (struct compare_work *)work;
  azd_compare_part_free(compare->part);
  if (!compare->old_box) return;
  compare->old_box->users--;
  compare->new_box->users--;
}

static const struct azd_work_type compare_type = {
    "comparing listed files", sizeof(struct compare_work), compare_run, compare_push, compare_close, NULL};

static int l_compare(lua_State *L) { /* detector old new slice slices */
  const struct azd_detect_setup *setup = azd_check_detector(L, 1);
  struct listing_box *old_box = check_listing(L, 2), *new_box = check_listing(L, 3);
  lua_Integer slice = luaL_checkinteger(L, 4), slices = luaL_checkinteger(L, 5);
  luaL_argcheck(L, slices > 0 && slices <= PARTS_MAX, 5, "1 to 256 slices expected");
  luaL_argcheck(L, slice > 0 && slice <= slices, 4, "a slice counts from 1");
  lua_settop(L, 5);
  struct compare_work *compare = (struct compare_work *)azd_work_new(L, &compare_type);
  for (int i = 1; i <= 3; i++) azd_work_anchor(L, &compare->work, i);
  compare->setup = setup;
  compare->old_box = old_box;
  compare->new_box = new_box;
  old_box->users++;
  new_box->users++;
  compare->slice = (uint32_t)slice - 1;
  compare->slices = (uint32_t)slices;
  return azd_await_work(L, &compare->work, azd_engine_of(L)->cpu_pool, DEADLINE_MS);
}

/* ---- the parts together ---- */

/* The texts of a report while it becomes Lua strings, which may run out of memory. */
struct report_box {
  struct azd_buf drifts, errors, quiet;
};

static int l_close_report(lua_State *L) {
  struct report_box *box = lua_touserdata(L, 1);
  azd_buf_free(&box->drifts);
  azd_buf_free(&box->errors);
  azd_buf_free(&box->quiet);
  return 0;
}

static const char report_class[] = "azdrift.listing.report";

static uint32_t collect_parts(lua_State *L, int index, struct azd_compare_part *parts[static PARTS_MAX]) {
  luaL_checktype(L, index, LUA_TTABLE);
  size_t count = lua_rawlen(L, index);
  luaL_argcheck(L, count > 0 && count <= PARTS_MAX, index, "1 to 256 parts expected");
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, index, (lua_Integer)i + 1);
    struct part_box *box = luaL_checkudata(L, -1, part_class);
    luaL_argcheck(L, box->part, index, "a part that was used up");
    parts[i] = box->part;
    lua_pop(L, 1); /* the table holds it */
  }
  return (uint32_t)count;
}

static int join(struct azd_compare_part *const *parts, uint32_t count, struct report_box *report,
                struct azd_compare_result *result, struct azd_error *error) {
  azd_buf_append_char(&report->errors, '[');
  azd_buf_append_char(&report->quiet, '[');
  int status = azd_compare_join(parts, count, &report->drifts, &report->errors, &report->quiet, result, error);
  azd_buf_append_char(&report->errors, ']');
  azd_buf_append_char(&report->quiet, ']');
  if (status) return status;
  bool failed = azd_buf_status(&report->errors) || azd_buf_status(&report->quiet);
  return failed ? azd_fail(error, AZD_ENOMEM, "no memory for the report") : 0;
}

static int l_join(lua_State *L) { /* parts */
  struct azd_compare_part *parts[PARTS_MAX];
  struct azd_compare_result result;
  struct azd_error error;
  uint32_t count = collect_parts(L, 1, parts);
  struct report_box *report = lua_newuserdatauv(L, sizeof *report, 0);
  *report = (struct report_box){0};
  luaL_setmetatable(L, report_class);
  if (join(parts, count, report, &result, &error)) return azd_push_error(L, &error);
  for (uint32_t i = 0; i < count; i++) { /* what they held is in the report */
    lua_rawgeti(L, 1, (lua_Integer)i + 1);
    struct part_box *box = lua_touserdata(L, -1);
    azd_compare_part_free(box->part);
    box->part = NULL;
    lua_pop(L, 1);
  }
  azd_push_compare_result(L, &result, &report->drifts, &report->errors, &report->quiet);
  azd_buf_free(&report->drifts);
  azd_buf_free(&report->errors);
  azd_buf_free(&report->quiet);
  return 1;
}

static int l_workers(lua_State *L) {
  unsigned workers = azd_pool_stats(azd_engine_of(L)->cpu_pool).workers;
  lua_pushinteger(L, workers < PARTS_MAX ? workers : PARTS_MAX);
  return 1;
}

int azd_open_listings(lua_State *L) {
  static const luaL_Reg no_methods[] = {{NULL, NULL}};
  static const luaL_Reg functions[] = {
      {"read", l_read}, {"compare", l_compare}, {"join", l_join}, {"workers", l_workers}, {NULL, NULL}};
  azd_new_class(L, listing_class, no_methods, l_close_listing);
  azd_new_class(L, part_class, no_methods, l_close_part);
  azd_new_class(L, report_class, no_methods, l_close_report);
  luaL_newlib(L, functions);
  return 1;
}
