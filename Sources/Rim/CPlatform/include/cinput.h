// Input devices of Linux (evdev): a scanner that plays a keyboard. Results as in cplatform.h.
#pragma once

#include <stdint.h>

// struct input_event in fixed widths, whatever the kernel's layout for this processor.
struct tk_input_event {
  int64_t time_ms;  // CLOCK_BOOTTIME
  int32_t value;
  uint16_t type;
  uint16_t code;
};

// Opens a device for this process alone: nobody else, no console either, gets its keys as long as it
// is open. -ENOTTY if the path is no input device, -EBUSY if another program has it for itself.
int tk_input_open(const char *path);

enum { TK_CAPS_LOCK = 1, TK_LEFT_SHIFT = 2, TK_RIGHT_SHIFT = 4 };
// What is on: the CapsLock light, the shift keys. A device that cannot say has them off. The key
// strokes that wait to be read are lost: for a device that was just opened.
int tk_input_state(int fd);

enum { TK_INPUT_EVENTS_MAX = 64 };
// Reads up to 64 events; 0 or -ENODEV when the device has gone, -EAGAIN when nothing is there.
int tk_input_read(int fd, struct tk_input_event *events);
