#include "drift/collect.h"
#include "base/inflate.h"
#include "json/canonical.h"
#include "json/pointer.h"
#include "json/redact.h"

#include <pthread.h>
#include <stdlib.h>

/* A version that waits for the next flush. Its text and body follow it in one block. */
struct waiting {
  struct waiting *next;
  struct azd_new_version version;
  char text[];
};

struct azd_collect {
  struct azd_collect_options options;
  struct azd_map_marks marks;
  pthread_mutex_t mutex; /* guards the queue and the set of new keys */
  struct waiting *first, **last;
  size_t waiting_bytes;
  struct azd_key *new_keys; /* resources that the map does not know, to see a repeated one: open addressing */
  uint8_t *new_used;
  size_t new_count, new_slots; /* a power of two */
};

struct azd_collect_worker {
  struct azd_doc *doc;
  struct azd_sha256 *sha;
  struct azd_codec_work *codec;
  struct azd_redactor *redactor;
  uint8_t redactor_key[AZD_SHA256_BYTES]; /* of the key that the redactor was made with */
  struct azd_inventory inventory;
  struct azd_buf inflated, canonical, encoded, names;
};

struct azd_collect *azd_collect_new(const struct azd_collect_options *options, struct azd_error *error) {
  struct azd_collect *collect = calloc(1, sizeof *collect);
  if (!collect || azd_map_marks_init(&collect->marks, options->map)) {
    free(collect);
    azd_fail(error, AZD_ENOMEM, "no memory for a collection of %.*s", AZD_STR_FORMAT(options->scope));
    return NULL;
  }
  collect->options = *options;
  collect->last = &collect->first;
  pthread_mutex_init(&collect->mutex, NULL);
  return collect;
}

static void free_waiting(struct waiting *waiting) {
  for (struct waiting *next; waiting; waiting = next) {
    next = waiting->next;
    free(waiting);
  }
}

void azd_collect_free(struct azd_collect *collect) {
  if (!collect) return;
  free_waiting(collect->first);
  azd_map_marks_free(&collect->marks);
  pthread_mutex_destroy(&collect->mutex);
  free(collect->new_keys);
  free(collect->new_used);
  free(collect);
}

struct azd_collect_worker *azd_collect_worker_new(void) {
  struct azd_collect_worker *worker = calloc(1, sizeof *worker);
  if (!worker) return NULL;
  worker->doc = azd_doc_new();
  worker->sha = azd_sha256_new();
  worker->codec = azd_codec_work_new();
  azd_inventory_init(&worker->inventory);
  azd_buf_init(&worker->inflated, AZD_PAGE_MAX_BYTES);
  azd_buf_init(&worker->canonical, AZD_BODY_MAX_BYTES);
  azd_buf_init(&worker->encoded, 0);
  azd_buf_init(&worker->names, 0);
  if (worker->doc && worker->sha && worker->codec) return worker;
  azd_collect_worker_free(worker);
  return NULL;
}

void azd_collect_worker_free(struct azd_collect_worker *worker) {
  if (!worker) return;
  azd_doc_free(worker->doc);
  azd_sha256_free(worker->sha);
  azd_codec_work_free(worker->codec);
  azd_redactor_free(worker->redactor);
  azd_inventory_free(&worker->inventory);
  azd_buf_free(&worker->inflated);
  azd_buf_free(&worker->canonical);
  azd_buf_free(&worker->encoded);
  azd_buf_free(&worker->names);
  free(worker);
}

/* A worker outlives runs, and runs may have different keys. */
static int redactor_for(struct azd_collect_worker *worker, struct azd_str key) {
  uint8_t name[AZD_SHA256_BYTES];
  azd_sha256_of(key.data, key.size, name);
  if (worker->redactor && azd_equal_secret(name, worker->redactor_key, sizeof name)) return 0;
  azd_redactor_free(worker->redactor);
  worker->redactor = azd_redactor_new(key);
  memcpy(worker->redactor_key, name, sizeof name);
  return worker->redactor ? 0 : AZD_ENOMEM;
}

