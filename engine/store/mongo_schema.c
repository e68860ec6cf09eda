/* The server, the database, its indexes, and the version of what is in it. */
#include "base/clock.h"
#include "store/mongo.h"

/* ---- is it MongoDB, and new enough ---- */

/* What answers the protocol but is no MongoDB lacks what the commit protocol stands on, some of it silently. Each of
 * these has a build description that the real one never has, or lacks what it always has; a router (mongos) has no
 * storage engines. */
int mg_server_judge(const char *name, const bson_t *build, bool is_router, struct azd_error *error) {
  static const char *const foreign[] = {"ferretdb", "ferretdbVersion", "ferretdbFeatures", "cosmosdb"};
  bson_iter_t field;
  const char *version = "";
  bool is_mongo = bson_iter_init_find(&field, build, "gitVersion") &&
                  (is_router || bson_iter_init_find(&field, build, "storageEngines"));
  for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
    if (bson_iter_init_find(&field, build, foreign[i])) is_mongo = false;
  if (!is_mongo)
    return azd_fail(error, AZD_EUNSUPPORTED,
                    "%s speaks MongoDB's protocol but is another product: use MongoDB 4.4 or newer, or a SQLite file",
                    name);
  if (bson_iter_init_find(&field, build, "version") && BSON_ITER_HOLDS_UTF8(&field))
    version = bson_iter_utf8(&field, NULL);
  int major = 0, minor = 0;
  if (sscanf(version, "%d.%d", &major, &minor) != 2)
    return azd_fail(error, AZD_EUNSUPPORTED, "%s does not say which MongoDB it is", name);
  if (major < 4 || (major == 4 && minor < 4))
    return azd_fail(error, AZD_EUNSUPPORTED, "%s is MongoDB %s: azdrift needs 4.4 or newer", name, version);
  return 0;
}

static int judge(struct mg_store *store, struct azd_error *error) {
  bson_t build, hello;
  int rc = mg_command(store, "admin", BCON_NEW("hello", BCON_INT32(1)), &hello, error);
  if (rc == AZD_EPARSE)
    rc = mg_command(store, "admin", BCON_NEW("isMaster", BCON_INT32(1)), &hello, error); /* < 4.4.2 */
  if (rc) return rc;
  bool is_router = azd_str_equal(mg_str(&hello, "msg"), AZD_STR("isdbgrid"));
  bson_destroy(&hello);
  rc = mg_command(store, "admin", BCON_NEW("buildInfo", BCON_INT32(1)), &build, error);
  if (rc) return rc;
  rc = mg_server_judge(store->base.name, &build, is_router, error);
  bson_destroy(&build);
  return rc;
}

/* ---- indexes ---- */

struct index {
  const char *collection, *name;
  bool unique;
  const char *keys[5]; /* "-field" descends */
};

/* One a question that is asked by more than _id. */
static const struct index indexes[] = {
    {MG_VERSIONS, MG_BY_FROM, false, {"scope", "from_seq"}},
    {MG_VERSIONS, MG_BY_TO, false, {"scope", "to_seq", "from_seq"}},
    {MG_SNAPSHOTS, "scope_seq", true, {"scope", "seq"}},
    {MG_SNAPSHOTS, "scope_status", false, {"scope", "status", "seq"}},
    {MG_SNAPSHOTS, "scope_time", false, {"scope", "-timestamp", "-seq"}},
    {MG_SNAPSHOTS, "time", false, {"-timestamp", "-seq"}},
    {MG_REPORTS, "scope_time", false, {"scope", "-timestamp", "-_id"}},
    {MG_REPORTS, "time", false, {"-timestamp", "-_id"}},
    {MG_REPORTS, "snapshot", false, {"snapshot_id"}},
    {MG_REPORTS, "unsettled", false, {"scope", "settled"}},
    {MG_LIVES, "scope_status", false, {"scope", "status", "first_seen_seq", "fingerprint"}},
    {MG_LIVES, "status", false, {"status", "first_seen", "fingerprint"}},
    {MG_SMALLS, "kind", true, {"kind", "id"}},
    {MG_DICTIONARIES, "one_current", true, {"place"}},
    {MG_RESOURCES, "type_scope", false, {"type", "scope"}},
};

