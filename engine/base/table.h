/* A read-only table of text: one row a line, columns split by tabs, the first line names them, '#' lines are comments.
 * Found by the text of the first column, without ASCII case. The file is mapped, not copied: a catalogue of thousands
 * of rows costs an index of 8 bytes a row. Life: open, any number of look-ups, close. Slices are borrowed until close.
 * Thread: any after open. Blocks: open reads the file; a first touch may fault a page in. */
#ifndef AZD_BASE_TABLE_H
#define AZD_BASE_TABLE_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

enum { AZD_TABLE_COLUMNS_MAX = 32 };

struct azd_table;

/* 0; AZD_EIO (no such file, not readable), AZD_EPARSE (no header, a row with more columns than the header; the sentence
 * names file and line), AZD_ENOMEM. */
int azd_table_open(const char *path, struct azd_table **table, struct azd_error *error);
void azd_table_close(struct azd_table *table);

uint32_t azd_table_rows(const struct azd_table *table);
uint32_t azd_table_columns(const struct azd_table *table);
struct azd_str azd_table_column_name(const struct azd_table *table, uint32_t column);

#define AZD_TABLE_NO_ROW UINT32_MAX
/* The row whose first column is key, or AZD_TABLE_NO_ROW. Of two such rows the first. */
uint32_t azd_table_find(const struct azd_table *table, struct azd_str key);
/* The first row whose key is not before that one; azd_table_rows when there is none. */
uint32_t azd_table_from(const struct azd_table *table, struct azd_str key);
/* The text at (row, column); empty where the row is shorter. Rows are in the order of their keys. */
struct azd_str azd_table_cell(const struct azd_table *table, uint32_t row, uint32_t column);

#endif
