#include "base/log.h"
#include "base/buf.h"
#include "base/clock.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { AZD_LOG_LINE_BYTES = 4096 };

static _Atomic int log_level = AZD_LOG_INFO;
static _Atomic int log_form = -1; /* not said: by what standard error is */

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};

void azd_log_set_form(enum azd_log_form form) {
  atomic_store(&log_form, (int)form);
}
void azd_log_set_level(enum azd_log_level level) {
  atomic_store(&log_level, (int)level);
}
bool azd_log_enabled(enum azd_log_level level) {
  return (int)level >= atomic_load(&log_level);
}

bool azd_log_level_parse(struct azd_str name, enum azd_log_level *level) {
  for (int i = AZD_LOG_DEBUG; i <= AZD_LOG_OFF; i++)
    if (azd_str_equal(name, azd_str_of(level_names[i]))) {
      *level = (enum azd_log_level)i;
      return true;
    }
  return false;
}

static int form_now(void) {
  int form = atomic_load(&log_form);
  if (form < 0) atomic_store(&log_form, form = isatty(STDERR_FILENO) ? AZD_LOG_TEXT : AZD_LOG_JSON);
  return form;
}

/* A log that cannot be written must not stop the work that wrote it. */
static void write_line(struct azd_buf *line) {
  if (!line->status && write(STDERR_FILENO, line->data, line->size) < 0) (void)0;
  azd_buf_free(line);
}

void azd_log(enum azd_log_level level, const char *event, const char *format, ...) {
  if (!azd_log_enabled(level)) return;
  char sentence[AZD_LOG_LINE_BYTES / 2], time[AZD_TIME_BYTES];
  va_list args;
  va_start(args, format);
  vsnprintf(sentence, sizeof sentence, format, args);
  va_end(args);
  struct azd_buf line;
  azd_buf_init(&line, 0);
  if (form_now() == AZD_LOG_TEXT) {
    azd_buf_printf(&line, "azdrift: %s: %s\n", level_names[level], sentence);
  } else {
    azd_buf_printf(&line, "{\"ts\":\"%s\",\"level\":\"%s\",\"event\":\"%s\",\"message\":",
                   azd_time_format(azd_clock_wall_ms(), time), level_names[level], event);
    azd_buf_append_json(&line, azd_str_of(sentence));
    azd_buf_append_text(&line, "}\n");
  }
  write_line(&line);
}

void azd_log_members(enum azd_log_level level, const char *event, struct azd_str members) {
  if (!azd_log_enabled(level)) return;
  char time[AZD_TIME_BYTES];
  struct azd_buf line;
  azd_buf_init(&line, 0);
  if (form_now() == AZD_LOG_TEXT)
    azd_buf_printf(&line, "azdrift: %s: %s %.*s\n", level_names[level], event, AZD_STR_FORMAT(members));
  else
    azd_buf_printf(&line, "{\"ts\":\"%s\",\"level\":\"%s\",\"event\":\"%s\",%.*s}\n",
                   azd_time_format(azd_clock_wall_ms(), time), level_names[level], event, AZD_STR_FORMAT(members));
  write_line(&line);
}
