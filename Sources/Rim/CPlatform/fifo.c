#define _GNU_SOURCE
#include "cgate.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int tk_fifo(const char *path) {
  if (mkfifo(path, 0600) < 0 && errno != EEXIST) return -errno;
  // For writing too, so that it does not end with the last of those who write.
  int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return -errno;
  struct stat status;
  int error = fstat(fd, &status) < 0 ? -errno : S_ISFIFO(status.st_mode) ? 0 : -ENOTTY;
  if (!error) return fd;
  close(fd);
  return error;
}
