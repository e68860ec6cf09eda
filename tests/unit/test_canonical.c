/* cmocka.h wants the others first. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "base/clock.h"
#include "json/canonical.h"
#include "json/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct azd_doc *doc, *other;
static struct azd_buf out;

static int set_up(void **state) {
  (void)state;
  doc = azd_doc_new(), other = azd_doc_new();
  azd_buf_init(&out, 0);
  return doc && other ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  azd_doc_free(doc), azd_doc_free(other);
  azd_buf_free(&out);
  return 0;
}

static void must_parse(struct azd_doc *into, struct azd_str text) {
  struct azd_error error;
  if (azd_doc_parse(into, text, NULL, &error)) fail_msg("%.*s: %s", AZD_STR_FORMAT(text), error.text);
}

static void assert_out(const char *expected) {
  if (out.size != strlen(expected) || memcmp(out.data, expected, out.size) != 0)
    fail_msg("expected %s\nis       %.*s", expected, (int)out.size, out.data);
}

/* Canonical form of text, which is stable: its own canonical form, and equal by value. */
static void assert_canonical(const char *text, const char *expected) {
  must_parse(doc, azd_str_of(text));
  azd_buf_clear(&out);
  assert_int_equal(azd_json_canonical(doc, 0, NULL, 0, &out), 0);
  assert_out(expected);
  must_parse(other, azd_str_of(expected));
  assert_true(azd_json_equal(doc, 0, other, 0));
  assert_true(azd_json_equal(other, 0, doc, 0));
  azd_buf_clear(&out);
  assert_int_equal(azd_json_canonical(other, 0, NULL, 0, &out), 0);
  assert_out(expected);
}

/* The cases of RFC 8785: its sorting sample (3.2.3), its literals and numbers sample (3.2.2), in our own words. */
static void members_sort_by_utf16_code_units(void **state) {
  (void)state;
  assert_canonical(
      "{\"\\u20ac\":\"euro\",\"\\r\":\"cr\",\"\\ufb33\":\"dalet\",\"1\":\"one\",\"\\ud83d\\ude00\":\"smile\","
      "\"\\u0080\":\"control\",\"\\u00f6\":\"o\"}",
      "{\"\\r\":\"cr\",\"1\":\"one\",\"\xc2\x80\":\"control\",\"\xc3\xb6\":\"o\",\"\xe2\x82\xac\":\"euro\","
      "\"\xf0\x9f\x98\x80\":\"smile\",\"\xef\xac\xb3\":\"dalet\"}");
  /* the same beyond the eight bytes that are compared at once, raw in the text, and between supplementary ones */
  assert_canonical("{\"longprefix\xef\xac\xb3\":1,\"longprefix\xf0\x9f\x98\x80\":2,\"longprefix\xed\x9f\xbf\":3}",
                   "{\"longprefix\xed\x9f\xbf\":3,\"longprefix\xf0\x9f\x98\x80\":2,\"longprefix\xef\xac\xb3\":1}");
  assert_canonical("{\"\xf4\x8f\xbf\xbf\":1,\"\xf0\x90\x80\x80\":2,\"\xee\x80\x80\":3}",
                   "{\"\xf0\x90\x80\x80\":2,\"\xf4\x8f\xbf\xbf\":1,\"\xee\x80\x80\":3}");
  assert_canonical("{\"a\":1,\"\":2,\"a\\u0000\":3,\"aaaaaaaaa\":4,\"aaaaaaaa\":5,\"A\":6}",
                   "{\"\":2,\"A\":6,\"a\":1,\"a\\u0000\":3,\"aaaaaaaa\":5,\"aaaaaaaaa\":4}");
}

