/* Policy calls a second on one core: bench_policy [CALLS]. Fields are read through light handles; a data policy never
 * enters Lua. */
#include "base/clock.h"
#include "script/judge.h"
#include "script/judge_impl.h"
#include "support/script_project.h"

static const char storage[] = "{\"id\":\"/subscriptions/5/resourceGroups/rg/providers/Microsoft.Storage/"
                              "storageAccounts/st\",\"kind\":\"StorageV2\",\"location\":\"westeurope\","
                              "\"name\":\"st\",\"properties\":{\"accessTier\":\"Hot\",\"allowBlobPublicAccess\":false,"
                              "\"creationTime\":\"2024-01-01T00:00:00Z\","
                              "\"encryption\":{\"keySource\":\"Microsoft.Storage\",\"services\":{\"blob\":{\"enabled\":"
                              "true},\"file\":{\"enabled\":true}}},"
                              "\"isHnsEnabled\":false,\"minimumTlsVersion\":\"TLS1_2\",\"networkAcls\":{\"bypass\":"
                              "\"AzureServices\",\"defaultAction\":\"Deny\",\"ipRules\":[],"
                              "\"virtualNetworkRules\":[]},\"primaryEndpoints\":{\"blob\":\"https://"
                              "st.blob.core.windows.net/\"},\"provisioningState\":\"Succeeded\","
                              "\"supportsHttpsTrafficOnly\":true},\"sku\":{\"name\":\"Standard_LRS\",\"tier\":"
                              "\"Standard\"},\"tags\":{\"env\":\"prod\",\"owner\":\"a\"},"
                              "\"type\":\"Microsoft.Storage/storageAccounts\"}";

static const char policies[] =
    "policy \"six\" { type = \"Microsoft.Storage/storageAccounts\", severity = \"low\", on_resource = function(r)\n"
    "  local after = r.after local p = after.properties\n"
    "  if p.allowBlobPublicAccess == true or p.minimumTlsVersion ~= 'TLS1_2' or p.networkAcls.defaultAction == "
    "'Allow'\n"
    "    or p.supportsHttpsTrafficOnly == false or after.sku.name == 'Premium' or after.location == 'x' then return "
    "'high' end end }\n"
    "policy \"data\" { type = \"Microsoft.Storage/storageAccounts\", watch = \"properties.minimumTlsVersion\", to = "
    "\"TLS1_0\", severity = \"low\" }\n";

static double seconds_of(int64_t began_ns) {
  return (double)(azd_clock_thread_cpu_ns() - began_ns) / 1e9;
}

/* The call alone, as a judge makes it. */
static double bare_calls(struct azd_judge *judge, long calls) {
  struct azd_sandbox *sandbox = judge->state->sandbox;
  struct azd_judge_input input = {.type = AZD_STR("x"), .after_node = 0};
  static struct azd_doc *doc;
  struct azd_error error;
  doc = azd_doc_new();
  azd_doc_parse(doc, azd_str_of(storage), NULL, &error);
  input.after = doc;
  judge->run = (struct azd_judging){.input = &input};
  azd_lend_document(&sandbox->lend, AZD_SLOT_AFTER, doc);
  sandbox->lend.objects = &azd_judge_objects;
  sandbox->lend.host = &judge->run;
  int64_t began = azd_clock_thread_cpu_ns();
  for (long i = 0; i < calls; i++) {
    azd_declare_push_function(sandbox->L, 0);
    azd_judge_push_resource(sandbox->L);
    if (azd_sandbox_call(sandbox, 1, 1) != 0) printf("failed: %s\n", sandbox->fault.text), exit(1);
    lua_settop(sandbox->L, 0);
    sandbox->lend.epoch++;
  }
  double took = seconds_of(began);
  azd_lend_return(&sandbox->lend);
  azd_doc_free(doc);
  return took;
}

int main(int argc, char **argv) {
  long calls = argc > 1 ? atol(argv[1]) : 1000000;
  struct script_project project;
  struct azd_bundle *bundle;
  struct azd_error error;
  struct azd_arena arena;
  struct azd_judgement judgement;
  project_open(&project);
  project_write(&project, "policies/p.lua", policies);
  if (project_build(&project, "", false, &bundle, &error) != 0) return printf("%s\n", error.text), 1;
  struct azd_judge *judge = azd_judge_new();
  struct azd_doc *before = azd_doc_new(), *after = azd_doc_new();
  char changed[sizeof storage];
  strcpy(changed, storage);
  memcpy(strstr(changed, "\"Hot\""), "\"Cul\"", 5);
  azd_doc_parse(before, azd_str_of(storage), NULL, &error);
  azd_doc_parse(after, azd_str_of(changed), NULL, &error);
  struct azd_diff *diff = azd_diff_new();
  struct azd_judge_input input = {.kind = AZD_DRIFT_CHANGED,
                                  .id = AZD_STR("/x"),
                                  .type = AZD_STR("Microsoft.Storage/storageAccounts"),
                                  .before = before,
                                  .after = after,
                                  .diff = diff};
  const struct azd_trie *trie = azd_ruleset_trie(azd_bundle_ruleset(bundle), input.type, 0, &error);
  if (!trie || azd_diff_run(diff, trie, before, 0, after, 0, &(struct azd_diff_options){0}, &error) != 0) return 1;
  azd_judge_use(judge, bundle);
  azd_arena_init(&arena, 0);
  int64_t began = azd_clock_thread_cpu_ns();
  for (long i = 0; i < calls; i++) {
    azd_arena_reset(&arena);
    if (azd_judge_run(judge, &input, &arena, &judgement, &error) != 0 || judgement.error_count)
      return printf("failed\n"), 1;
  }
  double judged = seconds_of(began);
  double best = 1e9;
  for (int round = 0; round < 3; round++) {
    double took = bare_calls(judge, calls);
    if (took < best) best = took;
  }
  printf("policy call, 6 fields in 10 steps:  %.0f ns, %.2f M/s\n", best / (double)calls * 1e9,
         (double)calls / best / 1e6);
  printf("drift judged, 1 change, 2 policies: %.0f ns, %.2f M/s\n", judged / (double)calls * 1e9,
         (double)calls / judged / 1e6);
  azd_judge_free(judge);
  azd_bundle_unref(bundle);
  azd_doc_free(before), azd_doc_free(after), azd_diff_free(diff), azd_arena_free(&arena);
  project_close(&project);
  return 0;
}
