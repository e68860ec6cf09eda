#include "base/process.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AZD_PROCESS_READ_BYTES = 16 * 1024 };
enum watched { ENDED, OUT, ERR, ABORT, WATCHED };

extern char **environ;

/* A fresh process group, so that what the program starts can be killed with it, and the signals of a newly born
 * program: ours are blocked on workers and partly ignored. */
static int start(char *const *argv, int out_fd, int err_fd, pid_t *pid) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  int refused = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (!refused) refused = posix_spawn_file_actions_adddup2(&files, out_fd, STDOUT_FILENO);
  if (!refused) refused = posix_spawn_file_actions_adddup2(&files, err_fd, STDERR_FILENO);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  if (!refused) refused = posix_spawnp(pid, argv[0], &files, &attributes, argv, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return refused;
}

/* Reads what there is; false at the end of the stream. */
static bool read_some(int fd, struct azd_buf *buf) {
  char chunk[AZD_PROCESS_READ_BYTES];
  ssize_t count = read(fd, chunk, sizeof chunk);
  if (count > 0) azd_buf_append(buf, chunk, (size_t)count);
  return count > 0 || (count < 0 && errno == EINTR);
}

/* Until the program ended and both streams did. */
static int attend(struct pollfd *watched, int64_t deadline_ms, const char *name, struct azd_process_result *result,
                  struct azd_error *error) {
  int64_t until_ns = azd_clock_mono_ns() + deadline_ms * 1000000;
  while (watched[ENDED].fd >= 0 || watched[OUT].fd >= 0 || watched[ERR].fd >= 0) {
    int64_t left_ms = (until_ns - azd_clock_mono_ns() + 999999) / 1000000;
    if (left_ms <= 0) return azd_fail(error, AZD_ETIMEOUT, "%s took longer than %lld ms", name, (long long)deadline_ms);
    if (poll(watched, WATCHED, left_ms > 1000000 ? 1000000 : (int)left_ms) < 0 && errno != EINTR)
      return azd_fail(error, AZD_EIO, "%s: poll: %m", name);
    if (watched[ABORT].revents) return azd_fail(error, AZD_ECANCELED, "%s was stopped", name);
    if (watched[OUT].revents && !read_some(watched[OUT].fd, &result->out)) watched[OUT].fd = -1;
    if (watched[ERR].revents && !read_some(watched[ERR].fd, &result->err)) watched[ERR].fd = -1;
    if (watched[ENDED].revents) watched[ENDED].fd = -1;
    int status = azd_buf_status(&result->out) ? azd_buf_status(&result->out) : azd_buf_status(&result->err);
    if (status) return azd_fail(error, status, "%s wrote more than %zu bytes", name, result->out.max_bytes);
  }
  return 0;
}

static void close_one(int fd) {
  if (fd >= 0) close(fd);
}

int azd_process_run(char *const *argv, int64_t deadline_ms, int abort_fd, struct azd_process_result *result,
                    struct azd_error *error) {
  int out[2] = {-1, -1}, err[2] = {-1, -1}, ended = -1, status = 0, code = 0;
  pid_t pid = -1;
  if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) {
    code = azd_fail(error, AZD_EIO, "%s: no pipe: %m", argv[0]);
    goto done;
  }
  int refused = start(argv, out[1], err[1], &pid);
  if (refused) {
    pid = -1;
    errno = refused;
    code = azd_fail(error, refused == ENOENT ? AZD_ENOTFOUND : AZD_EIO, "%s: %m", argv[0]);
    goto done;
  }
  close(out[1]), close(err[1]);
  out[1] = err[1] = -1;
  ended = (int)syscall(SYS_pidfd_open, pid, 0);
  if (ended < 0) {
    code = azd_fail(error, AZD_EIO, "%s: pidfd_open: %m", argv[0]);
    goto done;
  }
  struct pollfd watched[WATCHED] = {[ENDED] = {.fd = ended, .events = POLLIN},
                                    [OUT] = {.fd = out[0], .events = POLLIN},
                                    [ERR] = {.fd = err[0], .events = POLLIN},
                                    [ABORT] = {.fd = abort_fd, .events = POLLIN}};
  code = attend(watched, deadline_ms, argv[0], result, error);
done:
  if (pid > 0) {
    if (code) kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  }
  result->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  result->signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  close_one(ended);
  close_one(out[0]), close_one(out[1]), close_one(err[0]), close_one(err[1]);
  return code;
}
