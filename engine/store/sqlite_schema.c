/* The tables, and the migrations from one schema version to the next. */
#include "base/clock.h"
#include "store/sqlite.h"

#include <unistd.h>

enum { APPLICATION_ID = 0x417a4472 }; /* "AzDr": tells our files from other programs' */

/* version: history as intervals, one row a state of a resource; a rowid table, because bodies are large and the indexes
 * are what is scanned. Open is to_seq = 2^63-1. version_to also covers the hash map; its key order is the order of
 * exports. kind and place hold what many versions share. The view resource_versions is for people with a SQL prompt. */
static const char schema_1[] =
    "CREATE TABLE migration(version INTEGER PRIMARY KEY, applied_ms INTEGER NOT NULL);"
    "CREATE TABLE scope(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE lease(scope INTEGER PRIMARY KEY, owner TEXT NOT NULL, token INTEGER NOT NULL,"
    " expires_ms INTEGER NOT NULL);"
    "CREATE TABLE snapshot(scope INTEGER NOT NULL, seq INTEGER NOT NULL, id TEXT NOT NULL, timestamp_ms INTEGER NOT "
    "NULL,"
    " status INTEGER NOT NULL, final_status INTEGER NOT NULL, subscription_id TEXT NOT NULL,"
    " resource_group TEXT NOT NULL, coverage TEXT NOT NULL, missing TEXT NOT NULL, stamps TEXT NOT NULL,"
    " redaction_key TEXT NOT NULL, resources INTEGER NOT NULL, added INTEGER NOT NULL, changed INTEGER NOT NULL,"
    " removed INTEGER NOT NULL, hashes_xor BLOB NOT NULL, previous_chain BLOB NOT NULL, changes_hash BLOB NOT NULL,"
    " chain BLOB NOT NULL, PRIMARY KEY(scope, seq)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX snapshot_id ON snapshot(id);"
    "CREATE INDEX snapshot_time ON snapshot(timestamp_ms);"
    "CREATE TABLE kind(id INTEGER PRIMARY KEY, type TEXT NOT NULL, view TEXT NOT NULL, api_version TEXT NOT NULL,"
    " redaction TEXT NOT NULL, UNIQUE(type, view, api_version, redaction));"
    "CREATE TABLE place(id INTEGER PRIMARY KEY, subscription_id TEXT NOT NULL, resource_group TEXT NOT NULL,"
    " UNIQUE(subscription_id, resource_group));"
    "CREATE TABLE version(id INTEGER PRIMARY KEY, scope INTEGER NOT NULL, khash BLOB NOT NULL, from_seq INTEGER NOT "
    "NULL,"
    " to_seq INTEGER NOT NULL, prev_from INTEGER NOT NULL, hash BLOB NOT NULL, kind INTEGER NOT NULL,"
    " place INTEGER NOT NULL, resource_id TEXT NOT NULL, body BLOB NOT NULL);"
    "CREATE UNIQUE INDEX version_key ON version(scope, khash, from_seq);"
    "CREATE INDEX version_from ON version(scope, from_seq);"
    "CREATE INDEX version_to ON version(scope, to_seq, khash, hash, from_seq);"
    "CREATE TABLE dictionary(id BLOB PRIMARY KEY, bytes BLOB NOT NULL, made_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE baseline(scope INTEGER NOT NULL, type_key BLOB NOT NULL, type TEXT NOT NULL, seq INTEGER NOT NULL,"
    " set_ms INTEGER NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, PRIMARY KEY(scope, type_key)) WITHOUT ROWID;"
    "CREATE TABLE accepted(scope INTEGER NOT NULL, khash BLOB NOT NULL, type TEXT NOT NULL, resource_id TEXT NOT NULL,"
    " seq INTEGER NOT NULL, body BLOB NOT NULL, hash BLOB NOT NULL, set_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL,"
    " who TEXT NOT NULL, why TEXT NOT NULL, PRIMARY KEY(scope, khash)) WITHOUT ROWID;"
    "CREATE TABLE report(id TEXT PRIMARY KEY, scope INTEGER NOT NULL, revision INTEGER NOT NULL,"
    " timestamp_ms INTEGER NOT NULL, snapshot_id TEXT NOT NULL, baseline_id TEXT NOT NULL, from_seq INTEGER NOT NULL,"
    " to_seq INTEGER NOT NULL, has_drift INTEGER NOT NULL, complete INTEGER NOT NULL, header TEXT NOT NULL);"
    "CREATE INDEX report_time ON report(timestamp_ms);"
    "CREATE INDEX report_scope_time ON report(scope, timestamp_ms);"
    "CREATE INDEX report_snapshot ON report(snapshot_id);"
    "CREATE TABLE drift(report TEXT NOT NULL, place INTEGER NOT NULL, id TEXT NOT NULL, fingerprint TEXT NOT NULL,"
    " kind TEXT NOT NULL, type TEXT NOT NULL, resource_id TEXT NOT NULL, severity TEXT NOT NULL, status INTEGER NOT "
    "NULL,"
    " first_seen_seq INTEGER NOT NULL, first_seen_ms INTEGER NOT NULL, last_seen_seq INTEGER NOT NULL,"
    " last_seen_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL,"
    " document TEXT NOT NULL);"
    "CREATE UNIQUE INDEX drift_place ON drift(report, place);"
    "CREATE INDEX drift_fingerprint ON drift(fingerprint, report);"
    "CREATE TABLE drift_life(scope INTEGER NOT NULL, fingerprint TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,"
    " type TEXT NOT NULL, resource_id TEXT NOT NULL, severity TEXT NOT NULL, status INTEGER NOT NULL,"
    " first_seen_seq INTEGER NOT NULL, first_seen_ms INTEGER NOT NULL, last_seen_seq INTEGER NOT NULL,"
    " last_seen_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL,"
    " report TEXT NOT NULL, PRIMARY KEY(scope, fingerprint)) WITHOUT ROWID;"
    "CREATE INDEX drift_life_first ON drift_life(scope, status, first_seen_seq);"
    "CREATE TABLE small(kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL, bytes BLOB NOT NULL,"
    " PRIMARY KEY(kind, id)) WITHOUT ROWID;"
    "CREATE VIEW resource_versions AS SELECT s.name AS scope, v.resource_id AS id, k.type, k.view, k.api_version,"
    " p.subscription_id, p.resource_group, v.from_seq, v.to_seq, lower(hex(v.hash)) AS hash, length(v.body) AS "
    "body_bytes"
    " FROM version v JOIN scope s ON s.id = v.scope JOIN kind k ON k.id = v.kind JOIN place p ON p.id = v.place;";

