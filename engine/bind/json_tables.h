/* Plain Lua tables as JSON text, and back: for small things that scripts make themselves. Documents that came from
 * somewhere else stay documents (document.h).
 * A table with elements is an array, one without is an object, also an empty one, unless it is marked. Null has a value
 * of its own, json.null, where nil would lose a place. Thread: the state's. Blocks: never; beyond the caps every
 * function raises. */
#ifndef AZD_BIND_JSON_TABLES_H
#define AZD_BIND_JSON_TABLES_H

#include "base/buf.h"
#include "json/doc.h"

#include <lua.h>

/* [-0, +1, m] A buffer that the collector frees when an error flies past. */
struct azd_buf *azd_json_push_buffer(lua_State *L, size_t max_bytes);
/* [-0, +1, e] Its bytes as a string, and the buffer empty; raises what made it fail. Answers 1. */
int azd_json_push_bytes(lua_State *L, struct azd_buf *buffer);

/* [-0, +n, e] Pushes at last the text of the value (a table, a scalar, json.null, a view) in canonical form, so that
 * one table has one text in every state. Answers 1. */
int azd_json_push_encoded(lua_State *L, int value, const struct azd_doc_limits *limits);

/* [-0, +1, e] What the view at document stands for, as plain tables. The document's depth was capped by who parsed it.
 */
void azd_json_push_plain(lua_State *L, int document);

/* [-0, +1, -] */
void azd_json_push_null(lua_State *L);
/* [-0, +0, -] Gives the table the metatable that makes it an array. */
void azd_json_mark_array(lua_State *L, int table);

/* [-0, +0, m] Registers the classes. Again: nothing. */
void azd_json_tables_open(lua_State *L);

#endif
