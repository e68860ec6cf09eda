#include "script/message.h"

enum { MESSAGE_MAX_BYTES = 2000 };

static const char *const names[] = {"path",
                                    "old",
                                    "new",
                                    "op",
                                    "key",
                                    "resource.name",
                                    "resource.id",
                                    "resource.type",
                                    "resource.kind",
                                    "resource.group",
                                    "resource.subscription",
                                    "resource.location",
                                    "actor.name",
                                    "actor.kind",
                                    "actor.id",
                                    "actor.operation",
                                    NULL};

const char *const *azd_message_names(void) {
  return names;
}

/* The {name} at the start of text: its size with braces, or 0. */
static size_t blank(struct azd_str text, struct azd_str *name) {
  size_t i = 1;
  while (i < text.size && ((text.data[i] >= 'a' && text.data[i] <= 'z') || text.data[i] == '.' || text.data[i] == '_'))
    i++;
  if (i == 1 || i >= text.size || text.data[i] != '}') return 0;
  *name = (struct azd_str){text.data + 1, i - 1};
  return i + 1;
}

static int number_of(struct azd_str name) {
  for (int i = 0; names[i]; i++)
    if (azd_str_equal(name, azd_str_of(names[i]))) return i;
  return -1;
}

bool azd_message_check(struct azd_str text, struct azd_str *unknown) {
  for (size_t i = 0; i < text.size; i++) {
    struct azd_str name;
    if (text.data[i] != '{') continue;
    size_t size = blank((struct azd_str){text.data + i, text.size - i}, &name);
    if (size && number_of(name) < 0) {
      *unknown = name;
      return false;
    }
    if (size) i += size - 1;
  }
  return true;
}

/* Bytes of s that fit, cut between characters. */
static size_t fitting(struct azd_str s, size_t room) {
  if (s.size <= room) return s.size;
  while (room > 0 && ((unsigned char)s.data[room] & 0xc0) == 0x80) room--;
  return room;
}

const char *azd_message_fill(struct azd_str text, azd_message_fn *value, void *context, struct azd_arena *arena) {
  char out[MESSAGE_MAX_BYTES];
  size_t used = 0, i = 0;
  while (i < text.size && used < sizeof out) {
    struct azd_str name, piece = {text.data + i, 1};
    size_t size = text.data[i] == '{' ? blank((struct azd_str){text.data + i, text.size - i}, &name) : 0;
    int number = size ? number_of(name) : -1;
    if (number >= 0)
      piece = value(context, number, arena);
    else
      size = 1;
    size_t bytes = fitting(piece, sizeof out - used);
    if (bytes) memcpy(out + used, piece.data, bytes);
    used += bytes;
    i += size;
    if (bytes < piece.size) break;
  }
  if (i < text.size) { /* cut: no half character at the end */
    while (used && ((unsigned char)out[used - 1] & 0xc0) == 0x80) used--;
    if (used && ((unsigned char)out[used - 1] & 0xc0) == 0xc0) used--;
  }
  return azd_arena_copy(arena, (struct azd_str){out, used});
}
