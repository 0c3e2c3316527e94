#define _GNU_SOURCE
#include "cinput.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

int tk_input_open(const char *path) {
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return -errno;
  int version, clock = CLOCK_BOOTTIME;
  // The clock of the loop's timers, which the kernel knows here since 3.18.
  if (ioctl(fd, EVIOCGVERSION, &version) < 0 || ioctl(fd, EVIOCSCLOCKID, &clock) < 0 ||
      ioctl(fd, EVIOCGRAB, 1) < 0) {
    int error = -errno;
    close(fd);
    return error;
  }
  return fd;
}

static int is_set(const unsigned char *bits, int bit) { return bits[bit / 8] >> bit % 8 & 1; }

int tk_input_state(int fd) {
  unsigned char keys[KEY_MAX / 8 + 1] = {0}, lights[LED_MAX / 8 + 1] = {0};
  int state = 0;
  if (ioctl(fd, EVIOCGLED(sizeof lights), lights) >= 0 && is_set(lights, LED_CAPSL))
    state |= TK_CAPS_LOCK;
  if (ioctl(fd, EVIOCGKEY(sizeof keys), keys) >= 0) {
    if (is_set(keys, KEY_LEFTSHIFT)) state |= TK_LEFT_SHIFT;
    if (is_set(keys, KEY_RIGHTSHIFT)) state |= TK_RIGHT_SHIFT;
  }
  return state;
}

int tk_input_read(int fd, struct tk_input_event *events) {
  struct input_event raw[TK_INPUT_EVENTS_MAX];
  ssize_t got;
  do {
    got = read(fd, raw, sizeof raw);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  // The kernel gives whole events.
  int count = (int)((size_t)got / sizeof raw[0]);
  for (int i = 0; i < count; i++) {
    events[i] = (struct tk_input_event){
        .time_ms = (int64_t)raw[i].input_event_sec * 1000 + (int64_t)raw[i].input_event_usec / 1000,
        .value = raw[i].value,
        .type = raw[i].type,
        .code = raw[i].code,
    };
  }
  return count;
}
