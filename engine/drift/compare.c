#include "drift/compare.h"
#include "drift/compare_impl.h"
#include "drift/drift_json.h"
#include "json/canonical.h"
#include "json/pointer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool text_init(struct azd_compare_text *text) {
  text->doc = azd_doc_new();
  azd_inventory_init(&text->inventory);
  azd_buf_init(&text->bytes, AZD_COMPARE_FILE_MAX_BYTES);
  return text->doc != NULL;
}

static void text_free(struct azd_compare_text *text) {
  azd_doc_free(text->doc);
  azd_inventory_free(&text->inventory);
  azd_buf_free(&text->bytes);
}

struct azd_comparer *azd_comparer_new(void) {
  struct azd_comparer *comparer = calloc(1, sizeof *comparer);
  if (!comparer) return NULL;
  azd_arena_init(&comparer->arena, 0);
  azd_buf_init(&comparer->old_pointer, 0);
  azd_buf_init(&comparer->new_pointer, 0);
  azd_buf_init(&comparer->drifts, 0);
  bool texts = text_init(&comparer->old_text);
  texts = text_init(&comparer->new_text) && texts;
  comparer->detector = azd_detector_new();
  comparer->line = azd_doc_new();
  if (texts && comparer->detector && comparer->line) return comparer;
  azd_comparer_free(comparer);
  return NULL;
}

void azd_comparer_free(struct azd_comparer *comparer) {
  if (!comparer) return;
  azd_detector_free(comparer->detector);
  text_free(&comparer->old_text);
  text_free(&comparer->new_text);
  azd_doc_free(comparer->line);
  azd_arena_free(&comparer->arena);
  azd_buf_free(&comparer->old_pointer);
  azd_buf_free(&comparer->new_pointer);
  azd_buf_free(&comparer->drifts);
  free(comparer);
}

static struct azd_str trimmed(struct azd_str id) {
  while (id.size && id.data[id.size - 1] == '/') id.size--;
  return id;
}

static int by_id(const void *a, const void *b) {
  const struct azd_inventory_item *x = *(const struct azd_inventory_item *const *)a;
  const struct azd_inventory_item *y = *(const struct azd_inventory_item *const *)b;
  int order = azd_str_compare_fold(trimmed(x->id), trimmed(y->id));
  return order ? order : (x > y) - (x < y);
}

/* The items in the order of their ids; of two with one id the first of the text counts. */
static const struct azd_inventory_item **sorted_items(struct azd_arena *arena, const struct azd_inventory *inventory,
                                                      uint32_t *count) {
  const struct azd_inventory_item **items = azd_arena_alloc(arena, (inventory->count + 1) * sizeof *items);
  if (!items) return NULL;
  for (uint32_t i = 0; i < inventory->count; i++) items[i] = &inventory->items[i];
  qsort(items, inventory->count, sizeof *items, by_id);
  *count = 0;
  for (uint32_t i = 0; i < inventory->count; i++)
    if (!*count || azd_str_compare_fold(trimmed(items[*count - 1]->id), trimmed(items[i]->id)))
      items[(*count)++] = items[i];
  return items;
}

/* Where an item stands in its text, as a pointer. */
static struct azd_str item_pointer(struct azd_buf *out, const struct azd_compare_text *text,
                                   const struct azd_inventory_item *item) {
  azd_buf_clear(out);
  return azd_pointer_of(text->doc, 0, item->node, out) ? (struct azd_str){"", 0} : azd_buf_str(out);
}

struct comparison {
  struct azd_comparer *comparer;
  const struct azd_detect_options *options;
  const struct azd_shape *shape;
  const struct azd_compare_input *input;
  struct azd_buf *out, *errors, *quiet;
  struct azd_compare_result *result;
  struct azd_error *error;
};

void azd_compare_append(struct azd_buf *out, struct azd_str json) {
  if (!json.size) return;
  if (out->size && out->data[out->size - 1] != '[') azd_buf_append_char(out, ',');
  azd_buf_append_str(out, json);
}

bool azd_compare_is_quiet(const struct azd_detect_options *options, const struct azd_detected *found) {
  return !found->found && (found->effects || (options->show_ignored && found->ignored));
}

