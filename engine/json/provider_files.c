#include "json/provider_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROVIDER_MAX_BYTES = 128 };

static int no_memory(struct azd_error *error) {
  return azd_fail(error, AZD_ENOMEM, "no memory for the file of a provider");
}

int azd_provider_files_open(struct azd_provider_files *files, const char *folder, const char *suffix,
                            struct azd_error *error) {
  struct stat info;
  if (stat(folder, &info) || !S_ISDIR(info.st_mode))
    return azd_fail(error, AZD_EIO, "%s: not a folder with %s files", folder, suffix);
  char *copy = strdup(folder);
  if (!copy) return no_memory(error);
  azd_provider_files_close(files);
  *files = (struct azd_provider_files){.folder = copy, .suffix = suffix};
  return 0;
}

static void free_file(struct azd_provider_file *file) {
  if (file) free(file->name), free(file->path), free(file->text);
  free(file);
}

void azd_provider_files_close(struct azd_provider_files *files) {
  for (struct azd_provider_file *file = files->first, *next; file; file = next) {
    next = file->next;
    free_file(file);
  }
  free(files->folder);
  *files = (struct azd_provider_files){0};
}

static int read_text(struct azd_provider_file *file, struct azd_error *error) {
  int status = 0, fd = open(file->path, O_RDONLY | O_CLOEXEC);
  struct stat info;
  if (fd < 0) {
    if (errno == ENOENT) return 0;
    return azd_fail(error, AZD_EIO, "%s: %s", file->path, strerror(errno));
  }
  if (fstat(fd, &info) || !S_ISREG(info.st_mode))
    status = azd_fail(error, AZD_EIO, "%s: not a file", file->path);
  else if (info.st_size > AZD_PROVIDER_FILE_MAX_BYTES)
    status = azd_fail(error, AZD_ELIMIT, "%s: larger than %d bytes", file->path, AZD_PROVIDER_FILE_MAX_BYTES);
  else if (!(file->text = malloc((size_t)info.st_size + 1)))
    status = no_memory(error);
  while (!status && file->bytes < (size_t)info.st_size) {
    ssize_t got = read(fd, file->text + file->bytes, (size_t)info.st_size - file->bytes);
    if (got > 0)
      file->bytes += (size_t)got;
    else if (got == 0)
      break;
    else if (errno != EINTR)
      status = azd_fail(error, AZD_EIO, "%s: %s", file->path, strerror(errno));
  }
  close(fd);
  return status;
}

/* The provider's part of a type, as a file name: nothing that could leave the folder. */
static bool provider_name(struct azd_str type, char name[PROVIDER_MAX_BYTES + 1]) {
  size_t size = 0;
  for (; size < type.size && type.data[size] != '/'; size++) {
    unsigned char c = azd_fold((unsigned char)type.data[size]);
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || (c == '.' && size > 0);
    if (!plain || size == PROVIDER_MAX_BYTES) return false;
    name[size] = (char)c;
  }
  name[size] = '\0';
  return size > 0 && size < type.size;
}

static int read_new(struct azd_provider_files *files, const char *name, struct azd_provider_file **out,
                    struct azd_error *error) {
  size_t path_bytes = strlen(files->folder) + strlen(name) + strlen(files->suffix) + sizeof "/";
  struct azd_provider_file *file = calloc(1, sizeof *file);
  int status = 0;
  if (!file || !(file->name = strdup(name)) || !(file->path = malloc(path_bytes))) {
    status = no_memory(error);
  } else {
    snprintf(file->path, path_bytes, "%s/%s%s", files->folder, name, files->suffix);
    status = read_text(file, error);
  }
  if (status)
    free_file(file);
  else
    *out = file;
  return status;
}

int azd_provider_files_find(struct azd_provider_files *files, struct azd_str type, const struct azd_provider_file **out,
                            struct azd_error *error) {
  char name[PROVIDER_MAX_BYTES + 1];
  *out = NULL;
  if (!files->folder || !provider_name(type, name)) return 0;
  struct azd_provider_file *file = files->first;
  while (file && strcmp(file->name, name)) file = file->next;
  if (!file) {
    int status = read_new(files, name, &file, error);
    if (status) return status;
    file->next = files->first;
    files->first = file;
  }
  if (file->text) *out = file;
  return 0;
}
