/* The structured log: one line an event on standard error, JSON where nobody watches, short text on a terminal.
 * Never a secret: callers log ids, hosts, counts and codes, not headers or bodies.
 * Thread: any; a line is written with one write(2). Blocks: as long as standard error does. */
#ifndef AZD_BASE_LOG_H
#define AZD_BASE_LOG_H

#include "base/str.h"

enum azd_log_level { AZD_LOG_DEBUG, AZD_LOG_INFO, AZD_LOG_WARN, AZD_LOG_ERROR, AZD_LOG_OFF };
enum azd_log_form { AZD_LOG_TEXT, AZD_LOG_JSON };

/* At start, before other threads; the level may change at any time. Default: info, text on a terminal, else JSON. */
void azd_log_set_form(enum azd_log_form form);
void azd_log_set_level(enum azd_log_level level);
bool azd_log_level_parse(struct azd_str name, enum azd_log_level *level);
bool azd_log_enabled(enum azd_log_level level);

/* event: a short snake_case name for programs; the sentence: for people. A line over 4 KB is cut. */
void azd_log(enum azd_log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A line with members of its own instead of a sentence: `"status":200,"route":"/health"`, written as they stand. */
void azd_log_members(enum azd_log_level level, const char *event, struct azd_str members);

#endif
