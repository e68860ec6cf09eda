/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "base/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/azdrift-table-XXXXXX";

static void write_table(const char *text) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static int make_file(void **state) {
  (void)state;
  int fd = mkstemp(path);
  return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
  (void)state;
  return unlink(path);
}

static void rows_are_found_without_case_and_short_rows_read_empty(void **state) {
  (void)state;
  write_table(
      "# a comment\ntype\tapi\tscope\nMicrosoft.Web/sites\t2025-03-01\tgroup\r\nmicrosoft.Sql/servers\t2025-01-01\n");
  struct azd_table *table;
  struct azd_error error;
  assert_int_equal(azd_table_open(path, &table, &error), 0);
  assert_int_equal(azd_table_rows(table), 2);
  assert_int_equal(azd_table_columns(table), 3);
  uint32_t row = azd_table_find(table, AZD_STR("MICROSOFT.WEB/SITES"));
  assert_int_not_equal(row, AZD_TABLE_NO_ROW);
  assert_true(azd_str_equal(azd_table_cell(table, row, 2), AZD_STR("group")));
  row = azd_table_find(table, AZD_STR("microsoft.sql/SERVERS"));
  assert_int_equal(azd_table_cell(table, row, 2).size, 0);
  assert_int_equal(azd_table_find(table, AZD_STR("microsoft.sql/server")), AZD_TABLE_NO_ROW);
  azd_table_close(table);
}

static void rows_are_in_the_order_of_their_keys_however_they_were_written(void **state) {
  (void)state;
  write_table("type\nb/x/y\nA/z\nb/x\nB/X/a\n");
  struct azd_table *table;
  struct azd_error error;
  assert_int_equal(azd_table_open(path, &table, &error), 0);
  static const char *const sorted[] = {"A/z", "b/x", "B/X/a", "b/x/y"};
  for (uint32_t row = 0; row < 4; row++)
    assert_true(azd_str_equal(azd_table_cell(table, row, 0), azd_str_of(sorted[row])));
  assert_int_equal(azd_table_from(table, AZD_STR("B/x/")), 2);
  assert_int_equal(azd_table_from(table, AZD_STR("")), 0);
  assert_int_equal(azd_table_from(table, AZD_STR("c")), 4);
  azd_table_close(table);
}

static void a_row_with_too_many_columns_is_named_by_file_and_line(void **state) {
  (void)state;
  write_table("a\tb\n1\t2\n1\t2\t3\n");
  struct azd_table *table;
  struct azd_error error;
  assert_int_equal(azd_table_open(path, &table, &error), AZD_EPARSE);
  assert_non_null(strstr(error.text, ":3: 3 columns"));
}

static void a_missing_or_empty_file_is_an_error(void **state) {
  (void)state;
  struct azd_table *table;
  struct azd_error error;
  write_table("");
  assert_int_equal(azd_table_open(path, &table, &error), AZD_EIO);
  assert_int_equal(azd_table_open("/nonexistent/types.tsv", &table, &error), AZD_EIO);
  assert_non_null(strstr(error.text, "/nonexistent/types.tsv"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_are_found_without_case_and_short_rows_read_empty),
      cmocka_unit_test(rows_are_in_the_order_of_their_keys_however_they_were_written),
      cmocka_unit_test(a_row_with_too_many_columns_is_named_by_file_and_line),
      cmocka_unit_test(a_missing_or_empty_file_is_an_error),
  };
  return cmocka_run_group_tests(tests, make_file, remove_file);
}
