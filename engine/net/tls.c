#include "net/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct azd_tls {
  SSL_CTX *context; /* sessions hold it by count: the old one goes with its last session */
  char *certificate_file, *key_file;
  bool only_1_3;
};

struct azd_tls_session {
  SSL *ssl;
  bool wants_write;
  bool is_starved; /* what it has is no whole record: only the socket can help */
};

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size, const unsigned char *offered,
                           unsigned offered_size, void *arg) {
  (void)ssl, (void)arg;
  static const unsigned char OURS[] = "\x08http/1.1";
  unsigned char *chosen;
  if (SSL_select_next_proto(&chosen, out_size, OURS, sizeof OURS - 1, offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

/* OpenSSL's newest complaint; the queue is empty afterwards. */
static const char *why(void) {
  const unsigned long code = ERR_peek_last_error();
  const char *reason = code ? ERR_reason_error_string(code) : NULL;
  ERR_clear_error();
  return reason ? reason : "unknown reason";
}

/* A key that can be read and belongs to another certificate. */
static bool is_mismatch(void) {
  const int reason = ERR_GET_REASON(ERR_peek_last_error());
  return reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH;
}

/* A key with a passphrase would make OpenSSL ask on the terminal of a service. */
static int no_passphrase(char *text, int size, int is_writing, void *arg) {
  (void)text, (void)size, (void)is_writing, (void)arg;
  return -1;
}

static void set_policy(SSL_CTX *context, bool only_1_3) {
  SSL_CTX_set_min_proto_version(context, only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
}

static int load(const struct azd_tls *tls, SSL_CTX **out, struct azd_error *error) {
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  if (context == NULL) return azd_fail(error, AZD_ENOMEM, "out of memory");
  ERR_clear_error();
  set_policy(context, tls->only_1_3);
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  int rc = 0;
  if (SSL_CTX_use_certificate_chain_file(context, tls->certificate_file) != 1)
    rc = azd_fail(error, AZD_EIO, "%s: no certificate in PEM can be read from it: %s", tls->certificate_file, why());
  else if (SSL_CTX_use_PrivateKey_file(context, tls->key_file, SSL_FILETYPE_PEM) != 1 && !is_mismatch())
    rc = azd_fail(error, AZD_EIO, "%s: no key for %s, in PEM and without a passphrase: %s", tls->key_file,
                  tls->certificate_file, why());
  else if (SSL_CTX_check_private_key(context) != 1)
    rc =
        azd_fail(error, AZD_EINVAL, "%s: the key of another certificate than %s", tls->key_file, tls->certificate_file);
  if (rc == 0)
    *out = context;
  else
    SSL_CTX_free(context);
  ERR_clear_error();
  return rc;
}

int azd_tls_new(struct azd_tls **out, const struct azd_tls_options *options, struct azd_error *error) {
  struct azd_tls *tls = calloc(1, sizeof *tls);
  if (tls == NULL) return azd_fail(error, AZD_ENOMEM, "out of memory");
  tls->certificate_file = strdup(options->certificate_file);
  tls->key_file = strdup(options->key_file);
  tls->only_1_3 = options->only_1_3;
  int rc = tls->certificate_file && tls->key_file ? load(tls, &tls->context, error)
                                                  : azd_fail(error, AZD_ENOMEM, "out of memory");
  if (rc == 0)
    *out = tls;
  else
    azd_tls_free(tls);
  return rc;
}

void azd_tls_free(struct azd_tls *tls) {
  if (tls == NULL) return;
  SSL_CTX_free(tls->context);
  free(tls->certificate_file);
  free(tls->key_file);
  free(tls);
}

int azd_tls_reload(struct azd_tls *tls, struct azd_error *error) {
  SSL_CTX *next = NULL;
  const int rc = load(tls, &next, error);
  if (rc != 0) return rc;
  SSL_CTX_free(tls->context);
  tls->context = next;
  return 0;
}

int64_t azd_tls_expires_ms(const struct azd_tls *tls) {
  struct tm end = {0};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(tls->context)), &end) != 1) return 0;
  return (int64_t)timegm(&end) * 1000;
}

/* ---- sessions --------------------------------------------------------------------------------------------------- */

struct azd_tls_session *azd_tls_accept(struct azd_tls *tls, int fd) {
  struct azd_tls_session *session = calloc(1, sizeof *session);
  if (session == NULL) return NULL;
  session->ssl = SSL_new(tls->context);
  if (session->ssl == NULL || SSL_set_fd(session->ssl, fd) != 1) {
    SSL_free(session->ssl);
    free(session);
    ERR_clear_error();
    return NULL;
  }
  SSL_set_accept_state(session->ssl);
  return session;
}

void azd_tls_close(struct azd_tls_session *session, bool say_goodbye) {
  if (session == NULL) return;
  if (say_goodbye && SSL_is_init_finished(session->ssl)) (void)SSL_shutdown(session->ssl);
  SSL_free(session->ssl);
  free(session);
  ERR_clear_error();
}

/* What a call of OpenSSL that moved nothing means. */
static ssize_t no_progress(struct azd_tls_session *session, int result) {
  const int error = SSL_get_error(session->ssl, result);
  ERR_clear_error();
  session->wants_write = error == SSL_ERROR_WANT_WRITE;
  if (error == SSL_ERROR_ZERO_RETURN) return 0;
  errno = error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? EAGAIN : EPROTO;
  return -1;
}

ssize_t azd_tls_read(struct azd_tls_session *session, void *data, size_t size) {
  size_t taken = 0;
  ERR_clear_error();
  const int result = SSL_read_ex(session->ssl, data, size, &taken);
  session->is_starved = result != 1;
  if (result != 1) return no_progress(session, result);
  session->wants_write = false;
  return (ssize_t)taken;
}

ssize_t azd_tls_write(struct azd_tls_session *session, const void *data, size_t size) {
  size_t given = 0;
  ERR_clear_error();
  const int result = SSL_write_ex(session->ssl, data, size < SSIZE_MAX ? size : SSIZE_MAX, &given);
  if (result != 1) {
    const ssize_t answer = no_progress(session, result);
    if (answer != 0) return answer;
    errno = EPROTO; /* the client said goodbye and wants no answer */
    return -1;
  }
  session->wants_write = false;
  return (ssize_t)given;
}

bool azd_tls_is_established(const struct azd_tls_session *session) {
  return SSL_is_init_finished(session->ssl);
}

bool azd_tls_wants_write(const struct azd_tls_session *session) {
  return session->wants_write;
}

bool azd_tls_has_pending(const struct azd_tls_session *session) {
  return !session->is_starved && SSL_has_pending(session->ssl) != 0;
}

const char *azd_tls_version(const struct azd_tls_session *session) {
  return SSL_get_version(session->ssl);
}
