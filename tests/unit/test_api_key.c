/* Keys, the ring of those that count, and how often somebody may ask. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "auth/keyring.h"
#include "auth/rate.h"

#include <stdio.h>
#include <string.h>

static struct azd_str str(const char *text) {
  return azd_str_of(text);
}

static void a_key_has_its_form(void **state) {
  (void)state;
  char a[AZD_API_KEY_BYTES + 1], b[AZD_API_KEY_BYTES + 1];
  azd_api_key_make(a);
  azd_api_key_make(b);
  assert_int_equal(strlen(a), 51);
  assert_memory_equal(a, "azd_", 4);
  assert_int_equal(a[12], '_');
  assert_string_not_equal(a, b);
  assert_true(azd_api_key_is_well_formed(str(a)));
  assert_int_equal(azd_api_key_id(str(a)).size, 8);
  assert_memory_equal(azd_api_key_id(str(a)).data, a + 4, 8);
}

/* Whoever drops, doubles or swaps a character hears that the key is mistyped, without a look-up. */
static void a_mistyped_key_is_seen_by_its_check(void **state) {
  (void)state;
  char key[AZD_API_KEY_BYTES + 1], wrong[AZD_API_KEY_BYTES + 1];
  azd_api_key_make(key);
  for (size_t i = 0; i < AZD_API_KEY_BYTES; i++) {
    memcpy(wrong, key, sizeof wrong);
    wrong[i] = wrong[i] == 'a' ? 'b' : 'a';
    if (azd_api_key_is_well_formed(str(wrong))) fail_msg("byte %zu of %s changed unseen", i, key);
  }
  for (size_t i = 4; i + 1 < AZD_API_KEY_BYTES; i++) {
    if (key[i] == key[i + 1]) continue;
    memcpy(wrong, key, sizeof wrong);
    wrong[i] = key[i + 1];
    wrong[i + 1] = key[i];
    assert_false(azd_api_key_is_well_formed(str(wrong)));
  }
  assert_false(azd_api_key_is_well_formed(str("")));
  assert_false(azd_api_key_is_well_formed((struct azd_str){key, AZD_API_KEY_BYTES - 1}));
}

/* 62 digits out of 256 values of a byte: taken by remainder the first eight would come more often. */
static void all_digits_are_as_likely(void **state) {
  (void)state;
  unsigned seen[128] = {0};
  char key[AZD_API_KEY_BYTES + 1];
  for (int i = 0; i < 2000; i++) {
    azd_api_key_make(key);
    for (int k = 13; k < 45; k++) seen[(unsigned char)key[k]]++;
  }
  const unsigned expected = 2000 * 32 / 62; /* 1,032; the standard deviation is 32 */
  for (int c = 0; c < 128; c++)
    if (seen[c] != 0 && (seen[c] < expected - 200 || seen[c] > expected + 200)) fail_msg("%c: %u", c, seen[c]);
}

static struct azd_keyring_entry entry_of(const char *key, enum azd_role role, int64_t expires_ms) {
  struct azd_keyring_entry entry = {.role = role, .expires_ms = expires_ms};
  memcpy(entry.id, azd_api_key_id(str(key)).data, sizeof entry.id);
  azd_sha256_of(key, strlen(key), entry.hash);
  return entry;
}

static void a_ring_takes_its_keys_and_no_others(void **state) {
  (void)state;
  enum { KEYS = 3000 };
  static char keys[KEYS][AZD_API_KEY_BYTES + 1];
  struct azd_keyring *ring = azd_keyring_new();
  struct azd_keyring_entry *found;
  for (int i = 0; i < KEYS; i++) {
    azd_api_key_make(keys[i]);
    const struct azd_keyring_entry entry = entry_of(keys[i], i % 2 ? AZD_ROLE_READER : AZD_ROLE_ADMIN, 0);
    assert_int_equal(azd_keyring_add(ring, &entry), 0);
    assert_int_equal(azd_keyring_add(ring, &entry), AZD_ECONFLICT);
  }
  assert_int_equal(azd_keyring_count(ring), KEYS);
  for (int i = 0; i < KEYS; i++) {
    assert_int_equal(azd_keyring_check(ring, str(keys[i]), 1000, &found), AZD_KEY_TAKEN);
    assert_int_equal(found->role, i % 2 ? AZD_ROLE_READER : AZD_ROLE_ADMIN);
    assert_int_equal(found->used_ms, 1000);
  }
  char other[AZD_API_KEY_BYTES + 1];
  azd_api_key_make(other);
  assert_int_equal(azd_keyring_check(ring, str(other), 1000, &found), AZD_KEY_UNKNOWN);
  assert_null(found);
  assert_int_equal(azd_keyring_check(ring, str("Bearer"), 1000, &found), AZD_KEY_UNKNOWN);
  azd_keyring_free(ring);
}

