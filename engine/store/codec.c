#include "store/codec.h"
#include "base/crypto.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <zdict.h>
#include <zstd.h>

enum {
  LEVEL = 1,            /* level 3 is 34 % slower for 14 % less (reference figures) */
  MAX_DICTIONARIES = 64 /* a store is retrained once in years, if ever */
};

struct dictionary {
  uint8_t id[AZD_DICT_ID_BYTES];
  ZSTD_CDict *compress;
  ZSTD_DDict *decompress;
};

struct azd_codec {
  pthread_mutex_t adding;
  struct dictionary *dictionaries[MAX_DICTIONARIES]; /* [0, count) never change once counted */
  atomic_size_t count;
  _Atomic(struct dictionary *) current;
};

struct azd_codec_work {
  ZSTD_CCtx *compress;
  ZSTD_DCtx *decompress;
};

struct azd_codec *azd_codec_new(void) {
  struct azd_codec *codec = calloc(1, sizeof *codec);
  if (codec && pthread_mutex_init(&codec->adding, NULL)) {
    free(codec);
    return NULL;
  }
  return codec;
}

static void dictionary_free(struct dictionary *dictionary) {
  if (!dictionary) return;
  ZSTD_freeCDict(dictionary->compress);
  ZSTD_freeDDict(dictionary->decompress);
  free(dictionary);
}

void azd_codec_free(struct azd_codec *codec) {
  if (!codec) return;
  for (size_t i = 0; i < codec->count; i++) dictionary_free(codec->dictionaries[i]);
  pthread_mutex_destroy(&codec->adding);
  free(codec);
}

struct azd_codec_work *azd_codec_work_new(void) {
  struct azd_codec_work *work = calloc(1, sizeof *work);
  if (!work) return NULL;
  work->compress = ZSTD_createCCtx();
  work->decompress = ZSTD_createDCtx();
  if (work->compress && work->decompress) return work;
  azd_codec_work_free(work);
  return NULL;
}

void azd_codec_work_free(struct azd_codec_work *work) {
  if (!work) return;
  ZSTD_freeCCtx(work->compress);
  ZSTD_freeDCtx(work->decompress);
  free(work);
}

void azd_dict_id(struct azd_str dictionary, uint8_t id[AZD_DICT_ID_BYTES]) {
  uint8_t digest[AZD_SHA256_BYTES];
  azd_sha256_of(dictionary.data, dictionary.size, digest);
  memcpy(id, digest, AZD_DICT_ID_BYTES);
}

static struct dictionary *find(const struct azd_codec *codec, const uint8_t id[AZD_DICT_ID_BYTES]) {
  size_t count = atomic_load_explicit(&codec->count, memory_order_acquire);
  while (count--)
    if (memcmp(codec->dictionaries[count]->id, id, AZD_DICT_ID_BYTES) == 0) return codec->dictionaries[count];
  return NULL;
}

static struct dictionary *dictionary_new(struct azd_str bytes) {
  struct dictionary *made = calloc(1, sizeof *made);
  if (!made) return NULL;
  azd_dict_id(bytes, made->id);
  made->compress = ZSTD_createCDict(bytes.data, bytes.size, LEVEL);
  made->decompress = ZSTD_createDDict(bytes.data, bytes.size);
  if (made->compress && made->decompress) return made;
  dictionary_free(made);
  return NULL;
}

int azd_codec_add(struct azd_codec *codec, struct azd_str bytes, bool current, struct azd_error *error) {
  uint8_t id[AZD_DICT_ID_BYTES];
  azd_dict_id(bytes, id);
  int rc = 0;
  pthread_mutex_lock(&codec->adding);
  struct dictionary *dictionary = find(codec, id);
  size_t count = codec->count;
  if (!dictionary && count == MAX_DICTIONARIES) {
    rc = azd_fail(error, AZD_ELIMIT, "more than %d compression dictionaries", MAX_DICTIONARIES);
  } else if (!dictionary && !(dictionary = dictionary_new(bytes))) {
    rc = azd_fail(error, AZD_ENOMEM, "no memory for a compression dictionary");
  } else if (count == 0 || find(codec, id) == NULL) {
    codec->dictionaries[count] = dictionary;
    atomic_store_explicit(&codec->count, count + 1, memory_order_release);
  }
  if (!rc && current) atomic_store_explicit(&codec->current, dictionary, memory_order_release);
  pthread_mutex_unlock(&codec->adding);
  return rc;
}

bool azd_codec_knows(const struct azd_codec *codec, struct azd_str body, uint8_t id[AZD_DICT_ID_BYTES]) {
  if (body.size < 1 + AZD_DICT_ID_BYTES || body.data[0] != 'D') return true;
  memcpy(id, body.data + 1, AZD_DICT_ID_BYTES);
  return find(codec, id) != NULL;
}

bool azd_codec_has_current(const struct azd_codec *codec) {
  return codec->current != NULL;
}

static int encode_plain(struct azd_str bytes, struct azd_buf *out) {
  azd_buf_append_char(out, 'R');
  azd_buf_append_str(out, bytes);
  return azd_buf_status(out);
}

