/* Clients of the pool, single commands, and what their failures mean. */
#include "base/clock.h"
#include "store/mongo.h"

#include <time.h>

int mg_take(struct mg_store *store, mongoc_client_t **client, struct azd_error *error) {
  *client = mongoc_client_pool_pop(store->pool);
  if (*client) return 0;
  return azd_fail(error, AZD_EBUSY, "%s: all connections are in use: raise maxPoolSize in the url", store->base.name);
}

void mg_give(struct mg_store *store, mongoc_client_t *client) {
  mongoc_client_pool_push(store->pool, client);
}

/* ---- failures ---- */

/* Server codes that a new attempt can outlive: elections, shutdowns, interrupted or timed out writes. */
static bool passes(uint32_t code) {
  static const uint32_t codes[] = {6,   7,   24,  43,  50,   64,    89,    91,    112,   134,   175,  189,
                                   202, 237, 262, 317, 9001, 10058, 10107, 11600, 11602, 13435, 13436};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
    if (codes[i] == code) return true;
  return false;
}

static int fail_server(const struct mg_store *store, const bson_error_t *failure, const char *doing,
                       struct azd_error *error) {
  const char *name = store->base.name;
  switch (failure->code) {
  case 13: /* Unauthorized */
  case 8000:
    return azd_fail(error, AZD_EDENIED, "%s: the user may not do this (%s): give it the role readWrite on database %s",
                    name, doing, store->database);
  case 18: /* AuthenticationFailed */
    return azd_fail(error, AZD_EDENIED, "%s: user or password was refused: check MONGODB_URL and its authSource", name);
  case 26: /* NamespaceNotFound */
    return azd_fail(error, AZD_ENOTFOUND, "%s: %s: there is no such collection", name, doing);
  case 14031: /* OutOfDiskSpace */
    return azd_fail(error, AZD_ELIMIT, "%s: the server's disk is full (%s): make room and try again", name, doing);
  case 10334: /* BSONObjectTooLarge */
  case 17280: return azd_fail(error, AZD_ELIMIT, "%s: %s: the document is too large for MongoDB", name, doing);
  default:
    if (passes(failure->code))
      return azd_fail(error, AZD_EIO, "%s: %s: %s (code %u)", name, doing, failure->message, failure->code);
    return azd_fail(error, AZD_EPARSE, "%s: %s was refused: %s (code %u)", name, doing, failure->message,
                    failure->code);
  }
}

int mg_fail(const struct mg_store *store, const bson_error_t *failure, const char *doing, struct azd_error *error) {
  const char *name = store->base.name;
  switch (failure->domain) {
  case MONGOC_ERROR_SERVER:
  case MONGOC_ERROR_WRITE_CONCERN:
  case MONGOC_ERROR_QUERY:
  case MONGOC_ERROR_COMMAND: return fail_server(store, failure, doing, error);
  case MONGOC_ERROR_SERVER_SELECTION:
    if (failure->code == 18 || strstr(failure->message, "uthentication failed"))
      return azd_fail(error, AZD_EDENIED, "%s: user or password was refused: check MONGODB_URL and its authSource",
                      name);
    return azd_fail(error, AZD_EIO, "%s: no server answers (%s): is MongoDB running there, and the url right? %s", name,
                    doing, failure->message);
  case MONGOC_ERROR_CLIENT:
    if (failure->code == MONGOC_ERROR_CLIENT_AUTHENTICATE)
      return azd_fail(error, AZD_EDENIED, "%s: user or password was refused: check MONGODB_URL and its authSource",
                      name);
    return azd_fail(error, AZD_EPARSE, "%s: %s: %s", name, doing, failure->message);
  case MONGOC_ERROR_BSON: return azd_fail(error, AZD_ELIMIT, "%s: %s: %s", name, doing, failure->message);
  default:
    return azd_fail(error, AZD_EIO,
                    "%s: %s: the connection was lost (%s): check that MongoDB runs there and has disk space, and the "
                    "network between; nothing that was committed is lost",
                    name, doing, failure->message);
  }
}

bool mg_again(const struct mg_store *store, struct mg_patience *patience, int rc) {
  if (rc != AZD_EIO || !store->retry_ms) return false;
  int64_t now_ns = azd_clock_mono_ns();
  if (!patience->start_ns) patience->start_ns = now_ns;
  int64_t left_ns = (int64_t)store->retry_ms * 1000000 - (now_ns - patience->start_ns);
  if (left_ns <= 0) return false;
  int64_t wait_ns = INT64_C(20000000) << (patience->tries < 5 ? patience->tries : 5); /* 20 ms up to 640 ms */
  patience->tries++;
  if (wait_ns > left_ns) wait_ns = left_ns;
  nanosleep(&(struct timespec){.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000}, NULL);
  return true;
}

