/* Finding the next byte that matters, 16 at a time where the machine has SSE2. Shared by the parser and its tests.
 * All of it reads [at, end) and nothing else. Thread: any. Blocks: never. */
#ifndef AZD_JSON_SCAN_H
#define AZD_JSON_SCAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The first byte that is a quote, a backslash, a control character or not ASCII; else end. */
static inline const char *azd_scan_plain(const char *at, const char *end) {
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(' ');
  for (; end - at >= 16; at += 16) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    /* As signed bytes, both control characters and what is not ASCII are below the space. */
    __m128i stop = _mm_or_si128(_mm_cmplt_epi8(bytes, space),
                                _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
    int mask = _mm_movemask_epi8(stop);
    if (mask) return at + __builtin_ctz((unsigned)mask);
  }
#endif
  for (; at < end; at++) {
    unsigned char c = (unsigned char)*at;
    if (c == '"' || c == '\\' || c < 0x20 || c >= 0x80) return at;
  }
  return end;
}

/* The first byte that is not JSON's white space; else end. */
static inline const char *azd_scan_space(const char *at, const char *end) {
#ifdef __SSE2__
  const __m128i space = _mm_set1_epi8(' '), line = _mm_set1_epi8('\n'), tab = _mm_set1_epi8('\t'),
                cr = _mm_set1_epi8('\r');
  for (; end - at >= 16; at += 16) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i white = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, space), _mm_cmpeq_epi8(bytes, line)),
                                 _mm_or_si128(_mm_cmpeq_epi8(bytes, tab), _mm_cmpeq_epi8(bytes, cr)));
    unsigned mask = (unsigned)_mm_movemask_epi8(white);
    if (mask != 0xffff) return at + __builtin_ctz(~mask);
  }
#endif
  while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')) at++;
  return at;
}

/* Bytes of the UTF-8 sequence at `at` (a byte >= 0x80); 0 where it is none: cut, overlong, a surrogate, above U+10FFFF.
 */
static inline size_t azd_scan_utf8(const char *at, const char *end) {
  const unsigned char *s = (const unsigned char *)at;
  size_t room = (size_t)(end - at);
  unsigned low = 0x80, high = 0xbf;
  if (s[0] < 0xc2 || s[0] > 0xf4) return 0;
  if (s[0] < 0xe0) return room >= 2 && (s[1] & 0xc0) == 0x80 ? 2 : 0;
  if (s[0] == 0xe0) low = 0xa0;
  if (s[0] == 0xed) high = 0x9f;
  if (s[0] == 0xf0) low = 0x90;
  if (s[0] == 0xf4) high = 0x8f;
  size_t size = s[0] < 0xf0 ? 3 : 4;
  if (room < size || s[1] < low || s[1] > high || (s[2] & 0xc0) != 0x80) return 0;
  return size == 3 || (s[3] & 0xc0) == 0x80 ? size : 0;
}

#endif
