/* The difference of two bodies as Azure sends them (storage accounts of about 2.5 KB with 8 rules and 8 connections
 * each), parsing not counted: microseconds a pair, one core. Cases: equal; a leaf changed, noise around it; arrays in
 * another order; another view. Then redaction with canonical bytes against canonical bytes alone, and the first meeting
 * of types. Start it in the source folder: it reads catalog/rules. bench_diff [ROUNDS]: prints the best of ROUNDS
 * (default 5). */
#include "base/clock.h"
#include "json/diff.h"
#include "json/redact.h"
#include "json/schema_text.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAIRS = 2000, ELEMENTS = 8 };

static const char general[] = "any/type\n ignore ..etag\n ignore ..systemData\n ignore ..provisioningState\n"
                              " compare identity.principalId\n compare properties.privateEndpointConnections\n"
                              " same ..location location\n fold id\n fold name\n fold type\n"
                              " same ..{} id instant empty\n same ..[] id\n same ..tags{} entry\n";

static void die(const struct azd_error *error) {
  fprintf(stderr, "bench_diff: %s\n", error->text);
  exit(1);
}

static int add(void *context, const struct azd_rule *rule, struct azd_error *error) {
  struct azd_rule mine = *rule;
  mine.layer = AZD_LAYER_SHIPPED;
  mine.type = AZD_STR("*");
  return azd_ruleset_add(context, &mine, error);
}

static struct azd_ruleset *make_rules(void) {
  struct azd_error error;
  struct azd_ruleset *ruleset = azd_ruleset_new();
  if (azd_schema_text_parse_all(AZD_STR(general), AZD_STR("bench"), add, ruleset, &error) ||
      azd_ruleset_set_schema_dir(ruleset, "catalog/rules", &error) || azd_ruleset_seal(ruleset, 0, &error))
    die(&error);
  return ruleset;
}

enum which { SAME, CHANGED, SHUFFLED, CASES };

static void write_body(struct azd_buf *out, int i, enum which which) {
  const char *id = "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/rg/providers";
  int changed = which == CHANGED;
  azd_buf_printf(
      out,
      "{\"id\":\"%s/Microsoft.Storage/storageAccounts/st%d\",\"name\":\"st%d\",\"type\":"
      "\"Microsoft.Storage/storageAccounts\",\"location\":\"westeurope\",\"etag\":\"%d\",\"sku\":{\"name\":"
      "\"Standard_LRS\",\"tier\":\"Standard\"},\"tags\":{\"env\":\"prod\",\"owner\":\"platform@example.com\"},",
      id, i, i, i + changed);
  azd_buf_printf(out,
                 "\"properties\":{\"provisioningState\":\"Succeeded\",\"minimumTlsVersion\":\"%s\",\"creationTime\":"
                 "\"2026-03-02T08:11:26.1829342Z\",\"supportsHttpsTrafficOnly\":true,\"networkAcls\":{\"bypass\":"
                 "\"AzureServices\",\"defaultAction\":\"Deny\",\"ipRules\":[",
                 changed ? "TLS1_0" : "TLS1_2");
  for (int e = 0; e < ELEMENTS; e++)
    azd_buf_printf(out, "%s{\"value\":\"203.0.113.%d\",\"action\":\"Allow\"}", e ? "," : "",
                   which == SHUFFLED ? (e * 3 + 1) % ELEMENTS : e);
  azd_buf_append_text(out, "]},\"privateEndpointConnections\":[");
  for (int e = 0; e < ELEMENTS; e++) {
    int n = which == SHUFFLED ? (e * 5 + 2) % ELEMENTS : e;
    azd_buf_printf(
        out,
        "%s{\"id\":\"%s/Microsoft.Network/privateEndpoints/pe-%d\",\"name\":\"pe-%d\",\"properties\":{"
        "\"provisioningState\":\"Succeeded\",\"state\":{\"status\":\"Approved\",\"actionsRequired\":\"None\"}}}",
        e ? "," : "", id, n, n);
  }
  azd_buf_append_text(out, "]}}");
}

struct pair {
  struct azd_doc *old_doc, *new_doc;
};

static void parse_pairs(struct pair *pairs, enum which which, struct azd_buf *texts) {
  struct azd_error error;
  for (int i = 0; i < PAIRS; i++) {
    for (int side = 0; side < 2; side++) {
      struct azd_buf *text = &texts[2 * i + side];
      struct azd_doc *doc = side ? pairs[i].new_doc : pairs[i].old_doc;
      azd_buf_clear(text);
      write_body(text, i, side ? which : SAME);
      if (azd_doc_parse(doc, azd_buf_str(text), NULL, &error)) die(&error);
    }
  }
}

