/* What the driver tells while it works: its log goes to ours, commands are counted and timed, slow ones are said. */
#include "base/log.h"
#include "base/metrics.h"
#include "store/mongo.h"

static struct azd_metric_family commands = {.kind = AZD_HISTOGRAM,
                                            .name = "azdrift_mongodb_command_seconds",
                                            .help = "How long MongoDB took for a command, by its name and outcome.",
                                            .labels = {"command", "outcome"}};

static void observe(const char *command, const char *outcome, int64_t us) {
  azd_metric_observe(azd_metric_of(&commands, (const char *[]){command, outcome}), (double)us / 1e6);
}

static void on_log(mongoc_log_level_t level, const char *domain, const char *message, void *context) {
  (void)context;
  if (level <= MONGOC_LOG_LEVEL_WARNING) azd_log(AZD_LOG_WARN, "mongodb_driver", "%s: %s", domain, message);
}

/* A slow command is told by its name and length: what it carries may be anybody's configuration. */
static void on_succeeded(const mongoc_apm_command_succeeded_t *event) {
  int64_t us = mongoc_apm_command_succeeded_get_duration(event);
  const char *name = mongoc_apm_command_succeeded_get_command_name(event);
  observe(name, "ok", us);
  if (us >= MG_SLOW_MS * INT64_C(1000))
    azd_log(AZD_LOG_WARN, "mongodb_slow", "%s took %lld ms", name, (long long)us / 1000);
}

static void on_failed(const mongoc_apm_command_failed_t *event) {
  bson_error_t failure;
  const char *name = mongoc_apm_command_failed_get_command_name(event);
  mongoc_apm_command_failed_get_error(event, &failure);
  observe(name, "failed", mongoc_apm_command_failed_get_duration(event));
  azd_log(AZD_LOG_DEBUG, "mongodb_failed", "%s: code %u", name, failure.code);
}

void mg_watch_driver(void) {
  mongoc_log_set_handler(on_log, NULL); /* else it writes to stderr */
}

void mg_watch_pool(mongoc_client_pool_t *pool) {
  mongoc_apm_callbacks_t *watch = mongoc_apm_callbacks_new();
  mongoc_apm_set_command_succeeded_cb(watch, on_succeeded);
  mongoc_apm_set_command_failed_cb(watch, on_failed);
  mongoc_client_pool_set_apm_callbacks(pool, watch, NULL);
  mongoc_apm_callbacks_destroy(watch);
}
