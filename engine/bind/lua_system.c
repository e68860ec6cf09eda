/* azdrift.system: the few things the command line asks of the machine that Lua's own libraries do not know. Every call
 * is one quick system call. Declared in lua/meta/system.lua. */
#include "base/clock.h"
#include "base/crypto.h"
#include "base/owner.h"
#include "bind/bindings.h"
#include "bind/engine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int push_errno(lua_State *L) {
  lua_pushnil(L);
  lua_pushstring(L, strerror(errno));
  return 2;
}

/* [-0, +1, v] is_terminal(fd) */
static int l_is_terminal(lua_State *L) {
  lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
  return 1;
}

/* [-0, +1, v] columns(fd): of the terminal there; nil where there is none, or it does not say. */
static int l_columns(lua_State *L) {
  struct winsize size;
  int fd = (int)luaL_checkinteger(L, 1);
  if (ioctl(fd, TIOCGWINSZ, &size) || !size.ws_col)
    lua_pushnil(L);
  else
    lua_pushinteger(L, size.ws_col);
  return 1;
}

/* [-0, +1, v] kind(path): "file", "directory" or "other"; nil where nothing is, or it cannot be looked at. A link that
 * leads nowhere is "other", so that nobody writes through it. */
static int l_kind(lua_State *L) {
  struct stat info;
  const char *path = luaL_checkstring(L, 1);
  if (stat(path, &info) && lstat(path, &info))
    lua_pushnil(L);
  else
    lua_pushstring(L, S_ISREG(info.st_mode) ? "file" : S_ISDIR(info.st_mode) ? "directory" : "other");
  return 1;
}

/* [-0, +1|2, v] make_directory(path): true, or nil and a sentence. The folder above it must be there. */
static int l_make_directory(lua_State *L) {
  if (mkdir(luaL_checkstring(L, 1), 0777)) return push_errno(L);
  lua_pushboolean(L, 1);
  return 1;
}

static int write_all(int fd, const char *bytes, size_t count) {
  while (count) {
    ssize_t written = write(fd, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -1;
    bytes += written;
    count -= (size_t)written;
  }
  return 0;
}

/* [-0, +1|2, v] create_file(path, text, is_private): true, or nil and a sentence. What is there already is never
 * touched; a file that could not be written whole is taken away again. A private one is its owner's alone (0600). */
static int l_create_file(lua_State *L) {
  size_t count;
  const char *path = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &count);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, lua_toboolean(L, 3) ? 0600 : 0666);
  if (fd < 0) return push_errno(L);
  int failed = write_all(fd, text, count), saved = errno;
  if (close(fd) && !failed) failed = -1, saved = errno;
  if (failed) {
    unlink(path);
    errno = saved;
    return push_errno(L);
  }
  lua_pushboolean(L, 1);
  return 1;
}

/* [-0, +1, -] now_ms(): wall-clock milliseconds, UTC. */
static int l_now_ms(lua_State *L) {
  lua_pushinteger(L, azd_clock_wall_ms());
  return 1;
}

/* [-0, +1, v] random_hex(bytes): that many strong random bytes as hex. */
static int l_random_hex(lua_State *L) {
  enum { RANDOM_MAX_BYTES = 64 };
  unsigned char bytes[RANDOM_MAX_BYTES];
  char hex[2 * RANDOM_MAX_BYTES + 1];
  lua_Integer count = luaL_checkinteger(L, 1);
  luaL_argcheck(L, count >= 1 && count <= RANDOM_MAX_BYTES, 1, "1 to 64 bytes expected");
  azd_random(bytes, (size_t)count);
  azd_hex(bytes, (size_t)count, hex);
  lua_pushstring(L, hex);
  return 1;
}

/* [-0, +1, m] uuid(): a fresh UUID of version 7. */
static int l_uuid(lua_State *L) {
  char uuid[AZD_UUID_TEXT_BYTES];
  azd_uuid7(uuid);
  lua_pushstring(L, uuid);
  return 1;
}

/* [-0, +1, m] owner(): who holds a lease (base/owner.h). */
static int l_owner(lua_State *L) {
  char name[AZD_OWNER_NAME_BYTES];
  azd_owner_name(name);
  lua_pushstring(L, name);
  return 1;
}

/* [-0, +1, -] open_descriptors(): of this process; 0 where the system does not tell. */
static int l_open_descriptors(lua_State *L) {
  lua_Integer count = 0;
  DIR *folder = opendir("/proc/self/fd");
  if (folder) {
    while (readdir(folder)) count++;
    closedir(folder);
    count -= 3; /* "." and "..", and the folder itself */
  }
  lua_pushinteger(L, count);
  return 1;
}

/* [-0, +1, v] owner_is_dead(name): known not to run any more. */
static int l_owner_is_dead(lua_State *L) {
  lua_pushboolean(L, azd_owner_is_dead(azd_str_of(luaL_checkstring(L, 1))));
  return 1;
}

/* [-0, +1, m] loop_stats(): how well the loop of this engine has kept up so far (loop/loop.h). */
static int l_loop_stats(lua_State *L) {
  const struct azd_loop_stats *stats = azd_loop_stats(azd_engine_of(L)->loop);
  const double ms_per_ns = 1e-6;
  lua_createtable(L, 0, 5);
  lua_pushinteger(L, (lua_Integer)stats->callbacks);
  lua_setfield(L, -2, "callbacks");
  lua_pushinteger(L, (lua_Integer)stats->slow_callbacks);
  lua_setfield(L, -2, "slow_callbacks");
  lua_pushnumber(L, (double)stats->longest_cpu_ns * ms_per_ns);
  lua_setfield(L, -2, "longest_cpu_ms");
  lua_pushstring(L, stats->longest_name);
  lua_setfield(L, -2, "longest_name");
  lua_pushnumber(L, (double)stats->longest_lag_ns * ms_per_ns);
  lua_setfield(L, -2, "longest_lag_ms");
  return 1;
}

/* [-0, +0, -] restart_loop_stats(): they count from here on. The callback at hand is still counted. */
static int l_restart_loop_stats(lua_State *L) {
  azd_loop_stats_restart(azd_engine_of(L)->loop);
  return 0;
}

int azd_open_system(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"is_terminal", l_is_terminal},
      {"columns", l_columns},
      {"kind", l_kind},
      {"make_directory", l_make_directory},
      {"create_file", l_create_file},
      {"now_ms", l_now_ms},
      {"random_hex", l_random_hex},
      {"uuid", l_uuid},
      {"owner", l_owner},
      {"open_descriptors", l_open_descriptors},
      {"owner_is_dead", l_owner_is_dead},
      {"loop_stats", l_loop_stats},
      {"restart_loop_stats", l_restart_loop_stats},
      {NULL, NULL},
  };
  luaL_newlib(L, functions);
  lua_pushstring(L, azd_engine_of(L)->share);
  lua_setfield(L, -2, "share");
  lua_pushstring(L, AZD_VERSION);
  lua_setfield(L, -2, "version");
  return 1;
}
