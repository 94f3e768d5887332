/* SEGLOSS_SCRATCH_BYTES bounds the scratch of every loss but TopK without fields and executor, for every shape. */
#include "check.h"
#include "table.h"

static double unused_region(void *context, const segloss_class_sums *sums, segloss_class_sums *slope) {
  (void)context, (void)sums, (void)slope;
  return 0;
}

static void unused_voxel(void *context, const segloss_voxel_rows *rows) { (void)context, (void)rows; }

static size_t query(const segloss_term *terms, size_t n_terms, const segloss_args *args) {
  size_t bytes = 0;
  CHECK(segloss_scratch_size(terms, n_terms, args, &bytes) == SEGLOSS_OK && bytes > 0);
  return bytes;
}

/* The losses, and the fields that each uses. */
#define LOSS(name, type, uses, variants) {segloss_##name, uses},
static const struct {
  const segloss_loss *(*loss)(void);
  size_t uses;
} all[] = {EVERY_LOSS(LOSS) {segloss_custom_region, USES_REGION}, {segloss_custom_voxel, USES_VOXEL}};
enum { ALL = sizeof all / sizeof all[0] };

int main(void) {
  static const int64_t samples[] = {1, 2, 3, 17, 64, 1000};
  static const int64_t classes[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 34, 47, 48, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1000, 4096};
  static const int64_t extents[] = {1, 64, 65, SEGLOSS_CHUNK, 3 * SEGLOSS_CHUNK + 1, 1 << 28};
  static const uint32_t dtypes[] = {SEGLOSS_F16, SEGLOSS_BF16, SEGLOSS_F32, SEGLOSS_F64};
  static const uint32_t activations[] = {SEGLOSS_SOFTMAX, SEGLOSS_SIGMOID, SEGLOSS_PROBABILITY};
  segloss_term terms[ALL];
  size_t b, c, n, d, a, k, count = 0;
  for (k = 0; k < ALL; k++) {
    segloss_term *term = &terms[count];
    if (all[k].uses & (USES_FIELD | USES_TOP_K_SEARCH)) continue;
    count++;
    CHECK(segloss_term_init(all[k].loss(), term, sizeof *term) == SEGLOSS_OK);
    if (all[k].uses & USES_REGION) term->region = unused_region;
    if (all[k].uses & USES_VOXEL) term->voxel = unused_voxel, term->variant = SEGLOSS_VOXEL_BOTH_OUTCOMES;
    /* The variant that needs more scratch, if there is one. */
    if (all[k].loss == segloss_dice || all[k].loss == segloss_iou) term->variant = SEGLOSS_DICE_SQUARED;
  }
  CHECK(count >= SEGLOSS_MAX_TERMS);
  for (b = 0; b < sizeof samples / sizeof samples[0]; b++)
    for (c = 0; c < sizeof classes / sizeof classes[0]; c++)
      for (n = 0; n < sizeof extents / sizeof extents[0]; n++)
        for (d = 0; d < sizeof dtypes / sizeof dtypes[0]; d++)
          for (a = 0; a < sizeof activations / sizeof activations[0]; a++) {
            const size_t most = SEGLOSS_SCRATCH_BYTES((size_t)samples[b], (size_t)classes[c]);
            int64_t shape[3], flat[2];
            segloss_args args;
            shape[0] = flat[0] = samples[b];
            shape[1] = classes[c];
            shape[2] = flat[1] = extents[n];
            if (classes[c] == 1 && activations[a] == SEGLOSS_SOFTMAX) continue;
            /* Skips arrays that a 32-bit address space cannot hold. */
            if (8.0 * (double)samples[b] * (double)classes[c] * (double)extents[n] > (double)(SIZE_MAX / 2)) continue;
            CHECK(segloss_args_init(&args, sizeof args) == SEGLOSS_OK);
            args.activation = activations[a];
            args.pred = tensor(NULL, dtypes[d], 3, shape);
            args.target = tensor(NULL, SEGLOSS_I64, 2, flat);
            args.voxel_weight = tensor(NULL, SEGLOSS_F32, 2, flat);
            for (k = 0; k < count; k++) CHECK(query(&terms[k], 1, &args) <= most);
            /* Four terms at a time. */
            for (k = 0; k + SEGLOSS_MAX_TERMS <= count; k++)
              CHECK(query(&terms[k], SEGLOSS_MAX_TERMS, &args) <= most);
            /* Masks and floating maps as targets. */
            args.target = tensor(NULL, SEGLOSS_U8, 3, shape);
            CHECK(query(&terms[count - SEGLOSS_MAX_TERMS], SEGLOSS_MAX_TERMS, &args) <= most);
            args.target = tensor(NULL, SEGLOSS_F64, 3, shape);
            CHECK(query(&terms[count - SEGLOSS_MAX_TERMS], SEGLOSS_MAX_TERMS, &args) <= most);
          }
  puts("passed");
  return 0;
}
