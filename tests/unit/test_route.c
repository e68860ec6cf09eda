/* Which route a path leads to. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "net/route.h"

#include <stdio.h>
#include <string.h>

static struct azd_routes *routes;

static unsigned add(const char *method, const char *path) {
  struct azd_error error;
  unsigned route = 0;
  if (azd_routes_add(routes, azd_str_of(method), azd_str_of(path), &route, &error) != 0) fail_msg("%s", error.text);
  return route;
}

static int set_up(void **state) {
  (void)state;
  routes = azd_routes_new();
  return routes == NULL;
}

static int tear_down(void **state) {
  (void)state;
  azd_routes_free(routes);
  return 0;
}

static struct azd_route_match match;

static enum azd_route_verdict ask(const char *method, const char *path) {
  return azd_routes_match(routes, azd_str_of(method), azd_str_of(path), &match);
}

static void leads_to(const char *path, unsigned route) {
  if (ask("GET", path) != AZD_ROUTE_FOUND || match.route != route) fail_msg("%s leads elsewhere", path);
}

static void a_literal_beats_a_parameter_from_the_left(void **state) {
  (void)state;
  /* In an order that would be wrong if it counted. */
  const unsigned any = add("GET", "/v1/{kind}/{id}"), of_kind = add("GET", "/v1/drifts/{id}");
  const unsigned newest = add("GET", "/v1/drifts/newest"), named = add("GET", "/v1/{kind}/newest");
  const unsigned root = add("GET", "/"), health = add("GET", "/health");
  leads_to("/v1/drifts/newest", newest);
  leads_to("/v1/drifts/7", of_kind);
  leads_to("/v1/jobs/newest", named);
  leads_to("/v1/jobs/7", any);
  leads_to("/", root);
  leads_to("/health", health);
}

static void parameters_are_handed_out_as_sent(void **state) {
  (void)state;
  const unsigned route = add("GET", "/v1/resources/{id}/versions/{seq}");
  leads_to("/v1/resources/a%2Fb/versions/12", route);
  assert_int_equal(match.n_params, 2);
  assert_true(azd_str_equal(match.params[0], AZD_STR("a%2Fb")));
  assert_true(azd_str_equal(match.params[1], AZD_STR("12")));
  assert_true(azd_str_equal(azd_route_param_name(routes, route, 0), AZD_STR("id")));
  assert_true(azd_str_equal(azd_route_param_name(routes, route, 1), AZD_STR("seq")));
  assert_true(azd_str_equal(azd_route_path(routes, route), AZD_STR("/v1/resources/{id}/versions/{seq}")));
}

static void other_paths_lead_nowhere(void **state) {
  (void)state;
  add("GET", "/v1/drifts/{id}");
  static const char *const NOWHERE[] = {"/",
                                        "/v1",
                                        "/v1/drifts",
                                        "/v1/drifts/",
                                        "/v1/drifts/7/",
                                        "*",
                                        "/V1/drifts/7",
                                        "//v1/drifts/7",
                                        "/v1//7",
                                        "/v1/drifts/7/8",
                                        "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18"};
  for (size_t i = 0; i < sizeof NOWHERE / sizeof *NOWHERE; i++)
    if (ask("GET", NOWHERE[i]) != AZD_ROUTE_NO_PATH) fail_msg("%s leads somewhere", NOWHERE[i]);
}

static void a_method_that_is_not_declared_is_told_which_are(void **state) {
  (void)state;
  const unsigned get = add("GET", "/v1/keys"), post = add("POST", "/v1/keys");
  add("DELETE", "/v1/keys/{id}");
  assert_int_equal(ask("POST", "/v1/keys"), AZD_ROUTE_FOUND);
  assert_int_equal(match.route, post);
  assert_int_equal(ask("HEAD", "/v1/keys"), AZD_ROUTE_FOUND);
  assert_int_equal(match.route, get);
  assert_int_equal(ask("PUT", "/v1/keys"), AZD_ROUTE_NO_METHOD);
  assert_string_equal(match.allow, "GET, POST, HEAD, OPTIONS");
  assert_int_equal(ask("GET", "/v1/keys/x"), AZD_ROUTE_NO_METHOD);
  assert_string_equal(match.allow, "DELETE, OPTIONS");
}

static void what_cannot_be_a_route_is_refused(void **state) {
  (void)state;
  struct azd_error error;
  unsigned route = 0;
  add("GET", "/v1/drifts/{id}");
  static const char *const BAD[][2] = {{"GET", ""},
                                       {"GET", "v1"},
                                       {"GET", "/v1/{a"},
                                       {"GET", "/v1/{}"},
                                       {"GET", "/v1/x{a}"},
                                       {"GET", "/v1/drifts/{id}"},
                                       {"GET", "/v1/drifts/{name}"},
                                       {"POST", "/v1/drifts/{name}"},
                                       {"", "/v1"},
                                       {"AMETHODTHATISFARTOOLONG", "/v1"},
                                       {"GET", "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}"}};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
    if (azd_routes_add(routes, azd_str_of(BAD[i][0]), azd_str_of(BAD[i][1]), &route, &error) == 0)
      fail_msg("taken: %s %s", BAD[i][0], BAD[i][1]);
  assert_int_equal(ask("GET", "/v1/drifts/7"), AZD_ROUTE_FOUND); /* unharmed */
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_literal_beats_a_parameter_from_the_left),
      TEST(parameters_are_handed_out_as_sent),
      TEST(other_paths_lead_nowhere),
      TEST(a_method_that_is_not_declared_is_told_which_are),
      TEST(what_cannot_be_a_route_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
