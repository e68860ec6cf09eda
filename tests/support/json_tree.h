/* Documents for tests: made from dice, shuffled, patched as RFC 6902 says. Slow and simple on purpose: it judges the
 * engine. What does not fit aborts. */
#ifndef AZD_TESTS_JSON_TREE_H
#define AZD_TESTS_JSON_TREE_H

#include "base/err.h"
#include "json/canonical.h"
#include "json/diff.h"

#include <stdlib.h>

/* Numbers to build from: bytes of a fuzzer while there are any, else a sequence. */
struct dice {
  const uint8_t *data;
  size_t size;
  uint32_t seed;
};

static inline uint32_t dice_roll(struct dice *dice, uint32_t sides) {
  if (dice->data) {
    if (!dice->size) return sides - 1;
    dice->size--;
    return *dice->data++ % sides;
  }
  dice->seed = dice->seed * 1664525u + 1013904223u;
  return (dice->seed >> 8) % sides;
}

/* Appends a document of at most that depth. */
static inline void dice_json(struct dice *dice, int depth, struct azd_buf *out) {
  static const char *const scalars[] = {"0",    "1.50", "\"a\"", "\"/X\"", "\"/x\"",
                                        "true", "null", "\"\"",  "-1e3",   "1.5"};
  static const char *const names[] = {"a", "A", "b/c", "d~e", "id", "name", "etag", "", "$redacted"};
  uint32_t what = depth ? dice_roll(dice, 4) : 3;
  if (what >= 2) {
    azd_buf_append_text(out, scalars[dice_roll(dice, 10)]);
    return;
  }
  azd_buf_append_char(out, what ? '[' : '{');
  uint32_t first = dice_roll(dice, 9), count = dice_roll(dice, 6);
  for (uint32_t i = 0; i < count; i++) {
    if (i) azd_buf_append_char(out, ',');
    if (!what) azd_buf_printf(out, "\"%s\":", names[(first + i) % 9]);
    dice_json(dice, depth - 1, out);
  }
  azd_buf_append_char(out, what ? ']' : '}');
}

/* A mutable document. */
struct tree {
  char *text; /* of a scalar, canonical; NULL for a container */
  bool is_array;
  struct tree **children;
  char **names; /* of an object; of an array NULLs */
  uint32_t count;
};

static inline struct tree *tree_new(const struct azd_doc *doc, azd_node node) {
  struct tree *tree = calloc(1, sizeof *tree);
  AZD_ASSERT(tree);
  enum azd_json_type type = azd_doc_type(doc, node);
  if (type < AZD_JSON_ARRAY) {
    struct azd_buf text;
    azd_buf_init(&text, 0);
    AZD_ASSERT(azd_json_canonical(doc, node, NULL, 0, &text) == 0);
    tree->text = strndup(text.data, text.size);
    azd_buf_free(&text);
    return tree;
  }
  uint32_t count = azd_doc_count(doc, node);
  tree->is_array = type == AZD_JSON_ARRAY;
  tree->children = calloc(count + 1, sizeof *tree->children);
  tree->names = calloc(count + 1, sizeof *tree->names);
  for (azd_node at = azd_doc_first(doc, node); at != AZD_NODE_NONE; at = azd_doc_next(doc, at)) {
    struct azd_str key = azd_doc_key(doc, at);
    if (!tree->is_array) tree->names[tree->count] = strndup(key.size ? key.data : "", key.size);
    tree->children[tree->count++] = tree_new(doc, at);
  }
  return tree;
}

static inline void tree_free(struct tree *tree) {
  for (uint32_t i = 0; i < tree->count; i++) {
    tree_free(tree->children[i]);
    free(tree->names[i]);
  }
  free(tree->children);
  free(tree->names);
  free(tree->text);
  free(tree);
}

