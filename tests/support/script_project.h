/* A project of rules and policies in a temporary folder, for tests of bundles and judging. */
#ifndef AZD_TESTS_SCRIPT_PROJECT_H
#define AZD_TESTS_SCRIPT_PROJECT_H

#include "script/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct script_project {
  char root[64];
  char rules[96], policies[96];
  char files[16][160];
  int file_count;
};

static inline void project_open(struct script_project *project) {
  memset(project, 0, sizeof *project);
  strcpy(project->root, "/tmp/azdrift-test-XXXXXX");
  if (!mkdtemp(project->root)) abort();
  snprintf(project->rules, sizeof project->rules, "%s/rules", project->root);
  snprintf(project->policies, sizeof project->policies, "%s/policies", project->root);
  char lib[128];
  snprintf(lib, sizeof lib, "%s/lib", project->policies);
  if (mkdir(project->rules, 0700) || mkdir(project->policies, 0700) || mkdir(lib, 0700)) abort();
}

/* name: "policies/x.lua". Written again, it is replaced. */
static inline void project_write_bytes(struct script_project *project, const char *name, const void *text,
                                       size_t bytes) {
  char path[160];
  snprintf(path, sizeof path, "%s/%s", project->root, name);
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(text, 1, bytes, file) != bytes || fclose(file) != 0) abort();
  for (int i = 0; i < project->file_count; i++)
    if (strcmp(project->files[i], path) == 0) return;
  strcpy(project->files[project->file_count++], path);
}

static inline void project_write(struct script_project *project, const char *name, const char *text) {
  project_write_bytes(project, name, text, strlen(text));
}

static inline void project_close(struct script_project *project) {
  char lib[128];
  for (int i = 0; i < project->file_count; i++) unlink(project->files[i]);
  snprintf(lib, sizeof lib, "%s/lib", project->policies);
  rmdir(lib), rmdir(project->rules), rmdir(project->policies), rmdir(project->root);
}

static inline int project_build(struct script_project *project, const char *params, bool unproved,
                                struct azd_bundle **bundle, struct azd_error *error) {
  const struct azd_bundle_layer layer = {AZD_LAYER_USER, project->rules, project->policies};
  const struct azd_bundle_options options = {.layers = &layer,
                                             .layer_count = 1,
                                             .params_json = azd_str_of(params),
                                             .now_ms = 1770000000000,
                                             .unproved = unproved};
  return azd_bundle_build(&options, bundle, error);
}

#endif