static void strings_are_escaped_only_where_they_must(void **state) {
  (void)state;
  assert_canonical(
      "{\"string\":\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\"literals\":[null,true,false]}",
      "{\"literals\":[null,true,false],\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
  assert_canonical(" [ \"\x7f\\u007f\\u2028\" , { } , [ ] , \"\" ] ", "[\"\x7f\x7f\xe2\x80\xa8\",{},[],\"\"]");
}

static void numbers_are_those_of_rfc_8785_within_its_range(void **state) {
  (void)state;
  assert_canonical("[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001,56.0,1e2,-0,-0.0,0e5,-0E-5]",
                   "[333333333.3333333,1e+30,4.5,0.002,1e-27,56,100,0,0,0,0]");
  assert_canonical("[1e20,1e21,123456789e13,1.5e21,1e-6,1e-7,1.5e-7,100e-8,0.1e1,-1.25e-9]",
                   "[100000000000000000000,1e+21,1.23456789e+21,1.5e+21,0.000001,1e-7,1.5e-7,0.000001,1,-1.25e-9]");
  assert_canonical(
      "[5e-324,3e-324,1.7976931348623157e308,2.2250738585072014e-308,0.30000000000000001,0.1000000000000000055e0]",
      "[5e-324,5e-324,1.7976931348623157e+308,2.2250738585072014e-308,0.3,0.1000000000000000055]");
}

static void numbers_beyond_doubles_keep_every_digit(void **state) {
  (void)state;
  assert_canonical("[9007199254740993,-9007199254740993,123456789012345678901234567890,1000000000000000000000000]",
                   "[9007199254740993,-9007199254740993,123456789012345678901234567890,1000000000000000000000000]");
  assert_canonical("[1e400,-1.50e400,1e-400,12345.678901234567890123,1.234567890123456789e300]",
                   "[1e+400,-1.5e+400,1e-400,12345.678901234567890123,1.234567890123456789e+300]");
  assert_canonical(
      "[1234567890.1234567890e10,0.00000012345678901234567890,0.000012345678901234567890,1e999999999999999999]",
      "[12345678901234567890,1.234567890123456789e-7,0.00001234567890123456789,1e+999999999999999999]");
  assert_canonical("[9007199254740993.0]",
                   "[9007199254740992]"); /* 16 digits and a point: a double, as RFC 8785 reads it */
}

static uint64_t random_state = 0x853c49e6748fea9b;
static uint64_t next_random(void) {
  random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
  return random_state;
}

/* Shortest: reads back, and no decimal of one digit fewer does. Nearest: no neighbour with as many digits is nearer.
 * The C library is the judge. Powers of two, whose lower neighbour is nearer than the upper one, and subnormals come
 * first. */
static void digits_of_doubles_are_the_shortest_and_nearest(void **state) {
  (void)state;
  for (int i = 0; i < 60000; i++) {
    uint64_t bits = i < 2046 ? (uint64_t)(i + 1) << 52 : i < 2100 ? (uint64_t)1 << (i - 2046) % 52 : next_random() >> 1;
    if (i % 16 == 15) bits &= ((uint64_t)1 << 52) - 1;
    double value;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value) || value == 0) continue;
    char digits[AZD_DOUBLE_DIGITS], text[64], nearest[64];
    int64_t exponent;
    int count = (int)azd_double_digits(value, digits, &exponent);
    snprintf(text, sizeof text, "0.%.*se%d", count, digits, (int)exponent);
    if (strtod(text, NULL) != value) fail_msg("%s is not %a", text, value);
    snprintf(nearest, sizeof nearest, "%.*e", count - 1, value); /* rounded right to as many digits */
    if (strtod(nearest, NULL) == value) {
      snprintf(text, sizeof text, "%c%s%.*se%+03d", digits[0], count > 1 ? "." : "", count - 1, digits + 1,
               (int)exponent - 1);
      assert_string_equal(text, nearest);
    }
    if (count > 1) {
      snprintf(nearest, sizeof nearest, "%.*e", count - 2, value);
      if (strtod(nearest, NULL) == value) fail_msg("%s is shorter than %s", nearest, text);
    }
  }
}

/* What it says in the sample numbers of RFC 8785, appendix B. */
static void doubles_are_written_as_the_appendix_of_rfc_8785_does(void **state) {
  (void)state;
  static const struct {
    uint64_t bits;
    const char *text;
  } samples[] = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"},
  };
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
    double value;
    memcpy(&value, &samples[i].bits, sizeof value);
    azd_buf_clear(&out);
    azd_double_append(value, &out);
    assert_out(samples[i].text);
    char spelled[64];
    snprintf(spelled, sizeof spelled, "%.16e", value);
    assert_canonical(spelled, samples[i].text);
  }
}

static void replaced_nodes_are_written_as_their_other_text(void **state) {
  (void)state;
  must_parse(doc, AZD_STR("{\"b\":{\"secret\":[1,2]},\"a\":\"x\",\"c\":3}"));
  struct azd_replacement replaced[] = {{2, AZD_STR("{\"$redacted\":\"00\"}")}, {5, AZD_STR("\"y\"")}};
  azd_buf_clear(&out);
  assert_int_equal(azd_json_canonical(doc, 0, replaced, 2, &out), 0);
  assert_out("{\"a\":\"y\",\"b\":{\"secret\":{\"$redacted\":\"00\"}},\"c\":3}");
  struct azd_replacement whole = {0, AZD_STR("null")};
  azd_buf_clear(&out);
  assert_int_equal(azd_json_canonical(doc, 0, &whole, 1, &out), 0);
  assert_out("null");
}

