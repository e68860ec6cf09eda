/* What tests of the two jobs share: Azure's shape as the workflow tells it, a bundle of one rules and one policies
 * file, a store in a folder of its own, and pages as ARM writes them. Everything asserts on failure, with the engine's
 * own sentence. */
#ifndef AZD_TESTS_DRIFT_WORLD_H
#define AZD_TESTS_DRIFT_WORLD_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "drift/inventory.h"
#include "store/store.h"
#include "support/script_project.h"

#define SUBSCRIPTION "/subscriptions/11111111-2222-3333-4444-555555555555"
#define GROUP        SUBSCRIPTION "/resourceGroups/RG-one"
#define ACCOUNT(n)   GROUP "/providers/Microsoft.Storage/storageAccounts/" n
#define ACCOUNTS     "Microsoft.Storage/storageAccounts"

static const struct azd_shape azure_shape = {
    .items = {"/value", 6},
    .groups = {"/resources", 10},
    .id = {"id", 2},
    .type = {"type", 4},
    .type_marker = {"/providers/", 11},
    .root_type = {"Microsoft.Resources/resourceGroups", 34},
};

static const struct azd_str redaction_key = {"0123456789abcdef0123456789abcdef", 32};

static struct azd_error drift_error;
#define ERR (&drift_error)
#define must(call)                                                                                                     \
  do {                                                                                                                 \
    drift_error.text[0] = '\0';                                                                                        \
    int rc_ = (call);                                                                                                  \
    if (rc_) fail_msg("%s: %s: %s", #call, azd_err_name(rc_), drift_error.text);                                       \
  } while (0)

static inline void assert_str(struct azd_str got, const char *wanted) {
  if (!azd_str_equal(got, azd_str_of(wanted))) fail_msg("'%.*s', not '%s'", AZD_STR_FORMAT(got), wanted);
}

/* wanted stands in got (or, with found false, does not). */
static inline void assert_within(struct azd_str got, const char *wanted, bool found) {
  bool is_there = got.size && memmem(got.data, got.size, wanted, strlen(wanted)) != NULL;
  if (is_there != found) fail_msg("'%s' %s in: %.*s", wanted, found ? "is not" : "stands", AZD_STR_FORMAT(got));
}
#define assert_has(got, wanted)   assert_within(got, wanted, true)
#define assert_lacks(got, wanted) assert_within(got, wanted, false)

/* A bundle of these two files (NULL: none), proved. */
static inline struct azd_bundle *bundle_of(const char *rules, const char *policies) {
  struct script_project project;
  struct azd_bundle *bundle = NULL;
  project_open(&project);
  if (rules) project_write(&project, "rules/r.lua", rules);
  if (policies) project_write(&project, "policies/p.lua", policies);
  must(project_build(&project, "", false, &bundle, ERR));
  project_close(&project);
  return bundle;
}

/* ---- a store in a folder of its own ---- */

struct store_place {
  char folder[64], path[96];
  struct azd_store *store;
};

static inline void store_place_open(struct store_place *place) {
  strcpy(place->folder, "/tmp/azdrift-drift-XXXXXX");
  assert_non_null(mkdtemp(place->folder));
  snprintf(place->path, sizeof place->path, "%s/azdrift.db", place->folder);
  must(azd_store_open(&(struct azd_store_options){.url = place->path}, &place->store, ERR));
}

static inline void store_place_close(struct store_place *place) {
  static const char *const ends[] = {"", "-wal", "-shm"};
  char path[128];
  azd_store_close(place->store);
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    snprintf(path, sizeof path, "%s%s", place->path, ends[i]);
    unlink(path);
  }
  rmdir(place->folder);
}

static inline size_t times_in(const char *bytes, size_t size, const char *text) {
  size_t found = 0;
  for (const char *at = bytes, *end = bytes + size; (at = memmem(at, (size_t)(end - at), text, strlen(text))) != NULL;
       at++)
    found++;
  return found;
}

/* How often text stands in the store's files as they lie on the disk. Bodies are compressed there: see below. */
static inline size_t store_place_holds(const struct store_place *place, const char *text) {
  static const char *const ends[] = {"", "-wal"};
  size_t found = 0;
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    char path[128];
    snprintf(path, sizeof path, "%s%s", place->path, ends[i]);
    FILE *file = fopen(path, "rb");
    if (!file) continue;
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    char *bytes = malloc(size + 1);
    rewind(file);
    assert_int_equal(fread(bytes, 1, size, file), size);
    found += times_in(bytes, size, text);
    free(bytes);
    fclose(file);
  }
  return found;
}

/* How often text stands in the bodies of a snapshot. */
static inline size_t store_place_bodies_hold(const struct store_place *place, struct azd_str scope, int64_t seq,
                                             const char *text) {
  struct azd_version_cursor *cursor = NULL;
  struct azd_version version;
  struct azd_codec_work *work = azd_codec_work_new();
  struct azd_buf body;
  size_t found = 0;
  int more;
  azd_buf_init(&body, 0);
  must(azd_store_versions(place->store, &(struct azd_version_query){.scope = scope, .seq = seq, .bodies = true},
                          &cursor, ERR));
  while ((more = azd_version_next(cursor, &version, ERR)) == 1) {
    azd_buf_clear(&body);
    must(azd_codec_decode(azd_store_codec(place->store), work, version.body, &body, ERR));
    found += times_in(body.data, body.size, text);
  }
  must(more);
  azd_version_close(cursor);
  azd_codec_work_free(work);
  azd_buf_free(&body);
  return found;
}

#endif
