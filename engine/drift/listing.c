#include "drift/listing.h"
#include "base/crypto.h"
#include "json/pointer.h"
#include "json/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Members beside the resources; a page of Azure has one or two. */
enum { OUTER_NAMES_MAX = 64, FIRST_ENTRIES = 1024, BUCKETS = 1 << 16, SORTED_BY_INSERTION_MAX = 32 };

struct azd_listing {
  int fd;
  char *path;
  struct stat stat; /* when it was read */
  const struct azd_shape *shape;
  enum azd_inventory_form form;
  struct azd_listing_entry *entries;
  uint32_t count, capacity, resources, duplicate_keys;
  struct azd_arena arena; /* of the types */
  struct azd_str *types;  /* of an export's groups */
  uint32_t type_count, type_capacity;
};

/* One pass over the file. */
struct reading {
  struct azd_listing *listing;
  struct azd_stream *stream;
  struct azd_doc *doc;
  struct azd_sha256 *sha;
  struct azd_buf folded;
  struct azd_str items_name, groups_name; /* of the root's members */
  struct azd_error *error;
};

/* One key for all listings of a process: two of them are compared, and they are read side by side. */
static struct azd_poly_key text_key;
static pthread_once_t text_key_once = PTHREAD_ONCE_INIT;

static void make_text_key(void) {
  azd_poly_key_make(&text_key);
}

/* What the steps below answer beside 0 and a negative azd_err: not a list, look at the whole text instead. */
enum { NO_LIST = 1 };

void azd_listing_free(struct azd_listing *listing) {
  if (!listing) return;
  if (listing->fd >= 0) close(listing->fd);
  azd_arena_free(&listing->arena);
  free(listing->types);
  free(listing->entries);
  free(listing->path);
  free(listing);
}

/* The name in "/name"; empty where the pointer is longer, or escaped. */
static struct azd_str only_step(struct azd_str pointer) {
  if (pointer.size < 2 || *pointer.data != '/') return AZD_STR("");
  struct azd_str name = {pointer.data + 1, pointer.size - 1};
  bool is_plain = !memchr(name.data, '/', name.size) && !memchr(name.data, '~', name.size);
  return is_plain ? name : AZD_STR("");
}

/* ---- entries ---- */

static int no_memory(const struct reading *reading) {
  return azd_fail(reading->error, AZD_ENOMEM, "no memory for the resources of this file");
}

static struct azd_listing_entry *next_entry(struct azd_listing *listing) {
  if (listing->count == listing->capacity) {
    uint32_t capacity = listing->capacity ? listing->capacity + listing->capacity / 2 : FIRST_ENTRIES;
    struct azd_listing_entry *entries =
        capacity > listing->capacity ? realloc(listing->entries, capacity * sizeof *entries) : NULL;
    if (!entries) return NULL;
    listing->entries = entries;
    listing->capacity = capacity;
  }
  return &listing->entries[listing->count];
}

static int make_key(struct reading *reading, struct azd_str id, uint8_t key[AZD_LISTING_KEY_BYTES]) {
  uint8_t digest[AZD_SHA256_BYTES];
  while (id.size && id.data[id.size - 1] == '/') id.size--;
  azd_buf_clear(&reading->folded);
  char *folded = azd_buf_reserve(&reading->folded, id.size + 1);
  if (!folded) return no_memory(reading);
  for (size_t i = 0; i < id.size; i++) folded[i] = (char)azd_fold((unsigned char)id.data[i]);
  azd_sha256_start(reading->sha);
  azd_sha256_add(reading->sha, folded, id.size);
  azd_sha256_end(reading->sha, digest);
  memcpy(key, digest, AZD_LISTING_KEY_BYTES);
  return 0;
}

