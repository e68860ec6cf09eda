/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/table.h"
#include "json/properties_impl.h"

#include <stdio.h>

#define CATALOG AZD_SOURCE_DIR "/catalog"

static const char example[] = "# Example\n"
                              "Other/first 240101\n"
                              " properties\n"
                              "\n"
                              "Acme.Store/boxes 160101 170601p 180101-beta 200801\n"
                              " kind\n"
                              " properties\n"
                              "  limits 170601p-\n"
                              "   []\n"
                              "    value 180101-beta-200801\n"
                              "  names 160101,200801\n"
                              "  settings*\n"
                              "  subnets\n"
                              "   []\n"
                              "    etag\n"
                              "  zones\n"
                              "   {}\n"
                              "    size\n"
                              " tags*\n"
                              "\n"
                              "Other/last 240101\n"
                              " properties\n";

struct fixture {
  struct azd_arena arena;
  struct azd_property_tree *tree;
};

static int set_up(void **state) {
  static struct fixture fixture;
  struct azd_error error = {0};
  azd_arena_init(&fixture.arena, 0);
  if (azd_property_text_parse(AZD_STR(example), AZD_STR("example"), AZD_STR("acme.store/BOXES"), &fixture.arena,
                              &fixture.tree, &error))
    fail_msg("%s", error.text);
  assert_non_null(fixture.tree);
  *state = &fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *fixture = *state;
  azd_arena_free(&fixture->arena);
  return 0;
}

static struct azd_property_place find(struct fixture *fixture, const char *text) {
  struct azd_path path;
  struct azd_property_place place;
  struct azd_error error = {0};
  if (azd_path_parse(azd_str_of(text), &fixture->arena, &path, &error)) fail_msg("%s", error.text);
  assert_int_equal(azd_property_find(fixture->tree, &path, &place, &error), 0);
  return place;
}

static void only_the_section_of_the_type_is_read(void **state) {
  struct fixture *fixture = *state;
  assert_true(azd_str_equal(fixture->tree->type, AZD_STR("Acme.Store/boxes")));
  assert_int_equal(fixture->tree->version_count, 4);
  assert_int_equal(fixture->tree->count, 18);
}

static void a_type_that_is_not_there_has_no_tree(void **state) {
  struct fixture *fixture = *state;
  struct azd_property_tree *tree = fixture->tree;
  assert_int_equal(azd_property_text_parse(AZD_STR(example), AZD_STR("example"), AZD_STR("Acme.Store/box"),
                                           &fixture->arena, &tree, NULL),
                   0);
  assert_null(tree);
}