int azd_codec_encode(const struct azd_codec *codec, struct azd_codec_work *work, struct azd_str bytes,
                     struct azd_buf *out, struct azd_error *error) {
  if (bytes.size > AZD_BODY_MAX_BYTES)
    return azd_fail(error, AZD_ELIMIT, "a body of %zu bytes: more than %d", bytes.size, AZD_BODY_MAX_BYTES);
  const struct dictionary *dictionary = atomic_load_explicit(&codec->current, memory_order_acquire);
  size_t head = dictionary ? 1 + AZD_DICT_ID_BYTES : 1, bound = ZSTD_compressBound(bytes.size);
  char *to = azd_buf_reserve(out, head + bound);
  if (!to) return azd_fail(error, azd_buf_status(out), "no room for an encoded body");
  /* Our own head names the dictionary, by 8 bytes of its hash instead of zstd's 4 random ones. */
  ZSTD_CCtx_reset(work->compress, ZSTD_reset_session_and_parameters);
  ZSTD_CCtx_setParameter(work->compress, ZSTD_c_compressionLevel, LEVEL);
  ZSTD_CCtx_setParameter(work->compress, ZSTD_c_dictIDFlag, 0);
  if (dictionary) ZSTD_CCtx_refCDict(work->compress, dictionary->compress);
  size_t size = ZSTD_compress2(work->compress, to + head, bound, bytes.data, bytes.size);
  if (ZSTD_isError(size) || head + size > bytes.size) {
    int rc = encode_plain(bytes, out);
    return rc ? azd_fail(error, rc, "no room for an encoded body") : 0;
  }
  to[0] = dictionary ? 'D' : 'Z';
  if (dictionary) memcpy(to + 1, dictionary->id, AZD_DICT_ID_BYTES);
  out->size += head + size;
  return 0;
}

/* Where the zstd frame of body begins and how many bytes it holds. */
static int frame_of(struct azd_str body, struct azd_str *frame, size_t *bytes, struct azd_error *error) {
  size_t head = body.size && body.data[0] == 'D' ? 1 + AZD_DICT_ID_BYTES : 1;
  if (body.size <= head || (body.data[0] != 'D' && body.data[0] != 'Z'))
    return azd_fail(error, AZD_ECORRUPT, "not a stored body");
  *frame = (struct azd_str){body.data + head, body.size - head};
  unsigned long long size = ZSTD_getFrameContentSize(frame->data, frame->size);
  if (size > AZD_BODY_MAX_BYTES) /* as are zstd's two codes for "unknown" */
    return azd_fail(error, AZD_ECORRUPT, "a stored body that does not tell its size");
  *bytes = (size_t)size;
  return 0;
}

int azd_codec_size(struct azd_str body, size_t *bytes, struct azd_error *error) {
  struct azd_str frame;
  if (body.size && body.data[0] == 'R') {
    *bytes = body.size - 1;
    return 0;
  }
  return frame_of(body, &frame, bytes, error);
}

int azd_codec_decode(const struct azd_codec *codec, struct azd_codec_work *work, struct azd_str body,
                     struct azd_buf *out, struct azd_error *error) {
  if (body.size && body.data[0] == 'R') {
    azd_buf_append(out, body.data + 1, body.size - 1);
    int rc = azd_buf_status(out);
    return rc ? azd_fail(error, rc, "no room for a decoded body") : 0;
  }
  struct azd_str frame = {0};
  size_t bytes = 0;
  int rc = frame_of(body, &frame, &bytes, error);
  if (rc) return rc;
  const struct dictionary *dictionary = NULL;
  if (body.data[0] == 'D' && !(dictionary = find(codec, (const uint8_t *)body.data + 1))) {
    char hex[2 * AZD_DICT_ID_BYTES + 1];
    azd_hex(body.data + 1, AZD_DICT_ID_BYTES, hex);
    return azd_fail(error, AZD_ECORRUPT, "a stored body whose dictionary %s is not in the store", hex);
  }
  char *to = azd_buf_reserve(out, bytes);
  if (!to && bytes) return azd_fail(error, azd_buf_status(out), "no room for a decoded body");
  size_t size = dictionary ? ZSTD_decompress_usingDDict(work->decompress, to, bytes, frame.data, frame.size,
                                                        dictionary->decompress)
                           : ZSTD_decompressDCtx(work->decompress, to, bytes, frame.data, frame.size);
  if (ZSTD_isError(size) || size != bytes)
    return azd_fail(error, AZD_ECORRUPT, "a stored body that does not decompress");
  out->size += bytes;
  return 0;
}

int azd_dict_train(struct azd_str samples, const size_t *sample_bytes, size_t count, struct azd_buf *dictionary,
                   struct azd_error *error) {
  /* A dictionary earns its bytes where it is small beside what it was learned from. */
  size_t bytes = samples.size / 10 < AZD_DICT_MAX_BYTES ? samples.size / 10 : AZD_DICT_MAX_BYTES;
  if (count < 200 || count > UINT32_MAX || bytes < 8 * 1024)
    return azd_fail(error, AZD_ENOTFOUND, "too little to train a dictionary on: %zu documents", count);
  char *to = azd_buf_reserve(dictionary, bytes);
  if (!to) return azd_fail(error, azd_buf_status(dictionary), "no room for a dictionary");
  size_t size = ZDICT_trainFromBuffer(to, bytes, samples.data, sample_bytes, (unsigned)count);
  if (ZDICT_isError(size)) return azd_fail(error, AZD_ENOTFOUND, "no dictionary: %s", ZDICT_getErrorName(size));
  dictionary->size += size;
  return 0;
}
