/* TLS for the server: a certificate that can be exchanged while connections stand, and the sessions on it. OpenSSL over
 * our own descriptors, TLS 1.2 and 1.3, forward secret suites with authenticated encryption only; ALPN knows http/1.1,
 * and a client that offers nothing but other protocols is turned away; no renegotiation, no compression, no early data.
 *
 * Life: azd_tls_new .. azd_tls_free; sessions end before it is freed, and keep the certificate that they began with.
 * Thread: the loop's. Blocks: azd_tls_new and azd_tls_reload read two small files. Sizes are bytes. */
#ifndef AZD_NET_TLS_H
#define AZD_NET_TLS_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct azd_tls;
struct azd_tls_session;

enum { AZD_TLS_RECORD_BYTES = 16384 };

struct azd_tls_options {
  const char *certificate_file; /* PEM: the certificate, then its chain; copied */
  const char *key_file;         /* PEM, without a passphrase; copied */
  bool only_1_3;
};

/* The sentence of a failure names the file that is wrong. */
int azd_tls_new(struct azd_tls **tls, const struct azd_tls_options *options, struct azd_error *error);
/* NULL is fine. */
void azd_tls_free(struct azd_tls *tls);
/* Reads both files anew. What cannot be read, or does not belong together, changes nothing: the one that is there goes
 * on serving. New connections get the new certificate; standing ones keep theirs. */
int azd_tls_reload(struct azd_tls *tls, struct azd_error *error);
/* When the certificate that serves now ends, in milliseconds since 1970. */
int64_t azd_tls_expires_ms(const struct azd_tls *tls);

/* ---- a session: one connection. fd stays the caller's and is non-blocking -------------------------------------- */

/* NULL: out of memory. */
struct azd_tls_session *azd_tls_accept(struct azd_tls *tls, int fd);
/* Says goodbye if the socket takes it at once. NULL is fine. The connection is shut by the caller. */
void azd_tls_close(struct azd_tls_session *session, bool say_goodbye);

/* These answer as recv and send do: bytes, 0 at an orderly end (read only), -1 with errno EAGAIN when the socket has to
 * be waited for (azd_tls_wants_write says for what), -1 with EPROTO when the session is broken: a failed handshake, an
 * end without goodbye, a forged record. The handshake happens within the first calls. */
ssize_t azd_tls_read(struct azd_tls_session *session, void *data, size_t size);
/* A call after EAGAIN hands in at least the same bytes again; where they stand in memory does not matter. */
ssize_t azd_tls_write(struct azd_tls_session *session, const void *data, size_t size);
bool azd_tls_is_established(const struct azd_tls_session *session);
/* Reading waits for room to write: a handshake's answer, or a key update's. */
bool azd_tls_wants_write(const struct azd_tls_session *session);
/* Bytes have been taken from the socket that no read has handed out: the socket will not tell of them. */
bool azd_tls_has_pending(const struct azd_tls_session *session);
/* "TLSv1.3". Static text. */
const char *azd_tls_version(const struct azd_tls_session *session);

#endif
