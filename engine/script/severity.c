#include "script/severity.h"

static const char *const severity_names[] = {"none", "info", "low", "medium", "high", "critical"};
static const char *const kind_names[] = {"added", "removed", "changed", "moved", "recreated", "state"};

static int index_of(struct azd_str name, const char *const *names, int count) {
  for (int i = 0; i < count; i++)
    if (azd_str_equal(name, azd_str_of(names[i]))) return i;
  return -1;
}

const char *azd_severity_name(enum azd_severity severity) {
  return severity_names[severity];
}

bool azd_severity_parse(struct azd_str name, enum azd_severity *severity) {
  int i = index_of(name, severity_names, AZD_SEVERITY_CRITICAL + 1);
  if (i <= AZD_SEVERITY_NONE) return false;
  *severity = (enum azd_severity)i;
  return true;
}

const char *azd_drift_kind_name(enum azd_drift_kind kind) {
  return kind_names[kind];
}

bool azd_drift_kind_parse(struct azd_str name, enum azd_drift_kind *kind) {
  int i = index_of(name, kind_names, AZD_DRIFT_STATE + 1);
  if (i < 0) return false;
  *kind = (enum azd_drift_kind)i;
  return true;
}
