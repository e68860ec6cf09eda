/* The schema layer of a ruleset as text: one file a provider, written by a generator, read when a type of it is first
 * met. The file of Microsoft.Storage is microsoft.storage.rules: the provider in lower case.
 *
 *   # a comment, up to the end of the line
 *   Microsoft.Storage/storageAccounts @2026-04-01
 *     observe  properties.primaryEndpoints
 *     observe? properties.provisioningState            # soft: only absent from the PUT schema
 *     compare  properties.privateEndpointConnections
 *     ignore   properties.scratch
 *     fold     sku.name
 *     key      properties.networkAcls.ipRules value
 *     key      properties.accessPolicies objectId applicationId
 *     set      properties.addressPrefixes
 *     list     properties.dnsSettings.servers
 *     same     properties.createdAt instant
 *     same     properties.tags{} entry
 *     same     properties.privateEndpointVNetPolicies [null, "Disabled"]
 *     redact   properties.customerSecret
 *
 *   header   a line that starts in column 1: a resource type, optionally "@" and the api-version its rules were taken
 * from (for people; not read). The rules below it are those of the type; a type stands once in its file, in any order.
 *   rule     an indented line: verb, path (json/path.h), arguments, separated by blanks. A blank belongs to a path only
 *            inside quotes or brackets.
 *   verbs    ignore, observe, compare, set, list, fold, redact: no argument. key: 1 to 4 member names.
 *            same: names of enum azd_same in lower case (instant location id json space empty duration entry), or
 *            one JSON array of values that mean the same (null: absent).
 *   observe? and ignore?, compare? mark the rule soft: it comes from a flag that the source gives only indirectly.
 *   #        starts a comment at the start of a line or after a blank, but not inside quotes or brackets.
 *
 * UTF-8, LF or CRLF. Lines up to 4,096 bytes. Type and verbs: the type compares without case, verbs do not.
 * Thread: any, one text and callback each. Blocks: never. */
#ifndef AZD_JSON_SCHEMA_TEXT_H
#define AZD_JSON_SCHEMA_TEXT_H

#include "json/ruleset.h"

/* One rule of the section; rule->file and ->line are filled; all text is borrowed from the parsed text and valid during
 * the call only. Anything but 0 ends the parse with that code. */
typedef int azd_schema_rule_fn(void *context, const struct azd_rule *rule, struct azd_error *error);

/* Tells the rules of one type, in their order; none where the type has no section. file is for errors.
 * 0, AZD_EPARSE (the sentence names file:line) or what the callback answered. */
int azd_schema_text_parse(struct azd_str text, struct azd_str type, struct azd_str file, azd_schema_rule_fn *tell,
                          void *context, struct azd_error *error);

/* Reads every section, as the check of a whole file: same answers; the callback sees each rule with its type. */
int azd_schema_text_parse_all(struct azd_str text, struct azd_str file, azd_schema_rule_fn *tell, void *context,
                              struct azd_error *error);

#endif
