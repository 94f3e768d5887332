/* The threads of the Python package: an executor of segloss.
 *
 * Threads are started when a call first asks for them and wait between calls. Calls of several Python threads may
 * overlap: every call takes part in its own work, so each ends even if no other thread is free. A process that forks
 * has no threads in the child; they are started anew there.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "segloss.h"

#define MOST_THREADS 63 /* segloss uses at most 64 workers, the caller included */

/* The work of one call, on the stack of the caller. */
struct job {
  segloss_task task;
  void *data;
  size_t count, next, finished;
  struct job *link;
};

static pthread_mutex_t lock;
static pthread_cond_t has_work, has_finished;
static struct job *jobs; /* that of the last caller first */
static size_t threads;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork_in_parent(void) { pthread_mutex_unlock(&lock); }

static void reset(void) {
  pthread_mutex_init(&lock, NULL);
  pthread_cond_init(&has_work, NULL);
  pthread_cond_init(&has_finished, NULL);
  jobs = NULL;
  threads = 0;
}

static void begin(void) {
  reset();
  pthread_atfork(before_fork, after_fork_in_parent, reset);
}

static struct job *job_with_tasks(void) {
  struct job *job = jobs;
  while (job && job->next == job->count) job = job->link;
  return job;
}

/* Runs a task of a job; the lock is held before and after. */
static void run_next(struct job *job) {
  const size_t index = job->next++;
  pthread_mutex_unlock(&lock);
  job->task(job->data, index);
  pthread_mutex_lock(&lock);
  if (++job->finished == job->count) pthread_cond_broadcast(&has_finished);
}

static void *work(void *unused) {
  (void)unused;
  pthread_mutex_lock(&lock);
  for (;;) {
    struct job *job = job_with_tasks();
    if (job) run_next(job);
    else pthread_cond_wait(&has_work, &lock);
  }
  return NULL;
}

/* Starts threads until there are `wanted`, as far as the system allows; the lock is held. */
static void start(size_t wanted) {
  pthread_attr_t detached;
  if (wanted > MOST_THREADS) wanted = MOST_THREADS;
  if (threads >= wanted || pthread_attr_init(&detached)) return;
  if (!pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED)) {
    pthread_t thread;
    while (threads < wanted && !pthread_create(&thread, &detached, work, NULL)) threads++;
  }
  pthread_attr_destroy(&detached);
}

/* For segloss_executor.parallel_for; context is not used. */
void segloss_pool_parallel_for(void *context, size_t count, segloss_task task, void *data) {
  struct job job, **link;
  (void)context;
  if (count == 0) return;
  pthread_once(&once, begin);
  job.task = task;
  job.data = data;
  job.count = count;
  job.next = job.finished = 0;
  pthread_mutex_lock(&lock);
  start(count - 1);
  job.link = jobs;
  jobs = &job;
  if (count > 1) pthread_cond_broadcast(&has_work);
  while (job.next < job.count) run_next(&job);
  while (job.finished < job.count) pthread_cond_wait(&has_finished, &lock);
  for (link = &jobs; *link != &job; link = &(*link)->link) {
  }
  *link = job.link;
  pthread_mutex_unlock(&lock);
}
