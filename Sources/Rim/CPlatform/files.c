#define _GNU_SOURCE
#include "cplatform.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

void *tk_arena(size_t bytes) {
  void *memory =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

void tk_limit_memory(size_t bytes) {
  // Data and private mappings: what is there now counts too, so the caller's number is generous.
  struct rlimit limit = {bytes, bytes};
  setrlimit(RLIMIT_DATA, &limit);
}

int tk_open(const char *path, int mode) {
  int fd = open(path, (mode == TK_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY);
  return fd < 0 ? -errno : fd;
}

void tk_close(int fd) { close(fd); }

int64_t tk_size(int fd) {
  struct stat status;
  return fstat(fd, &status) < 0 ? -errno : (int64_t)status.st_size;
}

int tk_read_at(int fd, void *bytes, size_t count, int64_t offset) {
  char *next = bytes;
  while (count > 0) {
    ssize_t got = pread(fd, next, count, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    if (got == 0) return -ENODATA;
    next += got;
    offset += got;
    count -= (size_t)got;
  }
  return 0;
}

int tk_write_at(int fd, const void *bytes, size_t count, int64_t offset) {
  const char *next = bytes;
  while (count > 0) {
    ssize_t put = pwrite(fd, next, count, offset);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return -errno;
    if (put == 0) return -EIO;
    next += put;
    offset += put;
    count -= (size_t)put;
  }
  return 0;
}

int tk_sync(int fd) { return fdatasync(fd) < 0 ? -errno : 0; }

int tk_lock(int fd) { return flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0; }

void tk_expect(int fd, int64_t offset, int64_t stride, int64_t count) {
  int64_t size = tk_size(fd);
  for (; offset < size; offset += stride) {
    posix_fadvise(fd, offset, count, POSIX_FADV_WILLNEED);
  }
}

// A new name is durable when its folder is.
static int sync_folder_of(const char *path) {
  char copy[512];
  if (strlen(path) >= sizeof copy) return -ENAMETOOLONG;
  strcpy(copy, path);
  int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int result = fsync(fd) < 0 ? -errno : 0;
  close(fd);
  return result;
}

// Zeros are written, not only reserved: the first write to a reserved extent costs the file system a
// journal entry each time.
static int fill(int fd, int64_t bytes) {
  static const char zeros[65536];
  for (int64_t offset = 0; offset < bytes;) {
    int64_t left = bytes - offset;
    size_t count = left < (int64_t)sizeof zeros ? (size_t)left : sizeof zeros;
    int error = tk_write_at(fd, zeros, count, offset);
    if (error) return error;
    offset += (int64_t)count;
  }
  return fsync(fd) < 0 ? -errno : 0;
}

int tk_create_zeroed(const char *path, int64_t bytes) {
  char temporary[512];
  if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
    return -ENAMETOOLONG;
  int fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return -errno;
  int error = fill(fd, bytes);
  close(fd);
  if (!error && rename(temporary, path) < 0) error = -errno;
  if (error) {
    unlink(temporary);
    return error;
  }
  return sync_folder_of(path);
}

int64_t tk_read_file(const char *path, void *bytes, size_t capacity) {
  int fd = tk_open(path, TK_READ);
  if (fd < 0) return fd;
  size_t count = 0;
  int64_t result = 0;
  for (;;) {
    char beyond;
    ssize_t got = count < capacity ? read(fd, (char *)bytes + count, capacity - count)
                                   : read(fd, &beyond, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) result = -errno;
    if (got > 0 && count == capacity) result = -EFBIG;
    if (got <= 0 || result) break;
    count += (size_t)got;
  }
  close(fd);
  return result ? result : (int64_t)count;
}

int tk_make_folder(const char *path) {
  int is_there = mkdir(path, 0700) < 0;
  if (is_there && errno != EEXIST) return -errno;
  // Also if it is there: who made it may have died before its name was durable.
  int error = sync_folder_of(path);
  // Nobody but the maker has to be able to read the parent.
  return is_there && error == -EACCES ? 0 : error;
}

int64_t tk_modified(const char *path) {
  struct stat status;
  if (stat(path, &status) < 0) return -errno;
  return (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
}

static speed_t speed(int baud) {
  switch (baud) {
    case 1200: return B1200;
    case 2400: return B2400;
    case 4800: return B4800;
    case 19200: return B19200;
    case 38400: return B38400;
    case 57600: return B57600;
    case 9600: return B9600;
    case 115200: return B115200;
    case 230400: return B230400;
    default: return B0;
  }
}

int tk_serial(const char *path, int baud) {
  if (speed(baud) == B0) return -EINVAL;
  int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return -errno;
  struct termios line;
  if (tcgetattr(fd, &line) < 0) {
    int error = -errno;
    close(fd);
    return error;
  }
  cfmakeraw(&line);
  line.c_cflag |= CLOCAL | CREAD;
  line.c_cflag &= ~(tcflag_t)(CSTOPB | CRTSCTS);
  cfsetspeed(&line, speed(baud));
  if (tcsetattr(fd, TCSANOW, &line) < 0) {
    int error = -errno;
    close(fd);
    return error;
  }
  return fd;
}

int64_t tk_read(int fd, void *bytes, size_t count) {
  for (;;) {
    ssize_t got = read(fd, bytes, count);
    if (got < 0 && errno == EINTR) continue;
    return got < 0 ? -errno : got;
  }
}
