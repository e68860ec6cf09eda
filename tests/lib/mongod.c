#include "lib/mongod.h"

#include <mongoc/mongoc.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MEMBERS_MAX = 3, START_MS = 60000, PORT_TRIES = 5, ARGUMENTS_MAX = 32 };

struct mongod {
  struct mongod_options options;
  char program[1024], folder[1024];
  int members;
  bool has_users; /* they are made by now */
  struct {
    int port;
    pid_t pid; /* 0: not running */
  } member[MEMBERS_MAX];
};

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- files ---- */

static void remove_tree(const char *path) {
  char command[1200];
  snprintf(command, sizeof command, "rm -rf -- '%s'", path);
  if (system(command)) fprintf(stderr, "mongod: %s cannot be removed\n", path);
}

/* Data folders carry the pid of their test: those of the dead go. */
static void sweep(const char *build) {
  DIR *folder = opendir(build);
  struct dirent *entry;
  while (folder && (entry = readdir(folder))) {
    int pid;
    char path[1024];
    if (sscanf(entry->d_name, "mongod-data-%d", &pid) != 1 || kill(pid, 0) == 0 || errno != ESRCH) continue;
    snprintf(path, sizeof path, "%s/%s", build, entry->d_name);
    remove_tree(path);
  }
  if (folder) closedir(folder);
}

static bool find_program(char *program, size_t bytes, char *why_not) {
  FILE *found = popen("tests/lib/find-mongod 2>&1", "r");
  size_t size = found ? fread(program, 1, bytes - 1, found) : 0;
  program[size] = '\0';
  if (size && program[size - 1] == '\n') program[size - 1] = '\0';
  if (found && pclose(found) == 0) return true;
  snprintf(why_not, 512, "%.500s", size ? program : "tests/lib/find-mongod does not run");
  return false;
}

/* ---- processes ---- */

/* Below the ports that the system gives to whoever connects somewhere: a server that was killed is to find its own free
 * when it comes back. */
static int free_port(void) {
  enum { FIRST = 20000, COUNT = 12000, TRIES = 200 };
  for (int tries = 0; tries < TRIES; tries++) {
    uint16_t random;
    if (getrandom(&random, sizeof random, 0) != sizeof random) return 0;
    int port = FIRST + random % COUNT;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_free = !bind(fd, (struct sockaddr *)&address, sizeof address);
    close(fd);
    if (is_free) return port;
  }
  return 0;
}

static bool answers(int port) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
  close(fd);
  return connected;
}

static pid_t spawn(const struct mongod *mongod, int member) {
  char port[16], data[1100], log[1100], cache[16];
  snprintf(port, sizeof port, "%d", mongod->member[member].port);
  snprintf(data, sizeof data, "%s/%d", mongod->folder, member);
  snprintf(log, sizeof log, "%s/%d.log", mongod->folder, member);
  snprintf(cache, sizeof cache, "%.3f", (mongod->options.cache_mb ? mongod->options.cache_mb : 256) / 1024.0);
  const char *arguments[ARGUMENTS_MAX] = {mongod->program,
                                          "--port",
                                          port,
                                          "--bind_ip",
                                          "127.0.0.1",
                                          "--dbpath",
                                          data,
                                          "--logpath",
                                          log,
                                          "--logappend",
                                          "--nounixsocket",
                                          "--wiredTigerCacheSizeGB",
                                          cache,
                                          "--setParameter",
                                          "diagnosticDataCollectionEnabled=false",
                                          "--setParameter",
                                          "enableTestCommands=1"};
  size_t count = 0;
  while (arguments[count]) count++;
  if (mongod->options.with_users) arguments[count++] = "--auth";
  if (mongod->options.kind == MONGOD_REPLICA_SET)
    arguments[count++] = "--replSet", arguments[count++] = "rs0", arguments[count++] = "--oplogSize",
    arguments[count++] = "64";
  for (const char *const *more = mongod->options.arguments; more && *more; more++) arguments[count++] = *more;
  pid_t parent = getpid(), pid = fork();
  if (pid) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1); /* it died before the line above */
  int null = open("/dev/null", O_RDWR);
  dup2(null, 0), dup2(null, 1), dup2(null, 2);
  close_range(3, ~0u, 0);
  execv(mongod->program, (char *const *)arguments);
  _exit(127);
}