static int add_entry(struct reading *reading, struct azd_str id, const struct azd_stream_value *value, uint32_t index,
                     uint32_t group) {
  struct azd_listing_entry *entry = next_entry(reading->listing);
  if (!entry) return no_memory(reading);
  *entry = (struct azd_listing_entry){
      .offset = value->begin, .size = (uint32_t)(value->end - value->begin), .index = index, .group = group};
  int status = make_key(reading, id, entry->key);
  if (status) return status;
  azd_poly_hash(&text_key, value->text.data, value->text.size, entry->hash);
  reading->listing->count++;
  return 0;
}

/* ---- the forms of a text ---- */

static int read_child(struct reading *reading, struct azd_stream_value *value) {
  int status = azd_stream_value(reading->stream, reading->doc, value, reading->error);
  if (!status) reading->listing->duplicate_keys += azd_doc_duplicates(reading->doc, NULL);
  return status;
}

/* Inside an array of resources, to its end. */
static int read_items(struct reading *reading) {
  struct azd_stream_value value;
  int more;
  for (uint32_t index = 0; (more = azd_stream_next(reading->stream, reading->error)) > 0; index++) {
    if (azd_stream_first_byte(reading->stream) != '{' || index == UINT32_MAX) {
      /* What is no value is refused as one. */
      int status = read_child(reading, &value);
      return status ? status : NO_LIST;
    }
    int status = read_child(reading, &value);
    if (status) return status;
    azd_node id = azd_doc_member(reading->doc, 0, reading->listing->shape->id);
    if (id == AZD_NODE_NONE || azd_doc_type(reading->doc, id) != AZD_JSON_STRING ||
        !azd_doc_string(reading->doc, id).size)
      return NO_LIST;
    status = add_entry(reading, azd_doc_string(reading->doc, id), &value, index, 0);
    if (status) return status;
  }
  return more;
}

static int add_type(struct reading *reading, struct azd_str name) {
  struct azd_listing *listing = reading->listing;
  if (listing->type_count == listing->type_capacity) {
    uint32_t capacity = listing->type_capacity * 2 + 64;
    struct azd_str *types = realloc(listing->types, capacity * sizeof *types);
    if (!types) return no_memory(reading);
    listing->types = types;
    listing->type_capacity = capacity;
  }
  char *copy = azd_arena_copy(&listing->arena, name);
  if (!copy) return no_memory(reading);
  listing->types[listing->type_count++] = (struct azd_str){copy, name.size};
  return 0;
}

static int by_text(const void *a, const void *b) {
  return azd_str_compare(*(const struct azd_str *)a, *(const struct azd_str *)b);
}

/* Of a doubled group the last counts, which a reader that goes forward cannot know. */
static int check_types(struct reading *reading) {
  const struct azd_listing *listing = reading->listing;
  if (listing->type_count < 2) return 0;
  struct azd_str *sorted = malloc(listing->type_count * sizeof *sorted);
  if (!sorted) return no_memory(reading);
  memcpy(sorted, listing->types, listing->type_count * sizeof *sorted);
  qsort(sorted, listing->type_count, sizeof *sorted, by_text);
  int status = 0;
  for (uint32_t i = 1; i < listing->type_count && !status; i++)
    if (azd_str_equal(sorted[i - 1], sorted[i])) status = NO_LIST;
  free(sorted);
  return status;
}

/* Inside an object {type: {id: body}}, to its end. */
static int read_groups(struct reading *reading) {
  struct azd_listing *listing = reading->listing;
  struct azd_stream_value value;
  int more, status;
  while ((more = azd_stream_next(reading->stream, reading->error)) > 0) {
    if (azd_stream_first_byte(reading->stream) != '{') return NO_LIST;
    status = add_type(reading, azd_stream_name(reading->stream));
    if (status) return status;
    azd_stream_enter(reading->stream);
    while ((more = azd_stream_next(reading->stream, reading->error)) > 0) {
      status = read_child(reading, &value);
      if (!status) status = add_entry(reading, azd_stream_name(reading->stream), &value, 0, listing->type_count - 1);
      if (status) return status;
    }
    if (more) return more;
  }
  return more ? more : check_types(reading);
}

