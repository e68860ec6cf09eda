/* The structural difference of two documents under a ruleset.
 *
 * Members are matched by name (where only the case differs, and no exact partner exists, they match too); elements of
 * an array by the rule key, else by id, else by name, else by a key of the schema layer, else as a multiset of values
 * whose leftovers are paired. null is a value like others unless a rule says `same ... empty`. An array whose elements
 * only changed places is one note, op move; where a rule says `list` it is a change. An object that came or went as a
 * whole is one change; it has the class of its most telling leaf, so that one made of nothing but observed members is
 * an effect.
 *
 *   change   a difference that counts                  effect   observed state that moved beside
 *   note     a pure reorder; never counts              ignored  a difference that a rule swallowed: only counted
 *
 * A struct azd_diff is a reusable workspace: run it, read its changes, run it again.
 * Thread: one at a time. Blocks: never. Time and memory: linear in the documents but for sorting. */
#ifndef AZD_JSON_DIFF_H
#define AZD_JSON_DIFF_H

#include "json/doc.h"
#include "json/properties.h"
#include "json/ruleset.h"

enum azd_op { AZD_OP_ADD, AZD_OP_REMOVE, AZD_OP_REPLACE, AZD_OP_MOVE };
enum azd_change_class { AZD_CLASS_CHANGE, AZD_CLASS_EFFECT, AZD_CLASS_NOTE, AZD_CLASS_IGNORED };

#define AZD_RULE_NONE UINT32_MAX

enum { AZD_DIFF_DEPTH_MAX = 1024 };
/* Paths of all changes of one run; long names above many changes could multiply without end. */
enum { AZD_DIFF_TEXT_MAX_BYTES = 64 * 1024 * 1024 };

/* A rule with `when` that may speak for a change; a list, strongest first. */
struct azd_when {
  uint32_t rule;               /* its function: azd_ruleset_rule(ruleset, rule)->condition */
  enum azd_change_class class; /* what the change is where the condition holds */
  const struct azd_when *next; /* asked where it does not; NULL: the change keeps its class and rule */
};

struct azd_change {
  enum azd_op op;
  enum azd_change_class class;
  azd_node old_node, new_node;     /* AZD_NODE_NONE on the absent side */
  azd_node old_parent, new_parent; /* the object (or array) that holds the member; NONE where that is absent too */
  struct azd_str property;         /* "properties.securityRules[name=ssh].properties.access"; the diff's memory */
  struct azd_str pointer;          /* RFC 6901 into the new document, for a removal into the old; the diff's memory */
  struct azd_str key_name, key_value; /* selector of the innermost keyed element; NULL data where there is none */
  uint32_t rule;                      /* the rule that gave it its class; AZD_RULE_NONE */
  /* Conditions to ask before class is final; NULL: none. How:
   *   for (when = change->whens; when; when = when->next)
   *     if (holds(when->rule, change)) { azd_diff_decide(diff, index, when); break; } */
  const struct azd_when *whens;
};

/* Under what the secrets of the two documents were replaced by digests (json/redact.h). A digest of another key says
 * nothing; under other rules one side may hold as text what the other holds as a digest. What cannot be compared is
 * left out and counted; that a secret came or went is a change all the same. */
enum azd_redacted { AZD_REDACTED_ALIKE, AZD_REDACTED_OTHER_RULES, AZD_REDACTED_OTHER_KEY };

struct azd_diff_options {
  /* No rules, arrays by position, names exact: the changes, applied in their order as a JSON Patch (RFC 6902) to the
   * old document, give the new one. */
  bool raw;
  /* What differs in how the sides were read, a mask of enum azd_between; the trie is the one for it. What only one side
   * carries is then not compared but counted; what both carry is. Not carried: absent, null, empty; between views also
   * what a door fills in for what it does not know ("" and 0), and a secret, which another door shows as a mask. */
  uint32_t between;
  /* Between two versions of one view: which property exists in which of them; NULL where that is not known. What both
   * versions can carry is then compared although one side lacks it. */
  const struct azd_property_tree *properties;
  uint32_t old_version, new_version; /* as azd_property_version numbers them */
  enum azd_redacted redacted;
};

struct azd_diff;

struct azd_diff *azd_diff_new(void);
void azd_diff_free(struct azd_diff *diff);

/* Compares old_node with new_node. trie may be NULL (defaults only) and is not used when raw.
 * 0, AZD_ENOMEM or AZD_ELIMIT (one of the limits above; the sentence names it); results stay readable until the next
 * run, and as long as both documents stand. */
int azd_diff_run(struct azd_diff *diff, const struct azd_trie *trie, const struct azd_doc *old_doc, azd_node old_node,
                 const struct azd_doc *new_doc, azd_node new_node, const struct azd_diff_options *options,
                 struct azd_error *error);

/* Changes, effects and notes in document order; ignored ones too, so that they can be shown and counted. */
uint32_t azd_diff_count(const struct azd_diff *diff);
const struct azd_change *azd_diff_change(const struct azd_diff *diff, uint32_t index);
/* The condition of this element of the change's whens holds: gives the change its class and rule, and ends its whens.
 */
void azd_diff_decide(struct azd_diff *diff, uint32_t index, const struct azd_when *when);
/* How many of a class. A document without changes has no drift, whatever effects and notes it has. */
uint32_t azd_diff_count_of(const struct azd_diff *diff, enum azd_change_class class);
/* What was left out because only one view carries it, or because of how secrets were redacted; the latter alone. */
uint32_t azd_diff_not_compared(const struct azd_diff *diff);
uint32_t azd_diff_redacted_apart(const struct azd_diff *diff);
/* Of the latter, the places that another key or other rules are the reason of; both nodes are there. */
struct azd_apart {
  azd_node old_node, new_node;
};
uint32_t azd_diff_apart_count(const struct azd_diff *diff);
const struct azd_apart *azd_diff_apart(const struct azd_diff *diff, uint32_t index);

#endif
