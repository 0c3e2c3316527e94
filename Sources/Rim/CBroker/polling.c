// The poll loop's side: what the kernel said is ready.

#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include "client.h"

int tk_broker_descriptor(const struct tk_broker *broker) {
  return broker->client == NULL ? -1 : mosquitto_socket(broker->client);
}

int tk_broker_wants_write(const struct tk_broker *broker) {
  if (broker->client == NULL) return 0;
  // `mosquitto_want_write` stays true through a whole handshake once it was true.
  if (broker->is_shaking_hands) return SSL_want_write((SSL *)mosquitto_ssl_get(broker->client));
  return mosquitto_want_write(broker->client);
}

static int socket_error(int descriptor) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0;
}

static int has_hung_up(int descriptor) {
  struct pollfd fd = {.fd = descriptor};
  return poll(&fd, 1, 0) > 0 && (fd.revents & (POLLERR | POLLHUP)) != 0;
}

// One step of the TLS handshake. Only `loop_read` goes on with it, whatever OpenSSL waits for;
// `loop_write` returns at once. And a socket error is taken for "try again", which would spin
// until the keep alive ends it: we look for ourselves.
static int shake_hands(struct tk_broker *broker) {
  struct mosquitto *client = broker->client;
  if (socket_error(mosquitto_socket(client))) return MOSQ_ERR_CONN_LOST;
  const int rc = mosquitto_loop_read(client, 1);
  if (rc != 0 || mosquitto_socket(client) < 0) return rc;
  if (SSL_is_init_finished((SSL *)mosquitto_ssl_get(client))) {
    broker->is_shaking_hands = 0;
    return mosquitto_loop_write(client, 1);  // the CONNECT, which has waited for this
  }
  return has_hung_up(mosquitto_socket(client)) ? MOSQ_ERR_CONN_LOST : 0;
}

void tk_broker_handle(struct tk_broker *broker, int readable, int writable) {
  if (broker->client == NULL || (!readable && !writable)) return;
  if (broker->is_shaking_hands) {
    tk_client_settle(broker, shake_hands(broker));
    return;
  }
  // Reading first: after a reset, what the broker said last is still there to be read.
  if (readable) tk_client_settle(broker, mosquitto_loop_read(broker->client, 1));
  if (writable && broker->client != NULL)
    tk_client_settle(broker, mosquitto_loop_write(broker->client, 1));
}

void tk_broker_misc(struct tk_broker *broker) {
  if (broker->client != NULL) tk_client_settle(broker, mosquitto_loop_misc(broker->client));
}
