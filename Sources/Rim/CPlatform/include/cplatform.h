// The kernel, as few words as the rim needs of it. Every function returns 0 or a count on success and
// a negative errno on failure, unless it says otherwise. None allocates.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Memory: zeroed pages that live as long as the process; NULL if there are none.
void *tk_arena(size_t bytes);
// Bounds what else the process may ever take, bytes: whoever asks for more gets an error.
void tk_limit_memory(size_t bytes);

// Files.
enum { TK_READ = 0, TK_WRITE = 1 };
int tk_open(const char *path, int mode);
void tk_close(int fd);
int64_t tk_size(int fd);
// Whole transfers. tk_read_at gives -ENODATA where the file ends too early.
int tk_read_at(int fd, void *bytes, size_t count, int64_t offset);
int tk_write_at(int fd, const void *bytes, size_t count, int64_t offset);
int tk_sync(int fd);
// An exclusive lock that ends with the descriptor; -EWOULDBLOCK if another process has it.
int tk_lock(int fd);
// Asks for `count` bytes at each `stride` from `offset`, to be read soon: all at once, where a read
// after the other would wait for each.
void tk_expect(int fd, int64_t offset, int64_t stride, int64_t count);
// Makes a file of zeros, written and flushed under another name before it gets its own, which it takes
// from whatever file has it: only one process may do this at a time (tk_lock on the folder).
int tk_create_zeroed(const char *path, int64_t bytes);
// Reads a whole file of at most `capacity` bytes (-EFBIG beyond); returns its length.
int64_t tk_read_file(const char *path, void *bytes, size_t capacity);
// Makes a folder, or finds it; its name is durable then.
int tk_make_folder(const char *path);
// Modification time in nanoseconds, or a negative errno.
int64_t tk_modified(const char *path);

// Clocks.
int64_t tk_realtime_ms(void);
int64_t tk_boottime_ms(void);
uint64_t tk_monotonic_ns(void);
uint64_t tk_cpu_ns(void);

// Descriptors.
// Opens /dev/null where descriptor 0, 1 or 2 is missing, so that no file that is opened later takes
// its number and gets what is meant for it. Reading there ends at once, and writing fails.
void tk_standard_descriptors(void);
// Raw 8N1 at `baud`.
int tk_serial(const char *path, int baud);
// read(2) and write(2) but for EINTR; -EAGAIN when nothing is there.
int64_t tk_read(int fd, void *bytes, size_t count);
// Everything, however long it takes.
int tk_write_all(int fd, const void *bytes, size_t count);
// What the reader takes within `patience_ms`, at most PIPE_BUF bytes; -EAGAIN if that is nothing.
int64_t tk_write_some(int fd, const void *bytes, size_t count, int patience_ms);

// Signals: a descriptor that is readable when SIGTERM, SIGINT or SIGHUP has come; SIGPIPE is ignored.
int tk_signals(void);
// The next signal, 0 if none is waiting.
int tk_next_signal(int fd);

struct tk_poll {
  int fd;
  short events;
  short ready;
};
enum { TK_IN = 1, TK_OUT = 4, TK_ERROR = 8, TK_HANGUP = 16 };
// poll(2): `timeout_ms` -1 waits for ever. Returns the number that are ready; 0 after EINTR too.
int tk_wait(struct tk_poll *polls, int count, int64_t timeout_ms);

// A Unix socket for the status, mode 0600.
int tk_status_listen(const char *path);
int tk_status_accept(int fd);
// For who asks: a connection, a read and a write give up after five seconds, with -EAGAIN.
int tk_status_connect(const char *path);

// The flush thread. A job is up to 80 writes to one file and one fdatasync. Jobs are done in the order
// of submission and answered through one eventfd.
enum { TK_JOB_WRITES_MAX = 80, TK_JOBS_MAX = 8 };
// Starts the thread; returns the eventfd.
int tk_worker_start(void);
// Adds a write to the job that is being made for `tag` (0 to 6).
void tk_job_write(int tag, int fd, const void *bytes, size_t count, int64_t offset);
// Hands the job over; it ends with fdatasync(fd).
void tk_job_flush(int tag, int fd);
// Looks a name up, one at a time; answered like a job, with tag 7.
void tk_resolve(const char *host);
// The next job that is done: its tag, and its result in *error (0 or a negative errno); -1 if none.
int tk_job_done(int *error);
// Jobs that are not done.
int tk_jobs_pending(void);
// The address that the last name gave, as text.
const char *tk_resolved(void);