/* The right id, a good check, another secret: only the hash tells. */
static void a_key_of_the_same_id_is_not_the_key(void **state) {
  (void)state;
  char key[AZD_API_KEY_BYTES + 1], forged[AZD_API_KEY_BYTES + 1];
  struct azd_keyring *ring = azd_keyring_new();
  struct azd_keyring_entry *found;
  azd_api_key_make(key);
  azd_api_key_make(forged);
  struct azd_keyring_entry entry = entry_of(key, AZD_ROLE_ADMIN, 0);
  memcpy(entry.id, azd_api_key_id(str(forged)).data, sizeof entry.id);
  assert_int_equal(azd_keyring_add(ring, &entry), 0);
  assert_int_equal(azd_keyring_check(ring, str(forged), 1, &found), AZD_KEY_UNKNOWN);
  assert_null(found);
  azd_keyring_free(ring);
}

static void an_expired_key_is_known_and_refused(void **state) {
  (void)state;
  char key[AZD_API_KEY_BYTES + 1];
  struct azd_keyring *ring = azd_keyring_new();
  struct azd_keyring_entry *found;
  azd_api_key_make(key);
  const struct azd_keyring_entry entry = entry_of(key, AZD_ROLE_READER, 5000);
  assert_int_equal(azd_keyring_add(ring, &entry), 0);
  assert_int_equal(azd_keyring_check(ring, str(key), 4999, &found), AZD_KEY_TAKEN);
  assert_int_equal(azd_keyring_check(ring, str(key), 5000, &found), AZD_KEY_EXPIRED);
  assert_non_null(found);
  assert_int_equal(found->used_ms, 4999);
  azd_keyring_free(ring);
}

static void a_rate_lets_a_burst_through_and_then_a_steady_stream(void **state) {
  (void)state;
  const struct azd_rate rate = {.interval_ns = 100, .burst = 5};
  int64_t bucket = 0, wait_ns = 0, left = 0, now_ns = 1000000;
  for (int i = 0; i < 5; i++) {
    assert_true(azd_rate_take(&rate, &bucket, now_ns, NULL, &left));
    assert_int_equal(left, 4 - i);
  }
  assert_false(azd_rate_take(&rate, &bucket, now_ns, &wait_ns, NULL));
  assert_int_equal(wait_ns, 100);
  assert_false(azd_rate_take(&rate, &bucket, now_ns + 99, &wait_ns, NULL)); /* a refusal costs nothing */
  assert_int_equal(wait_ns, 1);
  int taken = 0;
  for (int64_t at = now_ns; at < now_ns + 10000; at += 7) taken += azd_rate_take(&rate, &bucket, at, NULL, NULL);
  assert_in_range(taken, 98, 100);
  assert_true(azd_rate_take(&rate, &bucket, now_ns + 1000000, NULL, &left));
  assert_int_equal(left, 4); /* rest is not saved up beyond the burst */
  const struct azd_rate none = {0};
  for (int i = 0; i < 1000; i++) assert_true(azd_rate_take(&none, &bucket, now_ns, NULL, NULL));
}

static void roles_have_names(void **state) {
  (void)state;
  enum azd_role role;
  assert_true(azd_role_parse(str("operator"), &role));
  assert_int_equal(role, AZD_ROLE_OPERATOR);
  assert_string_equal(azd_role_name(AZD_ROLE_ADMIN), "admin");
  assert_false(azd_role_parse(str("root"), &role));
  assert_false(azd_role_parse(str(""), &role));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_key_has_its_form),
      cmocka_unit_test(a_mistyped_key_is_seen_by_its_check),
      cmocka_unit_test(all_digits_are_as_likely),
      cmocka_unit_test(a_ring_takes_its_keys_and_no_others),
      cmocka_unit_test(a_key_of_the_same_id_is_not_the_key),
      cmocka_unit_test(an_expired_key_is_known_and_refused),
      cmocka_unit_test(a_rate_lets_a_burst_through_and_then_a_steady_stream),
      cmocka_unit_test(roles_have_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
