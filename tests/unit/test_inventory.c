/* What a text holds: one resource, a page, a bare array or an export, and the types that ids name. */
#include "support/drift_world.h"

struct reading {
  struct azd_doc *doc;
  struct azd_inventory inventory;
};

static int set_up(void **state) {
  struct reading *reading = calloc(1, sizeof *reading);
  reading->doc = azd_doc_new();
  azd_inventory_init(&reading->inventory);
  *state = reading;
  return 0;
}

static int tear_down(void **state) {
  struct reading *reading = *state;
  azd_doc_free(reading->doc);
  azd_inventory_free(&reading->inventory);
  free(reading);
  return 0;
}

static const struct azd_inventory *read_text(struct reading *reading, const char *text) {
  must(azd_doc_parse(reading->doc, azd_str_of(text), NULL, ERR));
  must(azd_inventory_read(&reading->inventory, reading->doc, &azure_shape, ERR));
  return &reading->inventory;
}

static void one_resource_is_the_whole_text(void **state) {
  const struct azd_inventory *read = read_text(*state, "{\"id\":\"" ACCOUNT("a") "\",\"name\":\"a\"}");
  assert_int_equal(read->form, AZD_INVENTORY_ONE);
  assert_int_equal(read->count, 1);
  assert_int_equal(read->items[0].node, 0);
  assert_str(read->items[0].id, ACCOUNT("a"));
  assert_str(read->items[0].type, ACCOUNTS);
  /* A resource that has a member called value is no page. */
  read = read_text(*state, "{\"id\":\"" ACCOUNT("a") "\",\"value\":[{\"id\":\"x\"}]}");
  assert_int_equal(read->form, AZD_INVENTORY_ONE);
  /* Without an id: its type member says what it is, or nothing does. */
  read = read_text(*state, "{\"type\":\"" ACCOUNTS "\"}");
  assert_str(read->items[0].id, "");
  assert_str(read->items[0].type, ACCOUNTS);
  static const char *const others[] = {"{}", "5", "null", "\"text\"", "[1,2]", "{\"id\":7}"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    read = read_text(*state, others[i]);
    assert_int_equal(read->form, AZD_INVENTORY_ONE);
    assert_int_equal(read->count, 1);
    assert_str(read->items[0].type, "");
  }
}

static void a_page_holds_resources_with_ids(void **state) {
  const struct azd_inventory *read = read_text(
      *state, "{\"value\":[{\"id\":\"" ACCOUNT("a") "\"},{\"id\":\"" ACCOUNT("b") "/\"}],\"nextLink\":\"x\"}");
  assert_int_equal(read->form, AZD_INVENTORY_PAGE);
  assert_int_equal(read->count, 2);
  assert_str(read->items[1].id, ACCOUNT("b") "/");
  assert_str(read->items[1].type, ACCOUNTS);
  read = read_text(*state, "{\"value\":[]}");
  assert_int_equal(read->form, AZD_INVENTORY_PAGE);
  assert_int_equal(read->count, 0);
  /* Elements without an id cannot be paired: counted beside those that have one. */
  read = read_text(*state, "{\"value\":[{\"name\":\"x\"},{\"id\":\"" ACCOUNT("a") "\"},{\"id\":\"\"}]}");
  assert_int_equal(read->form, AZD_INVENTORY_PAGE);
  assert_int_equal(read->count, 1);
  assert_int_equal(read->without_id, 2);
  /* Where none has an id, or one is no object, it is no list of resources. */
  assert_int_equal(read_text(*state, "{\"value\":[{\"name\":\"x\"}]}")->form, AZD_INVENTORY_ONE);
  assert_int_equal(read_text(*state, "{\"value\":[{\"id\":\"x\"},5]}")->form, AZD_INVENTORY_ONE);
  assert_int_equal(read_text(*state, "{\"value\":{\"id\":\"x\"}}")->form, AZD_INVENTORY_ONE);
}

static void a_bare_array_is_a_list_too(void **state) {
  const struct azd_inventory *read = read_text(*state, "[{\"id\":\"" ACCOUNT("a") "\"},{\"id\":\"" GROUP "\"}]");
  assert_int_equal(read->form, AZD_INVENTORY_ARRAY);
  assert_int_equal(read->count, 2);
  assert_str(read->items[1].type, "Microsoft.Resources/resourceGroups");
  read = read_text(*state, "[]");
  assert_int_equal(read->form, AZD_INVENTORY_ARRAY);
  assert_int_equal(read->count, 0);
}

static void an_export_names_types_and_ids_in_its_keys(void **state) {
  const struct azd_inventory *read = read_text(
      *state, "{\"_id\":\"1\",\"resources\":{\"A.b/c\":{\"/x/1\":{\"p\":1},\"/x/2\":{}},\"A.b/d\":{\"/x/3\":{}}}}");
  assert_int_equal(read->form, AZD_INVENTORY_EXPORT);
  assert_int_equal(read->count, 3);
  assert_str(read->items[0].id, "/x/1");
  assert_str(read->items[2].type, "A.b/d");
  assert_int_equal(read_text(*state, "{\"resources\":{\"A.b/c\":[]}}")->form, AZD_INVENTORY_ONE);
}

static void the_type_stands_in_the_id(void **state) {
  static const struct {
    const char *id, *type;
  } cases[] = {
      {GROUP, "Microsoft.Resources/resourceGroups"},
      {"/subscriptions/1", "Microsoft.Resources/resourceGroups"}, /* the root type: the engine knows no better */
      {"", ""},
      {"/", ""},
      {"/providers/Microsoft.Sql/servers/a/databases/b", "Microsoft.Sql/servers/databases"},
      {"/x/PROVIDERS/Microsoft.Sql/servers/a", "Microsoft.Sql/servers"},
      {"/x/providers/Microsoft.Sql/servers/a/", "Microsoft.Sql/servers"},
      {"/x/providers/Microsoft.Sql/servers/a?api-version=1", "Microsoft.Sql/servers"},
      {"/x/providers/Microsoft.Sql/servers/a/providers/Microsoft.Authorization/locks/l",
       "Microsoft.Authorization/locks"},
      {"/x/providers/Microsoft.Sql", "Microsoft.Sql"},
      {"/x/providers/", "Microsoft.Resources/resourceGroups"}, /* the trailing slash goes first */
      {"/x/providers/A/b/c/d", "A/b/d"},
  };
  struct reading *reading = *state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_str(azd_shape_type_of_id(&azure_shape, azd_str_of(cases[i].id), &reading->inventory.arena), cases[i].type);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(one_resource_is_the_whole_text, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_page_holds_resources_with_ids, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_bare_array_is_a_list_too, set_up, tear_down),
      cmocka_unit_test_setup_teardown(an_export_names_types_and_ids_in_its_keys, set_up, tear_down),
      cmocka_unit_test_setup_teardown(the_type_stands_in_the_id, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