bool mg_only_doubles(const bson_t *reply) {
  bson_iter_t failures, each, code;
  if (!bson_iter_init_find(&failures, reply, "writeErrors") || !bson_iter_recurse(&failures, &each)) return false;
  size_t count = 0;
  while (bson_iter_next(&each)) {
    if (!bson_iter_recurse(&each, &code) || !bson_iter_find(&code, "code") || bson_iter_as_int64(&code) != 11000)
      return false;
    count++;
  }
  if (bson_iter_init_find(&failures, reply, "writeConcernErrors") && bson_iter_recurse(&failures, &each) &&
      bson_iter_next(&each))
    return false;
  return count > 0;
}

/* ---- one command ---- */

/* What every command below is: arguments, and one attempt of it. */
struct attempt {
  const char *name;
  bson_t *filter, *second, *opts; /* second: a document, an update */
  int how;
  int64_t *count;
  bson_t **doc;
};
typedef int attempt_run(struct mg_store *store, mongoc_collection_t *collection, const struct attempt *attempt,
                        struct azd_error *error);

static int attempt(struct mg_store *store, attempt_run *run, const struct attempt *arguments, struct azd_error *error) {
  struct mg_patience patience = {0};
  mongoc_client_t *client;
  int rc;
  do {
    rc = mg_take(store, &client, error);
    if (rc) break;
    mongoc_collection_t *collection = mongoc_client_get_collection(client, store->database, arguments->name);
    rc = run(store, collection, arguments, error);
    mongoc_collection_destroy(collection);
    mg_give(store, client);
  } while (mg_again(store, &patience, rc));
  if (arguments->filter) bson_destroy(arguments->filter);
  if (arguments->second) bson_destroy(arguments->second);
  if (arguments->opts) bson_destroy(arguments->opts);
  return rc;
}

static int failed(struct mg_store *store, const struct attempt *a, const bson_error_t *failure, const char *verb,
                  struct azd_error *error) {
  char doing[64];
  if (failure->code == 11000 && failure->domain != MONGOC_ERROR_SERVER_SELECTION) return AZD_ECONFLICT;
  snprintf(doing, sizeof doing, "%s %s", verb, a->name);
  return mg_fail(store, failure, doing, error);
}

static int run_get(struct mg_store *store, mongoc_collection_t *collection, const struct attempt *a,
                   struct azd_error *error) {
  bson_error_t failure;
  const bson_t *found = NULL;
  mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, a->filter, a->opts, NULL);
  mongoc_cursor_set_limit(cursor, 1);
  bool is_there = mongoc_cursor_next(cursor, &found);
  int rc = is_there ? 0 : AZD_ENOTFOUND;
  if (!is_there && mongoc_cursor_error(cursor, &failure)) rc = failed(store, a, &failure, "reading", error);
  if (is_there) *a->doc = bson_copy(found);
  mongoc_cursor_destroy(cursor);
  return rc;
}

int mg_get(struct mg_store *store, const char *collection, bson_t *filter, bson_t *opts, bson_t **doc,
           struct azd_error *error) {
  return attempt(store, run_get, &(struct attempt){.name = collection, .filter = filter, .opts = opts, .doc = doc},
                 error);
}

static int run_insert(struct mg_store *store, mongoc_collection_t *collection, const struct attempt *a,
                      struct azd_error *error) {
  bson_error_t failure;
  bool ok = mongoc_collection_insert_one(collection, a->second, a->opts, NULL, &failure);
  return ok ? 0 : failed(store, a, &failure, "writing", error);
}

int mg_insert(struct mg_store *store, const char *collection, bson_t *doc, struct azd_error *error) {
  bson_t *opts = BCON_NEW("validate", BCON_BOOL(false)); /* our parser has, and the driver's check is slow and wrong */
  return attempt(store, run_insert, &(struct attempt){.name = collection, .second = doc, .opts = opts}, error);
}

static int run_update(struct mg_store *store, mongoc_collection_t *collection, const struct attempt *a,
                      struct azd_error *error) {
  bson_error_t failure;
  bson_t reply;
  bool ok = a->how == MG_MANY
                ? mongoc_collection_update_many(collection, a->filter, a->second, a->opts, &reply, &failure)
            : a->how == MG_REPLACE
                ? mongoc_collection_replace_one(collection, a->filter, a->second, a->opts, &reply, &failure)
                : mongoc_collection_update_one(collection, a->filter, a->second, a->opts, &reply, &failure);
  int rc = ok ? 0 : failed(store, a, &failure, "changing", error);
  if (ok && a->count) *a->count = mg_i64(&reply, "matchedCount");
  bson_destroy(&reply);
  return rc;
}

