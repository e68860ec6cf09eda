#include "script/memory.h"

#include <stdlib.h>

void *azd_lua_memory_alloc(void *opaque, void *block, size_t old_bytes, size_t new_bytes) {
  struct azd_lua_memory *memory = opaque;
  if (!block) old_bytes = 0; /* Lua passes the kind of the new object there */
  if (!new_bytes) {
    memory->used_bytes -= old_bytes;
    free(block);
    return NULL;
  }
  if (new_bytes > old_bytes) {
    memory->growths++;
    if (memory->fail_at && memory->growths >= memory->fail_at) return NULL;
    if (new_bytes - old_bytes > memory->max_bytes - memory->used_bytes) return NULL;
  }
  void *moved = realloc(block, new_bytes);
  /* Lua takes it for granted that shrinking succeeds; the old block is larger and does as well. */
  if (!moved) return new_bytes <= old_bytes ? block : NULL;
  memory->used_bytes += new_bytes - old_bytes;
  if (memory->used_bytes > memory->peak_bytes) memory->peak_bytes = memory->used_bytes;
  return moved;
}
