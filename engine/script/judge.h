/* Judging: what a bundle says about one drift. Conditions of rules first (is it a change at all?), then every policy of
 * the resource's type, then `tune`, the default severity, and `expected`.
 *
 *   struct azd_judge       one CPU worker's door to the scripts: the Lua state of (worker, bundle), made when first
 * needed. struct azd_judge_input one drift. Everything in it is borrowed during the call. struct azd_judgement   what
 * is said. Lives in the caller's arena; names and texts of declarations borrow from the bundle, so it is valid until
 * the arena is reset or the judge takes another bundle, whichever is first.
 *
 * Life: azd_judge_new on the worker, azd_judge_use (a bundle) between batches, azd_judge_run for each drift,
 * azd_judge_free. Thread: the one that made it, always: the watchdog signals that thread. Its stack is 4 MB or more.
 * Blocks: never. A script function is stopped after 50 ms of CPU or when its state passes 32 MiB; then the state is
 * made anew and that function is off until the next bundle (bundle.h, strike), and each drift it missed says so.
 * Units: severities are ordered; times are milliseconds since 1970; scripts see seconds. */
#ifndef AZD_SCRIPT_JUDGE_H
#define AZD_SCRIPT_JUDGE_H

#include "base/arena.h"
#include "script/bundle.h"
#include "script/severity.h"
#include "json/diff.h"
#include "json/doc.h"

struct azd_judge;

struct azd_judge *azd_judge_new(void);
void azd_judge_free(struct azd_judge *judge);

/* Takes a reference to bundle (and drops the one it had). The same bundle again costs nothing. Between runs only. */
void azd_judge_use(struct azd_judge *judge, struct azd_bundle *bundle);

struct azd_judge_input {
  enum azd_drift_kind kind;
  struct azd_str id, type;      /* the resource's, as Azure writes them */
  const struct azd_doc *before; /* NULL: absent (added) */
  azd_node before_node;
  const struct azd_doc *after; /* NULL: absent (removed) */
  azd_node after_node;
  /* Of before and after under the bundle's ruleset. NULL where one side is absent: the judge then sees one change,
   * index 0, property "", the whole body (rules' conditions have nothing to say there). */
  const struct azd_diff *diff;
  /* An object with what is known around the resource, or NULL. Each member is optional:
   *   subscription  text (else taken from the id)         group   { name, tags, managed_by } (name else from the id)
   *   tags, location (else the body's)                    parent  the parent resource's body
   *   related       { "type": [ body, ... ], ... }, types without case
   *   actor         { kind, name, id, confidence, at, operation, correlation, client, deployment }; absent or null:
   * unknown `at` is an RFC 3339 instant or seconds since 1970. */
  const struct azd_doc *context;
  azd_node context_node;
  bool against_baseline; /* r.against: "baseline", else "previous" */
  int64_t now_ms; /* of the new snapshot: r.now, and the clock of `expected` where the actor's time is not known */
};

struct azd_judged_change {
  enum azd_change_class class; /* after the conditions */
  uint32_t rule;               /* that made it an effect, note or ignored; AZD_RULE_NONE */
  enum azd_severity
      severity; /* the highest verdict on it, else the default; NONE where class is not AZD_CLASS_CHANGE */
  bool spoken;  /* false: severity is the default */
};

struct azd_verdict {
  const char *policy;
  enum azd_severity severity;
  const char *message, *fix; /* placeholders filled in; "" where there is none */
  const char *const *refs;
  uint32_t ref_count;
  const uint32_t *changes; /* indexes as azd_diff_change counts them, ascending; never empty */
  uint32_t change_count;
};

struct azd_script_error {
  const char *policy; /* name of the policy, tune or expected; "rules" for a rule's `when` */
  const char *at;     /* "policies/x.lua:12" */
  const char *text;   /* at most some 500 bytes */
  bool stopped;       /* past a limit, now or earlier: off until the next bundle */
};

struct azd_judgement {
  struct azd_judged_change *changes; /* one for each change of input->diff, same index (or the one whole-body change) */
  uint32_t change_count;
  uint32_t counted; /* changes whose class is AZD_CLASS_CHANGE; 0: no drift is left, and no policy was asked */
  const struct azd_verdict *verdicts; /* in the order of declarations */
  uint32_t verdict_count;
  const struct azd_script_error *errors;
  uint32_t error_count;
  enum azd_severity severity; /* of the drift; NONE where counted is 0 */
  bool complete;              /* no script failed; where one did, severity is at least what that policy declares */
  const char *expected;       /* name of the `expected` declaration that matches, or NULL */
};

/* 0; AZD_ENOMEM (the arena or memory); AZD_ESCRIPT when the bundle's state cannot be made on this worker. A script that
 * raises is not a failure of the call: see errors. */
int azd_judge_run(struct azd_judge *judge, const struct azd_judge_input *input, struct azd_arena *arena,
                  struct azd_judgement *judgement, struct azd_error *error);

/* States thrown away because a function was stopped in them: a metric. */
uint64_t azd_judge_states_rebuilt(const struct azd_judge *judge);

#endif
