/* Any bytes as the text of a file, read child by child: accepted and refused as the whole text is, with the same
 * sentence, and each child is the one of the document. The first byte says which containers are entered, the second how
 * far the text is pushed, by blanks, towards the end of the window. */
#include "json/canonical.h"
#include "json/stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ENTERED_MAX = 3, SEEDS_BYTES = 2, WINDOW_ENDS = 16 };

struct reader {
  struct azd_stream *stream;
  struct azd_doc *whole, *part;
  uint8_t ways;
  struct azd_error error;
};

/* The children of the container that was entered last, or the root. node: the first of them in the whole document, NONE
 * where that was refused. 0 at its end. */
static int read_children(struct reader *reader, azd_node node, bool named, unsigned depth) {
  int more;
  while ((more = azd_stream_next(reader->stream, &reader->error)) > 0) {
    bool compared = node != AZD_NODE_NONE;
    if (compared && named) AZD_ASSERT(azd_str_equal(azd_stream_name(reader->stream), azd_doc_key(reader->whole, node)));
    char first = azd_stream_first_byte(reader->stream);
    if (depth < ENTERED_MAX && (first == '{' || first == '[') && (reader->ways >> depth & 1)) {
      azd_stream_enter(reader->stream);
      azd_node below = compared ? azd_doc_first(reader->whole, node) : AZD_NODE_NONE;
      more = read_children(reader, below, first == '{', depth + 1);
    } else {
      struct azd_stream_value value;
      more = azd_stream_value(reader->stream, reader->part, &value, &reader->error);
      AZD_ASSERT(more || value.end > value.begin);
      if (!more && compared) AZD_ASSERT(azd_json_equal(reader->part, 0, reader->whole, node));
    }
    if (more) return more;
    if (compared) node = azd_doc_next(reader->whole, node);
  }
  AZD_ASSERT(more || node == AZD_NODE_NONE);
  return more;
}

/* One file for all runs, for first touches of its pages take longer than everything else: blanks, then the text. */
static int file_of(const uint8_t *data, size_t size, size_t blanks) {
  static int fds[2] = {-1, -1};
  int *fd = &fds[blanks > 0];
  static char padding[AZD_STREAM_WINDOW_BYTES];
  if (*fd < 0) {
    *fd = memfd_create("fuzz", MFD_CLOEXEC);
    memset(padding, ' ', sizeof padding);
    AZD_ASSERT(*fd >= 0 && pwrite(*fd, padding, sizeof padding, 0) == (ssize_t)sizeof padding);
  }
  /* What stands behind the blanks is of an earlier run. */
  size_t dirty = blanks ? AZD_STREAM_WINDOW_BYTES - WINDOW_ENDS : 0;
  AZD_ASSERT(pwrite(*fd, padding, blanks - dirty, (off_t)dirty) == (ssize_t)(blanks - dirty));
  AZD_ASSERT(pwrite(*fd, data, size, (off_t)blanks) == (ssize_t)size);
  AZD_ASSERT(ftruncate(*fd, (off_t)(blanks + size)) == 0);
  return *fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct reader reader;
  if (size < SEEDS_BYTES) return 0;
  if (!reader.stream) {
    reader.stream = azd_stream_new();
    reader.whole = azd_doc_new();
    reader.part = azd_doc_new();
  }
  /* The text begins within the last 16 bytes of the window or, mostly, for that is faster, with the file. */
  size_t blanks = data[1] < WINDOW_ENDS ? AZD_STREAM_WINDOW_BYTES - data[1] : 0;
  reader.ways = data[0];
  data += SEEDS_BYTES, size -= SEEDS_BYTES;
  char *text = malloc(blanks + size + 1);
  AZD_ASSERT(text);
  memset(text, ' ', blanks);
  if (size) memcpy(text + blanks, data, size);
  struct azd_error refused = {0};
  int code = azd_doc_parse(reader.whole, (struct azd_str){text, blanks + size}, NULL, &refused);
  bool comparable = !code && azd_doc_duplicates(reader.whole, NULL) == 0;
  int fd = file_of(data, size, blanks);
  azd_stream_open(reader.stream, fd);
  int streamed = read_children(&reader, comparable ? 0 : AZD_NODE_NONE, false, 0);
  AZD_ASSERT(streamed == code);
  AZD_ASSERT(!code || strcmp(reader.error.text, refused.text) == 0);
  free(text);
  return 0;
}
