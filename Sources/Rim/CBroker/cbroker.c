// The client. Invariants: `client` exists from `connect` to the end of that connection and no
// longer, so that nothing it had queued outlives the connection (2.0.11 keeps QoS 1 messages and
// would send them again; what is sent again is decided by our own store), and so that a closed
// window costs neither memory nor descriptors. Callbacks only write into the inbox; `client` is
// destroyed after the call that they came from, never in it. Each connection that `connect`
// reported as begun, and that we did not drop, ends with exactly one TK_BROKER_DISCONNECTED, the
// last of its events.

#include "cbroker.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "inbox.h"
#include "tls.h"

enum {
  KEEP_ALIVE_S = 30,
  SESSION_EXPIRY_S = 7 * 24 * 3600,
  WILL_DELAY_S = 5,
  PATH_MAX_BYTES = 256,
};

struct tk_broker {
  struct mosquitto *client;
  SSL_CTX *tls;
  struct inbox inbox;
  size_t mapped;
  uint32_t packet_max, peer_packet_max;  // bytes of a whole packet that we, that the broker takes
  uint32_t publishes, subscribes;        // sent on this connection, answer not yet taken by Swift
  uint32_t subscribes_awaited;           // and of those, what the broker has yet to answer
  int32_t end_reason, certificate_error;
  int fault;  // what a `set` had to refuse: reported by every `connect`
  uint16_t receive_max, send_max;
  uint8_t is_online, is_ending, has_ended, is_shaking_hands, has_password, has_will;
  char node[21];
  char password[TK_BROKER_PASSWORD_MAX + 1];
  char name[TK_BROKER_NAME_MAX + 1];
  char will_topic[TK_BROKER_TOPIC_MAX + 1];
  size_t will_count;
  uint8_t will[TK_BROKER_WILL_MAX];
};

// MARK: Callbacks

static void on_connect(
    struct mosquitto *client, void *data, int reason, int flags, const mosquitto_property *list) {
  (void)client;
  struct tk_broker *broker = data;
  if (broker->is_online) return;  // one CONNACK a connection (MQTT 5, 3.2)
  broker->is_online = reason == 0;
  uint32_t bytes;
  if (mosquitto_property_read_int32(list, MQTT_PROP_MAXIMUM_PACKET_SIZE, &bytes, false) != NULL)
    broker->peer_packet_max = bytes;
  inbox_put(&broker->inbox, TK_BROKER_CONNECTED, 0, (uint8_t)reason, flags & 1);
}

static void on_disconnect(
    struct mosquitto *client, void *data, int reason, const mosquitto_property *list) {
  (void)client, (void)list;
  struct tk_broker *broker = data;
  // A DISCONNECT from the broker calls this twice, the second time without the reason.
  if (broker->is_ending) return;
  broker->is_ending = 1;
  broker->end_reason = reason;
}

static void on_message(
    struct mosquitto *client, void *data, const struct mosquitto_message *message,
    const mosquitto_property *list) {
  (void)client, (void)list;
  struct tk_broker *broker = data;
  inbox_put_message(
      &broker->inbox, message->topic, strlen(message->topic), message->payload,
      (size_t)message->payloadlen, message->retain);
}

static void on_publish(
    struct mosquitto *client, void *data, int id, int reason, const mosquitto_property *list) {
  (void)client, (void)list;
  struct tk_broker *broker = data;
  inbox_put(&broker->inbox, TK_BROKER_PUBLISHED, id, (uint8_t)reason, 0);
}

static void on_subscribe(
    struct mosquitto *client, void *data, int id, int count, const int *granted,
    const mosquitto_property *list) {
  (void)client, (void)list;
  struct tk_broker *broker = data;
  // Unlike a PUBACK, libmosquitto passes on a SUBACK for which nobody has asked.
  if (broker->subscribes_awaited == 0) return;
  broker->subscribes_awaited--;
  inbox_put(
      &broker->inbox, TK_BROKER_SUBSCRIBED, id, 0, count > 0 && granted[0] >= 0 && granted[0] < 0x80);
}

// MARK: Life

struct tk_broker *tk_broker_create(
    uint64_t node, size_t inbox_bytes, uint16_t receive_max, uint16_t send_max,
    uint32_t packet_bytes_max) {
  const size_t own = (sizeof(struct tk_broker) + 63) / 64 * 64;
  const size_t reserved = ((size_t)send_max + 1) * TK_BROKER_EVENT_BYTES;
  if (inbox_bytes > UINT32_MAX || inbox_bytes < reserved) return NULL;
  if (mosquitto_lib_init() != MOSQ_ERR_SUCCESS) return NULL;
  const size_t mapped = own + inbox_bytes;
  struct tk_broker *broker =
      mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (broker == MAP_FAILED) return NULL;
  signal(SIGPIPE, SIG_IGN);  // libmosquitto writes with write(), and newer ones leave this to us
  broker->mapped = mapped;
  broker->inbox.bytes = (uint8_t *)broker + own;
  broker->inbox.capacity = inbox_bytes;
  broker->inbox.reserved = reserved;
  broker->receive_max = receive_max;
  broker->send_max = send_max;
  broker->packet_max = packet_bytes_max;
  snprintf(broker->node, sizeof broker->node, "%" PRIu64, node);
  return broker;
}

