/* From a url to a pool of clients: what the driver would get wrong is checked here, what the commit protocol needs is
 * set, and what people chose in the url stands where it does no harm. */
#include "store/mongo.h"

#include <pthread.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

/* The driver keeps its counters in shared memory under the process's number, opened by a constructor of its own: a
 * killed process leaves the file, and the next one of that number complains on stderr. This constructor runs before
 * that one, because it names a priority and because the driver is linked in, not loaded. */
__attribute__((constructor(101))) static void no_shared_counters(void) {
  setenv("MONGOC_DISABLE_SHM", "1", 1);
}

static void start_driver(void) {
  mg_watch_driver();
  mongoc_init();
}

/* Where the url says nothing. */
static void otherwise(mongoc_uri_t *uri, const char *option, int32_t value) {
  if (mongoc_uri_get_option_as_int32(uri, option, -1) == -1) mongoc_uri_set_option_as_int32(uri, option, value);
}

static void set_options(mongoc_uri_t *uri, const struct azd_store_options *o) {
  const struct {
    const char *name;
    int32_t wanted, usual;
  } numbers[] = {{MONGOC_URI_SERVERSELECTIONTIMEOUTMS, o->select_timeout_ms, AZD_STORE_SELECT_TIMEOUT_MS},
                 {MONGOC_URI_CONNECTTIMEOUTMS, o->connect_timeout_ms, AZD_STORE_CONNECT_TIMEOUT_MS},
                 {MONGOC_URI_SOCKETTIMEOUTMS, o->socket_timeout_ms, AZD_STORE_SOCKET_TIMEOUT_MS},
                 {MONGOC_URI_WAITQUEUETIMEOUTMS, o->wait_timeout_ms, AZD_STORE_WAIT_TIMEOUT_MS},
                 {MONGOC_URI_HEARTBEATFREQUENCYMS, o->heartbeat_ms, AZD_STORE_HEARTBEAT_MS},
                 {MONGOC_URI_MAXPOOLSIZE, o->connections, AZD_STORE_CONNECTIONS}};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    otherwise(uri, numbers[i].name, numbers[i].wanted > 0 ? numbers[i].wanted : numbers[i].usual);
  /* Whatever the url says: less would lose what was said to be published. */
  mongoc_write_concern_t *write = mongoc_write_concern_new();
  mongoc_write_concern_set_wmajority(write, 30000);
  mongoc_write_concern_set_journal(write, true);
  mongoc_uri_set_write_concern(uri, write);
  mongoc_write_concern_destroy(write);
  mongoc_read_concern_t *read = mongoc_read_concern_new();
  mongoc_read_concern_set_level(read, MONGOC_READ_CONCERN_LEVEL_MAJORITY);
  mongoc_uri_set_read_concern(uri, read);
  mongoc_read_concern_destroy(read);
  mongoc_read_prefs_t *primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
  mongoc_uri_set_read_prefs_t(uri, primary);
  mongoc_read_prefs_destroy(primary);
  mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, true);
  mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYREADS, true);
  if (!mongoc_uri_get_appname(uri)) mongoc_uri_set_appname(uri, "azdrift");
}

/* Services that speak the protocol and say they are MongoDB, whatever buildInfo answers. */
static int check_hosts(const mongoc_uri_t *uri, struct azd_error *error) {
  static const char *const foreign[] = {".cosmos.azure.com", ".docdb.amazonaws.com", ".docdb-elastic.amazonaws.com"};
  const char *service = mongoc_uri_get_srv_hostname(uri);
  const mongoc_host_list_t *host = mongoc_uri_get_hosts(uri);
  for (const char *name = service ? service
                          : host  ? host->host
                                  : NULL;
       name; name = host && (host = host->next) ? host->host : NULL)
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
      size_t size = strlen(name), tail = strlen(foreign[i]);
      if (size > tail && !strcasecmp(name + size - tail, foreign[i]))
        return azd_fail(error, AZD_EUNSUPPORTED,
                        "%s speaks MongoDB's protocol but is another product: use MongoDB 4.4 or newer, or a SQLite "
                        "file",
                        name);
    }
  return 0;
}