static void a_part_is_written_alone(void **state) {
  (void)state;
  must_parse(doc, AZD_STR("{\"x\":{\"b\":1,\"a\":[{}]},\"y\":2}"));
  azd_buf_clear(&out);
  assert_int_equal(azd_json_canonical(doc, 1, NULL, 0, &out), 0);
  assert_out("{\"a\":[{}],\"b\":1}");
  azd_buf_clear(&out);
  assert_int_equal(azd_json_write(doc, 1, 0, &out), 0);
  assert_out("{\"b\":1,\"a\":[{}]}");
}

static void the_buffers_cap_is_kept_to_the_byte(void **state) {
  (void)state;
  static const char text[] = "{\"name\":\"0123456789012345678901234567890123456789\",\"list\":[1,2.50,\"\\n\",null]}";
  must_parse(doc, azd_str_of(text));
  struct azd_buf capped;
  azd_buf_clear(&out);
  assert_int_equal(azd_json_canonical(doc, 0, NULL, 0, &out), 0);
  for (size_t cap = 1; cap <= out.size; cap++) {
    azd_buf_init(&capped, cap);
    assert_int_equal(azd_json_canonical(doc, 0, NULL, 0, &capped), cap < out.size ? AZD_ELIMIT : 0);
    assert_true(capped.size <= cap);
    assert_memory_equal(capped.data, out.data, cap == out.size ? cap : 0);
    azd_buf_free(&capped);
  }
}

static void writing_keeps_order_and_digits(void **state) {
  (void)state;
  must_parse(doc, AZD_STR(" {\"b\" : 1.50 , \"a\":[ ],\"c\":[1E2,{\"z\":{}, \"y\":\"\\u0041\\n\"}],\"d\":-0.0}"));
  azd_buf_clear(&out);
  assert_int_equal(azd_json_write(doc, 0, 0, &out), 0);
  assert_out("{\"b\":1.50,\"a\":[],\"c\":[1E2,{\"z\":{},\"y\":\"A\\n\"}],\"d\":-0.0}");
  azd_buf_clear(&out);
  assert_int_equal(azd_json_write(doc, 0, 2, &out), 0);
  assert_out("{\n  \"b\": 1.50,\n  \"a\": [],\n  \"c\": [\n    1E2,\n    {\n      \"z\": {},\n      \"y\": \"A\\n\"\n  "
             "  }\n  ],\n"
             "  \"d\": -0.0\n}");
}

