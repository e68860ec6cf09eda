#include "json/ruleset.h"
#include "json/provider_files.h"
#include "json/ruleset_impl.h"
#include "json/schema_text.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Rules stand in chunks that never move, so that a number can be looked up while another thread reads a schema file. */
enum { CHUNK_RULES = 512, CHUNKS_MAX = 8192 };
/* Types without any rule that are remembered as such; type names come from bodies, so they are not trusted to be few.
 */
enum { BARE_TYPES_MAX = 8192 };

struct stored {
  struct azd_rule rule;
  struct azd_path path;
};

struct type {
  struct type *next;
  struct azd_str name;  /* as first written */
  struct azd_buf rules; /* uint32_t rule numbers */
  bool schema_read;
  uint32_t between; /* of all its rules */
  /* By what differs in how two bodies were read. Owned but where one stands twice: in a lower place, or in "*". */
  struct azd_trie *tries[AZD_BETWEEN_ALL + 1];
};

enum { TYPE_SLOTS = 4096 };

struct azd_ruleset {
  atomic_int refs;
  pthread_rwlock_t lock; /* everything below but chunks and count, which are published by count */
  _Atomic(struct stored *) chunks[CHUNKS_MAX];
  atomic_uint count;
  struct azd_arena arena;
  struct type *types[TYPE_SLOTS];                       /* by folded name */
  struct type *any;                                     /* "*" */
  struct azd_trie_common *commons[AZD_BETWEEN_ALL + 1]; /* its rules worked out, made when first needed */
  uint32_t bare_types;
  struct azd_provider_files schema;
  bool sealed;
};

static int no_memory(struct azd_error *error) {
  return azd_fail(error, AZD_ENOMEM, "no memory for rules");
}

static uint32_t slot_of(struct azd_str type) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < type.size; i++) hash = (hash ^ azd_fold((unsigned char)type.data[i])) * 16777619u;
  return hash % TYPE_SLOTS;
}

static struct type *find_type(const struct azd_ruleset *ruleset, struct azd_str name) {
  struct type *type = ruleset->types[slot_of(name)];
  while (type && !azd_str_equal_fold(type->name, name)) type = type->next;
  return type;
}

static struct type *need_type(struct azd_ruleset *ruleset, struct azd_str name) {
  struct type *type = find_type(ruleset, name);
  if (type) return type;
  const char *copy = azd_arena_copy(&ruleset->arena, name);
  if (!copy || !(type = azd_arena_zalloc(&ruleset->arena, sizeof *type))) return NULL;
  type->name = (struct azd_str){copy, name.size};
  azd_buf_init(&type->rules, 0);
  type->next = ruleset->types[slot_of(name)];
  return ruleset->types[slot_of(name)] = type;
}

struct azd_ruleset *azd_ruleset_new(void) {
  struct azd_ruleset *ruleset = calloc(1, sizeof *ruleset);
  if (!ruleset) return NULL;
  atomic_init(&ruleset->refs, 1);
  azd_arena_init(&ruleset->arena, 0);
  if (pthread_rwlock_init(&ruleset->lock, NULL)) {
    free(ruleset);
    return NULL;
  }
  if (!(ruleset->any = need_type(ruleset, AZD_STR("*")))) {
    azd_ruleset_unref(ruleset);
    return NULL;
  }
  ruleset->any->schema_read = true;
  return ruleset;
}

struct azd_ruleset *azd_ruleset_ref(struct azd_ruleset *ruleset) {
  atomic_fetch_add_explicit(&ruleset->refs, 1, memory_order_relaxed);
  return ruleset;
}

static bool stands_in(struct azd_trie *const *tries, uint32_t count, const struct azd_trie *trie) {
  for (uint32_t i = 0; i < count; i++)
    if (tries[i] == trie) return true;
  return false;
}

static void free_tries(struct type *type, const struct type *any) {
  for (uint32_t i = 0; i <= AZD_BETWEEN_ALL; i++)
    if (!stands_in(type->tries, i, type->tries[i]) &&
        !(any && stands_in(any->tries, AZD_BETWEEN_ALL + 1, type->tries[i])))
      azd_trie_free(type->tries[i]);
}

void azd_ruleset_unref(struct azd_ruleset *ruleset) {
  if (!ruleset || atomic_fetch_sub_explicit(&ruleset->refs, 1, memory_order_acq_rel) != 1) return;
  for (uint32_t i = 0; i < TYPE_SLOTS; i++)
    for (struct type *type = ruleset->types[i]; type; type = type->next) {
      if (type != ruleset->any) free_tries(type, ruleset->any);
      azd_buf_free(&type->rules);
    }
  if (ruleset->any) free_tries(ruleset->any, NULL);
  for (uint32_t i = 0; i <= AZD_BETWEEN_ALL; i++) azd_trie_common_free(ruleset->commons[i]);
  for (uint32_t i = 0; i < CHUNKS_MAX; i++) free(atomic_load_explicit(&ruleset->chunks[i], memory_order_relaxed));
  azd_provider_files_close(&ruleset->schema);
  azd_arena_free(&ruleset->arena);
  pthread_rwlock_destroy(&ruleset->lock);
  free(ruleset);
}