void azd_compare_count(struct azd_compare_result *result, const struct azd_detected *found) {
  result->effects += found->effects;
  result->notes += found->notes;
  result->ignored += found->ignored;
  result->not_compared += found->not_compared;
  result->complete = result->complete && found->complete;
  if (!found->found) return;
  result->drifts++;
  result->changes += found->changes;
  result->by_severity[found->severity]++;
}

static int compare_pair(struct comparison *c, const struct azd_inventory_item *old_item,
                        const struct azd_inventory_item *new_item, struct azd_str id, struct azd_str type) {
  struct azd_comparer *comparer = c->comparer;
  struct azd_detect_pair pair = {.id = id, .type = type, .views_differ = c->input->views_differ};
  if (old_item)
    pair.before = (struct azd_detect_side){
        comparer->old_text.doc, old_item->node, c->input->old_view, c->input->old_api_version, {NULL, 0}};
  if (new_item)
    pair.after = (struct azd_detect_side){
        comparer->new_text.doc, new_item->node, c->input->new_view, c->input->new_api_version, {NULL, 0}};
  struct azd_detected found;
  /* The place in a long list is counted only for what is reported: detection is asked without it first. */
  int status = azd_detect_nodes(comparer->detector, c->options, &pair, &found, c->error);
  bool quiet = !status && c->quiet && azd_compare_is_quiet(c->options, &found);
  bool tell = quiet || (!status && found.found);
  if (tell && ((old_item && old_item->node) || (new_item && new_item->node))) {
    if (old_item) pair.before.pointer = item_pointer(&comparer->old_pointer, &comparer->old_text, old_item);
    if (new_item) pair.after.pointer = item_pointer(&comparer->new_pointer, &comparer->new_text, new_item);
    status = azd_detect_nodes(comparer->detector, c->options, &pair, &found, c->error);
  }
  if (status) return status;
  azd_compare_count(c->result, &found);
  if (found.found)
    azd_compare_append(c->out, found.json);
  else if (quiet)
    azd_compare_append(c->quiet, found.json);
  if (c->errors) azd_compare_append(c->errors, azd_script_errors_inside(found.errors));
  return azd_buf_status(c->out) ? azd_fail(c->error, azd_buf_status(c->out), "no memory for the report") : 0;
}

static int compare_lists(struct comparison *c) {
  struct azd_comparer *comparer = c->comparer;
  uint32_t old_count, new_count, i = 0, j = 0;
  const struct azd_inventory_item **old_items =
      sorted_items(&comparer->arena, &comparer->old_text.inventory, &old_count);
  const struct azd_inventory_item **new_items =
      sorted_items(&comparer->arena, &comparer->new_text.inventory, &new_count);
  if (!old_items || !new_items) return azd_fail(c->error, AZD_ENOMEM, "no memory to pair the resources");
  int status = 0;
  while (!status && (i < old_count || j < new_count)) {
    int order = i == old_count   ? 1
                : j == new_count ? -1
                                 : azd_str_compare_fold(trimmed(old_items[i]->id), trimmed(new_items[j]->id));
    const struct azd_inventory_item *old_item = order <= 0 ? old_items[i++] : NULL;
    const struct azd_inventory_item *new_item = order >= 0 ? new_items[j++] : NULL;
    const struct azd_inventory_item *named = new_item ? new_item : old_item;
    status = compare_pair(c, old_item, new_item, named->id, named->type);
  }
  return status;
}

static int compare_whole(struct comparison *c) {
  struct azd_comparer *comparer = c->comparer;
  const struct azd_inventory *old_side = &comparer->old_text.inventory, *new_side = &comparer->new_text.inventory;
  const struct azd_inventory_item root = {.node = 0};
  bool one_old = old_side->form == AZD_INVENTORY_ONE, one_new = new_side->form == AZD_INVENTORY_ONE;
  struct azd_str id = one_new ? new_side->items[0].id : (struct azd_str){"", 0};
  struct azd_str type = one_new ? new_side->items[0].type : (struct azd_str){"", 0};
  if (!id.size && one_old) id = old_side->items[0].id;
  if (!type.size && one_old) type = old_side->items[0].type;
  if (!type.size) type = azd_shape_type_of_id(c->shape, c->input->url, &comparer->arena);
  if (!type.data) return azd_fail(c->error, AZD_ENOMEM, "no memory for a type");
  /* Neither form may be printed as the place of an item: the pair is the two whole texts. */
  return compare_pair(c, &root, &root, id, type);
}

