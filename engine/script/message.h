/* Message templates: "{resource.name} now accepts {new}". What is in braces and known is filled in.
 * Thread: any. Blocks: never. */
#ifndef AZD_SCRIPT_MESSAGE_H
#define AZD_SCRIPT_MESSAGE_H

#include "base/arena.h"

/* The names that can be filled in, NULL at the end: "path", "new", "resource.name", "actor.name" ... */
const char *const *azd_message_names(void);

/* false, and what stands in the braces, where a template asks for a name nobody knows. Only {lower.case} counts as one.
 */
bool azd_message_check(struct azd_str text, struct azd_str *unknown);

/* The text of a name, number as in azd_message_names; may be built in the arena. */
typedef struct azd_str azd_message_fn(void *context, int name, struct azd_arena *arena);
/* A NUL-terminated text in the arena, at most 2,000 bytes; NULL: no memory. Unknown names stay as they are. */
const char *azd_message_fill(struct azd_str text, azd_message_fn *value, void *context, struct azd_arena *arena);

#endif