/* A member of the root that holds the resources: 0, and what it holds is read; NO_LIST where it holds something else.
 */
static int read_resources(struct reading *reading, bool in_groups) {
  bool fits = azd_stream_first_byte(reading->stream) == (in_groups ? '{' : '[');
  if (!fits || reading->listing->form != AZD_INVENTORY_ONE) return NO_LIST;
  reading->listing->form = in_groups ? AZD_INVENTORY_EXPORT : AZD_INVENTORY_PAGE;
  azd_stream_enter(reading->stream);
  return in_groups ? read_groups(reading) : read_items(reading);
}

/* Inside an object: a page or an export. */
static int read_members(struct reading *reading) {
  uint8_t names[OUTER_NAMES_MAX][AZD_SHA256_BYTES];
  uint32_t count = 0;
  int more;
  while ((more = azd_stream_next(reading->stream, reading->error)) > 0) {
    struct azd_str name = azd_stream_name(reading->stream);
    if (count == OUTER_NAMES_MAX) return NO_LIST;
    azd_sha256_of(name.data, name.size, names[count]);
    for (uint32_t i = 0; i < count; i++)
      if (!memcmp(names[i], names[count], AZD_SHA256_BYTES)) return NO_LIST;
    count++;
    struct azd_stream_value value;
    bool in_groups = azd_str_equal(name, reading->groups_name),
         is_id = azd_str_equal(name, reading->listing->shape->id);
    int status = in_groups || azd_str_equal(name, reading->items_name) ? read_resources(reading, in_groups)
                                                                       : read_child(reading, &value);
    if (!status && is_id && azd_doc_type(reading->doc, 0) == AZD_JSON_STRING && azd_doc_string(reading->doc, 0).size)
      status = NO_LIST;
    if (status) return status;
  }
  return more ? more : reading->listing->form == AZD_INVENTORY_ONE ? NO_LIST : 0;
}

static int read_root(struct reading *reading) {
  struct azd_stream_value value;
  int more = azd_stream_next(reading->stream, reading->error), status;
  if (more < 0) return more;
  char first = azd_stream_first_byte(reading->stream);
  if (first != '{' && first != '[') {
    status = read_child(reading, &value);
    return status ? status : NO_LIST;
  }
  if (first == '[') reading->listing->form = AZD_INVENTORY_ARRAY;
  azd_stream_enter(reading->stream);
  status = first == '[' ? read_items(reading) : read_members(reading);
  return status;
}

/* ---- order ---- */

static int by_key(const void *a, const void *b) {
  const struct azd_listing_entry *x = a, *y = b;
  int order = memcmp(x->key, y->key, sizeof x->key);
  return order ? order : (x->offset > y->offset) - (x->offset < y->offset);
}

static uint32_t bucket_of(const struct azd_listing_entry *entry) {
  return (uint32_t)entry->key[0] << 8 | entry->key[1];
}

/* A bucket holds one or two entries, or the same id again and again, in order already. */
static void sort_bucket(struct azd_listing_entry *entries, uint32_t count) {
  if (count > SORTED_BY_INSERTION_MAX) {
    qsort(entries, count, sizeof *entries, by_key);
    return;
  }
  for (uint32_t i = 1; i < count; i++) {
    struct azd_listing_entry moving = entries[i];
    uint32_t to = i;
    for (; to > 0 && by_key(&moving, &entries[to - 1]) < 0; to--) entries[to] = entries[to - 1];
    entries[to] = moving;
  }
}