static void release(struct tk_broker *broker) {
  if (broker->client != NULL) mosquitto_destroy(broker->client);
  broker->client = NULL;
  broker->is_online = broker->is_ending = broker->is_shaking_hands = 0;
  broker->publishes = broker->subscribes = broker->subscribes_awaited = 0;
}

void tk_broker_destroy(struct tk_broker *broker) {
  release(broker);
  SSL_CTX_free(broker->tls);
  explicit_bzero(broker->password, sizeof broker->password);
  munmap(broker, broker->mapped);
  mosquitto_lib_cleanup();
}

// After every call into libmosquitto that may have met the end of the connection. A failed TLS
// handshake, a failed publish and a failed ping are not reported by callback, so `rc` counts too.
static void settle(struct tk_broker *broker, int rc) {
  if (broker->client == NULL) return;
  if (!broker->is_ending && rc == MOSQ_ERR_SUCCESS && mosquitto_socket(broker->client) >= 0) return;
  SSL *tls = mosquitto_ssl_get(broker->client);
  if (tls != NULL) {
    const long result = SSL_get_verify_result(tls);
    broker->certificate_error = result == X509_V_OK ? 0 : (int32_t)result;
  }
  const int32_t reason = broker->is_ending ? broker->end_reason : rc;
  release(broker);
  broker->has_ended = 1;
  broker->end_reason = reason;
}

// MARK: Settings

// Copies a run of bytes as C text. A zero within would end the text early.
static int copy_text(char *to, size_t most, const uint8_t *from, size_t count) {
  if (count > most) return TK_BROKER_TOO_LARGE;
  if (count > 0 && memchr(from, 0, count) != NULL) return MOSQ_ERR_INVAL;
  if (count > 0) memcpy(to, from, count);
  to[count] = 0;
  return 0;
}

static int noted(struct tk_broker *broker, int fault) {
  if (broker->fault == 0) broker->fault = fault;
  return fault;
}

int tk_broker_set_password(struct tk_broker *broker, const uint8_t *bytes, size_t count) {
  broker->has_password = 1;
  return noted(broker, copy_text(broker->password, TK_BROKER_PASSWORD_MAX, bytes, count));
}

int tk_broker_set_ca(
    struct tk_broker *broker, const uint8_t *path, size_t path_count, const uint8_t *name,
    size_t name_count) {
  char file[PATH_MAX_BYTES + 1];
  int fault = copy_text(file, PATH_MAX_BYTES, path, path_count);
  if (fault == 0) fault = copy_text(broker->name, TK_BROKER_NAME_MAX, name, name_count);
  // Without a name OpenSSL would compare with none, and accept every name.
  if (fault == 0 && name_count == 0) fault = TK_BROKER_TLS;
  if (fault == 0) {
    SSL_CTX_free(broker->tls);
    broker->tls = tls_make(file, broker->name);
    if (broker->tls == NULL) fault = TK_BROKER_TLS;
  }
  return noted(broker, fault);
}

int tk_broker_set_will(
    struct tk_broker *broker, const uint8_t *topic, size_t topic_count, const uint8_t *payload,
    size_t payload_count) {
  if (payload_count > TK_BROKER_WILL_MAX) return noted(broker, TK_BROKER_TOO_LARGE);
  const int fault = copy_text(broker->will_topic, TK_BROKER_TOPIC_MAX, topic, topic_count);
  if (payload_count > 0) memcpy(broker->will, payload, payload_count);
  broker->will_count = payload_count;
  broker->has_will = 1;
  return noted(broker, fault);
}

// MARK: Connecting

// `mosquitto_connect_bind_async` is the only connect that does not wait for TCP, and it takes no
// properties. It sends those that the last `mosquitto_connect_bind_v5` has left; and that one takes
// them before it refuses a port below 0, which it does before it touches the network.
static int give_connect_properties(struct tk_broker *broker) {
  mosquitto_property *list = NULL;
  int rc = mosquitto_property_add_int32(
      &list, MQTT_PROP_SESSION_EXPIRY_INTERVAL, SESSION_EXPIRY_S);
  if (rc == 0)
    rc = mosquitto_property_add_int16(&list, MQTT_PROP_RECEIVE_MAXIMUM, broker->receive_max);
  if (rc == 0)
    rc = mosquitto_property_add_int32(&list, MQTT_PROP_MAXIMUM_PACKET_SIZE, broker->packet_max);
  if (rc == 0) {
    rc = mosquitto_connect_bind_v5(broker->client, "", -1, KEEP_ALIVE_S, NULL, list);
    rc = rc == MOSQ_ERR_INVAL ? 0 : rc == 0 ? MOSQ_ERR_UNKNOWN : rc;
  }
  mosquitto_property_free_all(&list);
  return rc;
}

