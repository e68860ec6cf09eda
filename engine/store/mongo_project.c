/* The projection: `resources`, the current state of each resource as plain BSON, for people with mongosh or Compass.
 * It follows what is published and nothing here ever reads it back, so it may be late, dropped or made anew at any
 * time. A marker per scope says up to which seq it was brought.
 *
 * Two engines may do this at once. A document never replaces a newer one; and who finds, when done, that the marker was
 * moved by another, may have put back what the other removed: it goes through all of the scope once more. */
#include "store/mongo.h"
#include "json/doc.h"

#include <stdlib.h>

enum { RESOURCE_ID_BYTES = MG_SCOPE_HASH_BYTES + AZD_KEY_BYTES, DOCUMENT_MAX_BYTES = 16 * 1024 * 1024 };

/* What is to be done with one resource. */
struct action {
  uint8_t id[RESOURCE_ID_BYTES];
  int64_t from_seq;
  bson_t *doc; /* owned; NULL: it is gone */
};

struct projector {
  struct mg_store *store;
  struct azd_str scope;
  uint8_t scope_hash[MG_SCOPE_HASH_BYTES];
  int64_t seq;
  bool anew;                          /* all of the scope in order of key: what stands between two of them goes */
  bool is_empty;                      /* the scope has no documents yet, so they can be inserted */
  uint8_t reached[RESOURCE_ID_BYTES]; /* anew: the last one done */
  bool has_reached;
  struct azd_codec_work *work;
  struct azd_doc *tape;
  struct azd_buf body;
  struct action *actions; /* MG_BATCH of them */
  size_t count, bytes;
  int64_t *written;
};

/* ---- one resource ---- */

static void resource_id(const uint8_t *scope_hash, const struct azd_key *key, uint8_t id[RESOURCE_ID_BYTES]) {
  uint8_t version_id[AZD_VERSION_ID_BYTES];
  azd_version_id_in(scope_hash, key, 0, version_id);
  memcpy(id, version_id, RESOURCE_ID_BYTES);
}

static bson_t *document_of(const struct projector *p, const struct azd_version *v, const uint8_t *id) {
  bson_t *doc = bson_new();
  mg_put_bytes(doc, "_id", id, RESOURCE_ID_BYTES);
  mg_put(doc, "scope", p->scope);
  mg_put(doc, "id", v->id);
  mg_put(doc, "type", v->type);
  mg_put(doc, "subscription_id", v->subscription_id);
  mg_put(doc, "resource_group", v->resource_group);
  mg_put(doc, "view", v->view);
  mg_put(doc, "api_version", v->api_version);
  BSON_APPEND_INT64(doc, "from_seq", v->from_seq);
  return doc;
}

static void leave_body_out(bson_t *doc, const char *why) {
  bson_t without, *notes = BCON_NEW("0", "{", "path", BCON_UTF8("/body"), "is", BCON_UTF8(why), "}");
  bson_init(&without);
  bson_copy_to_excluding_noinit(doc, &without, "body", "left_out", NULL);
  bson_append_array(&without, "left_out", -1, notes);
  bson_destroy(notes);
  bson_reinit(doc);
  bson_concat(doc, &without);
  bson_destroy(&without);
}

static int put_body(struct projector *p, const struct azd_version *v, bson_t *doc, struct azd_error *error) {
  bson_t notes;
  azd_buf_clear(&p->body);
  int rc = azd_codec_decode(p->store->base.codec, p->work, v->body, &p->body, error);
  if (!rc) rc = azd_doc_parse(p->tape, azd_buf_str(&p->body), NULL, error);
  if (rc) return rc;
  bson_init(&notes);
  rc = mg_tape_put(doc, "body", p->tape, &notes);
  if (!rc && !bson_empty(&notes)) bson_append_array(doc, "left_out", -1, &notes);
  bson_destroy(&notes);
  if (rc == AZD_ENOMEM) return azd_fail(error, rc, "no memory for the projection");
  if (rc || doc->len > DOCUMENT_MAX_BYTES) leave_body_out(doc, "left out: larger than a document of MongoDB may be");
  return 0;
}

/* ---- a batch ---- */

static void forget(struct projector *p) {
  for (size_t i = 0; i < p->count; i++)
    if (p->actions[i].doc) bson_destroy(p->actions[i].doc);
  p->count = p->bytes = 0;
}

