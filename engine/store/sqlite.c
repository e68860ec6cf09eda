#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const struct azd_store_ops sq_ops = {
    .close = sq_close,
    .stats = sq_stats,
    .scopes = sq_scopes,
    .self_check = sq_self_check,
    .scope_stats = sq_scope_stats,
    .rebuild_indexes = sq_rebuild_indexes,
    .chain = sq_chain,
    .scan = sq_scan,
    .marks = sq_marks,
    .thin_mark = sq_thin_mark,
    .thin_some = sq_thin_some,
    .thin_count = sq_thin_count,
    .thin_finish = sq_thin_finish,
    .acquire = sq_acquire,
    .renew = sq_renew,
    .release = sq_release,
    .recover = sq_recover,
    .snapshot = sq_snapshot,
    .snapshots = sq_snapshots,
    .map_load = sq_map_load,
    .commit_begin = sq_commit_begin,
    .commit_stage = sq_commit_stage,
    .commit_publish = sq_commit_publish,
    .commit_end = sq_commit_end,
    .dictionaries_load = sq_dictionaries_load,
    .dictionary_put = sq_dictionary_put,
    .versions = sq_versions,
    .history = sq_history,
    .touched = sq_touched,
    .version = sq_version,
    .types = sq_types,
    .baseline_set = sq_baseline_set,
    .baseline_clear = sq_baseline_clear,
    .baselines = sq_baselines,
    .accept = sq_accept,
    .unaccept = sq_unaccept,
    .accepted = sq_accepted,
    .report_put = sq_report_put,
    .report = sq_report,
    .reports = sq_reports,
    .report_drifts = sq_report_drifts,
    .drifts = sq_drifts,
    .drift = sq_drift,
    .drift_set = sq_drift_set,
    .small_put = sq_small_put,
    .small_get = sq_small_get,
    .small_list = sq_small_list,
    .small_delete = sq_small_delete,
};

/* SQLite makes files with the mode of the umask; what is in here is for the owner alone. Its -wal and -shm follow. */
static int make_file(const char *path, struct azd_error *error) {
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0)
    close(fd);
  else if (errno != EEXIST)
    return azd_fail(error, errno == ENOENT ? AZD_ENOTFOUND : AZD_EIO, "%s: cannot be made: %s", path, strerror(errno));
  return 0;
}

/* Of the effective user: access() asks for the real one. */
static bool may(const char *path, int mode) {
  return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0;
}

static int look_at(struct sq_store *store, struct azd_error *error) {
  struct stat file;
  const char *path = store->path;
  if (stat(path, &file))
    return azd_fail(error, errno == ENOENT ? AZD_ENOTFOUND : AZD_EIO, "%s: %s%s", path, strerror(errno),
                    errno == ENOENT ? ": collect first, or name the store with --store" : "");
  if (!S_ISREG(file.st_mode)) return azd_fail(error, AZD_EINVAL, "%s is not a file: name a file as the store", path);
  if (!may(path, R_OK))
    return azd_fail(error, AZD_EDENIED, "%s: cannot be read: change its permissions, or run as its owner", path);
  if (!store->base.read_only) return 0;
  /* WAL needs to write its -shm file. On a medium that cannot be written nobody else writes either. */
  char wal[4096];
  snprintf(wal, sizeof wal, "%s-wal", path);
  const char *slash = strrchr(path, '/');
  char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
  if (!folder) return azd_fail(error, AZD_ENOMEM, "%s: out of memory", path);
  store->immutable = !may(folder, W_OK) && stat(wal, &file);
  free(folder);
  return 0;
}

static int open_connections(struct sq_store *store, struct azd_error *error) {
  struct sq_conn *reader = NULL;
  int rc = store->base.read_only ? sq_conn_open(store, false, &reader, error)
                                 : sq_conn_open(store, true, &store->writer, error);
  if (!rc) rc = sq_schema_ready(reader ? reader : store->writer, store->base.read_only, error);
  sq_conn_close(reader);
  return rc ? rc : sq_dictionaries_load(&store->base, error);
}

int sq_store_open(const struct azd_store_options *options, const char *path, struct azd_store **out,
                  struct azd_error *error) {
  struct sq_store *store = calloc(1, sizeof *store);
  if (!store) return azd_fail(error, AZD_ENOMEM, "%s: out of memory", path);
  pthread_mutex_init(&store->writing, NULL);
  pthread_mutex_init(&store->pooling, NULL);
  store->busy_timeout_ms = options->busy_timeout_ms > 0 ? options->busy_timeout_ms : 30000;
  store->path = strdup(path);
  int rc = azd_store_init(&store->base, &sq_ops, path, options->read_only);
  if (rc || !store->path) rc = azd_fail(error, AZD_ENOMEM, "%s: out of memory", path);
  if (!rc && !options->read_only) rc = make_file(path, error);
  if (!rc) rc = look_at(store, error);
  if (!rc) rc = open_connections(store, error);
  if (rc)
    sq_close(&store->base);
  else
    *out = &store->base;
  return rc;
}

void sq_close(struct azd_store *base) {
  struct sq_store *store = (struct sq_store *)base;
  while (store->idle) {
    struct sq_conn *conn = store->idle;
    store->idle = conn->next;
    sq_conn_close(conn);
  }
  sq_conn_close(store->writer);
  sq_intern_clear(&store->kinds);
  sq_intern_clear(&store->places);
  pthread_mutex_destroy(&store->writing);
  pthread_mutex_destroy(&store->pooling);
  azd_store_fini(base);
  free(store->path);
  free(store);
}