static void paths_are_known_free_or_name_their_first_unknown_step(void **state) {
  static const struct {
    const char *path;
    enum azd_property_answer answer;
    uint32_t step;
  } cases[] = {
      {"kind", AZD_PROPERTY_KNOWN, 1},
      {"name", AZD_PROPERTY_KNOWN, 1},
      {"properties.name", AZD_PROPERTY_UNKNOWN, 1},
      {"PROPERTIES.Limits[].VALUE", AZD_PROPERTY_KNOWN, 3},
      {"properties.limits[value=a].value", AZD_PROPERTY_KNOWN, 4},
      {"properties.names[]", AZD_PROPERTY_KNOWN, 3},
      {"properties.zones['a.b'].size", AZD_PROPERTY_KNOWN, 4},
      {"properties.zones{}.size", AZD_PROPERTY_KNOWN, 4},
      {"properties{}.size", AZD_PROPERTY_KNOWN, 3},
      {"properties.subnets{}.etag", AZD_PROPERTY_UNKNOWN, 2},
      {"..etag", AZD_PROPERTY_FREE, 0}, /* known below, and possible in tags: either is no alarm */
      {"..nobody", AZD_PROPERTY_FREE, 0},
      {"properties.settings.any.thing", AZD_PROPERTY_FREE, 2},
      {"tags['last-scan']", AZD_PROPERTY_FREE, 1},
      {"properties.limit", AZD_PROPERTY_UNKNOWN, 1},
      {"kind.name", AZD_PROPERTY_UNKNOWN, 1},
      {"properties.limits[].values", AZD_PROPERTY_UNKNOWN, 3},
      {"properties.limits.value", AZD_PROPERTY_UNKNOWN, 2},
      {"properties.subnets..nobody", AZD_PROPERTY_UNKNOWN, 2},
      {"properties.subnets..etag", AZD_PROPERTY_KNOWN, 3},
      {"", AZD_PROPERTY_KNOWN, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct azd_property_place place = find(*state, cases[i].path);
    bool right = place.answer == cases[i].answer ||
                 (cases[i].answer == AZD_PROPERTY_FREE && place.answer != AZD_PROPERTY_UNKNOWN);
    if (!right || (cases[i].answer == AZD_PROPERTY_UNKNOWN && place.step != cases[i].step))
      fail_msg("%s: %d at step %u", cases[i].path, place.answer, place.step);
  }
}

static void versions_are_asked_for_in_full_or_short(void **state) {
  struct fixture *fixture = *state;
  assert_int_equal(azd_property_version(fixture->tree, AZD_STR("2016-01-01")), 0);
  assert_int_equal(azd_property_version(fixture->tree, AZD_STR("2017-06-01-preview")), 1);
  assert_int_equal(azd_property_version(fixture->tree, AZD_STR("2018-01-01-beta")), 2);
  assert_int_equal(azd_property_version(fixture->tree, AZD_STR("200801")), 3);
  assert_int_equal(azd_property_version(fixture->tree, AZD_STR("2017-06-01")), AZD_PROPERTY_VERSION);
  assert_int_equal(azd_property_version(fixture->tree, AZD_STR("")), AZD_PROPERTY_VERSION);
}

/* A bit for each version that has the property. */
static unsigned versions_of(const struct azd_property_tree *tree, azd_property at) {
  unsigned bits = 0;
  for (uint32_t version = 0; version < tree->version_count; version++)
    bits |= (unsigned)azd_property_exists_in(tree, at, version) << version;
  return bits;
}

static void a_property_exists_in_its_versions_and_those_of_what_holds_it(void **state) {
  const struct azd_property_tree *tree = ((struct fixture *)*state)->tree;
  azd_property properties = azd_property_member(tree, AZD_PROPERTY_ROOT, AZD_STR("Properties"));
  azd_property limits = azd_property_member(tree, properties, AZD_STR("limits"));
  azd_property item = azd_property_item(tree, limits);
  assert_int_equal(versions_of(tree, AZD_PROPERTY_ROOT), 15);
  assert_int_equal(versions_of(tree, properties), 15);
  assert_int_equal(versions_of(tree, limits), 14);
  assert_int_equal(versions_of(tree, item), 14);
  assert_int_equal(versions_of(tree, azd_property_member(tree, item, AZD_STR("value"))), 12);
  assert_int_equal(versions_of(tree, azd_property_member(tree, properties, AZD_STR("names"))), 9);
  assert_int_equal(azd_property_member(tree, properties, AZD_STR("limit")), AZD_PROPERTY_NONE);
  assert_true(azd_property_is_leaf(tree, azd_property_member(tree, AZD_PROPERTY_ROOT, AZD_STR("kind"))));
  assert_true(azd_property_is_free(tree, azd_property_member(tree, AZD_PROPERTY_ROOT, AZD_STR("tags"))));
  azd_property zones = azd_property_member(tree, properties, AZD_STR("zones"));
  assert_true(azd_str_equal(azd_property_name(tree, azd_property_member(tree, zones, AZD_STR("any"))), AZD_STR("{}")));
}

static void count_name(void *context, struct azd_str name) {
  (void)name;
  (*(unsigned *)context)++;
}

static void the_names_at_a_place_are_told(void **state) {
  struct fixture *fixture = *state;
  struct azd_path path;
  unsigned told = 0;
  assert_int_equal(azd_path_parse(AZD_STR("properties.limit"), &fixture->arena, &path, NULL), 0);
  assert_int_equal(azd_property_names(fixture->tree, &path, 1, count_name, &told, NULL), 0);
  assert_int_equal(told, 5);
}

static void bad_text_is_refused_with_its_line(void **state) {
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"A/b\n x\n", "f:1: a type without versions"},
      {"A/b 240101\n  x\n", "f:2: two blanks deeper"},
      {"A/b 240101\n x\n   y\n", "f:3: two blanks deeper"},
      {"A/b 240101\n x 250101-\n", "f:2: no version of this type"},
      {"A/b 240101 250101\n x 250101-240101\n", "f:2: no version of this type"},
  };
  struct fixture *fixture = *state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct azd_error error = {0};
    struct azd_property_tree *tree = NULL;
    assert_int_equal(azd_property_text_parse(azd_str_of(cases[i].text), AZD_STR("f"), AZD_STR("a/b"), &fixture->arena,
                                             &tree, &error),
                     AZD_EPARSE);
    assert_null(tree);
    if (strncmp(error.text, cases[i].says, strlen(cases[i].says)) != 0) fail_msg("%s", error.text);
  }
  char deep[AZD_PROPERTY_DEPTH_MAX * AZD_PROPERTY_DEPTH_MAX * 2];
  int size = snprintf(deep, sizeof deep, "A/b 240101\n");
  for (int depth = 1; depth <= AZD_PROPERTY_DEPTH_MAX + 1; depth++)
    size += snprintf(deep + size, sizeof deep - (size_t)size, "%*sx\n", depth, "");
  struct azd_property_tree *tree = NULL;
  assert_int_equal(azd_property_text_parse((struct azd_str){deep, (size_t)size}, AZD_STR("f"), AZD_STR("a/b"),
                                           &fixture->arena, &tree, NULL),
                   AZD_EPARSE);
}

