/* Helpers of the test programs. */
#ifndef CHECK_H
#define CHECK_H
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "segloss.h"

/* Ends the program with file, line and condition if the condition is false. */
#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);          \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

#define CLOSE(a, b, tolerance) CHECK(fabs((double)(a) - (double)(b)) <= (tolerance))

/* Test data in [-3, 3) with a prime period, so that no two rows are equal. */
static inline double painted(int i) { return (double)((i * 37 + 11) % 101) * 6.0 / 101.0 - 3.0; }

/* A C-contiguous tensor. */
static inline segloss_tensor tensor(const void *data, uint32_t dtype, uint32_t ndim, const int64_t *shape) {
  segloss_tensor t;
  memset(&t, 0, sizeof t);
  t.data = data;
  t.dtype = dtype;
  t.ndim = ndim;
  t.shape = shape;
  return t;
}

#endif
