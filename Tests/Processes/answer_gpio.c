// Lets files in the folder TK_TEST_GPIO stand for a GPIO chip of 8 lines: `chip` is the device, `edges`
// the FIFO of its input events, `requests` says which lines were taken how, `outputs` gets a line of
// wire levels each time that lines are set. As long as they are there, `fail` makes that fail with EIO,
// and `gone` makes reading events fail with ENODEV.
// Checks what the kernel checks (gpiolib-cdev.c). Loaded by gpio.py with LD_PRELOAD, where the kernel has
// no gpio-sim. TK_TEST_GPIO_ACTIVE: offsets of inputs that are active, as digits.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LINES = 8, FOREIGN = 7 };
static const char *const names[LINES] = {"OPEN", "GREEN", "RED", "BUZZER",
                                         "PASS", "ALARM", "",    "FOREIGN"};
static int is_taken[LINES] = {[FOREIGN] = 1};
// What was taken together, by descriptor.
static struct request {
  int fd, count;
  unsigned offsets[LINES];
  __u64 flags[LINES];
} requests[4];
static int request_count;

static int fail(int error) {
  errno = error;
  return -1;
}

static int open_here(const char *name, int flags) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", getenv("TK_TEST_GPIO"), name);
  return open(path, flags | O_CLOEXEC, 0600);
}

