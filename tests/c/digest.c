/* One hash of the values and gradients of every loss and of distances. Every machine finds that of its kind: with fused
 * multiply-adds of f32, or without (docs/numbers.md). A change of any bit changes it; the program then prints the new
 * hash. With the argument "fused" or "split", or compiled with KIND, the other kind is an error.
 *
 * With LARGE it takes one sample of 21 classes and one chunk and a bit, instead of two small samples of 3; without
 * weights of voxels.
 *
 * It uses no C library, so that it runs as a wasm module too, where digest() returns the kind of the hash, or 0. */
#include "segloss.h"
#include "table.h"

#define FUSED 1
#define SPLIT 2
#ifdef LARGE
#define HASH_FUSED UINT64_C(0xc2656fbd001f5435)
#define HASH_SPLIT UINT64_C(0xdf745b660f3f206d)
enum { B = 1, C = 21, H = 129, W = 128, SCRATCH = 1 << 23, WAYS = 16 };
#else
#define HASH_FUSED UINT64_C(0x0f4947ca7fe30220)
#define HASH_SPLIT UINT64_C(0x29da51c880f3c0ac)
enum { B = 2, C = 3, H = 7, W = 29, SCRATCH = 1 << 20, WAYS = 32 };
#endif
#ifndef KIND
#define KIND 0
#endif

enum { N = H * W, ALL = B * C * N };
static const int64_t SHAPE[] = {B, C, H, W}, FLAT[] = {B, H, W};
static const double SPACING[] = {1.5, 0.75};

static union {
  uint16_t halves[ALL];
  float singles[ALL];
  double doubles[ALL];
} pred, dense, weights, gradient;
static uint8_t labels[B * N];
static unsigned char scratch[SCRATCH];
static uint64_t hash;
static int is_scratch_short;

static void add(uint64_t bits) { hash = (hash ^ bits) * UINT64_C(0x100000001b3); }

/* Adds the bits of a number. Every NaN counts as the same, because its payload is not specified. */
static void add_number(double x) {
  union {
    double number;
    uint64_t bits;
  } of;
  of.number = x;
  add(x == x ? of.bits : 1);
}

/* Test data: sixteenths in [-4, 4), exact in every dtype. */
static int painted(int i) { return (i * 37 + i / 5 * 11) % 128 - 64; }

/* The bits of sixteenths / 16 as f16 (10 bits of fraction, bias 15) or bf16 (7, 127). */
static uint16_t half_bits(int sixteenths, int fraction_bits, int bias) {
  unsigned magnitude = (unsigned)(sixteenths < 0 ? -sixteenths : sixteenths), exponent = (unsigned)bias - 4;
  const unsigned sign = sixteenths < 0 ? 0x8000u : 0;
  if (magnitude == 0) return 0;
  magnitude <<= fraction_bits;
  while (magnitude >> (fraction_bits + 1)) magnitude >>= 1, exponent++;
  return (uint16_t)(sign | exponent << fraction_bits | (magnitude & ((1u << fraction_bits) - 1)));
}

static void put(void *array, uint32_t dtype, int i, int sixteenths) {
  if (dtype == SEGLOSS_F16) ((uint16_t *)array)[i] = half_bits(sixteenths, 10, 15);
  if (dtype == SEGLOSS_BF16) ((uint16_t *)array)[i] = half_bits(sixteenths, 7, 127);
  if (dtype == SEGLOSS_F32) ((float *)array)[i] = (float)sixteenths / 16;
  if (dtype == SEGLOSS_F64) ((double *)array)[i] = (double)sixteenths / 16;
}

static void add_array(const void *array, uint32_t dtype, int count) {
  int i;
  for (i = 0; i < count; i++) {
    if (dtype == SEGLOSS_F64) add_number(((const double *)array)[i]);
    if (dtype == SEGLOSS_F32) add_number((double)((const float *)array)[i]);
    if (dtype == SEGLOSS_F16 || dtype == SEGLOSS_BF16) {
      const uint16_t half = ((const uint16_t *)array)[i];
      add((half & 0x7fff) > (dtype == SEGLOSS_F16 ? 0x7c00 : 0x7f80) ? 1 : half);
    }
  }
}

static segloss_tensor tensor(const void *data, uint32_t dtype, uint32_t ndim, const int64_t *shape) {
  segloss_tensor t = {0};
  t.data = data, t.dtype = dtype, t.ndim = ndim, t.shape = shape;
  return t;
}

static const uint32_t DTYPES[] = {SEGLOSS_F16, SEGLOSS_BF16, SEGLOSS_F32, SEGLOSS_F64};