/* ---- adding ---- */

static struct stored *stored_at(const struct azd_ruleset *ruleset, uint32_t number) {
  return atomic_load_explicit(&ruleset->chunks[number / CHUNK_RULES], memory_order_acquire) + number % CHUNK_RULES;
}

static bool keep(struct azd_arena *arena, struct azd_str *text) {
  const char *copy = text->size ? azd_arena_copy(arena, *text) : "";
  text->data = copy;
  return copy;
}

/* What the verb needs and nothing else: the sentence a user reads, or NULL. */
static const char *wrong_with(const struct azd_rule *rule) {
  bool is_key = rule->verb == AZD_VERB_KEY, is_same = rule->verb == AZD_VERB_SAME;
  if (!rule->type.size) return "a rule needs a type, or \"*\"";
  if (is_key && (rule->by_count == 0 || rule->by_count > AZD_RULE_KEYS_MAX))
    return "key needs 1 to 4 member names in by";
  if (!is_key && rule->by_count) return "only key takes by";
  if (is_same && !rule->same) return "same needs to be told as what";
  if (!is_same && rule->same) return "only same takes as";
  if (((rule->same & AZD_SAME_VALUES) != 0) != (rule->values.size > 0))
    return "a list of values that mean the same is missing";
  if (rule->condition >= 0 && rule->verb != AZD_VERB_IGNORE && rule->verb != AZD_VERB_OBSERVE)
    return "only ignore and observe take when";
  if (rule->between > AZD_BETWEEN_ALL) return "between is views, versions or both";
  if (rule->between && rule->verb == AZD_VERB_REDACT) return "a secret is one however it was read: no between";
  return NULL;
}

/* A list that is no JSON would never match anything. */
static int check_values(const struct azd_rule *rule, struct azd_error *error) {
  if (!rule->values.size) return 0;
  struct azd_doc *doc = azd_doc_new();
  if (!doc) return no_memory(error);
  int status = azd_doc_parse(doc, rule->values, NULL, error);
  bool is_list = !status && azd_doc_type(doc, 0) == AZD_JSON_ARRAY;
  azd_doc_free(doc);
  if (status == AZD_ENOMEM) return status;
  return is_list ? 0
                 : azd_fail(error, AZD_EINVAL, "'%.*s' is no JSON array of values that mean the same",
                            AZD_STR_FORMAT(rule->values));
}

static int check_path(const struct azd_rule *rule, const struct azd_path *path, struct azd_error *error) {
  for (uint32_t i = 0; i < path->count; i++)
    if (path->steps[i].kind == AZD_STEP_INDEX)
      return azd_fail(error, AZD_EINVAL,
                      "path '%.*s': a rule may not count elements; write [], or a selector as [name=ssh]",
                      AZD_STR_FORMAT(rule->path));
  return 0;
}

/* Under the lock, or before the ruleset is shared. */
static int store(struct azd_ruleset *ruleset, const struct azd_rule *rule, struct azd_error *error) {
  uint32_t number = atomic_load_explicit(&ruleset->count, memory_order_relaxed);
  if (number / CHUNK_RULES >= CHUNKS_MAX)
    return azd_fail(error, AZD_ELIMIT, "more than %d rules", CHUNKS_MAX * CHUNK_RULES);
  if (!atomic_load_explicit(&ruleset->chunks[number / CHUNK_RULES], memory_order_relaxed)) {
    struct stored *chunk = calloc(CHUNK_RULES, sizeof *chunk);
    if (!chunk) return no_memory(error);
    atomic_store_explicit(&ruleset->chunks[number / CHUNK_RULES], chunk, memory_order_release);
  }
  struct stored stored = {.rule = *rule};
  int status = azd_path_parse(rule->path, &ruleset->arena, &stored.path, error);
  if (!status) status = check_path(rule, &stored.path, error);
  if (!status) status = check_values(rule, error);
  if (status)
    return status == AZD_EPARSE && error ? (error->code = AZD_EINVAL) : status == AZD_EPARSE ? AZD_EINVAL : status;
  struct type *type = need_type(ruleset, rule->type);
  if (!type) return no_memory(error);
  stored.rule.type = type->name;
  bool kept = keep(&ruleset->arena, &stored.rule.path) && keep(&ruleset->arena, &stored.rule.values) &&
              keep(&ruleset->arena, &stored.rule.owner) && keep(&ruleset->arena, &stored.rule.why);
  for (uint32_t i = 0; kept && i < rule->by_count; i++) kept = keep(&ruleset->arena, &stored.rule.by[i]);
  /* Of a rule read after sealing, file is that of its provider, which lives as long. */
  if (kept && !ruleset->sealed) kept = keep(&ruleset->arena, &stored.rule.file);
  if (!kept) return no_memory(error);
  azd_buf_append(&type->rules, &number, sizeof number);
  if (azd_buf_status(&type->rules)) return no_memory(error);
  type->between |= rule->between;
  *stored_at(ruleset, number) = stored;
  atomic_store_explicit(&ruleset->count, number + 1, memory_order_release);
  return 0;
}

