/* The certificates a client trusts, read once and on a worker: reading the system's takes some 40 ms, and curl would do
 * it on the loop. Life: azd_http_trust_start .. _free. Thread: the loop's; the reading is a job of the pool. Blocks:
 * never. */
#ifndef AZD_NET_HTTP_TRUST_H
#define AZD_NET_HTTP_TRUST_H

#include "loop/pool.h"

struct azd_http_trust;
struct ssl_ctx_st;

/* ca_file: PEM, copied; NULL: the system's. on_ready: once, on the loop thread, never from within this call. NULL: no
 * memory, or the pool is full. */
struct azd_http_trust *azd_http_trust_start(struct azd_pool *pool, const char *ca_file, void (*on_ready)(void *arg),
                                            void *arg);
/* Before on_ready was called, too: then it will not be. */
void azd_http_trust_free(struct azd_http_trust *trust);
bool azd_http_trust_is_ready(const struct azd_http_trust *trust);
/* Whether the certificates could be read. Where they could not, curl is left to say why. */
bool azd_http_trust_is_good(const struct azd_http_trust *trust);
/* Makes a TLS context of OpenSSL trust them, and nothing else. */
void azd_http_trust_apply(const struct azd_http_trust *trust, struct ssl_ctx_st *context);

#endif
