/* Bearer tokens: compact JWS (RFC 7515) signed with RS256 and nothing else, and the claims that make one ours (RFC
 * 7519, as Entra ID issues them). One reading of a token or a refusal: base64url without padding or spare bits, JSON
 * without doubled members, no crit, b64 or zip, typ absent, JWT or at+jwt. The header never says which algorithm or key
 * to trust: the key comes from our set, by its kid. Life: plain functions. Thread: any; a key set is used by one at a
 * time. Blocks: never; about 25 us a token. */
#ifndef AZD_AUTH_JWT_H
#define AZD_AUTH_JWT_H

#include "auth/jwks.h"
#include "base/buf.h"

#include <stdint.h>

enum { AZD_JWT_BYTES_MAX = 8192, AZD_JWT_SKEW_S = 60, AZD_JWT_NAMES_MAX = 4, AZD_JWT_ROLES_MAX = 16 };

/* Why a token was refused: for the log and for people; which of them it was is no secret of ours. */
enum azd_jwt_verdict {
  AZD_JWT_OK,
  AZD_JWT_MALFORMED,   /* not in the form */
  AZD_JWT_ALGORITHM,   /* anything but RS256 */
  AZD_JWT_UNKNOWN_KEY, /* a kid that the set does not have: it may have been rolled over */
  AZD_JWT_SIGNATURE,
  AZD_JWT_ISSUER,
  AZD_JWT_AUDIENCE,
  AZD_JWT_TENANT,
  AZD_JWT_TIME, /* expired, not yet, issued in the future */
};
/* "the signature does not fit": static text. */
const char *azd_jwt_reason(enum azd_jwt_verdict verdict);

/* The signature alone. *payload: the claims' JSON, appended. */
enum azd_jwt_verdict azd_jwt_check_signature(const struct azd_jwks *jwks, struct azd_str token,
                                             struct azd_buf *payload);

struct azd_jwt_expect { /* all borrowed during the call; matched exactly */
  struct azd_str issuers[AZD_JWT_NAMES_MAX], audiences[AZD_JWT_NAMES_MAX];
  size_t n_issuers, n_audiences;
  struct azd_str tenant;
};

struct azd_jwt_claims {
  char subject[64]; /* oid, else sub: who it is for; cut */
  char name[128];   /* preferred_username, upn or app_displayname: for logs only; cut, "" without */
  char roles[AZD_JWT_ROLES_MAX][48];
  size_t n_roles; /* of `roles`: app roles; those that are longer are left out */
  int64_t expires_s;
};

/* Claims of a payload whose signature fits: iss, aud, tid, exp and nbf are all required; now_s with AZD_JWT_SKEW_S of
 * leeway. */
enum azd_jwt_verdict azd_jwt_check_claims(struct azd_str payload, const struct azd_jwt_expect *expect, int64_t now_s,
                                          struct azd_jwt_claims *claims);

#endif
