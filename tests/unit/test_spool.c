/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/spool.h"

#include <stdio.h>
#include <stdlib.h>

static void assert_text(struct azd_spool *spool, uint32_t number, struct azd_str wanted) {
  struct azd_buf text;
  azd_buf_init(&text, 0);
  assert_int_equal(azd_spool_read(spool, number, &text, NULL), 0);
  assert_true(azd_str_equal(azd_buf_str(&text), wanted));
  azd_buf_free(&text);
}

/* Far more than stays in memory, of all sizes, read back and forth while more is added. */
static void texts_come_back_whole_from_memory_and_file(void **state) {
  enum { COUNT = 3000 };
  struct azd_spool *spool = azd_spool_new();
  char *text = malloc(AZD_SPOOL_MEMORY_BYTES * 2);
  (void)state;
  assert_non_null(text);
  for (uint32_t i = 0; i < COUNT; i++) {
    size_t size = i == 1500 ? AZD_SPOOL_MEMORY_BYTES * 2 : i * 37 % 2000;
    memset(text, 'a' + (int)(i % 26), size);
    assert_int_equal(azd_spool_add(spool, (struct azd_str){text, size}, AZD_STR(""), NULL), 0);
    assert_text(spool, i, (struct azd_str){text, size});
    uint32_t earlier = i / 2;
    size_t earlier_size = earlier == 1500 ? AZD_SPOOL_MEMORY_BYTES * 2 : earlier * 37 % 2000;
    memset(text, 'a' + (int)(earlier % 26), earlier_size);
    assert_text(spool, earlier, (struct azd_str){text, earlier_size});
  }
  assert_int_equal(azd_spool_count(spool), COUNT);
  azd_spool_free(spool);
  free(text);
}

static void keys_order_and_equal_ones_keep_the_order_of_adding(void **state) {
  static const char *const keys[] = {"b", "a", "c", "a", "", "ab"};
  static const uint32_t wanted[] = {4, 1, 3, 5, 0, 2};
  struct azd_spool *spool = azd_spool_new();
  (void)state;
  for (size_t i = 0; i < 6; i++) assert_int_equal(azd_spool_add(spool, AZD_STR("x"), azd_str_of(keys[i]), NULL), 0);
  for (uint32_t place = 0; place < 6; place++) assert_int_equal(azd_spool_sorted(spool, place), wanted[place]);
  assert_int_equal(azd_spool_add(spool, AZD_STR("x"), AZD_STR("0"), NULL), 0);
  assert_int_equal(azd_spool_sorted(spool, 1), 6);
  azd_spool_free(spool);
}

static void a_folder_without_room_is_said(void **state) {
  struct azd_spool *spool = azd_spool_new();
  struct azd_error error = {0};
  char *text = calloc(1, AZD_SPOOL_MEMORY_BYTES);
  char *before = getenv("TMPDIR") ? strdup(getenv("TMPDIR")) : NULL;
  (void)state;
  setenv("TMPDIR", "/nowhere/at/all", 1);
  struct azd_str all = {text, AZD_SPOOL_MEMORY_BYTES};
  assert_int_equal(azd_spool_add(spool, all, AZD_STR(""), &error), 0);
  assert_int_equal(azd_spool_add(spool, all, AZD_STR(""), &error), AZD_EIO);
  assert_non_null(strstr(error.text, "/nowhere/at/all: cannot make a temporary file"));
  assert_int_equal(azd_spool_count(spool), 1);
  assert_text(spool, 0, all);
  before ? setenv("TMPDIR", before, 1) : unsetenv("TMPDIR");
  azd_spool_free(spool);
  free(text);
  free(before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(texts_come_back_whole_from_memory_and_file),
      cmocka_unit_test(keys_order_and_equal_ones_keep_the_order_of_adding),
      cmocka_unit_test(a_folder_without_room_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