static void put_index(bson_t *list, int place, const struct index *index) {
  char key[8];
  bson_t each, keys;
  snprintf(key, sizeof key, "%d", place);
  bson_append_document_begin(list, key, -1, &each);
  bson_append_document_begin(&each, "key", -1, &keys);
  for (size_t i = 0; i < sizeof index->keys / sizeof *index->keys && index->keys[i]; i++) {
    bool descends = *index->keys[i] == '-';
    bson_append_int32(&keys, index->keys[i] + descends, -1, descends ? -1 : 1);
  }
  bson_append_document_end(&each, &keys);
  BSON_APPEND_UTF8(&each, "name", index->name);
  if (index->unique) BSON_APPEND_BOOL(&each, "unique", true);
  bson_append_document_end(list, &each);
}

/* What is there already is left alone by the server, so this is done at each start. */
static int make_indexes(struct mg_store *store, struct azd_error *error) {
  size_t count = sizeof indexes / sizeof *indexes;
  int rc = 0;
  for (size_t first = 0, next; !rc && first < count; first = next) {
    bson_t *command = BCON_NEW("createIndexes", BCON_UTF8(indexes[first].collection)), list, reply;
    bson_append_array_begin(command, "indexes", -1, &list);
    for (next = first; next < count && !strcmp(indexes[next].collection, indexes[first].collection); next++)
      put_index(&list, (int)(next - first), &indexes[next]);
    bson_append_array_end(command, &list);
    rc = mg_command(store, store->database, command, &reply, error);
    if (!rc) bson_destroy(&reply);
  }
  return rc;
}

/* ---- whose database is it ---- */

static bson_t *schema_filter(void) {
  return BCON_NEW("_id", BCON_UTF8("schema"));
}

/* 0: nobody's yet. */
static int version_of(struct mg_store *store, int64_t *version, struct azd_error *error) {
  bson_t *doc;
  int rc = mg_get(store, MG_SCHEMA, schema_filter(), NULL, &doc, error);
  *version = 0;
  if (rc) return rc == AZD_ENOTFOUND ? 0 : rc;
  *version = mg_i64(doc, "version");
  bson_destroy(doc);
  return 0;
}

/* A database with collections in it and no word of ours is somebody else's. */
static int empty(struct mg_store *store, struct azd_error *error) {
  bson_error_t failure;
  mongoc_client_t *client;
  int rc = mg_take(store, &client, error);
  if (rc) return rc;
  mongoc_database_t *database = mongoc_client_get_database(client, store->database);
  char **names = mongoc_database_get_collection_names_with_opts(database, NULL, &failure);
  if (!names)
    rc = mg_fail(store, &failure, "listing collections", error);
  else if (names[0] && strcmp(names[0], MG_SCHEMA) != 0)
    rc = azd_fail(error, AZD_EPARSE, "%s holds collections of another program (%s): name another database",
                  store->base.name, names[0]);
  bson_strfreev(names);
  mongoc_database_destroy(database);
  mg_give(store, client);
  return rc;
}

static int make(struct mg_store *store, struct azd_error *error) {
  int rc = empty(store, error);
  if (rc) return rc;
  rc = mg_insert(store, MG_SCHEMA,
                 BCON_NEW("_id", BCON_UTF8("schema"), "version", BCON_INT64(MG_SCHEMA_VERSION), "made",
                          BCON_DATE_TIME(azd_clock_wall_ms())),
                 error);
  return rc == AZD_ECONFLICT ? 0 : rc; /* another engine was first */
}

int mg_schema_ready(struct mg_store *store, struct azd_error *error) {
  int64_t version;
  int rc = judge(store, error);
  if (!rc) rc = version_of(store, &version, error);
  if (rc) return rc;
  if (version > MG_SCHEMA_VERSION)
    return azd_fail(
        error, AZD_EUNSUPPORTED,
        "%s was written by a newer azdrift (schema %lld, this one knows %d): use that azdrift, or another database",
        store->base.name, (long long)version, MG_SCHEMA_VERSION);
  if (store->base.read_only)
    return version
               ? 0
               : azd_fail(error, AZD_ENOTFOUND, "%s holds nothing of azdrift: collect into it first", store->base.name);
  if (!version) rc = make(store, error);
  return rc ? rc : make_indexes(store, error);
}