/* Each of these makes the driver of Debian 12 crash or wait instead of saying so. */
static int check(const mongoc_uri_t *uri, struct azd_error *error) {
  int rc = check_hosts(uri, error);
  if (rc) return rc;
  const char *user = mongoc_uri_get_username(uri), *password = mongoc_uri_get_password(uri);
  const char *mechanism = mongoc_uri_get_auth_mechanism(uri);
  bool needs_password = !mechanism || !strncmp(mechanism, "SCRAM", 5) || !strcmp(mechanism, "PLAIN");
  if (user && *user && needs_password && (!password || !*password))
    return azd_fail(error, AZD_EINVAL, "the password in the MongoDB url is empty: leave the user out, or give it one");
  static const char *const files[] = {MONGOC_URI_TLSCAFILE, MONGOC_URI_TLSCERTIFICATEKEYFILE};
  for (size_t i = 0; i < 2; i++) {
    const char *path = mongoc_uri_get_option_as_utf8(uri, files[i], NULL);
    if (path && access(path, R_OK))
      return azd_fail(error, AZD_ENOTFOUND, "%s, which the MongoDB url names as %s, cannot be read", path, files[i]);
  }
  return 0;
}

/* "mongodb://host:port,host:port/database": everything but who we are. */
static char *name_of(const mongoc_uri_t *uri, const char *database) {
  struct azd_buf name;
  azd_buf_init(&name, 0);
  azd_buf_append_text(&name, "mongodb://");
  for (const mongoc_host_list_t *host = mongoc_uri_get_hosts(uri); host; host = host->next)
    azd_buf_printf(&name, "%s%s", host->host_and_port, host->next ? "," : "");
  const char *service = mongoc_uri_get_srv_hostname(uri);
  azd_buf_printf(&name, "%s/%s", service && !mongoc_uri_get_hosts(uri) ? service : "", database);
  azd_buf_append_char(&name, '\0');
  char *text = azd_buf_status(&name) ? NULL : strdup(name.data);
  azd_buf_free(&name);
  return text;
}

static bool database_ok(const char *name) {
  return *name && strlen(name) < 64 && !name[strcspn(name, "/\\. \"$*<>:|?")];
}

static int pool_of(struct mg_store *store, const mongoc_uri_t *uri, struct azd_error *error) {
  bson_error_t failure;
  store->pool = mongoc_client_pool_new_with_error(uri, &failure);
  if (!store->pool)
    return azd_fail(error, AZD_EINVAL, "%s cannot be connected to as the url asks: %s", store->base.name,
                    failure.message);
  mongoc_client_pool_set_error_api(store->pool, MONGOC_ERROR_API_VERSION_2);
  mg_watch_pool(store->pool);
  return 0;
}

int mg_pool_open(struct mg_store *store, const struct azd_store_options *options, struct azd_error *error) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  bson_error_t failure;
  pthread_once(&once, start_driver);
  mongoc_uri_t *uri = mongoc_uri_new_with_error(options->url, &failure);
  if (!uri)
    return azd_fail(error, AZD_EINVAL,
                    "this is no MongoDB url (%s): mongodb://user:password@host:27017/?option=value, special characters "
                    "of the password as %%xx",
                    failure.message);
  const char *named = mongoc_uri_get_database(uri);
  const char *database = options->database && *options->database ? options->database
                         : named && *named                       ? named
                                                                 : "azure_drift";
  char *name = NULL;
  int rc = check(uri, error);
  if (!rc && !database_ok(database)) rc = azd_fail(error, AZD_EINVAL, "%s is no name of a MongoDB database", database);
  if (!rc) {
    set_options(uri, options);
    name = name_of(uri, database);
    store->database = strdup(database);
    if (!name || !store->database || azd_store_init(&store->base, &mg_ops, name, options->read_only))
      rc = azd_fail(error, AZD_ENOMEM, "no memory for a store");
  }
  if (!rc) rc = pool_of(store, uri, error);
  free(name);
  mongoc_uri_destroy(uri);
  return rc;
}
