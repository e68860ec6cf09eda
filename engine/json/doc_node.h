/* How a document lies in memory, open so that the accessors of doc.h inline. Nobody but engine/json reads these fields.
 *
 * Nodes stand in the order of the text, a container before its children, so a subtree is the run [node, end): walking
 * one is walking an array, the first child of a container is the node after it, and the sibling of a node is its end.
 * Text is addressed by offset, either into the parsed text or into the document's own bytes (`decoded`: strings that
 * had escapes), which keeps a node at 32 bytes, two to a cache line.
 * Thread, life: the document's. */
#ifndef AZD_JSON_DOC_NODE_H
#define AZD_JSON_DOC_NODE_H

#include "base/buf.h"
#include "json/doc.h"

enum azd_node_flag {
  AZD_NODE_VALUE_DECODED = 1, /* the value's bytes stand in decoded; bit 0, for it indexes base */
  AZD_NODE_KEY_DECODED = 2,
  AZD_NODE_INTEGER = 4,  /* a number without point and exponent */
  AZD_NODE_DROPPED = 8,  /* doubled name; only until the parse ends */
  AZD_NODE_SUSPECT = 16, /* the name may be doubled: an earlier one of its object has the same bit of the hash */
};

struct azd_json_node {
  uint32_t key_at, key_size;
  uint32_t at;     /* string, number: its bytes; array, object: its place in lookup, if it has one */
  uint32_t size;   /* string, number: bytes; array, object: children */
  uint32_t end;    /* the node after the subtree */
  uint32_t parent; /* of the root: the root */
  uint32_t hash;   /* azd_name_hash of the name */
  uint8_t type, flags;
  uint16_t unused;
};

/* An object of more members carries an index of its names in lookup. */
enum { AZD_OBJECT_SCANNED_MAX = 16 };

struct azd_doc {
  struct azd_json_node *nodes;
  uint32_t size, capacity; /* nodes */
  const char *base[2];     /* the text, and decoded.data */
  size_t text_size;
  struct azd_buf decoded;
  uint32_t *lookup; /* arrays that hold containers: their elements; wide objects: see names.h */
  uint32_t lookup_size, lookup_capacity;
  struct azd_doc_frame *frames; /* of the parser */
  uint32_t frame_capacity;
  uint32_t duplicates;
  struct azd_json_node first_duplicate; /* only its name counts */
  uint64_t seed;                        /* of wide objects' hashes: nobody outside can make names collide */
};

/* Of a name without its ASCII case: equal names, and names equal but for case, have equal hashes. It only keeps most
 * comparisons away, so it reads the ends of a name (its first and its last eight bytes) and may collide. */
static inline uint32_t azd_name_hash_of_ends(uint64_t head, uint64_t tail, size_t size) {
  const uint64_t fold = 0x2020202020202020;
  return (uint32_t)(((head | fold) * 0x9e3779b97f4a7c15 ^ ((tail | fold) + size) * 0xd6e8feb86659fd93) >> 32);
}

static inline uint32_t azd_name_hash(const char *name, size_t size) {
  uint64_t head = 0, tail;
  if (size < 8) {
    for (size_t i = 0; i < size; i++) head |= (uint64_t)(unsigned char)name[i] << 8 * i;
    return azd_name_hash_of_ends(head, head, size);
  }
  memcpy(&head, name, 8);
  memcpy(&tail, name + size - 8, 8);
  return azd_name_hash_of_ends(head, tail, size);
}

/* The same, where eight bytes may be read from name on (little-endian, as everything azdrift runs on). */
static inline uint32_t azd_name_hash_roomy(const char *name, size_t size) {
  uint64_t head, tail, mask = size < 8 ? ((uint64_t)1 << 8 * size) - 1 : UINT64_MAX;
  memcpy(&head, name, 8);
  memcpy(&tail, size < 8 ? name : name + size - 8, 8);
  return azd_name_hash_of_ends(head & mask, tail & mask, size);
}

static inline const struct azd_json_node *azd_doc_node(const struct azd_doc *doc, azd_node node) {
  return &doc->nodes[node];
}

static inline struct azd_str azd_node_key(const struct azd_doc *doc, const struct azd_json_node *node) {
  return (struct azd_str){doc->base[node->flags >> 1 & 1] + node->key_at, node->key_size};
}

static inline struct azd_str azd_node_text(const struct azd_doc *doc, const struct azd_json_node *node) {
  return (struct azd_str){doc->base[node->flags & 1] + node->at, node->size};
}

static inline bool azd_node_is_container(const struct azd_json_node *node) {
  return node->type >= AZD_JSON_ARRAY;
}

static inline uint32_t azd_doc_size(const struct azd_doc *doc) {
  return doc->size;
}

static inline enum azd_json_type azd_doc_type(const struct azd_doc *doc, azd_node node) {
  return (enum azd_json_type)doc->nodes[node].type;
}

static inline uint32_t azd_doc_count(const struct azd_doc *doc, azd_node node) {
  return azd_node_is_container(&doc->nodes[node]) ? doc->nodes[node].size : 0;
}

static inline azd_node azd_doc_first(const struct azd_doc *doc, azd_node node) {
  return doc->nodes[node].end > node + 1 ? node + 1 : AZD_NODE_NONE;
}

static inline azd_node azd_doc_next(const struct azd_doc *doc, azd_node node) {
  uint32_t end = doc->nodes[node].end;
  return end < doc->nodes[doc->nodes[node].parent].end ? end : AZD_NODE_NONE;
}

static inline azd_node azd_doc_end(const struct azd_doc *doc, azd_node node) {
  return doc->nodes[node].end;
}

static inline struct azd_str azd_doc_key(const struct azd_doc *doc, azd_node node) {
  return azd_node_key(doc, &doc->nodes[node]);
}

static inline azd_node azd_doc_parent(const struct azd_doc *doc, azd_node node) {
  return node ? doc->nodes[node].parent : AZD_NODE_NONE;
}

static inline struct azd_str azd_doc_string(const struct azd_doc *doc, azd_node node) {
  return azd_node_text(doc, &doc->nodes[node]);
}

static inline struct azd_str azd_doc_number(const struct azd_doc *doc, azd_node node) {
  return azd_node_text(doc, &doc->nodes[node]);
}

#endif
