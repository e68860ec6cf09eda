/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/table.h"
#include "json/ruleset.h"
#include "json/schema_text.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define CATALOG AZD_SOURCE_DIR "/catalog"

static char *read_file(const char *path, size_t *bytes) {
  FILE *file = fopen(path, "rb");
  if (!file) fail_msg("cannot open %s", path);
  fseek(file, 0, SEEK_END);
  *bytes = (size_t)ftell(file);
  rewind(file);
  char *text = malloc(*bytes + 1);
  assert_non_null(text);
  assert_int_equal(fread(text, 1, *bytes, file), *bytes);
  fclose(file);
  return text;
}

struct census {
  size_t rules;
};

static int count_rule(void *context, const struct azd_rule *rule, struct azd_error *error) {
  struct census *census = context;
  (void)error;
  assert_true(rule->path.size > 0);
  census->rules++;
  return 0;
}

/* Every file, every line: what the generator writes is what the engine reads. */
static void every_schema_file_parses(void **state) {
  (void)state;
  DIR *folder = opendir(CATALOG "/rules");
  assert_non_null(folder);
  struct census census = {0};
  size_t files = 0;
  for (struct dirent *entry; (entry = readdir(folder));) {
    char path[512];
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, CATALOG "/rules/%s", entry->d_name);
    size_t bytes;
    char *text = read_file(path, &bytes);
    struct azd_error error = {0};
    struct azd_str body = {text, bytes};
    if (azd_schema_text_parse_all(body, azd_str_of(path), count_rule, &census, &error)) fail_msg("%s", error.text);
    free(text);
    files++;
  }
  closedir(folder);
  assert_true(files > 250);
  assert_true(census.rules > 15000);
}

/* The columns that the collector and the C side read, by name. */
static void the_table_of_types_has_its_columns(void **state) {
  static const char *const names[] = {"type",     "scopes", "parent", "names", "stable", "preview", "use",
                                      "versions", "flags",  "lists",  "get",   "how",    "notes"};
  struct azd_table *table;
  struct azd_error error = {0};
  (void)state;
  if (azd_table_open(CATALOG "/types.tsv", &table, &error)) fail_msg("%s", error.text);
  assert_int_equal(azd_table_columns(table), sizeof names / sizeof *names);
  for (uint32_t i = 0; i < azd_table_columns(table); i++)
    assert_true(azd_str_equal(azd_table_column_name(table, i), azd_str_of(names[i])));
  assert_true(azd_table_rows(table) > 3400);
  uint32_t row = azd_table_find(table, AZD_STR("microsoft.insights/DIAGNOSTICSETTINGS"));
  assert_int_not_equal(row, AZD_TABLE_NO_ROW);
  assert_true(azd_str_equal(azd_table_cell(table, row, 6), AZD_STR("2021-05-01-preview")));
  azd_table_close(table);
}

/* Each type's rules compile together: no contradiction, no limit met. */
static void every_type_compiles(void **state) {
  struct azd_ruleset *ruleset = azd_ruleset_new();
  struct azd_table *table;
  struct azd_error error = {0};
  (void)state;
  assert_non_null(ruleset);
  if (azd_ruleset_set_schema_dir(ruleset, CATALOG "/rules", &error)) fail_msg("%s", error.text);
  if (azd_ruleset_seal(ruleset, 0, &error)) fail_msg("%s", error.text);
  if (azd_table_open(CATALOG "/types.tsv", &table, &error)) fail_msg("%s", error.text);
  for (uint32_t row = 0; row < azd_table_rows(table); row++) {
    struct azd_str type = azd_table_cell(table, row, 0);
    if (!azd_ruleset_trie(ruleset, type, 0, &error)) fail_msg("%.*s: %s", AZD_STR_FORMAT(type), error.text);
  }
  azd_table_close(table);
  azd_ruleset_unref(ruleset);
}

struct answer {
  bool found;
};

static void take_winner(void *context, uint32_t rule, bool won) {
  struct answer *answer = context;
  (void)rule;
  if (won) answer->found = true;
}

/* One row of each kind, as somebody would look it up. */
static void known_facts_are_there(void **state) {
  static const struct {
    const char *type, *path;
  } facts[] = {
      {"Microsoft.Storage/storageAccounts", "properties.primaryEndpoints"},
      {"Microsoft.Storage/storageAccounts", "sku.name"},
      {"Microsoft.Storage/storageAccounts", "properties.networkAcls.ipRules"},
      {"Microsoft.Network/virtualNetworks", "properties.dhcpOptions.dnsServers"},
      {"Microsoft.Sql/servers", "properties.administratorLoginPassword"},
      {"Microsoft.Devices/IotHubs", "properties.routing.endpoints.eventHubs[].connectionString"},
  };
  struct azd_ruleset *ruleset = azd_ruleset_new();
  struct azd_error error = {0};
  (void)state;
  if (azd_ruleset_set_schema_dir(ruleset, CATALOG "/rules", &error)) fail_msg("%s", error.text);
  if (azd_ruleset_seal(ruleset, 0, &error)) fail_msg("%s", error.text);
  for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
    struct answer answer = {0};
    int status = azd_ruleset_explain(ruleset, azd_str_of(facts[i].type), azd_str_of(facts[i].path), take_winner,
                                     &answer, &error);
    if (status) fail_msg("%s", error.text);
    if (!answer.found) fail_msg("no rule speaks at %s %s", facts[i].type, facts[i].path);
  }
  azd_ruleset_unref(ruleset);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_schema_file_parses),
      cmocka_unit_test(the_table_of_types_has_its_columns),
      cmocka_unit_test(every_type_compiles),
      cmocka_unit_test(known_facts_are_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
