/* A baseline moved over part of a drift: the body it was, with some of the changes to what is there now in it. What is
 * left is still drift, and a later change of what was moved is drift again.
 *
 * Thread: that of the detector. Blocks: never. */
#ifndef AZD_DRIFT_MOVE_H
#define AZD_DRIFT_MOVE_H

#include "drift/detect.h"

struct azd_move {
  struct azd_detect_pair pair;  /* its sides are filled in from the bytes */
  struct azd_str before, after; /* canonical bytes; both sides are there */
  /* Properties as drifts name them: each moves the changes at it and below it. */
  const struct azd_str *places;
  size_t place_count;
  bool apart; /* also what could not be compared, because its secrets were replaced under another key or other rules */
};

struct azd_moved {
  uint32_t moved, left; /* changes; left: those that are drift as before */
  uint32_t apart;       /* places that were moved because they could not be compared */
};

/* Appends the moved body in canonical form to bytes. 0 also where nothing was to be moved. AZD_EINVAL: a place cannot
 * be moved apart from the rest (the order of a list, where other elements of it came or went). Else as
 * azd_detect_bytes. */
int azd_move_run(struct azd_detector *detector, const struct azd_detect_options *options, const struct azd_move *move,
                 struct azd_buf *bytes, struct azd_moved *moved, struct azd_error *error);

#endif
