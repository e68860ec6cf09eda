/* Reading declarations out of Lua tables: each field checked for its type, unknown ones refused with the name that was
 * meant. For declare*.c only. Every function raises (a Lua error "file:line: what"), so it runs inside azd_sandbox_run;
 * what it allocates is in the declarations' arena or in Lua, so nothing is lost then. Stack: the table read is at an
 * absolute index; functions leave the stack as they found it. */
#ifndef AZD_SCRIPT_READER_H
#define AZD_SCRIPT_READER_H

#include "script/declare.h"
#include "script/sandbox.h"

struct azd_reader {
  lua_State *L;
  struct azd_declarations *out;
  struct azd_str source; /* of the declaration's file */
  struct azd_origin origin;
  int row;          /* of a rules block, from 1; 0: the declaration itself */
  const char *what; /* "policy 'storage-tls'" */
};

_Noreturn void azd_reader_fail(const struct azd_reader *r, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Arena memory, or raises. */
void *azd_reader_alloc(const struct azd_reader *r, size_t bytes);
/* Room for one more item of a growing array in the arena; the answered address may be another. */
void *azd_reader_grow(const struct azd_reader *r, void *items, uint32_t count, size_t item_bytes);
struct azd_str azd_reader_copy(const struct azd_reader *r, int index); /* of a text */

/* Refuses keys that are not among known (NULL ends it). With rows, positive integers are let pass. */
void azd_reader_known(const struct azd_reader *r, int table, const char *const *known, bool rows);

/* Required: raises where it is missing. Answers NULL / "" / NONE / AZD_FUNCTION_NONE / the default where an optional
 * one is. */
const char *azd_reader_text(const struct azd_reader *r, int table, const char *field, bool required);
struct azd_texts azd_reader_texts(const struct azd_reader *r, int table, const char *field,
                                  bool required); /* one or a list */
enum azd_severity azd_reader_severity(const struct azd_reader *r, int table, const char *field, bool required);
int azd_reader_function(const struct azd_reader *r, int table, const char *field);
struct azd_scalars azd_reader_scalars(const struct azd_reader *r, int table, const char *field);
bool azd_reader_flag(const struct azd_reader *r, int table, const char *field, bool otherwise);
struct azd_example *azd_reader_examples(const struct azd_reader *r, int table, uint32_t *count);

/* "; did you mean 'x'?" for the known name nearest to the given one, or "". */
const char *azd_reader_suggest(const struct azd_reader *r, const char *name, const char *const *known);

/* ---- one for each kind; the declaration's table is at index ---- */
void azd_declare_rules(struct azd_reader *r, int index);
void azd_declare_policy(struct azd_reader *r, int index, const char *name);
void azd_declare_tune(struct azd_reader *r, int index, const char *name);
void azd_declare_expected(struct azd_reader *r, int index, const char *name);
void azd_declare_pattern(struct azd_reader *r, int index, const char *name);
/* After all files: doubled names, tunes of policies that are not there. */
void azd_declare_together(struct azd_reader *r);

/* ---- for whoever holds the state ---- */

enum azd_script_kind { AZD_SCRIPT_RULES, AZD_SCRIPT_POLICIES };

/* Sets the functions by which a file of that kind declares, in the environment on top. [-0, +0, m] */
void azd_declare_open(lua_State *L, enum azd_script_kind kind, struct azd_origin *current);
/* Reads all that was declared so far. sources(context, file) gives a file's text. [-0, +0, e] */
void azd_declare_read(lua_State *L, struct azd_declarations *out,
                      struct azd_str (*sources)(void *context, const char *file), void *context);
/* Pushes a function by its number. Never allocates. [-0, +1, -] */
void azd_declare_push_function(lua_State *L, int number);

/* ---- Lua tables as JSON text (json_table.c) ---- */

/* Appends the value at index to the sandbox's scratch buffer. An empty table is written as [] where the value at `like`
 * (0: none) is a list at the same place, else as {}. Raises for what JSON cannot say. [-0, +0, e] */
void azd_json_from_lua(lua_State *L, int index, int like, struct azd_buf *out);
/* Pushes a node as plain tables: null becomes nil. [-0, +1, e] */
void azd_json_to_lua(lua_State *L, const struct azd_doc *doc, azd_node node);

#endif
