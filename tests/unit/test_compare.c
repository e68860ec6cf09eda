/* `azdrift diff` of two texts, and a line of `diff --batch`: what is paired with what, where pointers lead, what an
 * answer says. */
#include "drift/compare.h"
#include "support/drift_world.h"

struct world {
  struct azd_comparer *comparer;
  struct azd_bundle *bundle;
  struct azd_detect_options options;
  struct azd_compare_input input;
  struct azd_compare_result result;
  struct azd_buf drifts, errors, quiet;
};

static const char rules[] =
    "rules { type = \"*\", owner = \"t\", { ignore = \"noise\", why = \"x\" }, { observe = \"seen\", why = \"y\" } }";
static const char policies[] = "policy \"fragile\" { type = \"A.b/c\", severity = \"high\", message = \"m\",\n"
                               "  on_change = function(change) return change.new > 5 and \"high\" end,\n"
                               "  examples = { { old = { v = 1 }, new = { v = 6 }, gives = \"high\" } } }\n";

static int set_up(void **state) {
  struct world *world = calloc(1, sizeof *world);
  world->comparer = azd_comparer_new();
  world->bundle = bundle_of(rules, policies);
  world->options = (struct azd_detect_options){.bundle = world->bundle, .now_ms = 1770000000000};
  azd_buf_init(&world->drifts, 0);
  azd_buf_init(&world->errors, 0);
  azd_buf_init(&world->quiet, 0);
  *state = world;
  return 0;
}

static int tear_down(void **state) {
  struct world *world = *state;
  azd_comparer_free(world->comparer);
  azd_bundle_unref(world->bundle);
  azd_buf_free(&world->drifts);
  azd_buf_free(&world->errors);
  azd_buf_free(&world->quiet);
  free(world);
  return 0;
}

/* The drifts as JSON. */
static struct azd_str compare(struct world *world, const char *before, const char *after) {
  azd_buf_clear(&world->drifts);
  azd_buf_clear(&world->errors);
  azd_buf_clear(&world->quiet);
  world->input.old_text = azd_str_of(before);
  world->input.new_text = azd_str_of(after);
  must(azd_compare_texts(world->comparer, &world->options, &azure_shape, &world->input, &world->drifts, &world->errors,
                         &world->quiet, &world->result, ERR));
  return azd_buf_str(&world->drifts);
}

static void two_resources_are_one_pair_whatever_their_ids(void **state) {
  struct world *world = *state;
  struct azd_str drifts =
      compare(world, "{\"id\":\"/x/providers/A.b/c/one\",\"v\":1}", "{\"id\":\"/x/providers/A.b/c/two\",\"v\":2}");
  assert_int_equal(world->result.drifts, 1);
  assert_has(drifts, "\"resource_id\":\"/x/providers/A.b/c/two\"");
  assert_has(drifts, "\"kind\":\"changed\"");
  assert_has(drifts, "\"pointer\":\"/v\"");
  assert_str(
      compare(world, "{\"id\":\"/x/providers/A.b/c/one\",\"v\":1}", "{\"v\":1,\"id\":\"/x/providers/A.b/c/one\"}"),
      "[]");
}

static void lists_are_paired_by_id_without_case_or_order(void **state) {
  struct world *world = *state;
  struct azd_str drifts = compare(world,
                                  "{\"value\":[{\"id\":\"/x/providers/A.b/c/One\",\"v\":1},{\"id\":\"/x/providers/A.b/"
                                  "c/gone\"},{\"id\":\"/x/providers/A.b/c/same\"}]}",
                                  "{\"value\":[{\"id\":\"/x/providers/A.b/c/same/\"},{\"id\":\"/X/providers/a.B/C/"
                                  "ONE\",\"v\":2},{\"id\":\"/x/providers/A.b/c/new\"}]}");
  assert_int_equal(world->result.old_resources, 3);
  assert_int_equal(world->result.new_resources, 3);
  assert_has(drifts, "\"kind\":\"removed\",\"resource_type\":\"A.b/c\",\"resource_id\":\"/x/providers/A.b/c/gone\"");
  assert_has(drifts, "\"kind\":\"added\",\"resource_type\":\"A.b/c\",\"resource_id\":\"/x/providers/A.b/c/new\"");
  /* where it stands in the text that a person gave: the new one, for a removal the old one */
  assert_has(drifts, "\"property\":\"v\",\"pointer\":\"/value/1/v\"");
  assert_has(drifts, "\"op\":\"remove\",\"property\":\"\",\"pointer\":\"/value/1\"");
  assert_has(drifts, "\"op\":\"add\",\"property\":\"\",\"pointer\":\"/value/2\"");
}

static void forms_may_be_mixed(void **state) {
  struct world *world = *state;
  struct azd_str drifts = compare(world, "[{\"id\":\"/x/providers/A.b/c/1\",\"v\":1}]",
                                  "{\"resources\":{\"A.b/c\":{\"/x/providers/A.b/c/1\":{\"id\":\"/x/providers/A.b/c/"
                                  "1\",\"v\":2},\"/x/providers/A.b/c/2\":{}}}}");
  assert_int_equal(world->result.drifts, 2);
  assert_has(drifts, "\"pointer\":\"/resources/A.b~1c/~1x~1providers~1A.b~1c~11/v\"");
  assert_str(compare(world, "[]", "{\"value\":[]}"), "[]");
}

