// One MQTT 5 client on libmosquitto, for a poll loop of our own, and the inbox in which it leaves
// what happened. No thread, no call that blocks, one mapping of memory at creation.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
  TK_BROKER_TOPIC_MAX = 128,     // bytes of a topic or of a filter
  TK_BROKER_PASSWORD_MAX = 256,  // bytes
  TK_BROKER_ADDRESS_MAX = 45,    // INET6_ADDRSTRLEN without its zero
  TK_BROKER_WILL_MAX = 1024,     // bytes of the will's payload
  TK_BROKER_EVENT_BYTES = 24,    // what one event takes in the inbox, apart from a message's bytes
};

// What a call says besides 0. Positive values are libmosquitto's `MOSQ_ERR_*` or MQTT reason codes.
enum {
  TK_BROKER_OFFLINE = -1,    // no connection, or no CONNACK yet
  TK_BROKER_TOO_LARGE = -2,  // larger than a limit above, ours or the broker's
  TK_BROKER_ADDRESS = -3,    // not a numeric address
  TK_BROKER_TLS = -4,        // no usable certificate of an authority
  TK_BROKER_NO_MEMORY = -5,
};

enum {
  TK_BROKER_NOTHING = 0,
  TK_BROKER_CONNECTED = 1,     // reason; flag: session present
  TK_BROKER_DISCONNECTED = 2,  // number: reason
  TK_BROKER_MESSAGE = 3,       // flag: retained; topic, payload
  TK_BROKER_PUBLISHED = 4,     // number: message id; reason
  TK_BROKER_SUBSCRIBED = 5,    // number: message id; flag: granted
};

struct tk_broker_event {
  uint32_t topic_count, payload_count;
  int32_t number;
  uint8_t kind, reason, flag;
  const uint8_t *topic, *payload;  // in the inbox, until the next call that takes a `tk_broker`
};

struct tk_broker;

// NULL: no memory. `inbox_bytes` hold what one call of `tk_broker_handle` may bring.
struct tk_broker *tk_broker_create(
    uint64_t node, size_t inbox_bytes, uint16_t receive_max, uint16_t send_max,
    uint32_t packet_bytes_max);
void tk_broker_destroy(struct tk_broker *broker);

void tk_broker_set_password(struct tk_broker *broker, const uint8_t *bytes, size_t count);
void tk_broker_set_ca(
    struct tk_broker *broker, const uint8_t *path, size_t path_count, const uint8_t *name,
    size_t name_count);
void tk_broker_set_will(
    struct tk_broker *broker, const uint8_t *topic, size_t topic_count, const uint8_t *payload,
    size_t payload_count);

int tk_broker_connect(
    struct tk_broker *broker, const uint8_t *address, size_t count, uint16_t port);
void tk_broker_disconnect(struct tk_broker *broker);
void tk_broker_drop(struct tk_broker *broker);
int tk_broker_descriptor(const struct tk_broker *broker);
int tk_broker_wants_write(const struct tk_broker *broker);
void tk_broker_handle(struct tk_broker *broker, int readable, int writable);
void tk_broker_misc(struct tk_broker *broker);

// The message id, or what went wrong: -1 to -5 as above, else -(100 + code).
int32_t tk_broker_publish(
    struct tk_broker *broker, const uint8_t *topic, size_t topic_count, const uint8_t *payload,
    size_t payload_count, int retained, uint32_t expiry_s);
uint32_t tk_broker_room(const struct tk_broker *broker);
int32_t tk_broker_subscribe(struct tk_broker *broker, const uint8_t *filter, size_t count);

void tk_broker_next(struct tk_broker *broker, struct tk_broker_event *event);
uint64_t tk_broker_dropped(const struct tk_broker *broker);
int32_t tk_broker_certificate_error(const struct tk_broker *broker);
