/* The functions of memory that compilers call, for a target without a C library. */
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int byte, size_t count);
int memcmp(const void *a, const void *b, size_t count);

void *memcpy(void *to, const void *from, size_t count) { return memmove(to, from, count); }

void *memmove(void *to, const void *from, size_t count) {
  unsigned char *out = to;
  const unsigned char *in = from;
  size_t i;
  if (out < in) {
    for (i = 0; i < count; i++) out[i] = in[i];
  } else {
    for (i = count; i > 0; i--) out[i - 1] = in[i - 1];
  }
  return to;
}

void *memset(void *to, int byte, size_t count) {
  unsigned char *out = to;
  size_t i;
  for (i = 0; i < count; i++) out[i] = (unsigned char)byte;
  return to;
}

int memcmp(const void *a, const void *b, size_t count) {
  const unsigned char *x = a, *y = b;
  size_t i;
  for (i = 0; i < count; i++) {
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
  }
  return 0;
}
