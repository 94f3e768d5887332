/* The functions that compilers call, for a target without a C library and a library of the compiler: wasm. */
#include <stddef.h>
#include <stdint.h>

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 unsigned_wide;

wide __multi3(wide a, wide b);

/* The low 128 bits of a product. */
wide __multi3(wide a, wide b) {
  const uint64_t al = (uint64_t)a, bl = (uint64_t)b, ah = (uint64_t)(a >> 64), bh = (uint64_t)(b >> 64);
  const uint64_t a0 = al & 0xffffffffu, a1 = al >> 32, b0 = bl & 0xffffffffu, b1 = bl >> 32;
  const uint64_t low = a0 * b0, first = a0 * b1, second = a1 * b0;
  const uint64_t middle = (low >> 32) + (first & 0xffffffffu) + (second & 0xffffffffu);
  const uint64_t high = a1 * b1 + (first >> 32) + (second >> 32) + (middle >> 32) + ah * bl + al * bh;
  return (wide)(((unsigned_wide)high << 64) | (middle << 32) | (low & 0xffffffffu));
}

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
