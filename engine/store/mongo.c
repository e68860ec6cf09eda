#include "store/mongo.h"

#include <stdlib.h>

const struct azd_store_ops mg_ops = {
    .close = mg_close,
    .stats = mg_stats,
    .scopes = mg_scopes,
    .self_check = mg_self_check,
    .scope_stats = mg_scope_stats,
    .rebuild_indexes = mg_rebuild_indexes,
    .chain = mg_chain,
    .scan = mg_scan,
    .marks = mg_marks,
    .thin_mark = mg_thin_mark,
    .thin_some = mg_thin_some,
    .thin_count = mg_thin_count,
    .thin_finish = mg_thin_finish,
    .acquire = mg_acquire,
    .renew = mg_renew,
    .release = mg_release,
    .recover = mg_recover,
    .snapshot = mg_snapshot,
    .snapshots = mg_snapshots,
    .map_load = mg_map_load,
    .commit_begin = mg_commit_begin,
    .commit_stage = mg_commit_stage,
    .commit_publish = mg_commit_publish,
    .commit_end = mg_commit_end,
    .dictionaries_load = mg_dictionaries_load,
    .dictionary_put = mg_dictionary_put,
    .project = mg_project,
    .body_join = mg_body_join,
    .versions = mg_versions,
    .history = mg_history,
    .touched = mg_touched,
    .version = mg_version,
    .types = mg_types,
    .baseline_set = mg_baseline_set,
    .baseline_clear = mg_baseline_clear,
    .baselines = mg_baselines,
    .accept = mg_accept,
    .unaccept = mg_unaccept,
    .accepted = mg_accepted,
    .report_put = mg_report_put,
    .report = mg_report,
    .reports = mg_reports,
    .report_drifts = mg_report_drifts,
    .drifts = mg_drifts,
    .drift = mg_drift,
    .drift_set = mg_drift_set,
    .small_put = mg_small_put,
    .small_get = mg_small_get,
    .small_list = mg_small_list,
    .small_delete = mg_small_delete,
};

int mg_store_open(const struct azd_store_options *options, struct azd_store **out, struct azd_error *error) {
  struct mg_store *store = calloc(1, sizeof *store);
  if (!store) return azd_fail(error, AZD_ENOMEM, "no memory for a store");
  int rc = mg_pool_open(store, options, error);
  if (!rc) rc = mg_schema_ready(store, error);
  if (!rc) rc = mg_dictionaries_load(&store->base, error);
  if (rc) {
    mg_close(&store->base);
    return rc;
  }
  store->retry_ms = options->busy_timeout_ms > 0 ? options->busy_timeout_ms : AZD_STORE_BUSY_TIMEOUT_MS;
  store->projection = !options->no_projection;
  *out = &store->base;
  return 0;
}

void mg_close(struct azd_store *base) {
  struct mg_store *store = (struct mg_store *)base;
  if (store->pool) mongoc_client_pool_destroy(store->pool);
  azd_store_fini(base);
  free(store->database);
  free(store);
}
