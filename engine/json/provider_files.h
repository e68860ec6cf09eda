/* A folder of text files, one a provider, each read once, when a type of its provider is first met: the file of
 * Microsoft.Storage in a folder of ".rules" is microsoft.storage.rules. A provider without a file has no text.
 *
 * Life: open, then find any number of times, close; a text lives as long as the folder. Thread: one at a time (the
 * callers hold a lock of their own). Blocks: find reads the file the first time. */
#ifndef AZD_JSON_PROVIDER_FILES_H
#define AZD_JSON_PROVIDER_FILES_H

#include "base/err.h"
#include "base/str.h"

enum { AZD_PROVIDER_FILE_MAX_BYTES = 64 * 1024 * 1024 };

struct azd_provider_file {
  struct azd_provider_file *next;
  char *name; /* lower case */
  char *path; /* for errors and explain */
  char *text; /* NULL: no such file */
  size_t bytes;
};

struct azd_provider_files {
  struct azd_provider_file *first;
  char *folder;       /* NULL: not open, nothing is found */
  const char *suffix; /* ".rules"; borrowed, static */
};

/* 0; AZD_EIO (no such folder), AZD_ENOMEM; then files is as it was. */
int azd_provider_files_open(struct azd_provider_files *files, const char *folder, const char *suffix,
                            struct azd_error *error);
void azd_provider_files_close(struct azd_provider_files *files);

/* The file of the type's provider; *file is NULL where there is none, or where the type could not name one.
 * 0; AZD_EIO, AZD_ELIMIT (over AZD_PROVIDER_FILE_MAX_BYTES), AZD_ENOMEM. */
int azd_provider_files_find(struct azd_provider_files *files, struct azd_str type,
                            const struct azd_provider_file **file, struct azd_error *error);

#endif
