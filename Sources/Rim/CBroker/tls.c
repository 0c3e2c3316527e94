// The name in the broker's certificate. libmosquitto 2.0.11 compares a certificate with the host
// that it was told to connect to, and sends that host as SNI. We connect to a numeric address,
// because its own look-up blocks, so it would compare with the address. Therefore the whole
// context is ours (MOSQ_OPT_SSL_CTX with MOSQ_OPT_SSL_CTX_WITH_DEFAULTS off): OpenSSL itself
// compares with the configured name, and libmosquitto's check is not installed at all. (With the
// defaults on, 2.0.11 refuses every certificate: its callback finds no client, because it registers
// the index for that only when it makes the context itself.)

#include "tls.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static int is_address(const char *name) {
  ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);
  ASN1_OCTET_STRING_free(address);
  return address != NULL;
}

// Called before the ClientHello is written: the only moment between libmosquitto's setting of SNI
// and its use. RFC 6066, 3 has no addresses in SNI.
static void name_the_server(const SSL *ssl, int where, int unused) {
  (void)unused;
  if (!(where & SSL_CB_HANDSHAKE_START)) return;
  struct tk_tls *trust = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
  char *server = is_address(trust->name) ? NULL : trust->name;
  SSL_set_tlsext_host_name((SSL *)ssl, server);
}

// Keeps the reason: libmosquitto may have freed the SSL before anyone can ask it.
static int note_error(int is_fine, X509_STORE_CTX *store) {
  if (!is_fine) {
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tk_tls *trust = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    trust->error = X509_STORE_CTX_get_error(store);
  }
  return is_fine;
}

SSL_CTX *tk_tls_make(const char *path, struct tk_tls *trust) {
  const char *name = trust->name;
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  if (context == NULL) return NULL;
  X509_VERIFY_PARAM *wanted = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int is_named = is_address(name) ? X509_VERIFY_PARAM_set1_ip_asc(wanted, name)
                                        : X509_VERIFY_PARAM_set1_host(wanted, name, 0);
  if (!is_named || !SSL_CTX_load_verify_file(context, path) ||
      !SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION)) {
    SSL_CTX_free(context);
    return NULL;
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, note_error);
  // A write that waits for a read would make the poll loop spin: no renegotiation.
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_app_data(context, trust);
  SSL_CTX_set_info_callback(context, name_the_server);
  return context;
}
