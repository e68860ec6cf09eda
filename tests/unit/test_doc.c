/* cmocka.h wants the others first. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "base/buf.h"
#include "base/clock.h"
#include "json/doc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* One document for all tests: that it can be used again and again is tested with everything else. */
static struct azd_doc *doc;

static int make_doc(void **state) {
  (void)state;
  doc = azd_doc_new();
  return doc ? 0 : -1;
}

static int free_doc(void **state) {
  (void)state;
  azd_doc_free(doc);
  return 0;
}

/* The text stands at the very end of an allocation, so that reading beyond it shows under ASan. Freed by the next one.
 */
static struct azd_str tight(const char *text, size_t size) {
  static char *copy;
  free(copy);
  copy = malloc(size ? size : 1);
  if (size) memcpy(copy, text, size);
  return (struct azd_str){copy, size};
}

static int parse(const char *text) {
  return azd_doc_parse(doc, tight(text, strlen(text)), NULL, NULL);
}

static void must_parse(const char *text) {
  struct azd_error error;
  if (azd_doc_parse(doc, tight(text, strlen(text)), NULL, &error)) fail_msg("%s: %s", text, error.text);
}

static void assert_text(struct azd_str is, const char *expected) {
  assert_int_equal(is.size, strlen(expected));
  assert_memory_equal(is.data, expected, is.size);
}

static void every_type_is_read(void **state) {
  (void)state;
  must_parse(" {\"a\":null,\"b\":[true,false],\"c\":\"x\",\"d\":-1.5e3,\"e\":{}, \"f\":[ ] } ");
  assert_int_equal(azd_doc_size(doc), 9);
  assert_int_equal(azd_doc_type(doc, 0), AZD_JSON_OBJECT);
  assert_int_equal(azd_doc_count(doc, 0), 6);
  assert_int_equal(azd_doc_parent(doc, 0), AZD_NODE_NONE);
  assert_int_equal(azd_doc_next(doc, 0), AZD_NODE_NONE);
  static const enum azd_json_type types[] = {AZD_JSON_NULL,   AZD_JSON_ARRAY,  AZD_JSON_STRING,
                                             AZD_JSON_NUMBER, AZD_JSON_OBJECT, AZD_JSON_ARRAY};
  size_t seen = 0;
  for (azd_node n = azd_doc_first(doc, 0); n != AZD_NODE_NONE; n = azd_doc_next(doc, n), seen++) {
    assert_int_equal(azd_doc_type(doc, n), types[seen]);
    assert_int_equal(azd_doc_parent(doc, n), 0);
    assert_int_equal(azd_doc_key(doc, n).data[0], 'a' + seen);
  }
  assert_int_equal(seen, 6);
  azd_node b = azd_doc_member(doc, 0, AZD_STR("b"));
  assert_int_equal(azd_doc_type(doc, azd_doc_element(doc, b, 1)), AZD_JSON_FALSE);
  assert_int_equal(azd_doc_element(doc, b, 2), AZD_NODE_NONE);
  assert_int_equal(azd_doc_count(doc, azd_doc_member(doc, 0, AZD_STR("e"))), 0);
  assert_int_equal(azd_doc_first(doc, azd_doc_member(doc, 0, AZD_STR("e"))), AZD_NODE_NONE);
  assert_text(azd_doc_string(doc, azd_doc_member(doc, 0, AZD_STR("c"))), "x");
  assert_text(azd_doc_number(doc, azd_doc_member(doc, 0, AZD_STR("d"))), "-1.5e3");
}

static void lookups_chain_over_what_is_not_there(void **state) {
  (void)state;
  must_parse("{\"a\":1}");
  azd_node missing = azd_doc_member(doc, azd_doc_member(doc, 0, AZD_STR("nope")), AZD_STR("nada"));
  assert_int_equal(missing, AZD_NODE_NONE);
  assert_int_equal(azd_doc_member_fold(doc, 1, AZD_STR("a")), AZD_NODE_NONE);
  assert_int_equal(azd_doc_element(doc, 0, 0), AZD_NODE_NONE);
  assert_null(azd_doc_text(doc, 0, "a").data);
}

