/* The stack of segloss_run and segloss_distance stays below the bounds that README.md states. Each call runs on a
 * separate stack that is filled with a pattern before. Memory that a frame reserves and never writes is not seen, so
 * the bounds are a quarter above the largest measurement over optimisation levels and CPU levels. */
#define _XOPEN_SOURCE 700
#include "check.h"
#include "table.h"

/* KiB, on a 32-bit core and on a 64-bit one. */
#define BOUND(narrow, wide) (1024u * (sizeof(void *) > 4 ? (wide) : (narrow)))
#define RUN BOUND(56u, 80u)
#define DISTANCE BOUND(12u, 20u)

enum { PAINT = 0xa5, SIZE = 1 << 17 };
static union {
  unsigned char bytes[SIZE];
  double alignment;
} stack;

#if defined(__arm__)
static void on_stack(void (*call)(void)) {
  register void (*function)(void) __asm__("r0") = call;
  register unsigned char *top __asm__("r1") = stack.bytes + SIZE;
  __asm__ volatile("mov r4, sp\n mov sp, r1\n blx r0\n mov sp, r4\n"
                   : "+r"(function), "+r"(top)
                   :
                   : "r2", "r3", "r4", "r12", "lr", "cc", "memory", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7",
                     "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15");
}
#else
#include <ucontext.h>
static void on_stack(void (*call)(void)) {
  static ucontext_t here, there;
  CHECK(getcontext(&there) == 0);
  there.uc_stack.ss_sp = stack.bytes;
  there.uc_stack.ss_size = SIZE;
  there.uc_link = &here;
  makecontext(&there, call, 0);
  CHECK(swapcontext(&here, &there) == 0);
}
#endif

/* Bytes of stack that a call has written to. */
static size_t depth(void (*call)(void)) {
  size_t untouched = 0;
  memset(stack.bytes, PAINT, SIZE);
  on_stack(call);
  while (untouched < SIZE && stack.bytes[untouched] == PAINT) untouched++;
  CHECK(untouched > 0);
  return SIZE - untouched;
}

enum { B = 2, C = 3, H = 9, W = 40, N = H * W, ALL = B * C * N };
static const int64_t SHAPE[] = {B, C, H, W}, FLAT[] = {B, H, W}, TRANSPOSED[] = {C * N, N, 1, H};
static double logits[ALL], gradient[ALL], classes[SEGLOSS_MAX_TERMS * B * C];
static uint8_t labels[B * N];
static segloss_class_sums class_sums[B * C];
static unsigned char scratch[1 << 19];
static segloss_term terms[SEGLOSS_MAX_TERMS];
static size_t n_terms;
static segloss_args args;
static segloss_distance_args distance;
static segloss_status status;

static void call_run(void) { status = segloss_run(terms, n_terms, &args); }
static void call_distance(void) { status = segloss_distance(&distance); }

#define GETTER(name, type, uses, variants) segloss_##name,
static const segloss_loss *(*const losses[])(void) = {EVERY_LOSS(GETTER)};
enum { LOSSES = sizeof losses / sizeof losses[0] };

static size_t deepest_run(void) {
  static double value;
  size_t most = 0, bytes;
  uint32_t activation, is_double, loss, k;
  for (loss = 0; loss < LOSSES; loss++)
    for (is_double = 0; is_double < 2; is_double++)
      for (activation = SEGLOSS_SOFTMAX; activation <= SEGLOSS_SIGMOID; activation++) {
        CHECK(segloss_args_init(&args, sizeof args) == SEGLOSS_OK);
        args.activation = activation;
        args.pred = tensor(logits, is_double ? SEGLOSS_F64 : SEGLOSS_F16, 4, SHAPE);
        args.pred.strides = is_double ? TRANSPOSED : NULL;
        args.target = tensor(labels, SEGLOSS_U8, 3, FLAT);
        args.value = &value;
        args.class_values = classes;
        args.class_sums = class_sums;
        args.grad.data = gradient;
        args.scratch = scratch;
        args.scratch_size = sizeof scratch;
        /* One term, and four: each loss is built on a stack frame inside that of the one before. */
        for (n_terms = 1; n_terms <= SEGLOSS_MAX_TERMS; n_terms += SEGLOSS_MAX_TERMS - 1) {
          for (k = 0; k < SEGLOSS_MAX_TERMS; k++)
            CHECK(segloss_term_init(losses[(loss + k) % LOSSES](), &terms[k], sizeof terms[k]) == SEGLOSS_OK);
          bytes = depth(call_run);
          CHECK(status == SEGLOSS_OK);
          most = bytes > most ? bytes : most;
        }
      }
  return most;
}

static size_t deepest_distance(void) {
  static const int64_t shapes[][4] = {{B * N, 1, 1, 1}, {B * H, W, 1, 1}, {B, H, W, 1}, {B, 3, 3, W}};
  static const double spacings[][4] = {{1, 1, 1, 1}, {3, 0.7, 0.7, 0.9}};
  size_t most = 0, bytes;
  uint32_t axes, spacing, kind, flags, dtype;
  for (axes = 1; axes <= 4; axes++)
    for (spacing = 0; spacing < 2; spacing++)
      for (kind = SEGLOSS_SIGNED; kind <= SEGLOSS_OTHER_SIDE; kind++)
        for (flags = 0; flags <= SEGLOSS_DISTANCE_BLACK_BORDER; flags += SEGLOSS_DISTANCE_BLACK_BORDER)
          for (dtype = 0; dtype < 2; dtype++) {
            memset(&distance, 0, sizeof distance);
            distance.struct_size = sizeof distance;
            distance.kind = kind;
            distance.flags = flags;
            distance.classes = dtype ? C : 0;
            distance.mask = tensor(labels, SEGLOSS_U8, axes, shapes[axes - 1]);
            distance.spacing = spacings[spacing];
            distance.out.data = gradient;
            distance.out.dtype = dtype ? SEGLOSS_F64 : SEGLOSS_F32;
            distance.scratch = scratch;
            distance.scratch_size = sizeof scratch;
            bytes = depth(call_distance);
            CHECK(status == SEGLOSS_OK);
            most = bytes > most ? bytes : most;
          }
  return most;
}

int main(void) {
  size_t run, distances;
  int i;
  for (i = 0; i < B * N; i++) labels[i] = (uint8_t)(i * 7 % 5 % C);
  run = deepest_run();
  distances = deepest_distance();
  printf("segloss_run %lu of %lu bytes, segloss_distance %lu of %lu\n", (unsigned long)run,
         (unsigned long)RUN, (unsigned long)distances, (unsigned long)DISTANCE);
  CHECK(run <= RUN && distances <= DISTANCE);
  puts("passed");
  return 0;
}
