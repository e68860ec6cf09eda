/* A real MongoDB (lib/mongod.h) for stories that are no C: mongod_server [standalone|users|set] [--data FOLDER] prints
 * "ready", then answers each line of standard input with one line, and stops its servers when that ends.
 *
 *   url DATABASE [USER PASSWORD]     mongodb://...
 *   port MEMBER, primary             a number
 *   kill MEMBER, start MEMBER, freeze MEMBER, thaw MEMBER, stepdown MEMBER
 *   run DATABASE JSON                the reply of a command, as JSON on one line
 *
 * An answer of "failed" says that it could not be done. Exits 77, with the reason on standard error, where no server
 * can be had. */
#include "lib/mongod.h"

#include <bson/bson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool say(const char *text) {
  puts(text ? text : "failed");
  return fflush(stdout) == 0;
}

static void say_number(int number) {
  char text[16];
  snprintf(text, sizeof text, "%d", number);
  say(number < 0 ? NULL : text);
}

static void url(const struct mongod *server, char *rest) {
  char *state, *database = strtok_r(rest, " ", &state), *user = strtok_r(NULL, " ", &state);
  char *password = user ? strtok_r(NULL, " ", &state) : NULL, text[512];
  if (database) mongod_url(server, password ? user : NULL, password, database, text, sizeof text);
  say(database ? text : NULL);
}

static void run(const struct mongod *server, char *rest) {
  char *space = strchr(rest, ' ');
  if (!space) {
    say(NULL);
    return;
  }
  *space = '\0';
  char *reply = mongod_run(server, mongod_primary(server), rest, space + 1);
  say(reply);
  bson_free(reply);
}

static void do_line(struct mongod *server, char *line) {
  char *space = strchr(line, ' '), *rest = space ? space + 1 : line + strlen(line);
  int member = atoi(rest);
  if (space) *space = '\0';
  if (!strcmp(line, "url")) {
    url(server, rest);
  } else if (!strcmp(line, "run")) {
    run(server, rest);
  } else if (!strcmp(line, "port")) {
    say_number(mongod_port(server, member));
  } else if (!strcmp(line, "primary")) {
    say_number(mongod_primary(server));
  } else if (!strcmp(line, "kill")) {
    mongod_kill(server, member);
    say("done");
  } else if (!strcmp(line, "start")) {
    say(mongod_restart(server, member) ? "done" : NULL);
  } else if (!strcmp(line, "freeze") || !strcmp(line, "thaw")) {
    mongod_freeze(server, member, *line == 'f');
    say("done");
  } else if (!strcmp(line, "stepdown")) {
    say(mongod_step_down(server, member) ? "done" : NULL);
  } else {
    say(NULL);
  }
}

int main(int argc, char **argv) {
  struct mongod_options options = {.kind = MONGOD_STANDALONE, .folder = AZD_BINARY_DIR};
  char why_not[512] = "", *line = NULL;
  size_t room = 0;
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "set")) options.kind = MONGOD_REPLICA_SET;
    if (!strcmp(argv[i], "users")) options.with_users = true;
    if (!strcmp(argv[i], "--data") && i + 1 < argc) options.data = argv[++i];
  }
  if (chdir(AZD_SOURCE_DIR)) return 1; /* where tests/lib/find-mongod is looked for */
  struct mongod *server = mongod_start(&options, why_not);
  if (!server) {
    fprintf(stderr, "%s\n", why_not);
    return 77;
  }
  say("ready");
  while (getline(&line, &room, stdin) > 0) {
    line[strcspn(line, "\n")] = '\0';
    do_line(server, line);
  }
  free(line);
  mongod_stop(server);
  return 0;
}
