#include "json/secret.h"
#include "base/clock.h"

#include <ctype.h>
#include <stdint.h>

/* AZD_STR as a static initializer. */
#define LITERAL(text)                                                                                                  \
  { (text), sizeof(text) - 1 }
#define COUNT(array) (sizeof(array) / sizeof *(array))
/* A name longer than this is not a property's. */
enum { NAME_MAX_BYTES = 128 };

static bool is_one_of(struct azd_str text, const struct azd_str *list, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (azd_str_equal_fold(text, list[i])) return true;
  return false;
}

static bool ends_with(struct azd_str text, struct azd_str end) {
  return text.size >= end.size && azd_str_equal_fold((struct azd_str){text.data + text.size - end.size, end.size}, end);
}

static bool ends_with_one_of(struct azd_str text, const struct azd_str *list, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (ends_with(text, list[i])) return true;
  return false;
}

/* Where needle (lower case) starts in text, from a place on; text.size where it does not. */
static size_t find(struct azd_str text, struct azd_str needle, size_t from) {
  for (size_t at = from; at + needle.size <= text.size; at++)
    if (azd_fold((unsigned char)text.data[at]) == (unsigned char)needle.data[0] &&
        azd_str_equal_fold((struct azd_str){text.data + at, needle.size}, needle))
      return at;
  return text.size;
}

static bool contains(struct azd_str text, struct azd_str needle) {
  return find(text, needle, 0) < text.size;
}

/* What stands behind "secret" or "password" where the text only speaks about one. */
static const struct azd_str about[] = {
    LITERAL("name"),        LITERAL("uri"),       LITERAL("url"),        LITERAL("identifier"), LITERAL("ref"),
    LITERAL("id"),          LITERAL("version"),   LITERAL("type"),       LITERAL("status"),     LITERAL("policy"),
    LITERAL("rotation"),    LITERAL("reference"), LITERAL("expiration"), LITERAL("source"),     LITERAL("setting"),
    LITERAL("permissions"), LITERAL("path"),
};

static bool names_with_word(struct azd_str name, struct azd_str word) {
  size_t at = find(name, word, 0);
  if (at == name.size) return false;
  struct azd_str behind = {name.data + at + word.size, name.size - at - word.size};
  for (size_t i = 0; i < COUNT(about); i++)
    if (azd_str_starts_with_fold(behind, about[i]) || ends_with(behind, about[i])) return false;
  return true;
}

static bool names_key(struct azd_str name) {
  static const struct azd_str keys[] = {
      LITERAL("sharedkey"),   LITERAL("accesskey"), LITERAL("accountkey"),       LITERAL("apikey"),
      LITERAL("storagekey"),  LITERAL("adminkey"),  LITERAL("hostkey"),          LITERAL("instrumentationkey"),
      LITERAL("functionkey"), LITERAL("authkey"),   LITERAL("authorizationkey"), LITERAL("privatekey"),
  };
  static const struct azd_str numbered[] = {LITERAL("key1"), LITERAL("key2")};
  if (is_one_of(name, numbered, COUNT(numbered))) return true;
  if (name.size > 1 && isdigit((unsigned char)name.data[name.size - 1])) name.size--;
  if (!ends_with(name, AZD_STR("key"))) return false;
  return azd_str_starts_with_fold(name, AZD_STR("primary")) || azd_str_starts_with_fold(name, AZD_STR("secondary")) ||
         ends_with_one_of(name, keys, COUNT(keys));
}

/* A token by itself, or one of a kind that opens something; a creationToken is a path, a validationToken is published.
 */
static bool names_token(struct azd_str name) {
  static const struct azd_str tokens[] = {
      LITERAL("accesstoken"), LITERAL("authtoken"),     LITERAL("refreshtoken"),      LITERAL("sastoken"),
      LITERAL("bearertoken"), LITERAL("sessiontoken"),  LITERAL("registrationtoken"), LITERAL("idtoken"),
      LITERAL("apitoken"),    LITERAL("securitytoken"), LITERAL("encryptedtoken"),    LITERAL("bottoken"),
  };
  return azd_str_equal_fold(name, AZD_STR("token")) || ends_with_one_of(name, tokens, COUNT(tokens));
}

bool azd_secret_name(struct azd_str name) {
  static const struct azd_str words[] = {LITERAL("password"), LITERAL("passphrase"), LITERAL("passwd"),
                                         LITERAL("pwd"),      LITERAL("secret"),     LITERAL("connectionstring")};
  static const struct azd_str ends[] = {LITERAL("saskey"), LITERAL("sasuri"), LITERAL("sasurl"),
                                        LITERAL("encryptedcredential")};
  char joined[NAME_MAX_BYTES];
  size_t size = 0;
  if (name.size < 3 || name.size > NAME_MAX_BYTES) return false;
  for (size_t i = 0; i < name.size; i++) /* access_token, ACCESS-TOKEN: environment variables */
    if (name.data[i] != '_' && name.data[i] != '-') joined[size++] = name.data[i];
  name = (struct azd_str){joined, size};
  for (size_t i = 0; i < COUNT(words); i++)
    if (names_with_word(name, words[i])) return true;
  return azd_str_equal_fold(name, AZD_STR("pass")) || names_token(name) || ends_with_one_of(name, ends, COUNT(ends)) ||
         names_key(name);
}