int azd_compare_texts(struct azd_comparer *comparer, const struct azd_detect_options *options,
                      const struct azd_shape *shape, const struct azd_compare_input *input, struct azd_buf *out,
                      struct azd_buf *errors, struct azd_buf *quiet, struct azd_compare_result *result,
                      struct azd_error *error) {
  struct azd_compare_text *old_text = &comparer->old_text, *new_text = &comparer->new_text;
  *result = (struct azd_compare_result){.complete = true};
  azd_arena_reset(&comparer->arena);
  int status = azd_doc_parse(old_text->doc, input->old_text, NULL, error);
  if (status) return azd_error_prefix(error, "old"), status;
  status = azd_doc_parse(new_text->doc, input->new_text, NULL, error);
  if (status) return azd_error_prefix(error, "new"), status;
  if (!options->raw && azd_doc_type(old_text->doc, 0) < AZD_JSON_ARRAY)
    return azd_fail(error, AZD_EPARSE, "old: holds one plain value; give a resource, a list of them or an export");
  if (!options->raw && azd_doc_type(new_text->doc, 0) < AZD_JSON_ARRAY)
    return azd_fail(error, AZD_EPARSE, "new: holds one plain value; give a resource, a list of them or an export");
  status = azd_inventory_read(&old_text->inventory, old_text->doc, shape, error);
  if (!status) status = azd_inventory_read(&new_text->inventory, new_text->doc, shape, error);
  if (status) return status;
  result->duplicate_keys = azd_doc_duplicates(old_text->doc, NULL) + azd_doc_duplicates(new_text->doc, NULL);
  result->old_resources = old_text->inventory.count;
  result->new_resources = new_text->inventory.count;
  struct comparison comparison = {comparer, options, shape, input, out, errors, quiet, result, error};
  const struct azd_inventory *a = &old_text->inventory, *b = &new_text->inventory;
  bool lists = a->form != AZD_INVENTORY_ONE && b->form != AZD_INVENTORY_ONE && !a->without_id && !b->without_id;
  azd_buf_append_char(out, '[');
  status = lists && !options->raw ? compare_lists(&comparison) : compare_whole(&comparison);
  azd_buf_append_char(out, ']');
  return status;
}

int azd_read_file(const char *path, size_t max_bytes, struct azd_buf *bytes, struct azd_error *error) {
  struct stat stat;
  azd_buf_clear(bytes);
  /* A named pipe that nobody writes to is an empty file, not a wait that no signal ends; a pipe with a writer is read
   * to its end. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), status = 0;
  if (fd < 0) return azd_fail(error, AZD_EIO, "%s: %s", path, strerror(errno));
  if (fstat(fd, &stat) < 0 || (!S_ISREG(stat.st_mode) && fcntl(fd, F_SETFL, 0)))
    status = azd_fail(error, AZD_EIO, "%s: %s", path, strerror(errno));
  else if (S_ISDIR(stat.st_mode))
    status = azd_fail(error, AZD_EIO, "%s: is a directory; name a JSON file", path);
  else if (S_ISREG(stat.st_mode) && (size_t)stat.st_size > max_bytes)
    status =
        azd_fail(error, AZD_ELIMIT, "%s: %lld bytes, at most %zu are read", path, (long long)stat.st_size, max_bytes);
  while (!status) {
    size_t want =
        S_ISREG(stat.st_mode) && (size_t)stat.st_size > bytes->size ? (size_t)stat.st_size - bytes->size + 1 : 65536;
    char *room = azd_buf_reserve(bytes, want);
    if (!room) {
      status = azd_fail(error, azd_buf_status(bytes), "%s: too large, at most %zu bytes are read", path, max_bytes);
      break;
    }
    ssize_t got = read(fd, room, want);
    if (got == 0) break;
    if (got < 0 && errno != EINTR) status = azd_fail(error, AZD_EIO, "%s: %s", path, strerror(errno));
    if (got > 0) bytes->size += (size_t)got;
    /* One byte more than the file has was asked for: a shorter answer is its end. */
    if (got > 0 && S_ISREG(stat.st_mode) && (size_t)got < want && bytes->size >= (size_t)stat.st_size) break;
  }
  close(fd);
  return status;
}

