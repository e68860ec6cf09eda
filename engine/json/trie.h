/* The compiled rules of one resource type: a graph of nodes, one for each set of rules that can hold at a place.
 * Walking it beside a document costs one look-up a step; who speaks was decided when it was compiled.
 *
 *   node    uint32_t; the root is AZD_TRIE_ROOT. From a node: azd_trie_name for a member, azd_trie_item for an element.
 *   place   what the rules say at a node about that very place. Rules that hold for what lies below (ignore, observe,
 *           compare, redact) are told once, where they start: the walker hands them down.
 *
 * Life: compiled once, then immutable; owned by its ruleset. A NULL trie is one without rules.
 * Thread: any. Blocks: never. */
#ifndef AZD_JSON_TRIE_H
#define AZD_JSON_TRIE_H

#include "json/doc.h"
#include "json/path.h"
#include "json/ruleset.h"

enum { AZD_TRIE_ROOT = 0 };

/* One answer to "does a difference here count?". */
struct azd_say {
  uint32_t rule;
  uint8_t layer; /* enum azd_rule_layer */
  uint8_t verb;  /* IGNORE, OBSERVE or COMPARE */
  bool conditional;
};

struct azd_place {
  const struct azd_say *says; /* strongest first; conditional ones, then at most one without a condition */
  uint32_t say_count;
  uint16_t same; /* mask of enum azd_same */
  bool redact;
  const struct azd_rule *array;         /* the KEY, SET or LIST rule, or NULL */
  const struct azd_rule *const *values; /* rules whose `same` lists values */
  uint32_t value_count;
};

uint32_t azd_trie_name(const struct azd_trie *trie, uint32_t node, struct azd_str name);
/* element: the one of doc that selectors look at; AZD_NODE_NONE fits no selector. */
uint32_t azd_trie_item(const struct azd_trie *trie, uint32_t node, const struct azd_doc *doc, azd_node element);
const struct azd_place *azd_trie_place(const struct azd_trie *trie, uint32_t node);
/* No rule can hold at this node or below it. */
bool azd_trie_is_silent(const struct azd_trie *trie, uint32_t node);

/* Nothing is redacted at this node or below it. */
bool azd_trie_is_open(const struct azd_trie *trie, uint32_t node);

/* What a verb answers: rules compete within a question. */
enum azd_question { AZD_ASKS_CLASS, AZD_ASKS_ARRAY, AZD_ASKS_SAME, AZD_ASKS_REDACT, AZD_QUESTIONS };
enum azd_question azd_question_of(enum azd_verb verb);

/* For the ruleset. */
struct azd_trie_rule {
  const struct azd_rule *rule; /* borrowed for the life of the trie, with its path */
  const struct azd_path *path;
  uint32_t number;
};

/* Nodes of one trie; beyond is AZD_ELIMIT. Only several ".." or many selectors in one path can come near. */
enum { AZD_TRIE_NODES_MAX = 65535 };

/* Rules that many types have in common ("*"), worked out once: compiling a type that begins with them goes on from
 * there, unless it has rules of its own that begin with "..". Borrows the rules and paths. */
struct azd_trie_common;
int azd_trie_common_new(const struct azd_trie_rule *rules, uint32_t count, struct azd_trie_common **common,
                        struct azd_error *error);
void azd_trie_common_free(struct azd_trie_common *common);

/* common may be NULL; it is only made use of, and makes no difference but in time.
 * 0, AZD_EINVAL (a tie), AZD_ELIMIT, AZD_ENOMEM. */
int azd_trie_compile(const struct azd_trie_rule *rules, uint32_t count, const struct azd_trie_common *common,
                     struct azd_trie **trie, struct azd_error *error);
void azd_trie_free(struct azd_trie *trie);

/* Which of two rules that end at the same place is asked first: <0 the first. 0: only their order is left. */
int azd_trie_rank(const struct azd_trie_rule *a, const struct azd_trie_rule *b);

#endif
