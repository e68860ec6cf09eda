#include "net/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METHOD_BYTES = 16, ALLOW_BYTES = 192, NO_ROUTE = UINT32_MAX };

/* One path with all that is declared for it. Kept in the order in which they are to be tried. */
struct path {
  char *template; /* owned; segments point into it */
  struct azd_str segments[AZD_ROUTE_SEGMENTS];
  bool is_param[AZD_ROUTE_SEGMENTS];
  unsigned n_segments, n_methods;
  char methods[AZD_ROUTE_METHODS][METHOD_BYTES];
  unsigned routes[AZD_ROUTE_METHODS];
  char allow[ALLOW_BYTES];
};

struct azd_routes {
  struct path **paths;
  size_t n_paths;
  const struct path **by_route;
  unsigned n_routes;
};

struct azd_routes *azd_routes_new(void) {
  struct azd_routes *routes = calloc(1, sizeof *routes);
  if (routes == NULL) return NULL;
  routes->paths = calloc(AZD_ROUTES_MAX, sizeof *routes->paths);
  routes->by_route = calloc(AZD_ROUTES_MAX, sizeof *routes->by_route);
  if (routes->paths != NULL && routes->by_route != NULL) return routes;
  azd_routes_free(routes);
  return NULL;
}

void azd_routes_free(struct azd_routes *routes) {
  if (routes == NULL) return;
  for (size_t i = 0; i < routes->n_paths; i++) {
    free(routes->paths[i]->template);
    free(routes->paths[i]);
  }
  free(routes->paths);
  free(routes->by_route);
  free(routes);
}

/* The segments of "/a/b/": "a", "b", "". false: too many. */
static bool split(struct azd_str path, struct azd_str segments[AZD_ROUTE_SEGMENTS], unsigned *count) {
  const char *at = path.data + 1, *end = path.data + path.size;
  for (*count = 0; *count < AZD_ROUTE_SEGMENTS;) {
    const char *slash = memchr(at, '/', (size_t)(end - at));
    segments[(*count)++] = (struct azd_str){at, (size_t)((slash ? slash : end) - at)};
    if (slash == NULL) return true;
    at = slash + 1;
  }
  return false;
}

static struct azd_str inner(struct azd_str segment) {
  return (struct azd_str){segment.data + 1, segment.size - 2};
}

/* The copy becomes path's. */
static bool read_template(struct path *path, char *copy) {
  path->template = copy;
  if (*copy != '/' || !split(azd_str_of(copy), path->segments, &path->n_segments)) return false;
  unsigned params = 0;
  for (unsigned i = 0; i < path->n_segments; i++) {
    const struct azd_str s = path->segments[i];
    path->is_param[i] = s.size > 2 && s.data[0] == '{' && s.data[s.size - 1] == '}';
    params += path->is_param[i];
    const struct azd_str word = path->is_param[i] ? inner(s) : s;
    if (word.size > 0 && (memchr(word.data, '{', word.size) != NULL || memchr(word.data, '}', word.size) != NULL))
      return false;
  }
  return params <= AZD_ROUTE_PARAMS;
}

/* Below zero: a is tried first. 0: no path is for both but by the same right. */
static int order(const struct path *a, const struct path *b) {
  if (a->n_segments != b->n_segments) return a->n_segments < b->n_segments ? -1 : 1;
  for (unsigned i = 0; i < a->n_segments; i++) {
    if (a->is_param[i] != b->is_param[i]) return a->is_param[i] ? 1 : -1;
    if (a->is_param[i]) continue;
    const size_t least = a->segments[i].size < b->segments[i].size ? a->segments[i].size : b->segments[i].size;
    const int difference = memcmp(a->segments[i].data, b->segments[i].data, least);
    if (difference != 0) return difference;
    if (a->segments[i].size != b->segments[i].size) return a->segments[i].size < b->segments[i].size ? -1 : 1;
  }
  return 0;
}

static void write_allow(struct path *path) {
  bool has_get = false, has_head = false, has_options = false;
  size_t at = 0;
  for (unsigned i = 0; i < path->n_methods; i++) {
    at += (size_t)snprintf(path->allow + at, sizeof path->allow - at, "%s%s", i ? ", " : "", path->methods[i]);
    has_get |= strcmp(path->methods[i], "GET") == 0;
    has_head |= strcmp(path->methods[i], "HEAD") == 0;
    has_options |= strcmp(path->methods[i], "OPTIONS") == 0;
  }
  if (has_get && !has_head) at += (size_t)snprintf(path->allow + at, sizeof path->allow - at, ", HEAD");
  if (!has_options) snprintf(path->allow + at, sizeof path->allow - at, ", OPTIONS");
}