/* What the generator wrote is what is read, for every type of the catalogue. */
static void every_shipped_type_is_read(void **state) {
  struct azd_properties *properties;
  struct azd_table *table;
  struct azd_error error = {0};
  unsigned found = 0;
  (void)state;
  if (azd_properties_open(CATALOG "/properties", &properties, &error)) fail_msg("%s", error.text);
  if (azd_table_open(CATALOG "/types.tsv", &table, &error)) fail_msg("%s", error.text);
  for (uint32_t row = 0; row < azd_table_rows(table); row++) {
    const struct azd_property_tree *tree = NULL;
    if (azd_properties_of(properties, azd_table_cell(table, row, 0), &tree, &error)) fail_msg("%s", error.text);
    if (!tree) continue;
    found++;
    assert_int_not_equal(azd_property_version(tree, tree->versions[tree->version_count - 1]), AZD_PROPERTY_VERSION);
  }
  assert_true(found > 2600);
  azd_table_close(table);
  azd_properties_unref(properties);
}

static void known_facts_are_there(void **state) {
  struct azd_properties *properties;
  const struct azd_property_tree *tree;
  struct azd_error error = {0};
  (void)state;
  if (azd_properties_open(CATALOG "/properties", &properties, &error)) fail_msg("%s", error.text);
  assert_int_equal(azd_properties_of(properties, AZD_STR("microsoft.storage/STORAGEACCOUNTS"), &tree, &error), 0);
  assert_non_null(tree);
  uint32_t old = azd_property_version(tree, AZD_STR("2018-02-01")),
           new = azd_property_version(tree, AZD_STR("2023-01-01"));
  azd_property body = azd_property_member(tree, AZD_PROPERTY_ROOT, AZD_STR("properties"));
  azd_property at = azd_property_member(tree, body, AZD_STR("allowBlobPublicAccess"));
  assert_false(azd_property_exists_in(tree, at, old));
  assert_true(azd_property_exists_in(tree, at, new));
  assert_int_equal(azd_properties_of(properties, AZD_STR("../etc/passwd"), &tree, &error), 0);
  assert_null(tree);
  azd_properties_unref(properties);
  assert_int_equal(azd_properties_open(CATALOG "/nowhere", &properties, &error), AZD_EIO);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(only_the_section_of_the_type_is_read, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_type_that_is_not_there_has_no_tree, set_up, tear_down),
      cmocka_unit_test_setup_teardown(paths_are_known_free_or_name_their_first_unknown_step, set_up, tear_down),
      cmocka_unit_test_setup_teardown(versions_are_asked_for_in_full_or_short, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_property_exists_in_its_versions_and_those_of_what_holds_it, set_up, tear_down),
      cmocka_unit_test_setup_teardown(the_names_at_a_place_are_told, set_up, tear_down),
      cmocka_unit_test_setup_teardown(bad_text_is_refused_with_its_line, set_up, tear_down),
      cmocka_unit_test(every_shipped_type_is_read),
      cmocka_unit_test(known_facts_are_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
