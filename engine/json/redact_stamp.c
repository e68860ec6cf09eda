#include "json/redact_stamp.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "json/schema_text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Raised when json/secret.c takes other names or values for secrets: that redacts other places, too. */
#define BUILT_IN_RULES "1\n"

struct gathering {
  struct azd_buf lines;  /* "type path\n", one a rule, in lower case */
  struct azd_buf starts; /* size_t: where each line begins */
  struct azd_buf file;
};

static int gather(void *context, const struct azd_rule *rule, struct azd_error *error) {
  struct gathering *all = context;
  if (rule->verb != AZD_VERB_REDACT) return 0;
  size_t start = all->lines.size;
  azd_buf_append(&all->starts, &start, sizeof start);
  azd_buf_append_str(&all->lines, rule->type);
  azd_buf_append_char(&all->lines, ' ');
  azd_buf_append_str(&all->lines, rule->path);
  azd_buf_append_char(&all->lines, '\n');
  if (azd_buf_status(&all->lines) || azd_buf_status(&all->starts)) return azd_fail(error, AZD_ENOMEM, "no memory");
  for (size_t at = start; at < all->lines.size; at++)
    all->lines.data[at] = (char)azd_fold((unsigned char)all->lines.data[at]);
  return 0;
}

static int read_whole(const char *path, struct azd_buf *bytes, struct azd_error *error) {
  FILE *file = fopen(path, "re");
  if (!file) return azd_fail(error, AZD_EIO, "%s: %s", path, strerror(errno));
  azd_buf_clear(bytes);
  size_t got = 1;
  for (char *room; got && (room = azd_buf_reserve(bytes, 65536)); bytes->size += got) got = fread(room, 1, 65536, file);
  int status = azd_buf_status(bytes) ? azd_fail(error, azd_buf_status(bytes), "%s: no memory to read it", path)
                                     : (ferror(file) ? azd_fail(error, AZD_EIO, "%s: cannot be read", path) : 0);
  fclose(file);
  return status;
}

static int gather_schema(struct gathering *all, const char *folder, struct azd_error *error) {
  DIR *dir = opendir(folder);
  int status = 0;
  if (!dir && errno == ENOENT) return 0; /* no schema layer */
  if (!dir) return azd_fail(error, AZD_EIO, "%s: %s", folder, strerror(errno));
  for (struct dirent *entry; !status && (entry = readdir(dir));) {
    char path[4096];
    size_t size = strlen(entry->d_name);
    if (size < 6 || strcmp(entry->d_name + size - 6, ".rules")) continue;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    status = read_whole(path, &all->file, error);
    if (!status) status = azd_schema_text_parse_all(azd_buf_str(&all->file), azd_str_of(path), gather, all, error);
  }
  closedir(dir);
  return status;
}

static int by_line(const void *a, const void *b, void *lines) {
  const char *x = (const char *)lines + *(const size_t *)a, *y = (const char *)lines + *(const size_t *)b;
  while (*x == *y && *x != '\n') x++, y++;
  return (unsigned char)*x - (unsigned char)*y;
}

/* The order of files and of layers says nothing, nor does a rule that stands twice. */
static int digest_of(struct gathering *all, char stamp[AZD_REDACT_STAMP_BYTES], struct azd_error *error) {
  uint8_t digest[AZD_SHA256_BYTES];
  size_t count = all->starts.size / sizeof(size_t), *starts = (size_t *)(void *)all->starts.data;
  struct azd_sha256 *sha = azd_sha256_new();
  if (!sha) return azd_fail(error, AZD_ENOMEM, "no memory");
  if (count) qsort_r(starts, count, sizeof *starts, by_line, all->lines.data);
  azd_sha256_start(sha);
  azd_sha256_add(sha, BUILT_IN_RULES, strlen(BUILT_IN_RULES));
  for (size_t i = 0; i < count; i++) {
    const char *line = all->lines.data + starts[i];
    if (i && !by_line(&starts[i - 1], &starts[i], all->lines.data)) continue;
    azd_sha256_add(sha, line, (size_t)(strchr(line, '\n') - line) + 1);
  }
  azd_sha256_end(sha, digest);
  azd_sha256_free(sha);
  azd_hex(digest, (AZD_REDACT_STAMP_BYTES - 1) / 2, stamp);
  return 0;
}

int azd_redact_stamp(const struct azd_ruleset *ruleset, char stamp[AZD_REDACT_STAMP_BYTES], struct azd_error *error) {
  struct gathering all = {{0}, {0}, {0}};
  const char *folder = azd_ruleset_schema_dir(ruleset);
  int status = folder ? gather_schema(&all, folder, error) : 0;
  /* Schema rules that the ruleset has read already stand in the files as well. */
  for (uint32_t i = 0, count = azd_ruleset_count(ruleset); !status && i < count; i++) {
    const struct azd_rule *rule = azd_ruleset_rule(ruleset, i);
    if (rule->layer != AZD_LAYER_SCHEMA) status = gather(&all, rule, error);
  }
  if (!status) status = digest_of(&all, stamp, error);
  azd_buf_free(&all.lines);
  azd_buf_free(&all.starts);
  azd_buf_free(&all.file);
  return status;
}
