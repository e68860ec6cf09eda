/* What ruleset.c shares with explain.c. */
#ifndef AZD_JSON_RULESET_IMPL_H
#define AZD_JSON_RULESET_IMPL_H

#include "base/buf.h"
#include "json/trie.h"

/* Appends a struct azd_trie_rule for each rule in force for the type, "*" included, in the order of their numbers;
 * reads the schema file where needed. */
int azd_ruleset_rules_of(struct azd_ruleset *ruleset, struct azd_str type, struct azd_buf *rules,
                         struct azd_error *error);

#endif
