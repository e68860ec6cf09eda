/* The structural difference of two documents under a ruleset.
 *
 *   change   a difference that counts                  effect   observed state that moved beside
 *   note     a pure reorder; never counts              ignored  a difference that a rule swallowed: only counted
 *
 * A struct azd_diff is a reusable workspace: run it, read its changes, run it again.
 * Thread: one at a time. Blocks: never. Time and memory: linear in the documents but for sorting. */
#ifndef AZD_JSON_DIFF_H
#define AZD_JSON_DIFF_H

#include "json/doc.h"
#include "json/ruleset.h"

enum azd_op { AZD_OP_ADD, AZD_OP_REMOVE, AZD_OP_REPLACE, AZD_OP_MOVE };
enum azd_change_class { AZD_CLASS_CHANGE, AZD_CLASS_EFFECT, AZD_CLASS_NOTE, AZD_CLASS_IGNORED };

#define AZD_RULE_NONE UINT32_MAX

struct azd_change {
  enum azd_op op;
  enum azd_change_class class;
  azd_node old_node, new_node;     /* AZD_NODE_NONE on the absent side */
  azd_node old_parent, new_parent; /* the object (or array) that holds the member; NONE where that is absent too */
  struct azd_str property;         /* "properties.securityRules[name=ssh].properties.access"; the diff's memory */
  struct azd_str pointer;          /* RFC 6901 into the new document, for a removal into the old; the diff's memory */
  struct azd_str key_name, key_value; /* selector of the innermost keyed element; NULL data where there is none */
  uint32_t rule;                   /* the rule that made it an effect or ignored; AZD_RULE_NONE */
  /* A rule with `when` applies here: where its condition holds for this change, class is when_class (and rule that one),
   * else what stands in class. AZD_RULE_NONE: nothing to ask. Conditional rules are asked strongest first, next in line: when_next. */
  uint32_t when_rule;
  enum azd_change_class when_class;
  int32_t when_next; /* index into azd_diff_whens, -1 at the end */
};

struct azd_diff_options {
  bool raw;          /* no rules, arrays by position: applying the changes as a JSON Patch to old gives new */
  bool views_differ; /* read through different doors or api-versions: what only one side carries is not compared */
};

struct azd_diff;

struct azd_diff *azd_diff_new(void);
void azd_diff_free(struct azd_diff *diff);

/* Compares old_node with new_node. trie may be NULL (defaults only) and is not used when raw.
 * 0, AZD_ENOMEM or AZD_ELIMIT; results stay readable until the next run, and as long as both documents stand. */
int azd_diff_run(struct azd_diff *diff, const struct azd_trie *trie, const struct azd_doc *old_doc, azd_node old_node,
                 const struct azd_doc *new_doc, azd_node new_node, const struct azd_diff_options *options,
                 struct azd_error *error);

/* Changes, effects and notes in document order; ignored ones too, so that they can be shown and counted. */
uint32_t azd_diff_count(const struct azd_diff *diff);
const struct azd_change *azd_diff_change(const struct azd_diff *diff, uint32_t index);
/* How many of a class. */
uint32_t azd_diff_count_of(const struct azd_diff *diff, enum azd_change_class class);
/* What was left out because only one view carries it. */
uint32_t azd_diff_not_compared(const struct azd_diff *diff);

#endif
