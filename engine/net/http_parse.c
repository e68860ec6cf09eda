#include "net/http_parse.h"

#include "base/err.h"
#include "net/http_chars.h"

static bool is_space(char c) {
  return c == ' ' || c == '\t';
}

enum head_state {
  LINE_START, /* empty lines, then the method */
  LINE_START_LF,
  LINE_METHOD,
  LINE_TARGET,
  LINE_VERSION,
  LINE_LF,
  FIELD_START,
  FIELD_NAME,
  FIELD_SPACE,
  FIELD_VALUE,
  FIELD_LF,
  HEAD_LF,
  HEAD_DONE,
  HEAD_REFUSED,
};

static enum azd_http_step refuse(struct azd_http_head *head, uint16_t status, const char *reason) {
  head->state = HEAD_REFUSED;
  head->status = status;
  head->reason = reason;
  return AZD_HTTP_REFUSED;
}

void azd_http_head_start(struct azd_http_head *head) {
  /* The fields stay as they are: n_fields says how many count, and clearing 512 bytes a request is not free. */
  const size_t before = offsetof(struct azd_http_head, fields), after = offsetof(struct azd_http_head, content_length);
  memset(head, 0, before);
  memset((char *)head + after, 0, sizeof *head - after);
  head->reason = "";
}

/* uri-host [":" port], or nothing. An address in brackets is checked for its characters only: nobody resolves it. */
static bool host_is_right(struct azd_str host) {
  size_t i = 0;
  if (host.size > 0 && host.data[0] == '[') {
    const char *end = memchr(host.data, ']', host.size);
    if (end == NULL || end == host.data + 1) return false;
    for (const char *c = host.data + 1; c < end; c++)
      if (!azd_http_is((unsigned char)*c, AZD_HTTP_HOST) && *c != ':') return false;
    i = (size_t)(end - host.data) + 1;
  } else {
    while (i < host.size && azd_http_is((unsigned char)host.data[i], AZD_HTTP_HOST)) i++;
  }
  if (i == host.size) return true;
  if (host.data[i++] != ':') return false;
  while (i < host.size && azd_http_is((unsigned char)host.data[i], AZD_HTTP_DIGIT)) i++;
  return i == host.size;
}

static struct azd_http_span span_of(size_t from, size_t to) {
  return (struct azd_http_span){(uint16_t)from, (uint16_t)(to - from)};
}

/* Splits the target at its '?'. from: where the path begins, the authority and scheme of an absolute-form behind it. */
static void split_target(struct azd_http_head *head, const char *data, size_t from) {
  const size_t end = (size_t)head->target.at + head->target.size;
  const char *mark = memchr(data + from, '?', end - from);
  head->has_query = mark != NULL;
  const size_t path_end = mark != NULL ? (size_t)(mark - data) : end;
  head->path = span_of(from, path_end);
  if (mark != NULL) head->query = span_of(path_end + 1, end);
}

/* RFC 9112 3.2: origin-form, absolute-form, and `*`; the authority-form belongs to CONNECT, which is not served. */
static enum azd_http_step understand_target(struct azd_http_head *head, const char *data) {
  const struct azd_str target = azd_http_head_str(data, head->target);
  const struct azd_str method = azd_http_head_str(data, head->method);
  if (azd_str_equal(method, AZD_STR("CONNECT"))) return refuse(head, 501, "this method is not served");
  if (target.data[0] == '/') {
    split_target(head, data, head->target.at);
    return AZD_HTTP_MORE;
  }
  const bool is_options = azd_str_equal(method, AZD_STR("OPTIONS"));
  if (azd_str_equal(target, AZD_STR("*"))) {
    if (!is_options) return refuse(head, 400, "the target * belongs to OPTIONS");
    head->is_asterisk = true;
    return AZD_HTTP_MORE;
  }
  const size_t scheme = azd_str_starts_with_fold(target, AZD_STR("http://"))    ? 7
                        : azd_str_starts_with_fold(target, AZD_STR("https://")) ? 8
                                                                                : 0;
  if (scheme == 0) return refuse(head, 400, "the request target is no path and no http URL");
  size_t end = scheme;
  while (end < target.size && target.data[end] != '/' && target.data[end] != '?') end++;
  head->host = span_of(head->target.at + scheme, head->target.at + end);
  if (head->host.size == 0 || !host_is_right(azd_http_head_str(data, head->host)))
    return refuse(head, 400, "the request target names no right host");
  split_target(head, data, head->target.at + end);
  /* RFC 9112 3.2.4: OPTIONS of a URL without path and query asks about the server as a whole. */
  head->is_asterisk = is_options && head->path.size == 0 && !head->has_query;
  return AZD_HTTP_MORE;
}

