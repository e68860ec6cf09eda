/* Two files compared by their listings: byte for byte what comparing the two whole texts says, in any number of slices;
 * and what is no list is left to that. */
#include "drift/compare_listings.h"
#include "support/drift_world.h"

#include <sys/stat.h>

struct world {
  char folder[64], old_path[96], new_path[96];
  struct azd_comparer *comparer;
  struct azd_bundle *bundle;
  struct azd_buf whole, whole_errors, whole_quiet, listed, listed_errors, listed_quiet;
};

static const char rules[] =
    "rules { type = 'Microsoft.Storage/storageAccounts', owner = 'test',\n"
    "  { ignore = 'id', why = 'written in any case' }, { ignore = 'properties.seen', why = 'noise' },\n"
    "  { observe = 'properties.state', why = 'observed' } }\n";
static const char policies[] =
    "policy 'loud' { type = 'Microsoft.Storage/storageAccounts', severity = 'high', on_change = function(change)\n"
    "  if change.new == 'raise' then error('on purpose') end return change.new == 'bad' and 'critical' end,\n"
    "  examples = { { old = { properties = { a = 1 } }, new = { properties = { a = 2 } }, gives = false },\n"
    "    { old = { properties = { a = 1 } }, new = { properties = { a = 'bad' } }, gives = 'critical' } } }\n";

static int set_up(void **state) {
  struct world *world = calloc(1, sizeof *world);
  strcpy(world->folder, "/tmp/azdrift-listing-XXXXXX");
  assert_non_null(mkdtemp(world->folder));
  snprintf(world->old_path, sizeof world->old_path, "%s/old.json", world->folder);
  snprintf(world->new_path, sizeof world->new_path, "%s/new.json", world->folder);
  world->comparer = azd_comparer_new();
  world->bundle = bundle_of(rules, policies);
  *state = world;
  return 0;
}

static int tear_down(void **state) {
  struct world *world = *state;
  unlink(world->old_path);
  unlink(world->new_path);
  rmdir(world->folder);
  azd_comparer_free(world->comparer);
  azd_bundle_unref(world->bundle);
  azd_buf_free(&world->whole), azd_buf_free(&world->whole_errors);
  azd_buf_free(&world->listed), azd_buf_free(&world->listed_errors);
  azd_buf_free(&world->whole_quiet), azd_buf_free(&world->listed_quiet);
  free(world);
  return 0;
}

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
  assert_int_equal(fclose(file), 0);
}

static struct azd_listing *list(const char *path) {
  struct azd_listing *listing = NULL;
  must(azd_listing_read(path, &azure_shape, 0, &listing, ERR));
  return listing;
}

static void compare_listed(struct world *world, const struct azd_detect_options *options, uint32_t slices,
                           struct azd_compare_result *result) {
  struct azd_compare_part *parts[8];
  struct azd_listing *old_listing = list(world->old_path), *new_listing = list(world->new_path);
  assert_true(old_listing && new_listing);
  for (uint32_t i = 0; i < slices; i++)
    must(azd_compare_listings(world->comparer, options, old_listing, new_listing, i, slices, &parts[i], ERR));
  azd_listing_free(old_listing);
  azd_listing_free(new_listing);
  azd_buf_clear(&world->listed);
  azd_buf_clear(&world->listed_errors);
  azd_buf_clear(&world->listed_quiet);
  must(azd_compare_join(parts, slices, &world->listed, &world->listed_errors, &world->listed_quiet, result, ERR));
  for (uint32_t i = 0; i < slices; i++) azd_compare_part_free(parts[i]);
}

static void assert_same(struct azd_str got, struct azd_str wanted) {
  if (!azd_str_equal(got, wanted)) fail_msg("listed: %.*s\nwhole: %.*s", AZD_STR_FORMAT(got), AZD_STR_FORMAT(wanted));
}

/* Answers how many drifts there are. */
static uint32_t both_agree(struct world *world, const char *old_text, const char *new_text) {
  struct azd_compare_result whole, listed;
  const struct azd_detect_options options = {
      .bundle = world->bundle, .redaction_key = redaction_key, .show_ignored = true, .now_ms = 1767225600000};
  const struct azd_compare_input input = {.old_text = azd_str_of(old_text), .new_text = azd_str_of(new_text)};
  write_file(world->old_path, old_text);
  write_file(world->new_path, new_text);
  azd_buf_clear(&world->whole);
  azd_buf_clear(&world->whole_errors);
  azd_buf_clear(&world->whole_quiet);
  must(azd_compare_texts(world->comparer, &options, &azure_shape, &input, &world->whole, &world->whole_errors,
                         &world->whole_quiet, &whole, ERR));
  for (uint32_t slices = 1; slices <= 8; slices += 3) {
    memset(&listed, 0, sizeof listed);
    compare_listed(world, &options, slices, &listed);
    assert_same(azd_buf_str(&world->listed), azd_buf_str(&world->whole));
    assert_same(azd_buf_str(&world->listed_errors), azd_buf_str(&world->whole_errors));
    assert_same(azd_buf_str(&world->listed_quiet), azd_buf_str(&world->whole_quiet));
    assert_int_equal(listed.drifts, whole.drifts);
    assert_memory_equal(listed.by_severity, whole.by_severity, sizeof whole.by_severity);
    assert_int_equal(listed.changes, whole.changes);
    assert_int_equal(listed.effects, whole.effects);
    assert_int_equal(listed.notes, whole.notes);
    assert_int_equal(listed.ignored, whole.ignored);
    assert_int_equal(listed.not_compared, whole.not_compared);
    assert_int_equal(listed.duplicate_keys, whole.duplicate_keys);
    assert_int_equal(listed.old_resources, whole.old_resources);
    assert_int_equal(listed.new_resources, whole.new_resources);
    assert_int_equal(listed.complete, whole.complete);
  }
  return whole.drifts;
}