/* Labels and 0/1 maps, softmax and sigmoid, with and without weights; also the status of inputs a loss refuses. */
static void add_loss(const segloss_term *terms, size_t count) {
  unsigned way;
  for (way = 0; way < WAYS; way++) {
    const uint32_t dtype = DTYPES[way % 4];
    segloss_args args;
    double value = 0;
    int i;
    segloss_args_init(&args, sizeof args);
    for (i = 0; i < ALL; i++) put(&pred, dtype, i, painted(i));
    for (i = 0; i < ALL; i++) put(&dense, dtype, i, 16 * (labels[i / N / C * N + i % N] == i / N % C));
    for (i = 0; i < B * N; i++) put(&weights, dtype, i, 4 * (i % 7));
    for (i = 0; i < ALL; i++) put(&gradient, dtype, i, 0);
    args.activation = way & 4 ? SEGLOSS_SOFTMAX : SEGLOSS_SIGMOID;
    args.pred = tensor(&pred, dtype, 4, SHAPE);
    args.target = way & 8 ? tensor(labels, SEGLOSS_U8, 3, FLAT) : tensor(&dense, dtype, 4, SHAPE);
    if (way & 16) args.voxel_weight = tensor(&weights, dtype, 3, FLAT);
    args.spacing = SPACING;
    args.value = &value;
    args.grad.data = &gradient;
    args.scratch = scratch;
    args.scratch_size = sizeof scratch;
    i = segloss_run(terms, count, &args);
    is_scratch_short |= i == SEGLOSS_SCRATCH;
    add((uint64_t)i);
    add_number(value);
    add_array(&gradient, dtype, ALL);
  }
}

#define GETTER(name, type, uses, variants) segloss_##name,
static const segloss_loss *(*const LOSSES[])(void) = {EVERY_LOSS(GETTER)};

static void add_distances(void) {
  uint32_t kind;
  for (kind = SEGLOSS_SIGNED; kind <= SEGLOSS_OTHER_SIDE; kind++) {
    segloss_distance_args args = {0};
    static uint8_t mask[B * N];
    int i;
    for (i = 0; i < B * N; i++) mask[i] = labels[i] == 1;
    args.struct_size = sizeof args;
    args.kind = kind;
    args.mask = tensor(mask, SEGLOSS_U8, 3, FLAT);
    args.out.data = &gradient;
    args.out.dtype = kind % 2 ? SEGLOSS_F32 : SEGLOSS_F64;
    args.scratch = scratch;
    args.scratch_size = sizeof scratch;
    add((uint64_t)segloss_distance(&args));
    add_array(&gradient, args.out.dtype, B * N);
  }
}

uint32_t digest(void);
uint32_t digest(void) {
  segloss_term terms[SEGLOSS_MAX_TERMS];
  size_t loss, count = sizeof LOSSES / sizeof LOSSES[0];
  int i;
  hash = UINT64_C(0xcbf29ce484222325);
  for (i = 0; i < B * N; i++) labels[i] = (uint8_t)((i * i + 3 * i) % 11 % C);
  for (loss = 0; loss < count; loss++) {
    segloss_term_init(LOSSES[loss](), &terms[0], sizeof terms[0]);
    add_loss(terms, 1);
    terms[0].class_average = SEGLOSS_CLASS_POOLED;
    terms[0].sample_average = SEGLOSS_SAMPLE_POOLED;
    add_loss(terms, 1);
    /* With a second term, so that both share sums. */
    segloss_term_init(LOSSES[loss](), &terms[0], sizeof terms[0]);
    segloss_term_init(LOSSES[(loss + 5) % count](), &terms[1], sizeof terms[1]);
    terms[1].weight = 0.25;
    add_loss(terms, 2);
  }
  add_distances();
  if (is_scratch_short) return 0;
  return hash == HASH_FUSED ? FUSED : hash == HASH_SPLIT ? SPLIT : 0;
}

#ifndef __wasm__
#include <stdio.h>

int main(int argc, char **argv) {
  const uint32_t found = digest();
  const uint32_t argument = argc < 2 ? 0 : argv[1][0] == 'f' ? FUSED : SPLIT;
  const uint32_t expected = KIND ? KIND : argument ? argument : found;
  printf("digest of all losses and distances: 0x%08lx%08lx, %s\n", (unsigned long)(hash >> 32),
         (unsigned long)(hash & 0xffffffffu), found == FUSED ? "fused" : found == SPLIT ? "split" : "of no kind");
  puts(found && found == expected ? "passed" : is_scratch_short ? "too little scratch" : "not the expected hash");
  return found && found == expected ? 0 : 1;
}
#endif
