// What libmosquitto leaves undone in TLS.
#pragma once
#include <openssl/types.h>
#include <stdint.h>

struct tk_tls {
  char name[256];  // that the certificate must bear
  int32_t error;   // why a certificate was refused last: X509_V_ERR_*
};

// A context that accepts only certificates of an authority in the file at `path` and for
// `trust->name`; `trust` outlives it. NULL: the file holds none, or there is no memory.
SSL_CTX *tk_tls_make(const char *path, struct tk_tls *trust);