/* What was accepted holds until different times, and knows the baseline it was made on; a life remembers its earlier
 * ones. */
static const char schema_2[] =
    "ALTER TABLE accepted RENAME TO accepted_1;"
    "CREATE TABLE accepted(scope INTEGER NOT NULL, khash BLOB NOT NULL, type TEXT NOT NULL, resource_id TEXT NOT NULL,"
    " revision INTEGER NOT NULL, baseline_ms INTEGER NOT NULL, set_ms INTEGER NOT NULL, who TEXT NOT NULL,"
    " why TEXT NOT NULL, evidence TEXT NOT NULL, PRIMARY KEY(scope, khash)) WITHOUT ROWID;"
    "CREATE TABLE accepted_state(scope INTEGER NOT NULL, khash BLOB NOT NULL, place INTEGER NOT NULL,"
    " until_ms INTEGER NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL, redaction TEXT NOT NULL,"
    " hash BLOB NOT NULL, PRIMARY KEY(scope, khash, place)) WITHOUT ROWID;"
    "INSERT INTO accepted SELECT scope, khash, type, resource_id, 1, 0, set_ms, who, why, '' FROM accepted_1;"
    "INSERT INTO accepted_state SELECT scope, khash, 0, until_ms, seq, body, '', hash FROM accepted_1;"
    "DROP TABLE accepted_1;"
    "ALTER TABLE drift_life ADD COLUMN earlier TEXT NOT NULL DEFAULT '';";

/* What is not finished is looked for at each read and each start: among thousands of snapshots, an index has it. */
static const char schema_3[] =
    "CREATE INDEX snapshot_unfinished ON snapshot(scope, status, seq) WHERE status IN " SQ_UNFINISHED ";";

/* migrations[n] brings a file from version n to n + 1. They only ever get longer. */
static const char *const migrations[] = {schema_1, schema_2, schema_3};
_Static_assert(sizeof migrations / sizeof *migrations == SQ_SCHEMA_VERSION, "one migration a version");

