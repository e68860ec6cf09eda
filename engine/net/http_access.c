#include "net/http_access.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct azd_http_credential {
  char origin[AZD_HTTP_ORIGIN_BYTES];
  char *value;
};

static bool has_byte_below(struct azd_str text, unsigned char limit) {
  for (size_t i = 0; i < text.size; i++)
    if ((unsigned char)text.data[i] < limit || text.data[i] == 0x7f) return true;
  return false;
}

static int write_origin(CURLU *url, char origin[AZD_HTTP_ORIGIN_BYTES], struct azd_error *error) {
  char *scheme = NULL, *host = NULL, *port = NULL;
  int code = AZD_EINVAL;
  if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0)) {
    azd_fail(error, code, "an absolute URL was expected");
  } else if (strcasecmp(scheme, "https") && strcasecmp(scheme, "http")) {
    azd_fail(error, code, "only http and https are spoken, not \"%.20s\"", scheme);
  } else if (curl_url_get(url, CURLUPART_HOST, &host, 0) ||
             curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT)) {
    azd_fail(error, code, "a URL with a host was expected");
  } else if (!*host || (size_t)snprintf(origin, AZD_HTTP_ORIGIN_BYTES, "%s://%s:%s", scheme, host, port) >=
                           AZD_HTTP_ORIGIN_BYTES) {
    azd_fail(error, code, "the host of the URL is empty or too long");
  } else {
    for (char *c = origin; *c; c++) *c = (char)azd_fold((unsigned char)*c);
    code = 0;
  }
  curl_free(scheme);
  curl_free(host);
  curl_free(port);
  return code;
}

int azd_http_url_parse(struct azd_str text, struct Curl_URL **parsed, char origin[AZD_HTTP_ORIGIN_BYTES],
                       struct azd_error *error) {
  if (text.size > AZD_HTTP_URL_BYTES)
    return azd_fail(error, AZD_ELIMIT, "a URL of more than %d bytes", AZD_HTTP_URL_BYTES);
  if (has_byte_below(text, 0x21)) return azd_fail(error, AZD_EINVAL, "a URL with spaces or control bytes");
  int code = AZD_ENOMEM;
  CURLU *url = curl_url();
  char *copy = strndup(text.data, text.size), *fragment = NULL;
  if (!url || !copy) {
    azd_fail(error, code, "no memory for a URL");
    goto failed;
  }
  CURLUcode refused = curl_url_set(url, CURLUPART_URL, copy, CURLU_PATH_AS_IS | CURLU_DISALLOW_USER);
  if (refused) {
    code = azd_fail(error, AZD_EINVAL, refused == CURLUE_USER_NOT_ALLOWED ? "a URL with a user name" : "not a URL: %s",
                    curl_url_strerror(refused));
    goto failed;
  }
  if (!curl_url_get(url, CURLUPART_FRAGMENT, &fragment, 0)) {
    code = azd_fail(error, AZD_EINVAL, "a URL with a fragment");
    goto failed;
  }
  if ((code = write_origin(url, origin, error))) goto failed;
  free(copy);
  *parsed = url;
  return 0;
failed:
  curl_free(fragment);
  curl_url_cleanup(url);
  free(copy);
  return code;
}

void azd_http_url_free(struct Curl_URL *parsed) {
  curl_url_cleanup(parsed);
}

int azd_http_origin_of(struct azd_str url, char origin[AZD_HTTP_ORIGIN_BYTES], struct azd_error *error) {
  struct Curl_URL *parsed;
  int code = azd_http_url_parse(url, &parsed, origin, error);
  if (!code) azd_http_url_free(parsed);
  return code;
}

bool azd_http_origin_is_private(const char *origin) {
  static const char *const loopbacks[] = {"http://127.0.0.1:", "http://localhost:", "http://[::1]:"};
  if (!strncmp(origin, "https://", 8)) return true;
  for (size_t i = 0; i < sizeof loopbacks / sizeof *loopbacks; i++)
    if (!strncmp(origin, loopbacks[i], strlen(loopbacks[i]))) return true;
  return false;
}