static enum azd_http_step version_byte(struct azd_http_head *head, const char *data, unsigned char c) {
  static const char PREFIX[] = "HTTP/";
  const unsigned at = head->version_at++;
  if (at < 5) return c == (unsigned char)PREFIX[at] ? AZD_HTTP_MORE : refuse(head, 400, "HTTP version");
  if (at == 6) return c == '.' ? AZD_HTTP_MORE : refuse(head, 400, "HTTP version");
  if (at == 5 || at == 7) {
    if (!azd_http_is(c, AZD_HTTP_DIGIT)) return refuse(head, 400, "HTTP version");
    if (at == 5) return AZD_HTTP_MORE;
    if (data[head->at - 2] != '1' || c > '1') return refuse(head, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    head->minor = (uint8_t)(c - '0');
    return AZD_HTTP_MORE;
  }
  if (c != '\r') return refuse(head, 400, "more after the HTTP version");
  head->state = LINE_LF;
  return AZD_HTTP_MORE;
}

/* One byte, or one run of bytes, of the request line. */
static enum azd_http_step line_byte(struct azd_http_head *head, const char *data, size_t end) {
  const unsigned char c = (unsigned char)data[head->at];
  switch (head->state) {
  case LINE_START:
    if (c == '\r') {
      if (head->leading == AZD_HTTP_LEADING_CRLF) return refuse(head, 400, "empty lines before the request line");
      head->state = LINE_START_LF;
      break;
    }
    if (!azd_http_is(c, AZD_HTTP_TOKEN)) return refuse(head, 400, "method");
    head->mark = head->at;
    head->state = LINE_METHOD;
    break;
  case LINE_START_LF:
    if (c != '\n') return refuse(head, 400, "CR without LF");
    head->leading++;
    head->state = LINE_START;
    break;
  case LINE_METHOD:
    if (azd_http_is(c, AZD_HTTP_TOKEN)) {
      if (head->at - head->mark == AZD_HTTP_METHOD_BYTES) return refuse(head, 501, "this method is not served");
      break;
    }
    if (c != ' ') return refuse(head, 400, "method");
    head->method = span_of(head->mark, head->at);
    head->mark = (uint16_t)(head->at + 1);
    head->state = LINE_TARGET;
    break;
  case LINE_TARGET:
    if (azd_http_is(c, AZD_HTTP_TARGET)) {
      const size_t limit = (size_t)head->mark + AZD_HTTP_TARGET_BYTES;
      if (head->at == limit) return refuse(head, 414, "the request target is too long");
      while (head->at + 1u < end && head->at + 1u < limit &&
             azd_http_is((unsigned char)data[head->at + 1], AZD_HTTP_TARGET))
        head->at++;
      break;
    }
    if (c != ' ' || head->at == head->mark) return refuse(head, 400, "request target");
    head->target = span_of(head->mark, head->at);
    head->state = LINE_VERSION;
    break;
  case LINE_VERSION: return version_byte(head, data, c);
  case LINE_LF:
    if (c != '\n') return refuse(head, 400, "CR without LF");
    head->state = FIELD_START;
    return understand_target(head, data);
  default: AZD_ASSERT(!"a state of the request line");
  }
  return AZD_HTTP_MORE;
}

static enum azd_http_step understand_length(struct azd_http_head *head, struct azd_str value) {
  if (head->saw_length) return refuse(head, 400, "more than one Content-Length");
  head->saw_length = true;
  if (value.size == 0) return refuse(head, 400, "Content-Length is not a number");
  for (size_t i = 0; i < value.size; i++)
    if (!azd_http_is((unsigned char)value.data[i], AZD_HTTP_DIGIT))
      return refuse(head, 400, "Content-Length is not a number");
  if (value.size > AZD_HTTP_LENGTH_DIGITS) return refuse(head, 413, "the body is too long");
  for (size_t i = 0; i < value.size; i++)
    head->content_length = head->content_length * 10 + (uint64_t)(value.data[i] - '0');
  return AZD_HTTP_MORE;
}

static void understand_connection(struct azd_http_head *head, struct azd_str list) {
  size_t i = 0;
  while (i < list.size) {
    while (i < list.size && (is_space(list.data[i]) || list.data[i] == ',')) i++;
    const size_t from = i;
    while (i < list.size && list.data[i] != ',') i++;
    size_t to = i;
    while (to > from && is_space(list.data[to - 1])) to--;
    const struct azd_str option = {list.data + from, to - from};
    if (azd_str_equal_fold(option, AZD_STR("close"))) head->says_close = true;
    if (azd_str_equal_fold(option, AZD_STR("keep-alive"))) head->says_keep_alive = true;
  }
}

/* What a field means to the connection. The length of the name comes first: most fields mean nothing here. */
static enum azd_http_step understand_field(struct azd_http_head *head, const char *data, struct azd_http_field field) {
  const struct azd_str name = azd_http_head_str(data, field.name), value = azd_http_head_str(data, field.value);
  switch (name.size) {
  case 4:
    if (!azd_str_equal_fold(name, AZD_STR("host"))) break;
    if (head->saw_host) return refuse(head, 400, "more than one Host");
    if (!host_is_right(value)) return refuse(head, 400, "Host");
    head->saw_host = true;
    head->host_field = field.value;
    break;
  case 6:
    /* HTTP/1.0 has no Expect: RFC 9110 10.1.1 says ignore. */
    if (head->minor == 0 || !azd_str_equal_fold(name, AZD_STR("expect"))) break;
    if (!azd_str_equal_fold(value, AZD_STR("100-continue"))) return refuse(head, 417, "unknown expectation");
    head->expect_continue = true;
    break;
  case 10:
    if (azd_str_equal_fold(name, AZD_STR("connection"))) understand_connection(head, value);
    break;
  case 14:
    if (azd_str_equal_fold(name, AZD_STR("content-length"))) return understand_length(head, value);
    break;
  case 17:
    if (!azd_str_equal_fold(name, AZD_STR("transfer-encoding"))) break;
    if (head->saw_coding) return refuse(head, 400, "more than one Transfer-Encoding");
    if (head->minor == 0) return refuse(head, 400, "Transfer-Encoding in HTTP/1.0");
    if (!azd_str_equal_fold(value, AZD_STR("chunked")))
      return refuse(head, 501, "a Transfer-Encoding other than chunked");
    head->saw_coding = true;
    break;
  default: break;
  }
  return AZD_HTTP_MORE;
}

/* What only the whole head can tell. */
static enum azd_http_step understand_head(struct azd_http_head *head) {
  if (head->saw_coding && head->saw_length) return refuse(head, 400, "both Content-Length and Transfer-Encoding");
  if (head->minor > 0 && !head->saw_host) return refuse(head, 400, "no Host");
  if (head->host.size == 0) head->host = head->host_field; /* an absolute-form target has the last word */
  head->framing = head->saw_coding           ? AZD_HTTP_BODY_CHUNKED
                  : head->content_length > 0 ? AZD_HTTP_BODY_LENGTH
                                             : AZD_HTTP_BODY_NONE;
  head->keep_alive = !head->says_close && (head->minor > 0 || head->says_keep_alive);
  head->state = HEAD_DONE;
  return AZD_HTTP_DONE;
}

/* One byte, or one run of bytes, of the fields. */
static enum azd_http_step field_byte(struct azd_http_head *head, const char *data, size_t end) {
  const unsigned char c = (unsigned char)data[head->at];
  switch (head->state) {
  case FIELD_START:
    if (c == '\r') {
      head->state = HEAD_LF;
      break;
    }
    if (c == ' ' || c == '\t') return refuse(head, 400, "a folded line");
    if (!azd_http_is(c, AZD_HTTP_TOKEN)) return refuse(head, 400, "field name");
    if (head->n_fields == AZD_HTTP_FIELDS) return refuse(head, 431, "too many fields");
    head->mark = head->at;
    head->state = FIELD_NAME;
    break;
  case FIELD_NAME:
    while (head->at + 1u < end && azd_http_is((unsigned char)data[head->at], AZD_HTTP_TOKEN)) head->at++;
    if (azd_http_is((unsigned char)data[head->at], AZD_HTTP_TOKEN)) break;
    if (data[head->at] != ':') return refuse(head, 400, "field name");
    head->fields[head->n_fields].name = span_of(head->mark, head->at);
    head->state = FIELD_SPACE;
    break;
  case FIELD_SPACE:
    if (c == ' ' || c == '\t') break;
    head->mark = head->value_end = head->at;
    head->state = FIELD_VALUE;
    /* fall through */
  case FIELD_VALUE:
    for (; head->at < end && azd_http_is((unsigned char)data[head->at], AZD_HTTP_VALUE); head->at++)
      if (!is_space(data[head->at])) head->value_end = (uint16_t)(head->at + 1);
    if (head->at == end) {
      head->at--; /* the caller steps over it */
      break;
    }
    if (data[head->at] != '\r') return refuse(head, 400, "field value");
    head->fields[head->n_fields].value = span_of(head->mark, head->value_end);
    head->state = FIELD_LF;
    break;
  case FIELD_LF:
    if (c != '\n') return refuse(head, 400, "CR without LF");
    head->state = FIELD_START;
    return understand_field(head, data, head->fields[head->n_fields++]);
  case HEAD_LF:
    if (c != '\n') return refuse(head, 400, "CR without LF");
    return understand_head(head);
  default: AZD_ASSERT(!"a state of the fields");
  }
  return AZD_HTTP_MORE;
}

enum azd_http_step azd_http_head_feed(struct azd_http_head *head, const char *data, size_t size) {
  if (head->state == HEAD_DONE) return AZD_HTTP_DONE;
  if (head->state == HEAD_REFUSED) return AZD_HTTP_REFUSED;
  const size_t end = size < AZD_HTTP_HEAD_BYTES ? size : AZD_HTTP_HEAD_BYTES;
  while (head->at < end) {
    const enum azd_http_step step =
        head->state < FIELD_START ? line_byte(head, data, end) : field_byte(head, data, end);
    if (step == AZD_HTTP_REFUSED) return step;
    head->at++;
    if (step == AZD_HTTP_DONE) {
      head->size = head->at;
      return step;
    }
  }
  if (size > AZD_HTTP_HEAD_BYTES) return refuse(head, 431, "the head is too long");
  return AZD_HTTP_MORE;
}

struct azd_str azd_http_head_path(const struct azd_http_head *head, const char *data) {
  if (head->is_asterisk) return AZD_STR("*");
  return head->path.size == 0 ? AZD_STR("/") : azd_http_head_str(data, head->path);
}

bool azd_http_head_field(const struct azd_http_head *head, const char *data, struct azd_str name,
                         struct azd_str *value) {
  for (size_t i = 0; i < head->n_fields; i++) {
    if (!azd_str_equal_fold(azd_http_head_str(data, head->fields[i].name), name)) continue;
    *value = azd_http_head_str(data, head->fields[i].value);
    return true;
  }
  return false;
}