/* Not "secret": permissions.secrets lists what may be done with secrets. */
bool azd_secret_password_name(struct azd_str name) {
  static const struct azd_str ends[] = {LITERAL("password"), LITERAL("passphrase"), LITERAL("passwd"), LITERAL("pwd")};
  if (name.size && azd_fold((unsigned char)name.data[name.size - 1]) == 's' &&
      !azd_str_equal_fold(name, AZD_STR("pass")))
    name.size--;
  return ends_with_one_of(name, ends, COUNT(ends)) || azd_str_equal_fold(name, AZD_STR("pass"));
}

bool azd_secret_is_plain(struct azd_str value) {
  static const struct azd_str switches[] = {LITERAL("enabled"), LITERAL("disabled"), LITERAL("true"),
                                            LITERAL("false"),   LITERAL("none"),     LITERAL("null"),
                                            LITERAL("default")};
  int64_t instant_ns;
  return value.size == 0 || is_one_of(value, switches, COUNT(switches)) || azd_time_parse_ns(value, &instant_ns);
}

static bool is_base64url(char c) {
  return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* eyJ... . ... . ... from a place on: a JSON object in base64url, three parts. */
static bool is_jwt_at(struct azd_str value, size_t from) {
  uint32_t dots = 0;
  size_t at = from;
  for (; at < value.size && (value.data[at] == '.' || is_base64url(value.data[at])); at++)
    dots += value.data[at] == '.';
  return dots == 2 && at - from >= 20;
}

/* By itself, or behind "Bearer ". */
static bool has_jwt(struct azd_str value) {
  for (size_t at = 0; at + 3 <= value.size; at++)
    if (value.data[at] == 'e' && !memcmp(value.data + at, "eyJ", 3) && (!at || !is_base64url(value.data[at - 1])) &&
        is_jwt_at(value, at))
      return true;
  return false;
}

/* ://user:password@ */
static bool has_url_password(struct azd_str value) {
  for (size_t at = find(value, AZD_STR("://"), 0); at < value.size; at = find(value, AZD_STR("://"), at + 3)) {
    bool colon = false;
    for (size_t i = at + 3; i < value.size && !strchr("/?# \t\r\n\"'<>", value.data[i]); i++) {
      if (value.data[i] == '@' && colon) return true;
      colon |= value.data[i] == ':' && i > at + 3;
    }
  }
  return false;
}

static size_t skip(struct azd_str text, size_t at, const char *any_of) {
  while (at < text.size && text.data[at] && strchr(any_of, text.data[at])) at++;
  return at;
}

/* word = something, word: something, "word": "something" (JSON inside a text), for the sign at a place. */
static bool is_secret_assigned(struct azd_str value, size_t sign) {
  static const struct azd_str words[] = {
      LITERAL("accountkey"), LITERAL("sharedaccesskey"), LITERAL("instrumentationkey"),
      LITERAL("accesskey"),  LITERAL("apikey"),          LITERAL("api_key"),
      LITERAL("password"),   LITERAL("passwd"),          LITERAL("pwd"),
      LITERAL("passphrase"), LITERAL("secret"),          LITERAL("access_token"),
  };
  size_t behind = skip(value, sign + 1, " \"'\\"), end = sign;
  if (behind >= value.size || strchr(";&,)}]/\r\n", value.data[behind])) return false;
  while (end && value.data[end - 1] && strchr(" \"'\\", value.data[end - 1])) end--;
  return ends_with_one_of((struct azd_str){value.data, end}, words, COUNT(words));
}

/* ?name=something or &name=something: what opens a URL. */
static bool is_asked_with(struct azd_str value, size_t sign) {
  static const struct azd_str names[] = {LITERAL("sig"), LITERAL("code"), LITERAL("token")};
  if (sign + 1 >= value.size || value.data[sign + 1] == '&') return false;
  for (size_t i = 0; i < COUNT(names); i++)
    if (sign > names[i].size && ends_with((struct azd_str){value.data, sign}, names[i])) {
      char before = value.data[sign - names[i].size - 1];
      if (before == '?' || before == '&') return true;
    }
  return false;
}

/* Looks at each sign that could part a name from its value: texts have few of them. */
static bool assigns_secret(struct azd_str value, char sign) {
  const char *end = value.data + value.size;
  for (const char *at = value.data; (at = memchr(at, sign, (size_t)(end - at))); at++) {
    size_t place = (size_t)(at - value.data);
    if (is_secret_assigned(value, place) || (sign == '=' && is_asked_with(value, place))) return true;
  }
  return false;
}

bool azd_secret_value(struct azd_str value) {
  if (value.size < 8) return false;
  /* Most texts have none of these and are done. */
  if (assigns_secret(value, '=') || assigns_secret(value, ':')) return true;
  if (memchr(value.data, '@', value.size) && has_url_password(value)) return true;
  if (memchr(value.data, '.', value.size) && has_jwt(value)) return true;
  return memchr(value.data, ' ', value.size) && memmem(value.data, value.size, "-----BEGIN ", 11) &&
         contains(value, AZD_STR("private key-----"));
}

bool azd_secret_is_free_map(struct azd_str name) {
  static const struct azd_str maps[] = {LITERAL("tags"), LITERAL("labels"), LITERAL("metadata"),
                                        LITERAL("annotations")};
  return is_one_of(name, maps, COUNT(maps));
}