/* Keys are hashes, so that their first two bytes deal them out evenly. */
static int sort_by_key(struct azd_listing *listing, struct azd_error *error) {
  uint32_t *ends = calloc(BUCKETS, sizeof *ends), begin = 0;
  struct azd_listing_entry *sorted = malloc((listing->count + 1) * sizeof *sorted);
  if (!ends || !sorted) {
    free(ends);
    free(sorted);
    return azd_fail(error, AZD_ENOMEM, "no memory for the resources of this file");
  }
  for (uint32_t i = 0; i < listing->count; i++) ends[bucket_of(&listing->entries[i])]++;
  for (uint32_t i = 0, sum = 0; i < BUCKETS; i++) { /* counts become places */
    uint32_t count = ends[i];
    ends[i] = sum;
    sum += count;
  }
  for (uint32_t i = 0; i < listing->count; i++) sorted[ends[bucket_of(&listing->entries[i])]++] = listing->entries[i];
  for (uint32_t i = 0; i < BUCKETS; begin = ends[i++]) sort_bucket(sorted + begin, ends[i] - begin);
  free(ends);
  free(listing->entries);
  listing->entries = sorted;
  listing->capacity = listing->count + 1;
  return 0;
}

static int sort_entries(struct azd_listing *listing, struct azd_error *error) {
  int status = sort_by_key(listing, error);
  if (status) return status;
  listing->resources = listing->count;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < listing->count; i++) {
    const struct azd_listing_entry *entry = &listing->entries[i], *last = kept ? &listing->entries[kept - 1] : NULL;
    bool is_again = last && !memcmp(last->key, entry->key, sizeof entry->key);
    /* In one object of an export it may be a doubled name, of which the last counts. */
    if (is_again && listing->form == AZD_INVENTORY_EXPORT && last->group == entry->group) return NO_LIST;
    if (!is_again) listing->entries[kept++] = *entry;
  }
  listing->count = kept;
  return 0;
}

/* ---- the file ---- */

static bool is_as_read(const struct azd_listing *listing) {
  struct stat stat;
  return !fstat(listing->fd, &stat) && stat.st_size == listing->stat.st_size &&
         stat.st_mtim.tv_sec == listing->stat.st_mtim.tv_sec && stat.st_mtim.tv_nsec == listing->stat.st_mtim.tv_nsec;
}

static int changed(const struct azd_listing *listing, struct azd_error *error) {
  return azd_fail(error, AZD_EIO, "%s: changed while it was read", listing->path);
}

static int read_file(struct azd_listing *listing, struct azd_error *error) {
  struct reading reading = {.listing = listing,
                            .stream = azd_stream_new(),
                            .doc = azd_doc_new(),
                            .sha = azd_sha256_new(),
                            .items_name = only_step(listing->shape->items),
                            .groups_name = only_step(listing->shape->groups),
                            .error = error};
  azd_buf_init(&reading.folded, 0);
  int status = NO_LIST;
  if (!reading.stream || !reading.doc || !reading.sha) {
    status = no_memory(&reading);
  } else if (reading.items_name.size && reading.groups_name.size) {
    azd_stream_open(reading.stream, listing->fd);
    status = read_root(&reading);
  }
  if (status < 0) azd_error_prefix(error, "%s", listing->path);
  if (!status) status = is_as_read(listing) ? sort_entries(listing, error) : changed(listing, error);
  azd_stream_free(reading.stream);
  azd_doc_free(reading.doc);
  azd_sha256_free(reading.sha);
  azd_buf_free(&reading.folded);
  return status;
}

int azd_listing_read(const char *path, const struct azd_shape *shape, uint64_t min_bytes, struct azd_listing **out,
                     struct azd_error *error) {
  *out = NULL;
  struct azd_listing *listing = calloc(1, sizeof *listing);
  if (!listing) return azd_fail(error, AZD_ENOMEM, "no memory");
  pthread_once(&text_key_once, make_text_key);
  azd_arena_init(&listing->arena, 0);
  listing->shape = shape;
  listing->path = strdup(path);
  listing->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  /* A file that cannot be opened is no list either: who reads the whole of it says so. */
  bool is_file = listing->path && listing->fd >= 0 && !fstat(listing->fd, &listing->stat) &&
                 S_ISREG(listing->stat.st_mode) && (uint64_t)listing->stat.st_size >= min_bytes;
  int status = is_file ? read_file(listing, error) : NO_LIST;
  if (!status) {
    *out = listing;
    return 0;
  }
  azd_listing_free(listing);
  return status < 0 ? status : 0;
}

