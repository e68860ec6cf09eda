/* The inside of a bundle, for the files of this floor that build, prove and judge. See bundle.h. */
#ifndef AZD_SCRIPT_BUNDLE_IMPL_H
#define AZD_SCRIPT_BUNDLE_IMPL_H

#include "script/bundle.h"
#include "script/declare.h"
#include "script/reader.h"
#include "script/sandbox.h"

#include <pthread.h>
#include <stdatomic.h>

enum azd_file_kind { AZD_FILE_RULES, AZD_FILE_POLICIES, AZD_FILE_LIB };

struct azd_script_file {
  char *name;     /* "shipped/policies/storage.lua" */
  char *lib_name; /* "nsg" of policies/lib/nsg.lua; else NULL */
  enum azd_file_kind kind;
  enum azd_rule_layer layer;
  char *text;
  size_t bytes;
};

/* A function that was stopped. Written once, before off; the texts never change after. */
struct azd_strike {
  _Atomic bool off;
  char at[AZD_SANDBOX_AT_BYTES];
  char text[AZD_SANDBOX_FAULT_BYTES];
};

/* A type and a policy of it; sorted by type without case, then policy. */
struct azd_type_policy {
  const char *type;
  uint32_t policy;
};

struct azd_bundle {
  _Atomic int references;
  struct azd_script_file *files; /* sorted by layer, then name */
  size_t file_count;
  struct azd_str params_json;
  struct azd_declarations declarations;
  struct azd_ruleset *ruleset;
  struct azd_properties *properties; /* or NULL */
  struct azd_type_policy *by_type;
  uint32_t by_type_count;
  struct azd_strike *strikes; /* one for each function */
  pthread_mutex_t strike_lock;
  enum azd_severity severity_default, severity_tags_only;
  int64_t now_ms;
  char stamp[AZD_BUNDLE_STAMP_BYTES];
};

/* bundle_files.c: reads the folders of the layers into bundle->files. */
int azd_bundle_read_files(struct azd_bundle *bundle, const struct azd_bundle_options *options, struct azd_error *error);
void azd_bundle_free_files(struct azd_bundle *bundle);

/* One Lua state with all files of a bundle run in it. */
struct azd_script_state {
  struct azd_sandbox *sandbox;
  const struct azd_bundle *bundle; /* borrowed */
  struct azd_doc *params;
  struct azd_origin current; /* of the file that runs */
  int lib_depth;
};

/* Makes a state. declarations: where to read them into while the bundle is built; NULL afterwards, when the functions
 * are only checked to be the same. sandbox_options as there. */
int azd_script_state_open(const struct azd_bundle *bundle, const struct azd_sandbox_options *sandbox_options,
                          struct azd_declarations *declarations, struct azd_script_state **state,
                          struct azd_error *error);
void azd_script_state_close(struct azd_script_state *state);

/* prove.c */
int azd_bundle_prove(struct azd_bundle *bundle, struct azd_error *error);
/* Runs every example, whatever it gives, and tells the reader what the policies read; begin before each policy's, with
 * the reader's context. */
typedef void azd_policy_fn(void *context, const struct azd_policy *policy);
int azd_bundle_read_examples(struct azd_bundle *bundle, const struct azd_lend_reader *reader, azd_policy_fn *begin,
                             struct azd_error *error);

void azd_bundle_strike(struct azd_bundle *bundle, int function, const struct azd_fault *fault);

#endif
