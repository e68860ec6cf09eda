/* Any bytes: no overrun, and the same reading wherever they are cut. Bytes after a request are read as the next one. */
#include "support/http_reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *at = (const char *)data;
  while (size > 0) {
    struct reading whole, other;
    reading_of(&whole, at, size, reading_cut_none, NULL);
    if (size <= 2048) { /* byte by byte copies size * size bytes */
      reading_of(&other, at, size, reading_cut_each_byte, NULL);
      AZD_ASSERT(reading_equal(&whole, &other));
      reading_free(&other);
    }
    uint32_t seed = (uint32_t)size * 2654435761u;
    reading_of(&other, at, size, reading_cut_random, &seed);
    AZD_ASSERT(reading_equal(&whole, &other));
    reading_free(&other);
    const bool next = whole.step == AZD_HTTP_DONE && whole.head.keep_alive;
    at += whole.consumed;
    size -= whole.consumed;
    reading_free(&whole);
    if (!next) break;
  }
  return 0;
}
