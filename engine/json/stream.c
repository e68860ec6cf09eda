#include "json/stream.h"
#include "base/buf.h"
#include "json/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* What the parser refuses further than this from the end of the window is wrong whatever follows; nearer it may only be
 * cut: an escaped pair of surrogates is the longest thing that is refused at its beginning. */
enum { CUT_BYTES = 64, PLACE_BLOCK_BYTES = 64 * 1024 };

struct level {
  bool is_object, has_children;
};

struct azd_stream {
  int fd;
  uint64_t begin;        /* of the text: behind a byte order mark */
  uint64_t window_begin; /* of the window, in the file */
  struct azd_buf window;
  size_t at;       /* in the window */
  bool is_at_end;  /* the window ends where the file ends */
  bool is_waiting; /* a child is at hand */
  bool is_read;    /* the root was */
  uint32_t depth;
  struct level levels[AZD_STREAM_DEPTH_MAX];
  uint64_t child_begin; /* in the file, a member's with its name */
  struct azd_doc *name_doc;
  struct azd_buf name;
};

struct azd_stream *azd_stream_new(void) {
  struct azd_stream *stream = calloc(1, sizeof *stream);
  if (!stream) return NULL;
  azd_buf_init(&stream->window, AZD_DOC_MAX_BYTES);
  azd_buf_init(&stream->name, 0);
  stream->name_doc = azd_doc_new();
  if (stream->name_doc && azd_buf_reserve(&stream->window, AZD_STREAM_WINDOW_BYTES)) return stream;
  azd_stream_free(stream);
  return NULL;
}

void azd_stream_free(struct azd_stream *stream) {
  if (!stream) return;
  azd_doc_free(stream->name_doc);
  azd_buf_free(&stream->window);
  azd_buf_free(&stream->name);
  free(stream);
}

void azd_stream_open(struct azd_stream *stream, int fd) {
  stream->fd = fd;
  stream->begin = stream->window_begin = stream->child_begin = 0;
  stream->at = 0;
  stream->depth = 0;
  stream->is_at_end = stream->is_waiting = stream->is_read = false;
  azd_buf_clear(&stream->window);
  azd_buf_clear(&stream->name);
}

static uint64_t place_in_file(const struct azd_stream *stream) {
  return stream->window_begin + stream->at;
}

static struct azd_str rest(const struct azd_stream *stream) {
  return (struct azd_str){stream->window.data + stream->at, stream->window.size - stream->at};
}

/* ---- the window ---- */

static ssize_t read_at(int fd, void *into, size_t bytes, uint64_t offset, struct azd_error *error) {
  ssize_t got;
  do got = pread(fd, into, bytes, (off_t)offset);
  while (got < 0 && errno == EINTR);
  return got < 0 ? azd_fail(error, AZD_EIO, "%s", strerror(errno)) : got;
}

/* Drops what was passed and reads on; a window that is full of one value grows. */
static int fill(struct azd_stream *stream, struct azd_error *error) {
  struct azd_buf *window = &stream->window;
  size_t kept = window->size - stream->at;
  memmove(window->data, window->data + stream->at, kept);
  stream->window_begin += stream->at;
  stream->at = 0;
  window->size = kept;
  if (kept == window->capacity && !azd_buf_reserve(window, kept))
    return azd_fail(error, azd_buf_status(window), "a value of more than %d bytes", AZD_DOC_MAX_BYTES);
  ssize_t got = read_at(stream->fd, window->data + kept, window->capacity - kept, stream->window_begin + kept, error);
  if (got < 0) return (int)got;
  window->size += (size_t)got;
  stream->is_at_end = got == 0;
  return 0;
}

/* The next byte that is no space, or 0 at the end of the text. */
static int skip_space(struct azd_stream *stream, char *c, struct azd_error *error) {
  for (;;) {
    struct azd_str left = rest(stream);
    stream->at += (size_t)(azd_scan_space(left.data, left.data + left.size) - left.data);
    if (stream->at < stream->window.size || stream->is_at_end) break;
    int status = fill(stream, error);
    if (status) return status;
  }
  *c = stream->at < stream->window.size ? stream->window.data[stream->at] : 0;
  return 0;
}

static int skip_mark(struct azd_stream *stream, struct azd_error *error) {
  while (stream->window.size < 3 && !stream->is_at_end) {
    int status = fill(stream, error);
    if (status) return status;
  }
  if (stream->window.size >= 3 && memcmp(stream->window.data, "\xef\xbb\xbf", 3) == 0) stream->begin = stream->at = 3;
  return 0;
}

/* ---- sentences ---- */

/* Counts lines and columns up to a place: only for a text that is wrong, which is read once more from its beginning. */
static int find_place(const struct azd_stream *stream, uint64_t place, uint64_t *line, uint64_t *column,
                      struct azd_error *error) {
  char *block = malloc(PLACE_BLOCK_BYTES);
  if (!block) return azd_fail(error, AZD_ENOMEM, "no memory");
  int status = 0;
  *line = *column = 1;
  for (uint64_t at = stream->begin; at < place && !status;) {
    size_t want = place - at < PLACE_BLOCK_BYTES ? (size_t)(place - at) : PLACE_BLOCK_BYTES;
    ssize_t got = read_at(stream->fd, block, want, at, error);
    if (got <= 0) {
      status = got < 0 ? (int)got : azd_fail(error, AZD_EIO, "the file became shorter while it was read");
      break;
    }
    azd_doc_count_place((struct azd_str){block, (size_t)got}, line, column);
    at += (uint64_t)got;
  }
  free(block);
  return status;
}

