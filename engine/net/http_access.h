/* Where a client may go and what it may say there: origins, rules and credentials. Everything the collector sends
 * passes here, so that a token never leaves for another host (nextLink, redirects) and no request goes out that could
 * write. URLs are read by libcurl's own parser, the one that then sends them: there is no second reading to disagree
 * with. Life: a credential from azd_http_credential_new to _free. Thread: one at a time. Blocks: never. */
#ifndef AZD_NET_HTTP_ACCESS_H
#define AZD_NET_HTTP_ACCESS_H

#include "base/err.h"
#include "base/str.h"

/* libcurl's CURLU, which its header names by typedef only. */
struct Curl_URL;

enum { AZD_HTTP_ORIGIN_BYTES = 300, AZD_HTTP_URL_BYTES = 64 * 1024 };

/* Parses an absolute http or https URL; given: *parsed, freed by azd_http_url_free. Refused: other schemes, user names
 * and passwords, spaces and control bytes, fragments, more than AZD_HTTP_URL_BYTES. origin: "https://host:443", in
 * lower case, the port always said. */
int azd_http_url_parse(struct azd_str url, struct Curl_URL **parsed, char origin[AZD_HTTP_ORIGIN_BYTES],
                       struct azd_error *error);
void azd_http_url_free(struct Curl_URL *parsed);
/* The origin of a URL or of "scheme://host[:port]". */
int azd_http_origin_of(struct azd_str url, char origin[AZD_HTTP_ORIGIN_BYTES], struct azd_error *error);
/* Plain http beside credentials is for loopback only. */
bool azd_http_origin_is_private(const char *origin);

/* One kind of request that is allowed. */
struct azd_http_rule {
  char method[16]; /* exact; "*": any */
  char *origin;    /* owned, in the form above; NULL: any */
  char *path; /* owned; "*" stands for one segment, "**" at the end for any rest; ASCII case is ignored; NULL: any */
};
void azd_http_rule_free(struct azd_http_rule *rule);

/* 0, or AZD_EDENIED with what was refused. A path that could be read in two ways (dot segments, encoded slashes or
 * dots, backslashes, empty segments) matches no rule that has a path. */
int azd_http_rules_check(const struct azd_http_rule *rules, size_t count, const char *method, const char *origin,
                         struct Curl_URL *parsed, struct azd_error *error);

/* A value of the Authorization header that is only ever sent to one origin. */
struct azd_http_credential;
/* origin: a URL of the host it is for. AZD_EDENIED: plain http to a host that is not loopback. */
int azd_http_credential_new(struct azd_http_credential **credential, struct azd_str origin, struct azd_error *error);
void azd_http_credential_free(struct azd_http_credential *credential);
/* "Bearer eyJ...": copied; the former one is wiped. AZD_EINVAL: empty, or with control bytes, which would add headers.
 */
int azd_http_credential_set(struct azd_http_credential *credential, struct azd_str value, struct azd_error *error);
/* The value for a request to origin, borrowed until the next set; AZD_EDENIED: it is for another origin, or none was
 * set. */
int azd_http_credential_for(const struct azd_http_credential *credential, const char *origin, const char **value,
                            struct azd_error *error);

#endif
