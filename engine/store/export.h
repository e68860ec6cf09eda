/* One snapshot in the published shape:
 *   {"_id":"...","timestamp":"...","subscription_id":"...","resource_group":null,"resources":{TYPE:{ID:BODY}}}
 * on one line, written as it is read: constant memory but for the largest body and, in MongoDB, 24 bytes a resource.
 * Thread: a store worker. Blocks: on the store and as long as write does. */
#ifndef AZD_STORE_EXPORT_H
#define AZD_STORE_EXPORT_H

#include "store/store.h"

/* types: only these, in this order, each once; count 0: all. write is called on this thread, before the call returns,
 * with pieces of about 64 KiB in order; what it answers other than 0 ends the export and is answered. resources (may be
 * NULL): how many were written. */
int azd_store_export(struct azd_store *store, const struct azd_snapshot *snapshot, const struct azd_str *types,
                     size_t type_count, int (*write)(void *context, struct azd_str piece, struct azd_error *error),
                     void *context, int64_t *resources, struct azd_error *error);

#endif
