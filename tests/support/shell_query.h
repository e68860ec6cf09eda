/* The queries of docs/data-model.md, run as they stand there: `db.COLLECTION.find(...)` with sort and limit, or
 * `.aggregate([...])`, in the form that mongosh reads. Of JavaScript it knows what those pages use: bare keys, texts,
 * numbers, true, false, null, `new Date()`, and names that were given a value before. */
#ifndef AZD_TESTS_SHELL_QUERY_H
#define AZD_TESTS_SHELL_QUERY_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "base/buf.h"
#include "base/clock.h"

#include <mongoc/mongoc.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

struct shell_name { /* a variable: its value as extended JSON */
  const char *name, *json;
};

/* From `{scope, to_seq: {$gt: 42}}` to JSON; `scope` alone stands for `scope: scope`. */
static inline void shell_to_json(const char *at, size_t size, const struct shell_name *names, struct azd_buf *out) {
  const char *end = at + size;
  while (at < end) {
    if (*at == '"') {
      const char *close = strchr(at + 1, '"');
      azd_buf_append(out, at, (size_t)(close + 1 - at));
      at = close + 1;
    } else if (end - at >= 10 && !strncmp(at, "new Date()", 10)) {
      azd_buf_printf(out, "{\"$date\":{\"$numberLong\":\"%lld\"}}", (long long)azd_clock_wall_ms());
      at += 10;
    } else if (isalpha((unsigned char)*at) || *at == '_' || *at == '$') {
      const char *word = at;
      while (at < end && (isalnum((unsigned char)*at) || *at == '_' || *at == '$')) at++;
      int length = (int)(at - word);
      const char *next = at, *value = NULL;
      while (next < end && *next == ' ') next++;
      for (const struct shell_name *n = names; n->name; n++)
        if ((int)strlen(n->name) == length && !strncmp(n->name, word, (size_t)length)) value = n->json;
      bool is_key = next < end && *next == ':',
           is_word = !strncmp(word, "true", 4) || !strncmp(word, "false", 5) || !strncmp(word, "null", 4);
      char last = '\0'; /* before a name that stands for its own key: `{scope` or `, scope` */
      for (size_t i = out->size; i > 0 && !last; i--)
        if (out->data[i - 1] != ' ') last = out->data[i - 1];
      if (is_key)
        azd_buf_printf(out, "\"%.*s\"", length, word);
      else if (value && (last == '{' || last == ','))
        azd_buf_printf(out, "\"%.*s\":%s", length, word, value);
      else if (value)
        azd_buf_append_text(out, value);
      else if (is_word)
        azd_buf_append(out, word, (size_t)length);
      else
        azd_buf_append_text(out, "?"); /* no JSON: the caller fails with the text */
    } else {
      azd_buf_append_char(out, *at++);
    }
  }
  azd_buf_append_char(out, '\0');
}

/* The text between the bracket at `open` and its partner, which *end is set behind. */
static inline struct azd_str shell_arguments(const char *open, const char **end) {
  int depth = 0;
  const char *at = open;
  do {
    if (*at == '"') at = strchr(at + 1, '"');
    depth += *at == '(' || *at == '{' || *at == '[';
    depth -= *at == ')' || *at == '}' || *at == ']';
    at++;
  } while (depth && *at);
  *end = at;
  return (struct azd_str){open + 1, (size_t)(at - open - 2)};
}

static inline bson_t *shell_bson(struct azd_str text, const struct shell_name *names) {
  struct azd_buf json;
  bson_error_t failure;
  azd_buf_init(&json, 0);
  shell_to_json(text.data, text.size, names, &json);
  bson_t *doc = bson_new_from_json((const uint8_t *)json.data, -1, &failure);
  if (!doc) fail_msg("%.*s is no query: %s", AZD_STR_FORMAT(text), json.data);
  azd_buf_free(&json);
  return doc;
}

/* Begins to run one line; the caller reads and destroys the cursor. */
static inline mongoc_cursor_t *shell_run(mongoc_client_t *client, const char *database, const char *line,
                                         const struct shell_name *names) {
  char collection[64], verb[16];
  int taken = 0;
  const char *at;
  if (sscanf(line, "db.%63[a-z_].%15[a-z]%n", collection, verb, &taken) != 2) fail_msg("no query: %s", line);
  struct azd_str arguments = shell_arguments(line + taken, &at);
  mongoc_collection_t *of = mongoc_client_get_collection(client, database, collection);
  mongoc_cursor_t *cursor;
  if (!strcmp(verb, "aggregate")) {
    bson_t *pipeline = shell_bson(arguments, names);
    cursor = mongoc_collection_aggregate(of, MONGOC_QUERY_NONE, pipeline, NULL, NULL);
    bson_destroy(pipeline);
  } else {
    const char *rest;
    struct azd_str filter_text = shell_arguments(arguments.data, &rest);
    filter_text = (struct azd_str){arguments.data, (size_t)(rest - arguments.data)};
    bson_t *filter = shell_bson(filter_text, names), *opts = bson_new();
    if (rest < arguments.data + arguments.size) { /* ", {projection}" */
      while (*rest == ',' || *rest == ' ') rest++;
      bson_t *projection = shell_bson((struct azd_str){rest, (size_t)(arguments.data + arguments.size - rest)}, names);
      BSON_APPEND_DOCUMENT(opts, "projection", projection);
      bson_destroy(projection);
    }
    while (sscanf(at, ".%15[a-z]%n", verb, &taken) == 1) {
      struct azd_str argument = shell_arguments(at + taken, &at);
      if (!strcmp(verb, "limit")) {
        BSON_APPEND_INT64(opts, "limit", atoi(argument.data));
      } else {
        bson_t *sort = shell_bson(argument, names);
        BSON_APPEND_DOCUMENT(opts, verb, sort);
        bson_destroy(sort);
      }
    }
    cursor = mongoc_collection_find_with_opts(of, filter, opts, NULL);
    bson_destroy(filter);
    bson_destroy(opts);
  }
  mongoc_collection_destroy(of);
  return cursor;
}

#endif
