/* Watches folders for changes of the scripts in them (inotify): files written, renamed over (as editors and deployments
 * do), added, removed; subfolders too, also those that come later. Says that something changed, not what. Life:
 * azd_folders_new .. azd_folders_free. Thread: the loop's. Blocks: azd_folders_new lists the folders. */
#ifndef AZD_LOOP_FOLDERS_H
#define AZD_LOOP_FOLDERS_H

#include "loop/loop.h"

enum { AZD_FOLDERS_MAX = 1000, AZD_FOLDERS_DEPTH = 16 };

struct azd_folders;

/* on_change: on the loop thread, once for any number of changes that came together, never from within this call. What
 * does not concern scripts is left out: a name counts that ends in .lua or begins with ".." (a mounted volume is
 * exchanged by its "..data"), and every folder. */
int azd_folders_new(struct azd_folders **folders, struct azd_loop *loop, void (*on_change)(void *arg), void *arg,
                    struct azd_error *error);
void azd_folders_free(struct azd_folders *folders);

/* One more, with what lies below it where deep. AZD_ENOTFOUND: there is no such folder. AZD_ELIMIT: the system's limit
 * of watches (fs.inotify.max_user_watches), or AZD_FOLDERS_MAX. */
int azd_folders_add(struct azd_folders *folders, const char *path, bool deep, struct azd_error *error);

#endif
