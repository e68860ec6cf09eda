/* argv -> engine -> the Lua command line. `azdrift lua FILE [ARGUMENT...]` runs any script inside the engine;
 * everything else is lua/azdrift/cli/main.lua's business. */
#include "bind/engine.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
  if (argc >= 2 && !strcmp(argv[1], "lua")) {
    if (argc < 3 || !strcmp(argv[2], "--help")) {
      fprintf(argc < 3 ? stderr : stdout, "usage: azdrift lua FILE [ARGUMENT...]\n"
                                          "Runs a Lua script inside the engine; its calls may await. Example:\n"
                                          "  azdrift lua examples/hello.lua\n");
      status = argc < 3 ? EXIT_FAILURE : EXIT_SUCCESS;
    } else {
      status = azd_engine_run(engine, argv[2], false, argc - 3, argv + 3);
    }
  } else {
    status = azd_engine_run(engine, "azdrift.cli.main", true, argc - 1, argv + 1);
  }
  azd_engine_free(engine);
  return status;
}