int azd_ruleset_add(struct azd_ruleset *ruleset, const struct azd_rule *rule, struct azd_error *error) {
  AZD_ASSERT(!ruleset->sealed);
  const char *wrong = wrong_with(rule);
  int status = wrong ? azd_fail(error, AZD_EINVAL, "%s", wrong) : store(ruleset, rule, error);
  if (status && rule->file.size) azd_error_prefix(error, "%.*s:%d", AZD_STR_FORMAT(rule->file), rule->line);
  return status;
}

const char *azd_ruleset_schema_dir(const struct azd_ruleset *ruleset) {
  return ruleset->schema.folder;
}

int azd_ruleset_set_schema_dir(struct azd_ruleset *ruleset, const char *path, struct azd_error *error) {
  AZD_ASSERT(!ruleset->sealed);
  return azd_provider_files_open(&ruleset->schema, path, ".rules", error);
}

/* ---- the schema layer ---- */

static int store_schema_rule(void *context, const struct azd_rule *rule, struct azd_error *error) {
  const char *wrong = wrong_with(rule);
  int status = wrong ? azd_fail(error, AZD_EPARSE, "%s", wrong) : store(context, rule, error);
  if (status) azd_error_prefix(error, "%.*s:%d", AZD_STR_FORMAT(rule->file), rule->line);
  return status == AZD_EINVAL ? AZD_EPARSE : status;
}

/* Under the write lock. */
static int read_schema(struct azd_ruleset *ruleset, struct azd_str type_name, struct azd_error *error) {
  const struct azd_provider_file *provider;
  struct type *type = find_type(ruleset, type_name);
  if (type && type->schema_read) return 0;
  int status = azd_provider_files_find(&ruleset->schema, type_name, &provider, error);
  if (status || !provider) return status;
  status = azd_schema_text_parse((struct azd_str){provider->text, provider->bytes}, type_name,
                                 azd_str_of(provider->path), store_schema_rule, ruleset, error);
  /* After an error the type stays unread, and what was stored of it is dropped. */
  type = find_type(ruleset, type_name);
  while (status && type && type->rules.size) {
    uint32_t last;
    memcpy(&last, type->rules.data + type->rules.size - sizeof last, sizeof last);
    if (stored_at(ruleset, last)->rule.layer != AZD_LAYER_SCHEMA) break;
    type->rules.size -= sizeof last;
  }
  if (!status && type) type->schema_read = true;
  return status;
}

/* ---- sealing and tries ---- */

static void append_rules(const struct azd_ruleset *ruleset, const struct type *type, uint32_t between,
                         struct azd_buf *rules) {
  const uint32_t *numbers = (const void *)type->rules.data;
  for (uint32_t i = 0; i < type->rules.size / sizeof *numbers; i++) {
    const struct stored *stored = stored_at(ruleset, numbers[i]);
    if (stored->rule.between && !(stored->rule.between & between)) continue;
    struct azd_trie_rule entry = {&stored->rule, &stored->path, numbers[i]};
    azd_buf_append(rules, &entry, sizeof entry);
  }
}

/* Under the write lock, or before the ruleset is shared. */
static int compile(struct azd_ruleset *ruleset, const struct type *type, uint32_t between, struct azd_trie **trie,
                   struct azd_error *error) {
  struct azd_buf rules;
  azd_buf_init(&rules, 0);
  append_rules(ruleset, ruleset->any, between, &rules);
  uint32_t common = (uint32_t)(rules.size / sizeof(struct azd_trie_rule));
  if (type != ruleset->any) append_rules(ruleset, type, between, &rules);
  int status = azd_buf_status(&rules) ? no_memory(error) : 0;
  if (!status && !ruleset->commons[between])
    status = azd_trie_common_new((const void *)rules.data, common, &ruleset->commons[between], error);
  if (!status)
    status = azd_trie_compile((const void *)rules.data, (uint32_t)(rules.size / sizeof(struct azd_trie_rule)),
                              ruleset->commons[between], trie, error);
  azd_buf_free(&rules);
  return status;
}

