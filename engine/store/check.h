/* What the parts of a check share: where findings go. Private to engine/store/check*.c. */
#ifndef AZD_STORE_CHECK_H
#define AZD_STORE_CHECK_H

#include "store/driver.h"

struct azd_checking {
  struct azd_store *store;
  struct azd_check *check;
  void (*on_finding)(void *, const char *);
  void *context;
  bool bodies;
  struct azd_codec_work *work;
  struct azd_buf decoded;
};

void azd_checking_found(void *checking, const char *text);

/* Keys, intervals, ends that no run stands behind, baselines without their snapshot. */
int azd_check_intervals(struct azd_checking *checking, struct azd_str scope, struct azd_error *error);

#endif
