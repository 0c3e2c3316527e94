// What libmosquitto leaves undone in TLS.
#pragma once
#include <openssl/types.h>

// A context that accepts only certificates of an authority in `path` and for `name`, which must
// outlive it. NULL: the file holds none, or there is no memory.
SSL_CTX *tls_make(const char *path, const char *name);
