/* Leases, by the server's clock ($$NOW): engines may disagree about the time. A lease only saves work; what keeps two
 * runs apart is that its token is the run's seq, and a seq can be published once. */
#include "base/clock.h"
#include "base/owner.h"
#include "store/mongo.h"

static bson_t *lease_filter(struct azd_str scope) {
  bson_t *filter = bson_new();
  mg_put(filter, "_id", scope);
  return filter;
}

/* Two engines may find none at once: then the first one's stands. */
static int made(struct mg_store *store, struct azd_str scope, struct azd_error *error) {
  bson_t *update =
      BCON_NEW("$setOnInsert", "{", "owner", BCON_UTF8(""), "token", BCON_INT64(0), "expires", BCON_DATE_TIME(0), "}");
  int rc = mg_update(store, MG_LEASES, MG_UPSERT, lease_filter(scope), update, NULL, error);
  return rc == AZD_ECONFLICT ? 0 : rc;
}

/* The highest seq that stands in a snapshot, of whatever status. */
static int top_seq(struct mg_store *store, struct azd_str scope, int64_t *seq, struct azd_error *error) {
  bson_t *doc, *opts = BCON_NEW("sort", "{", "seq", BCON_INT32(-1), "}", "projection", "{", "seq", BCON_INT32(1), "}");
  int rc = mg_get(store, MG_SNAPSHOTS, mg_scoped(scope), opts, &doc, error);
  *seq = 0;
  if (rc) return rc == AZD_ENOTFOUND ? 0 : rc;
  *seq = mg_i64(doc, "seq");
  bson_destroy(doc);
  return 0;
}

/* AZD_EBUSY where somebody else's lease is alive; 0: its process is known to be dead, and who that was is in holder. */
static int held(struct mg_store *store, const struct azd_lease *lease, struct azd_lease *holder,
                struct azd_error *error) {
  bson_t *doc;
  char until[AZD_TIME_BYTES];
  int rc = mg_get(store, MG_LEASES, lease_filter(azd_str_of(lease->scope)), NULL, &doc, error);
  if (rc == AZD_ENOTFOUND) return azd_fail(error, AZD_EBUSY, "%s is being collected: try again", lease->scope);
  if (rc) return rc;
  struct azd_str owner = mg_str(doc, "owner"), people = azd_owner_people(owner);
  if (azd_owner_is_dead(owner)) {
    snprintf(holder->owner, sizeof holder->owner, "%.*s", AZD_STR_FORMAT(owner));
    holder->seq = mg_i64(doc, "token");
  } else {
    rc = azd_fail(error, AZD_EBUSY, "%s is being collected by %.*s until %s: wait for it, or stop it", lease->scope,
                  AZD_STR_FORMAT(people), azd_time_format(mg_i64(doc, "expires"), until));
  }
  bson_destroy(doc);
  return rc;
}

/* The lease that lease may follow: its owner's own, one that is over, and one that ends later than any lease can, for
 * then a server's clock was ahead when it was given, and another server's, or a corrected one, is asked now. dead: also
 * this one, if it is still as it was. */
static bson_t *free_for(const struct azd_lease *lease, const struct azd_lease *dead) {
  bson_t *filter =
      BCON_NEW("_id", BCON_UTF8(lease->scope), "$or", "[", "{", "owner", BCON_UTF8(lease->owner), "}", "{", "$expr",
               "{", "$or", "[", "{", "$lt", "[", BCON_UTF8("$expires"), BCON_UTF8("$$NOW"), "]", "}", "{", "$gt", "[",
               BCON_UTF8("$expires"), "{", "$add", "[", BCON_UTF8("$$NOW"), BCON_INT64(AZD_LEASE_MAX_MS), "]", "}", "]",
               "}", "]", "}", "}", "{", "owner", BCON_UTF8(dead->owner), "token", BCON_INT64(dead->seq), "}", "]");
  return filter;
}

