/* Certificates made on the spot, for tests of TLS: each signs itself and is for localhost. */
#ifndef AZD_TESTS_CERTIFICATE_H
#define AZD_TESTS_CERTIFICATE_H

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>

/* Writes certificate and key as PEM; false when something failed. common_name tells one from another. */
static inline bool certificate_write(const char *certificate_path, const char *key_path, const char *common_name,
                                     bool is_rsa) {
  EVP_PKEY *key = is_rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
  X509 *certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_set_version(certificate, 2);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME *name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");
  bool ok = names != NULL && X509_add_ext(certificate, names, -1) == 1;
  X509_EXTENSION_free(names);
  ok = ok && X509_sign(certificate, key, EVP_sha256()) > 0;
  FILE *file = fopen(certificate_path, "w");
  ok = ok && file != NULL && PEM_write_X509(file, certificate) == 1;
  if (file != NULL) fclose(file);
  file = fopen(key_path, "w");
  ok = ok && file != NULL && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
  if (file != NULL) fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return ok;
}

#endif