static int exists(const char *name) {
  int fd = open_here(name, O_RDONLY);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

static int line_info(struct gpio_v2_line_info *info) {
  if (info->offset >= LINES) return fail(EINVAL);
  unsigned offset = info->offset;
  memset(info, 0, sizeof *info);
  info->offset = offset;
  strcpy(info->name, names[offset]);
  if (is_taken[offset]) info->flags = GPIO_V2_LINE_FLAG_USED;
  return 0;
}

static int are_zero(const __u32 *words, size_t bytes) {
  for (size_t i = 0; i < bytes / sizeof *words; i++)
    if (words[i]) return 0;
  return 1;
}

static __u64 flags_of(const struct gpio_v2_line_config *config, unsigned line) {
  for (unsigned i = 0; i < config->num_attrs; i++) {
    if (config->attrs[i].attr.id == GPIO_V2_LINE_ATTR_ID_FLAGS && config->attrs[i].mask >> line & 1)
      return config->attrs[i].attr.flags;
  }
  return config->flags;
}

static int are_valid(__u64 flags) {
  const __u64 edges = GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING;
  const __u64 input = GPIO_V2_LINE_FLAG_INPUT, output = GPIO_V2_LINE_FLAG_OUTPUT;
  const __u64 known = input | output | edges | GPIO_V2_LINE_FLAG_ACTIVE_LOW |
                      GPIO_V2_LINE_FLAG_BIAS_PULL_UP;
  if (flags & ~known) return 0;
  if (!(flags & input) == !(flags & output)) return 0;
  return flags & input || !(flags & edges);
}

static int take(struct gpio_v2_line_request *wanted) {
  const struct gpio_v2_line_config *config = &wanted->config;
  if (wanted->num_lines < 1 || wanted->num_lines > LINES || request_count == 4 ||
      config->num_attrs > GPIO_V2_LINE_NUM_ATTRS_MAX ||
      !are_zero(wanted->padding, sizeof wanted->padding) ||
      !are_zero(config->padding, sizeof config->padding))
    return fail(EINVAL);
  struct request *new = &requests[request_count];
  new->count = (int)wanted->num_lines;
  int is_input = flags_of(config, 0) & GPIO_V2_LINE_FLAG_INPUT ? 1 : 0;
  unsigned debounce = 0;
  __u64 values = 0;
  for (unsigned i = 0; i < config->num_attrs; i++) {
    const struct gpio_v2_line_attribute *attribute = &config->attrs[i].attr;
    if (attribute->padding) return fail(EINVAL);
    if (attribute->id == GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES) values = attribute->values;
    if (attribute->id == GPIO_V2_LINE_ATTR_ID_DEBOUNCE) debounce = attribute->debounce_period_us;
  }
  if (debounce && !is_input) return fail(EINVAL);
  int log = open_here("requests", O_WRONLY | O_CREAT | O_APPEND);
  for (int i = 0; i < new->count; i++) {
    unsigned offset = wanted->offsets[i];
    __u64 flags = flags_of(config, (unsigned)i);
    if (offset >= LINES || !are_valid(flags)) return fail(EINVAL);
    if (is_taken[offset]) return fail(EBUSY);
    is_taken[offset] = 1;
    new->offsets[i] = offset;
    new->flags[i] = flags;
    dprintf(log, "%s %s%s%s%s%s debounce_us=%u value=%d for=%.32s\n", is_input ? "input" : "output",
            names[offset], flags & GPIO_V2_LINE_FLAG_ACTIVE_LOW ? " active_low" : "",
            flags & GPIO_V2_LINE_FLAG_BIAS_PULL_UP ? " pull_up" : "",
            flags & GPIO_V2_LINE_FLAG_EDGE_RISING ? " rising" : "",
            flags & GPIO_V2_LINE_FLAG_EDGE_FALLING ? " falling" : "", debounce,
            (int)(values >> i & 1), wanted->consumer);
  }
  close(log);
  new->fd = is_input ? open_here("edges", O_RDWR) : open_here("outputs", O_RDWR | O_CREAT | O_APPEND);
  if (new->fd < 0) return -1;
  wanted->fd = new->fd;
  request_count++;
  return 0;
}

static int set(const struct request *request, const struct gpio_v2_line_values *values) {
  static char wires[] = "--------\n";
  if (exists("fail")) return fail(EIO);
  for (int i = 0; i < request->count; i++) {
    if (!(values->mask >> i & 1)) continue;
    int is_low = request->flags[i] & GPIO_V2_LINE_FLAG_ACTIVE_LOW ? 1 : 0;
    wires[request->offsets[i]] = (char)('0' + ((int)(values->bits >> i & 1) ^ is_low));
  }
  return write(request->fd, wires, strlen(wires)) < 0 ? -1 : 0;
}

static int get(const struct request *request, struct gpio_v2_line_values *values) {
  const char *active = getenv("TK_TEST_GPIO_ACTIVE");
  values->bits = 0;
  for (int i = 0; i < request->count; i++) {
    if (active && strchr(active, (int)('0' + request->offsets[i]))) values->bits |= (__u64)1 << i;
  }
  values->bits &= values->mask;
  return 0;
}

static int answer(int fd, unsigned long wanted, void *argument) {
  if (wanted == GPIO_GET_CHIPINFO_IOCTL) {
    *(struct gpiochip_info *)argument = (struct gpiochip_info){.name = "gpiochip0", .lines = LINES};
    return 0;
  }
  if (wanted == GPIO_V2_GET_LINEINFO_IOCTL) return line_info(argument);
  if (wanted == GPIO_V2_GET_LINE_IOCTL) return take(argument);
  for (int i = 0; i < request_count; i++) {
    if (requests[i].fd != fd) continue;
    if (wanted == GPIO_V2_LINE_SET_VALUES_IOCTL) return set(&requests[i], argument);
    if (wanted == GPIO_V2_LINE_GET_VALUES_IOCTL) return get(&requests[i], argument);
  }
  return fail(ENOTTY);
}

// Whether the descriptor is the chip, or lines of it.
static int is_ours(int fd) {
  char link[64], path[4096], chip[4096];
  for (int i = 0; i < request_count; i++)
    if (requests[i].fd == fd) return 1;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t count = readlink(link, path, sizeof path - 1);
  if (count < 0) return 0;
  path[count] = 0;
  snprintf(chip, sizeof chip, "%s/chip", getenv("TK_TEST_GPIO"));
  return strcmp(path, chip) == 0;
}

ssize_t read(int fd, void *bytes, size_t count) {
  static ssize_t (*original)(int, void *, size_t);
  if (!original) original = (ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
  for (int i = 0; i < request_count; i++) {
    if (requests[i].fd == fd && exists("gone")) return fail(ENODEV);
  }
  return original(fd, bytes, count);
}

int ioctl(int fd, unsigned long wanted, ...) {
  static int (*original)(int, unsigned long, ...);
  if (!original) original = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
  va_list arguments;
  va_start(arguments, wanted);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  if (_IOC_TYPE(wanted) == 0xB4 && is_ours(fd)) return answer(fd, wanted, argument);
  return original(fd, wanted, argument);
}
