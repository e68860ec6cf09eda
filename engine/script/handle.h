/* Documents as scripts see them: light handles, no copy and no garbage. A handle is one word, a light userdata:
 *
 *   epoch:24 | document:8 | node:32
 *
 * The host lends up to AZD_LEND_DOCS documents for one call and takes them back by counting up the epoch; a handle that
 * a script kept is then stale and raises when used. The same place is the same word, so == is native. Documents are
 * read-only. JSON null reads nil; has() and is_null() tell it from absent. Integers that fit are integers, other
 * numbers floats; raw() has the exact text. One of the documents may be the host's own objects (the resource, its
 * changes): azd_lend_objects gives them their members. No other light userdata enters a policy state.
 *
 * In these states nil may be indexed and gives nil: optional nesting needs no ladder of `and`.
 * Life: the lend is the sandbox's. Thread: the state's. Blocks: never. */
#ifndef AZD_SCRIPT_HANDLE_H
#define AZD_SCRIPT_HANDLE_H

#include "json/doc.h"

#include <lua.h>

enum { AZD_LEND_DOCS = 4, AZD_LEND_OBJECTS = AZD_LEND_DOCS };

/* What the host makes up. object is a number of its own choosing. */
struct azd_lend_objects {
  /* The member that the key at stack index 2 names, or nil. [-0, +1, e] */
  void (*index)(lua_State *L, void *host, uint32_t object);
  uint32_t (*count)(void *host, uint32_t object);
  /* Key and value of the i-th member, from 0. [-0, +2, e] */
  void (*member)(lua_State *L, void *host, uint32_t object, uint32_t i);
};

/* Who is told of each member of a document that a script asks for by name, there or not: the check of paths while
 * examples run, nobody while azdrift works. May not raise. */
struct azd_lend_reader {
  void (*read)(void *context, unsigned slot, const struct azd_doc *doc, azd_node object, struct azd_str key);
  void *context;
};

struct azd_lend {
  uint32_t epoch;
  const struct azd_doc *docs[AZD_LEND_DOCS]; /* borrowed until azd_lend_return */
  uint32_t sizes[AZD_LEND_DOCS];
  const struct azd_lend_objects *objects;
  void *host;
  const struct azd_lend_reader *reader; /* or NULL; outlives azd_lend_return */
};

/* slot < AZD_LEND_DOCS; doc may be NULL. */
void azd_lend_document(struct azd_lend *lend, unsigned slot, const struct azd_doc *doc);
/* From here on every handle that was given out is stale. */
void azd_lend_return(struct azd_lend *lend);

/* Sets the metatables of light userdata and nil in the state. [-0, +0, m] */
void azd_handle_open(lua_State *L);

/* A node as a script sees it: scalar, nil (null, AZD_NODE_NONE) or handle. [-0, +1, m] */
void azd_handle_push(lua_State *L, unsigned slot, azd_node node);
/* A host object. Never allocates. [-0, +1, -] */
void azd_handle_push_object(lua_State *L, uint32_t object);

/* The document and node behind the handle at index; raises on a stale one. false for anything that is no document. */
bool azd_handle_node(lua_State *L, int index, const struct azd_doc **doc, azd_node *node, unsigned *slot);

/* The member of a document, told to the reader where there is one. */
azd_node azd_lend_member(const struct azd_lend *lend, unsigned slot, const struct azd_doc *doc, azd_node object,
                         struct azd_str key);

/* ---- values that are documents, the host's objects or a script's tables alike ---- */

/* Elements; 0 of nil. Raises for what is no list. [-0, +0, e] */
lua_Integer azd_value_count(lua_State *L, int index);
/* Element i from 1. [-0, +1, e] */
void azd_value_element(lua_State *L, int index, lua_Integer i);
/* Member key, nil where there is none. [-0, +1, e] */
void azd_value_member(lua_State *L, int index, const char *key);

/* The scripts' ipairs, pairs, next and type: documents, tables, and nil as empty. */
int azd_native_ipairs(lua_State *L);
int azd_native_pairs(lua_State *L);
int azd_native_next(lua_State *L);
int azd_native_type(lua_State *L);

#endif
