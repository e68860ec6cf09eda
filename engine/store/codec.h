/* How bodies lie in a store: the canonical bytes of a document, compressed with zstd level 1 and, once the store has
 * been trained, a dictionary. Exact: what decode answers is what encode was given, byte for byte. Both implementations
 * of the store keep what encode wrote and know nothing of its inside.
 *
 * A stored body begins with one byte that names its form: 'R' bytes as they are, 'Z' zstd, 'D' zstd with the dictionary
 * whose id (the first 8 bytes of the dictionary's SHA-256) follows. So bodies outlive a change of dictionary. 'P' is no
 * form of it: a store may say with it that a body lies elsewhere (driver.h).
 *
 * Thread: a struct azd_codec is shared by all threads (reads take no lock, a new dictionary is published by one atomic
 * store); a struct azd_codec_work (the zstd contexts) belongs to one thread at a time and is worth keeping.
 * Blocks: never. Units: bytes. */
#ifndef AZD_STORE_CODEC_H
#define AZD_STORE_CODEC_H

#include "base/buf.h"
#include "base/err.h"

enum {
  AZD_DICT_ID_BYTES = 8,
  AZD_DICT_MAX_BYTES = 112 * 1024,
  AZD_BODY_MAX_BYTES = 64 * 1024 * 1024, /* of one document, canonical; more is AZD_ELIMIT */
};

struct azd_codec;
struct azd_codec_work;

struct azd_codec *azd_codec_new(void);
/* After the last user of it and of its work. */
void azd_codec_free(struct azd_codec *codec);

struct azd_codec_work *azd_codec_work_new(void);
void azd_codec_work_free(struct azd_codec_work *work);

/* Makes dictionary known (copied); with current, new bodies are encoded with it. The same bytes twice: no error. */
int azd_codec_add(struct azd_codec *codec, struct azd_str dictionary, bool current, struct azd_error *error);
/* True when a body of any known form can be decoded, false with its dictionary's id when that one is not known. */
bool azd_codec_knows(const struct azd_codec *codec, struct azd_str body, uint8_t id[AZD_DICT_ID_BYTES]);
bool azd_codec_has_current(const struct azd_codec *codec);

/* Appends the stored form of bytes to out. AZD_ELIMIT, AZD_ENOMEM. */
int azd_codec_encode(const struct azd_codec *codec, struct azd_codec_work *work, struct azd_str bytes,
                     struct azd_buf *out, struct azd_error *error);
/* Appends the bytes of a stored body to out. AZD_ECORRUPT: not a body, cut, or its dictionary is not known. */
int azd_codec_decode(const struct azd_codec *codec, struct azd_codec_work *work, struct azd_str body,
                     struct azd_buf *out, struct azd_error *error);

/* The bytes that encode was given; AZD_ECORRUPT as above. */
int azd_codec_size(struct azd_str body, size_t *bytes, struct azd_error *error);

void azd_dict_id(struct azd_str dictionary, uint8_t id[AZD_DICT_ID_BYTES]);

/* Trains a dictionary on sample documents that stand one after another in samples. AZD_ENOTFOUND: too few or too alike
 * to learn from, which is no fault: plain zstd goes on. Takes about a second for 10 MB: a store worker's job. */
int azd_dict_train(struct azd_str samples, const size_t *sample_bytes, size_t count, struct azd_buf *dictionary,
                   struct azd_error *error);

#endif