static int give_will(struct tk_broker *broker) {
  mosquitto_property *list = NULL;
  int rc = mosquitto_property_add_int32(&list, MQTT_PROP_WILL_DELAY_INTERVAL, WILL_DELAY_S);
  if (rc == 0)
    rc = mosquitto_will_set_v5(
        broker->client, broker->will_topic, (int)broker->will_count, broker->will, 1, true, list);
  if (rc != 0) mosquitto_property_free_all(&list);  // else they are the client's
  return rc;
}

static int prepare(struct tk_broker *broker) {
  struct mosquitto *client = broker->client;
  mosquitto_connect_v5_callback_set(client, on_connect);
  mosquitto_disconnect_v5_callback_set(client, on_disconnect);
  mosquitto_message_v5_callback_set(client, on_message);
  mosquitto_publish_v5_callback_set(client, on_publish);
  mosquitto_subscribe_v5_callback_set(client, on_subscribe);
  int rc = mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  // Bundles are written one by one: Nagle would hold each until the one before is acknowledged.
  if (rc == 0) rc = mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
  if (rc == 0)
    rc = mosquitto_username_pw_set(
        client, broker->node, broker->has_password ? broker->password : NULL);
  if (rc == 0 && broker->tls != NULL) {
    rc = mosquitto_int_option(client, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
    if (rc == 0) rc = mosquitto_void_option(client, MOSQ_OPT_SSL_CTX, broker->tls);
  }
  if (rc == 0 && broker->has_will) rc = give_will(broker);
  if (rc == 0) rc = give_connect_properties(broker);
  return rc;
}

// libmosquitto's codes that have a meaning of their own here.
static int translated(int rc) {
  switch (rc) {
    case MOSQ_ERR_NO_CONN:
    case MOSQ_ERR_CONN_LOST:
    case MOSQ_ERR_ERRNO: return TK_BROKER_OFFLINE;
    case MOSQ_ERR_TLS: return TK_BROKER_TLS;
    case MOSQ_ERR_EAI: return TK_BROKER_ADDRESS;
    case MOSQ_ERR_NOMEM: return TK_BROKER_NO_MEMORY;
    case MOSQ_ERR_OVERSIZE_PACKET:
    case MOSQ_ERR_PAYLOAD_SIZE: return TK_BROKER_TOO_LARGE;
    default: return rc;
  }
}

// Nothing but a numeric address may reach libmosquitto's blocking getaddrinfo.
static int is_numeric(const char *address) {
  uint8_t binary[sizeof(struct in6_addr)];
  return inet_pton(AF_INET, address, binary) == 1 || inet_pton(AF_INET6, address, binary) == 1;
}

int tk_broker_connect(
    struct tk_broker *broker, const uint8_t *address, size_t count, uint16_t port) {
  tk_broker_drop(broker);
  inbox_clear(&broker->inbox);
  broker->has_ended = 0;
  broker->certificate_error = 0;
  broker->peer_packet_max = UINT32_MAX;
  if (broker->fault != 0) return broker->fault;
  // The caller's text may end with its zero or without.
  const size_t length = count > 0 && address[count - 1] == 0 ? count - 1 : count;
  char host[TK_BROKER_ADDRESS_MAX + 1];
  if (copy_text(host, TK_BROKER_ADDRESS_MAX, address, length) != 0 || !is_numeric(host))
    return TK_BROKER_ADDRESS;
  broker->client = mosquitto_new(broker->node, false, broker);
  if (broker->client == NULL) return TK_BROKER_NO_MEMORY;
  int rc = prepare(broker);
  if (rc == 0) {
    broker->is_shaking_hands = broker->tls != NULL;
    rc = mosquitto_connect_bind_async(broker->client, host, port, KEEP_ALIVE_S, NULL);
  }
  if (rc == 0) return 0;
  release(broker);
  return translated(rc);
}

void tk_broker_disconnect(struct tk_broker *broker) {
  if (broker->client == NULL) return;
  if (!broker->is_online) {
    tk_broker_drop(broker);  // MQTT 5, 3.1.2.5: before CONNACK there is nobody to take leave of
    return;
  }
  settle(broker, mosquitto_disconnect_v5(broker->client, 0, NULL));
  broker->is_online = 0;
}

void tk_broker_drop(struct tk_broker *broker) { release(broker); }

// MARK: Polling

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
    settle(broker, shake_hands(broker));
    return;
  }
  // Reading first: after a reset, what the broker said last is still there to be read.
  if (readable) settle(broker, mosquitto_loop_read(broker->client, 1));
  if (writable && broker->client != NULL) settle(broker, mosquitto_loop_write(broker->client, 1));
}

