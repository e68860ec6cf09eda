#include "base/crypto.h"
#include "base/log.h"
#include "script/bundle_impl.h"

#include <stdlib.h>

static void stamp(struct azd_bundle *bundle) {
  struct azd_sha256 *sha = azd_sha256_new();
  uint8_t digest[AZD_SHA256_BYTES];
  AZD_ASSERT(sha);
  azd_sha256_start(sha);
  for (size_t i = 0; i < bundle->file_count; i++) {
    const struct azd_script_file *file = &bundle->files[i];
    azd_sha256_add(sha, file->name, strlen(file->name) + 1); /* the name says the layer, too */
    azd_sha256_add(sha, &file->bytes, sizeof file->bytes);
    azd_sha256_add(sha, file->text, file->bytes);
  }
  azd_sha256_add(sha, bundle->params_json.data, bundle->params_json.size);
  azd_sha256_end(sha, digest);
  azd_sha256_free(sha);
  azd_hex(digest, (sizeof bundle->stamp - 1) / 2, bundle->stamp);
}

static int compile_rules(struct azd_bundle *bundle, const struct azd_bundle_options *options, struct azd_error *error) {
  int rc;
  bundle->ruleset = azd_ruleset_new();
  if (!bundle->ruleset) return azd_fail(error, AZD_ENOMEM, "no memory for rules");
  if (options->schema_dir && (rc = azd_ruleset_set_schema_dir(bundle->ruleset, options->schema_dir, error)) != 0)
    return rc;
  if (options->properties_dir && (rc = azd_properties_open(options->properties_dir, &bundle->properties, error)) != 0)
    return rc;
  for (uint32_t i = 0; i < bundle->declarations.rule_count; i++)
    if ((rc = azd_ruleset_add(bundle->ruleset, &bundle->declarations.rules[i], error)) != 0) return rc;
  return azd_ruleset_seal(bundle->ruleset, options->now_ms, error);
}

static int by_type(const void *a, const void *b) {
  const struct azd_type_policy *x = a, *y = b;
  int order = azd_str_compare_fold(azd_str_of(x->type), azd_str_of(y->type));
  return order ? order : (x->policy > y->policy) - (x->policy < y->policy);
}

static int index_policies(struct azd_bundle *bundle, struct azd_error *error) {
  const struct azd_declarations *declarations = &bundle->declarations;
  size_t count = 0;
  for (uint32_t i = 0; i < declarations->policy_count; i++) count += declarations->policies[i].types.count;
  bundle->by_type = calloc(count + 1, sizeof *bundle->by_type);
  bundle->strikes = calloc(declarations->function_count + 1, sizeof *bundle->strikes);
  if (!bundle->by_type || !bundle->strikes) return azd_fail(error, AZD_ENOMEM, "no memory for policies");
  for (uint32_t i = 0; i < declarations->policy_count; i++) {
    const struct azd_policy *policy = &declarations->policies[i];
    for (uint32_t t = 0; t < policy->types.count; t++)
      bundle->by_type[bundle->by_type_count++] =
          (struct azd_type_policy){policy->any_type ? "*" : policy->types.items[t], i};
  }
  if (bundle->by_type_count) qsort(bundle->by_type, bundle->by_type_count, sizeof *bundle->by_type, by_type);
  uint32_t kept = 0; /* "*" beside other types, or a type twice, is one entry */
  for (uint32_t i = 0; i < bundle->by_type_count; i++)
    if (kept == 0 || by_type(&bundle->by_type[kept - 1], &bundle->by_type[i]) != 0)
      bundle->by_type[kept++] = bundle->by_type[i];
  bundle->by_type_count = kept;
  return 0;
}

/* The first state is made for the declarations only; under counted work, so that the verdict is the same everywhere. */
static int read_declarations(struct azd_bundle *bundle, struct azd_error *error) {
  struct azd_script_state *state = NULL;
  struct azd_sandbox_options options = {.work_max = AZD_SANDBOX_WORK};
  int rc = azd_watchdog_join(&options.watch, error);
  if (rc != 0) return rc;
  rc = azd_script_state_open(bundle, &options, &bundle->declarations, &state, error);
  azd_script_state_close(state);
  azd_watchdog_leave(options.watch);
  return rc;
}

