/* What diff.c (the walk) shares with diff_report.c (how a difference becomes a change). */
#ifndef AZD_JSON_DIFF_IMPL_H
#define AZD_JSON_DIFF_IMPL_H

#include "json/diff.h"
#include "json/match.h"

enum { AZD_DIFF_CLASSES = AZD_CLASS_IGNORED + 1 };

/* Where the walk stands: a chain on the stack, from which texts are made once a difference survives. */
struct azd_frame {
  const struct azd_frame *above; /* NULL at the root */
  azd_node old_node, new_node;
  bool is_element;
  uint32_t old_index, new_index;     /* of an element */
  const struct azd_pairing *pairing; /* of an element: what tells it apart; NULL: its index */
};

/* A condition that may speak, with the layer it speaks from. when stands first: a list of these is one of struct
 * azd_when. */
struct azd_condition {
  struct azd_when when;
  int layer;
};

/* What the rules met so far say about a difference here. */
struct azd_verdict {
  enum azd_change_class class;
  uint32_t rule;
  int layer;                              /* -1: no rule */
  const struct azd_condition *conditions; /* of higher rank than rule */
};

struct azd_diff {
  const struct azd_trie *trie;
  const struct azd_doc *old_doc, *new_doc;
  struct azd_diff_options options;
  struct azd_arena arena;
  struct azd_buf changes; /* struct azd_change */
  struct azd_buf apart;   /* struct azd_apart */
  struct azd_buf text;    /* of the path at hand */
  size_t text_bytes;      /* of all paths of this run */
  struct azd_same_scratch same;
  struct azd_matcher matcher;
  uint32_t counts[AZD_DIFF_CLASSES], not_compared, redacted_apart;
};

/* Adds one change at the frame. 0, AZD_ENOMEM or AZD_ELIMIT. */
int azd_diff_emit(struct azd_diff *diff, const struct azd_frame *frame, enum azd_op op,
                  const struct azd_verdict *verdict);

/* verdict becomes what holds at the place below it. 0 or AZD_ENOMEM. */
int azd_diff_judge(struct azd_diff *diff, const struct azd_place *place, struct azd_verdict *verdict);

#endif