/* Until it listens; false when it ended or time is up. */
static bool wait_for(struct mongod *mongod, int member) {
  int64_t end_ms = now_ms() + START_MS;
  while (!answers(mongod->member[member].port)) {
    if (waitpid(mongod->member[member].pid, NULL, WNOHANG)) {
      mongod->member[member].pid = 0;
      return false;
    }
    if (now_ms() > end_ms) return false;
    poll(NULL, 0, 10);
  }
  return true;
}

bool mongod_restart(struct mongod *mongod, int member) {
  mongod->member[member].pid = spawn(mongod, member);
  return mongod->member[member].pid > 0 && wait_for(mongod, member);
}

void mongod_kill(struct mongod *mongod, int member) {
  if (mongod->member[member].pid <= 0) return;
  kill(mongod->member[member].pid, SIGKILL);
  waitpid(mongod->member[member].pid, NULL, 0);
  mongod->member[member].pid = 0;
}

void mongod_freeze(struct mongod *mongod, int member, bool freeze) {
  kill(mongod->member[member].pid, freeze ? SIGSTOP : SIGCONT);
}

/* Another program may take the port between our asking for it and mongod's. */
static bool start_member(struct mongod *mongod, int member) {
  char data[1100];
  snprintf(data, sizeof data, "mkdir -p '%s/%d'", mongod->folder, member);
  if (system(data)) return false;
  for (int tries = 0; tries < PORT_TRIES; tries++) {
    mongod->member[member].port = free_port();
    if (mongod->member[member].port && mongod_restart(mongod, member)) return true;
    mongod_kill(mongod, member);
  }
  return false;
}

/* ---- commands ---- */

static mongoc_client_t *client_of(const struct mongod *mongod, int member) {
  char url[160];
  snprintf(url, sizeof url, "mongodb://%s127.0.0.1:%d/?directConnection=true&serverSelectionTimeoutMS=5000",
           mongod->has_users ? "root:secret@" : "", mongod->member[member].port);
  return mongoc_client_new(url);
}

static bool run_on(const struct mongod *mongod, int member, const char *database, bson_t *command, bson_t *reply) {
  mongoc_client_t *client = client_of(mongod, member);
  bson_error_t error;
  bson_t ignored;
  bool ok = mongoc_client_command_simple(client, database, command, NULL, reply ? reply : &ignored, &error);
  if (!reply) bson_destroy(&ignored);
  bson_destroy(command);
  mongoc_client_destroy(client);
  return ok;
}

static bool run(const struct mongod *mongod, int member, bson_t *command, bson_t *reply) {
  return run_on(mongod, member, "admin", command, reply);
}

char *mongod_run(const struct mongod *mongod, int member, const char *database, const char *command) {
  bson_t reply, *doc = bson_new_from_json((const uint8_t *)command, -1, NULL);
  if (!doc) return NULL;
  char *text = run_on(mongod, member, database, doc, &reply) ? bson_as_relaxed_extended_json(&reply, NULL) : NULL;
  bson_destroy(&reply);
  return text;
}

bool mongod_step_down(struct mongod *mongod, int member) {
  return run(mongod, member, BCON_NEW("replSetStepDown", BCON_INT32(10), "secondaryCatchUpPeriodSecs", BCON_INT32(5)),
             NULL);
}

static bool is_primary(const struct mongod *mongod, int member) {
  bson_t reply;
  bson_iter_t field;
  if (mongod->member[member].pid <= 0) return false;
  bool ok = run(mongod, member, BCON_NEW("hello", BCON_INT32(1)), &reply);
  ok = ok && bson_iter_init_find(&field, &reply, "isWritablePrimary") && bson_iter_as_bool(&field);
  bson_destroy(&reply);
  return ok;
}

int mongod_primary(const struct mongod *mongod) {
  for (int64_t end_ms = now_ms() + START_MS; now_ms() < end_ms; poll(NULL, 0, 20))
    for (int i = 0; i < mongod->members; i++)
      if (is_primary(mongod, i)) return i;
  return -1;
}

