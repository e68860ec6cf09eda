/* A drift as people and programs read it: the JSON form of what the diff and the judge said. Written by a buffer, never
 * through Lua tables. Thread: any. Blocks: never. */
#ifndef AZD_DRIFT_DRIFT_JSON_H
#define AZD_DRIFT_DRIFT_JSON_H

#include "drift/detect.h"
#include "script/judge.h"

const char *azd_op_name(enum azd_op op);

/* Appends the drift object. diff may be NULL (added, removed: one change with the whole body); judgement may be NULL
 * (raw). */
void azd_drift_json(struct azd_buf *out, const struct azd_detect_options *options, const struct azd_detect_pair *pair,
                    const struct azd_diff *diff, const struct azd_judgement *judgement,
                    const struct azd_detected *found);

/* Appends the array of script errors. */
void azd_script_errors_json(struct azd_buf *out, const struct azd_judgement *judgement);

/* The members of such an array without its brackets, borrowed: what several pairs met becomes one array. */
struct azd_str azd_script_errors_inside(struct azd_str array);

#endif