/* The one that stands there already, or path itself, put into its place. */
static struct path *place(struct azd_routes *routes, struct path *path) {
  size_t at = 0;
  int difference = 1;
  while (at < routes->n_paths && (difference = order(routes->paths[at], path)) < 0) at++;
  if (at < routes->n_paths && difference == 0) return routes->paths[at];
  memmove(&routes->paths[at + 1], &routes->paths[at], (routes->n_paths - at) * sizeof(struct path *));
  routes->paths[at] = path;
  routes->n_paths++;
  return path;
}

static void discard(struct path *path) {
  if (path == NULL) return;
  free(path->template);
  free(path);
}

int azd_routes_add(struct azd_routes *routes, struct azd_str method, struct azd_str text, unsigned *route,
                   struct azd_error *error) {
  if (routes->n_routes == AZD_ROUTES_MAX) return azd_fail(error, AZD_ELIMIT, "at most %d routes", AZD_ROUTES_MAX);
  if (method.size == 0 || method.size >= METHOD_BYTES)
    return azd_fail(error, AZD_EINVAL, "\"%.*s\" is no method", AZD_STR_FORMAT(method));
  struct path *path = calloc(1, sizeof *path);
  char *copy = path ? strndup(text.data, text.size) : NULL;
  if (copy == NULL) {
    discard(path);
    return azd_fail(error, AZD_ENOMEM, "out of memory");
  }
  if (!read_template(path, copy)) {
    discard(path);
    return azd_fail(error, AZD_EINVAL, "\"%.*s\" is no template of a path: /v1/things/{id}", AZD_STR_FORMAT(text));
  }
  struct path *kept = place(routes, path);
  bool is_new = kept->n_methods < AZD_ROUTE_METHODS &&
                (kept == path || azd_str_equal(azd_str_of(kept->template), azd_str_of(path->template)));
  for (unsigned i = 0; i < kept->n_methods; i++)
    if (azd_str_equal(azd_str_of(kept->methods[i]), method)) is_new = false;
  if (is_new) {
    memcpy(kept->methods[kept->n_methods], method.data, method.size);
    kept->routes[kept->n_methods++] = *route = routes->n_routes;
    routes->by_route[routes->n_routes++] = kept;
    write_allow(kept);
  }
  if (kept != path) discard(path);
  return is_new ? 0
                : azd_fail(error, AZD_EINVAL,
                           "%.*s %.*s is declared twice, or beside a path that differs only in the names in braces",
                           AZD_STR_FORMAT(method), AZD_STR_FORMAT(text));
}

static bool fits(const struct path *path, const struct azd_str *segments, unsigned count,
                 struct azd_route_match *match) {
  if (path->n_segments != count) return false;
  match->n_params = 0;
  for (unsigned i = 0; i < count; i++) {
    if (!path->is_param[i]) {
      if (!azd_str_equal(path->segments[i], segments[i])) return false;
    } else if (segments[i].size == 0) {
      return false;
    } else {
      match->params[match->n_params++] = segments[i];
    }
  }
  return true;
}

static unsigned route_of(const struct path *path, struct azd_str method) {
  for (unsigned i = 0; i < path->n_methods; i++)
    if (azd_str_equal(azd_str_of(path->methods[i]), method)) return path->routes[i];
  return NO_ROUTE;
}

enum azd_route_verdict azd_routes_match(const struct azd_routes *routes, struct azd_str method, struct azd_str text,
                                        struct azd_route_match *match) {
  struct azd_str segments[AZD_ROUTE_SEGMENTS];
  unsigned count;
  if (text.size == 0 || *text.data != '/' || !split(text, segments, &count)) return AZD_ROUTE_NO_PATH;
  for (size_t i = 0; i < routes->n_paths; i++) {
    const struct path *path = routes->paths[i];
    if (!fits(path, segments, count, match)) continue;
    match->route = route_of(path, method);
    if (match->route == NO_ROUTE && azd_str_equal(method, AZD_STR("HEAD")))
      match->route = route_of(path, AZD_STR("GET"));
    match->allow = path->allow;
    return match->route == NO_ROUTE ? AZD_ROUTE_NO_METHOD : AZD_ROUTE_FOUND;
  }
  return AZD_ROUTE_NO_PATH;
}

struct azd_str azd_route_path(const struct azd_routes *routes, unsigned route) {
  return azd_str_of(routes->by_route[route]->template);
}

struct azd_str azd_route_param_name(const struct azd_routes *routes, unsigned route, unsigned param) {
  const struct path *path = routes->by_route[route];
  unsigned seen = 0;
  for (unsigned i = 0; i < path->n_segments; i++)
    if (path->is_param[i] && seen++ == param) return inner(path->segments[i]);
  return (struct azd_str){"", 0};
}