static struct azd_str without_slash(struct azd_str id) {
  while (id.size && id.data[id.size - 1] == '/') id.size--;
  return id;
}

static bool owned(struct azd_str scope, struct azd_str id) {
  if (scope.size == 1 && scope.data[0] == '/') return true;
  return azd_str_starts_with_fold(id, scope) && (id.size == scope.size || id.data[scope.size] == '/');
}

/* The segment after the marker: the name of the resource group that an id names, or empty. */
static struct azd_str segment_after(struct azd_str id, struct azd_str marker) {
  for (size_t at = 0; marker.size && at + marker.size < id.size; at++) {
    if (!azd_str_equal_fold((struct azd_str){id.data + at, marker.size}, marker)) continue;
    const char *start = id.data + at + marker.size, *end = memchr(start, '/', id.size - at - marker.size);
    return (struct azd_str){start, end ? (size_t)(end - start) : id.size - at - marker.size};
  }
  return (struct azd_str){"", 0};
}

/* Slot of key among the new ones; *used tells whether it is there. The table has room. */
static size_t new_slot(const struct azd_collect *collect, const struct azd_key *key, bool *used) {
  uint64_t hash;
  memcpy(&hash, key->bytes + AZD_KEY_TYPE_BYTES, sizeof hash);
  size_t slot = (size_t)hash & (collect->new_slots - 1);
  while (collect->new_used[slot] && azd_key_compare(&collect->new_keys[slot], key))
    slot = (slot + 1) & (collect->new_slots - 1);
  *used = collect->new_used[slot];
  return slot;
}

static int grow_new_keys(struct azd_collect *collect) {
  if ((collect->new_count + 1) * 2 <= collect->new_slots) return 0;
  struct azd_key *old_keys = collect->new_keys;
  uint8_t *old_used = collect->new_used;
  size_t old_slots = collect->new_slots, slots = old_slots ? old_slots * 2 : 256;
  struct azd_key *keys = malloc(slots * sizeof *keys);
  uint8_t *used = calloc(slots, 1);
  if (!keys || !used) {
    free(keys);
    free(used);
    return AZD_ENOMEM;
  }
  collect->new_keys = keys;
  collect->new_used = used;
  collect->new_slots = slots;
  for (size_t i = 0; i < old_slots; i++) {
    bool there;
    if (!old_used[i]) continue;
    size_t slot = new_slot(collect, &old_keys[i], &there);
    keys[slot] = old_keys[i];
    used[slot] = 1;
  }
  free(old_keys);
  free(old_used);
  return 0;
}

/* Notes that the run saw the key: 1 when it had before, 0 when not, or AZD_ENOMEM. */
static int note_seen(struct azd_collect *collect, const struct azd_key *key, const struct azd_map_entry *entry) {
  if (entry) return azd_map_mark(&collect->marks, (size_t)(entry - azd_map_entries(collect->options.map)));
  bool used = false;
  pthread_mutex_lock(&collect->mutex);
  int result = grow_new_keys(collect);
  if (!result) {
    size_t slot = new_slot(collect, key, &used);
    if (!used) {
      collect->new_keys[slot] = *key;
      collect->new_used[slot] = 1;
      collect->new_count++;
    }
  }
  pthread_mutex_unlock(&collect->mutex);
  return result ? result : used;
}

static struct azd_str place_text(char **at, struct azd_str text) {
  struct azd_str placed = {*at, text.size};
  if (text.size) memcpy(*at, text.data, text.size);
  *at += text.size;
  return placed;
}

