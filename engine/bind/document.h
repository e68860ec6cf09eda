/* JSON documents in Lua: exact, read-only, not copied into tables. For bindings that parse, or take documents.
 *
 * A document is a full userdata (a view of the root); indexing it gives scalars, or views of what lies below. Every
 * view holds the document, the document holds its text. Reading: lua/meta/json.lua. Thread: the state's. Blocks: never.
 */
#ifndef AZD_BIND_DOCUMENT_H
#define AZD_BIND_DOCUMENT_H

#include "json/doc.h"

#include <lua.h>

/* What a view stands for. Borrowed: while the view is on the stack, or anchored, and not closed. */
struct azd_view {
  const struct azd_doc *doc;
  azd_node node;
};

/* [-0, +(1|3), e] Parses the string at text and pushes a document, or nil, sentence, code. Answers how many. */
int azd_document_parse(lua_State *L, int text, const struct azd_doc_limits *limits);

/* [-0, +0, e] The view at index; raises where it is none, or closed. */
struct azd_view azd_check_view(lua_State *L, int index);
/* [-0, +0, e] false where the value is no view. Raises on a closed one. */
bool azd_test_view(lua_State *L, int index, struct azd_view *view);

/* [-0, +1, e] The value of a node of the same document: scalars as Lua's (an integer that fits as integer, another
 * number as float, null as nil), containers as a view. AZD_NODE_NONE gives nil. view: where a view of the document
 * stands. */
void azd_push_node(lua_State *L, int view, azd_node node);

/* [-0, +0, -] The child that the key at index names: a member, or an element counted from 1; AZD_NODE_NONE. */
azd_node azd_view_child(lua_State *L, struct azd_view view, int key);

/* [view pointer -- view pointer value] The Lua function: what a JSON pointer leads to, nil where nothing is there. */
int azd_view_pointer(lua_State *L);

/* [-0, +0, e] Frees the document of the view at index; every view of it is closed. Again: nothing. */
void azd_document_close(lua_State *L, int index);

/* [-0, +0, m] Registers the classes. Again: nothing. */
void azd_document_open(lua_State *L);

#endif