static void equality_is_by_value_and_by_nothing_else(void **state) {
  (void)state;
  static const struct {
    const char *a, *b;
    bool equal;
  } cases[] = {
      {"{\"a\":1,\"b\":[1,2]}", "{\"b\":[1.0,2e0],\"a\":10e-1}", true},
      {"[\"\\u0041\"]", "[\"A\"]", true},
      {"[1,2]", "[2,1]", false},
      {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
      {"{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}", false},
      {"{\"a\":{\"x\":[]}}", "{\"a\":{\"x\":{}}}", false},
      {"9007199254740993", "9007199254740992", false},
      {"-0", "0.0", true},
      {"-1", "1", false},
      {"null", "false", false},
      {"1", "\"1\"", false},
      {"{\"A\":1}", "{\"a\":1}", false},
      {"[[],[{\"a\":[1]}],3]", "[[],[{\"a\":[1]}],3]", true},
      {"[[],[{\"a\":[1]}],3]", "[[],[{\"a\":[1]}],4]", false},
      {"{\"b\":{\"c\":1},\"a\":{\"c\":2}}", "{\"a\":{\"c\":2},\"b\":{\"c\":1}}", true},
      {"{\"b\":{\"c\":1},\"a\":{\"c\":2}}", "{\"a\":{\"c\":1},\"b\":{\"c\":2}}", false},
      {"0.1", "0.10000000000000001", true},
      {"0.1", "0.1000000000000000055", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    must_parse(doc, azd_str_of(cases[i].a));
    must_parse(other, azd_str_of(cases[i].b));
    if (azd_json_equal(doc, 0, other, 0) != cases[i].equal || azd_json_equal(other, 0, doc, 0) != cases[i].equal)
      fail_msg("%s and %s", cases[i].a, cases[i].b);
  }
}

/* More members than the writer's own stack holds, sorted and nested. */
static void wide_and_deep_documents_leave_the_writers_own_stack(void **state) {
  (void)state;
  struct azd_buf text, expected;
  azd_buf_init(&text, 0), azd_buf_init(&expected, 0);
  for (int depth = 0; depth < 100; depth++) {
    azd_buf_append_char(&text, '{');
    azd_buf_append_char(&expected, '{');
    for (int i = 19; i >= 0; i--) azd_buf_printf(&text, "\"k%02d\":%d,", i, i);
    for (int i = 0; i < 20; i++) azd_buf_printf(&expected, "\"k%02d\":%d,", i, i);
    azd_buf_append_text(&text, "\"z\":");
    azd_buf_append_text(&expected, "\"z\":");
  }
  azd_buf_append_text(&text, "{"), azd_buf_append_text(&expected, "{");
  for (int i = 999; i >= 0; i--) azd_buf_printf(&text, "\"%04d\":0%s", i, i ? "," : "}");
  for (int i = 0; i < 1000; i++) azd_buf_printf(&expected, "\"%04d\":0%s", i, i < 999 ? "," : "}");
  for (int depth = 0; depth < 100; depth++) azd_buf_append_char(&text, '}'), azd_buf_append_char(&expected, '}');
  must_parse(doc, azd_buf_str(&text));
  azd_buf_clear(&out);
  assert_int_equal(azd_json_canonical(doc, 0, NULL, 0, &out), 0);
  assert_int_equal(out.size, expected.size);
  assert_memory_equal(out.data, expected.data, out.size);
  must_parse(other, azd_buf_str(&expected));
  assert_true(azd_json_equal(doc, 0, other, 0));
  azd_buf_free(&text), azd_buf_free(&expected);
}

/* ---- hostile documents cost about what harmless ones of their size cost: the square would be 1,000 times and more
 * ---- */

static double seconds_of(const struct azd_buf *text) {
  double best = 1e9;
  must_parse(doc, azd_buf_str(text));
  for (int round = 0; round < 3; round++) {
    int64_t begin = azd_clock_thread_cpu_ns();
    azd_buf_clear(&out);
    assert_int_equal(azd_json_canonical(doc, 0, NULL, 0, &out), 0);
    double seconds = (double)(azd_clock_thread_cpu_ns() - begin) / 1e9;
    if (seconds < best) best = seconds;
  }
  return best;
}

static void hostile_documents_stay_linear_but_for_sorting(void **state) {
  (void)state;
  static const char *const kinds[] = {"falling names", "names with a long common beginning", "numbers of 17 digits",
                                      "subnormal numbers", "deep"};
  for (int kind = 0; kind < 5; kind++) {
    struct azd_buf text, harmless;
    azd_buf_init(&text, 0), azd_buf_init(&harmless, 0);
    for (int i = 0; i < 100000; i++) {
      const char *before = i ? "," : kind < 2 ? "{" : "[";
      if (kind == 0) azd_buf_printf(&text, "%s\"%d\":0", before, 999999 - i);
      if (kind == 1) azd_buf_printf(&text, "%s\"%0200d\":0", before, 999999 - i);
      if (kind == 2) azd_buf_printf(&text, "%s%d.%016d", before, i % 9 + 1, i);
      if (kind == 3) azd_buf_printf(&text, "%s1.%de-310", before, i);
      if (kind == 4) azd_buf_append_text(&text, i % 500 < 250 ? (i % 500 ? "[" : before[0] == ',' ? ",[" : "[[") : "]");
    }
    azd_buf_append_char(&text, kind < 2 ? '}' : ']');
    for (int i = 0; harmless.size < text.size; i++)
      azd_buf_printf(&harmless, "%s{\"name\":\"resource-%d\",\"n\":%d}", i ? "," : "[", i, i);
    azd_buf_append_char(&harmless, ']');
    double hostile_seconds = seconds_of(&text), harmless_seconds = seconds_of(&harmless);
    if (getenv("AZD_SHOW"))
      print_message("%s: %.4f s, harmless %.4f s, %zu bytes\n", kinds[kind], hostile_seconds, harmless_seconds,
                    text.size);
    if (hostile_seconds > 200 * harmless_seconds + 0.02)
      fail_msg("%s: %.4f s, harmless %.4f s", kinds[kind], hostile_seconds, harmless_seconds);
    azd_buf_free(&text), azd_buf_free(&harmless);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(members_sort_by_utf16_code_units),
      cmocka_unit_test(strings_are_escaped_only_where_they_must),
      cmocka_unit_test(numbers_are_those_of_rfc_8785_within_its_range),
      cmocka_unit_test(numbers_beyond_doubles_keep_every_digit),
      cmocka_unit_test(digits_of_doubles_are_the_shortest_and_nearest),
      cmocka_unit_test(doubles_are_written_as_the_appendix_of_rfc_8785_does),
      cmocka_unit_test(replaced_nodes_are_written_as_their_other_text),
      cmocka_unit_test(a_part_is_written_alone),
      cmocka_unit_test(the_buffers_cap_is_kept_to_the_byte),
      cmocka_unit_test(writing_keeps_order_and_digits),
      cmocka_unit_test(equality_is_by_value_and_by_nothing_else),
      cmocka_unit_test(wide_and_deep_documents_leave_the_writers_own_stack),
      cmocka_unit_test(hostile_documents_stay_linear_but_for_sorting),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