int azd_bundle_build(const struct azd_bundle_options *options, struct azd_bundle **built, struct azd_error *error) {
  int rc;
  struct azd_bundle *bundle = calloc(1, sizeof *bundle);
  if (!bundle) return azd_fail(error, AZD_ENOMEM, "no memory for a bundle");
  atomic_init(&bundle->references, 1);
  pthread_mutex_init(&bundle->strike_lock, NULL);
  azd_arena_init(&bundle->declarations.arena, 0);
  bundle->now_ms = options->now_ms;
  bundle->severity_default = options->severity_default ? options->severity_default : AZD_SEVERITY_LOW;
  bundle->severity_tags_only = options->severity_tags_only ? options->severity_tags_only : AZD_SEVERITY_INFO;
  bundle->params_json =
      (struct azd_str){azd_arena_copy(&bundle->declarations.arena, options->params_json), options->params_json.size};
  if (!bundle->params_json.data)
    rc = azd_fail(error, AZD_ENOMEM, "no memory for a bundle");
  else if ((rc = azd_bundle_read_files(bundle, options, error)) == 0 && (rc = read_declarations(bundle, error)) == 0 &&
           (rc = compile_rules(bundle, options, error)) == 0 && (rc = index_policies(bundle, error)) == 0) {
    stamp(bundle);
    if (!options->unproved) rc = azd_bundle_prove(bundle, error);
  }
  if (rc != 0)
    azd_bundle_unref(bundle);
  else
    *built = bundle;
  return rc;
}

struct azd_bundle *azd_bundle_ref(struct azd_bundle *bundle) {
  if (bundle) atomic_fetch_add_explicit(&bundle->references, 1, memory_order_relaxed);
  return bundle;
}

void azd_bundle_unref(struct azd_bundle *bundle) {
  if (!bundle || atomic_fetch_sub_explicit(&bundle->references, 1, memory_order_acq_rel) != 1) return;
  azd_bundle_free_files(bundle);
  azd_ruleset_unref(bundle->ruleset);
  azd_properties_unref(bundle->properties);
  free(bundle->by_type);
  free(bundle->strikes);
  azd_arena_free(&bundle->declarations.arena);
  pthread_mutex_destroy(&bundle->strike_lock);
  free(bundle);
}

const char *azd_bundle_stamp(const struct azd_bundle *bundle) {
  return bundle->stamp;
}
struct azd_ruleset *azd_bundle_ruleset(const struct azd_bundle *bundle) {
  return bundle->ruleset;
}

struct azd_properties *azd_bundle_properties(const struct azd_bundle *bundle) {
  return bundle->properties;
}
const struct azd_declarations *azd_bundle_declarations(const struct azd_bundle *bundle) {
  return &bundle->declarations;
}

void azd_bundle_strike(struct azd_bundle *bundle, int function, const struct azd_fault *fault) {
  struct azd_strike *strike = &bundle->strikes[function];
  pthread_mutex_lock(&bundle->strike_lock);
  if (!atomic_load_explicit(&strike->off, memory_order_relaxed)) {
    memcpy(strike->at, fault->at, sizeof strike->at);
    memcpy(strike->text, fault->text, sizeof strike->text);
    atomic_store_explicit(&strike->off, true, memory_order_release);
    azd_log(AZD_LOG_WARN, "script_stopped", "%s: %s; it is off until the next bundle", fault->at, fault->text);
  }
  pthread_mutex_unlock(&bundle->strike_lock);
}

uint32_t azd_bundle_struck(const struct azd_bundle *bundle) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < bundle->declarations.function_count; i++)
    count += atomic_load_explicit(&bundle->strikes[i].off, memory_order_relaxed);
  return count;
}

/* ---- the current one ---- */

struct azd_bundles {
  pthread_mutex_t lock;
  struct azd_bundle *current; /* under lock */
};

struct azd_bundles *azd_bundles_new(void) {
  struct azd_bundles *bundles = calloc(1, sizeof *bundles);
  if (bundles) pthread_mutex_init(&bundles->lock, NULL);
  return bundles;
}

void azd_bundles_free(struct azd_bundles *bundles) {
  if (!bundles) return;
  azd_bundle_unref(bundles->current);
  pthread_mutex_destroy(&bundles->lock);
  free(bundles);
}

int azd_bundles_reload(struct azd_bundles *bundles, const struct azd_bundle_options *options, struct azd_error *error) {
  struct azd_bundle *next;
  int rc = azd_bundle_build(options, &next, error);
  if (rc != 0) return rc;
  pthread_mutex_lock(&bundles->lock);
  struct azd_bundle *before = bundles->current;
  bundles->current = next;
  pthread_mutex_unlock(&bundles->lock);
  azd_bundle_unref(before);
  return 0;
}

struct azd_bundle *azd_bundles_current(struct azd_bundles *bundles) {
  pthread_mutex_lock(&bundles->lock);
  struct azd_bundle *bundle = azd_bundle_ref(bundles->current);
  pthread_mutex_unlock(&bundles->lock);
  return bundle;
}
