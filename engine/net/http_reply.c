#include "net/gzip.h"
#include "net/http_conn.h"

#include <stdio.h>
#include <time.h>

const char *azd_http_phrase(int status) {
  static const struct {
    int status;
    const char *phrase;
  } PHRASES[] = {
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {206, "Partial Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {412, "Precondition Failed"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Content"},
      {428, "Precondition Required"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  };
  for (size_t i = 0; i < sizeof PHRASES / sizeof *PHRASES; i++)
    if (PHRASES[i].status == status) return PHRASES[i].phrase;
  return "Status";
}

/* ---- the request as its handler sees it ------------------------------------------------------------------------ */

struct azd_str azd_http_request_method(const struct azd_http_request *request) {
  return azd_http_head_str(request->head_bytes.data, request->conn->head.method);
}

struct azd_str azd_http_request_path(const struct azd_http_request *request) {
  return azd_http_head_path(&request->conn->head, request->head_bytes.data);
}

bool azd_http_request_query(const struct azd_http_request *request, struct azd_str *query) {
  if (!request->conn->head.has_query) return false;
  *query = azd_http_head_str(request->head_bytes.data, request->conn->head.query);
  return true;
}

struct azd_str azd_http_request_host(const struct azd_http_request *request) {
  return azd_http_head_str(request->head_bytes.data, request->conn->head.host);
}

size_t azd_http_request_n_fields(const struct azd_http_request *request) {
  return request->conn->head.n_fields;
}

void azd_http_request_field_at(const struct azd_http_request *request, size_t index, struct azd_str *name,
                               struct azd_str *value) {
  AZD_ASSERT(index < request->conn->head.n_fields);
  const struct azd_http_field *field = &request->conn->head.fields[index];
  *name = azd_http_head_str(request->head_bytes.data, field->name);
  *value = azd_http_head_str(request->head_bytes.data, field->value);
}

bool azd_http_request_field(const struct azd_http_request *request, struct azd_str name, struct azd_str *value) {
  return azd_http_head_field(&request->conn->head, request->head_bytes.data, name, value);
}

struct azd_str azd_http_request_body(const struct azd_http_request *request) {
  return azd_buf_str(&request->body_bytes);
}

void azd_http_request_limit_body(struct azd_http_request *request, uint32_t body_bytes) {
  request->body_max_bytes = body_bytes;
}

void *azd_http_request_note(struct azd_http_request *request) {
  return request->note;
}

struct azd_http_peer azd_http_request_peer(const struct azd_http_request *request) {
  return request->conn->peer;
}

bool azd_http_request_is_tls(const struct azd_http_request *request) {
  return request->conn->is_tls;
}

void azd_http_request_on_gone(struct azd_http_request *request, void (*callback)(void *arg), void *arg) {
  request->on_gone = callback;
  request->gone_arg = arg;
}

/* ---- the head of a reply --------------------------------------------------------------------------------------- */

static bool may_stand_in_a_head(const struct azd_http_pair *field) {
  static const struct azd_str OURS[] = {
      {"date", 4}, {"content-length", 14}, {"transfer-encoding", 17}, {"connection", 10}};
  if (field->name.size == 0) return false;
  for (size_t i = 0; i < field->name.size; i++) {
    const char c = field->name.data[i];
    if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL) return false;
  }
  for (size_t i = 0; i < field->value.size; i++) {
    const unsigned char c = (unsigned char)field->value.data[i];
    if ((c < ' ' && c != '\t') || c == 0x7f) return false;
  }
  for (size_t i = 0; i < sizeof OURS / sizeof *OURS; i++)
    if (azd_str_equal_fold(field->name, OURS[i])) return false;
  return true;
}

bool azd_http_pairs_are_sendable(const struct azd_http_pair *fields, size_t n_fields) {
  for (size_t i = 0; i < n_fields; i++)
    if (!may_stand_in_a_head(&fields[i])) return false;
  return true;
}

static const char *date_of(struct azd_http_server *server) {
  const time_t now = time(NULL);
  if (now != server->date_s) {
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    server->date_s = now;
  }
  return server->date;
}

/* What becomes of a body on its way: nothing; nothing, for this client; gzip. A reply with secrets in it is compressed
 * like any other: nothing that a stranger chose is ever reflected beside them. */
enum coding { AS_IS, AS_IS_FOR_THIS_CLIENT, GZIP };

static enum coding choose_coding(const struct azd_http_request *request, int status, const struct azd_http_pair *fields,
                                 size_t n_fields, int64_t body_bytes) {
  const struct azd_http_server *server = request->conn->server;
  const uint32_t least = server->options.limits.gzip_bytes;
  if (least == 0 || status == 204 || status == 206 || status == 304) return AS_IS;
  if (body_bytes >= 0 && (body_bytes < least || body_bytes > AZD_HTTP_GZIP_MOST_BYTES)) return AS_IS;
  bool is_worth_it = false;
  for (size_t i = 0; i < n_fields; i++) {
    if (azd_str_equal_fold(fields[i].name, AZD_STR("content-encoding"))) return AS_IS;
    if (azd_str_equal_fold(fields[i].name, AZD_STR("content-type")))
      is_worth_it = azd_gzip_is_worth_it(fields[i].value);
  }
  struct azd_str accepted;
  if (!is_worth_it) return AS_IS;
  if (!azd_http_request_field(request, AZD_STR("accept-encoding"), &accepted)) return AS_IS_FOR_THIS_CLIENT;
  return azd_gzip_is_accepted(accepted) ? GZIP : AS_IS_FOR_THIS_CLIENT;
}