static int queue_version(struct azd_collect *collect, const struct azd_new_version *version) {
  size_t bytes = version->id.size + version->type.size + version->view.size + version->api_version.size +
                 version->resource_group.size + version->body.size;
  struct waiting *waiting = malloc(sizeof *waiting + bytes);
  if (!waiting) return AZD_ENOMEM;
  char *at = waiting->text;
  waiting->next = NULL;
  waiting->version = *version;
  waiting->version.id = place_text(&at, version->id);
  waiting->version.type = place_text(&at, version->type);
  waiting->version.view = place_text(&at, version->view);
  waiting->version.api_version = place_text(&at, version->api_version);
  waiting->version.resource_group = place_text(&at, version->resource_group);
  waiting->version.body = place_text(&at, version->body);
  pthread_mutex_lock(&collect->mutex);
  *collect->last = waiting;
  collect->last = &waiting->next;
  collect->waiting_bytes += sizeof *waiting + bytes;
  pthread_mutex_unlock(&collect->mutex);
  return 0;
}

static int take_item(struct azd_collect *collect, struct azd_collect_worker *worker, const struct azd_page *page,
                     const struct azd_inventory_item *item, struct azd_page_result *result, struct azd_error *error) {
  const struct azd_collect_options *options = &collect->options;
  struct azd_new_version version = {
      .id = without_slash(item->id),
      .type = item->type.size ? item->type : page->type,
      .view = page->view,
      .api_version = page->api_version,
      .subscription_id = options->subscription,
      .redaction = options->redaction_id,
  };
  version.resource_group = segment_after(version.id, options->group_marker);
  version.key = azd_key_of(version.type, version.id);
  version.previous = azd_map_find(options->map, &version.key);
  int seen = note_seen(collect, &version.key, version.previous);
  if (seen < 0) return azd_fail(error, seen, "no memory for the resources of this run");
  if (seen) {
    result->repeated++;
    return 0;
  }
  const struct azd_trie *trie = azd_ruleset_trie(options->ruleset, version.type, 0, error);
  uint32_t redacted = 0;
  if (!trie) return AZD_ENOMEM;
  azd_buf_clear(&worker->canonical);
  int status =
      azd_redact_canonical(worker->redactor, trie, worker->doc, item->node, &worker->canonical, &redacted, error);
  if (status) return status;
  result->redacted += redacted;
  azd_sha256_start(worker->sha);
  azd_sha256_add(worker->sha, worker->canonical.data, worker->canonical.size);
  azd_sha256_end(worker->sha, version.hash);
  if (version.previous && !memcmp(version.previous->hash, version.hash, sizeof version.hash)) return 0;
  azd_buf_clear(&worker->encoded);
  status = azd_codec_encode(azd_store_codec(options->store), worker->codec, azd_buf_str(&worker->canonical),
                            &worker->encoded, error);
  if (status) return status;
  version.body = azd_buf_str(&worker->encoded);
  status = queue_version(collect, &version);
  if (status) return azd_fail(error, status, "no memory for a new version of %.*s", AZD_STR_FORMAT(version.id));
  result->fresh++;
  return 0;
}

static void name_item(struct azd_collect_worker *worker, const struct azd_page *page,
                      const struct azd_inventory_item *item) {
  azd_buf_append_str(&worker->names, without_slash(item->id));
  azd_buf_append_char(&worker->names, 0);
  azd_buf_append_str(&worker->names, item->type.size ? item->type : page->type);
  azd_buf_append_char(&worker->names, 0);
}

/* A link that is neither text nor null is no end of a list: what it hides would count as read. */
static int next_link(const struct azd_doc *doc, const struct azd_page *page, struct azd_str *link,
                     struct azd_error *error) {
  *link = (struct azd_str){"", 0};
  for (size_t i = 0; i < AZD_PAGE_NEXT_MAX && !link->size; i++) {
    azd_node node;
    if (!page->next[i].size || azd_pointer_resolve(doc, 0, page->next[i], &node)) continue;
    if (azd_doc_type(doc, node) == AZD_JSON_STRING)
      *link = azd_doc_string(doc, node);
    else if (azd_doc_type(doc, node) != AZD_JSON_NULL)
      return azd_fail(error, AZD_EPARSE, "the link to the next page (%.*s) is no text", AZD_STR_FORMAT(page->next[i]));
  }
  return 0;
}

