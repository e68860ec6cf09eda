#include "store/sqlite.h"

#include <stdlib.h>

static uint64_t hash_of(struct azd_str text) { /* FNV-1a: a few thousand texts of our own making */
  uint64_t h = UINT64_C(14695981039346656037);
  for (size_t i = 0; i < text.size; i++) h = (h ^ (unsigned char)text.data[i]) * UINT64_C(1099511628211);
  return h;
}

void sq_intern_clear(struct sq_intern *intern) {
  for (size_t i = 0; i < intern->slot_count; i++) free(intern->entries[i].text);
  free(intern->entries);
  *intern = (struct sq_intern){0};
}

static struct sq_intern_entry *slot_for(const struct sq_intern *intern, struct azd_str text) {
  size_t slot = hash_of(text) & (intern->slot_count - 1);
  for (; intern->entries[slot].text; slot = (slot + 1) & (intern->slot_count - 1))
    if (azd_str_equal((struct azd_str){intern->entries[slot].text, intern->entries[slot].bytes}, text)) break;
  return &intern->entries[slot];
}

/* Only a memory of what the table says: where there is no memory for it, the table is asked again. */
static void remember(struct sq_intern *intern, struct azd_str text, int64_t id) {
  if (intern->count * 2 >= intern->slot_count) {
    struct sq_intern grown = {.slot_count = intern->slot_count ? intern->slot_count * 2 : 256};
    grown.entries = calloc(grown.slot_count, sizeof *grown.entries);
    if (!grown.entries) return;
    for (size_t i = 0; i < intern->slot_count; i++) {
      struct sq_intern_entry *old = &intern->entries[i];
      if (old->text) *slot_for(&grown, (struct azd_str){old->text, old->bytes}) = *old;
    }
    grown.count = intern->count;
    free(intern->entries);
    *intern = grown;
  }
  struct sq_intern_entry *entry = slot_for(intern, text);
  char *copy = malloc(text.size + 1);
  if (!copy) return;
  memcpy(copy, text.data, text.size);
  *entry = (struct sq_intern_entry){.text = copy, .bytes = text.size, .id = id};
  intern->count++;
}

static bool recall(const struct sq_intern *intern, struct azd_str text, int64_t *id) {
  if (!intern->slot_count) return false;
  const struct sq_intern_entry *entry = slot_for(intern, text);
  if (entry->text) *id = entry->id;
  return entry->text != NULL;
}

/* The texts one behind the other with NULs between them: none of them can contain one, Azure's names do not. */
static struct azd_str join(const struct azd_str *texts, size_t count, char *out, size_t out_bytes) {
  size_t at = 0;
  for (size_t i = 0; i < count; i++) {
    if (at + texts[i].size + 1 > out_bytes) return (struct azd_str){0};
    if (texts[i].size) memcpy(out + at, texts[i].data, texts[i].size);
    at += texts[i].size;
    out[at++] = '\0';
  }
  return (struct azd_str){out, at};
}

int sq_kind_id(struct sq_store *store, const struct azd_new_version *v, int64_t *id, struct azd_error *error) {
  char text[1024];
  struct azd_str joined =
      join((struct azd_str[]){v->type, v->view, v->api_version, v->redaction}, 4, text, sizeof text);
  if (joined.size && recall(&store->kinds, joined, id)) return 0;
  static const char find[] = "SELECT id FROM kind WHERE type=? AND view=? AND api_version=? AND redaction=?";
  int rc = sq_int(store->writer, id, error, find, "ssss", v->type, v->view, v->api_version, v->redaction);
  if (rc == AZD_ENOTFOUND) {
    rc = sq_run(store->writer, error, "INSERT INTO kind(type, view, api_version, redaction) VALUES(?,?,?,?)", "ssss",
                v->type, v->view, v->api_version, v->redaction);
    *id = sqlite3_last_insert_rowid(store->writer->db);
  }
  if (!rc && joined.size) remember(&store->kinds, joined, *id);
  return rc;
}

int sq_place_id(struct sq_store *store, struct azd_str subscription_id, struct azd_str resource_group, int64_t *id,
                struct azd_error *error) {
  char text[512];
  struct azd_str joined = join((struct azd_str[]){subscription_id, resource_group}, 2, text, sizeof text);
  if (joined.size && recall(&store->places, joined, id)) return 0;
  static const char find[] = "SELECT id FROM place WHERE subscription_id=? AND resource_group=?";
  int rc = sq_int(store->writer, id, error, find, "ss", subscription_id, resource_group);
  if (rc == AZD_ENOTFOUND) {
    rc = sq_run(store->writer, error, "INSERT INTO place(subscription_id, resource_group) VALUES(?,?)", "ss",
                subscription_id, resource_group);
    *id = sqlite3_last_insert_rowid(store->writer->db);
  }
  if (!rc && joined.size) remember(&store->places, joined, *id);
  return rc;
}