/* $literal: an owner may begin with a dollar. The highest of token and top: leases may have been dropped by hand. */
static bson_t *next_lease(const struct azd_lease *lease, int64_t top, int64_t ttl_ms) {
  return BCON_NEW("0", "{", "$set", "{", "owner", "{", "$literal", BCON_UTF8(lease->owner), "}", "token", "{", "$add",
                  "[", "{", "$max", "[", BCON_UTF8("$token"), BCON_INT64(top), "]", "}", BCON_INT64(1), "]", "}",
                  "expires", "{", "$add", "[", BCON_UTF8("$$NOW"), BCON_INT64(ttl_ms), "]", "}", "}", "}");
}

int mg_acquire(struct azd_store *base, struct azd_lease *lease, int64_t ttl_ms, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct azd_str scope = azd_str_of(lease->scope);
  struct azd_lease dead = {.seq = -1};
  int64_t top;
  bson_t *doc;
  int rc = made(store, scope, error);
  if (!rc) rc = top_seq(store, scope, &top, error);
  if (rc) return rc;
  for (bool judged = false;; judged = true) {
    rc = mg_modify(store, MG_LEASES, free_for(lease, &dead), next_lease(lease, top, ttl_ms), false, &doc, error);
    if (rc != AZD_ENOTFOUND) break;
    rc = held(store, lease, &dead, error);
    if (rc) return rc;
    if (judged) /* a dead one's lease was taken by another between our two looks */
      return azd_fail(error, AZD_EBUSY, "%s is being collected: try again", lease->scope);
  }
  if (rc) return rc;
  lease->seq = mg_i64(doc, "token");
  lease->expires_ms = mg_i64(doc, "expires");
  bson_destroy(doc);
  return 0;
}

static int lost(const struct azd_lease *lease, int64_t token, struct azd_error *error) {
  return azd_fail(error, AZD_ECONFLICT, "run %lld of %s has lost its lease to run %lld: nothing of it is kept",
                  (long long)lease->seq, lease->scope, (long long)token);
}

int mg_fenced(struct mg_store *store, const struct azd_lease *lease, struct azd_error *error) {
  bson_t *doc;
  int rc = mg_get(store, MG_LEASES, lease_filter(azd_str_of(lease->scope)), NULL, &doc, error);
  if (rc) return rc == AZD_ENOTFOUND ? lost(lease, 0, error) : rc;
  int64_t token = mg_i64(doc, "token");
  bson_destroy(doc);
  return token == lease->seq ? 0 : lost(lease, token, error);
}

int mg_renew(struct azd_store *base, struct azd_lease *lease, int64_t ttl_ms, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  bson_t *doc;
  bson_t *filter = BCON_NEW("_id", BCON_UTF8(lease->scope), "token", BCON_INT64(lease->seq));
  bson_t *update = BCON_NEW("0", "{", "$set", "{", "expires", "{", "$add", "[", BCON_UTF8("$$NOW"), BCON_INT64(ttl_ms),
                            "]", "}", "}", "}");
  int rc = mg_modify(store, MG_LEASES, filter, update, false, &doc, error);
  if (rc == AZD_ENOTFOUND) {
    rc = mg_fenced(store, lease, error);
    return rc ? rc
              : azd_fail(error, AZD_EIO, "%s: the lease of %s moved while it was renewed", base->name, lease->scope);
  }
  if (rc) return rc;
  lease->expires_ms = mg_i64(doc, "expires");
  bson_destroy(doc);
  return 0;
}

int mg_release(struct azd_store *base, const struct azd_lease *lease, struct azd_error *error) {
  bson_t *filter =
      BCON_NEW("_id", BCON_UTF8(lease->scope), "token", BCON_INT64(lease->seq), "owner", BCON_UTF8(lease->owner));
  bson_t *update = BCON_NEW("$set", "{", "expires", BCON_DATE_TIME(0), "}");
  return mg_update((struct mg_store *)base, MG_LEASES, MG_ONE, filter, update, NULL, error);
}
