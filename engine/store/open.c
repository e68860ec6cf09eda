/* Which implementation a url asks for. */
#include "store/mongo.h"
#include "store/sqlite.h"

static bool begins(const char *url, const char *prefix) {
  return strncmp(url, prefix, strlen(prefix)) == 0;
}

int azd_store_open(const struct azd_store_options *options, struct azd_store **store, struct azd_error *error) {
  const char *url = options->url;
  if (!url || !*url) return azd_fail(error, AZD_EINVAL, "no store was named: give a path");
  if (begins(url, "sqlite:")) return sq_store_open(options, url + strlen("sqlite:"), store, error);
  if (begins(url, "mongodb://") || begins(url, "mongodb+srv://")) return mg_store_open(options, store, error);
  const char *colon = strstr(url, "://");
  if (!colon) return sq_store_open(options, url, store, error);
  /* Never the whole url: it may hold a password. */
  return azd_fail(error, AZD_EUNSUPPORTED, "azdrift keeps nothing in %.*s: name a file, or a mongodb:// url",
                  (int)(colon - url), url);
}
