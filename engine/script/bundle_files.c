#include "script/bundle_impl.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { PATH_BYTES = 4096, FOLDER_DEPTH_MAX = 8 };

struct reading {
  struct azd_bundle *bundle;
  enum azd_rule_layer layer;
  enum azd_file_kind kind;
  struct azd_error *error;
};

static bool ends_with(const char *text, const char *end) {
  size_t size = strlen(text), end_size = strlen(end);
  return size > end_size && strcmp(text + size - end_size, end) == 0;
}

static int read_text(const char *path, struct azd_script_file *file, struct azd_error *error) {
  int rc = 0;
  /* One byte more than a source may have, so that one that is too long is told as such when it is compiled. */
  size_t room = AZD_SANDBOX_SOURCE_MAX_BYTES + 1;
  FILE *in = fopen(path, "rbe");
  if (!in) return azd_fail(error, AZD_EIO, "%s: %s", path, strerror(errno));
  file->text = malloc(room);
  if (!file->text)
    rc = azd_fail(error, AZD_ENOMEM, "no memory for %s", path);
  else
    file->bytes = fread(file->text, 1, room, in);
  if (rc == 0 && ferror(in)) rc = azd_fail(error, AZD_EIO, "%s: cannot be read", path);
  fclose(in);
  return rc;
}

static int add_file(struct reading *reading, const char *path, const char *name) {
  struct azd_bundle *bundle = reading->bundle;
  if (bundle->file_count >= AZD_BUNDLE_FILES_MAX)
    return azd_fail(reading->error, AZD_ELIMIT, "more than %d files of rules and policies; the last was %s",
                    AZD_BUNDLE_FILES_MAX, path);
  struct azd_script_file *file = &bundle->files[bundle->file_count];
  *file = (struct azd_script_file){.kind = reading->kind, .layer = reading->layer};
  bundle->file_count++; /* from here on azd_bundle_free_files frees it */
  file->name = strdup(name);
  if (!file->name) return azd_fail(reading->error, AZD_ENOMEM, "no memory for %s", path);
  const char *lib = strstr(name, "policies/lib/");
  if (reading->kind == AZD_FILE_POLICIES && lib) {
    file->kind = AZD_FILE_LIB;
    lib += strlen("policies/lib/");
    file->lib_name = strndup(lib, strlen(lib) - strlen(".lua"));
    if (!file->lib_name) return azd_fail(reading->error, AZD_ENOMEM, "no memory for %s", path);
  }
  return read_text(path, file, reading->error);
}

static int read_folder(struct reading *reading, const char *folder, const char *name, int depth) {
  char path[PATH_BYTES], inner[PATH_BYTES];
  struct stat status;
  int rc = 0;
  DIR *dir = opendir(folder);
  if (!dir) {
    if (errno == ENOENT && depth == 0) return 0;
    return azd_fail(reading->error, AZD_EIO, "%s: %s", folder, strerror(errno));
  }
  for (struct dirent *entry; rc == 0 && (entry = readdir(dir)) != NULL;) {
    if (entry->d_name[0] == '.' || entry->d_name[0] == '_') continue;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= sizeof path ||
        (size_t)snprintf(inner, sizeof inner, "%s/%s", name, entry->d_name) >= sizeof inner)
      rc = azd_fail(reading->error, AZD_ELIMIT, "%s: path too long", folder);
    else if (stat(path, &status) != 0)
      rc = azd_fail(reading->error, AZD_EIO, "%s: %s", path, strerror(errno));
    else if (S_ISDIR(status.st_mode) && depth < FOLDER_DEPTH_MAX)
      rc = read_folder(reading, path, inner, depth + 1);
    else if (S_ISREG(status.st_mode) && ends_with(entry->d_name, ".lua"))
      rc = add_file(reading, path, inner);
  }
  closedir(dir);
  return rc;
}

static int by_layer_and_name(const void *a, const void *b) {
  const struct azd_script_file *x = a, *y = b;
  return x->layer != y->layer ? (int)x->layer - (int)y->layer : strcmp(x->name, y->name);
}

int azd_bundle_read_files(struct azd_bundle *bundle, const struct azd_bundle_options *options,
                          struct azd_error *error) {
  bundle->files = calloc(AZD_BUNDLE_FILES_MAX, sizeof *bundle->files);
  if (!bundle->files) return azd_fail(error, AZD_ENOMEM, "no memory for scripts");
  int rc = 0;
  for (size_t i = 0; i < options->layer_count && rc == 0; i++) {
    const struct azd_bundle_layer *layer = &options->layers[i];
    bool shipped = layer->layer == AZD_LAYER_SHIPPED;
    struct reading reading = {bundle, layer->layer, AZD_FILE_RULES, error};
    if (layer->rules_dir) rc = read_folder(&reading, layer->rules_dir, shipped ? "shipped/rules" : "rules", 0);
    reading.kind = AZD_FILE_POLICIES;
    if (rc == 0 && layer->policies_dir)
      rc = read_folder(&reading, layer->policies_dir, shipped ? "shipped/policies" : "policies", 0);
  }
  if (bundle->file_count) qsort(bundle->files, bundle->file_count, sizeof *bundle->files, by_layer_and_name);
  return rc;
}

void azd_bundle_free_files(struct azd_bundle *bundle) {
  for (size_t i = 0; i < bundle->file_count; i++) {
    free(bundle->files[i].name);
    free(bundle->files[i].lib_name);
    free(bundle->files[i].text);
  }
  free(bundle->files);
}