static void of_a_doubled_id_the_first_counts(void **state) {
  struct world *world = *state;
  assert_str(compare(world, "[{\"id\":\"/a\",\"v\":1},{\"id\":\"/A\",\"v\":9}]", "[{\"id\":\"/a\",\"v\":1}]"), "[]");
}

static void lists_with_nameless_items_are_compared_as_they_stand(void **state) {
  struct world *world = *state;
  struct azd_str drifts = compare(world, "{\"value\":[{\"id\":\"/a\",\"v\":1},{\"v\":1}]}",
                                  "{\"value\":[{\"id\":\"/a\",\"v\":1},{\"v\":2}]}");
  assert_int_equal(world->result.drifts, 1);
  assert_has(drifts, "\"new_value\":2"); /* what has no id is not lost */
}

static void the_url_names_the_type_where_bodies_do_not(void **state) {
  struct world *world = *state;
  world->input.url = AZD_STR("https://management.azure.com/subscriptions/1/providers/A.b/c/d?api-version=1");
  assert_has(compare(world, "{\"v\":1}", "{\"v\":2}"), "\"resource_type\":\"A.b/c\"");
  assert_has(compare(world, "{\"v\":1,\"type\":\"X.y/z\"}", "{\"v\":2}"), "\"resource_type\":\"X.y/z\"");
}

static void what_policies_raise_is_told_and_nothing_is_lost(void **state) {
  struct world *world = *state;
  struct azd_str drifts =
      compare(world, "[{\"id\":\"/x/providers/A.b/c/1\",\"v\":1},{\"id\":\"/x/providers/A.b/c/2\",\"v\":1}]",
              "[{\"id\":\"/x/providers/A.b/c/1\",\"v\":\"x\"},{\"id\":\"/x/providers/A.b/c/2\",\"v\":7}]");
  assert_false(world->result.complete);
  assert_int_equal(world->result.drifts, 2);
  assert_int_equal(world->result.by_severity[AZD_SEVERITY_HIGH], 2);
  /* Objects parted by commas, as reports hold them; not an array of each pair. */
  struct azd_str errors = azd_buf_str(&world->errors);
  assert_has(errors, "{\"policy\":\"fragile\"");
  assert_null(memchr(errors.data, '[', errors.size));
  assert_has(drifts, "\"resource_id\":\"/x/providers/A.b/c/2\"");
}

static void counts_say_what_is_not_listed(void **state) {
  struct world *world = *state;
  world->input.views_differ = true;
  assert_str(compare(world, "{\"noise\":1,\"seen\":1,\"old\":1,\"old\":2}", "{\"noise\":2,\"seen\":2}"), "[]");
  assert_int_equal(world->result.ignored, 1);
  assert_int_equal(world->result.effects, 1);
  assert_int_equal(world->result.not_compared, 1);
  assert_int_equal(world->result.duplicate_keys, 1);
  assert_true(world->result.complete);
}

/* `azdrift diff --show ignored` said "1 ignored" of a pair without drift, and showed nothing. */
static void what_is_no_drift_can_be_shown(void **state) {
  struct world *world = *state;
  const char *before = "[{\"id\":\"/a\",\"noise\":1},{\"id\":\"/b\",\"seen\":1}]",
             *after = "[{\"id\":\"/a\",\"noise\":2},{\"id\":\"/b\",\"seen\":2}]";
  assert_str(compare(world, before, after), "[]");
  assert_has(azd_buf_str(&world->quiet), "\"resource_id\":\"/b\"");
  assert_lacks(azd_buf_str(&world->quiet), "\"resource_id\":\"/a\"");
  world->options.show_ignored = true;
  compare(world, before, after);
  assert_has(azd_buf_str(&world->quiet),
             "\"ignored\":[{\"op\":\"replace\",\"property\":\"noise\",\"pointer\":\"/0/noise\"");
  assert_has(azd_buf_str(&world->quiet), "},{");
}

static void raw_compares_whole_texts(void **state) {
  struct world *world = *state;
  world->options.raw = true;
  struct azd_str drifts = compare(world, "[{\"id\":\"/a\"},{\"id\":\"/b\"}]", "[{\"id\":\"/b\"},{\"id\":\"/a\"}]");
  assert_int_equal(world->result.drifts, 1);
  assert_has(drifts, "\"pointer\":\"/0/id\"");
}