static void folded_lookup_prefers_the_exact_name(void **state) {
  (void)state;
  must_parse("{\"Location\":1,\"location\":2,\"LOCATION\":3,\"k\":\"v\"}");
  assert_int_equal(azd_doc_member_fold(doc, 0, AZD_STR("location")), 2);
  assert_int_equal(azd_doc_member_fold(doc, 0, AZD_STR("LOCATION")), 3);
  assert_int_equal(azd_doc_member_fold(doc, 0, AZD_STR("lOcAtIoN")), 1);
  assert_int_equal(azd_doc_member(doc, 0, AZD_STR("lOcAtIoN")), AZD_NODE_NONE);
  assert_text(azd_doc_text(doc, 0, "K"), "v");
}

/* A string of every length around the width of the scanner, so that each of its ways out is taken. */
static void strings_of_every_length_are_exact(void **state) {
  (void)state;
  static const char *const odd[] = {"\\n",  "\\u00e9", "\xc3\xa9", "\\ud83d\\ude00", "\xf0\x9f\x98\x80",
                                    "\\\"", "\\u0000"};
  static const struct azd_str decoded[] = {
      {"\n", 1}, {"\xc3\xa9", 2}, {"\xc3\xa9", 2}, {"\xf0\x9f\x98\x80", 4}, {"\xf0\x9f\x98\x80", 4},
      {"\"", 1}, {"\0", 1}};
  for (size_t before = 0; before < 40; before++)
    for (size_t after = 0; after < 40; after += 3)
      for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        char text[256], expected[128];
        int size =
            snprintf(text, sizeof text, "\"%.*s%s%.*s\"", (int)before, "0123456789012345678901234567890123456789",
                     odd[i], (int)after, "abcdefghijabcdefghijabcdefghijabcdefghij");
        memcpy(expected, "0123456789012345678901234567890123456789", before);
        memcpy(expected + before, decoded[i].data, decoded[i].size);
        memcpy(expected + before + decoded[i].size, "abcdefghijabcdefghijabcdefghijabcdefghij", after);
        assert_int_equal(azd_doc_parse(doc, tight(text, (size_t)size), NULL, NULL), 0);
        assert_int_equal(azd_doc_string(doc, 0).size, before + decoded[i].size + after);
        assert_memory_equal(azd_doc_string(doc, 0).data, expected, before + decoded[i].size + after);
      }
}

static void a_decoded_name_is_found(void **state) {
  (void)state;
  must_parse("{\"\\u0061b\":1,\"x\":{\"\\ud83d\\ude00\\n\":2}}");
  assert_int_equal(azd_doc_member(doc, 0, AZD_STR("ab")), 1);
  assert_int_equal(azd_doc_member(doc, 2, AZD_STR("\xf0\x9f\x98\x80\n")), 3);
}

static void a_bom_is_skipped_once(void **state) {
  (void)state;
  must_parse("\xef\xbb\xbf{\"a\":1}");
  assert_int_equal(azd_doc_size(doc), 2);
  assert_int_equal(parse("\xef\xbb\xbf\xef\xbb\xbf{}"), AZD_EPARSE);
  assert_int_equal(parse("\xef\xbb\xbf"), AZD_EPARSE);
  assert_int_equal(parse("\xef\xbb"), AZD_EPARSE);
}

static void of_a_doubled_name_the_last_one_wins_at_its_place(void **state) {
  (void)state;
  struct azd_str name;
  must_parse("{\"a\":{\"x\":1,\"x\":[2,3]},\"b\":2,\"a\":{\"y\":3,\"\\u0079\":4},\"c\":[{\"q\":1,\"q\":2},{}]}");
  assert_int_equal(azd_doc_duplicates(doc, &name), 4);
  assert_text(name, "x");
  static const char *const names[] = {"b", "a", "c"};
  size_t seen = 0;
  for (azd_node n = azd_doc_first(doc, 0); n != AZD_NODE_NONE; n = azd_doc_next(doc, n))
    assert_text(azd_doc_key(doc, n), names[seen++]);
  assert_int_equal(seen, 3);
  assert_int_equal(azd_doc_count(doc, 0), 3);
  int64_t value;
  azd_node a = azd_doc_member(doc, 0, AZD_STR("a"));
  assert_int_equal(azd_doc_count(doc, a), 1);
  assert_true(azd_doc_int64(doc, azd_doc_first(doc, a), &value));
  assert_int_equal(value, 4);
  azd_node c = azd_doc_member(doc, 0, AZD_STR("c"));
  assert_true(azd_doc_int64(doc, azd_doc_member(doc, azd_doc_element(doc, c, 0), AZD_STR("q")), &value));
  assert_int_equal(value, 2);
  assert_int_equal(azd_doc_type(doc, azd_doc_element(doc, c, 1)), AZD_JSON_OBJECT);
  assert_int_equal(azd_doc_parent(doc, azd_doc_element(doc, c, 1)), c);
  assert_int_equal(azd_doc_size(doc), 8);
  assert_int_equal(azd_doc_end(doc, 0), 8);
  must_parse("{}");
  assert_int_equal(azd_doc_duplicates(doc, &name), 0);
  assert_int_equal(name.size, 0);
}

