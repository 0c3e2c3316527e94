#define _GNU_SOURCE
#include "cgate.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

int tk_gpio_open(const char *path) {
  int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return -errno;
  struct gpiochip_info chip = {0};
  if (ioctl(fd, GPIO_GET_CHIPINFO_IOCTL, &chip) < 0) {
    int error = -errno;
    close(fd);
    return error;
  }
  return fd;
}

// Whether the line may be taken: its offset, or why not.
static int available(const struct gpio_v2_line_info *line) {
  return line->flags & GPIO_V2_LINE_FLAG_USED ? -EBUSY : (int)line->offset;
}

int tk_gpio_find(int chip, const char *name) {
  // Most lines have no name: an empty one would be theirs.
  if (!name[0]) return -ENOENT;
  struct gpiochip_info info = {0};
  if (ioctl(chip, GPIO_GET_CHIPINFO_IOCTL, &info) < 0) return -errno;
  for (uint32_t offset = 0; offset < info.lines; offset++) {
    struct gpio_v2_line_info line = {.offset = offset};
    if (ioctl(chip, GPIO_V2_GET_LINEINFO_IOCTL, &line) < 0) return -errno;
    if (strncmp(line.name, name, sizeof line.name) == 0) return available(&line);
  }
  if (strspn(name, "0123456789") != strlen(name)) return -ENOENT;
  unsigned long offset = strtoul(name, NULL, 10);
  if (offset >= info.lines) return -ENOENT;
  struct gpio_v2_line_info line = {.offset = (uint32_t)offset};
  if (ioctl(chip, GPIO_V2_GET_LINEINFO_IOCTL, &line) < 0) return -errno;
  return available(&line);
}

static int request(int chip, const struct tk_gpio_line *lines, int count, uint64_t direction,
                   uint32_t debounce_us) {
  if (count < 1 || count > TK_GPIO_LINES_MAX) return -EINVAL;
  struct gpio_v2_line_request wanted = {
      .consumer = "tollkeeper",
      .num_lines = (uint32_t)count,
      // Persons between two looks of the loop, many times over; the kernel drops the oldest.
      .event_buffer_size = direction == GPIO_V2_LINE_FLAG_INPUT ? 64 : 0,
      .config.flags = direction,
  };
  struct gpio_v2_line_config *config = &wanted.config;
  for (int i = 0; i < count; i++) {
    uint64_t flags = direction;
    if (direction == GPIO_V2_LINE_FLAG_INPUT) flags |= GPIO_V2_LINE_FLAG_EDGE_RISING;
    if (lines[i].flags & TK_LINE_FALLING) flags |= GPIO_V2_LINE_FLAG_EDGE_FALLING;
    if (lines[i].flags & TK_LINE_ACTIVE_LOW) flags |= GPIO_V2_LINE_FLAG_ACTIVE_LOW;
    if (lines[i].flags & TK_LINE_PULL_UP) flags |= GPIO_V2_LINE_FLAG_BIAS_PULL_UP;
    wanted.offsets[i] = lines[i].offset;
    config->attrs[config->num_attrs++] = (struct gpio_v2_line_config_attribute){
        .attr = {.id = GPIO_V2_LINE_ATTR_ID_FLAGS, .flags = flags}, .mask = UINT64_C(1) << i};
  }
  struct gpio_v2_line_config_attribute *last = &config->attrs[config->num_attrs++];
  last->mask = (UINT64_C(1) << count) - 1;
  if (direction == GPIO_V2_LINE_FLAG_OUTPUT) {
    // All inactive: the values stay 0.
    last->attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
  } else {
    last->attr.id = GPIO_V2_LINE_ATTR_ID_DEBOUNCE;
    last->attr.debounce_period_us = debounce_us;
  }
  if (ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &wanted) < 0) return -errno;
  // The kernel makes it blocking.
  int status = fcntl(wanted.fd, F_GETFL);
  if (status < 0 || fcntl(wanted.fd, F_SETFL, status | O_NONBLOCK) < 0) {
    int error = -errno;
    close(wanted.fd);
    return error;
  }
  return wanted.fd;
}

int tk_gpio_outputs(int chip, const struct tk_gpio_line *lines, int count) {
  return request(chip, lines, count, GPIO_V2_LINE_FLAG_OUTPUT, 0);
}

int tk_gpio_inputs(int chip, const struct tk_gpio_line *lines, int count, uint32_t debounce_us) {
  return request(chip, lines, count, GPIO_V2_LINE_FLAG_INPUT, debounce_us);
}

int tk_gpio_set(int fd, int count, uint32_t bits) {
  struct gpio_v2_line_values values = {.bits = bits, .mask = (UINT64_C(1) << count) - 1};
  return ioctl(fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &values) < 0 ? -errno : 0;
}

int tk_gpio_get(int fd, int count) {
  struct gpio_v2_line_values values = {.mask = (UINT64_C(1) << count) - 1};
  return ioctl(fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &values) < 0 ? -errno : (int)values.bits;
}

static int64_t nanoseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int tk_gpio_read(int fd, struct tk_gpio_event *events) {
  struct gpio_v2_line_event raw[TK_GPIO_EVENTS_MAX];
  ssize_t got;
  do {
    got = read(fd, raw, sizeof raw);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  // The kernel stamps with CLOCK_MONOTONIC, which does not count sleep.
  int64_t slept = nanoseconds(CLOCK_BOOTTIME) - nanoseconds(CLOCK_MONOTONIC);
  // The kernel gives whole events.
  int count = (int)((size_t)got / sizeof raw[0]);
  for (int i = 0; i < count; i++) {
    events[i] = (struct tk_gpio_event){
        .time_ms = ((int64_t)raw[i].timestamp_ns + slept) / 1000000,
        .offset = raw[i].offset,
        .is_active = raw[i].id == GPIO_V2_LINE_EVENT_RISING_EDGE,
    };
  }
  return count;
}
