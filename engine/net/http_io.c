#include "net/http_conn.h"
#include "net/tls.h"

#include <errno.h>

ssize_t azd_http_io_read(struct azd_http_conn *conn, char *data, size_t size) {
  return conn->tls != NULL ? azd_tls_read(conn->tls, data, size) : recv(conn->fd, data, size, 0);
}

/* Where the next record begins: a long piece stands where it is, short ones are put side by side, so that a reply's
 * head and body travel in one record. */
static size_t next_record(struct azd_http_conn *conn, const struct iovec *pieces, int n_pieces, size_t at,
                          const char **record) {
  char *gathered = conn->server->record;
  size_t size = 0;
  for (int i = 0; i < n_pieces && size < AZD_TLS_RECORD_BYTES; i++) {
    if (at >= pieces[i].iov_len) {
      at -= pieces[i].iov_len;
      continue;
    }
    const char *from = (const char *)pieces[i].iov_base + at;
    size_t n = pieces[i].iov_len - at;
    if (size == 0 && (n >= AZD_TLS_RECORD_BYTES || i == n_pieces - 1)) {
      *record = from;
      return n;
    }
    if (n > AZD_TLS_RECORD_BYTES - size) n = AZD_TLS_RECORD_BYTES - size;
    memcpy(gathered + size, from, n);
    size += n;
    at = 0;
  }
  *record = gathered;
  return size;
}

static ssize_t send_records(struct azd_http_conn *conn, const struct iovec *pieces, int n_pieces) {
  size_t sent = 0, size;
  const char *record;
  while ((size = next_record(conn, pieces, n_pieces, sent, &record)) > 0) {
    const ssize_t n = azd_tls_write(conn->tls, record, size);
    if (n < 0) return sent > 0 ? (ssize_t)sent : -1; /* a broken one says so again */
    sent += (size_t)n;
  }
  return (ssize_t)sent;
}

ssize_t azd_http_io_send(struct azd_http_conn *conn, struct iovec *pieces, int n_pieces) {
  if (conn->tls != NULL) return send_records(conn, pieces, n_pieces);
  if (conn->is_tls) { /* our side is shut: nothing goes out in the open */
    errno = EPIPE;
    return -1;
  }
  const struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)n_pieces};
  return sendmsg(conn->fd, &message, MSG_NOSIGNAL);
}

void azd_http_io_close(struct azd_http_conn *conn, bool say_goodbye) {
  azd_tls_close(conn->tls, say_goodbye);
  conn->tls = NULL;
}

bool azd_http_io_wants_turn(const struct azd_http_conn *conn) {
  return conn->tls != NULL && (azd_tls_wants_write(conn->tls) || azd_tls_has_pending(conn->tls));
}
