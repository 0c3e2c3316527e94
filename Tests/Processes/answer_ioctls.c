// Lets a FIFO stand for an input device: answers the ioctls that only the kernel's evdev answers, on
// FIFOs alone. The events come through the FIFO as the kernel would give them. Loaded by
// test_scanners.py with LD_PRELOAD, where the kernel has no uinput.
// TK_TEST_LIGHTS: what EVIOCGLED says, a number; TK_TEST_GRAB_ERROR: what EVIOCGRAB fails with.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/input.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

static int number(const char *name) {
  const char *text = getenv(name);
  return text ? atoi(text) : 0;
}

int ioctl(int fd, unsigned long request, ...) {
  static int (*original)(int, unsigned long, ...);
  if (!original) original = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
  va_list arguments;
  va_start(arguments, request);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  struct stat status;
  if (_IOC_TYPE(request) != 'E' || fstat(fd, &status) < 0 || !S_ISFIFO(status.st_mode))
    return original(fd, request, argument);
  if (request == EVIOCGRAB && number("TK_TEST_GRAB_ERROR")) {
    errno = number("TK_TEST_GRAB_ERROR");
    return -1;
  }
  if (_IOC_DIR(request) == _IOC_READ) {
    memset(argument, 0, _IOC_SIZE(request));
    if (_IOC_NR(request) == _IOC_NR(EVIOCGLED(0))) *(unsigned char *)argument = number("TK_TEST_LIGHTS");
  }
  return 0;
}
