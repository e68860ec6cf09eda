#include "json/redact.h"
#include "base/arena.h"
#include "base/crypto.h"
#include "json/doc_node.h"
#include "json/secret.h"
#include "json/trie.h"

#include <stdlib.h>

enum { DIGEST_BYTES = 8 };
#define BEFORE_DIGEST "{\"$redacted\":\""
#define AFTER_DIGEST  "\"}"

/* Names repeat from resource to resource, so what was found about one is remembered. */
enum { REMEMBERED = 1024, REMEMBERED_BYTES = 47 };

struct remembered {
  uint8_t size; /* 0: free */
  bool secret;
  char name[REMEMBERED_BYTES];
};

struct azd_redactor {
  struct azd_arena arena; /* key; reset never */
  struct azd_str key;
  struct azd_arena texts; /* of one document */
  struct azd_buf replacements, value;
  struct remembered names[REMEMBERED];
};

/* The walk over one document. */
struct walk {
  struct azd_redactor *redactor;
  const struct azd_trie *trie;
  const struct azd_doc *doc;
};

struct azd_redactor *azd_redactor_new(struct azd_str key) {
  AZD_ASSERT(key.size >= AZD_REDACT_KEY_MIN_BYTES);
  struct azd_redactor *redactor = calloc(1, sizeof *redactor);
  if (!redactor) return NULL;
  char *copy = azd_arena_copy(&redactor->arena, key);
  if (!copy) {
    free(redactor);
    return NULL;
  }
  redactor->key = (struct azd_str){copy, key.size};
  return redactor;
}

void azd_redactor_free(struct azd_redactor *redactor) {
  if (!redactor) return;
  explicit_bzero((char *)redactor->key.data, redactor->key.size);
  if (redactor->value.data) explicit_bzero(redactor->value.data, redactor->value.capacity);
  azd_arena_free(&redactor->arena);
  azd_arena_free(&redactor->texts);
  azd_buf_free(&redactor->replacements);
  azd_buf_free(&redactor->value);
  free(redactor);
}

static bool is_secret_name(struct azd_redactor *redactor, uint32_t hash, struct azd_str name) {
  if (name.size == 0 || name.size > REMEMBERED_BYTES) return azd_secret_name(name);
  struct remembered *slot = &redactor->names[hash % REMEMBERED];
  if (slot->size != name.size || memcmp(slot->name, name.data, name.size)) {
    slot->size = (uint8_t)name.size;
    slot->secret = azd_secret_name(name);
    memcpy(slot->name, name.data, name.size);
  }
  return slot->secret;
}

static bool is_digest(const struct azd_doc *doc, azd_node node) {
  if (azd_doc_type(doc, node) != AZD_JSON_OBJECT || azd_doc_count(doc, node) != 1) return false;
  azd_node only = azd_doc_first(doc, node);
  uint8_t bytes[DIGEST_BYTES];
  return azd_doc_type(doc, only) == AZD_JSON_STRING && azd_str_equal(azd_doc_key(doc, only), AZD_STR("$redacted")) &&
         azd_unhex(azd_doc_string(doc, only), bytes, sizeof bytes);
}

/* null and "" are no secrets, and a digest stays. */
static bool is_worth_hiding(const struct azd_doc *doc, azd_node node) {
  enum azd_json_type type = azd_doc_type(doc, node);
  return type != AZD_JSON_NULL && !(type == AZD_JSON_STRING && azd_doc_string(doc, node).size == 0) &&
         !is_digest(doc, node);
}

static int replace(struct walk *walk, azd_node node) {
  struct azd_redactor *redactor = walk->redactor;
  uint8_t digest[AZD_SHA256_BYTES];
  char text[sizeof BEFORE_DIGEST + 2 * DIGEST_BYTES + sizeof AFTER_DIGEST];
  azd_buf_clear(&redactor->value);
  int status = azd_json_canonical(walk->doc, node, NULL, 0, &redactor->value);
  if (status) return status;
  azd_hmac_sha256(redactor->key, azd_buf_str(&redactor->value), digest);
  size_t size = sizeof BEFORE_DIGEST - 1;
  memcpy(text, BEFORE_DIGEST, size);
  azd_hex(digest, DIGEST_BYTES, text + size);
  size += 2 * DIGEST_BYTES;
  memcpy(text + size, AFTER_DIGEST, sizeof AFTER_DIGEST - 1);
  size += sizeof AFTER_DIGEST - 1;
  const char *copy = azd_arena_copy(&redactor->texts, (struct azd_str){text, size});
  if (!copy) return AZD_ENOMEM;
  struct azd_replacement replacement = {node, {copy, size}};
  azd_buf_append(&redactor->replacements, &replacement, sizeof replacement);
  return azd_buf_status(&redactor->replacements);
}

static bool is_secret_text(struct walk *walk, azd_node node, bool named_secret) {
  struct azd_str text = azd_doc_string(walk->doc, node);
  return (named_secret && !azd_secret_is_plain(text)) || azd_secret_value(text);
}

static bool is_called(struct walk *walk, azd_node member, struct azd_str name) {
  return azd_str_equal_fold(azd_doc_key(walk->doc, member), name);
}

/* {"name": "DB_PASSWORD", "value": "..."}, or "key": the name stands beside. */
static bool is_named_beside(struct walk *walk, azd_node object, azd_node member) {
  if (!is_called(walk, member, AZD_STR("value"))) return false;
  struct azd_str name = azd_doc_text(walk->doc, object, "name"), key = azd_doc_text(walk->doc, object, "key");
  return (name.data && azd_secret_name(name)) || (key.data && azd_secret_name(key));
}

