#include "drift/around.h"

static struct azd_str none(void) {
  return (struct azd_str){"", 0};
}

static struct azd_str up_to(struct azd_str text, size_t size) {
  return (struct azd_str){text.data, size};
}

/* Where marker stands last in text, without ASCII case; text.size where it does not. */
static size_t last_fold(struct azd_str text, struct azd_str marker) {
  if (!marker.size || text.size < marker.size) return text.size;
  for (size_t at = text.size - marker.size + 1; at-- > 0;)
    if (azd_str_equal_fold((struct azd_str){text.data + at, marker.size}, marker)) return at;
  return text.size;
}

struct azd_str azd_group_id(const struct azd_around *around, struct azd_str id) {
  const struct azd_str marker = around->group_marker;
  for (size_t at = 0; marker.size && at + marker.size < id.size; at++) {
    if (!azd_str_equal_fold((struct azd_str){id.data + at, marker.size}, marker)) continue;
    const char *name = id.data + at + marker.size, *end = memchr(name, '/', id.size - at - marker.size);
    return end ? up_to(id, (size_t)(end - id.data)) : none(); /* a group has none around it */
  }
  return none();
}

struct azd_str azd_parent_id(const struct azd_around *around, struct azd_str id) {
  const struct azd_str marker = around->shape->type_marker;
  size_t at = last_fold(id, marker), segments = 1, last_pair = 0;
  if (at == id.size) return none();
  /* namespace / type / name / type / name: where the last pair begins */
  for (size_t i = at + marker.size; i < id.size; i++)
    if (id.data[i] == '/' && ++segments % 2 == 0) last_pair = i;
  if (segments > 3) return up_to(id, last_pair);
  struct azd_str extended = up_to(id, at);
  return last_fold(extended, marker) < extended.size ? extended : none();
}

void azd_neighbours_init(struct azd_neighbours *neighbours) {
  *neighbours = (struct azd_neighbours){.count = 0};
  azd_arena_init(&neighbours->scratch, 0);
}

void azd_neighbours_free(struct azd_neighbours *neighbours) {
  azd_arena_free(&neighbours->scratch);
}

void azd_neighbours_reset(struct azd_neighbours *neighbours) {
  if (neighbours->count) memset(neighbours->slots, 0, sizeof neighbours->slots);
  neighbours->count = 0;
}

static struct azd_neighbour *slot_of(struct azd_neighbours *neighbours, const struct azd_key *key) {
  uint64_t hash;
  memcpy(&hash, key->bytes + AZD_KEY_TYPE_BYTES, sizeof hash);
  size_t slot = (size_t)hash % AZD_NEIGHBOUR_SLOTS;
  while (neighbours->slots[slot].used && azd_key_compare(&neighbours->slots[slot].key, key))
    slot = (slot + 1) % AZD_NEIGHBOUR_SLOTS;
  return &neighbours->slots[slot];
}

static int read_body(struct azd_neighbours *neighbours, const struct azd_around *around, const struct azd_key *key,
                     struct azd_arena *arena, struct azd_str *body, struct azd_error *error) {
  struct azd_version version;
  struct azd_error absent;
  azd_arena_reset(&neighbours->scratch);
  int status =
      azd_store_version(around->store, around->scope, key, around->seq, &neighbours->scratch, &version, &absent);
  *body = none();
  if (status == AZD_ENOTFOUND) return 0;
  if (status) return azd_fail(error, status, "%s", absent.text);
  char *copy = azd_arena_copy(arena, version.body);
  if (!copy) return azd_fail(error, AZD_ENOMEM, "no memory for what stands around a resource");
  *body = (struct azd_str){copy, version.body.size};
  return 0;
}

int azd_neighbours_find(struct azd_neighbours *neighbours, const struct azd_around *around, struct azd_str id,
                        struct azd_arena *arena, struct azd_str *body, struct azd_error *error) {
  struct azd_str type = azd_shape_type_of_id(around->shape, id, arena);
  if (!type.data) return azd_fail(error, AZD_ENOMEM, "no memory for a type");
  struct azd_key key = azd_key_of(type, id);
  struct azd_neighbour *neighbour = slot_of(neighbours, &key);
  if (!neighbour->used) {
    AZD_ASSERT(neighbours->count < AZD_NEIGHBOURS_MAX);
    int status = read_body(neighbours, around, &key, arena, &neighbour->body, error);
    if (status) return status;
    neighbour->key = key;
    neighbour->used = true;
    neighbours->count++;
  }
  *body = neighbour->body;
  return 0;
}