static bool initiate(const struct mongod *mongod) {
  bson_t command = BSON_INITIALIZER, config, members, each, settings;
  bson_append_document_begin(&command, "replSetInitiate", -1, &config);
  BSON_APPEND_UTF8(&config, "_id", "rs0");
  bson_append_array_begin(&config, "members", -1, &members);
  for (int i = 0; i < mongod->members; i++) {
    char key[4], host[64];
    snprintf(key, sizeof key, "%d", i);
    snprintf(host, sizeof host, "127.0.0.1:%d", mongod->member[i].port);
    bson_append_document_begin(&members, key, -1, &each);
    BSON_APPEND_INT32(&each, "_id", i);
    BSON_APPEND_UTF8(&each, "host", host);
    bson_append_document_end(&members, &each);
  }
  bson_append_array_end(&config, &members);
  bson_append_document_begin(&config, "settings", -1, &settings);
  BSON_APPEND_INT32(&settings, "electionTimeoutMillis", MONGOD_ELECTION_MS);
  BSON_APPEND_INT32(&settings, "heartbeatIntervalMillis", 500);
  bson_append_document_end(&config, &settings);
  bson_append_document_end(&command, &config);
  return run(mongod, 0, bson_copy(&command), NULL) && (bson_destroy(&command), mongod_primary(mongod) >= 0);
}

/* The first user comes in through the localhost exception; it makes the others. */
static bool make_users(const struct mongod *mongod) {
  static const char *const users[][2] = {
      {"root", "root"}, {"writer", "readWriteAnyDatabase"}, {"reader", "readAnyDatabase"}};
  char url[256];
  bool ok = true;
  for (int i = 0; ok && i < 3; i++) {
    mongod_url(mongod, i ? "root" : NULL, "secret", "admin", url, sizeof url);
    mongoc_client_t *client = mongoc_client_new(url);
    bson_t *command = BCON_NEW("createUser", BCON_UTF8(users[i][0]), "pwd", BCON_UTF8("secret"), "roles", "[",
                               BCON_UTF8(users[i][1]), "]");
    ok = mongoc_client_command_simple(client, "admin", command, NULL, NULL, NULL);
    bson_destroy(command);
    mongoc_client_destroy(client);
  }
  return ok;
}

/* ---- the whole ---- */

struct mongod *mongod_start(const struct mongod_options *options, char *why_not) {
  static int started;
  struct mongod *mongod = calloc(1, sizeof *mongod);
  mongod->options = *options;
  mongod->members = options->kind == MONGOD_REPLICA_SET ? MEMBERS_MAX : 1;
  mongoc_init();
  sweep(options->folder);
  if (options->data)
    snprintf(mongod->folder, sizeof mongod->folder, "%s", options->data);
  else
    snprintf(mongod->folder, sizeof mongod->folder, "%s/mongod-data-%d-%d", options->folder, (int)getpid(), started++);
  bool ok = find_program(mongod->program, sizeof mongod->program, why_not);
  if (!ok) goto out;
  snprintf(why_not, 512, "%.200s does not start: see its log in %.200s", mongod->program, mongod->folder);
  for (int i = 0; ok && i < mongod->members; i++) ok = start_member(mongod, i);
  if (ok && options->kind == MONGOD_REPLICA_SET) ok = initiate(mongod);
  if (ok && options->with_users) ok = mongod->has_users = make_users(mongod);
out:
  if (ok) return mongod;
  mongod_stop(mongod);
  return NULL;
}

void mongod_stop(struct mongod *mongod) {
  if (!mongod) return;
  for (int i = 0; i < mongod->members; i++) mongod_kill(mongod, i);
  if (!mongod->options.data) remove_tree(mongod->folder);
  free(mongod);
}

void mongod_url(const struct mongod *mongod, const char *user, const char *password, const char *database, char *out,
                size_t bytes) {
  int at = snprintf(out, bytes, "mongodb://");
  if (user) at += snprintf(out + at, bytes - (size_t)at, "%s:%s@", user, password);
  for (int i = 0; i < mongod->members; i++)
    at += snprintf(out + at, bytes - (size_t)at, "%s127.0.0.1:%d", i ? "," : "", mongod->member[i].port);
  at += snprintf(out + at, bytes - (size_t)at, "/%s", database);
  if (user) at += snprintf(out + at, bytes - (size_t)at, "?authSource=admin");
  if (mongod->options.kind == MONGOD_REPLICA_SET)
    snprintf(out + at, bytes - (size_t)at, "%sreplicaSet=rs0", user ? "&" : "?");
}

int mongod_port(const struct mongod *mongod, int member) {
  return mongod->member[member].port;
}
