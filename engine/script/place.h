/* Where in a source a declaration's part stands. Lua knows the line of a call, not of a table's field or row, but an
 * error that names the right line saves the reader a search. This reads tokens, no grammar: where a declaration is
 * built otherwise than written out, it answers the declaration's own line. Thread: any. Blocks: never. */
#ifndef AZD_SCRIPT_PLACE_H
#define AZD_SCRIPT_PLACE_H

#include "base/str.h"

/* The line of the row-th table (from 1; 0: the declaration's own table) among the unnamed ones of the declaration that
 * begins at line, and in it of `field =` (NULL: of the table). */
int azd_place_find(struct azd_str source, int line, int row, const char *field);

#endif