/* 40 members: beyond the width that is searched one by one. */
static void wide_objects_find_count_and_drop_alike(void **state) {
  (void)state;
  struct azd_buf text;
  azd_buf_init(&text, 0);
  azd_buf_append_text(&text, "[{");
  for (int i = 0; i < 40; i++) azd_buf_printf(&text, "%s\"Name%d\":{\"v\":[%d]}", i ? "," : "", i, i);
  azd_buf_append_text(&text, ",\"Name7\":{\"v\":[700]},\"name8\":8}]");
  assert_int_equal(azd_doc_parse(doc, azd_buf_str(&text), NULL, NULL), 0);
  assert_int_equal(azd_doc_duplicates(doc, NULL), 1);
  assert_int_equal(azd_doc_count(doc, 1), 41);
  for (int i = 0; i < 40; i++) {
    char name[16];
    snprintf(name, sizeof name, "%s%d", i == 8 ? "Name" : "nAME", i);
    azd_node v = azd_doc_member(doc, azd_doc_member_fold(doc, 1, azd_str_of(name)), AZD_STR("v"));
    int64_t value;
    assert_true(azd_doc_int64(doc, azd_doc_element(doc, v, 0), &value));
    assert_int_equal(value, i == 7 ? 700 : i);
    if (i != 8) assert_int_equal(azd_doc_member(doc, 1, azd_str_of(name)), AZD_NODE_NONE);
  }
  assert_int_equal(azd_doc_type(doc, azd_doc_member_fold(doc, 1, AZD_STR("name8"))), AZD_JSON_NUMBER);
  assert_int_equal(azd_doc_member_fold(doc, 1, AZD_STR("name40")), AZD_NODE_NONE);
  azd_buf_free(&text);
}

static void numbers_are_exact_or_nearest(void **state) {
  (void)state;
  int64_t value = 5;
  must_parse("[9007199254740993,-9223372036854775808,9223372036854775807,9223372036854775808,-0,1.0,1e2,"
             "100000000000000000000,0.1,1e400,-1e400,1e-400,2.2250738585072011e-308]");
  static const int64_t integers[] = {9007199254740993, INT64_MIN, INT64_MAX};
  for (uint32_t i = 0; i < 3; i++) {
    assert_true(azd_doc_int64(doc, azd_doc_element(doc, 0, i), &value));
    assert_int_equal(value, integers[i]);
  }
  assert_true(azd_doc_int64(doc, azd_doc_element(doc, 0, 4), &value));
  assert_int_equal(value, 0);
  static const uint32_t no_integers[] = {3, 5, 6, 7};
  for (size_t i = 0; i < 4; i++) assert_false(azd_doc_int64(doc, azd_doc_element(doc, 0, no_integers[i]), &value));
  assert_true(azd_doc_double(doc, azd_doc_element(doc, 0, 3)) == 9223372036854775808.0);
  assert_true(signbit(azd_doc_double(doc, azd_doc_element(doc, 0, 4))));
  assert_true(azd_doc_double(doc, azd_doc_element(doc, 0, 6)) == 100);
  assert_true(azd_doc_double(doc, azd_doc_element(doc, 0, 8)) == 0.1);
  assert_true(isinf(azd_doc_double(doc, azd_doc_element(doc, 0, 9))));
  assert_true(azd_doc_double(doc, azd_doc_element(doc, 0, 10)) < 0);
  assert_true(azd_doc_double(doc, azd_doc_element(doc, 0, 11)) == 0);
  assert_true(azd_doc_double(doc, azd_doc_element(doc, 0, 12)) == 2.2250738585072011e-308);
}

