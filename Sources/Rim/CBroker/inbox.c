#include "inbox.h"

#include <string.h>

struct header {
  uint32_t size, topic_count, payload_count;
  int32_t number;
  uint8_t kind, reason, flag, unused[5];
};
_Static_assert(sizeof(struct header) == TK_BROKER_EVENT_BYTES, "the reserve counts in these");

void tk_inbox_clear(struct tk_inbox *inbox) {
  while (inbox->read < inbox->written) {
    struct tk_broker_event event;
    tk_inbox_take(inbox, &event);
    if (event.kind == TK_BROKER_MESSAGE) inbox->dropped++;
  }
}

static uint8_t *place(struct tk_inbox *inbox, const struct header *header, size_t spared) {
  if (inbox->read == inbox->written) inbox->read = inbox->written = 0;
  const size_t room = inbox->capacity - inbox->written;
  if (room < spared || header->size > room - spared) return NULL;
  uint8_t *at = inbox->bytes + inbox->written;
  memcpy(at, header, sizeof *header);
  inbox->written += header->size;
  return at + sizeof *header;
}

void tk_inbox_put(
    struct tk_inbox *inbox, uint8_t kind, int32_t number, uint8_t reason, uint8_t flag) {
  const struct header header = {
      .size = sizeof header, .number = number, .kind = kind, .reason = reason, .flag = flag};
  place(inbox, &header, 0);
}

void tk_inbox_put_message(
    struct tk_inbox *inbox, const char *topic, size_t topic_count, const void *payload,
    size_t payload_count, uint8_t flag) {
  struct header header = {.kind = TK_BROKER_MESSAGE, .flag = flag};
  // Each by itself first: their sum may pass the end of a 32-bit size.
  uint8_t *at = NULL;
  if (topic_count < inbox->capacity && payload_count < inbox->capacity) {
    const size_t size = (sizeof header + topic_count + payload_count + 7) / 8 * 8;
    header.size = (uint32_t)size;
    header.topic_count = (uint32_t)topic_count;
    header.payload_count = (uint32_t)payload_count;
    at = place(inbox, &header, inbox->reserved);
  }
  if (at == NULL) {
    inbox->dropped++;
    return;
  }
  if (topic_count > 0) memcpy(at, topic, topic_count);
  if (payload_count > 0) memcpy(at + topic_count, payload, payload_count);
}

int tk_inbox_take(struct tk_inbox *inbox, struct tk_broker_event *event) {
  if (inbox->read == inbox->written) return 0;
  const uint8_t *at = inbox->bytes + inbox->read;
  struct header header;
  memcpy(&header, at, sizeof header);
  *event = (struct tk_broker_event){
      .topic_count = header.topic_count,
      .payload_count = header.payload_count,
      .number = header.number,
      .kind = header.kind,
      .reason = header.reason,
      .flag = header.flag,
      .topic = at + sizeof header,
      .payload = at + sizeof header + header.topic_count};
  inbox->read += header.size;
  return 1;
}
