// What comes and what goes on a connection.

#include <mqtt_protocol.h>
#include <string.h>

#include "client.h"

// MARK: Coming

static void on_disconnect(
    struct mosquitto *client, void *data, int reason, const mosquitto_property *list) {
  (void)client, (void)list;
  struct tk_broker *broker = data;
  // A DISCONNECT from the broker calls this twice, the second time without the reason.
  if (broker->is_ending) return;
  broker->is_ending = 1;
  broker->end_reason = reason;
}

static void on_connect(
    struct mosquitto *client, void *data, int reason, int flags, const mosquitto_property *list) {
  struct tk_broker *broker = data;
  // One CONNACK a connection (MQTT 5, 3.2). libmosquitto takes over the limits of a second one,
  // which ours would then exceed.
  if (broker->has_connack) {
    on_disconnect(client, data, MOSQ_ERR_PROTOCOL, NULL);
    return;
  }
  broker->has_connack = 1;
  broker->is_online = reason == 0;
  uint32_t bytes;
  if (mosquitto_property_read_int32(list, MQTT_PROP_MAXIMUM_PACKET_SIZE, &bytes, false) != NULL)
    broker->peer_packet_max = bytes;
  uint16_t count;
  if (mosquitto_property_read_int16(list, MQTT_PROP_RECEIVE_MAXIMUM, &count, false) != NULL)
    broker->peer_receive_max = count;
  tk_inbox_put(&broker->inbox, TK_BROKER_CONNECTED, 0, (uint8_t)reason, flags & 1);
}

static void on_message(
    struct mosquitto *client, void *data, const struct mosquitto_message *message,
    const mosquitto_property *list) {
  (void)client, (void)list;
  struct tk_broker *broker = data;
  tk_inbox_put_message(
      &broker->inbox, message->topic, strlen(message->topic), message->payload,
      (size_t)message->payloadlen, message->retain);
}

static void on_publish(
    struct mosquitto *client, void *data, int id, int reason, const mosquitto_property *list) {
  (void)client, (void)list;
  struct tk_broker *broker = data;
  tk_inbox_put(&broker->inbox, TK_BROKER_PUBLISHED, id, (uint8_t)reason, 0);
}

static void on_subscribe(
    struct mosquitto *client, void *data, int id, int count, const int *granted,
    const mosquitto_property *list) {
  (void)client, (void)list;
  struct tk_broker *broker = data;
  // Unlike a PUBACK, libmosquitto passes on a SUBACK for which nobody has asked.
  if (broker->subscribes_awaited == 0) return;
  broker->subscribes_awaited--;
  const int is_granted = count > 0 && granted[0] < 0x80;
  tk_inbox_put(&broker->inbox, TK_BROKER_SUBSCRIBED, id, 0, (uint8_t)is_granted);
}

void tk_client_listen(struct tk_broker *broker) {
  mosquitto_connect_v5_callback_set(broker->client, on_connect);
  mosquitto_disconnect_v5_callback_set(broker->client, on_disconnect);
  mosquitto_message_v5_callback_set(broker->client, on_message);
  mosquitto_publish_v5_callback_set(broker->client, on_publish);
  mosquitto_subscribe_v5_callback_set(broker->client, on_subscribe);
}

void tk_broker_next(struct tk_broker *broker, struct tk_broker_event *event) {
  if (tk_inbox_take(&broker->inbox, event)) {
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

// MARK: Going

static int32_t failed(struct tk_broker *broker, int rc) {
  const int code = tk_client_code(rc);
  // The connection broke under the call, which closes nothing and calls nobody back. What ran out
  // of memory half way may be in libmosquitto's list already: only a new connection empties it.
  if (code == TK_BROKER_OFFLINE || code == TK_BROKER_NO_MEMORY) tk_client_settle(broker, rc);
  return code < 0 ? code : -(100 + code);
}

// What goes beyond the broker's Receive Maximum libmosquitto would queue, and send by itself when
// a PUBACK comes.
uint32_t tk_broker_room(const struct tk_broker *broker) {
  if (!broker->is_online) return 0;
  const uint32_t sent = broker->publishes + broker->subscribes;
  const uint32_t ours = sent < broker->send_max ? broker->send_max - sent : 0;
  const uint32_t peer_max = broker->peer_receive_max;
  const uint32_t theirs = broker->publishes < peer_max ? peer_max - broker->publishes : 0;
  return ours < theirs ? ours : theirs;
}

// The whole packet (MQTT 5, 2.1.4 and 3.3). libmosquitto checks twice, the first time 2
// bytes too lenient, the second time 1, and what the second refuses stays in its list.
static int is_too_large(
    const struct tk_broker *broker, size_t topic_count, size_t payload_count, int has_expiry) {
  const size_t most =
      broker->peer_packet_max < broker->packet_max ? broker->peer_packet_max : broker->packet_max;
  if (payload_count > most) return 1;
  const size_t remaining = 2 + topic_count + 2 + 1 + (has_expiry ? 5 : 0) + payload_count;
  const size_t length_bytes = remaining < 128 ? 1 : remaining < 16384 ? 2 : 3;  // below 2 MiB
  return 1 + length_bytes + remaining > most;
}

int32_t tk_broker_publish(
    struct tk_broker *broker, const uint8_t *topic, size_t topic_count, const uint8_t *payload,
    size_t payload_count, int retained, uint32_t expiry_s) {
  // Before CONNACK libmosquitto would keep the message, and say that it had failed.
  if (!broker->is_online) return TK_BROKER_OFFLINE;
  char name[TK_BROKER_TOPIC_MAX + 1];
  int rc = tk_client_copy(name, TK_BROKER_TOPIC_MAX, topic, topic_count);
  if (rc == 0 && is_too_large(broker, topic_count, payload_count, expiry_s > 0))
    rc = TK_BROKER_TOO_LARGE;
  if (rc == 0 && tk_broker_room(broker) == 0) rc = MQTT_RC_RECEIVE_MAXIMUM_EXCEEDED;
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
  int rc = tk_client_copy(name, TK_BROKER_TOPIC_MAX, filter, count);
  if (rc == 0 && tk_broker_room(broker) == 0) rc = MQTT_RC_RECEIVE_MAXIMUM_EXCEEDED;
  int id = 0;
  if (rc == 0) rc = mosquitto_subscribe_v5(broker->client, &id, name, 1, 0, NULL);
  if (rc != 0) return failed(broker, rc);
  broker->subscribes++;
  broker->subscribes_awaited++;
  return id;
}
