// What a gate is wired to: lines of a GPIO chip (character device, second version, Linux 5.10 or
// newer), or a FIFO that stands for the inputs. Results as in cplatform.h.
#pragma once

#include <stdint.h>

// A chip (/dev/gpiochipN); -ENOTTY if the path is none.
int tk_gpio_open(const char *path);

// The offset of the first line with that name; a number that is no name is the offset itself. -ENOENT
// if the chip has no such line, -EBUSY if somebody has it, the kernel or a program.
int tk_gpio_find(int chip, const char *name);

enum { TK_LINE_ACTIVE_LOW = 1, TK_LINE_PULL_UP = 2, TK_LINE_FALLING = 4 };
struct tk_gpio_line {
  uint32_t offset;
  uint32_t flags;
};
enum { TK_GPIO_LINES_MAX = 4 };
// Takes lines of a chip, at most 4, as long as the result is open: outputs, inactive at first, or
// inputs that report when they become active, with TK_LINE_FALLING also when they become inactive,
// once they are steady for `debounce_us`. -EINVAL also if the chip cannot do what a flag says.
int tk_gpio_outputs(int chip, const struct tk_gpio_line *lines, int count);
int tk_gpio_inputs(int chip, const struct tk_gpio_line *lines, int count, uint32_t debounce_us);

// Sets the outputs that were taken together, the first the lowest bit; 1 is active.
int tk_gpio_set(int fd, int count, uint32_t bits);
// What the inputs are now, as bits.
int tk_gpio_get(int fd, int count);

struct tk_gpio_event {
  int64_t time_ms;  // CLOCK_BOOTTIME
  uint32_t offset;
  uint32_t is_active;
};
enum { TK_GPIO_EVENTS_MAX = 16 };
// Reads up to 16 events of inputs; -EAGAIN when nothing is there.
int tk_gpio_read(int fd, struct tk_gpio_event *events);

// Makes a FIFO, mode 0600, or finds it, and opens it so that it never ends; -ENOTTY if the path is
// something else.
int tk_fifo(const char *path);
