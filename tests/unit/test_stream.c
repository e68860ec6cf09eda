/* A text read child by child is accepted and refused as the parser does it with the whole text: same values, same
 * sentences, wherever the window cuts it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "json/canonical.h"
#include "json/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct world {
  struct azd_stream *stream;
  struct azd_doc *doc;
  struct azd_buf read, whole;
  int fd;
};

static int set_up(void **state) {
  struct world *world = calloc(1, sizeof *world);
  world->stream = azd_stream_new();
  world->doc = azd_doc_new();
  azd_buf_init(&world->read, 0);
  azd_buf_init(&world->whole, 0);
  world->fd = memfd_create("test_stream", MFD_CLOEXEC);
  assert_true(world->stream && world->doc && world->fd >= 0);
  *state = world;
  return 0;
}

static int tear_down(void **state) {
  struct world *world = *state;
  azd_stream_free(world->stream);
  azd_doc_free(world->doc);
  azd_buf_free(&world->read);
  azd_buf_free(&world->whole);
  close(world->fd);
  free(world);
  return 0;
}

/* Writes the child as the text would be without spaces, going into containers down to a depth. */
static int read_child(struct world *world, uint32_t depth, struct azd_error *error) {
  struct azd_stream_value value;
  char first = azd_stream_first_byte(world->stream);
  if (depth == 0 || (first != '{' && first != '[')) {
    int status = azd_stream_value(world->stream, world->doc, &value, error);
    if (!status) azd_json_write(world->doc, 0, 0, &world->read);
    return status;
  }
  int more;
  bool is_first = true;
  azd_stream_enter(world->stream);
  azd_buf_append_char(&world->read, first);
  while ((more = azd_stream_next(world->stream, error)) > 0) {
    if (!is_first) azd_buf_append_char(&world->read, ',');
    is_first = false;
    if (first == '{') {
      azd_buf_append_json(&world->read, azd_stream_name(world->stream));
      azd_buf_append_char(&world->read, ':');
    }
    int status = read_child(world, depth - 1, error);
    if (status) return status;
  }
  azd_buf_append_char(&world->read, first == '{' ? '}' : ']');
  return more;
}

static int read_text(struct world *world, struct azd_str text, uint32_t depth, struct azd_error *error) {
  assert_int_equal(ftruncate(world->fd, 0), 0);
  assert_int_equal(pwrite(world->fd, text.data, text.size, 0), text.size);
  azd_stream_open(world->stream, world->fd);
  azd_buf_clear(&world->read);
  int more = azd_stream_next(world->stream, error);
  if (more < 0) return more;
  int status = read_child(world, depth, error);
  return status ? status : azd_stream_next(world->stream, error);
}

/* Both readers say the same; the texts hold no doubled names in containers that are entered. */
static void both_agree(struct world *world, struct azd_str text, uint32_t depth) {
  struct azd_error ours = {0}, theirs = {0};
  int status = azd_doc_parse(world->doc, text, NULL, &theirs);
  azd_buf_clear(&world->whole);
  if (!status) azd_json_write(world->doc, 0, 0, &world->whole);
  int got = read_text(world, text, depth, &ours);
  if (got != status || (status && strcmp(ours.text, theirs.text)))
    fail_msg("%d '%s', not %d '%s', at depth %u of: %.*s", got, ours.text, status, theirs.text, depth,
             (int)(text.size < 400 ? text.size : 400), text.data);
  if (!status && !azd_str_equal(azd_buf_str(&world->read), azd_buf_str(&world->whole)))
    fail_msg("read: %.*s\nwhole: %.*s", AZD_STR_FORMAT(azd_buf_str(&world->read)),
             AZD_STR_FORMAT(azd_buf_str(&world->whole)));
}

static void agree_at_all_depths(struct world *world, struct azd_str text) {
  for (uint32_t depth = 0; depth <= 3; depth++) both_agree(world, text, depth);
}

static const char page[] =
    "{ \"value\" : [ {\"id\":\"/a\",\"t\":\"\\ud83d\\ude00 caf\xc3\xa9 \xf0\x9f\x98\x80\"},\n"
    " {\"id\":\"/b\\n\",\"n\":-12.50e+3,\"l\":[true,false,null,{}] } ],\n\"n\\u00e9xt\" : 120 } ";

static void texts_of_every_form_agree(void **state) {
  static const char *const texts[] = {
      page,
      "",
      " ",
      "\n\n x",
      "5",
      " 12 ",
      "12 3",
      "true",
      "tru",
      "\"a",
      "[]",
      "[ ]",
      "[1,]",
      "[,1]",
      "[1 2]",
      "[1",
      "[",
      "{}",
      "{ }",
      "{",
      "{\"a\"",
      "{\"a\":",
      "{\"a\":1",
      "{a:1}",
      "{\"a\" 1}",
      "{\"a\":1,}",
      "{\"a\":1 \"b\"}",
      "[1]]",
      "{} {}",
      "\xef\xbb\xbf[1]",
      "\xef\xbb\xbf",
      "\xef\xbb",
      "[\"\x01\"]",
      "[\"\xff\"]",
      "{\"\\q\":1}",
      "]",
      "}",
      ",",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) agree_at_all_depths(*state, azd_str_of(texts[i]));
}

