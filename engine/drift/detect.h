/* The detect job: pairs of bodies become drifts. One code path for a run's changes, `drift --from --to`, baselines,
 * replay and `azdrift diff`: redact -> diff under the ruleset -> conditions and policies -> the drift as
 * JSON.
 *
 *   detector   one CPU worker's reusable memory: documents, diff, judge, buffers.
 *   side       one reading of a resource: a node of a document, or stored canonical bytes, and the door it was read
 * through.
 *
 * Thread: the one that made the detector, always (its Lua states are signalled there). Blocks: never; starts no I/O.
 * Life of what is found: until the next call with the same detector. Units: times are milliseconds since 1970. */
#ifndef AZD_DRIFT_DETECT_H
#define AZD_DRIFT_DETECT_H

#include "base/buf.h"
#include "script/bundle.h"
#include "script/severity.h"
#include "json/diff.h"
#include "json/doc.h"

enum { AZD_FINGERPRINT_BYTES = 17, AZD_DETECT_IDENTITIES_MAX = 16 };

struct azd_detector;
struct azd_detector *azd_detector_new(void);
void azd_detector_free(struct azd_detector *detector);

/* What holds for all pairs of a job; borrowed during each call. */
struct azd_detect_options {
  struct azd_bundle *bundle; /* rules and policies; may be NULL where raw is set */
  bool raw;                  /* no rules, no redaction, arrays by position */
  bool rules_only;           /* the bundle has no policies: nothing is said of severity */
  bool show_ignored;         /* list in "ignored" what rules swallowed, with the rule */
  bool against_baseline;
  struct azd_str scope; /* part of the fingerprint; may be empty */
  int64_t now_ms;       /* of the new snapshot */
  /* Bodies that are not redacted yet (files): the key of the digests, at least 16 bytes. Empty: they are. */
  struct azd_str redaction_key;
  /* Pointers whose value is given by the server at creation ("/properties/vmId"): where both sides have one, they
   * differ, and the rules count that as a change, the resource was deleted and made again. */
  struct azd_str identities[AZD_DETECT_IDENTITIES_MAX];
  uint32_t identity_count;
};

struct azd_detect_side {
  const struct azd_doc *doc; /* NULL: the resource is absent on this side */
  azd_node node;
  struct azd_str view, api_version; /* empty: not known */
  struct azd_str pointer;           /* of the node in the text a person gave: put before each pointer; may be empty */
};

struct azd_detect_pair {
  struct azd_str id, type;
  struct azd_detect_side before, after;
  bool views_differ;             /* known to be two doors, though not which */
  enum azd_redacted redacted;    /* how far the digests of the two sides can be compared */
  const struct azd_doc *context; /* struct azd_judge_input's; may be NULL */
  /* Writes such a context as JSON, where there is none and a change is to be judged; may be NULL. Called at most once,
   * on this thread, before the call returns. */
  int (*around)(void *argument, struct azd_buf *json, struct azd_error *error);
  void *around_argument;
};

struct azd_detected {
  bool found; /* a change survived the rules; what follows is of no meaning where it is false, but for counts */
  enum azd_drift_kind kind; /* of what is no drift but has effects: state */
  enum azd_severity severity;
  bool complete;        /* every policy ran */
  const char *expected; /* the `expected` that matches, or NULL */
  uint32_t changes, effects, notes, ignored, not_compared;
  uint32_t between; /* how the two sides were read differs in this: a mask of enum azd_between */
  uint32_t apart;   /* of what was not compared: places whose secrets were replaced under another key or other rules */
  char fingerprint[AZD_FINGERPRINT_BYTES];
  /* The drift as JSON, an object: kind, resource_type, resource_id, severity, expected and verdicts (not with
   * rules_only), changes, effects, notes, ignored. Written also where nothing was found but effects, notes or ignored
   * differences were. */
  struct azd_str json;
  struct azd_str errors; /* a JSON array of {policy, at, error}; "[]" */
};

/* 0; AZD_ENOMEM, AZD_ELIMIT, AZD_ESCRIPT (no Lua state could be made). A policy that raises is in errors, not a
 * failure. */
int azd_detect_nodes(struct azd_detector *detector, const struct azd_detect_options *options,
                     const struct azd_detect_pair *pair, struct azd_detected *found, struct azd_error *error);

/* The same for stored canonical bytes: fills in the documents of the sides. An empty slice is an absent side.
 * Also AZD_ECORRUPT: the bytes are not JSON. */
int azd_detect_bytes(struct azd_detector *detector, const struct azd_detect_options *options,
                     struct azd_detect_pair *pair, struct azd_str before, struct azd_str after,
                     struct azd_detected *found, struct azd_error *error);

/* What was compared last with the detector, until the next call; for those who go on with its differences. before and
 * after NULL: one side was absent, or both were the same, and there is no diff. */
struct azd_judgement;
struct azd_detect_last {
  const struct azd_diff *diff;
  const struct azd_judgement *judged; /* NULL: raw */
  const struct azd_doc *before, *after;
  azd_node before_node, after_node;
};
void azd_detector_last(const struct azd_detector *detector, struct azd_detect_last *last);

#endif
