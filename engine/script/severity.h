/* How bad a drift is, and what kind of drift it is, as names and numbers. Ordered: a higher number is worse.
 * Thread: any. Blocks: never. */
#ifndef AZD_SCRIPT_SEVERITY_H
#define AZD_SCRIPT_SEVERITY_H

#include "base/str.h"

enum azd_severity {
  AZD_SEVERITY_NONE, /* nothing was said */
  AZD_SEVERITY_INFO,
  AZD_SEVERITY_LOW,
  AZD_SEVERITY_MEDIUM,
  AZD_SEVERITY_HIGH,
  AZD_SEVERITY_CRITICAL,
};

enum azd_drift_kind {
  AZD_DRIFT_ADDED,
  AZD_DRIFT_REMOVED,
  AZD_DRIFT_CHANGED,
  AZD_DRIFT_MOVED,     /* the same resource under a new id */
  AZD_DRIFT_RECREATED, /* deleted and made again under its name */
  AZD_DRIFT_STATE,     /* running, stopped: never counts */
};

/* Static text; "none" for AZD_SEVERITY_NONE. */
const char *azd_severity_name(enum azd_severity severity);
bool azd_severity_parse(struct azd_str name, enum azd_severity *severity);

const char *azd_drift_kind_name(enum azd_drift_kind kind);
bool azd_drift_kind_parse(struct azd_str name, enum azd_drift_kind *kind);

static inline enum azd_severity azd_severity_max(enum azd_severity a, enum azd_severity b) {
  return a > b ? a : b;
}

#endif