/* Anew: what has a document and is in no batch. `to` NULL: up to the end of the scope. */
static int remove_between(struct projector *p, const uint8_t *to, struct azd_error *error) {
  uint8_t low[RESOURCE_ID_BYTES], high[RESOURCE_ID_BYTES];
  bson_t *filter = bson_new(), range, keep, at_most;
  memset(low, 0, sizeof low);
  memset(high, 0xff, sizeof high);
  memcpy(low, p->scope_hash, MG_SCOPE_HASH_BYTES);
  memcpy(high, p->scope_hash, MG_SCOPE_HASH_BYTES);
  bson_append_document_begin(filter, "_id", -1, &range);
  mg_put_bytes(&range, p->has_reached ? "$gt" : "$gte", p->has_reached ? p->reached : low, RESOURCE_ID_BYTES);
  mg_put_bytes(&range, "$lte", to ? to : high, RESOURCE_ID_BYTES);
  bson_append_array_begin(&range, "$nin", -1, &keep);
  for (size_t i = 0; i < p->count; i++) {
    char room[16];
    const char *key;
    bson_uint32_to_string((uint32_t)i, &key, room, sizeof room);
    mg_put_bytes(&keep, key, p->actions[i].id, RESOURCE_ID_BYTES);
  }
  bson_append_array_end(&range, &keep);
  bson_append_document_end(filter, &range);
  bson_append_document_begin(filter, "from_seq", -1, &at_most);
  BSON_APPEND_INT64(&at_most, "$lte", p->seq);
  bson_append_document_end(filter, &at_most);
  return mg_delete(p->store, MG_RESOURCES, filter, NULL, error);
}

static bool add_action(mongoc_bulk_operation_t *bulk, const struct action *action, bool insert, bson_error_t *failure) {
  bson_t filter, older, *opts = BCON_NEW("validate", BCON_BOOL(false));
  bool ok;
  bson_init(&filter);
  mg_put_bytes(&filter, "_id", action->id, RESOURCE_ID_BYTES);
  bson_append_document_begin(&filter, "from_seq", -1, &older);
  BSON_APPEND_INT64(&older, "$lte", action->from_seq);
  bson_append_document_end(&filter, &older);
  if (!action->doc) {
    ok = mongoc_bulk_operation_remove_one_with_opts(bulk, &filter, NULL, failure);
  } else if (insert) {
    ok = mongoc_bulk_operation_insert_with_opts(bulk, action->doc, opts, failure);
  } else {
    BSON_APPEND_BOOL(opts, "upsert", true);
    ok = mongoc_bulk_operation_replace_one_with_opts(bulk, &filter, action->doc, opts, failure);
  }
  bson_destroy(&filter);
  bson_destroy(opts);
  return ok;
}

/* Of what the server refused: doubles are newer documents of another engine, and stay. Any other is told how many there
 * are of it, and loses its body for the next try. */
static size_t judge_refused(struct projector *p, const bson_t *reply) {
  bson_iter_t failures, each, field;
  size_t refused = 0;
  if (!bson_iter_init_find(&failures, reply, "writeErrors") || !bson_iter_recurse(&failures, &each)) return 0;
  while (bson_iter_next(&each)) {
    int64_t code = 0, index = -1;
    if (!bson_iter_recurse(&each, &field)) continue;
    while (bson_iter_next(&field)) {
      if (!strcmp(bson_iter_key(&field), "code")) code = bson_iter_as_int64(&field);
      if (!strcmp(bson_iter_key(&field), "index")) index = bson_iter_as_int64(&field);
    }
    if (code == 11000 || index < 0 || index >= (int64_t)p->count || !p->actions[index].doc) continue;
    leave_body_out(p->actions[index].doc, "left out: this version of MongoDB does not take it");
    refused++;
  }
  return refused;
}

/* 1: some were refused and are to be sent once more. */
static int send_once(struct projector *p, struct azd_error *error) {
  mongoc_client_t *client;
  bson_error_t failure = {0};
  bson_t reply, *opts = BCON_NEW("ordered", BCON_BOOL(false));
  int rc = mg_take(p->store, &client, error);
  if (rc) {
    bson_destroy(opts);
    return rc;
  }
  mongoc_collection_t *collection = mongoc_client_get_collection(client, p->store->database, MG_RESOURCES);
  mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(collection, opts);
  bool ok = true;
  for (size_t i = 0; ok && i < p->count; i++) ok = add_action(bulk, &p->actions[i], p->is_empty, &failure);
  if (ok)
    ok = mongoc_bulk_operation_execute(bulk, &reply, &failure) != 0;
  else
    bson_init(&reply);
  if (!ok && !mg_only_doubles(&reply)) {
    rc = mg_fail(p->store, &failure, "writing " MG_RESOURCES, error);
    if (rc != AZD_EIO && judge_refused(p, &reply)) rc = 1;
  }
  bson_destroy(&reply);
  bson_destroy(opts);
  mongoc_bulk_operation_destroy(bulk);
  mongoc_collection_destroy(collection);
  mg_give(p->store, client);
  return rc;
}