static void append_account(struct azd_buf *out, bool is_export, const char *id, const char *properties) {
  if (out->size && out->data[out->size - 1] == '}') azd_buf_append_char(out, ',');
  if (is_export) {
    azd_buf_append_json(out, azd_str_of(id));
    azd_buf_append_char(out, ':');
  }
  azd_buf_printf(out, "{\"name\":\"x\",\"id\":\"%s\",\"properties\":{%s}}", id, properties);
}

/* A few hundred accounts of which most kinds of difference befall some. */
static char *make_text(bool is_new, const char *before, const char *after, bool is_export) {
  static const char *const kinds[][2] = {
      {"\"a\":1", "\"a\":1"},                                               /* nothing */
      {"\"a\":1", "\"a\":2"},                                               /* a change */
      {"\"a\":1", "\"a\" : 1.0"},                                           /* spelled otherwise */
      {"\"a\":1,\"seen\":1", "\"seen\":2,\"a\":1"},                         /* ignored, and in another order */
      {"\"state\":\"on\"", "\"state\":\"off\""},                            /* an effect alone */
      {"\"l\":[\"x\",\"y\"]", "\"l\":[\"y\",\"x\"]"},                       /* a note */
      {"\"adminPassword\":\"Hunter2!\"", "\"adminPassword\":\"Hunter3!\""}, /* a secret */
      {"\"adminPassword\":\"Hunter2!\"", "\"adminPassword\":\"Hunter2!\""},
      {"\"a\":1", "\"a\":\"raise\""}, /* its policy raises */
      {"\"a\":1", "\"a\":\"bad\""},
      {"\"d\":1,\"d\":2", "\"d\":2"}, /* a doubled name */
      {"\"a\":1", NULL},              /* removed */
      {NULL, "\"a\":1"},              /* added */
  };
  enum { KINDS = sizeof kinds / sizeof *kinds, ACCOUNTS_MADE = 390 };
  struct azd_buf out;
  azd_buf_init(&out, 0);
  azd_buf_append_text(&out, before);
  for (int i = 0; i < ACCOUNTS_MADE; i++) {
    int number = is_new ? (i * 7) % ACCOUNTS_MADE : i; /* the new file lists them in another order */
    const char *properties = kinds[number % KINDS][is_new];
    char id[256];
    /* Ids in another case, or with a slash behind, are the same ids. */
    snprintf(id, sizeof id, "%s%03d%s", is_new && number % 3 ? ACCOUNT("Acc-") : ACCOUNT("acc-"), number,
             is_new && number % 5 == 0 ? "/" : "");
    if (properties) append_account(&out, is_export, id, properties);
  }
  azd_buf_append_text(&out, after);
  azd_buf_append_char(&out, '\0');
  return out.data;
}

static void check_form(struct world *world, const char *before, const char *after, bool is_export) {
  char *old_text = make_text(false, before, after, is_export), *new_text = make_text(true, before, after, is_export);
  assert_int_equal(both_agree(world, old_text, new_text), 180);
  assert_has(azd_buf_str(&world->listed), "$redacted");
  assert_lacks(azd_buf_str(&world->listed), "Hunter");
  assert_has(azd_buf_str(&world->listed_errors), "on purpose");
  assert_int_equal(both_agree(world, old_text, old_text), 0);
  free(old_text);
  free(new_text);
}

static void lists_of_every_form_give_the_same_report(void **state) {
  check_form(*state, "{\"value\":[", "],\"nextLink\":\"x\"}", false);
  check_form(*state, "{\"count\":7,\"count\\u0032\":8,\"value\": [", "]}\n", false);
  check_form(*state, "[", "]", false);
  check_form(*state, "{\"resources\":{\"" ACCOUNTS "\":{", "}}}", true);
  check_form(*state, "{\"_id\":1,\"resources\":{\"A~.b/c\":{},\"" ACCOUNTS "\":{", "},\"Z.y/x\":{\"/z\":5}}}", true);
}

