/* The parser and jansson, side by side over made-up texts: both refuse, or both accept and hold the same values. Texts
 * are seeds of this file, mutated: bytes flipped, runs removed, doubled and swapped between seeds, words of JSON put
 * in. AZD_ORACLE_INPUTS says how many (default 50,000; make torture: 1,000,000), AZD_ORACLE_SEED where the dice begin.
 *
 * The differences that are meant, each recognised by jansson's own code or by the text, and nothing else:
 *   - we accept integers beyond 64 bits and numbers beyond the doubles (jansson: numeric overflow);
 *   - we accept U+0000 in the name of a member (jansson: null byte in object key);
 *   - we skip a byte order mark (jansson: invalid token);
 *   - we refuse exponents of more than 18 digits (jansson takes 0e9999999999999999999, or one that underflows to 0);
 *   - we refuse a NUL byte between tokens (jansson passes over it).
 * Both keep the last of doubled names; jansson at the place of the first, so members are compared by name.
 * What both accept must also keep the properties of json_properties.h. */
/* cmocka.h wants the others first. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "support/json_properties.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const seeds[] = {
    "{\"id\":\"/subscriptions/"
    "0b1f\",\"tags\":{\"env\":\"prod\",\"n\":null},\"properties\":{\"list\":[1,2.5,true,false,\"x\"]}}",
    "[0,-0,1,-1,10,1.0,0.1,1e5,1E+5,1e-5,-1.5e3,9223372036854775807,-9223372036854775808,9223372036854775808,1e308,"
    "1e309]",
    "[\"\",\"\\u00e9\",\"\\ud83d\\ude00\",\"\\n\\t\\\"\\\\\\/"
    "\",\"caf\xc3\xa9\",\"\xe2\x82\xac\",\"\xf0\x9f\x98\x80\",\"\\u0000\"]",
    "{\"a\":1,\"a\":2,\"b\":{\"c\":1,\"c\":[{}]},\"A\":3}",
    " [ [ ] , { } , [ [ [ [ ] ] ] ] , { \"x\" : { \"y\" : { } } } ] ",
    "[2.2250738585072014e-308,5e-324,0.1234567890123456789,333333333.33333329]",
    "{\"a0\":0,\"a1\":1,\"a2\":2,\"a3\":3,\"a4\":4,\"a5\":5,\"a6\":6,\"a7\":7,\"a8\":8,\"a9\":9,\"b0\":0,\"b1\":1,"
    "\"b2\":2,\"b3\":3,"
    "\"b4\":4,\"b5\":5,\"b6\":6,\"b7\":7,\"b8\":8}",
    "\"one string of some length, longer than sixteen bytes\"",
    "true",
    "-12.50e+2",
};
static const char *const words[] = {"null",
                                    "true",
                                    "false",
                                    "{}",
                                    "[]",
                                    "\"\"",
                                    ",",
                                    ":",
                                    "\"",
                                    "\\",
                                    "\\u",
                                    "\\ud800",
                                    "\\udc00",
                                    "\\u0000",
                                    "1",
                                    "-",
                                    "0",
                                    ".",
                                    "e",
                                    "E+",
                                    "1e999",
                                    "\xef\xbb\xbf",
                                    "\xed\xa0\x80",
                                    "\xc0\x80",
                                    "\xf4\x90\x80\x80",
                                    "\xc3\xa9",
                                    "\t",
                                    "\n",
                                    "\x01",
                                    "{",
                                    "}",
                                    "[",
                                    "]",
                                    "\"a\":",
                                    "99999999999",
                                    "9223372036854775808",
                                    "1e-400",
                                    "0e9999999999999999999",
                                    "\"a\\u0000b\":0,"};

enum { TEXT_MAX = 1024, MUTATIONS_MAX = 4 };

static uint64_t dice;

static uint32_t roll(uint32_t sides) {
  dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
  return (uint32_t)((dice >> 32) * sides >> 32);
}

/* Replaces [at, at + gone) of the text. */
static void splice(struct azd_buf *text, size_t at, size_t gone, const char *in, size_t size) {
  char copy[TEXT_MAX];
  size_t rest = text->size - at - gone;
  if (at + size + rest > TEXT_MAX) return;
  memcpy(copy, text->data + at + gone, rest);
  memmove(text->data + at, in, size); /* in may be a run of the text itself */
  memcpy(text->data + at + size, copy, rest);
  text->size = at + size + rest;
}

static void mutate(struct azd_buf *text) {
  size_t at = roll((uint32_t)text->size + 1), run = roll(9);
  if (run > text->size - at) run = text->size - at;
  const char *word = words[roll(sizeof words / sizeof *words)], *other = seeds[roll(sizeof seeds / sizeof *seeds)];
  size_t other_at = roll((uint32_t)strlen(other)), other_run = roll(40);
  switch (roll(6)) {
  case 0:
    if (at < text->size) text->data[at] = (char)roll(256);
    break;
  case 1: splice(text, at, run, "", 0); break;
  case 2: splice(text, at, 0, word, strlen(word)); break;
  case 3: splice(text, at, run, word, strlen(word)); break;
  case 4: splice(text, at, 0, other + other_at, strnlen(other + other_at, other_run)); break;
  case 5: splice(text, at, 0, text->data + at, run); break;
  }
}

