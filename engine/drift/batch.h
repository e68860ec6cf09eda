/* A batch of stored pairs on its way from a store worker, which copies it out of a cursor, to a CPU worker, which looks
 * for drift in it: canonical bytes cross threads, parsed documents never do. Life: new, then fill and judge in turn any
 * number of times, free. Thread: one at a time; fill blocks on the store. */
#ifndef AZD_DRIFT_BATCH_H
#define AZD_DRIFT_BATCH_H

#include "drift/around.h"
#include "drift/detect.h"
#include "store/store.h"

enum {
  AZD_BATCH_PAIRS = 256,
  AZD_BATCH_BYTES = 4 * 1024 * 1024, /* of stored bodies; one pair more may pass it */
};

struct azd_batch;
struct azd_batch *azd_batch_new(void);
void azd_batch_free(struct azd_batch *batch);

/* Takes the next pairs of the cursor, and what stands around each (around NULL: nothing, and policies see none of it):
 * how many, 0 at its end, or a negative azd_err. */
int azd_batch_fill(struct azd_batch *batch, struct azd_pair_cursor *cursor, const struct azd_around *around,
                   struct azd_error *error);

struct azd_batch_name {
  struct azd_str id, type; /* live until the next fill */
};

/* One drift of the batch, or what stood beside no drift (found false): texts live until the next judge or fill. */
struct azd_batch_drift {
  struct azd_str id, type;
  bool accepted;                /* compared with what was accepted for this resource alone */
  struct azd_detected detected; /* its json and expected are copies of the batch */
};

struct azd_batch_result {
  const struct azd_batch_drift *drifts; /* those that were found, in the order of the cursor */
  uint32_t count;
  uint32_t pairs, effects, notes, ignored, not_compared; /* over all pairs */
  struct azd_str errors; /* script errors, objects parted by commas, without brackets around them */
  struct azd_str quiet;  /* pairs without drift that have effects or, where they are shown, ignored differences: their
                            JSON objects, parted by commas */
  bool complete;
  /* Resources of which some place could not be compared, because its secrets were replaced under another key or other
   * rules. */
  const struct azd_batch_name *apart;
  uint32_t apart_count;
};

struct azd_batch_worker; /* a CPU worker's memory */
struct azd_batch_worker *azd_batch_worker_new(void);
void azd_batch_worker_free(struct azd_batch_worker *worker);

/* How far digests can be compared that were made under these ("key/rules", as versions name it). */
enum azd_redacted azd_redacted_how(struct azd_str before, struct azd_str after);

/* Looks for drift in what was filled in. 0, or as azd_detect_bytes and azd_codec_decode. */
int azd_batch_judge(struct azd_batch *batch, struct azd_batch_worker *worker, const struct azd_detect_options *options,
                    const struct azd_codec *codec, struct azd_batch_result *result, struct azd_error *error);

#endif
