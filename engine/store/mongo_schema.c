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
    {MG_SNAPSHOTS, "scope_status", false, {"scope", "status", "seq", "timestamp"}},
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

static void put_keys(bson_t *keys, const struct index *index) {
  for (size_t i = 0; i < sizeof index->keys / sizeof *index->keys && index->keys[i]; i++) {
    bool descends = *index->keys[i] == '-';
    bson_append_int32(keys, index->keys[i] + descends, -1, descends ? -1 : 1);
  }
}

static void put_index(bson_t *list, int place, const struct index *index) {
  char key[8];
  bson_t each, keys;
  snprintf(key, sizeof key, "%d", place);
  bson_append_document_begin(list, key, -1, &each);
  bson_append_document_begin(&each, "key", -1, &keys);
  put_keys(&keys, index);
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

/* The keys of an index and whether it is unique, as the server has it. false: there is none of this name. */
static int find_index(struct mg_store *store, const struct index *index, bool *found, bool *same,
                      struct azd_error *error) {
  bson_t reply, keys = BSON_INITIALIZER;
  bson_iter_t start, list, each;
  int rc = mg_command(store, store->database, BCON_NEW("listIndexes", BCON_UTF8(index->collection)), &reply, error);
  *found = *same = false;
  put_keys(&keys, index);
  if (!rc && bson_iter_init(&start, &reply) && bson_iter_find_descendant(&start, "cursor.firstBatch", &list) &&
      bson_iter_recurse(&list, &each))
    while (bson_iter_next(&each)) {
      bson_t one, its_keys;
      uint32_t bytes;
      const uint8_t *data;
      bson_iter_t field;
      bson_iter_document(&each, &bytes, &data);
      if (!bson_init_static(&one, data, bytes) || !azd_str_equal(mg_str(&one, "name"), azd_str_of(index->name)))
        continue;
      *found = true;
      if (!bson_iter_init_find(&field, &one, "key") || !BSON_ITER_HOLDS_DOCUMENT(&field)) continue;
      bson_iter_document(&field, &bytes, &data);
      bool unique = bson_iter_init_find(&field, &one, "unique") && bson_iter_as_bool(&field);
      *same = bson_init_static(&its_keys, data, bytes) && bson_equal(&its_keys, &keys) && unique == index->unique;
    }
  if (!rc) bson_destroy(&reply);
  bson_destroy(&keys);
  return rc == AZD_ENOTFOUND ? 0 : rc; /* the whole collection is not there yet */
}

int mg_schema_check(struct mg_store *store, void (*on_finding)(void *, const char *), void *context,
                    struct azd_error *error) {
  int rc = 0;
  for (size_t i = 0; !rc && i < sizeof indexes / sizeof *indexes; i++) {
    bool found, same;
    char text[200];
    rc = find_index(store, &indexes[i], &found, &same, error);
    if (rc || same) continue;
    snprintf(text, sizeof text, "the index %s of %s %s: `azdrift db rebuild indexes` makes it", indexes[i].name,
             indexes[i].collection, found ? "is on other fields" : "is missing");
    on_finding(context, text);
  }
  return rc;
}

/* Those that are what they should be stay: without its indexes a large store answers nobody. */
static int drop_wrong_indexes(struct mg_store *store, struct azd_error *error) {
  int rc = 0;
  for (size_t i = 0; !rc && i < sizeof indexes / sizeof *indexes; i++) {
    bool found, same;
    bson_t reply;
    rc = find_index(store, &indexes[i], &found, &same, error);
    if (rc || same || !found) continue;
    rc = mg_command(store, store->database,
                    BCON_NEW("dropIndexes", BCON_UTF8(indexes[i].collection), "index", BCON_UTF8(indexes[i].name)),
                    &reply, error);
    if (!rc) bson_destroy(&reply);
  }
  return rc;
}

/* The server itself rebuilds what is damaged, at its start. */
int mg_rebuild_indexes(struct azd_store *base, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  int rc = drop_wrong_indexes(store, error);
  return rc ? rc : make_indexes(store, error);
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

/* steps[n] brings what is stored from version n + 1 to n + 2. Each may be done twice, and by two engines at once: the
 * version is set when it is done. They only ever get longer. */
typedef int migration(struct mg_store *store, struct azd_error *error);

/* Version 2 knows snapshots that are thinned out, and has their times in the index on their status. What version 1
 * wrote is valid in it; but what version 2 writes, version 1 would take for damaged. */
static int to_version_2(struct mg_store *store, struct azd_error *error) {
  return drop_wrong_indexes(store, error);
}

static migration *const steps[] = {to_version_2};
_Static_assert(sizeof steps / sizeof *steps == MG_SCHEMA_VERSION - 1, "one migration a version");

static int migrate(struct mg_store *store, int64_t version, struct azd_error *error) {
  int rc = 0;
  for (; !rc && version < MG_SCHEMA_VERSION; version++) {
    rc = steps[version - 1](store, error);
    if (rc) break;
    bson_t *filter = schema_filter();
    BSON_APPEND_INT64(filter, "version", version); /* another engine may have been first, and gone further */
    rc = mg_update(
        store, MG_SCHEMA, MG_ONE, filter,
        BCON_NEW("$set", "{", "version", BCON_INT64(version + 1), "migrated", BCON_DATE_TIME(azd_clock_wall_ms()), "}"),
        NULL, error);
  }
  return rc;
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
  store->base.schema = (struct azd_schema){MG_SCHEMA_VERSION, version};
  if (store->base.read_only && !version)
    return azd_fail(error, AZD_ENOTFOUND, "%s holds nothing of azdrift: collect into it first", store->base.name);
  if (store->base.read_only)
    return version == MG_SCHEMA_VERSION
               ? 0
               : azd_fail(error, AZD_EUNSUPPORTED, "%s has an older schema (%lld): run `azdrift db migrate`",
                          store->base.name, (long long)version);
  if (!version)
    rc = make(store, error);
  else
    rc = migrate(store, version, error);
  return rc ? rc : make_indexes(store, error);
}
