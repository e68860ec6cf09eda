/* A real MongoDB for tests: a standalone or a replica set of three on free loopback ports, with data of its own under
 * the build folder. Life: mongod_start .. mongod_stop; the servers die with the test however it ends (their parent's
 * death signal), and what a killed test left on disk is removed by the next start. Thread: one at a time; start and
 * stop belong to the main thread, whose end is what the servers watch. Blocks: until they answer, at most a minute. */
#ifndef AZD_TESTS_LIB_MONGOD_H
#define AZD_TESTS_LIB_MONGOD_H

#include <stdbool.h>
#include <stddef.h>

enum mongod_kind { MONGOD_STANDALONE, MONGOD_REPLICA_SET };
enum { MONGOD_ELECTION_MS = 2000 };

struct mongod_options {
  enum mongod_kind kind;
  const char *folder;           /* the build folder */
  const char *data;             /* NULL: a folder of its own below folder; else an existing one, which is not removed */
  bool with_users;              /* standalone: --auth with root:secret, writer:secret and reader:secret in admin */
  int cache_mb;                 /* of each server; 0: 256, the least there is */
  const char *const *arguments; /* more of them for the program, up to NULL; at most 8. May be NULL */
};

struct mongod;

/* NULL: none can be had or started; why_not says so in a sentence (512 bytes). */
struct mongod *mongod_start(const struct mongod_options *options, char *why_not);
void mongod_stop(struct mongod *mongod);

/* "mongodb://..." with database in its path. user NULL: without credentials. */
void mongod_url(const struct mongod *mongod, const char *user, const char *password, const char *database, char *out,
                size_t bytes);
int mongod_port(const struct mongod *mongod, int member);

/* The member that is primary now; waits for one. */
int mongod_primary(const struct mongod *mongod);
/* kill -9, and start again on the same port and data. */
void mongod_kill(struct mongod *mongod, int member);
bool mongod_restart(struct mongod *mongod, int member);
/* The primary gives up its place; another is elected. */
bool mongod_step_down(struct mongod *mongod, int member);
/* Runs a command, as extended JSON, and answers its reply, which the caller frees; NULL: refused. With users: as root.
 * Test commands are on: configureFailPoint makes a server stall, hang up or fail as a real one does once a year. */
char *mongod_run(const struct mongod *mongod, int member, const char *database, const char *command);
/* SIGSTOP and SIGCONT. */
void mongod_freeze(struct mongod *mongod, int member, bool freeze);

#endif
