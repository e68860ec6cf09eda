/* A name for what is redacted: it changes when a rule `redact` comes, goes or moves, in whichever layer, and with
 * nothing else. Versions carry it, so that bodies redacted under other rules are not compared where one of them holds a
 * digest. Thread: any, of a sealed ruleset. Blocks: reads the schema layer's files (5 ms for all providers). */
#ifndef AZD_JSON_REDACT_STAMP_H
#define AZD_JSON_REDACT_STAMP_H

#include "json/ruleset.h"

enum { AZD_REDACT_STAMP_BYTES = 13 };

/* 12 hex digits and a NUL. 0; AZD_EIO, AZD_EPARSE (a schema file; the sentence names it), AZD_ENOMEM. */
int azd_redact_stamp(const struct azd_ruleset *ruleset, char stamp[AZD_REDACT_STAMP_BYTES], struct azd_error *error);

#endif
