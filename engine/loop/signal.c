#include "loop/signal.h"
#include "loop/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct azd_signals {
  struct azd_watch *watch;
  struct azd_signals_callbacks callbacks;
  int pipe[2];
  struct sigaction former[3];
  bool is_installed;
};

static const int caught[3] = {SIGINT, SIGTERM, SIGHUP};

/* What a handler may touch; a handler has no argument, so these three stand alone in the file. */
static atomic_int handler_pipe = -1;
static atomic_int stops_seen;

static void on_signal(int number) {
  int saved = errno;
  if (number != SIGHUP && atomic_fetch_add(&stops_seen, 1) > 0) _exit(azd_signal_exit_code(number));
  unsigned char byte = (unsigned char)number;
  /* A full pipe holds thousands of wakes already. */
  if (write(atomic_load(&handler_pipe), &byte, 1) < 0) (void)0;
  errno = saved;
}

static void on_pipe(int fd, unsigned events, void *arg) {
  (void)events;
  struct azd_signals *signals = arg;
  struct azd_signals_callbacks callbacks = signals->callbacks; /* a callback may free signals */
  unsigned char numbers[64];
  ssize_t count = read(fd, numbers, sizeof numbers);
  int stop = 0;
  bool is_reload = false;
  for (ssize_t i = 0; i < count; i++) {
    if (numbers[i] == SIGHUP)
      is_reload = true;
    else
      stop = numbers[i];
  }
  if (stop)
    callbacks.on_stop(stop, callbacks.arg);
  else if (is_reload)
    callbacks.on_reload(callbacks.arg);
}

int azd_signals_new(struct azd_signals **out, struct azd_loop *loop, const struct azd_signals_callbacks *callbacks,
                    struct azd_error *error) {
  AZD_ASSERT(atomic_load(&handler_pipe) < 0);
  struct azd_signals *signals = calloc(1, sizeof *signals);
  if (!signals) return azd_fail(error, AZD_ENOMEM, "no memory for signal handling");
  signals->callbacks = *callbacks;
  if (pipe2(signals->pipe, O_NONBLOCK | O_CLOEXEC)) {
    free(signals);
    return azd_fail(error, AZD_EIO, "cannot make a pipe for signals: %m");
  }
  signals->watch = azd_watch_new(loop, "signal", signals->pipe[0], on_pipe, signals);
  if (!signals->watch || azd_watch_set(signals->watch, AZD_WATCH_READ)) {
    azd_signals_free(signals);
    return azd_fail(error, AZD_ENOMEM, "no memory for signal handling");
  }
  atomic_store(&stops_seen, 0);
  atomic_store(&handler_pipe, signals->pipe[1]);
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < 3; i++) sigaction(caught[i], &action, &signals->former[i]);
  signal(SIGPIPE, SIG_IGN);
  signals->is_installed = true;
  *out = signals;
  return 0;
}

void azd_signals_free(struct azd_signals *signals) {
  if (!signals) return;
  if (signals->is_installed) {
    for (int i = 0; i < 3; i++) sigaction(caught[i], &signals->former[i], NULL);
    atomic_store(&handler_pipe, -1);
  }
  azd_watch_free(signals->watch);
  close(signals->pipe[0]);
  close(signals->pipe[1]);
  free(signals);
}