/* body becomes its compressed form; where memory is short it stays as it is. */
static enum coding compress_whole(struct azd_http_server *server, struct azd_str *body) {
  if (server->gzip == NULL) server->gzip = azd_gzip_new();
  if (server->gzip == NULL) return AS_IS_FOR_THIS_CLIENT;
  azd_buf_clear(&server->compressed);
  azd_gzip_add(server->gzip, *body, true, &server->compressed);
  if (azd_buf_status(&server->compressed) != 0) return AS_IS_FOR_THIS_CLIENT;
  *body = azd_buf_str(&server->compressed);
  return GZIP;
}

/* body_bytes: -1 when nobody knows. Decides how the end of the body will be seen. */
static int compose_head(struct azd_http_conn *conn, int status, const struct azd_http_pair *fields, size_t n_fields,
                        int64_t body_bytes, enum coding coding) {
  struct azd_http_request *request = &conn->request;
  if (status < 200 || status > 599) return AZD_EINVAL;
  if (!azd_http_pairs_are_sendable(fields, n_fields)) return AZD_EINVAL;

  const bool is_empty_by_status = status == 204 || status == 304;
  /* A head that was refused has no method yet. */
  const bool is_head = request->head_bytes.size > 0 && azd_str_equal(azd_http_request_method(request), AZD_STR("HEAD"));
  request->is_bodyless = is_empty_by_status || is_head;
  request->is_chunked = body_bytes < 0 && !is_empty_by_status && conn->head.minor > 0;
  if (body_bytes < 0 && !is_empty_by_status && !request->is_chunked) conn->keep_alive = false;
  request->reply_left = body_bytes;

  struct azd_buf *out = &conn->server->compose;
  azd_buf_clear(out);
  azd_buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, azd_http_phrase(status), date_of(conn->server));
  for (size_t i = 0; i < n_fields; i++) {
    azd_buf_append_str(out, fields[i].name);
    azd_buf_append(out, ": ", 2);
    azd_buf_append_str(out, fields[i].value);
    azd_buf_append(out, "\r\n", 2);
  }
  if (coding == GZIP) azd_buf_append_text(out, "Content-Encoding: gzip\r\n");
  if (coding != AS_IS) azd_buf_append_text(out, "Vary: Accept-Encoding\r\n");
  if (request->is_chunked)
    azd_buf_append_text(out, "Transfer-Encoding: chunked\r\n");
  else if (body_bytes >= 0 && !is_empty_by_status)
    azd_buf_printf(out, "Content-Length: %lld\r\n", (long long)body_bytes);
  if (!conn->keep_alive)
    azd_buf_append_text(out, "Connection: close\r\n");
  else if (conn->head.minor == 0)
    azd_buf_append_text(out, "Connection: keep-alive\r\n");
  azd_buf_append(out, "\r\n", 2);
  return azd_buf_status(out);
}

static struct iovec piece_of(struct azd_str s) {
  return (struct iovec){(void *)(uintptr_t)s.data, s.size};
}

int azd_http_reply(struct azd_http_request *request, int status, const struct azd_http_pair *fields, size_t n_fields,
                   struct azd_str body) {
  struct azd_http_conn *conn = request->conn;
  AZD_ASSERT(request->in_work && !request->is_started);
  azd_http_conn_enter(conn);
  int rc = 0;
  if (conn->state != CONN_DEAD) {
    enum coding coding = choose_coding(request, status, fields, n_fields, (int64_t)body.size);
    if (coding == GZIP) coding = compress_whole(conn->server, &body);
    rc = compose_head(conn, status, fields, n_fields, (int64_t)body.size, coding);
    if (rc == 0) {
      struct iovec pieces[] = {piece_of(azd_buf_str(&conn->server->compose)), piece_of(body)};
      azd_http_conn_send(conn, pieces, request->is_bodyless ? 1 : 2);
    }
  }
  if (rc == 0) azd_http_conn_request_ended(conn);
  azd_http_conn_leave(conn);
  return rc;
}

int azd_http_reply_start(struct azd_http_request *request, int status, const struct azd_http_pair *fields,
                         size_t n_fields, int64_t body_bytes) {
  struct azd_http_conn *conn = request->conn;
  AZD_ASSERT(request->in_work && !request->is_started);
  azd_http_conn_enter(conn);
  int rc = 0;
  if (conn->state != CONN_DEAD) {
    enum coding coding = body_bytes < 0 ? choose_coding(request, status, fields, n_fields, -1) : AS_IS;
    struct azd_gzip *gzip = coding == GZIP ? azd_gzip_new() : NULL;
    if (coding == GZIP && gzip == NULL) coding = AS_IS_FOR_THIS_CLIENT;
    rc = compose_head(conn, status, fields, n_fields, body_bytes < 0 ? -1 : body_bytes, coding);
    if (rc == 0) {
      request->gzip = gzip;
      struct iovec piece = piece_of(azd_buf_str(&conn->server->compose));
      azd_http_conn_send(conn, &piece, 1);
    } else {
      azd_gzip_free(gzip);
    }
  }
  request->is_started = rc == 0;
  azd_http_conn_leave(conn);
  return rc;
}

