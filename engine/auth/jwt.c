#include "auth/jwt.h"

#include "auth/base64url.h"
#include "json/doc.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

const char *azd_jwt_reason(enum azd_jwt_verdict verdict) {
  static const char *const REASONS[] = {
      "it is taken",
      "it is no token in the form that is read here",
      "it is not signed with RS256",
      "it is signed with a key that the tenant does not publish",
      "the signature does not fit",
      "it is another issuer's",
      "it is for another audience",
      "it is of another tenant",
      "it has expired, or does not count yet",
  };
  return REASONS[verdict];
}

/* The three parts between two dots, no more and no fewer. */
static bool split(struct azd_str token, struct azd_str parts[3]) {
  for (int i = 0; i < 3; i++) {
    const char *dot = memchr(token.data, '.', token.size);
    if ((dot == NULL) != (i == 2)) return false;
    parts[i] = (struct azd_str){token.data, dot ? (size_t)(dot - token.data) : token.size};
    if (dot != NULL) token = (struct azd_str){dot + 1, token.size - parts[i].size - 1};
  }
  return true;
}

/* One JSON object without doubled members. A byte order mark is no beginning of one. */
static struct azd_doc *parse_object(struct azd_str json) {
  const struct azd_doc_limits limits = {.max_depth = 8, .max_bytes = AZD_JWT_BYTES_MAX};
  struct azd_str doubled;
  struct azd_doc *doc = azd_doc_new();
  const bool is_bare = json.size > 0 && (json.data[0] == '{' || json.data[0] == ' ' || json.data[0] == '\n' ||
                                         json.data[0] == '\r' || json.data[0] == '\t');
  if (doc != NULL && is_bare && azd_doc_parse(doc, json, &limits, NULL) == 0 &&
      azd_doc_type(doc, 0) == AZD_JSON_OBJECT && azd_doc_duplicates(doc, &doubled) == 0)
    return doc;
  azd_doc_free(doc);
  return NULL;
}

static bool has(const struct azd_doc *doc, const char *name) {
  return azd_doc_member(doc, 0, azd_str_of(name)) != AZD_NODE_NONE;
}

/* The text of a member, exact name; data NULL where it is absent. false: it is there and no text. */
static bool text_of(const struct azd_doc *doc, const char *name, struct azd_str *text) {
  const azd_node node = azd_doc_member(doc, 0, azd_str_of(name));
  *text = (struct azd_str){NULL, 0};
  if (node == AZD_NODE_NONE) return true;
  if (azd_doc_type(doc, node) != AZD_JSON_STRING) return false;
  *text = azd_doc_string(doc, node);
  if (text->data == NULL) text->data = "";
  return true;
}

static enum azd_jwt_verdict check_header(const struct azd_doc *doc, struct azd_str *kid) {
  struct azd_str alg, typ;
  if (!text_of(doc, "alg", &alg) || !text_of(doc, "kid", kid) || !text_of(doc, "typ", &typ)) return AZD_JWT_MALFORMED;
  if (alg.data == NULL || !azd_str_equal(alg, AZD_STR("RS256"))) return AZD_JWT_ALGORITHM;
  if (has(doc, "crit") || has(doc, "b64") || has(doc, "zip")) return AZD_JWT_MALFORMED;
  if (typ.data != NULL && !azd_str_equal_fold(typ, AZD_STR("JWT")) && !azd_str_equal_fold(typ, AZD_STR("at+jwt")))
    return AZD_JWT_MALFORMED;
  return AZD_JWT_OK;
}

static bool signature_fits(EVP_PKEY *key, struct azd_str signed_part, struct azd_str signature) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  const bool fits = context != NULL && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                    EVP_DigestVerify(context, (const unsigned char *)signature.data, signature.size,
                                     (const unsigned char *)signed_part.data, signed_part.size) == 1;
  EVP_MD_CTX_free(context);
  ERR_clear_error();
  return fits;
}

enum azd_jwt_verdict azd_jwt_check_signature(const struct azd_jwks *jwks, struct azd_str token,
                                             struct azd_buf *payload) {
  struct azd_str parts[3], kid = {NULL, 0};
  struct azd_buf header, signature;
  struct azd_doc *doc = NULL;
  enum azd_jwt_verdict verdict = AZD_JWT_MALFORMED;
  azd_buf_init(&header, 0);
  azd_buf_init(&signature, 0);
  if (token.size > AZD_JWT_BYTES_MAX || !split(token, parts) || !azd_base64url_decode(parts[0], &header) ||
      !azd_base64url_decode(parts[2], &signature))
    goto out;
  doc = parse_object(azd_buf_str(&header));
  if (doc == NULL) goto out;
  verdict = check_header(doc, &kid);
  if (verdict != AZD_JWT_OK) goto out;
  EVP_PKEY *key = azd_jwks_find(jwks, kid);
  const struct azd_str signed_part = {token.data, parts[0].size + 1 + parts[1].size};
  if (key == NULL)
    verdict = AZD_JWT_UNKNOWN_KEY;
  else if (!signature_fits(key, signed_part, azd_buf_str(&signature)))
    verdict = AZD_JWT_SIGNATURE;
  else if (!azd_base64url_decode(parts[1], payload))
    verdict = AZD_JWT_MALFORMED;
out:
  azd_doc_free(doc);
  azd_buf_free(&header);
  azd_buf_free(&signature);
  return verdict;
}