void azd_http_rule_free(struct azd_http_rule *rule) {
  free(rule->origin);
  free(rule->path);
}

static bool is_ambiguous(const char *path) {
  for (const char *at = path; *at; at++) {
    if (*at == '\\') return true;
    if (*at == '/' && at[1] == '/') return true;
    if (*at == '/' && at[1] == '.' && (!at[2] || at[2] == '/' || (at[2] == '.' && (!at[3] || at[3] == '/'))))
      return true;
    if (*at == '%' && (!strncasecmp(at, "%2f", 3) || !strncasecmp(at, "%2e", 3) || !strncasecmp(at, "%5c", 3)))
      return true;
  }
  return false;
}

static bool path_matches(const char *pattern, const char *path) {
  for (; *pattern; pattern++) {
    if (!strcmp(pattern, "**")) return true;
    if (*pattern == '*') {
      size_t segment = strcspn(path, "/");
      if (!segment) return false;
      path += segment;
      continue;
    }
    if (azd_fold((unsigned char)*pattern) != azd_fold((unsigned char)*path)) return false;
    path++;
  }
  return !*path;
}

int azd_http_rules_check(const struct azd_http_rule *rules, size_t count, const char *method, const char *origin,
                         struct Curl_URL *parsed, struct azd_error *error) {
  char *path = NULL;
  if (curl_url_get(parsed, CURLUPART_PATH, &path, 0)) return azd_fail(error, AZD_ENOMEM, "no memory for a path");
  bool is_allowed = false;
  for (size_t i = 0; i < count && !is_allowed; i++)
    is_allowed = (!strcmp(rules[i].method, "*") || !strcmp(rules[i].method, method)) &&
                 (!rules[i].origin || !strcmp(rules[i].origin, origin)) &&
                 (!rules[i].path || (!is_ambiguous(path) && path_matches(rules[i].path, path)));
  int code = 0;
  if (!is_allowed)
    code =
        azd_fail(error, AZD_EDENIED, "this client may not send %s %s%.200s: no rule allows it", method, origin, path);
  curl_free(path);
  return code;
}

int azd_http_credential_new(struct azd_http_credential **out, struct azd_str origin, struct azd_error *error) {
  struct azd_http_credential *credential = calloc(1, sizeof *credential);
  if (!credential) return azd_fail(error, AZD_ENOMEM, "no memory for a credential");
  int code = azd_http_origin_of(origin, credential->origin, error);
  if (!code && !azd_http_origin_is_private(credential->origin))
    code =
        azd_fail(error, AZD_EDENIED, "no credential goes to %s: plain http is for loopback only", credential->origin);
  if (code)
    free(credential);
  else
    *out = credential;
  return code;
}

static void wipe(struct azd_http_credential *credential) {
  if (credential->value) explicit_bzero(credential->value, strlen(credential->value));
  free(credential->value);
  credential->value = NULL;
}

void azd_http_credential_free(struct azd_http_credential *credential) {
  if (!credential) return;
  wipe(credential);
  free(credential);
}

int azd_http_credential_set(struct azd_http_credential *credential, struct azd_str value, struct azd_error *error) {
  if (!value.size || has_byte_below(value, 0x20))
    return azd_fail(error, AZD_EINVAL, "a credential is one line of text, and not empty");
  char *copy = strndup(value.data, value.size);
  if (!copy) return azd_fail(error, AZD_ENOMEM, "no memory for a credential");
  wipe(credential);
  credential->value = copy;
  return 0;
}

int azd_http_credential_for(const struct azd_http_credential *credential, const char *origin, const char **value,
                            struct azd_error *error) {
  if (strcmp(credential->origin, origin))
    return azd_fail(error, AZD_EDENIED, "the credential is for %s and does not go to %s", credential->origin, origin);
  if (!credential->value) return azd_fail(error, AZD_EDENIED, "the credential for %s was not set", credential->origin);
  *value = credential->value;
  return 0;
}