/* The middle of two doubles, then the same with a digit far behind it: only that digit says which way to round. */
static void a_digit_far_behind_the_point_decides_the_rounding(void **state) {
  (void)state;
  struct azd_buf text;
  azd_buf_init(&text, 0);
  azd_buf_append_text(&text, "[9007199254740993.0, 9007199254740993.");
  for (int i = 0; i < 100000; i++) azd_buf_append_char(&text, '0');
  azd_buf_append_text(&text, "1]");
  assert_int_equal(azd_doc_parse(doc, azd_buf_str(&text), NULL, NULL), 0);
  assert_true(azd_doc_double(doc, 1) == 9007199254740992.0);
  assert_true(azd_doc_double(doc, 2) == 9007199254740994.0);
  azd_buf_free(&text);
}

static void a_refusal_says_line_column_and_what_was_expected(void **state) {
  (void)state;
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"", "line 1, column 1: expected a value, found the end of the text"},
      {"  \n ", "line 2, column 2: expected a value, found the end of the text"},
      {"{\"a\" 1}", "line 1, column 6: expected ':' after a name, found '1'"},
      {"{\n  \"\xc3\xa9\": tru\n}", "line 2, column 8: expected a value, found 't'"},
      {"[1,]", "line 1, column 4: expected a value, found ']'"},
      {"[1 2]", "line 1, column 4: expected ',' or ']', found '2'"},
      {"{\"a\":1,}", "line 1, column 8: expected a name in quotes, found '}'"},
      {"{a:1}", "line 1, column 2: expected a name in quotes or '}', found 'a'"},
      {"{\"a\":1", "line 1, column 7: expected ',' or '}', found the end of the text"},
      {"[1}", "line 1, column 3: expected ',' or ']', found '}'"},
      {"[01]", "line 1, column 3: expected ',' or ']', found '1'"},
      {"-", "line 1, column 2: expected a digit, found the end of the text"},
      {"[1.]", "line 1, column 4: expected a digit after the point, found ']'"},
      {"[1e+]", "line 1, column 5: expected a digit of the exponent, found ']'"},
      {"1 1", "line 1, column 3: expected nothing after the value, found '1'"},
      {"\"abc", "line 1, column 5: expected a closing quote, found the end of the text"},
      {"\"a\tb\"", "line 1, column 3: expected an escape instead of a bare control character, found byte 0x09"},
      {"\"\\q\"", "line 1, column 2: expected one of \" \\ / b f n r t u after a backslash, found '\\'"},
      {"\"\\u12g4\"", "line 1, column 2: expected four hex digits after \\u, found '\\'"},
      {"[\"\\ud800\"]", "line 1, column 3: expected a pair of surrogates (a lone one has no meaning), found '\\'"},
      {"\"\xff\"", "line 1, column 2: expected UTF-8, found byte 0xff"},
      {"NaN", "line 1, column 1: expected a value, found 'N'"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct azd_error error;
    assert_int_equal(azd_doc_parse(doc, tight(cases[i].text, strlen(cases[i].text)), NULL, &error), AZD_EPARSE);
    assert_string_equal(error.text, cases[i].says);
    assert_int_equal(error.code, AZD_EPARSE);
    assert_int_equal(azd_doc_size(doc), 0);
  }
}

static void what_is_not_utf8_or_pairs_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"\"\x80\"",
                                    "\"\xc0\xaf\"",
                                    "\"\xc1\xbf\"",
                                    "\"\xc3\"",
                                    "\"\xe0\x80\xaf\"",
                                    "\"\xed\xa0\x80\"",
                                    "\"\xf0\x80\x80\xaf\"",
                                    "\"\xf4\x90\x80\x80\"",
                                    "\"\xf5\x80\x80\x80\"",
                                    "\"\xe2\x82\"",
                                    "\"\xf0\x9f\x98\"",
                                    "\"\\ud83d\"",
                                    "\"\\ude00\"",
                                    "\"\\ud83d\\ud83d\"",
                                    "\"\\ud83dx\"",
                                    "\"\\ud83d\\u\"",
                                    "{\"\xff\":1}",
                                    "{\"\\ud800\":1}"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(parse(bad[i]), AZD_EPARSE);
  static const char *const good[] = {
      "\"\xc2\x80\"",         "\"\xe0\xa0\x80\"",   "\"\xed\x9f\xbf\"", "\"\xee\x80\x80\"",
      "\"\xf4\x8f\xbf\xbf\"", "\"\\udbff\\udfff\"", "\"\\uFFFF\"",      "\"\x7f\""};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) must_parse(good[i]);
}

