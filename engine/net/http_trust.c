#include "net/http_trust.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>

struct azd_http_trust {
  struct azd_job job;
  char *ca_file;
  X509_STORE *store; /* NULL: not read yet, or not readable */
  bool is_ready, is_ownerless;
  void (*on_ready)(void *arg);
  void *arg;
};

static void free_trust(struct azd_http_trust *trust) {
  X509_STORE_free(trust->store);
  free(trust->ca_file);
  free(trust);
}

static void read_certificates(struct azd_job *job, struct azd_worker *worker) {
  (void)worker;
  struct azd_http_trust *trust = (struct azd_http_trust *)job;
  X509_STORE *store = X509_STORE_new();
  /* A trusted certificate may be an intermediate one: what curl allows, too. */
  if (store && X509_STORE_load_file(store, trust->ca_file) == 1 &&
      X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1) {
    trust->store = store;
    return;
  }
  X509_STORE_free(store);
}

static void on_done(struct azd_job *job) {
  struct azd_http_trust *trust = (struct azd_http_trust *)job;
  trust->is_ready = true;
  if (trust->is_ownerless)
    free_trust(trust);
  else
    trust->on_ready(trust->arg);
}

struct azd_http_trust *azd_http_trust_start(struct azd_pool *pool, const char *ca_file, void (*on_ready)(void *arg),
                                            void *arg) {
  if (!ca_file) ca_file = curl_version_info(CURLVERSION_NOW)->cainfo;
  struct azd_http_trust *trust = ca_file ? calloc(1, sizeof *trust) : NULL;
  if (!trust) return NULL;
  *trust =
      (struct azd_http_trust){.job = {.work = read_certificates, .done = on_done}, .on_ready = on_ready, .arg = arg};
  trust->ca_file = strdup(ca_file);
  if (trust->ca_file && !azd_pool_submit(pool, &trust->job)) return trust;
  free_trust(trust);
  return NULL;
}

void azd_http_trust_free(struct azd_http_trust *trust) {
  if (!trust) return;
  if (trust->is_ready || azd_job_withdraw(&trust->job))
    free_trust(trust);
  else
    trust->is_ownerless = true;
}

bool azd_http_trust_is_ready(const struct azd_http_trust *trust) {
  return trust->is_ready;
}
bool azd_http_trust_is_good(const struct azd_http_trust *trust) {
  return trust->store != NULL;
}

void azd_http_trust_apply(const struct azd_http_trust *trust, struct ssl_ctx_st *context) {
  SSL_CTX_set1_cert_store(context, trust->store);
}