static void every_cut_and_every_wrong_byte_is_the_same_error(void **state) {
  static const char wrong[] = {'x', '"', '}', ']', ',', ':', '\\', '\0', (char)0xff, ' '};
  char text[sizeof page];
  for (size_t size = 0; size < sizeof page; size++) agree_at_all_depths(*state, (struct azd_str){page, size});
  for (size_t at = 0; at < sizeof page - 1; at++)
    for (size_t i = 0; i < sizeof wrong; i++) {
      memcpy(text, page, sizeof page);
      text[at] = wrong[i];
      agree_at_all_depths(*state, (struct azd_str){text, sizeof page - 1});
    }
}

/* The window ends at every byte of a page, whole and cut. */
static void a_window_may_end_anywhere(void **state) {
  size_t size = AZD_STREAM_WINDOW_BYTES + sizeof page;
  char *text = malloc(size);
  for (size_t into = 0; into < sizeof page; into++) {
    size_t pad = AZD_STREAM_WINDOW_BYTES - into;
    memset(text, ' ', pad);
    text[pad / 2] = '\n';
    memcpy(text + pad, page, sizeof page - 1);
    both_agree(*state, (struct azd_str){text, pad + sizeof page - 1}, into % 4);
    both_agree(*state, (struct azd_str){text, pad + sizeof page - 2 - into % 7}, 2);
  }
  free(text);
}

static void a_value_may_be_larger_than_the_window(void **state) {
  size_t size = AZD_STREAM_WINDOW_BYTES * 3;
  char *text = malloc(size);
  memset(text, 'a', size);
  memcpy(text, "[1,\"", 4);
  memcpy(text + size - 5, "\",2 ]", 5);
  both_agree(*state, (struct azd_str){text, size}, 1);
  both_agree(*state, (struct azd_str){text, size - 4}, 1);
  memset(text, ' ', size); /* and so may the space between values */
  text[0] = '[', text[size - 2] = '7', text[size - 1] = ']';
  both_agree(*state, (struct azd_str){text, size}, 1);
  free(text);
}

static void depth_counts_from_the_root(void **state) {
  char text[2 * AZD_DOC_MAX_DEPTH + 8];
  for (int depth = AZD_DOC_MAX_DEPTH - 1; depth <= AZD_DOC_MAX_DEPTH + 1; depth++) {
    memset(text, '[', (size_t)depth);
    memset(text + depth, ']', (size_t)depth);
    agree_at_all_depths(*state, (struct azd_str){text, 2 * (size_t)depth});
  }
}

/* A body can be read again from where its value says it stands; a member with its name. */
static void a_value_knows_its_place(void **state) {
  struct world *world = *state;
  struct azd_stream_value value;
  struct azd_error error;
  struct azd_str text = AZD_STR("  {\"a\" : [ 10 , {\"b\":2}]}");
  assert_int_equal(pwrite(world->fd, text.data, text.size, 0), text.size);
  azd_stream_open(world->stream, world->fd);
  assert_int_equal(azd_stream_next(world->stream, &error), 1);
  azd_stream_enter(world->stream);
  assert_int_equal(azd_stream_next(world->stream, &error), 1);
  assert_int_equal(azd_stream_offset(world->stream), 3);
  azd_stream_enter(world->stream);
  assert_int_equal(azd_stream_next(world->stream, &error), 1);
  assert_int_equal(azd_stream_value(world->stream, world->doc, &value, &error), 0);
  assert_int_equal(value.begin, 11);
  assert_int_equal(value.end, 13);
  assert_int_equal(azd_stream_next(world->stream, &error), 1);
  assert_int_equal(azd_stream_value(world->stream, world->doc, &value, &error), 0);
  assert_memory_equal(value.text.data, "{\"b\":2}", 7);
  assert_int_equal(value.text.size, 7);
  assert_int_equal(azd_stream_next(world->stream, &error), 0); /* the array */
  assert_int_equal(azd_stream_next(world->stream, &error), 0); /* the object */
  assert_int_equal(azd_stream_next(world->stream, &error), 0); /* the text */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(texts_of_every_form_agree, set_up, tear_down),
      cmocka_unit_test_setup_teardown(every_cut_and_every_wrong_byte_is_the_same_error, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_window_may_end_anywhere, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_value_may_be_larger_than_the_window, set_up, tear_down),
      cmocka_unit_test_setup_teardown(depth_counts_from_the_root, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_value_knows_its_place, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