static int exec(struct sq_conn *conn, const char *sql, struct azd_error *error) {
  return sq_exec(conn, sql, "making its tables", error);
}

int sq_schema_model(sqlite3 **model) {
  int code = sqlite3_open(":memory:", model);
  for (size_t i = 0; !code && i < SQ_SCHEMA_VERSION; i++) code = sqlite3_exec(*model, migrations[i], NULL, NULL, NULL);
  return code;
}

static int read_version(struct sq_conn *conn, int64_t *version, struct azd_error *error) {
  int64_t application = 0, tables = 0;
  *version = 0;
  int rc = sq_int(conn, &application, error, "PRAGMA application_id", "");
  if (!rc) rc = sq_int(conn, &tables, error, "SELECT count(*) FROM sqlite_schema", "");
  if (rc || (!application && !tables)) return rc;
  if (application != APPLICATION_ID)
    return azd_fail(error, AZD_EPARSE, "%s is a database of another program: name another file, or move this one away",
                    conn->store->path);
  return sq_int(conn, version, error, "SELECT max(version) FROM migration", "");
}

/* 0: an empty file. AZD_EPARSE: somebody else's. In one moment of the file: between two, another program may make its
 * tables, and half of them would look like a stranger's. */
static int version_of(struct sq_conn *conn, int64_t *version, struct azd_error *error) {
  int rc = exec(conn, "SAVEPOINT look", error);
  if (rc) return rc;
  rc = read_version(conn, version, error);
  int ended = exec(conn, "RELEASE look", rc ? NULL : error);
  return rc ? rc : ended;
}

static int migrate(struct sq_conn *conn, int64_t version, struct azd_error *error) {
  int rc = 0;
  for (; !rc && version < SQ_SCHEMA_VERSION; version++) {
    rc = exec(conn, migrations[version], error);
    if (!rc)
      rc = sq_run(conn, error, "INSERT INTO migration(version, applied_ms) VALUES(?,?)", "ii", version + 1,
                  azd_clock_wall_ms());
  }
  return rc;
}

/* Two programs may find the file empty at once. SQLite does not wait for the switch to WAL, so it is asked again. */
static int prepare_file(struct sq_conn *conn, struct azd_error *error) {
  int64_t start_ns = azd_clock_mono_ns(), limit_ns = (int64_t)conn->store->busy_timeout_ms * 1000000;
  for (;;) {
    int code = sqlite3_exec(conn->db, "PRAGMA page_size=8192; PRAGMA journal_mode=WAL", NULL, NULL, NULL);
    if ((code & 0xff) != SQLITE_BUSY) return code ? sq_fail(conn, code, "opening", error) : 0;
    if (azd_clock_mono_ns() - start_ns > limit_ns) return sq_fail(conn, code, "opening", error);
    usleep(2000);
  }
}

int sq_schema_ready(struct sq_conn *conn, bool read_only, struct azd_error *error) {
  int64_t version;
  int rc = version_of(conn, &version, error);
  if (rc) return rc;
  if (version > SQ_SCHEMA_VERSION)
    return azd_fail(
        error, AZD_EUNSUPPORTED,
        "%s was written by a newer azdrift (schema %lld, this one knows %d): use that azdrift, or another file",
        conn->store->path, (long long)version, SQ_SCHEMA_VERSION);
  conn->store->base.schema = (struct azd_schema){SQ_SCHEMA_VERSION, version};
  if (read_only)
    return version == SQ_SCHEMA_VERSION ? 0
           : version == 0 ? azd_fail(error, AZD_EPARSE, "%s is empty: collect into it first", conn->store->path)
                          : azd_fail(error, AZD_EUNSUPPORTED, "%s has an older schema (%lld): run `azdrift db migrate`",
                                     conn->store->path, (long long)version);
  rc = prepare_file(conn, error);
  if (rc || version == SQ_SCHEMA_VERSION) return rc;
  rc = exec(conn, "BEGIN IMMEDIATE", error);
  if (rc) return rc;
  rc = version_of(conn, &version, error);
  if (!rc) rc = migrate(conn, version, error);
  if (!rc) rc = exec(conn, "PRAGMA application_id=1098531954", error);
  if (!rc) rc = exec(conn, "COMMIT", error);
  if (rc) exec(conn, "ROLLBACK", NULL);
  return rc;
}
_Static_assert(APPLICATION_ID == 1098531954, "the pragma takes no parameter");