static int send_batch(struct projector *p, struct azd_error *error) {
  struct mg_patience patience = {0};
  int rc = 0, tries = 0;
  if (!p->count) return 0;
  const uint8_t *last = p->actions[p->count - 1].id;
  if (p->anew && !p->is_empty) rc = remove_between(p, last, error);
  if (rc) return rc;
  do rc = send_once(p, error);
  while ((rc == 1 && ++tries < 2) || mg_again(p->store, &patience, rc));
  if (rc == 1) rc = AZD_EPARSE; /* refused without its body, too: the sentence is there */
  if (rc) return rc;
  *p->written += (int64_t)p->count;
  memcpy(p->reached, last, sizeof p->reached);
  p->has_reached = true;
  forget(p);
  return 0;
}

static int take(struct projector *p, const struct azd_version *v, struct azd_error *error) {
  struct action *action = &p->actions[p->count];
  *action = (struct action){.from_seq = v->from_seq};
  resource_id(p->scope_hash, &v->key, action->id);
  p->count++;
  if (v->from_seq < v->to_seq) {
    action->doc = document_of(p, v, action->id);
    int rc = put_body(p, v, action->doc, error);
    if (rc) return rc;
    p->bytes += action->doc->len;
  }
  return p->count == MG_BATCH || p->bytes > MG_WAITING_BYTES ? send_batch(p, error) : 0;
}

/* ---- all of a scope, or what happened since ---- */

static int run(struct projector *p, struct azd_version_cursor *cursor, struct azd_error *error) {
  struct azd_version version;
  int rc;
  while ((rc = azd_version_next(cursor, &version, error)) > 0)
    if ((rc = take(p, &version, error))) break;
  if (!rc) rc = send_batch(p, error);
  if (!rc && p->anew && !p->is_empty) rc = remove_between(p, NULL, error);
  return rc;
}

static int look_whether_empty(struct projector *p, struct azd_error *error) {
  bson_t *doc, *opts = BCON_NEW("projection", "{", "_id", BCON_INT32(1), "}"), *filter = bson_new();
  uint8_t low[RESOURCE_ID_BYTES], high[RESOURCE_ID_BYTES];
  memset(low, 0, sizeof low);
  memset(high, 0xff, sizeof high);
  memcpy(low, p->scope_hash, MG_SCOPE_HASH_BYTES);
  memcpy(high, p->scope_hash, MG_SCOPE_HASH_BYTES);
  mg_put_range(filter, low, high, sizeof low);
  int rc = mg_get(p->store, MG_RESOURCES, filter, opts, &doc, error);
  p->is_empty = rc == AZD_ENOTFOUND;
  if (rc) return p->is_empty ? 0 : rc;
  bson_destroy(doc);
  return 0;
}

static int project_all(struct projector *p, struct azd_error *error) {
  struct azd_version_query query = {.scope = p->scope, .seq = p->seq, .bodies = true};
  struct azd_version_cursor *cursor = NULL;
  p->anew = true;
  p->has_reached = false;
  int rc = look_whether_empty(p, error);
  query.any_order = p->is_empty;
  if (!rc) rc = azd_store_versions(&p->store->base, &query, &cursor, error);
  if (!rc) rc = run(p, cursor, error);
  azd_version_close(cursor);
  return rc;
}

/* Of each key the newest version: what came and went in between is of no interest. */
static void keep_newest(struct mg_order *order) {
  size_t kept = 0;
  mg_order_sort(order);
  for (size_t i = 0; i < order->count; i++) {
    if (i + 1 < order->count && !memcmp(order->ids[i], order->ids[i + 1], AZD_KEY_BYTES)) continue;
    memcpy(order->ids[kept++], order->ids[i], MG_ORDER_BYTES);
  }
  order->count = kept;
}

static int project_since(struct projector *p, int64_t since, struct azd_error *error) {
  struct mg_order order = {0};
  struct mg_moment moment;
  struct azd_version_cursor *cursor = NULL;
  bson_t *filter;
  int rc = mg_moment_load(p->store, p->scope, &moment, error);
  if (rc) return rc;
  filter = mg_scoped(p->scope);
  BCON_APPEND(filter, "from_seq", "{", "$gt", BCON_INT64(since), "$lte", BCON_INT64(p->seq), "}");
  rc = mg_order_find(p->store, &moment, MG_BY_FROM, filter, NULL, 0, &order, error);
  keep_newest(&order);
  if (!rc) rc = mg_versions_of(&p->store->base, p->scope, &order, true, &cursor, error);
  if (!rc) rc = run(p, cursor, error);
  azd_version_close(cursor);
  mg_order_free(&order);
  mg_moment_free(&moment);
  return rc;
}

