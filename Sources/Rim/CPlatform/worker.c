// The flush thread. One producer (the loop), one consumer (the thread), a fixed queue of jobs.
// Invariants: a job belongs to the producer until it is in the queue, to the thread until it is in
// the answers, and to the producer again after that; a failed write ends its job without a flush.
#define _GNU_SOURCE
#include "cplatform.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
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
  char is_name;
  char host[256];
  struct write writes[TK_JOB_WRITES_MAX];
};

static struct job jobs[TK_JOBS_MAX];
static unsigned char queue[TK_JOBS_MAX], answers[TK_JOBS_MAX];
static atomic_uint queue_end, answers_end;
static unsigned queue_start, answers_start;
static sem_t waiting;
static int event_fd = -1;
static char resolved[INET6_ADDRSTRLEN];

static int resolve(const char *host) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
  int error = getaddrinfo(host, NULL, &hints, &found);
  if (error) return error == EAI_SYSTEM ? -errno : -EHOSTUNREACH;
  const void *address = found->ai_family == AF_INET6
                            ? (const void *)&((struct sockaddr_in6 *)found->ai_addr)->sin6_addr
                            : (const void *)&((struct sockaddr_in *)found->ai_addr)->sin_addr;
  error = inet_ntop(found->ai_family, address, resolved, sizeof resolved) ? 0 : -errno;
  freeaddrinfo(found);
  return error;
}

static int perform(struct job *job) {
  if (job->is_name) return resolve(job->host);
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
    uint64_t one = 1;
    if (write(event_fd, &one, sizeof one) < 0) {
      // The counter cannot overflow with eight jobs.
    }
  }
  return NULL;
}

int tk_worker_start(void) {
  event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (event_fd < 0) return -errno;
  if (sem_init(&waiting, 0, 0) < 0) return -errno;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  // getaddrinfo is the hungriest that runs here.
  pthread_attr_setstacksize(&attributes, 128 * 1024);
  pthread_t thread;
  int error = pthread_create(&thread, &attributes, work, NULL);
  pthread_attr_destroy(&attributes);
  return error ? -error : event_fd;
}

void tk_job_write(int tag, int fd, const void *bytes, size_t count, int64_t offset) {
  struct job *job = &jobs[tag];
  job->fd = fd;
  job->is_name = 0;
  job->writes[job->writes_count++] = (struct write){bytes, count, offset};
}

static void submit(int tag) {
  unsigned end = atomic_load_explicit(&queue_end, memory_order_relaxed);
  queue[end % TK_JOBS_MAX] = (unsigned char)tag;
  atomic_store_explicit(&queue_end, end + 1, memory_order_release);
  sem_post(&waiting);
}

void tk_job_flush(int tag, int fd) {
  jobs[tag].fd = fd;
  jobs[tag].is_name = 0;
  submit(tag);
}

void tk_job_resolve(int tag, const char *host) {
  strncpy(jobs[tag].host, host, sizeof jobs[tag].host - 1);
  jobs[tag].is_name = 1;
  submit(tag);
}

int tk_job_done(int *error) {
  if (answers_start == atomic_load_explicit(&answers_end, memory_order_acquire)) {
    uint64_t count;
    if (read(event_fd, &count, sizeof count) < 0) {
      // Nothing was waiting.
    }
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

int tk_spin_for_job(uint64_t ns) {
  uint64_t end = tk_monotonic_ns() + ns;
  do {
    if (answers_start != atomic_load_explicit(&answers_end, memory_order_acquire)) return 1;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield");
#endif
  } while (tk_monotonic_ns() < end);
  return 0;
}

const char *tk_resolved(void) { return resolved; }
