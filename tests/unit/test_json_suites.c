/* Public conformance suites, from the corpus (docs: make corpus unpacks it into build/corpus); where it is not there,
 * each test says skipped. JSONTestSuite: y_ must parse, n_ must not, i_ may do either but must not crash. RFC 8785: the
 * published inputs give the published bytes. Bodies that Azure sent keep the properties of json_properties.h. The list
 * of ES6 numbers: its first lines are in the corpus, the others follow from them (consecutive doubles, then a chain of
 * SHA-256), and the list's authors published the SHA-256 of its first 10^3 .. 10^8 lines: AZD_ES6_LINES says how far to
 * go (default 10^6; make torture: 10^8). */
/* cmocka.h wants the others first. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "base/crypto.h"
#include "support/json_properties.h"
#include "json/canonical.h"
#include "json/number.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char corpus[] = AZD_SOURCE_DIR "/build/corpus/suites";

static bool read_file(const char *path, struct azd_buf *out) {
  FILE *file = fopen(path, "rb");
  if (!file) return false;
  azd_buf_clear(out);
  for (size_t size = 1; size > 0;) {
    char *room = azd_buf_reserve(out, 65536);
    assert_non_null(room);
    size = fread(room, 1, 65536, file);
    out->size += size;
  }
  fclose(file);
  return true;
}

/* Calls visit with the path and name of each file of a folder of the corpus; skips the test where there is no such
 * folder. */
static int each_file(const char *folder, void (*visit)(const char *path, const char *name)) {
  char path[4096];
  int count = 0;
  snprintf(path, sizeof path, "%s/%s", corpus, folder);
  DIR *dir = opendir(path);
  if (!dir) skip();
  for (struct dirent *entry; (entry = readdir(dir));) {
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/%s/%s", corpus, folder, entry->d_name);
    visit(path, entry->d_name);
    count++;
  }
  closedir(dir);
  return count;
}

static void parses_as_its_name_says(const char *path, const char *name) {
  struct azd_buf text;
  struct azd_error error;
  struct azd_doc *doc = azd_doc_new();
  azd_buf_init(&text, 0);
  assert_true(read_file(path, &text));
  int code = azd_doc_parse(doc, azd_buf_str(&text), NULL, &error);
  if (name[0] == 'y' && code) fail_msg("%s: %s", name, error.text);
  if (name[0] == 'n' && !code) fail_msg("%s was accepted", name);
  azd_doc_free(doc);
  azd_buf_free(&text);
}

static void json_test_suite(void **state) {
  (void)state;
  assert_true(each_file("JSONTestSuite/test_parsing", parses_as_its_name_says) > 100);
}

static void gives_the_published_bytes(const char *path, const char *name) {
  struct azd_buf text, expected, out;
  char expected_path[4096];
  struct azd_doc *doc = azd_doc_new();
  azd_buf_init(&text, 0), azd_buf_init(&expected, 0), azd_buf_init(&out, 0);
  assert_true(read_file(path, &text));
  snprintf(expected_path, sizeof expected_path, "%s/jcs-rfc8785/testdata/output/%s", corpus, name);
  assert_true(read_file(expected_path, &expected));
  assert_int_equal(azd_doc_parse(doc, azd_buf_str(&text), NULL, NULL), 0);
  assert_int_equal(azd_json_canonical(doc, 0, NULL, 0, &out), 0);
  if (!azd_str_equal(azd_buf_str(&out), azd_buf_str(&expected))) fail_msg("%s: %.*s", name, (int)out.size, out.data);
  azd_doc_free(doc);
  azd_buf_free(&text), azd_buf_free(&expected), azd_buf_free(&out);
}

static void rfc_8785_vectors(void **state) {
  (void)state;
  assert_true(each_file("jcs-rfc8785/testdata/input", gives_the_published_bytes) > 2);
}

/* What Azure really sent: one JSON text a line. Each must keep the properties. */
static void keeps_its_properties(const char *path, const char *name) {
  struct json_properties properties;
  struct azd_buf text;
  struct azd_error error;
  json_properties_init(&properties);
  azd_buf_init(&text, 0);
  assert_true(read_file(path, &text));
  for (char *line = text.data, *end = text.data + text.size; line < end;) {
    char *line_end = memchr(line, '\n', (size_t)(end - line));
    if (!line_end) line_end = end;
    if (azd_doc_parse(properties.doc, (struct azd_str){line, (size_t)(line_end - line)}, NULL, &error))
      fail_msg("%s: %s: %.200s", name, error.text, line);
    check_properties(&properties, NULL);
    line = line_end + 1;
  }
  azd_buf_free(&text);
  json_properties_free(&properties);
}

static void recorded_bodies(void **state) {
  (void)state;
  assert_true(each_file("../payloads", keeps_its_properties) > 2);
}

/* ---- the list of ES6 numbers ---- */

enum { LISTED = 168, CONSECUTIVE = 2000, CHECKED_AS_TEXT = 200000 };

