// The client. Invariants: `client` exists from `connect` to the end of that connection and no
// longer, so that nothing it had queued outlives the connection (2.0.11 keeps QoS 1 messages and
// would send them again; what is sent again is decided by our own store), and so that a closed
// window costs neither memory nor descriptors. Callbacks only write into the inbox; `client` is
// destroyed after the call that they came from, never in it. Each connection that `connect`
// reported as begun, and that we did not drop, ends with exactly one TK_BROKER_DISCONNECTED, the
// last of its events.
#pragma once
#include <mosquitto.h>
#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#include "cbroker.h"
#include "inbox.h"
#include "tls.h"

struct tk_broker {
  struct mosquitto *client;
  SSL_CTX *tls;
  struct tk_inbox inbox;
  size_t mapped;
  uint32_t packet_max, peer_packet_max;  // bytes of a whole packet that we, that the broker takes
  uint32_t publishes, subscribes;        // sent on this connection, answer not yet taken by Swift
  uint32_t subscribes_awaited;           // and of those, what the broker has yet to answer
  int32_t end_reason;
  struct tk_tls trust;
  int fault;  // what a `set` had to refuse: reported by every `connect`
  uint16_t receive_max, send_max, peer_receive_max;
  uint8_t has_connack, is_online, is_ending, has_ended, is_shaking_hands, has_password, has_will;
  char node[21];
  char password[TK_BROKER_PASSWORD_MAX + 1];
  char will_topic[TK_BROKER_TOPIC_MAX + 1];
  size_t will_count;
  uint8_t will[TK_BROKER_WILL_MAX];
};

// Gives `client` its callbacks, which write into the inbox.
void tk_client_listen(struct tk_broker *broker);

// Ends the connection without an event.
void tk_client_release(struct tk_broker *broker);

// Ends it with one, if it is over. After every call into libmosquitto that may have met the end of
// the connection: a failed TLS handshake, a failed publish and a failed ping are not reported by
// callback, so the call's `rc` counts too.
void tk_client_settle(struct tk_broker *broker, int rc);

// 0, or why a call failed: one of libmosquitto's codes, or a code of ours where they mean the same.
int tk_client_code(int rc);

// Copies a run of bytes as C text. A zero within would end the text early, and is refused.
int tk_client_copy(char *to, size_t most, const uint8_t *from, size_t count);
