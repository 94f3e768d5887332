/* Buffers next to an inaccessible page, after or before them. Inputs are read-only. */
#ifndef GUARD_H
#define GUARD_H
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>
#include "check.h"

enum { MAX_BUFFERS = 64 };
static struct {
  unsigned char *pages;
  size_t bytes;
} allocated[MAX_BUFFERS];
static size_t buffers;

/* A buffer that ends at an inaccessible page, or begins after one; filled with 0xa5, so that no code relies on zeros. */
static inline void *guarded(size_t bytes, int at_end) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), inside = (bytes + page - 1) / page * page + (bytes == 0) * page;
  unsigned char *pages = mmap(NULL, inside + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED && buffers < MAX_BUFFERS);
  CHECK(mprotect(pages + page, inside, PROT_READ | PROT_WRITE) == 0);
  memset(pages + page, 0xa5, inside);
  allocated[buffers].pages = pages;
  allocated[buffers++].bytes = inside + 2 * page;
  return at_end ? pages + page + inside - bytes : pages + page;
}

/* A read-only copy. */
static inline const void *guarded_copy(const void *from, size_t bytes, int at_end) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  void *to = guarded(bytes, at_end);
  memcpy(to, from, bytes);
  CHECK(mprotect(allocated[buffers - 1].pages + page, allocated[buffers - 1].bytes - 2 * page, PROT_READ) == 0);
  return to;
}

/* Frees every buffer. */
static inline void release(void) {
  while (buffers > 0) {
    buffers--;
    CHECK(munmap(allocated[buffers].pages, allocated[buffers].bytes) == 0);
  }
}

#endif