static void send_piece(struct azd_http_request *request, struct azd_str piece) {
  struct azd_http_conn *conn = request->conn;
  if (request->is_chunked) {
    char size[24], end[] = "\r\n";
    const int n = snprintf(size, sizeof size, "%zx\r\n", piece.size);
    struct iovec pieces[] = {{size, (size_t)n}, piece_of(piece), {end, 2}};
    azd_http_conn_send(conn, pieces, 3);
  } else {
    struct iovec only = piece_of(piece);
    azd_http_conn_send(conn, &only, 1);
  }
}

static void send_compressed(struct azd_http_request *request, struct azd_str piece, bool is_last) {
  struct azd_http_conn *conn = request->conn;
  struct azd_buf *out = &conn->server->compressed;
  azd_buf_clear(out);
  azd_gzip_add(request->gzip, piece, is_last, out);
  if (azd_buf_status(out) != 0)
    azd_http_conn_kill(conn); /* half of it would read as all of it */
  else
    send_piece(request, azd_buf_str(out));
}

int azd_http_reply_write(struct azd_http_request *request, struct azd_str piece) {
  struct azd_http_conn *conn = request->conn;
  AZD_ASSERT(request->in_work && request->is_started);
  if (conn->state == CONN_DEAD) return AZD_ECANCELED;
  if (request->reply_left >= 0) {
    if (piece.size > (uint64_t)request->reply_left) return AZD_EINVAL;
    request->reply_left -= (int64_t)piece.size;
  }
  if (piece.size == 0 || request->is_bodyless) return 0;
  azd_http_conn_enter(conn);
  if (request->gzip != NULL)
    send_compressed(request, piece, false);
  else
    send_piece(request, piece);
  const int rc = conn->state == CONN_DEAD ? AZD_ECANCELED : 0;
  azd_http_conn_leave(conn);
  return rc;
}

bool azd_http_reply_is_full(const struct azd_http_request *request) {
  return request->conn->state != CONN_DEAD && azd_http_conn_unsent(request->conn) > AZD_HTTP_OUTPUT_BYTES;
}

void azd_http_reply_on_drained(struct azd_http_request *request, void (*callback)(void *arg), void *arg) {
  request->on_drained = callback;
  request->drained_arg = arg;
}

void azd_http_reply_end(struct azd_http_request *request) {
  struct azd_http_conn *conn = request->conn;
  AZD_ASSERT(request->in_work && request->is_started);
  azd_http_conn_enter(conn);
  if (request->gzip != NULL && !request->is_bodyless && conn->state != CONN_DEAD)
    send_compressed(request, (struct azd_str){"", 0}, true);
  if (request->is_chunked && !request->is_bodyless) {
    char end[] = "0\r\n\r\n";
    azd_http_conn_send(conn, &(struct iovec){end, 5}, 1);
  }
  if (request->reply_left > 0 && !request->is_bodyless) conn->keep_alive = false;
  azd_http_conn_request_ended(conn);
  azd_http_conn_leave(conn);
}

void azd_http_reply_abort(struct azd_http_request *request, enum azd_http_abort how) {
  struct azd_http_conn *conn = request->conn;
  AZD_ASSERT(request->in_work);
  azd_http_conn_enter(conn);
  conn->keep_alive = false;
  conn->must_reset = how == AZD_HTTP_ABORT_RESET;
  azd_http_conn_request_ended(conn);
  azd_http_conn_leave(conn);
}

void azd_http_conn_refuse(struct azd_http_conn *conn, int status, const char *detail) {
  if (conn->state == CONN_DEAD) {
    azd_http_conn_request_ended(conn);
    return;
  }
  const struct azd_http_pair type = {AZD_STR("Content-Type"), AZD_STR("application/problem+json")};
  struct azd_buf body;
  azd_buf_init(&body, 0);
  azd_buf_printf(&body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"}\n",
                 azd_http_phrase(status), status, detail);
  conn->keep_alive = false;
  conn->server->stats.refused++;
  int rc = azd_buf_status(&body);
  if (rc == 0) rc = compose_head(conn, status, &type, 1, (int64_t)body.size, AS_IS);
  if (rc == 0) {
    struct iovec pieces[] = {piece_of(azd_buf_str(&conn->server->compose)), piece_of(azd_buf_str(&body))};
    azd_http_conn_send(conn, pieces, conn->request.is_bodyless ? 1 : 2);
  } else {
    azd_http_conn_kill(conn);
  }
  azd_buf_free(&body);
  azd_http_conn_request_ended(conn);
}
