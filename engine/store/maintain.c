#include "store/driver.h"

struct azd_schema azd_store_schema(const struct azd_store *store) {
  return store->schema;
}

int azd_store_scope_stats(struct azd_store *store, struct azd_str scope, struct azd_scope_stats *stats,
                          struct azd_error *error) {
  *stats = (struct azd_scope_stats){0};
  return store->ops->scope_stats(store, scope, stats, error);
}

int azd_store_rebuild_indexes(struct azd_store *store, struct azd_error *error) {
  if (store->read_only) return azd_fail(error, AZD_EDENIED, "%s is open for reading only", store->name);
  return store->ops->rebuild_indexes(store, error);
}

int azd_store_chain(struct azd_store *store, struct azd_str scope, int64_t after_seq, size_t limit,
                    struct azd_arena *arena, struct azd_snapshot **snapshots, size_t *count, struct azd_error *error) {
  return store->ops->chain(store, scope, after_seq, limit, arena, snapshots, count, error);
}

int azd_store_scan(struct azd_store *store, const struct azd_scan_query *query, struct azd_version_cursor **cursor,
                   struct azd_error *error) {
  return store->ops->scan(store, query, cursor, error);
}

int azd_store_has_chain(struct azd_store *store, struct azd_str scope, const uint8_t chain[AZD_HASH_BYTES], bool *found,
                        struct azd_error *error) {
  enum { PAGE = 256 };
  int64_t after_seq = 0;
  size_t count = PAGE;
  int rc = 0;
  *found = false;
  while (!rc && !*found && count == PAGE) {
    struct azd_arena arena;
    struct azd_snapshot *page;
    azd_arena_init(&arena, 0);
    rc = azd_store_chain(store, scope, after_seq, PAGE, &arena, &page, &count, error);
    for (size_t i = 0; !rc && i < count; i++) {
      *found = *found || !memcmp(page[i].chain, chain, AZD_HASH_BYTES);
      after_seq = page[i].seq;
    }
    azd_arena_free(&arena);
  }
  return rc;
}