static inline void tree_write(const struct tree *tree, struct azd_buf *out) {
  if (tree->text) {
    azd_buf_append_text(out, tree->text);
    return;
  }
  azd_buf_append_char(out, tree->is_array ? '[' : '{');
  for (uint32_t i = 0; i < tree->count; i++) {
    if (i) azd_buf_append_char(out, ',');
    if (!tree->is_array) {
      azd_buf_append_json(out, azd_str_of(tree->names[i]));
      azd_buf_append_char(out, ':');
    }
    tree_write(tree->children[i], out);
  }
  azd_buf_append_char(out, tree->is_array ? ']' : '}');
}

/* Another order of everything that has none. */
static inline void tree_shuffle(struct tree *tree, struct dice *dice) {
  for (uint32_t i = 0; i < tree->count; i++) {
    uint32_t j = dice_roll(dice, tree->count);
    struct tree *child = tree->children[i];
    char *name = tree->names[i];
    tree->children[i] = tree->children[j];
    tree->names[i] = tree->names[j];
    tree->children[j] = child;
    tree->names[j] = name;
  }
  for (uint32_t i = 0; i < tree->count; i++) tree_shuffle(tree->children[i], dice);
}

static inline uint32_t tree_index(const struct tree *tree, const char *token) {
  uint32_t i = 0;
  if (tree->is_array) return (uint32_t)strtoul(token, NULL, 10);
  while (i < tree->count && strcmp(tree->names[i], token)) i++;
  return i;
}

static inline void tree_insert(struct tree *tree, uint32_t index, const char *name, struct tree *value) {
  AZD_ASSERT(index <= tree->count && (tree->is_array || index == tree->count));
  tree->children = realloc(tree->children, (tree->count + 1) * sizeof *tree->children);
  tree->names = realloc(tree->names, (tree->count + 1) * sizeof *tree->names);
  AZD_ASSERT(tree->children && tree->names);
  memmove(tree->children + index + 1, tree->children + index, (tree->count - index) * sizeof *tree->children);
  memmove(tree->names + index + 1, tree->names + index, (tree->count - index) * sizeof *tree->names);
  tree->children[index] = value;
  tree->names[index] = tree->is_array ? NULL : strdup(name);
  tree->count++;
}

static inline void tree_remove(struct tree *tree, uint32_t index) {
  tree_free(tree->children[index]);
  free(tree->names[index]);
  tree->count--;
  memmove(tree->children + index, tree->children + index + 1, (tree->count - index) * sizeof *tree->children);
  memmove(tree->names + index, tree->names + index + 1, (tree->count - index) * sizeof *tree->names);
}

/* One operation, as strictly as RFC 6902: what it names must be there; an added member must not, an added element must
 * not stand beyond the end. value becomes the tree's. */
static inline void tree_apply(struct tree **root, enum azd_op op, struct azd_str pointer, struct tree *value) {
  struct tree *at = *root;
  char token[4096];
  if (!pointer.size) {
    AZD_ASSERT(op == AZD_OP_REPLACE);
    tree_free(*root);
    *root = value;
    return;
  }
  for (size_t i = 0; i < pointer.size;) {
    size_t size = 0;
    AZD_ASSERT(pointer.data[i++] == '/');
    for (; i < pointer.size && pointer.data[i] != '/'; i++) {
      AZD_ASSERT(size + 1 < sizeof token);
      token[size++] = pointer.data[i] != '~' ? pointer.data[i] : pointer.data[++i] == '0' ? '~' : '/';
    }
    token[size] = '\0';
    if (i < pointer.size) {
      uint32_t index = tree_index(at, token);
      AZD_ASSERT(index < at->count);
      at = at->children[index];
    }
  }
  uint32_t index = tree_index(at, token);
  if (op == AZD_OP_ADD) {
    tree_insert(at, index, token, value);
    return;
  }
  AZD_ASSERT(index < at->count && op != AZD_OP_MOVE);
  if (op == AZD_OP_REMOVE) {
    tree_remove(at, index);
    return;
  }
  tree_free(at->children[index]);
  at->children[index] = value;
}

#endif