static void drop_outdated(struct azd_ruleset *ruleset, struct type *type, int64_t now_ms) {
  uint32_t *numbers = (void *)type->rules.data, kept = 0;
  for (uint32_t i = 0; i < type->rules.size / sizeof *numbers; i++) {
    int64_t till_ms = stored_at(ruleset, numbers[i])->rule.till_ms;
    if (!till_ms || till_ms > now_ms) numbers[kept++] = numbers[i];
  }
  type->rules.size = kept * sizeof *numbers;
}

int azd_ruleset_seal(struct azd_ruleset *ruleset, int64_t now_ms, struct azd_error *error) {
  AZD_ASSERT(!ruleset->sealed);
  drop_outdated(ruleset, ruleset->any, now_ms);
  struct azd_trie *trial = NULL;
  int status = compile(ruleset, ruleset->any, AZD_BETWEEN_ALL, &trial, error);
  azd_trie_free(trial);
  if (!status) status = compile(ruleset, ruleset->any, 0, &ruleset->any->tries[0], error);
  /* Each type that declared rules name is compiled once for its ties; its trie is made anew when its schema rules are
   * read. */
  for (uint32_t i = 0; !status && i < TYPE_SLOTS; i++)
    for (struct type *type = ruleset->types[i]; !status && type; type = type->next) {
      if (type == ruleset->any) continue;
      drop_outdated(ruleset, type, now_ms);
      trial = NULL;
      status = compile(ruleset, type, AZD_BETWEEN_ALL, &trial, error);
      azd_trie_free(trial);
    }
  ruleset->sealed = !status;
  return status;
}

/* Under the write lock. A place that no rule tells apart from one that is made already shares its trie. */
static int make_own_trie(struct azd_ruleset *ruleset, struct type *type, uint32_t between, struct azd_error *error) {
  uint32_t told_apart = between & (type->between | ruleset->any->between);
  struct azd_trie **place = &type->tries[told_apart];
  if (!*place && !type->rules.size && type != ruleset->any) {
    int status = make_own_trie(ruleset, ruleset->any, told_apart, error);
    if (status) return status;
    *place = ruleset->any->tries[told_apart];
  }
  if (!*place) {
    int status = compile(ruleset, type, told_apart, place, error);
    if (status) return status;
  }
  type->tries[between] = *place;
  return 0;
}

/* Under the write lock. */
static int make_trie(struct azd_ruleset *ruleset, struct azd_str name, uint32_t between, const struct azd_trie **trie,
                     struct azd_error *error) {
  int status = read_schema(ruleset, name, error);
  if (status) return status;
  struct type *type = find_type(ruleset, name);
  if (!type && ruleset->bare_types < BARE_TYPES_MAX && (type = need_type(ruleset, name))) ruleset->bare_types++;
  if (!type) type = ruleset->any;
  if (!type->tries[between]) status = make_own_trie(ruleset, type, between, error);
  *trie = type->tries[between];
  return status;
}

const struct azd_trie *azd_ruleset_trie(struct azd_ruleset *ruleset, struct azd_str type, uint32_t between,
                                        struct azd_error *error) {
  AZD_ASSERT(ruleset->sealed && between <= AZD_BETWEEN_ALL);
  pthread_rwlock_rdlock(&ruleset->lock);
  const struct type *known = find_type(ruleset, type);
  const struct azd_trie *trie = known ? known->tries[between] : NULL;
  pthread_rwlock_unlock(&ruleset->lock);
  if (trie) return trie;
  pthread_rwlock_wrlock(&ruleset->lock);
  int status = make_trie(ruleset, type, between, &trie, error);
  pthread_rwlock_unlock(&ruleset->lock);
  return status ? NULL : trie;
}

int azd_ruleset_rules_of(struct azd_ruleset *ruleset, struct azd_str type, struct azd_buf *rules,
                         struct azd_error *error) {
  pthread_rwlock_wrlock(&ruleset->lock);
  int status = read_schema(ruleset, type, error);
  if (!status) {
    const struct type *known = find_type(ruleset, type);
    append_rules(ruleset, ruleset->any, AZD_BETWEEN_ALL, rules);
    if (known && known != ruleset->any) append_rules(ruleset, known, AZD_BETWEEN_ALL, rules);
    if (azd_buf_status(rules)) status = no_memory(error);
  }
  pthread_rwlock_unlock(&ruleset->lock);
  return status;
}

uint32_t azd_ruleset_count(const struct azd_ruleset *ruleset) {
  return atomic_load_explicit(&((struct azd_ruleset *)ruleset)->count, memory_order_acquire);
}

const struct azd_rule *azd_ruleset_rule(const struct azd_ruleset *ruleset, uint32_t rule) {
  return rule < azd_ruleset_count(ruleset) ? &stored_at(ruleset, rule)->rule : NULL;
}
