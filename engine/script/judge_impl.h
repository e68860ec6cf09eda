/* The inside of a judge, for judge*.c and prove.c. See judge.h. */
#ifndef AZD_SCRIPT_JUDGE_IMPL_H
#define AZD_SCRIPT_JUDGE_IMPL_H

#include "script/bundle_impl.h"
#include "script/judge.h"
#include "script/message.h"

enum azd_judge_slot { AZD_SLOT_BEFORE, AZD_SLOT_AFTER, AZD_SLOT_CONTEXT };

/* A place that a policy watches and that changed. */
struct azd_match {
  uint32_t change;
  azd_node old_node, new_node; /* at the watched place, which may lie below the change */
  struct azd_str path;
};

struct azd_verdict_link {
  struct azd_verdict_link *next;
  struct azd_verdict verdict;
  uint32_t *changes; /* the verdict's; room for every change */
};

struct azd_error_link {
  struct azd_error_link *next;
  struct azd_script_error error;
};

/* One azd_judge_run. All pointers are the arena's or the input's. */
struct azd_judging {
  const struct azd_judge_input *input;
  struct azd_arena *arena;
  const struct azd_change **changes;
  struct azd_judged_change *judged;
  uint32_t change_count;
  uint32_t *counted, *effects; /* indexes of changes */
  uint32_t counted_count, effect_count;
  struct azd_path *paths; /* of changes, parsed when first asked for */
  bool *parsed;
  struct azd_verdict_link *verdicts, **verdicts_end;
  struct azd_error_link *errors, **errors_end;
  enum azd_severity floor;    /* what policies that failed declare */
  enum azd_severity severity; /* r.severity, once known */
};

struct azd_judge {
  struct azd_bundle *bundle;            /* a reference, or NULL */
  struct azd_script_state *state;       /* of this thread and the bundle; NULL until needed, and after a stop */
  struct azd_watch *watch;              /* joined with the first bundle */
  int64_t work_max;                     /* proving counts work; 0 */
  int64_t budget_us;                    /* 0: the sandbox's */
  const struct azd_policy *only;        /* proving: this policy alone, untuned; NULL */
  const struct azd_lend_reader *reader; /* the check of paths: is told what scripts read; NULL */
  uint64_t rebuilt;
  struct azd_change whole_body; /* the one change of an added or removed resource */
  struct azd_buf text;          /* for values in messages */
  struct azd_judging run;
};

/* ---- judge_objects.c: r, change and what hangs on them ---- */
extern const struct azd_lend_objects azd_judge_objects;
void azd_judge_push_resource(lua_State *L);                /* [-0, +1, -] */
void azd_judge_push_change(lua_State *L, uint32_t change); /* [-0, +1, -] */
struct azd_str azd_judge_resource_name(const struct azd_judging *run);
struct azd_str azd_judge_group_name(const struct azd_judging *run);
struct azd_str azd_judge_subscription(const struct azd_judging *run);
/* The member of the context, or of the body (new side first) where that has none; *doc says whose. NONE where neither
 * has it. */
azd_node azd_judge_known(const struct azd_judging *run, const char *name, const struct azd_doc **doc);
azd_node azd_judge_context(const struct azd_judging *run, const char *name);

/* ---- judge_match.c: policies that are data ---- */
/* The places among the counted changes that the policy's watch and from/to meet; at most one a change and watched path.
 * With functions, from/to are not asked and a change above a watched path always counts. */
int azd_judge_matches(struct azd_judging *run, const struct azd_policy *policy, struct azd_match **matches,
                      uint32_t *count);

/* ---- judge_say.c: verdicts, errors, messages ---- */
/* Says a verdict about one place. message and fix are templates. Equal ones of one policy are one verdict with more
 * changes. */
int azd_judge_say(struct azd_judge *judge, const struct azd_policy *policy, enum azd_severity severity,
                  const char *message, const char *fix, const struct azd_texts *refs, const struct azd_match *matches,
                  uint32_t match_count);
int azd_judge_error(struct azd_judge *judge, const char *policy, const char *at, const char *text, bool stopped);

/* ---- judge_expected.c ---- */
/* The name of the first `expected` that matches, or NULL. */
const struct azd_expected *azd_judge_find_expected(struct azd_judge *judge,
                                                   bool (*unless)(struct azd_judge *, const struct azd_expected *));

#endif
