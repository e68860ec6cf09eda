/* A lua_State's memory, counted and capped. Life: outlives the state it was given to. Thread: the state's.
 * Growing may fail, shrinking never does. Units: bytes as asked for, without malloc's own. */
#ifndef AZD_SCRIPT_MEMORY_H
#define AZD_SCRIPT_MEMORY_H

#include <stddef.h>
#include <stdint.h>

struct azd_lua_memory {
  size_t used_bytes, peak_bytes;
  size_t max_bytes;
  uint64_t growths; /* allocations and enlargements asked for */
  uint64_t fail_at; /* tests: the growth with this number, and those after it, fail; 0: none */
};

/* A lua_Alloc; opaque is a struct azd_lua_memory. */
void *azd_lua_memory_alloc(void *opaque, void *block, size_t old_bytes, size_t new_bytes);

#endif
