#include "loop/folders.h"
#include "loop/watch.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
  EVENTS = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF,
  BUFFER_BYTES = 16384,
};

struct folder {
  int id; /* inotify's */
  bool deep;
  char *path; /* owned */
};

struct azd_folders {
  struct azd_watch *watch;
  int fd;
  void (*on_change)(void *arg);
  void *arg;
  struct folder folders[AZD_FOLDERS_MAX];
  size_t count;
};

static struct folder *find(struct azd_folders *folders, int id) {
  for (size_t i = 0; i < folders->count; i++)
    if (folders->folders[i].id == id) return &folders->folders[i];
  return NULL;
}

static int add_below(struct azd_folders *folders, const char *path, unsigned depth, struct azd_error *error) {
  int rc = 0;
  DIR *directory = opendir(path);
  if (directory == NULL) return 0; /* gone meanwhile: its own folder will say so */
  for (struct dirent *entry; rc == 0 && (entry = readdir(directory)) != NULL;) {
    char below[PATH_MAX];
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    if ((size_t)snprintf(below, sizeof below, "%s/%s", path, entry->d_name) >= sizeof below) continue;
    if (depth < AZD_FOLDERS_DEPTH) rc = azd_folders_add(folders, below, true, error);
  }
  closedir(directory);
  return rc;
}

static unsigned depth_of(const char *path) {
  unsigned depth = 0;
  for (; *path; path++) depth += *path == '/';
  return depth;
}

int azd_folders_add(struct azd_folders *folders, const char *path, bool deep, struct azd_error *error) {
  const int id = inotify_add_watch(folders->fd, path, EVENTS | IN_ONLYDIR);
  if (id < 0 && (errno == ENOENT || errno == ENOTDIR))
    return azd_fail(error, AZD_ENOTFOUND, "%s: no such folder", path);
  if (id < 0)
    return azd_fail(error, errno == ENOSPC ? AZD_ELIMIT : AZD_EIO, "%s: cannot be watched: %s", path, strerror(errno));
  struct folder *known = find(folders, id);
  if (known == NULL) {
    char *copy = folders->count < AZD_FOLDERS_MAX ? strdup(path) : NULL;
    if (copy == NULL) {
      inotify_rm_watch(folders->fd, id);
      return azd_fail(error, AZD_ELIMIT, "%s: more than %d folders to watch, or no memory", path, AZD_FOLDERS_MAX);
    }
    folders->folders[folders->count++] = (struct folder){.id = id, .deep = deep, .path = copy};
  } else {
    known->deep |= deep;
  }
  return deep ? add_below(folders, path, depth_of(path), error) : 0;
}

static bool concerns_scripts(const struct inotify_event *event) {
  if (event->mask & (IN_ISDIR | IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF)) return true;
  const size_t size = event->len ? strlen(event->name) : 0;
  return (size > 4 && strcmp(event->name + size - 4, ".lua") == 0) || (size > 2 && strncmp(event->name, "..", 2) == 0);
}

static void forget(struct azd_folders *folders, int id) {
  struct folder *gone = find(folders, id);
  if (gone == NULL) return;
  free(gone->path);
  *gone = folders->folders[--folders->count];
}

static void follow(struct azd_folders *folders, const struct inotify_event *event) {
  char below[PATH_MAX];
  const struct folder *in = find(folders, event->wd);
  if (event->mask & IN_IGNORED) {
    forget(folders, event->wd);
  } else if (in != NULL && in->deep && (event->mask & IN_ISDIR) && (event->mask & (IN_CREATE | IN_MOVED_TO)) &&
             (size_t)snprintf(below, sizeof below, "%s/%s", in->path, event->name) < sizeof below) {
    (void)azd_folders_add(folders, below, true, NULL); /* the change itself is told: whoever looks, looks into it */
  }
}

static void on_readable(int fd, unsigned events, void *arg) {
  (void)events;
  struct azd_folders *folders = arg;
  _Alignas(struct inotify_event) char buffer[BUFFER_BYTES];
  bool changed = false;
  for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) {
    for (const char *at = buffer; at < buffer + n;) {
      const struct inotify_event *event = (const struct inotify_event *)(const void *)at;
      changed |= concerns_scripts(event);
      follow(folders, event);
      at += sizeof *event + event->len;
    }
  }
  if (changed) folders->on_change(folders->arg);
}

int azd_folders_new(struct azd_folders **out, struct azd_loop *loop, void (*on_change)(void *arg), void *arg,
                    struct azd_error *error) {
  struct azd_folders *folders = calloc(1, sizeof *folders);
  if (folders == NULL) return azd_fail(error, AZD_ENOMEM, "out of memory");
  folders->on_change = on_change;
  folders->arg = arg;
  folders->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (folders->fd < 0) {
    free(folders);
    return azd_fail(error, AZD_EIO, "files cannot be watched: %s", strerror(errno));
  }
  folders->watch = azd_watch_new(loop, "folders", folders->fd, on_readable, folders);
  if (folders->watch == NULL || azd_watch_set(folders->watch, AZD_WATCH_READ) != 0) {
    azd_folders_free(folders);
    return azd_fail(error, AZD_ENOMEM, "out of memory");
  }
  *out = folders;
  return 0;
}

void azd_folders_free(struct azd_folders *folders) {
  if (folders == NULL) return;
  azd_watch_free(folders->watch);
  if (folders->fd >= 0) close(folders->fd);
  for (size_t i = 0; i < folders->count; i++) free(folders->folders[i].path);
  free(folders);
}
