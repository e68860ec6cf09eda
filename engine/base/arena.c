#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

enum { AZD_ARENA_BLOCK_BYTES = 64 * 1024 };

struct azd_arena_block {
  struct azd_arena_block *next;
  size_t used, capacity;
  alignas(max_align_t) char data[];
};

void azd_arena_reset(struct azd_arena *arena) {
  for (struct azd_arena_block *block = arena->first; block; block = block->next) block->used = 0;
  arena->current = arena->first;
  arena->used_bytes = 0;
}

void azd_arena_free(struct azd_arena *arena) {
  for (struct azd_arena_block *block = arena->first, *next; block; block = next) {
    next = block->next;
    free(block);
  }
  azd_arena_init(arena, arena->max_bytes);
}

static struct azd_arena_block *block_with_room(struct azd_arena *arena, size_t bytes) {
  struct azd_arena_block *block = arena->current;
  while (block && block->capacity - block->used < bytes && block->next) block = block->next;
  if (block && block->capacity - block->used >= bytes) return arena->current = block;
  size_t capacity = block ? block->capacity * 2 : AZD_ARENA_BLOCK_BYTES;
  if (capacity < bytes) capacity = bytes;
  struct azd_arena_block *fresh = malloc(sizeof *fresh + capacity);
  if (!fresh) return NULL;
  *fresh = (struct azd_arena_block){.capacity = capacity};
  if (block)
    block->next = fresh;
  else
    arena->first = fresh;
  return arena->current = fresh;
}

void *azd_arena_alloc(struct azd_arena *arena, size_t bytes) {
  if (bytes > SIZE_MAX / 4) return NULL;
  bytes = (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
  if (arena->max_bytes && (bytes > arena->max_bytes || arena->used_bytes > arena->max_bytes - bytes)) return NULL;
  struct azd_arena_block *block = block_with_room(arena, bytes);
  if (!block) return NULL;
  void *memory = block->data + block->used;
  block->used += bytes;
  arena->used_bytes += bytes;
  return memory;
}

void *azd_arena_zalloc(struct azd_arena *arena, size_t bytes) {
  void *memory = azd_arena_alloc(arena, bytes);
  return memory ? memset(memory, 0, bytes) : NULL;
}

char *azd_arena_copy(struct azd_arena *arena, struct azd_str s) {
  char *copy = azd_arena_alloc(arena, s.size + 1);
  if (!copy) return NULL;
  if (s.size) memcpy(copy, s.data, s.size);
  copy[s.size] = 0;
  return copy;
}
