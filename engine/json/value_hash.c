#include "json/value_hash.h"
#include "json/canonical.h"
#include "json/doc_node.h"

static uint64_t mix(uint64_t h) {
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccd;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53;
  return h ^ h >> 33;
}

/* Word by word; bits: set in each byte first. */
static uint64_t hash_words(struct azd_str text, uint64_t seed, uint64_t bits) {
  uint64_t h = seed ^ text.size * 0x9e3779b97f4a7c15, word;
  size_t at = 0;
  for (; at + sizeof word <= text.size; at += sizeof word) {
    memcpy(&word, text.data + at, sizeof word);
    h = (h ^ (word | bits)) * 0xff51afd7ed558ccd;
    h ^= h >> 32;
  }
  word = 0;
  if (at < text.size) memcpy(&word, text.data + at, text.size - at);
  return mix(h ^ (word | bits));
}

static uint64_t hash_text(struct azd_str text, uint64_t seed) {
  return hash_words(text, seed, 0);
}

/* Setting the bit that tells A from a folds more than letters, which a hash may. */
uint64_t azd_text_hash_fold(struct azd_str text) {
  return hash_words(text, 0, 0x2020202020202020);
}

/* Ids are echoed in any case: what starts like one is loosely hashed without. */
static uint64_t hash_string(struct azd_str text, enum azd_value_hash_kind kind) {
  return kind == AZD_HASH_LOOSE && text.size && *text.data == '/' ? azd_text_hash_fold(text)
                                                                  : hash_text(text, AZD_JSON_STRING);
}

/* 1, 1.0 and 10e-1 are one number. */
static int hash_number(const struct azd_doc *doc, azd_node node, struct azd_buf *scratch, uint64_t *hash) {
  struct azd_str digits = azd_doc_number(doc, node);
  if (!(doc->nodes[node].flags & AZD_NODE_INTEGER)) {
    azd_buf_clear(scratch);
    int status = azd_json_canonical(doc, node, NULL, 0, scratch);
    if (status) return status;
    digits = azd_buf_str(scratch);
  }
  *hash = hash_text(digits, AZD_JSON_NUMBER);
  return 0;
}

/* Children stand behind their container, so that from the end forward each is done before its parent is. A container
 * adds up what its children are: a sum knows no order. */
int azd_value_hashes_make(const struct azd_doc *doc, azd_node node, enum azd_value_hash_kind kind,
                          struct azd_arena *arena, struct azd_buf *scratch, struct azd_value_hashes *hashes) {
  uint32_t count = azd_doc_end(doc, node) - node;
  uint64_t *of = azd_arena_zalloc(arena, count * sizeof *of);
  if (!of) return AZD_ENOMEM;
  for (uint32_t i = count; i-- > 0;) {
    azd_node at = node + i;
    enum azd_json_type type = azd_doc_type(doc, at);
    int status = 0;
    if (type == AZD_JSON_NUMBER)
      status = hash_number(doc, at, scratch, &of[i]);
    else if (type == AZD_JSON_STRING)
      of[i] = hash_string(azd_doc_string(doc, at), kind);
    else
      of[i] = mix(of[i] + (uint64_t)type + 1);
    if (status) return status;
    if (i == 0) break;
    azd_node parent = azd_doc_parent(doc, at);
    bool named = azd_doc_type(doc, parent) == AZD_JSON_OBJECT;
    of[parent - node] += mix(named ? hash_text(azd_doc_key(doc, at), of[i]) : of[i] ^ 0x9e3779b97f4a7c15);
  }
  *hashes = (struct azd_value_hashes){of, node};
  return 0;
}
