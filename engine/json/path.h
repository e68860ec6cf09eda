/* Paths: how rules, reports and the catalogue name places in a document.
 *
 *   properties.subnets[].name     [] any element of an array
 *   tags{}                        {} the value of any member
 *   ..etag                        .. at any depth, here included: etag, properties.etag, properties.subnets[].etag
 *   tags['odd.key']               a name with . [ ] { } ' or a blank in it; \' and \\ inside the quotes
 *   securityRules[name=ssh]       the element whose member name is ssh; up to 4 pairs: [objectId=a,applicationId='b,c']
 *   dnsServers[2]                 the element at an index: in reports only, a rule may not count
 *
 * Names and selector values compare without ASCII case. The empty path is the document itself.
 * Thread: any. Blocks: never. */
#ifndef AZD_JSON_PATH_H
#define AZD_JSON_PATH_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

enum azd_step_kind { AZD_STEP_NAME, AZD_STEP_MAP, AZD_STEP_ITEM, AZD_STEP_SELECT, AZD_STEP_INDEX };

enum { AZD_PATH_STEPS_MAX = 63, AZD_SELECTOR_PAIRS_MAX = 4 };

struct azd_selector {
  struct azd_str name, value;
};

struct azd_step {
  enum azd_step_kind kind;
  bool deep;                     /* after "..": any number of steps may lie before it */
  uint32_t count;                /* SELECT: pairs; INDEX: the index */
  struct azd_str name;           /* NAME */
  const struct azd_selector *by; /* SELECT */
};

struct azd_path {
  const struct azd_step *steps;
  uint32_t count;
};

/* The steps and all their text are in the arena, independent of text.
 * 0; AZD_EPARSE (the sentence tells column and what was expected); AZD_ELIMIT (over AZD_PATH_STEPS_MAX); AZD_ENOMEM. */
int azd_path_parse(struct azd_str text, struct azd_arena *arena, struct azd_path *path, struct azd_error *error);

/* Do two selectors ask for the same pairs, in any order? */
bool azd_selector_equal(const struct azd_step *a, const struct azd_step *b);

/* Appends one step as azd_path_parse reads it. first: nothing stands before it. */
void azd_path_write_name(struct azd_buf *out, struct azd_str name, bool first);
void azd_path_write_selector(struct azd_buf *out, const struct azd_selector *by, uint32_t count);
void azd_path_write_index(struct azd_buf *out, uint32_t index);

#endif