/* Inflates and parses the reply, and finds its resources. */
static int open_page(struct azd_collect *collect, struct azd_collect_worker *worker, const struct azd_page *page,
                     struct azd_error *error) {
  struct azd_str text = page->bytes;
  if (page->packed) {
    azd_buf_clear(&worker->inflated);
    int status = azd_inflate(page->bytes, &worker->inflated, error);
    if (status) return status;
    text = azd_buf_str(&worker->inflated);
  }
  int status = azd_doc_parse(worker->doc, text, &(struct azd_doc_limits){.max_bytes = AZD_PAGE_MAX_BYTES}, error);
  if (!status) status = azd_inventory_read(&worker->inventory, worker->doc, collect->options.shape, error);
  if (status) return status;
  const struct azd_inventory *inventory = &worker->inventory;
  if (page->single != (inventory->form == AZD_INVENTORY_ONE))
    return azd_fail(error, AZD_EPARSE,
                    page->single ? "the reply is a list, not a resource" : "the reply is no page of a list");
  if (page->single && !azd_str_equal_fold(without_slash(inventory->items[0].id), without_slash(page->id)))
    return azd_fail(error, AZD_EPARSE, "asked for %.*s, the reply is of '%.*s'", AZD_STR_FORMAT(page->id),
                    AZD_STR_FORMAT(inventory->items[0].id));
  return redactor_for(worker, collect->options.redaction_key);
}

int azd_collect_page(struct azd_collect *collect, struct azd_collect_worker *worker, const struct azd_page *page,
                     struct azd_page_result *result, struct azd_error *error) {
  *result = (struct azd_page_result){0};
  struct azd_str next;
  int status = open_page(collect, worker, page, error);
  if (!status) status = next_link(worker->doc, page, &next, error);
  if (status) return status;
  azd_buf_clear(&worker->names);
  const struct azd_inventory *inventory = &worker->inventory;
  for (uint32_t i = 0; i < inventory->count && !status; i++) {
    const struct azd_inventory_item *item = &inventory->items[i];
    if (!owned(collect->options.scope, without_slash(item->id))) {
      result->not_owned++;
      continue;
    }
    result->items++;
    if (page->names) name_item(worker, page, item);
    if (!page->inventory) status = take_item(collect, worker, page, item, result, error);
  }
  if (!status && azd_buf_status(&worker->names))
    status = azd_fail(error, AZD_ENOMEM, "no memory for the names of a page");
  if (status) return status;
  result->nameless = inventory->without_id;
  result->duplicate_keys = azd_doc_duplicates(worker->doc, NULL);
  result->next = next;
  result->names = azd_buf_str(&worker->names);
  return 0;
}

size_t azd_collect_waiting_bytes(struct azd_collect *collect) {
  pthread_mutex_lock(&collect->mutex);
  size_t bytes = collect->waiting_bytes;
  pthread_mutex_unlock(&collect->mutex);
  return bytes;
}

enum { FLUSH_BATCH = 256 };

int azd_collect_flush(struct azd_collect *collect, struct azd_commit *commit, struct azd_error *error) {
  pthread_mutex_lock(&collect->mutex);
  struct waiting *first = collect->first;
  collect->first = NULL;
  collect->last = &collect->first;
  collect->waiting_bytes = 0;
  pthread_mutex_unlock(&collect->mutex);
  int status = 0;
  struct azd_new_version batch[FLUSH_BATCH];
  for (struct waiting *waiting = first; waiting && !status;) {
    size_t count = 0;
    for (; waiting && count < FLUSH_BATCH; waiting = waiting->next) batch[count++] = waiting->version;
    status = azd_commit_put(commit, batch, count, NULL, error);
  }
  free_waiting(first);
  return status;
}

void azd_collect_missing(struct azd_collect *collect, struct azd_str type, bool (*tell)(void *context, size_t place),
                         void *context) {
  size_t first = 0, count = azd_map_of_type(collect->options.map, type, &first);
  for (size_t place = first; place < first + count; place++)
    if (!azd_map_marked(&collect->marks, place) && !tell(context, place)) return;
}

void azd_collect_keep(struct azd_collect *collect, size_t place) {
  azd_map_mark(&collect->marks, place);
}