static void special_lists_give_the_same_report(void **state) {
  struct world *world = *state;
  assert_int_equal(both_agree(world, "{\"value\":[]}", "[]"), 0);
  assert_int_equal(both_agree(world, "[]", "[{\"id\":\"/x\",\"a\":[1]}]"), 1);
  /* Of several with one id the first counts. */
  assert_int_equal(both_agree(world, "[{\"id\":\"/x\",\"a\":1},{\"id\":\"/X/\",\"a\":2}]", "[{\"id\":\"/x\",\"a\":1}]"),
                   0);
  /* A page against an export, another type for one id. */
  both_agree(world, "[{\"id\":\"/x/providers/A.b/c/d\",\"a\":1}]",
             "{\"resources\":{\"A.b/e\":{\"/X/providers/A.b/c/d\":{\"id\":\"/x\",\"a\":2}}}}");
  both_agree(world, "{\"resources\":{\"A.b/c\":{\"/a\\u002fb~\":{\"a\":1}},\"A.b/d\":{\"/a/B~\":{\"a\":5}}}}",
             "{\"resources\":{\"A.b/c\":{\"/a/b~\":{\"a\":2}}}}");
  both_agree(world, "[{\"id\":\"///\",\"type\":\"T/t\",\"a\":1}]", "[{\"id\":\"/\",\"type\":\"t/T\",\"a\":2}]");
}

static void what_is_no_list_is_left_alone(void **state) {
  static const char *const texts[] = {
      "{\"id\":\"/a\"}",
      "5",
      "\"text\"",
      "null",
      "{}",
      "[1,2]",
      "{\"value\":5}",
      "{\"value\":{}}",
      "{\"resources\":[]}",
      "{\"resources\":{\"A/b\":[]}}",
      "[{\"id\":\"/a\"},{\"name\":\"no id\"}]",
      "[{\"id\":7}]",
      "[{\"id\":\"\"}]",
      "[{\"id\":\"/a\"},5]",
      "{\"id\":\"/own\",\"value\":[{\"id\":\"/a\"}]}",
      "{\"value\":[{\"id\":\"/a\"}],\"id\":\"/own\"}",
      "{\"value\":[],\"resources\":{}}",
      "{\"value\":[],\"value\":[]}",
      "{\"n\":1,\"value\":[],\"n\":1}",
      "{\"resources\":{\"A/b\":{},\"A/b\":{}}}",
      "{\"resources\":{\"A/b\":{\"/x\":1,\"/x\":2}}}",
  };
  struct world *world = *state;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    write_file(world->old_path, texts[i]);
    if (list(world->old_path)) fail_msg("a list: %s", texts[i]);
  }
  write_file(world->old_path, "[]");
  struct azd_listing *listing;
  must(azd_listing_read(world->old_path, &azure_shape, 3, &listing, ERR)); /* too small to be worth it */
  assert_null(listing);
  assert_null(list(world->folder));
  assert_null(list("/dev/null"));
  assert_null(list("/nowhere/at/all"));
}

static void a_broken_list_is_told_with_its_place(void **state) {
  struct world *world = *state;
  static const struct {
    const char *text, *sentence;
  } cases[] = {
      {"{\"value\":[{\"id\":\"/a\"},\n {\"id\":\"/b\"",
       "line 2, column 12: expected ',' or '}', found the end of the text"},
      {"{\"value\":[{\"id\":\"/a\"}]} x", "line 1, column 25: expected nothing after the value, found 'x'"},
      {"[{\"id\":\"/\xff\"}]", "line 1, column 10: expected UTF-8, found byte 0xff"},
      {"[{\"id\":\"/a\"},]", "line 1, column 14: expected a value, found ']'"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct azd_listing *listing;
    char wanted[256];
    write_file(world->old_path, cases[i].text);
    assert_int_equal(azd_listing_read(world->old_path, &azure_shape, 0, &listing, ERR), AZD_EPARSE);
    assert_null(listing);
    snprintf(wanted, sizeof wanted, "%s: %s", world->old_path, cases[i].sentence);
    assert_string_equal(ERR->text, wanted);
  }
}

/* A file that is written anew between its two readings is no comparison of anything. */
static void a_file_that_changed_is_told(void **state) {
  struct world *world = *state;
  struct azd_compare_part *part;
  const struct azd_detect_options options = {.bundle = world->bundle, .redaction_key = redaction_key};
  write_file(world->old_path, "[{\"id\":\"/a\",\"v\":1}]");
  write_file(world->new_path, "[{\"id\":\"/a\",\"v\":2}]");
  struct azd_listing *old_listing = list(world->old_path), *new_listing = list(world->new_path);
  write_file(world->new_path, "[{\"id\":\"/a\",");
  assert_int_equal(azd_compare_listings(world->comparer, &options, old_listing, new_listing, 0, 1, &part, ERR),
                   AZD_EIO);
  assert_non_null(strstr(ERR->text, "new.json: changed while it was read"));
  azd_listing_free(old_listing);
  azd_listing_free(new_listing);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(lists_of_every_form_give_the_same_report, set_up, tear_down),
      cmocka_unit_test_setup_teardown(special_lists_give_the_same_report, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_is_no_list_is_left_alone, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_broken_list_is_told_with_its_place, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_file_that_changed_is_told, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
