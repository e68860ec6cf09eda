/* argv -> engine -> the Lua command line. `azdrift lua FILE [ARGUMENT...]` runs any script inside the engine;
 * everything else is lua/azdrift/cli/main.lua's business. */
#include "bind/engine.h"

#include <errno.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
  /* Text is UTF-8 and orders bytewise, whatever the user's locale: a collating strcoll is slower, and buggy in this
   * Lua. */
  setlocale(LC_ALL, "C");
  struct azd_error error;
  struct azd_engine *engine = NULL;
  int status;
  if (azd_engine_new(&engine, &error)) {
    fprintf(stderr, "azdrift: %s\n", error.text);
    return EXIT_FAILURE;
  }
  /* Without a file (`azdrift lua --help`) the command line has the word, as everywhere else. */
  bool is_script = argc >= 3 && !strcmp(argv[1], "lua") && argv[2][0] != '-';
  if (is_script && access(argv[2], R_OK)) {
    fprintf(stderr, "azdrift: %s: %s\n", argv[2], strerror(errno));
    status = EXIT_FAILURE;
  } else if (is_script)
    status = azd_engine_run(engine, argv[2], false, argc - 3, argv + 3);
  else
    status = azd_engine_run(engine, "azdrift.cli.main", true, argc - 1, argv + 1);
  azd_engine_free(engine);
  return status;
}