static void what_is_no_json_names_its_side(void **state) {
  struct world *world = *state;
  const char *texts[][2] = {
      {"{", "{}"}, {"{}", ""}, {"3", "{}"}, {"{}", "\"text\""}}; /* a plain value is no resource */
  for (int i = 0; i < 4; i++) {
    world->input.old_text = azd_str_of(texts[i][0]);
    world->input.new_text = azd_str_of(texts[i][1]);
    azd_buf_clear(&world->drifts);
    assert_int_equal(azd_compare_texts(world->comparer, &world->options, &azure_shape, &world->input, &world->drifts,
                                       NULL, NULL, &world->result, ERR),
                     AZD_EPARSE);
    assert_int_equal(strncmp(ERR->text, i % 2 ? "new: " : "old: ", 5), 0);
  }
}

/* ---- lines ---- */

struct files {
  char folder[64];
};

static void write_file(const struct files *files, const char *name, const char *text) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", files->folder, name);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
  fclose(file);
}

/* The answer to a line; every %s in it is the folder. */
static struct azd_str answer(struct world *world, const struct files *files, const char *format, bool *drifted,
                             bool *failed) {
  char line[512];
  snprintf(line, sizeof line, format, files->folder, files->folder);
  azd_buf_clear(&world->drifts);
  must(azd_compare_line(world->comparer, &world->options, &azure_shape, azd_str_of(line), &world->drifts, drifted,
                        failed));
  return azd_buf_str(&world->drifts);
}

static void each_line_is_answered_with_drift_or_its_error(void **state) {
  struct world *world = *state;
  struct files files = {"/tmp/azdrift-compare-XXXXXX"};
  bool drifted, failed;
  assert_non_null(mkdtemp(files.folder));
  write_file(&files, "a", "{\"v\":1}");
  write_file(&files, "b", "{\"v\":2,\"more\":1}");
  write_file(&files, "bad", "{\"v\":");
  struct azd_str got =
      answer(world, &files,
             "{\"id\":[7],\"old\":\"%s/a\",\"new\":\"%s/b\",\"url\":\"/x/providers/Q.r/s/t\",\"views_differ\":true}",
             &drifted, &failed);
  assert_true(drifted && !failed);
  assert_has(
      got,
      "{\"id\":[7],\"has_drift\":true,\"error\":null,\"drifts\":[{\"kind\":\"changed\",\"resource_type\":\"Q.r/s\"");
  assert_lacks(got, "\"more\"");
  assert_str(answer(world, &files, "{\"id\":1,\"old\":\"%s/a\",\"new\":\"%s/a\"}", &drifted, &failed),
             "{\"id\":1,\"has_drift\":false,\"error\":null,\"drifts\":[]}\n");
  assert_false(drifted || failed);
  static const struct {
    const char *line, *says;
  } wrong[] = {
      {"{\"id\":2,\"old\":\"%s/a\",\"new\":\"%s/bad\"}", "\"id\":2,\"has_drift\":null,\"error\":\"new: "},
      {"{\"id\":3,\"old\":\"%s/none\",\"new\":\"%s/a\"}", "/none: No such file"},
      {"{\"id\":4,\"old\":\"%s/a\",\"new\":\"%s\"}", "is a directory"},
      {"{\"id\":5,\"old\":\"%s/a\"}", "the line has no \\\"new\\\""},
      {"no json", "\"id\":null,\"has_drift\":null"},
      {"[1]", "the line is no JSON object"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    assert_has(answer(world, &files, wrong[i].line, &drifted, &failed), wrong[i].says);
    assert_true(failed && !drifted);
    assert_has(azd_buf_str(&world->drifts), "\"drifts\":[]}\n");
  }
  static const char *const names[] = {"a", "b", "bad"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", files.folder, names[i]);
    unlink(path);
  }
  rmdir(files.folder);
}

static void a_file_beyond_the_limit_is_refused_by_name(void **state) {
  (void)state;
  struct files files = {"/tmp/azdrift-compare-XXXXXX"};
  struct azd_buf bytes;
  char path[128];
  azd_buf_init(&bytes, 0);
  assert_non_null(mkdtemp(files.folder));
  write_file(&files, "a", "0123456789");
  snprintf(path, sizeof path, "%s/a", files.folder);
  assert_int_equal(azd_read_file(path, 9, &bytes, ERR), AZD_ELIMIT);
  assert_has(azd_str_of(ERR->text), path);
  must(azd_read_file(path, 10, &bytes, ERR));
  assert_str(azd_buf_str(&bytes), "0123456789");
  azd_buf_free(&bytes);
  unlink(path);
  rmdir(files.folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(two_resources_are_one_pair_whatever_their_ids),
      TEST(lists_are_paired_by_id_without_case_or_order),
      TEST(forms_may_be_mixed),
      TEST(of_a_doubled_id_the_first_counts),
      TEST(lists_with_nameless_items_are_compared_as_they_stand),
      TEST(the_url_names_the_type_where_bodies_do_not),
      TEST(what_policies_raise_is_told_and_nothing_is_lost),
      TEST(counts_say_what_is_not_listed),
      TEST(what_is_no_drift_can_be_shown),
      TEST(raw_compares_whole_texts),
      TEST(what_is_no_json_names_its_side),
      TEST(each_line_is_answered_with_drift_or_its_error),
      TEST(a_file_beyond_the_limit_is_refused_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