static void limits_refuse_what_is_one_beyond(void **state) {
  (void)state;
  struct azd_error error;
  struct azd_doc_limits limits = {.max_depth = 3, .max_bytes = 20};
  assert_int_equal(azd_doc_parse(doc, AZD_STR("[[{\"a\":1}]]"), &limits, &error), 0);
  assert_int_equal(azd_doc_parse(doc, AZD_STR("[[{\"a\":[]}]]"), &limits, &error), AZD_ELIMIT);
  assert_string_equal(error.text, "line 1, column 8: nested deeper than the limit of 3");
  assert_int_equal(azd_doc_parse(doc, AZD_STR("[1,2,3,4,5,6,7,8,9]  "), &limits, &error), AZD_ELIMIT);
  assert_string_equal(error.text, "21 bytes of JSON are more than the limit of 20");
  assert_int_equal(azd_doc_parse(doc, AZD_STR("1e000999999999999999999"), NULL, &error), 0);
  /* at the edge by its canonical spelling: 1e+999999999999999999 is in, one more is not */
  assert_int_equal(azd_doc_parse(doc, AZD_STR("10e999999999999999998"), NULL, &error), 0);
  assert_int_equal(azd_doc_parse(doc, AZD_STR("10e999999999999999999"), NULL, &error), AZD_ELIMIT);
  assert_int_equal(azd_doc_parse(doc, AZD_STR("0.1e-999999999999999998"), NULL, &error), 0);
  assert_int_equal(azd_doc_parse(doc, AZD_STR("0.1e-999999999999999999"), NULL, &error), AZD_ELIMIT);
  assert_int_equal(azd_doc_parse(doc, AZD_STR("0.0e-999999999999999999"), NULL, &error), 0);
  assert_int_equal(azd_doc_parse(doc, AZD_STR("1e1000000000000000000"), NULL, &error), AZD_ELIMIT);
  assert_int_equal(azd_doc_size(doc), 0);
}

/* ---- hostile texts cost about what harmless ones of their size cost ---- */

static double seconds_of(const struct azd_buf *text, const struct azd_doc_limits *limits, int expected) {
  double best = 1e9;
  for (int round = 0; round < 3; round++) {
    int64_t begin = azd_clock_thread_cpu_ns();
    assert_int_equal(azd_doc_parse(doc, azd_buf_str(text), limits, NULL), expected);
    double seconds = (double)(azd_clock_thread_cpu_ns() - begin) / 1e9;
    if (seconds < best) best = seconds;
  }
  return best;
}

/* The harmless text: many small objects, as many bytes. */
static double seconds_of_harmless(size_t bytes) {
  struct azd_buf text;
  azd_buf_init(&text, 0);
  azd_buf_append_char(&text, '[');
  for (int i = 0; text.size < bytes; i++)
    azd_buf_printf(&text, "%s{\"name\":\"resource-%d\",\"n\":%d}", i ? "," : "", i, i);
  azd_buf_append_char(&text, ']');
  double seconds = seconds_of(&text, NULL, 0);
  azd_buf_free(&text);
  return seconds;
}

/* Generous: sorting out 100,000 names by hash misses the cache, and the sanitizers slow one side more than the other.
 * What it catches is the square, which is 1,000 times and more. */
static void assert_linear(const struct azd_buf *text, const struct azd_doc_limits *limits, int expected) {
  double harmless = seconds_of_harmless(text->size), hostile = seconds_of(text, limits, expected);
  if (hostile > 40 * harmless + 0.01) fail_msg("%zu bytes: %.4f s, harmless %.4f s", text->size, hostile, harmless);
}

enum { MANY = 100000 };

