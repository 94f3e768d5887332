/* Buffers with a page behind them, or before them, that nobody can read or write. Inputs cannot be written. */
#ifndef GUARD_H
#define GUARD_H
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>
#include "check.h"

enum { MOST_BUFFERS = 64 };
static struct {
  unsigned char *pages;
  size_t bytes;
} held[MOST_BUFFERS];
static size_t buffers;

/* Ends at a guarded page, or begins behind one. Filled with 0xa5, so that nothing lives on zeros. */
static inline void *guarded(size_t bytes, int at_end) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), inside = (bytes + page - 1) / page * page + (bytes == 0) * page;
  unsigned char *pages = mmap(NULL, inside + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED && buffers < MOST_BUFFERS);
  CHECK(mprotect(pages + page, inside, PROT_READ | PROT_WRITE) == 0);
  memset(pages + page, 0xa5, inside);
  held[buffers].pages = pages;
  held[buffers++].bytes = inside + 2 * page;
  return at_end ? pages + page + inside - bytes : pages + page;
}

/* A copy that cannot be written. */
static inline const void *guarded_copy(const void *from, size_t bytes, int at_end) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  void *to = guarded(bytes, at_end);
  memcpy(to, from, bytes);
  CHECK(mprotect(held[buffers - 1].pages + page, held[buffers - 1].bytes - 2 * page, PROT_READ) == 0);
  return to;
}

/* Gives every buffer back. */
static inline void release(void) {
  while (buffers > 0) {
    buffers--;
    CHECK(munmap(held[buffers].pages, held[buffers].bytes) == 0);
  }
}

#endif
