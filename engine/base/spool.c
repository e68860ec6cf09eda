#include "base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct entry {
  uint64_t text, key; /* where they begin */
  uint32_t text_bytes, key_bytes;
};

struct azd_spool {
  struct entry *entries;
  uint32_t count, room;
  uint32_t *order; /* of keys; NULL: to be sorted */
  struct azd_buf keys, tail;
  uint64_t written; /* bytes in the file; the tail follows them */
  int fd;           /* -1: all is in the tail */
};

struct azd_spool *azd_spool_new(void) {
  struct azd_spool *spool = calloc(1, sizeof *spool);
  if (!spool) return NULL;
  azd_buf_init(&spool->keys, 0);
  azd_buf_init(&spool->tail, 0);
  spool->fd = -1;
  return spool;
}

void azd_spool_free(struct azd_spool *spool) {
  if (!spool) return;
  if (spool->fd >= 0) close(spool->fd);
  azd_buf_free(&spool->keys);
  azd_buf_free(&spool->tail);
  free(spool->entries);
  free(spool->order);
  free(spool);
}

uint32_t azd_spool_count(const struct azd_spool *spool) {
  return spool->count;
}

static const char *folder(void) {
  const char *named = getenv("TMPDIR");
  return named && *named ? named : "/tmp";
}

static int refuse(struct azd_error *error, const char *what) {
  return azd_fail(error, AZD_EIO, "%s: cannot %s a temporary file: %s; TMPDIR names another folder", folder(), what,
                  strerror(errno));
}

static int open_file(struct azd_spool *spool, struct azd_error *error) {
  char path[4096];
  if ((size_t)snprintf(path, sizeof path, "%s/azdrift-XXXXXX", folder()) >= sizeof path)
    errno = ENAMETOOLONG;
  else
    spool->fd = mkostemp(path, O_CLOEXEC);
  if (spool->fd < 0) return refuse(error, "make");
  unlink(path);
  return 0;
}

static int write_tail(struct azd_spool *spool, struct azd_error *error) {
  int status = spool->fd < 0 ? open_file(spool, error) : 0;
  size_t done = 0;
  while (!status && done < spool->tail.size) {
    ssize_t wrote = pwrite(spool->fd, spool->tail.data + done, spool->tail.size - done, (off_t)(spool->written + done));
    if (wrote > 0)
      done += (size_t)wrote;
    else if (wrote == 0 || errno != EINTR)
      status = refuse(error, "write");
  }
  if (status) return status;
  spool->written += spool->tail.size;
  azd_buf_clear(&spool->tail);
  return 0;
}

static int need_room(struct azd_spool *spool, struct azd_error *error) {
  if (spool->count < spool->room) return 0;
  uint32_t room = spool->room ? spool->room * 2 : 64;
  struct entry *entries = realloc(spool->entries, room * sizeof *entries);
  if (!entries) return azd_fail(error, AZD_ENOMEM, "no memory for %u texts", room);
  spool->entries = entries;
  spool->room = room;
  return 0;
}

int azd_spool_add(struct azd_spool *spool, struct azd_str text, struct azd_str key, struct azd_error *error) {
  if (text.size > AZD_SPOOL_TEXT_MAX_BYTES || key.size > AZD_SPOOL_TEXT_MAX_BYTES ||
      spool->count == AZD_SPOOL_MAX_COUNT)
    return azd_fail(error, AZD_ELIMIT, "more texts, or a longer one, than can be kept aside");
  int status = need_room(spool, error);
  if (!status && spool->tail.size && spool->tail.size + text.size > AZD_SPOOL_MEMORY_BYTES)
    status = write_tail(spool, error);
  if (status) return status;
  size_t tail_bytes = spool->tail.size, key_bytes = spool->keys.size;
  azd_buf_append_str(&spool->tail, text);
  azd_buf_append_str(&spool->keys, key);
  if (azd_buf_status(&spool->tail) || azd_buf_status(&spool->keys)) {
    spool->tail.status = spool->keys.status = 0;
    spool->tail.size = tail_bytes, spool->keys.size = key_bytes;
    return azd_fail(error, AZD_ENOMEM, "no memory for a text of %zu bytes", text.size);
  }
  spool->entries[spool->count++] = (struct entry){.text = spool->written + tail_bytes,
                                                  .key = key_bytes,
                                                  .text_bytes = (uint32_t)text.size,
                                                  .key_bytes = (uint32_t)key.size};
  free(spool->order);
  spool->order = NULL;
  return 0;
}

int azd_spool_read(struct azd_spool *spool, uint32_t number, struct azd_buf *out, struct azd_error *error) {
  AZD_ASSERT(number < spool->count);
  const struct entry *entry = &spool->entries[number];
  char *to = azd_buf_reserve(out, entry->text_bytes);
  if (!to) return azd_fail(error, azd_buf_status(out), "no memory for a text of %u bytes", entry->text_bytes);
  if (entry->text >= spool->written) {
    if (entry->text_bytes) memcpy(to, spool->tail.data + (entry->text - spool->written), entry->text_bytes);
  } else {
    for (size_t done = 0; done < entry->text_bytes;) {
      ssize_t got = pread(spool->fd, to + done, entry->text_bytes - done, (off_t)(entry->text + done));
      if (got > 0)
        done += (size_t)got;
      else if (got == 0 || errno != EINTR)
        return refuse(error, "read");
    }
  }
  out->size += entry->text_bytes;
  return 0;
}

static struct azd_str key_of(const struct azd_spool *spool, uint32_t number) {
  return (struct azd_str){spool->keys.data + spool->entries[number].key, spool->entries[number].key_bytes};
}

static int by_key(const void *a, const void *b, void *context) {
  const struct azd_spool *spool = context;
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  int order = azd_str_compare(key_of(spool, x), key_of(spool, y));
  return order ? order : (x > y) - (x < y);
}

uint32_t azd_spool_sorted(struct azd_spool *spool, uint32_t place) {
  AZD_ASSERT(place < spool->count);
  if (!spool->order && (spool->order = malloc(spool->count * sizeof *spool->order))) {
    for (uint32_t i = 0; i < spool->count; i++) spool->order[i] = i;
    qsort_r(spool->order, spool->count, sizeof *spool->order, by_key, spool);
  }
  return spool->order ? spool->order[place] : place; /* without memory to sort: as they were added */
}
