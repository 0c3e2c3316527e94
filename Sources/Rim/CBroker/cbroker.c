// A client's life, its settings and its figures.

#include <inttypes.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "client.h"

enum { PATH_BYTES_MAX = 256 };

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

void tk_client_release(struct tk_broker *broker) {
  if (broker->client != NULL) mosquitto_destroy(broker->client);
  broker->client = NULL;
  broker->has_connack = broker->is_online = broker->is_ending = broker->is_shaking_hands = 0;
  broker->publishes = broker->subscribes = broker->subscribes_awaited = 0;
}

void tk_broker_destroy(struct tk_broker *broker) {
  tk_client_release(broker);
  SSL_CTX_free(broker->tls);
  explicit_bzero(broker->password, sizeof broker->password);
  munmap(broker, broker->mapped);
  mosquitto_lib_cleanup();
}

void tk_client_settle(struct tk_broker *broker, int rc) {
  if (broker->client == NULL) return;
  if (!broker->is_ending && rc == MOSQ_ERR_SUCCESS && mosquitto_socket(broker->client) >= 0) return;
  const int32_t reason = broker->is_ending ? broker->end_reason : rc;
  tk_client_release(broker);
  broker->has_ended = 1;
  broker->end_reason = reason;
}

int tk_client_code(int rc) {
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

int tk_client_copy(char *to, size_t most, const uint8_t *from, size_t count) {
  if (count > most) return TK_BROKER_TOO_LARGE;
  if (count > 0 && memchr(from, 0, count) != NULL) return MOSQ_ERR_INVAL;
  if (count > 0) memcpy(to, from, count);
  to[count] = 0;
  return 0;
}

// MARK: Settings

static void note(struct tk_broker *broker, int fault) {
  if (broker->fault == 0) broker->fault = fault;
}

void tk_broker_set_password(struct tk_broker *broker, const uint8_t *bytes, size_t count) {
  broker->has_password = 1;
  note(broker, tk_client_copy(broker->password, TK_BROKER_PASSWORD_MAX, bytes, count));
}

void tk_broker_set_ca(
    struct tk_broker *broker, const uint8_t *path, size_t path_count, const uint8_t *name,
    size_t name_count) {
  char file[PATH_BYTES_MAX + 1];
  int fault = tk_client_copy(file, PATH_BYTES_MAX, path, path_count);
  if (fault == 0)
    fault = tk_client_copy(broker->trust.name, sizeof broker->trust.name - 1, name, name_count);
  // Without a name OpenSSL would compare with none, and accept every name.
  if (fault == 0 && name_count == 0) fault = TK_BROKER_TLS;
  if (fault == 0) {
    SSL_CTX_free(broker->tls);
    broker->tls = tk_tls_make(file, &broker->trust);
    if (broker->tls == NULL) fault = TK_BROKER_TLS;
  }
  note(broker, fault);
}

void tk_broker_set_will(
    struct tk_broker *broker, const uint8_t *topic, size_t topic_count, const uint8_t *payload,
    size_t payload_count) {
  note(broker, tk_client_copy(broker->will_topic, TK_BROKER_TOPIC_MAX, topic, topic_count));
  if (payload_count > TK_BROKER_WILL_MAX) {
    note(broker, TK_BROKER_TOO_LARGE);
    return;
  }
  if (payload_count > 0) memcpy(broker->will, payload, payload_count);
  broker->will_count = payload_count;
  broker->has_will = 1;
}

// MARK: Figures

uint64_t tk_broker_dropped(const struct tk_broker *broker) { return broker->inbox.dropped; }

int32_t tk_broker_certificate_error(const struct tk_broker *broker) {
  return broker->trust.error;
}