static void many_names_stay_linear(void **state) {
  (void)state;
  /* distinct; equal; equal ends (the quick hash collides); equal but for case: 2^17 spellings of one word */
  for (int kind = 0; kind < 4; kind++) {
    struct azd_buf text;
    azd_buf_init(&text, 0);
    azd_buf_append_char(&text, '{');
    for (int i = 0; i < MANY; i++) {
      char name[32] = "abcdefghijklmnopq";
      if (kind == 0) snprintf(name, sizeof name, "name%d", i);
      if (kind == 2) snprintf(name, sizeof name, "aaaaaaaa%06dzzzzzzzz", i);
      for (int bit = 0; kind == 3 && bit < 17; bit++) name[bit] = (char)(name[bit] - (i >> bit & 1) * 32);
      azd_buf_printf(&text, "%s\"%s\":%d", i ? "," : "", name, i);
    }
    azd_buf_append_char(&text, '}');
    assert_linear(&text, NULL, 0);
    assert_int_equal(azd_doc_count(doc, 0), kind == 1 ? 1 : MANY);
    assert_int_equal(azd_doc_duplicates(doc, NULL), kind == 1 ? MANY - 1 : 0);
    int64_t value;
    assert_true(azd_doc_int64(doc, azd_doc_first(doc, 0), &value));
    assert_int_equal(value, kind == 1 ? MANY - 1 : 0);
    azd_buf_free(&text);
  }
}

/* Doubled names at each of 500 depths, each dropping all that was read before. */
static void doubled_names_at_every_depth_stay_linear(void **state) {
  (void)state;
  struct azd_buf text;
  azd_buf_init(&text, 0);
  for (int i = 0; i < 500; i++) azd_buf_append_text(&text, "{\"a\":");
  azd_buf_append_char(&text, '[');
  for (int i = 0; i < MANY; i++) azd_buf_append_text(&text, i ? ",0" : "0");
  azd_buf_append_char(&text, ']');
  for (int i = 0; i < 500; i++) azd_buf_append_text(&text, ",\"b\":1,\"b\":2,\"a\":0}");
  assert_linear(&text, NULL, 0);
  assert_int_equal(azd_doc_size(doc), 3);
  assert_int_equal(azd_doc_duplicates(doc, NULL), 1000);
  azd_buf_free(&text);
}

static void brackets_by_the_hundred_thousand_cost_no_c_stack(void **state) {
  (void)state;
  struct azd_doc_limits deep = {.max_depth = 2 * MANY};
  struct azd_buf text;
  azd_buf_init(&text, 0);
  for (int i = 0; i < 2 * MANY; i++) azd_buf_append_char(&text, '[');
  assert_linear(&text, NULL, AZD_ELIMIT);
  assert_linear(&text, &deep, AZD_EPARSE);
  for (int i = 0; i < 2 * MANY; i++) azd_buf_append_char(&text, ']');
  assert_linear(&text, &deep, 0);
  assert_int_equal(azd_doc_size(doc), 2 * MANY);
  azd_buf_free(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_type_is_read),
      cmocka_unit_test(lookups_chain_over_what_is_not_there),
      cmocka_unit_test(folded_lookup_prefers_the_exact_name),
      cmocka_unit_test(strings_of_every_length_are_exact),
      cmocka_unit_test(a_decoded_name_is_found),
      cmocka_unit_test(a_bom_is_skipped_once),
      cmocka_unit_test(of_a_doubled_name_the_last_one_wins_at_its_place),
      cmocka_unit_test(wide_objects_find_count_and_drop_alike),
      cmocka_unit_test(numbers_are_exact_or_nearest),
      cmocka_unit_test(a_digit_far_behind_the_point_decides_the_rounding),
      cmocka_unit_test(a_refusal_says_line_column_and_what_was_expected),
      cmocka_unit_test(what_is_not_utf8_or_pairs_is_refused),
      cmocka_unit_test(limits_refuse_what_is_one_beyond),
      cmocka_unit_test(many_names_stay_linear),
      cmocka_unit_test(doubled_names_at_every_depth_stay_linear),
      cmocka_unit_test(brackets_by_the_hundred_thousand_cost_no_c_stack),
  };
  return cmocka_run_group_tests(tests, make_doc, free_doc);
}
