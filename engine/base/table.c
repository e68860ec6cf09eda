#include "base/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct azd_table {
  char *text; /* mapped */
  size_t text_bytes;
  uint32_t *offsets; /* where each row starts, in the order of folded keys */
  uint32_t rows, columns;
  struct azd_str names[AZD_TABLE_COLUMNS_MAX];
};

static struct azd_str line_at(const struct azd_table *table, size_t offset) {
  const char *start = table->text + offset, *end = memchr(start, '\n', table->text_bytes - offset);
  size_t size = end ? (size_t)(end - start) : table->text_bytes - offset;
  if (size && start[size - 1] == '\r') size--;
  return (struct azd_str){start, size};
}

static struct azd_str cut_cell(struct azd_str *rest) {
  const char *tab = rest->size ? memchr(rest->data, '\t', rest->size) : NULL;
  struct azd_str cell = {rest->data, tab ? (size_t)(tab - rest->data) : rest->size};
  size_t taken = tab ? cell.size + 1 : cell.size;
  *rest = (struct azd_str){rest->data + taken, rest->size - taken};
  return cell;
}

static uint32_t count_cells(struct azd_str line) {
  uint32_t count = 1;
  for (size_t i = 0; i < line.size; i++) count += line.data[i] == '\t';
  return count;
}

static struct azd_str key_of(const struct azd_table *table, uint32_t offset) {
  struct azd_str line = line_at(table, offset);
  return cut_cell(&line);
}

static int by_key(const void *a, const void *b, void *context) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  int order = azd_str_compare_fold(key_of(context, x), key_of(context, y));
  return order ? order : (x > y) - (x < y);
}

static int map_file(struct azd_table *table, const char *path, struct azd_error *error) {
  struct stat stat;
  int fd = open(path, O_RDONLY | O_CLOEXEC), result = 0;
  if (fd < 0) return azd_fail(error, AZD_EIO, "%s: %s", path, strerror(errno));
  if (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode) || stat.st_size == 0 || stat.st_size > UINT32_MAX)
    result = azd_fail(error, AZD_EIO, "%s: not a file with a table in it", path);
  if (!result) {
    table->text_bytes = (size_t)stat.st_size;
    table->text = mmap(NULL, table->text_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (table->text == MAP_FAILED) {
      table->text = NULL;
      result = azd_fail(error, AZD_EIO, "%s: %s", path, strerror(errno));
    }
  }
  close(fd);
  return result;
}

static int index_rows(struct azd_table *table, const char *path, struct azd_error *error) {
  uint32_t lines = 0;
  for (size_t i = 0; i < table->text_bytes; i++) lines += table->text[i] == '\n';
  table->offsets = malloc((lines + 1) * sizeof *table->offsets);
  if (!table->offsets) return azd_fail(error, AZD_ENOMEM, "%s: no memory for its index", path);
  uint32_t number = 0;
  struct azd_str last_key = {NULL, 0};
  bool is_in_order = true; /* as written: then sorting, 8 ms for the catalogue, can be left out */
  for (size_t offset = 0; offset < table->text_bytes;) {
    struct azd_str line = line_at(table, offset);
    const char *end = memchr(table->text + offset, '\n', table->text_bytes - offset);
    size_t next = end ? (size_t)(end - table->text) + 1 : table->text_bytes;
    number++;
    if (line.size && line.data[0] != '#') {
      uint32_t cells = count_cells(line);
      if (!table->columns) {
        if (cells > AZD_TABLE_COLUMNS_MAX)
          return azd_fail(error, AZD_EPARSE, "%s:%u: %u columns, at most %d", path, number, cells,
                          AZD_TABLE_COLUMNS_MAX);
        for (table->columns = cells; cells; cells--) table->names[table->columns - cells] = cut_cell(&line);
      } else if (cells > table->columns) {
        return azd_fail(error, AZD_EPARSE, "%s:%u: %u columns, the first line names %u", path, number, cells,
                        table->columns);
      } else {
        struct azd_str key = cut_cell(&line);
        is_in_order = is_in_order && azd_str_compare_fold(last_key, key) <= 0;
        last_key = key;
        table->offsets[table->rows++] = (uint32_t)offset;
      }
    }
    offset = next;
  }
  if (!table->columns) return azd_fail(error, AZD_EPARSE, "%s: no line that names the columns", path);
  if (!is_in_order) qsort_r(table->offsets, table->rows, sizeof *table->offsets, by_key, table);
  return 0;
}

int azd_table_open(const char *path, struct azd_table **out, struct azd_error *error) {
  struct azd_table *table = calloc(1, sizeof *table);
  if (!table) return azd_fail(error, AZD_ENOMEM, "%s: no memory", path);
  int result = map_file(table, path, error);
  if (!result) result = index_rows(table, path, error);
  if (result)
    azd_table_close(table);
  else
    *out = table;
  return result;
}

void azd_table_close(struct azd_table *table) {
  if (!table) return;
  if (table->text) munmap(table->text, table->text_bytes);
  free(table->offsets);
  free(table);
}

uint32_t azd_table_rows(const struct azd_table *table) {
  return table->rows;
}
uint32_t azd_table_columns(const struct azd_table *table) {
  return table->columns;
}
struct azd_str azd_table_column_name(const struct azd_table *table, uint32_t column) {
  return table->names[column];
}

uint32_t azd_table_from(const struct azd_table *table, struct azd_str key) {
  uint32_t low = 0, high = table->rows;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (azd_str_compare_fold(key_of(table, table->offsets[middle]), key) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

uint32_t azd_table_find(const struct azd_table *table, struct azd_str key) {
  uint32_t row = azd_table_from(table, key);
  return row < table->rows && azd_str_equal_fold(key_of(table, table->offsets[row]), key) ? row : AZD_TABLE_NO_ROW;
}

struct azd_str azd_table_cell(const struct azd_table *table, uint32_t row, uint32_t column) {
  struct azd_str line = line_at(table, table->offsets[row]), cell = {NULL, 0};
  for (uint32_t i = 0; i <= column; i++) {
    if (!line.size) return (struct azd_str){"", 0};
    cell = cut_cell(&line);
  }
  return cell;
}
