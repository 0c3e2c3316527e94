// Events between libmosquitto's callbacks and Swift, in memory given once.
// Invariants: events are whole and contiguous, read <= written <= capacity; whoever writes reads
// it empty before long, and then it starts again at 0: no event wraps. `reserved` bytes are kept
// from messages, so that an acknowledgement always finds room.
#pragma once
#include "cbroker.h"

struct tk_inbox {
  uint8_t *bytes;
  size_t capacity, reserved, read, written;
  uint64_t dropped;  // messages
};

void tk_inbox_clear(struct tk_inbox *inbox);
void tk_inbox_put(
    struct tk_inbox *inbox, uint8_t kind, int32_t number, uint8_t reason, uint8_t flag);
void tk_inbox_put_message(
    struct tk_inbox *inbox, const char *topic, size_t topic_count, const void *payload,
    size_t payload_count, uint8_t flag);
// 0: there is none.
int tk_inbox_take(struct tk_inbox *inbox, struct tk_broker_event *event);