static struct azd_str line_text(struct azd_comparer *comparer, const char *name) {
  return azd_doc_text(comparer->line, 0, name);
}

static int read_side(struct azd_comparer *comparer, struct azd_compare_text *text, const char *name,
                     struct azd_error *error) {
  struct azd_str path = line_text(comparer, name);
  if (!path.size) return azd_fail(error, AZD_EINVAL, "the line has no \"%s\": give the path of a file", name);
  char *copy = azd_arena_copy(&comparer->arena, path);
  if (!copy) return azd_fail(error, AZD_ENOMEM, "no memory");
  return azd_read_file(copy, AZD_COMPARE_FILE_MAX_BYTES, &text->bytes, error);
}

/* Compares the files that the parsed line names, into comparer->drifts. */
static int compare_files(struct azd_comparer *comparer, const struct azd_detect_options *options,
                         const struct azd_shape *shape, struct azd_compare_result *result, struct azd_error *error) {
  int status = read_side(comparer, &comparer->old_text, "old", error);
  if (!status) status = read_side(comparer, &comparer->new_text, "new", error);
  if (status) return status;
  azd_node differ = azd_doc_member(comparer->line, 0, AZD_STR("views_differ"));
  const struct azd_compare_input input = {
      .old_text = azd_buf_str(&comparer->old_text.bytes),
      .new_text = azd_buf_str(&comparer->new_text.bytes),
      .old_view = line_text(comparer, "old_view"),
      .new_view = line_text(comparer, "new_view"),
      .old_api_version = line_text(comparer, "old_api_version"),
      .new_api_version = line_text(comparer, "new_api_version"),
      .views_differ = differ != AZD_NODE_NONE && azd_doc_type(comparer->line, differ) == AZD_JSON_TRUE,
      .url = line_text(comparer, "url"),
  };
  azd_buf_clear(&comparer->drifts);
  return azd_compare_texts(comparer, options, shape, &input, &comparer->drifts, NULL, NULL, result, error);
}

int azd_compare_line(struct azd_comparer *comparer, const struct azd_detect_options *options,
                     const struct azd_shape *shape, struct azd_str line, struct azd_buf *out, bool *has_drift,
                     bool *failed) {
  struct azd_error error;
  struct azd_compare_result result = {0};
  int status = azd_doc_parse(comparer->line, line, NULL, &error);
  bool parsed = status == 0;
  if (parsed && azd_doc_type(comparer->line, 0) != AZD_JSON_OBJECT)
    status = azd_fail(&error, AZD_EPARSE, "the line is no JSON object");
  if (!status) status = compare_files(comparer, options, shape, &result, &error);
  *failed = status != 0;
  *has_drift = !status && result.drifts;
  azd_node id = parsed ? azd_doc_member(comparer->line, 0, AZD_STR("id")) : AZD_NODE_NONE;
  azd_buf_append_text(out, "{\"id\":");
  if (id != AZD_NODE_NONE)
    azd_json_write(comparer->line, id, 0, out);
  else
    azd_buf_append_text(out, "null");
  azd_buf_append_text(out, status          ? ",\"has_drift\":null,\"error\":"
                           : result.drifts ? ",\"has_drift\":true,\"error\":"
                                           : ",\"has_drift\":false,\"error\":");
  if (status)
    azd_buf_append_json(out, azd_str_of(error.text));
  else
    azd_buf_append_text(out, "null");
  azd_buf_append_text(out, ",\"drifts\":");
  if (status)
    azd_buf_append_text(out, "[]");
  else
    azd_buf_append_str(out, azd_buf_str(&comparer->drifts));
  azd_buf_append_text(out, "}\n");
  return azd_buf_status(out);
}
