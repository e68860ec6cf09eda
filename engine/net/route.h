/* Which route a request is for: methods and templates of paths, "/v1/drifts/{id}". A part in braces takes any one
 * segment that is not empty; a literal part beats one in braces, the first difference from the left decides. HEAD is
 * GET where no HEAD is declared. Life: azd_routes_new .. azd_routes_free, routes are only added. Thread: one at a time.
 * Blocks: never. */
#ifndef AZD_NET_ROUTE_H
#define AZD_NET_ROUTE_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

enum { AZD_ROUTES_MAX = 1024, AZD_ROUTE_PARAMS = 8, AZD_ROUTE_SEGMENTS = 16, AZD_ROUTE_METHODS = 8 };

struct azd_routes;

/* NULL: out of memory. */
struct azd_routes *azd_routes_new(void);
void azd_routes_free(struct azd_routes *routes);

/* Both copied. *route: its number, from 0 in the order of adding. AZD_EINVAL: no such template, or there already. */
int azd_routes_add(struct azd_routes *routes, struct azd_str method, struct azd_str path, unsigned *route,
                   struct azd_error *error);

enum azd_route_verdict { AZD_ROUTE_FOUND, AZD_ROUTE_NO_PATH, AZD_ROUTE_NO_METHOD };
struct azd_route_match {
  unsigned route;
  unsigned n_params;
  struct azd_str params[AZD_ROUTE_PARAMS]; /* as sent, in the order of the template; borrowed from path */
  const char *allow;                       /* NO_METHOD: what the path takes, "GET, HEAD, OPTIONS"; the routes' own */
};
enum azd_route_verdict azd_routes_match(const struct azd_routes *routes, struct azd_str method, struct azd_str path,
                                        struct azd_route_match *match);

/* The template of a route, and the name of one of its parameters. Borrowed. */
struct azd_str azd_route_path(const struct azd_routes *routes, unsigned route);
struct azd_str azd_route_param_name(const struct azd_routes *routes, unsigned route, unsigned param);

#endif