static double diff_us(struct azd_ruleset *ruleset, const struct pair *pairs, uint32_t between, uint32_t *changes) {
  struct azd_error error;
  const struct azd_diff_options options = {.between = between};
  struct azd_diff *diff = azd_diff_new();
  int64_t start_ns = azd_clock_thread_cpu_ns();
  *changes = 0;
  for (int i = 0; i < PAIRS; i++) {
    const struct azd_trie *trie = azd_ruleset_trie(ruleset, AZD_STR("Microsoft.Storage/storageAccounts"), 0, &error);
    if (!trie || azd_diff_run(diff, trie, pairs[i].old_doc, 0, pairs[i].new_doc, 0, &options, &error)) die(&error);
    *changes += azd_diff_count_of(diff, AZD_CLASS_CHANGE);
  }
  double us = (double)(azd_clock_thread_cpu_ns() - start_ns) / 1e3 / PAIRS;
  azd_diff_free(diff);
  return us;
}

static double canonical_us(struct azd_ruleset *ruleset, const struct pair *pairs, bool redact, size_t *bytes) {
  struct azd_error error;
  struct azd_redactor *redactor = azd_redactor_new(AZD_STR("a key of at least 16 bytes"));
  const struct azd_trie *trie = azd_ruleset_trie(ruleset, AZD_STR("Microsoft.Storage/storageAccounts"), 0, &error);
  struct azd_buf out;
  azd_buf_init(&out, 0);
  int64_t start_ns = azd_clock_thread_cpu_ns();
  *bytes = 0;
  for (int i = 0; i < PAIRS; i++) {
    azd_buf_clear(&out);
    int status = redact ? azd_redact_canonical(redactor, trie, pairs[i].old_doc, 0, &out, NULL, &error)
                        : azd_json_canonical(pairs[i].old_doc, 0, NULL, 0, &out);
    if (status) die(&error);
    *bytes += out.size;
  }
  double us = (double)(azd_clock_thread_cpu_ns() - start_ns) / 1e3 / PAIRS;
  azd_buf_free(&out);
  azd_redactor_free(redactor);
  return us;
}

static double first_meeting_us(void) {
  static const char *const types[] = {"Microsoft.Storage/storageAccounts",
                                      "Microsoft.Network/networkSecurityGroups",
                                      "Microsoft.Compute/virtualMachines",
                                      "Microsoft.ContainerService/managedClusters",
                                      "Microsoft.Web/sites",
                                      "Microsoft.Sql/servers/databases",
                                      "Microsoft.Unknown/things"};
  struct azd_error error;
  struct azd_ruleset *ruleset = make_rules();
  int64_t start_ns = azd_clock_thread_cpu_ns();
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (!azd_ruleset_trie(ruleset, azd_str_of(types[i]), 0, &error)) die(&error);
  double us = (double)(azd_clock_thread_cpu_ns() - start_ns) / 1e3 / (double)(sizeof types / sizeof *types);
  azd_ruleset_unref(ruleset);
  return us;
}

int main(int argc, char **argv) {
  static const char *const names[] = {"equal", "leaf changed", "arrays shuffled"};
  int rounds = argc > 1 ? atoi(argv[1]) : 5;
  struct azd_ruleset *ruleset = make_rules();
  struct pair *pairs = calloc(PAIRS, sizeof *pairs);
  struct azd_buf *texts = calloc(2 * PAIRS, sizeof *texts);
  for (int i = 0; i < PAIRS; i++) pairs[i] = (struct pair){azd_doc_new(), azd_doc_new()};
  for (enum which which = SAME; which < CASES; which++)
    for (int views = 0; views < 2; views++) {
      uint32_t changes = 0;
      double best = 1e9;
      parse_pairs(pairs, which, texts);
      for (int r = 0; r < rounds; r++) {
        double us = diff_us(ruleset, pairs, views ? AZD_BETWEEN_VIEWS : 0, &changes);
        if (us < best) best = us;
      }
      printf("diff, %-16s %s %7.2f us a pair, %u changes\n", names[which], views ? "two views" : "one view ", best,
             changes);
    }
  for (int redact = 0; redact < 2; redact++) {
    size_t bytes = 0;
    double best = 1e9;
    for (int r = 0; r < rounds; r++) {
      double us = canonical_us(ruleset, pairs, redact, &bytes);
      if (us < best) best = us;
    }
    printf("%-34s %7.2f us a body, %.0f MB/s\n", redact ? "secrets found, canonical bytes" : "canonical bytes", best,
           (double)bytes / PAIRS / best);
  }
  printf("%-34s %7.0f us a type\n", "first meeting of a type", first_meeting_us());
  for (int i = 0; i < PAIRS; i++) azd_doc_free(pairs[i].old_doc), azd_doc_free(pairs[i].new_doc);
  for (int i = 0; i < 2 * PAIRS; i++) azd_buf_free(&texts[i]);
  free(pairs), free(texts);
  azd_ruleset_unref(ruleset);
  return 0;
}
