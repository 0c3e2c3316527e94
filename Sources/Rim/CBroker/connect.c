// From a numeric address to CONNACK, and DISCONNECT.

#include <arpa/inet.h>
#include <mqtt_protocol.h>
#include <openssl/ssl.h>
#include <string.h>

#include "client.h"

enum { KEEP_ALIVE_S = 30, SESSION_EXPIRY_S = 7 * 24 * 3600, WILL_DELAY_S = 5 };

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
  tk_client_listen(broker);
  int rc = mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  if (rc == 0) rc = mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, broker->send_max);
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

// Nothing but a numeric address may reach libmosquitto's blocking getaddrinfo.
static int is_numeric(const char *address) {
  uint8_t binary[sizeof(struct in6_addr)];
  return inet_pton(AF_INET, address, binary) == 1 || inet_pton(AF_INET6, address, binary) == 1;
}

int tk_broker_connect(
    struct tk_broker *broker, const uint8_t *address, size_t count, uint16_t port) {
  tk_broker_drop(broker);
  tk_inbox_clear(&broker->inbox);
  broker->has_ended = 0;
  broker->trust.error = 0;
  broker->peer_packet_max = UINT32_MAX;
  broker->peer_receive_max = UINT16_MAX;
  if (broker->fault != 0) return broker->fault;
  const size_t length = count > 0 ? strnlen((const char *)address, count) : 0;
  char host[TK_BROKER_ADDRESS_MAX + 1];
  if (tk_client_copy(host, TK_BROKER_ADDRESS_MAX, address, length) != 0 || !is_numeric(host))
    return TK_BROKER_ADDRESS;
  broker->client = mosquitto_new(broker->node, false, broker);
  if (broker->client == NULL) return TK_BROKER_NO_MEMORY;
  int rc = prepare(broker);
  if (rc == 0) rc = mosquitto_connect_bind_async(broker->client, host, port, KEEP_ALIVE_S, NULL);
  if (rc == 0) {
    // On a loopback the whole handshake may be over by now.
    SSL *tls = mosquitto_ssl_get(broker->client);
    broker->is_shaking_hands = tls != NULL && !SSL_is_init_finished(tls);
    return 0;
  }
  tk_client_release(broker);
  return tk_client_code(rc);
}

void tk_broker_disconnect(struct tk_broker *broker) {
  if (broker->client == NULL) return;
  if (broker->is_online) {
    broker->is_online = 0;
    tk_client_settle(broker, mosquitto_disconnect_v5(broker->client, 0, NULL));
  } else if (!broker->has_connack) {  // nobody to take leave of yet
    broker->is_ending = 1;
    broker->end_reason = 0;
    tk_client_settle(broker, 0);
  }
}

void tk_broker_drop(struct tk_broker *broker) { tk_client_release(broker); }
