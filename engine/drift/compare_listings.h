/* Compares two files that are listed (drift/listing.h), in slices that CPU workers look at side by side: what comes of
 * it is, byte for byte, what azd_compare_texts says of the two texts.
 *
 *   part   the drifts of one slice of the ids.
 *
 * Life: run, join with the parts of the other slices, free. Thread: run is the detector's (and reads bodies from the
 * two files); the parts are anybody's afterwards. */
#ifndef AZD_DRIFT_COMPARE_LISTINGS_H
#define AZD_DRIFT_COMPARE_LISTINGS_H

#include "drift/compare.h"
#include "drift/listing.h"

struct azd_compare_part;
void azd_compare_part_free(struct azd_compare_part *part);

/* Slice number `slice`, from 0, of so many. 0, or as azd_detect_nodes and azd_listing_body. */
int azd_compare_listings(struct azd_comparer *comparer, const struct azd_detect_options *options,
                         const struct azd_listing *old_listing, const struct azd_listing *new_listing, uint32_t slice,
                         uint32_t slices, struct azd_compare_part **part, struct azd_error *error);

/* Appends what all slices found, in the order of their ids, as azd_compare_texts does. */
int azd_compare_join(struct azd_compare_part *const *parts, uint32_t count, struct azd_buf *out, struct azd_buf *errors,
                     struct azd_buf *quiet, struct azd_compare_result *result, struct azd_error *error);

#endif