static int refuse(struct azd_stream *stream, const char *expected, struct azd_error *error) {
  uint64_t line, column;
  int status = find_place(stream, place_in_file(stream), &line, &column, error);
  return status ? status : azd_doc_unexpected(line, column, rest(stream), expected, error);
}

/* ---- values ---- */

/* Parses what stands at the place, reading on as long as it may only be cut. */
static int parse_here(struct azd_stream *stream, struct azd_doc *doc, size_t *taken, struct azd_error *error) {
  struct azd_doc_before before = {.line = 1, .column = 1, .depth = stream->depth};
  for (;;) {
    int status = azd_doc_parse_first(doc, rest(stream), &before, taken, error);
    bool may_be_cut = !stream->is_at_end && *taken + (status ? CUT_BYTES : 1) > rest(stream).size;
    if (!status && !may_be_cut) return 0;
    if (status == AZD_ENOMEM) return status;
    if (!may_be_cut) {
      status = find_place(stream, place_in_file(stream), &before.line, &before.column, error);
      return status ? status : azd_doc_parse_first(doc, rest(stream), &before, taken, error);
    }
    status = fill(stream, error);
    if (status) return status;
  }
}

static int read_name(struct azd_stream *stream, const struct level *level, struct azd_error *error) {
  size_t taken;
  char c;
  if (rest(stream).size == 0 || *rest(stream).data != '"')
    return refuse(stream, level->has_children ? "a name in quotes" : "a name in quotes or '}'", error);
  stream->child_begin = place_in_file(stream);
  int status = parse_here(stream, stream->name_doc, &taken, error);
  if (status) return status;
  azd_buf_append_str(&stream->name, azd_doc_string(stream->name_doc, 0));
  if (azd_buf_status(&stream->name)) return azd_fail(error, azd_buf_status(&stream->name), "no memory for a name");
  stream->at += taken;
  status = skip_space(stream, &c, error);
  if (status) return status;
  if (c != ':') return refuse(stream, "':' after a name", error);
  stream->at++;
  return skip_space(stream, &c, error);
}

static int child_at_hand(struct azd_stream *stream) {
  stream->is_waiting = true;
  return 1;
}

/* Behind the last byte of the root nothing may stand. */
static int end_of_text(struct azd_stream *stream, struct azd_error *error) {
  char c;
  int status = skip_space(stream, &c, error);
  if (status) return status;
  return rest(stream).size ? refuse(stream, "nothing after the value", error) : 0;
}

int azd_stream_next(struct azd_stream *stream, struct azd_error *error) {
  char c;
  AZD_ASSERT(!stream->is_waiting);
  azd_buf_clear(&stream->name);
  if (!stream->depth) {
    if (stream->is_read) return end_of_text(stream, error);
    int status = skip_mark(stream, error);
    if (!status) status = skip_space(stream, &c, error);
    if (status) return status;
    stream->is_read = true;
    stream->child_begin = place_in_file(stream);
    return child_at_hand(stream);
  }
  struct level *level = &stream->levels[stream->depth - 1];
  int status = skip_space(stream, &c, error);
  if (status) return status;
  if (c == (level->is_object ? '}' : ']')) {
    stream->at++;
    stream->depth--;
    return stream->depth ? 0 : end_of_text(stream, error);
  }
  if (level->has_children) {
    if (c != ',') return refuse(stream, level->is_object ? "',' or '}'" : "',' or ']'", error);
    stream->at++;
    status = skip_space(stream, &c, error);
    if (status) return status;
  }
  stream->child_begin = place_in_file(stream);
  if (level->is_object && (status = read_name(stream, level, error))) return status;
  level->has_children = true;
  return child_at_hand(stream);
}

char azd_stream_first_byte(const struct azd_stream *stream) {
  struct azd_str left = rest(stream);
  return left.size ? *left.data : '\0';
}

uint64_t azd_stream_offset(const struct azd_stream *stream) {
  return stream->child_begin;
}

struct azd_str azd_stream_name(const struct azd_stream *stream) {
  return azd_buf_str(&stream->name);
}

void azd_stream_enter(struct azd_stream *stream) {
  char c = azd_stream_first_byte(stream);
  AZD_ASSERT(stream->is_waiting && (c == '{' || c == '[') && stream->depth < AZD_STREAM_DEPTH_MAX);
  stream->levels[stream->depth++] = (struct level){.is_object = c == '{'};
  stream->at++;
  stream->is_waiting = false;
}

int azd_stream_value(struct azd_stream *stream, struct azd_doc *doc, struct azd_stream_value *value,
                     struct azd_error *error) {
  size_t taken;
  AZD_ASSERT(stream->is_waiting);
  int status = parse_here(stream, doc, &taken, error);
  if (status) return status;
  value->text = (struct azd_str){rest(stream).data, taken};
  value->begin = stream->child_begin;
  stream->at += taken;
  value->end = place_in_file(stream);
  stream->is_waiting = false;
  return 0;
}
