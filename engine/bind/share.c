#include "bind/engine.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *if_it_has_scripts(const char *folder, const char *below) {
  char path[PATH_MAX];
  struct stat info;
  int size = snprintf(path, sizeof path, "%s%s/lua/azdrift", folder, below);
  if (size < 0 || (size_t)size >= sizeof path || stat(path, &info) || !S_ISDIR(info.st_mode)) return NULL;
  path[(size_t)size - strlen("/lua/azdrift")] = 0;
  return realpath(path, NULL);
}

char *azd_share_find(struct azd_error *error) {
  const char *named = getenv("AZDRIFT_SHARE");
  if (named && *named) {
    char *share = if_it_has_scripts(named, "");
    if (!share) azd_fail(error, AZD_ENOTFOUND, "AZDRIFT_SHARE=%s has no lua/azdrift", named);
    return share;
  }
  char program[PATH_MAX];
  ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
  char *share = NULL;
  if (size > 0) {
    program[size] = 0;
    char *slash = strrchr(program, '/');
    if (slash) *slash = 0;
    share = if_it_has_scripts(program, "/../share/azdrift");
  }
  if (!share) share = if_it_has_scripts(AZD_SOURCE_SHARE, "");
  if (!share) share = if_it_has_scripts(AZD_INSTALL_SHARE, "");
  if (!share)
    azd_fail(
        error, AZD_ENOTFOUND,
        "azdrift's scripts are neither beside the program (../share/azdrift) nor in %s nor in %s; set AZDRIFT_SHARE",
        AZD_SOURCE_SHARE, AZD_INSTALL_SHARE);
  return share;
}