void tk_broker_misc(struct tk_broker *broker) {
  if (broker->client != NULL) settle(broker, mosquitto_loop_misc(broker->client));
}

// MARK: Sending

static int32_t failed(struct tk_broker *broker, int rc) {
  const int code = translated(rc);
  // The connection broke under the call, which closes nothing and calls nobody back. What ran out
  // of memory half way may be in libmosquitto's list already: only a new connection empties it.
  if (code == TK_BROKER_OFFLINE || code == TK_BROKER_NO_MEMORY) settle(broker, rc);
  return code < 0 ? code : -(100 + code);
}

static int is_full(const struct tk_broker *broker) {
  return broker->publishes + broker->subscribes >= broker->send_max;
}

// The whole packet (MQTT 5, 2.1.4 and 3.3). libmosquitto's own check is 2 to 4 bytes too lenient,
// and what it refuses late it keeps in its list for ever.
static int is_too_large(
    const struct tk_broker *broker, size_t topic_count, size_t payload_count, int has_expiry) {
  const size_t most =
      broker->peer_packet_max < broker->packet_max ? broker->peer_packet_max : broker->packet_max;
  if (payload_count > most) return 1;
  const size_t remaining = 2 + topic_count + 2 + 1 + (has_expiry ? 5 : 0) + payload_count;
  const size_t length_bytes = remaining < 128 ? 1 : remaining < 16384 ? 2 : remaining < 2097152 ? 3 : 4;
  return 1 + length_bytes + remaining > most;
}

int32_t tk_broker_publish(
    struct tk_broker *broker, const uint8_t *topic, size_t topic_count, const uint8_t *payload,
    size_t payload_count, int retained, uint32_t expiry_s) {
  // Before CONNACK libmosquitto would keep the message, and say that it had failed.
  if (!broker->is_online) return TK_BROKER_OFFLINE;
  char name[TK_BROKER_TOPIC_MAX + 1];
  int rc = copy_text(name, TK_BROKER_TOPIC_MAX, topic, topic_count);
  if (rc == 0 && is_too_large(broker, topic_count, payload_count, expiry_s > 0))
    rc = TK_BROKER_TOO_LARGE;
  if (rc == 0 && is_full(broker)) rc = MQTT_RC_RECEIVE_MAXIMUM_EXCEEDED;
  if (rc != 0) return failed(broker, rc);
  mosquitto_property *list = NULL;
  if (expiry_s > 0)
    rc = mosquitto_property_add_int32(&list, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, expiry_s);
  int id = 0;
  if (rc == 0)
    rc = mosquitto_publish_v5(
        broker->client, &id, name, (int)payload_count, payload, 1, retained != 0, list);
  mosquitto_property_free_all(&list);
  if (rc != 0) return failed(broker, rc);
  broker->publishes++;
  return id;
}

int32_t tk_broker_subscribe(struct tk_broker *broker, const uint8_t *filter, size_t count) {
  if (!broker->is_online) return TK_BROKER_OFFLINE;
  char name[TK_BROKER_TOPIC_MAX + 1];
  int rc = copy_text(name, TK_BROKER_TOPIC_MAX, filter, count);
  if (rc == 0 && is_full(broker)) rc = MQTT_RC_RECEIVE_MAXIMUM_EXCEEDED;
  int id = 0;
  if (rc == 0) rc = mosquitto_subscribe_v5(broker->client, &id, name, 1, 0, NULL);
  if (rc != 0) return failed(broker, rc);
  broker->subscribes++;
  broker->subscribes_awaited++;
  return id;
}

// MARK: The inbox

void tk_broker_next(struct tk_broker *broker, struct tk_broker_event *event) {
  if (inbox_take(&broker->inbox, event)) {
    if (event->kind == TK_BROKER_PUBLISHED && broker->publishes > 0) broker->publishes--;
    if (event->kind == TK_BROKER_SUBSCRIBED && broker->subscribes > 0) broker->subscribes--;
    return;
  }
  *event = (struct tk_broker_event){.kind = TK_BROKER_NOTHING};
  if (!broker->has_ended) return;
  broker->has_ended = 0;
  event->kind = TK_BROKER_DISCONNECTED;
  event->number = broker->end_reason;
}

uint64_t tk_broker_dropped(const struct tk_broker *broker) { return broker->inbox.dropped; }

uint32_t tk_broker_unacknowledged(const struct tk_broker *broker) {
  return broker->publishes + broker->subscribes;
}

int32_t tk_broker_certificate_error(const struct tk_broker *broker) {
  return broker->certificate_error;
}
