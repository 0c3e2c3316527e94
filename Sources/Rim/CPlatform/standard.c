// The standard descriptors: missing, or with a reader that stalls.
#include "cplatform.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

void tk_standard_descriptors(void) {
  for (int fd = 0; fd <= 2; fd++) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest number that is free: this one. To read only, so that what is written is an error.
    if (open("/dev/null", O_RDONLY) != fd) abort();
  }
}

int64_t tk_write_some(int fd, const void *bytes, size_t count, int patience_ms) {
  struct pollfd output = {.fd = fd, .events = POLLOUT};
  int ready = poll(&output, 1, patience_ms);
  if (ready < 0 && errno != EINTR) return -errno;
  if (ready <= 0) return -EAGAIN;
  // A pipe that is ready takes this much without waiting. The descriptor is not made nonblocking:
  // others may share it.
  for (;;) {
    ssize_t put = write(fd, bytes, count < PIPE_BUF ? count : PIPE_BUF);
    if (put < 0 && errno == EINTR) continue;
    return put < 0 ? -errno : put;
  }
}