static void same_values(const struct azd_doc *doc, azd_node node, const json_t *json);

static void same_scalars(const struct azd_doc *doc, azd_node node, const json_t *json) {
  int64_t integer;
  switch (azd_doc_type(doc, node)) {
  case AZD_JSON_NULL: assert_true(json_is_null(json)); break;
  case AZD_JSON_FALSE: assert_true(json_is_false(json)); break;
  case AZD_JSON_TRUE: assert_true(json_is_true(json)); break;
  case AZD_JSON_STRING:
    assert_true(json_is_string(json));
    assert_true(
        azd_str_equal(azd_doc_string(doc, node), (struct azd_str){json_string_value(json), json_string_length(json)}));
    break;
  default:
    if (azd_doc_int64(doc, node, &integer))
      assert_true(json_is_integer(json) && json_integer_value(json) == integer);
    else
      assert_true(json_is_real(json) && json_real_value(json) == azd_doc_double(doc, node));
  }
}

static void same_values(const struct azd_doc *doc, azd_node node, const json_t *json) {
  if (azd_doc_type(doc, node) == AZD_JSON_ARRAY) {
    assert_true(json_is_array(json) && json_array_size(json) == azd_doc_count(doc, node));
    for (uint32_t i = 0; i < azd_doc_count(doc, node); i++)
      same_values(doc, azd_doc_element(doc, node, i), json_array_get(json, i));
  } else if (azd_doc_type(doc, node) == AZD_JSON_OBJECT) {
    assert_true(json_is_object(json) && json_object_size(json) == azd_doc_count(doc, node));
    for (azd_node child = azd_doc_first(doc, node); child != AZD_NODE_NONE; child = azd_doc_next(doc, child)) {
      struct azd_str name = azd_doc_key(doc, child);
      const json_t *member = json_object_getn(json, name.data, name.size);
      assert_non_null(member);
      same_values(doc, child, member);
    }
  } else {
    same_scalars(doc, node, json);
  }
}

static bool is_meant(struct azd_str text, int ours, const struct azd_error *error, const json_error_t *theirs) {
  if (ours == AZD_ELIMIT) return strstr(error->text, "an exponent is longer") != NULL;
  if (ours) return strstr(error->text, "found byte 0x00") != NULL;
  enum json_error_code code = json_error_code(theirs);
  bool has_bom = text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0;
  return code == json_error_numeric_overflow || code == json_error_null_byte_in_key || has_bom;
}

static uint64_t number_of(const char *variable, uint64_t otherwise) {
  const char *text = getenv(variable);
  return text ? strtoull(text, NULL, 10) : otherwise;
}

static void the_parser_and_jansson_agree(void **state) {
  (void)state;
  uint64_t inputs = number_of("AZD_ORACLE_INPUTS", 50000), accepted = 0, refused = 0, meant = 0;
  struct json_properties properties;
  struct azd_buf text;
  dice = number_of("AZD_ORACLE_SEED", 0x9e3779b97f4a7c15);
  json_properties_init(&properties);
  azd_buf_init(&text, 0);
  assert_non_null(azd_buf_reserve(&text, TEXT_MAX));
  for (uint64_t i = 0; i < inputs; i++) {
    struct azd_error error;
    json_error_t json_error;
    azd_buf_clear(&text);
    azd_buf_append_text(&text, seeds[roll(sizeof seeds / sizeof *seeds)]);
    for (uint32_t times = roll(MUTATIONS_MAX); times > 0; times--) mutate(&text);
    int ours = azd_doc_parse(properties.doc, azd_buf_str(&text), NULL, &error);
    json_t *theirs = json_loadb(text.data, text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &json_error);
    if (!ours && theirs) {
      same_values(properties.doc, 0, theirs);
      check_properties(&properties, NULL);
      accepted++;
    } else if (ours && !theirs) {
      refused++;
    } else if (is_meant(azd_buf_str(&text), ours, &error, &json_error)) {
      meant++;
    } else {
      fail_msg("input %llu: %.*s\nours: %s\njansson: %s", (unsigned long long)i, (int)text.size, text.data,
               ours ? error.text : "accepted", theirs ? "accepted" : json_error.text);
    }
    json_decref(theirs);
  }
  print_message("%llu inputs: both accept %llu, both refuse %llu, documented differences %llu\n",
                (unsigned long long)inputs, (unsigned long long)accepted, (unsigned long long)refused,
                (unsigned long long)meant);
  assert_true(accepted * 20 > inputs && refused * 20 > inputs); /* the dice are worth rolling */
  json_properties_free(&properties);
  azd_buf_free(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_parser_and_jansson_agree)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
