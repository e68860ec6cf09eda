/* Rules of what is noise, compiled: one trie of path steps a resource type (json/trie.h), walked beside the documents
 * by the diff and the redactor. Rules come in layers: schema (json/schema_text.h), shipped, user. Paths: json/path.h.
 *
 * Which rule speaks at a place:
 *   ignore, observe, compare  answer one question, for the place they name and everything below it;
 *   key, set, list            answer one, for the array they name;
 *   fold, same                add up;   redact only adds.
 * In one question the higher layer wins; then the path that ends nearer to the place; then the one with more steps;
 * then the one that names more of them (a name or a selector beats {} and []); then the exact type before "*". What is
 * left contradicting within one layer is a tie, which sealing refuses (schema layer: the later line wins). A rule with
 * a condition speaks only where the condition holds; it is asked before the unconditional one of its rank. A rule with
 * `between` speaks only for two bodies that were read in two ways, before one of its rank that always does.
 *
 * Life: new, add..., seal; then immutable and shared by threads, freed by the last unref. Tries of types are merged
 * when a type is first met, under a lock of the ruleset's own. Thread: any after seal; one before. Blocks: the first
 * look-up of a provider reads its schema file. */
#ifndef AZD_JSON_RULESET_H
#define AZD_JSON_RULESET_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

enum azd_rule_layer { AZD_LAYER_SCHEMA, AZD_LAYER_SHIPPED, AZD_LAYER_USER };

enum azd_verb {
  AZD_VERB_IGNORE,
  AZD_VERB_OBSERVE,
  AZD_VERB_COMPARE,
  AZD_VERB_KEY,
  AZD_VERB_SET,
  AZD_VERB_LIST,
  AZD_VERB_FOLD,
  AZD_VERB_SAME,
  AZD_VERB_REDACT,
};

/* What `same = path, as = ...` names; a mask, for rules add up. */
enum azd_same {
  AZD_SAME_INSTANT = 1 << 0,
  AZD_SAME_LOCATION = 1 << 1,
  AZD_SAME_ID = 1 << 2,
  AZD_SAME_JSON = 1 << 3,
  AZD_SAME_SPACE = 1 << 4,
  AZD_SAME_EMPTY = 1 << 5,
  AZD_SAME_DURATION = 1 << 6,
  AZD_SAME_VALUES = 1 << 7, /* a list of values that mean the same; null is absent */
  AZD_SAME_ENTRY = 1 << 8,  /* an entry of a map: that it is there says something, so `empty` does not hold for it */
  AZD_SAME_FOLD = 1 << 9,   /* text without case: what the verb fold adds */
};

/* What was different in how the two bodies of a comparison were read; a mask. */
enum azd_between {
  AZD_BETWEEN_VIEWS = 1 << 0,    /* two doors: a GET, an item of a list, the answer to a PUT */
  AZD_BETWEEN_VERSIONS = 1 << 1, /* two api-versions */
  AZD_BETWEEN_ALL = AZD_BETWEEN_VIEWS | AZD_BETWEEN_VERSIONS,
};

enum { AZD_RULE_KEYS_MAX = 4 };

/* One rule as declared. All text is copied by azd_ruleset_add. */
struct azd_rule {
  enum azd_rule_layer layer;
  enum azd_verb verb;
  bool soft;           /* schema layer: only absent from the PUT schema */
  struct azd_str type; /* "Microsoft.Network/virtualNetworks" or "*" */
  struct azd_str path; /* "properties.subnets[].id", "..etag", "tags['a.b']", "a{}.c", "list[name=ssh]" */
  struct azd_str by[AZD_RULE_KEYS_MAX];
  uint32_t by_count;
  uint32_t same;         /* azd_same mask */
  uint32_t between;      /* azd_between mask: speaks only where one of these holds; 0: always */
  struct azd_str values; /* AZD_SAME_VALUES: a JSON array */
  struct azd_str file;   /* where it was declared */
  int line;
  struct azd_str owner, why;
  int64_t till_ms; /* off from then on; 0: never */
  int condition;   /* the host's number of a `when` function, or -1 */
};

struct azd_ruleset;

struct azd_ruleset *azd_ruleset_new(void);
struct azd_ruleset *azd_ruleset_ref(struct azd_ruleset *ruleset);
void azd_ruleset_unref(struct azd_ruleset *ruleset);

/* 0; AZD_EINVAL (a path that does not parse, a verb without what it needs; the sentence names file, line and place),
 * AZD_ENOMEM, AZD_ELIMIT. */
int azd_ruleset_add(struct azd_ruleset *ruleset, const struct azd_rule *rule, struct azd_error *error);
/* The folder of the schema layer's text files, one a provider, read when a type of it is first met. */
int azd_ruleset_set_schema_dir(struct azd_ruleset *ruleset, const char *path, struct azd_error *error);
/* The folder, or NULL. Borrowed from the ruleset. */
const char *azd_ruleset_schema_dir(const struct azd_ruleset *ruleset);
/* No more rules. A tie is AZD_EINVAL naming both lines. Rules whose till_ms is not after now_ms are off from here on.
 */
int azd_ruleset_seal(struct azd_ruleset *ruleset, int64_t now_ms, struct azd_error *error);

/* Rules by number, 0 .. count-1, in the order they were added (schema rules after them, as met). */
uint32_t azd_ruleset_count(const struct azd_ruleset *ruleset);
const struct azd_rule *azd_ruleset_rule(const struct azd_ruleset *ruleset, uint32_t rule);

/* The trie of a type ("*" merged in), for two bodies read in ways that differ by this mask of enum azd_between.
 * type without ASCII case. Valid while the ruleset is referenced.
 * NULL: no memory, or a schema file that cannot be read or parsed (one that does not exist is no rules). */
struct azd_trie;
const struct azd_trie *azd_ruleset_trie(struct azd_ruleset *ruleset, struct azd_str type, uint32_t between,
                                        struct azd_error *error);

/* `rules explain`: each rule that has a say at path, question by question, strongest first. won: it speaks (with a
 * condition: where that holds). path is one of a report or a rule. Called before the function returns, under no lock.
 */
typedef void azd_explain_fn(void *context, uint32_t rule, bool won);
int azd_ruleset_explain(struct azd_ruleset *ruleset, struct azd_str type, struct azd_str path, azd_explain_fn *tell,
                        void *context, struct azd_error *error);

#endif
