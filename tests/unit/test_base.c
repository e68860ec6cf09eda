/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h> /* wants those before it */
/* clang-format on */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/poly_hash.h"

#include "base/err.h"

#include <stdio.h>

static void buffer_stops_at_its_cap_and_stays_failed(void **state) {
  (void)state;
  struct azd_buf buf;
  azd_buf_init(&buf, 8);
  azd_buf_append_text(&buf, "12345678");
  assert_int_equal(azd_buf_status(&buf), 0);
  azd_buf_append_char(&buf, '9');
  assert_int_equal(azd_buf_status(&buf), AZD_ELIMIT);
  assert_int_equal(buf.size, 8);
  azd_buf_clear(&buf);
  azd_buf_append_text(&buf, "ok");
  assert_int_equal(azd_buf_status(&buf), 0);
  azd_buf_free(&buf);
}

static void json_strings_are_escaped_as_rfc_8785_says(void **state) {
  (void)state;
  struct azd_buf buf;
  azd_buf_init(&buf, 0);
  azd_buf_append_json(&buf, AZD_STR("a\"\\/\b\f\n\r\t\x01\x7f\xc3\xa9"));
  static const char expected[] = "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7f\xc3\xa9\"";
  assert_int_equal(buf.size, sizeof expected - 1);
  assert_memory_equal(buf.data, expected, buf.size);
  azd_buf_free(&buf);
}

static void arena_refuses_beyond_its_cap_and_reuses_after_reset(void **state) {
  (void)state;
  struct azd_arena arena;
  azd_arena_init(&arena, 200000);
  void *first = azd_arena_alloc(&arena, 1000);
  assert_non_null(first);
  assert_non_null(azd_arena_alloc(&arena, 150000));
  assert_null(azd_arena_alloc(&arena, 60000));
  azd_arena_reset(&arena);
  assert_ptr_equal(azd_arena_alloc(&arena, 1000), first);
  azd_arena_free(&arena);
}

static void instants_are_read_with_offsets_and_fractions(void **state) {
  (void)state;
  int64_t a, b;
  assert_true(azd_time_parse_ns(AZD_STR("2026-11-22T10:00:05Z"), &a));
  assert_true(azd_time_parse_ns(AZD_STR("2026-11-22T12:00:05.0000000+02:00"), &b));
  assert_int_equal(a, b);
  char text[AZD_TIME_BYTES];
  assert_string_equal(azd_time_format(a / 1000000, text), "2026-11-22T10:00:05Z");
  static const char *const bad[] = {"",
                                    "2026-11-22",
                                    "2026-02-29T00:00:00Z",
                                    "2026-11-22T10:00:05",
                                    "2026-11-22T24:00:05Z",
                                    "2026-11-22T10:00:05.Z",
                                    "2026-11-22T10:00:05Zx",
                                    "+026-11-22T10:00:05Z"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(azd_time_parse_ns(azd_str_of(bad[i]), &a));
}

static void hashes_match_published_vectors(void **state) {
  (void)state;
  uint8_t digest[AZD_SHA256_BYTES];
  char hex[AZD_SHA256_HEX_BYTES];
  azd_sha256_of("abc", 3, digest); /* FIPS 180-2, appendix B.1 */
  azd_hex(digest, sizeof digest, hex);
  assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  azd_hmac_sha256(AZD_STR("Jefe"), AZD_STR("what do ya want for nothing?"), digest); /* RFC 4231, case 2 */
  azd_hex(digest, sizeof digest, hex);
  assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static bool hashed_alike(const struct azd_poly_key *key, const uint8_t *a, size_t a_bytes, const uint8_t *b,
                         size_t b_bytes) {
  uint8_t x[AZD_POLY_HASH_BYTES], y[AZD_POLY_HASH_BYTES];
  azd_poly_hash(key, a, a_bytes, x);
  azd_poly_hash(key, b, b_bytes, y);
  return memcmp(x, y, sizeof x) == 0;
}

static void every_bit_and_the_length_of_a_text_are_in_its_hash(void **state) {
  (void)state;
  struct azd_poly_key key;
  azd_poly_key_make(&key);
  for (size_t bytes = 1; bytes <= 64; bytes++) {
    uint8_t *text = malloc(bytes), *other = malloc(bytes + 1); /* of just this size: reading on is found by ASan */
    azd_random(text, bytes);
    memcpy(other, text, bytes);
    other[bytes] = 0;
    assert_true(hashed_alike(&key, text, bytes, other, bytes));
    assert_false(hashed_alike(&key, text, bytes, other, bytes + 1));
    assert_false(hashed_alike(&key, text, bytes, other, bytes - 1));
    for (size_t bit = 0; bit < bytes * 8; bit++) {
      other[bit / 8] ^= (uint8_t)(1u << bit % 8);
      assert_false(hashed_alike(&key, text, bytes, other, bytes));
      other[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(text), free(other);
  }
}

/* The same sum with numbers of any size: one word after the other, reduced each time. */
static void a_hash_is_the_polynomial_that_it_is_said_to_be(void **state) {
  (void)state;
  const unsigned __int128 prime = ((unsigned __int128)1 << 61) - 1;
  struct azd_poly_key key;
  azd_poly_key_make(&key);
  uint8_t text[301], hash[AZD_POLY_HASH_BYTES];
  memset(text, 0xff, sizeof text); /* the largest words */
  azd_poly_hash(&key, text, sizeof text, hash);
  for (int i = 0; i < 2; i++) {
    unsigned __int128 x = 0, at = key.power[i][1];
    for (size_t word = 0; word < sizeof text / 7; word++) x = (x * at + 0xffffffffffffff) % prime;
    x = (x * at + sizeof text) % prime * at % prime;
    assert_int_equal(sizeof text % 7, 0);
    uint64_t is;
    memcpy(&is, hash + 8 * i, sizeof is);
    assert_true(is == (uint64_t)x);
  }
}

static void uuids_are_version_7_and_distinct(void **state) {
  (void)state;
  char a[AZD_UUID_TEXT_BYTES], b[AZD_UUID_TEXT_BYTES];
  azd_uuid7(a), azd_uuid7(b);
  assert_string_not_equal(a, b);
  assert_int_equal(strlen(a), 36);
  assert_int_equal(a[14], '7');
  assert_non_null(strchr("89ab", a[19]));
}

static void an_error_keeps_code_and_gains_context(void **state) {
  (void)state;
  struct azd_error error;
  assert_int_equal(azd_fail(&error, AZD_EPARSE, "line %d", 3), AZD_EPARSE);
  azd_error_prefix(&error, "old.json");
  assert_string_equal(error.text, "old.json: line 3");
  assert_int_equal(azd_fail(NULL, AZD_EIO, "nobody listens"), AZD_EIO);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(buffer_stops_at_its_cap_and_stays_failed),
      cmocka_unit_test(json_strings_are_escaped_as_rfc_8785_says),
      cmocka_unit_test(arena_refuses_beyond_its_cap_and_reuses_after_reset),
      cmocka_unit_test(instants_are_read_with_offsets_and_fractions),
      cmocka_unit_test(hashes_match_published_vectors),
      cmocka_unit_test(every_bit_and_the_length_of_a_text_are_in_its_hash),
      cmocka_unit_test(a_hash_is_the_polynomial_that_it_is_said_to_be),
      cmocka_unit_test(uuids_are_version_7_and_distinct),
      cmocka_unit_test(an_error_keeps_code_and_gains_context),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
