/* Who holds a lease: a process, named so that others can tell whether it still runs. The name opens with what people
 * want to read
 * ("host:1234"); behind a slash stand boot, namespace of process ids, and the process's start, for an id alone is used
 * again. Thread: any. Blocks: reads a few lines of /proc. */
#ifndef AZD_BASE_OWNER_H
#define AZD_BASE_OWNER_H

#include "base/str.h"

#include <stdbool.h>

enum { AZD_OWNER_NAME_BYTES = 160 };

/* The name of this process, ended by a NUL. */
void azd_owner_name(char name[static AZD_OWNER_NAME_BYTES]);
/* The part of a name for people. */
struct azd_str azd_owner_people(struct azd_str name);
/* Known not to run any more. False where that cannot be known: another machine, boot or namespace, or no such name. */
bool azd_owner_is_dead(struct azd_str name);

#endif