/* ---- claims ----------------------------------------------------------------------------------------------------- */

static bool is_one_of(struct azd_str text, const struct azd_str *list, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (text.data != NULL && azd_str_equal(text, list[i])) return true;
  return false;
}

/* aud is a text or a list of them. */
static bool is_for_us(const struct azd_doc *doc, const struct azd_jwt_expect *expect) {
  const azd_node node = azd_doc_member(doc, 0, AZD_STR("aud"));
  if (node == AZD_NODE_NONE) return false;
  if (azd_doc_type(doc, node) == AZD_JSON_STRING)
    return is_one_of(azd_doc_string(doc, node), expect->audiences, expect->n_audiences);
  if (azd_doc_type(doc, node) != AZD_JSON_ARRAY) return false;
  for (azd_node one = azd_doc_first(doc, node); one != AZD_NODE_NONE; one = azd_doc_next(doc, one))
    if (azd_doc_type(doc, one) == AZD_JSON_STRING &&
        is_one_of(azd_doc_string(doc, one), expect->audiences, expect->n_audiences))
      return true;
  return false;
}

static bool instant_of(const struct azd_doc *doc, const char *name, int64_t *seconds) {
  const azd_node node = azd_doc_member(doc, 0, azd_str_of(name));
  return node != AZD_NODE_NONE && azd_doc_type(doc, node) == AZD_JSON_NUMBER && azd_doc_int64(doc, node, seconds) &&
         *seconds >= 0 && *seconds < INT64_MAX - AZD_JWT_SKEW_S;
}

static bool is_its_time(const struct azd_doc *doc, int64_t now_s, int64_t *expires_s) {
  int64_t not_before_s, issued_s;
  if (!instant_of(doc, "exp", expires_s) || !instant_of(doc, "nbf", &not_before_s)) return false;
  if (has(doc, "iat") && (!instant_of(doc, "iat", &issued_s) || issued_s > now_s + AZD_JWT_SKEW_S)) return false;
  return now_s < *expires_s + AZD_JWT_SKEW_S && now_s >= not_before_s - AZD_JWT_SKEW_S;
}

static void keep(char *to, size_t size, struct azd_str text) {
  if (text.data != NULL) snprintf(to, size, "%.*s", AZD_STR_FORMAT(text));
}

static void read_roles(const struct azd_doc *doc, struct azd_jwt_claims *claims) {
  const azd_node list = azd_doc_member(doc, 0, AZD_STR("roles"));
  if (list == AZD_NODE_NONE || azd_doc_type(doc, list) != AZD_JSON_ARRAY) return;
  for (azd_node one = azd_doc_first(doc, list); one != AZD_NODE_NONE; one = azd_doc_next(doc, one)) {
    if (azd_doc_type(doc, one) != AZD_JSON_STRING || claims->n_roles == AZD_JWT_ROLES_MAX) continue;
    const struct azd_str role = azd_doc_string(doc, one);
    if (role.size < sizeof claims->roles[0]) keep(claims->roles[claims->n_roles++], sizeof claims->roles[0], role);
  }
}

static void read_names(const struct azd_doc *doc, struct azd_jwt_claims *claims) {
  static const char *const NAMES[] = {"preferred_username", "upn", "app_displayname"};
  struct azd_str text;
  if (text_of(doc, "oid", &text) && text.data != NULL)
    keep(claims->subject, sizeof claims->subject, text);
  else if (text_of(doc, "sub", &text))
    keep(claims->subject, sizeof claims->subject, text);
  for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES && claims->name[0] == '\0'; i++)
    if (text_of(doc, NAMES[i], &text)) keep(claims->name, sizeof claims->name, text);
}

enum azd_jwt_verdict azd_jwt_check_claims(struct azd_str payload, const struct azd_jwt_expect *expect, int64_t now_s,
                                          struct azd_jwt_claims *claims) {
  struct azd_str issuer, tenant;
  enum azd_jwt_verdict verdict = AZD_JWT_OK;
  *claims = (struct azd_jwt_claims){0};
  struct azd_doc *doc = parse_object(payload);
  if (doc == NULL || !text_of(doc, "iss", &issuer) || !text_of(doc, "tid", &tenant))
    verdict = AZD_JWT_MALFORMED;
  else if (!is_one_of(issuer, expect->issuers, expect->n_issuers))
    verdict = AZD_JWT_ISSUER;
  else if (!is_for_us(doc, expect))
    verdict = AZD_JWT_AUDIENCE;
  else if (tenant.data == NULL || !azd_str_equal(tenant, expect->tenant))
    verdict = AZD_JWT_TENANT;
  else if (!is_its_time(doc, now_s, &claims->expires_s))
    verdict = AZD_JWT_TIME;
  if (verdict == AZD_JWT_OK) {
    read_roles(doc, claims);
    read_names(doc, claims);
  }
  azd_doc_free(doc);
  return verdict;
}
