// The flush thread. One producer (the loop), one consumer (the thread), a fixed queue of jobs. A name
// is looked up by a thread that lives only for that: a name server that takes its time must not keep
// an admission from being durable.
// Invariants: a job belongs to the producer until it is in the queue, to the thread until it is in
// the answers, and to the producer again after that; a failed write ends its job without a flush.
#define _GNU_SOURCE
#include "cplatform.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct write {
  const void *bytes;
  size_t count;
  int64_t offset;
};

struct job {
  int fd;
  int error;
  int writes_count;
  struct write writes[TK_JOB_WRITES_MAX];
};

static struct job jobs[TK_JOBS_MAX];
static unsigned char queue[TK_JOBS_MAX], answers[TK_JOBS_MAX];
static atomic_uint queue_end, answers_end;
static unsigned queue_start, answers_start;
static sem_t waiting;
static int event_fd = -1;
static char resolved[INET6_ADDRSTRLEN];
static char name[256];
static int name_error;
static atomic_int name_is_done;
enum { NAME_TAG = 7 };
static pthread_t flusher;
static int flusher_processor = -1;

static void tell(void) {
  uint64_t one = 1;
  if (write(event_fd, &one, sizeof one) < 0) {
    // The counter cannot overflow with eight jobs.
  }
}

static int resolve(const char *host) {
  // Only families that this machine has an address of.
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *found = NULL;
  int error = getaddrinfo(host, NULL, &hints, &found);
  if (error) return error == EAI_SYSTEM ? -errno : -EHOSTUNREACH;
  const void *address = found->ai_family == AF_INET6
                            ? (const void *)&((struct sockaddr_in6 *)found->ai_addr)->sin6_addr
                            : (const void *)&((struct sockaddr_in *)found->ai_addr)->sin_addr;
  error = inet_ntop(found->ai_family, address, resolved, sizeof resolved) ? 0 : -errno;
  freeaddrinfo(found);
  return error;
}

static void *look_up(void *unused) {
  (void)unused;
  name_error = resolve(name);
  atomic_store_explicit(&name_is_done, 1, memory_order_release);
  tell();
  return NULL;
}

static int perform(struct job *job) {
  for (int i = 0; i < job->writes_count; i++) {
    struct write *write = &job->writes[i];
    int error = tk_write_at(job->fd, write->bytes, write->count, write->offset);
    if (error) return error;
  }
  return tk_sync(job->fd);
}

static void *work(void *unused) {
  (void)unused;
  for (;;) {
    while (sem_wait(&waiting) < 0) {
    }
    unsigned char tag = queue[queue_start % TK_JOBS_MAX];
    queue_start++;
    jobs[tag].error = perform(&jobs[tag]);
    unsigned end = atomic_load_explicit(&answers_end, memory_order_relaxed);
    answers[end % TK_JOBS_MAX] = tag;
    atomic_store_explicit(&answers_end, end + 1, memory_order_release);
    tell();
  }
  return NULL;
}

static int start_thread(
    pthread_t *thread, void *(*body)(void *), size_t stack, int is_detached) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack);
  if (is_detached) pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  int error = pthread_create(thread, &attributes, body, NULL);
  pthread_attr_destroy(&attributes);
  return -error;
}

int tk_worker_start(void) {
  event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (event_fd < 0) return -errno;
  if (sem_init(&waiting, 0, 0) < 0) return -errno;
  int error = start_thread(&flusher, work, 64 * 1024, 0);
  return error ? error : event_fd;
}

void tk_job_write(int tag, int fd, const void *bytes, size_t count, int64_t offset) {
  struct job *job = &jobs[tag];
  if (job->writes_count == TK_JOB_WRITES_MAX) __builtin_trap();
  job->fd = fd;
  job->writes[job->writes_count++] = (struct write){bytes, count, offset};
}

// The thread follows the loop to its processor. It only waits for the disk, and the loop waits for it:
// to wake a second processor that sleeps, there and back, costs more than to share the one that is
// awake.
static void follow(void) {
  int processor = sched_getcpu();
  if (processor < 0 || processor == flusher_processor) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  // Where that is not allowed, the scheduler knows better.
  if (pthread_setaffinity_np(flusher, sizeof set, &set) == 0) flusher_processor = processor;
}

static void submit(int tag) {
  follow();
  unsigned end = atomic_load_explicit(&queue_end, memory_order_relaxed);
  queue[end % TK_JOBS_MAX] = (unsigned char)tag;
  atomic_store_explicit(&queue_end, end + 1, memory_order_release);
  sem_post(&waiting);
}

void tk_job_flush(int tag, int fd) {
  jobs[tag].fd = fd;
  submit(tag);
}

void tk_resolve(const char *host) {
  strncpy(name, host, sizeof name - 1);
  // getaddrinfo is hungry for stack.
  pthread_t thread;
  name_error = start_thread(&thread, look_up, 256 * 1024, 1);
  if (!name_error) return;
  atomic_store_explicit(&name_is_done, 1, memory_order_release);
  tell();
}

int tk_job_done(int *error) {
  if (atomic_exchange_explicit(&name_is_done, 0, memory_order_acquire)) {
    *error = name_error;
    return NAME_TAG;
  }
  if (answers_start == atomic_load_explicit(&answers_end, memory_order_acquire)) {
    uint64_t count;
    if (read(event_fd, &count, sizeof count) < 0) {
      // Nothing was waiting.
    }
    // What came between the look and the reading of the counter is told by the counter no more.
    if (atomic_load_explicit(&name_is_done, memory_order_acquire)) return tk_job_done(error);
    if (answers_start == atomic_load_explicit(&answers_end, memory_order_acquire)) return -1;
  }
  int tag = answers[answers_start % TK_JOBS_MAX];
  answers_start++;
  jobs[tag].writes_count = 0;
  *error = jobs[tag].error;
  return tag;
}

int tk_jobs_pending(void) {
  return (int)(atomic_load_explicit(&queue_end, memory_order_relaxed) - answers_start);
}

const char *tk_resolved(void) { return resolved; }
