/* Secrets leave before anything is hashed or stored: by rule (`redact`), by name and by value, a secret is replaced by
 * a keyed digest, so that a rotated secret still shows as a change. replaced text: {"$redacted":"<first 16 hex of
 * HMAC-SHA-256(key, canonical value)>"} What has been replaced once stays as it is: redacting again under the same key
 * changes nothing. Thread: one redactor a worker. Blocks: never. Time: linear in the document. */
#ifndef AZD_JSON_REDACT_H
#define AZD_JSON_REDACT_H

#include "base/buf.h"
#include "json/canonical.h"
#include "json/ruleset.h"

enum { AZD_REDACT_KEY_MIN_BYTES = 16, AZD_REDACT_DEPTH_MAX = 1024 };

struct azd_redactor;

/* key: at least AZD_REDACT_KEY_MIN_BYTES, copied. NULL: no memory. */
struct azd_redactor *azd_redactor_new(struct azd_str key);
void azd_redactor_free(struct azd_redactor *redactor);

/* How many secrets the node holds; nothing is written. As azd_redact_canonical otherwise. */
int azd_redact_count(struct azd_redactor *redactor, const struct azd_trie *trie, const struct azd_doc *doc,
                     azd_node node, uint32_t *secrets, struct azd_error *error);

/* Appends the canonical form of the node with its secrets replaced. redacted (may be NULL): how many.
 * 0, AZD_ENOMEM or AZD_ELIMIT (deeper than AZD_REDACT_DEPTH_MAX, or the buffer's). After a failure out is what it was.
 */
int azd_redact_canonical(struct azd_redactor *redactor, const struct azd_trie *trie, const struct azd_doc *doc,
                         azd_node node, struct azd_buf *out, uint32_t *redacted, struct azd_error *error);

#endif