/* ---- how far it is ---- */

static bson_t *marker_filter(struct azd_str scope) {
  bson_t *filter = bson_new(), id;
  bson_append_document_begin(filter, "_id", -1, &id);
  mg_put(&id, "projected", scope);
  bson_append_document_end(filter, &id);
  return filter;
}

static int marker_read(struct projector *p, int64_t *seq, struct azd_error *error) {
  bson_t *doc;
  int rc = mg_get(p->store, MG_SCHEMA, marker_filter(p->scope), NULL, &doc, error);
  *seq = 0;
  if (rc) return rc == AZD_ENOTFOUND ? 0 : rc;
  *seq = mg_i64(doc, "seq");
  bson_destroy(doc);
  return 0;
}

/* AZD_ECONFLICT without a sentence: another has moved it since it was read. */
static int marker_move(struct projector *p, int64_t from, struct azd_error *error) {
  int64_t matched = 0;
  if (!from) {
    bson_t *doc = marker_filter(p->scope);
    BSON_APPEND_INT64(doc, "seq", p->seq);
    return mg_insert(p->store, MG_SCHEMA, doc, error);
  }
  bson_t *filter = marker_filter(p->scope);
  BSON_APPEND_INT64(filter, "seq", from);
  int rc = mg_update(p->store, MG_SCHEMA, MG_ONE, filter, BCON_NEW("$set", "{", "seq", BCON_INT64(p->seq), "}"),
                     &matched, error);
  return rc ? rc : matched ? 0 : AZD_ECONFLICT;
}

/* Are all runs between the two still there? Else retention may have taken the word that something was removed. */
static int is_unbroken(struct projector *p, int64_t since, bool *unbroken, struct azd_error *error) {
  struct mg_patience patience = {0};
  int64_t found;
  int rc;
  do {
    struct mg_list list;
    const bson_t *doc;
    bson_t *filter = mg_scoped(p->scope);
    BCON_APPEND(filter, "seq", "{", "$gte", BCON_INT64(since), "$lte", BCON_INT64(p->seq), "}");
    bson_t *opts = BCON_NEW("projection", "{", "_id", BCON_INT32(0), "scope", BCON_INT32(1), "seq", BCON_INT32(1), "}",
                            "hint", BCON_UTF8("scope_seq"), "batchSize", BCON_INT32(MG_BATCH));
    rc = mg_list_open(p->store, MG_SNAPSHOTS, filter, opts, &list, error);
    for (found = 0; !rc && (rc = mg_list_next(&list, &doc, error)) > 0; rc = 0) found++;
    mg_list_close(&list);
  } while (mg_again(p->store, &patience, rc));
  *unbroken = found == p->seq - since + 1;
  return rc;
}

static int bring_up(struct projector *p, bool anew, struct azd_error *error) {
  enum { TRIES = 3 };
  int rc = AZD_ECONFLICT;
  for (int tries = 0; rc == AZD_ECONFLICT && tries < TRIES; tries++) {
    int64_t since;
    bool unbroken = false;
    rc = mg_last_seq(p->store, p->scope, &p->seq, error);
    if (!rc) rc = marker_read(p, &since, error);
    if (rc || !p->seq || (since == p->seq && !anew)) return rc;
    if (since && since < p->seq && !anew) rc = is_unbroken(p, since, &unbroken, error);
    if (!rc) rc = unbroken ? project_since(p, since, error) : project_all(p, error);
    if (!rc) rc = marker_move(p, since, error);
    anew = true;
  }
  return rc == AZD_ECONFLICT
             ? azd_fail(error, AZD_EBUSY, "%s: other engines are writing " MG_RESOURCES " of this scope",
                        p->store->base.name)
             : rc;
}

int mg_project(struct azd_store *base, struct azd_str scope, bool anew, int64_t *written, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  if (!store->projection) return 0;
  struct projector p = {.store = store,
                        .scope = scope,
                        .work = azd_codec_work_new(),
                        .tape = azd_doc_new(),
                        .actions = calloc(MG_BATCH, sizeof(struct action)),
                        .written = written};
  azd_buf_init(&p.body, 0);
  mg_scope_hash(scope, p.scope_hash);
  int rc = p.work && p.tape && p.actions ? bring_up(&p, anew, error)
                                         : azd_fail(error, AZD_ENOMEM, "no memory for the projection");
  forget(&p);
  free(p.actions);
  azd_buf_free(&p.body);
  azd_doc_free(p.tape);
  azd_codec_work_free(p.work);
  return rc;
}