int mg_update(struct mg_store *store, const char *collection, enum mg_update how, bson_t *filter, bson_t *update,
              int64_t *matched, struct azd_error *error) {
  bson_t *opts = BCON_NEW("validate", BCON_BOOL(false), "upsert", BCON_BOOL(how == MG_UPSERT || how == MG_REPLACE));
  struct attempt arguments = {
      .name = collection, .filter = filter, .second = update, .opts = opts, .how = how, .count = matched};
  return attempt(store, run_update, &arguments, error);
}

static int run_delete(struct mg_store *store, mongoc_collection_t *collection, const struct attempt *a,
                      struct azd_error *error) {
  bson_error_t failure;
  bson_t reply;
  bool ok = mongoc_collection_delete_many(collection, a->filter, NULL, &reply, &failure);
  int rc = ok ? 0 : failed(store, a, &failure, "deleting from", error);
  if (ok && a->count) *a->count = mg_i64(&reply, "deletedCount");
  bson_destroy(&reply);
  return rc;
}

int mg_delete(struct mg_store *store, const char *collection, bson_t *filter, int64_t *deleted,
              struct azd_error *error) {
  return attempt(store, run_delete, &(struct attempt){.name = collection, .filter = filter, .count = deleted}, error);
}

static int run_modify(struct mg_store *store, mongoc_collection_t *collection, const struct attempt *a,
                      struct azd_error *error) {
  bson_error_t failure;
  bson_t reply, found;
  bson_iter_t value;
  mongoc_find_and_modify_opts_t *opts = mongoc_find_and_modify_opts_new();
  mongoc_find_and_modify_opts_set_update(opts, a->second);
  mongoc_find_and_modify_opts_set_flags(opts, MONGOC_FIND_AND_MODIFY_RETURN_NEW |
                                                  (a->how ? MONGOC_FIND_AND_MODIFY_UPSERT : 0));
  bool ok = mongoc_collection_find_and_modify_with_opts(collection, a->filter, opts, &reply, &failure);
  int rc = ok ? AZD_ENOTFOUND : failed(store, a, &failure, "changing", error);
  if (ok && bson_iter_init_find(&value, &reply, "value") && BSON_ITER_HOLDS_DOCUMENT(&value)) {
    uint32_t bytes;
    const uint8_t *data;
    bson_iter_document(&value, &bytes, &data);
    if (bson_init_static(&found, data, bytes)) {
      *a->doc = bson_copy(&found);
      rc = 0;
    }
  }
  bson_destroy(&reply);
  mongoc_find_and_modify_opts_destroy(opts);
  return rc;
}

int mg_modify(struct mg_store *store, const char *collection, bson_t *filter, bson_t *update, bool upsert, bson_t **doc,
              struct azd_error *error) {
  struct attempt arguments = {.name = collection, .filter = filter, .second = update, .how = upsert, .doc = doc};
  return attempt(store, run_modify, &arguments, error);
}

int mg_command(struct mg_store *store, const char *database, bson_t *command, bson_t *reply, struct azd_error *error) {
  struct mg_patience patience = {0};
  bson_error_t failure;
  bson_iter_t first;
  mongoc_client_t *client;
  const char *name = bson_iter_init(&first, command) && bson_iter_next(&first) ? bson_iter_key(&first) : "a command";
  bool has_reply = false;
  int rc;
  do {
    if (has_reply) bson_destroy(reply);
    has_reply = false;
    rc = mg_take(store, &client, error);
    if (rc) break;
    bool ok = mongoc_client_command_simple(client, database, command, NULL, reply, &failure);
    has_reply = true;
    rc = ok ? 0 : mg_fail(store, &failure, name, error);
    mg_give(store, client);
  } while (mg_again(store, &patience, rc));
  if (rc && has_reply) bson_destroy(reply);
  bson_destroy(command);
  return rc;
}

/* ---- many documents ---- */

int mg_list_open(struct mg_store *store, const char *collection, bson_t *filter, bson_t *opts, struct mg_list *list,
                 struct azd_error *error) {
  *list = (struct mg_list){.store = store};
  int rc = mg_take(store, &list->client, error);
  if (!rc) {
    mongoc_collection_t *of = mongoc_client_get_collection(list->client, store->database, collection);
    list->cursor = mongoc_collection_find_with_opts(of, filter, opts, NULL);
    mongoc_collection_destroy(of);
  }
  bson_destroy(filter);
  if (opts) bson_destroy(opts);
  return rc;
}

int mg_list_next(struct mg_list *list, const bson_t **doc, struct azd_error *error) {
  bson_error_t failure;
  if (mongoc_cursor_next(list->cursor, doc)) return 1;
  return mongoc_cursor_error(list->cursor, &failure) ? mg_fail(list->store, &failure, "reading", error) : 0;
}

void mg_list_close(struct mg_list *list) {
  if (!list->client) return;
  mongoc_cursor_destroy(list->cursor);
  mg_give(list->store, list->client);
  list->client = NULL;
}