struct es6 {
  struct azd_buf line;
  struct azd_sha256 *sha;
  uint64_t lines;
  uint8_t block[AZD_SHA256_BYTES]; /* of the chain */
  int place;                       /* in the block */
};

static const struct {
  uint64_t lines;
  const char *sha256;
} published[] = {
    {1000, "be18b62b6f69cdab33a7e0dae0d9cfa869fda80ddc712221570f9f40a5878687"},
    {10000, "b9f7a8e75ef22a835685a52ccba7f7d6bdc99e34b010992cbc5864cd12be6892"},
    {100000, "22776e6d4b49fa294a0d0f349268e5c28808fe7e0cb2bcbe28f63894e494d4c7"},
    {1000000, "49415fee2c56c77864931bd3624faad425c3c577d6d74e89a83bc725506dad16"},
    {10000000, "b9f8a44a91d46813b21b9602e72f112613c91408db0b8341fb94603d9db135e0"},
    {100000000, "0f7dda6b0837dde083c5d6b896f7d62340c8a2415b0c7121d83145e08a755272"},
};

static uint64_t next_of_chain(struct es6 *es6) {
  double value;
  uint64_t bits;
  do {
    if (es6->place == 0) azd_sha256_of(es6->block, sizeof es6->block, es6->block);
    memcpy(&bits, es6->block + es6->place, sizeof bits);
    es6->place = (es6->place + 8) % AZD_SHA256_BYTES;
    memcpy(&value, &bits, sizeof value);
  } while (!isfinite(value));
  return bits;
}

/* The same double, spelled with all its digits, must come out the same through a document's number. */
static void check_as_text(double value, struct azd_str expected) {
  char spelled[40];
  struct azd_buf out;
  azd_buf_init(&out, 0);
  azd_number_append((struct azd_str){spelled, (size_t)snprintf(spelled, sizeof spelled, "%.16e", value)}, false, &out);
  if (!azd_str_equal(azd_buf_str(&out), expected)) fail_msg("%s gives %.*s", spelled, (int)out.size, out.data);
  azd_buf_free(&out);
}

static void add_line(struct es6 *es6, uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  azd_buf_clear(&es6->line);
  azd_buf_printf(&es6->line, "%llx,", (unsigned long long)bits);
  size_t number = es6->line.size;
  azd_double_append(value, &es6->line);
  if (es6->lines < CHECKED_AS_TEXT)
    check_as_text(value, (struct azd_str){es6->line.data + number, es6->line.size - number});
  azd_buf_append_char(&es6->line, '\n');
  azd_sha256_add(es6->sha, es6->line.data, es6->line.size);
  es6->lines++;
}

/* A running hash cannot be looked at and run on, so each published length is a run of its own. */
static void check_published(const struct azd_buf *first_lines, uint64_t lines, const char *expected) {
  struct es6 es6 = {.sha = azd_sha256_new()};
  uint8_t digest[AZD_SHA256_BYTES];
  char hex[AZD_SHA256_HEX_BYTES];
  const char *at = first_lines->data;
  uint64_t consecutive = (uint64_t)1 << 52; /* the smallest normal double, and on */
  azd_buf_init(&es6.line, 0);
  azd_sha256_start(es6.sha);
  for (uint64_t i = 0; i < lines; i++) {
    if (i < LISTED) {
      add_line(&es6, strtoull(at, NULL, 16));
      at = strchr(at, '\n') + 1;
    } else {
      add_line(&es6, i < LISTED + CONSECUTIVE ? consecutive++ : next_of_chain(&es6));
    }
  }
  azd_sha256_end(es6.sha, digest);
  azd_hex(digest, sizeof digest, hex);
  if (strcmp(hex, expected) != 0) fail_msg("the first %llu lines hash to %s", (unsigned long long)lines, hex);
  azd_sha256_free(es6.sha);
  azd_buf_free(&es6.line);
}

static void es6_numbers(void **state) {
  (void)state;
  char path[4096];
  struct azd_buf list;
  const char *wanted = getenv("AZD_ES6_LINES");
  uint64_t lines = wanted ? strtoull(wanted, NULL, 10) : 1000000;
  snprintf(path, sizeof path, "%s/jcs-es6-numbers/es6testfile10k.txt", corpus);
  azd_buf_init(&list, 0);
  if (!read_file(path, &list)) skip();
  azd_buf_append_char(&list, 0);
  size_t longest = 0;
  for (size_t i = 0; i < sizeof published / sizeof *published; i++)
    if (published[i].lines <= lines) longest = i;
  for (size_t i = 0; i <= longest; i++)
    if (i == longest || published[i].lines <= 10000) check_published(&list, published[i].lines, published[i].sha256);
  azd_buf_free(&list);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(json_test_suite),
      cmocka_unit_test(rfc_8785_vectors),
      cmocka_unit_test(recorded_bodies),
      cmocka_unit_test(es6_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
