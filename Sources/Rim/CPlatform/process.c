#define _GNU_SOURCE
#include "cplatform.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int64_t milliseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t nanoseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int64_t tk_realtime_ms(void) { return milliseconds(CLOCK_REALTIME); }
int64_t tk_boottime_ms(void) { return milliseconds(CLOCK_BOOTTIME); }
uint64_t tk_monotonic_ns(void) { return nanoseconds(CLOCK_MONOTONIC); }
uint64_t tk_cpu_ns(void) { return nanoseconds(CLOCK_PROCESS_CPUTIME_ID); }

int tk_write_all(int fd, const void *bytes, size_t count) {
  const char *next = bytes;
  while (count > 0) {
    ssize_t put = write(fd, next, count);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) {
      struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
      poll(&poll_fd, 1, -1);
      continue;
    }
    if (put < 0) return -errno;
    next += put;
    count -= (size_t)put;
  }
  return 0;
}

int tk_signals(void) {
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigaction(SIGPIPE, &ignore, NULL);
  // A file size limit is an error of the write, not the end of the gate.
  sigaction(SIGXFSZ, &ignore, NULL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  // Blocked before the flush thread starts, so that it inherits the mask.
  if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) return -errno;
  int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int tk_next_signal(int fd) {
  struct signalfd_siginfo signal;
  return read(fd, &signal, sizeof signal) == sizeof signal ? (int)signal.ssi_signo : 0;
}

int tk_wait(struct tk_poll *polls, int count, int64_t timeout_ms) {
  _Static_assert(sizeof(struct tk_poll) == sizeof(struct pollfd), "tk_poll is a pollfd");
  int timeout = timeout_ms < 0 ? -1 : timeout_ms > 3600000 ? 3600000 : (int)timeout_ms;
  int ready = poll((struct pollfd *)polls, (nfds_t)count, timeout);
  if (ready >= 0) return ready;
  for (int i = 0; i < count; i++) polls[i].ready = 0;
  return errno == EINTR ? 0 : -errno;
}

static int address(struct sockaddr_un *name, const char *path) {
  memset(name, 0, sizeof *name);
  name->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof name->sun_path) return -ENAMETOOLONG;
  strcpy(name->sun_path, path);
  return 0;
}

int tk_status_listen(const char *path) {
  struct sockaddr_un name;
  int error = address(&name, path);
  if (error) return error;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  // The lock on the state folder says that no other agent listens here.
  unlink(path);
  mode_t mask = umask(0177);
  if (bind(fd, (struct sockaddr *)&name, sizeof name) < 0 || listen(fd, 4) < 0) error = -errno;
  umask(mask);
  if (!error) return fd;
  close(fd);
  return error;
}

int tk_status_accept(int fd) {
  int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  return client < 0 ? -errno : client;
}

int tk_status_connect(const char *path) {
  struct sockaddr_un name;
  int error = address(&name, path);
  if (error) return error;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  struct timeval patience = {.tv_sec = 5};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (connect(fd, (struct sockaddr *)&name, sizeof name) < 0) {
    error = -errno;
    close(fd);
    return error;
  }
  return fd;
}