const struct azd_listing_entry *azd_listing_entries(const struct azd_listing *listing, uint32_t *count) {
  *count = listing->count;
  return listing->entries;
}

uint32_t azd_listing_resources(const struct azd_listing *listing) {
  return listing->resources;
}

uint32_t azd_listing_duplicate_keys(const struct azd_listing *listing) {
  return listing->duplicate_keys;
}

/* ---- a body again ---- */

static int read_again(const struct azd_listing *listing, const struct azd_listing_entry *entry, struct azd_buf *text,
                      struct azd_error *error) {
  size_t done = 0;
  char *room = azd_buf_reserve(text, entry->size);
  if (!room) return azd_fail(error, azd_buf_status(text), "%s: no memory for a resource", listing->path);
  while (done < entry->size) {
    ssize_t got = pread(listing->fd, room + done, entry->size - done, (off_t)(entry->offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return azd_fail(error, AZD_EIO, "%s: %s", listing->path, strerror(errno));
    if (got == 0) return changed(listing, error);
    done += (size_t)got;
  }
  text->size += done;
  return 0;
}

static void append_pointer(const struct azd_listing *listing, const struct azd_listing_entry *entry, struct azd_str id,
                           struct azd_buf *out) {
  if (listing->form == AZD_INVENTORY_EXPORT) {
    azd_buf_append_str(out, listing->shape->groups);
    azd_pointer_append_name(out, listing->types[entry->group]);
    azd_pointer_append_name(out, id);
    return;
  }
  if (listing->form == AZD_INVENTORY_PAGE) azd_buf_append_str(out, listing->shape->items);
  azd_pointer_append_index(out, entry->index);
}

int azd_listing_body(const struct azd_listing *listing, const struct azd_listing_entry *entry, struct azd_buf *text,
                     struct azd_doc *doc, struct azd_inventory *inventory, struct azd_buf *pointer_text,
                     struct azd_listing_body *body, struct azd_error *error) {
  bool is_named = listing->form == AZD_INVENTORY_EXPORT;
  azd_buf_clear(text);
  azd_buf_clear(pointer_text);
  if (is_named) azd_buf_append_char(text, '{'); /* the member alone is an object of one */
  int status = read_again(listing, entry, text, error);
  if (status) return status;
  if (is_named) azd_buf_append_char(text, '}');
  if (azd_buf_status(text)) return azd_fail(error, azd_buf_status(text), "%s: no memory", listing->path);
  /* It was JSON when it was listed. */
  status = azd_doc_parse(doc, azd_buf_str(text), NULL, error);
  if (status) return status == AZD_ENOMEM ? status : changed(listing, error);
  if (is_named) {
    if (azd_doc_count(doc, 0) != 1) return changed(listing, error);
    *body = (struct azd_listing_body){1, azd_doc_key(doc, 1), listing->types[entry->group], {NULL, 0}};
  } else {
    status = azd_inventory_read(inventory, doc, listing->shape, error);
    if (status) return status;
    if (inventory->form != AZD_INVENTORY_ONE) return changed(listing, error);
    *body = (struct azd_listing_body){0, inventory->items[0].id, inventory->items[0].type, {NULL, 0}};
  }
  append_pointer(listing, entry, body->id, pointer_text);
  body->pointer = azd_buf_str(pointer_text);
  return azd_buf_status(pointer_text) ? azd_fail(error, AZD_ENOMEM, "%s: no memory", listing->path) : 0;
}