/* Where a container stands, for what is below it. */
struct above {
  uint32_t node; /* of the trie */
  bool free_map; /* in a map of free texts: names say nothing */
  bool named;    /* the container's own name is a secret's: "passwords": ["..."], "adminPassword": {"value": "..."} */
};

static bool is_named_secret(struct walk *walk, azd_node container, azd_node child, bool in_object,
                            const struct above *above) {
  const struct azd_doc *doc = walk->doc;
  if (!in_object) return above->named;
  if (above->free_map) return false;
  if (above->named && is_called(walk, child, AZD_STR("value"))) return true;
  return is_secret_name(walk->redactor, doc->nodes[child].hash, azd_doc_key(doc, child)) ||
         is_named_beside(walk, container, child);
}

static bool is_secret_scalar(struct walk *walk, azd_node container, azd_node child, bool in_object,
                             const struct above *above) {
  enum azd_json_type type = azd_doc_type(walk->doc, child);
  if (type == AZD_JSON_STRING)
    return is_secret_text(walk, child, is_named_secret(walk, container, child, in_object, above));
  if (type != AZD_JSON_NUMBER || !is_named_secret(walk, container, child, in_object, above)) return false;
  return above->named || azd_secret_password_name(azd_doc_key(walk->doc, child)) ||
         is_named_beside(walk, container, child);
}

static int visit_children(struct walk *walk, azd_node at, const struct above *above, uint32_t depth) {
  if (depth > AZD_REDACT_DEPTH_MAX) return AZD_ELIMIT;
  const struct azd_doc *doc = walk->doc;
  bool in_object = azd_doc_type(doc, at) == AZD_JSON_OBJECT, open = azd_trie_is_open(walk->trie, above->node);
  int status = 0;
  for (azd_node child = azd_doc_first(doc, at); !status && child != AZD_NODE_NONE; child = azd_doc_next(doc, child)) {
    struct azd_str name = in_object ? azd_doc_key(doc, child) : (struct azd_str){0};
    struct above below = {.node = above->node, .free_map = above->free_map};
    if (!open)
      below.node =
          in_object ? azd_trie_name(walk->trie, above->node, name) : azd_trie_item(walk->trie, above->node, doc, child);
    if (!open && azd_trie_place(walk->trie, below.node)->redact) {
      if (is_worth_hiding(doc, child)) status = replace(walk, child);
    } else if (azd_doc_type(doc, child) >= AZD_JSON_ARRAY) {
      below.free_map = below.free_map || (in_object && azd_secret_is_free_map(name));
      below.named =
          in_object && !below.free_map &&
          (azd_doc_type(doc, child) == AZD_JSON_ARRAY ? azd_secret_password_name(name)
                                                      : is_secret_name(walk->redactor, doc->nodes[child].hash, name));
      if (!is_digest(doc, child)) status = visit_children(walk, child, &below, depth + 1);
    } else if (is_secret_scalar(walk, at, child, in_object, above)) {
      status = replace(walk, child);
    }
  }
  return status;
}

static int find_secrets(struct walk *walk, azd_node node) {
  if (azd_trie_place(walk->trie, AZD_TRIE_ROOT)->redact)
    return is_worth_hiding(walk->doc, node) ? replace(walk, node) : 0;
  if (azd_doc_type(walk->doc, node) >= AZD_JSON_ARRAY)
    return visit_children(walk, node, &(struct above){.node = AZD_TRIE_ROOT}, 1);
  bool hide = azd_doc_type(walk->doc, node) == AZD_JSON_STRING && is_secret_text(walk, node, false);
  return hide ? replace(walk, node) : 0;
}

/* Into the redactor's replacements. */
static int look_over(struct azd_redactor *redactor, const struct azd_trie *trie, const struct azd_doc *doc,
                     azd_node node, uint32_t *count) {
  struct walk walk = {redactor, trie, doc};
  azd_arena_reset(&redactor->texts);
  azd_buf_clear(&redactor->replacements);
  int status = find_secrets(&walk, node);
  *count = (uint32_t)(redactor->replacements.size / sizeof(struct azd_replacement));
  return status;
}

static int refuse(int status, struct azd_error *error) {
  return azd_fail(error, status,
                  status == AZD_ELIMIT ? "a document nested too deep, or too large for its buffer, to be redacted"
                                       : "no memory to redact a document");
}

int azd_redact_count(struct azd_redactor *redactor, const struct azd_trie *trie, const struct azd_doc *doc,
                     azd_node node, uint32_t *secrets, struct azd_error *error) {
  int status = look_over(redactor, trie, doc, node, secrets);
  return status ? refuse(status, error) : 0;
}

int azd_redact_canonical(struct azd_redactor *redactor, const struct azd_trie *trie, const struct azd_doc *doc,
                         azd_node node, struct azd_buf *out, uint32_t *redacted, struct azd_error *error) {
  size_t size_before = out->size;
  uint32_t count;
  int status = look_over(redactor, trie, doc, node, &count);
  if (!status) status = azd_json_canonical(doc, node, (const void *)redactor->replacements.data, count, out);
  if (redacted) *redacted = status ? 0 : count;
  if (!status) return 0;
  out->size = size_before;
  return refuse(status, error);
}
