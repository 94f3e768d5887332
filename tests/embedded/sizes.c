/* A program of one loss, or with -DALL of every loss and of distances: what the linker leaves of the library. */
#include "segloss.h"
#include "../c/table.h"

enum { CLASSES = 4, VOXELS = 64 };
static float logits[CLASSES * VOXELS];
static uint8_t labels[VOXELS];
static unsigned char scratch[SEGLOSS_SCRATCH_BYTES(1, CLASSES)];

#ifdef ALL
#define GETTER(name, type, uses, variants) segloss_##name,
static const segloss_loss *(*const losses[])(void) = {EVERY_LOSS(GETTER) segloss_custom_region, segloss_custom_voxel};
#else
static const segloss_loss *(*const losses[])(void) = {segloss_dice};
#endif

int main(void) {
  static const int64_t shape[] = {1, CLASSES, VOXELS}, flat[] = {1, VOXELS};
  static volatile unsigned wanted; /* the compiler cannot know which */
  double value = 0;
  segloss_term term;
  segloss_args args;
  segloss_term_init(losses[wanted](), &term, sizeof term);
  segloss_args_init(&args, sizeof args);
  args.activation = SEGLOSS_SOFTMAX;
  args.pred.data = logits;
  args.grad.data = logits;
  args.pred.shape = shape;
  args.pred.ndim = 3;
  args.pred.dtype = SEGLOSS_F32;
  args.target.data = labels;
  args.target.shape = flat;
  args.target.ndim = 2;
  args.target.dtype = SEGLOSS_U8;
  args.value = &value;
  args.scratch = scratch;
  args.scratch_size = sizeof scratch;
  if (segloss_run(&term, 1, &args) != SEGLOSS_OK) return 1;
#ifdef ALL
  {
    segloss_distance_args distance = {0};
    distance.struct_size = sizeof distance;
    distance.kind = SEGLOSS_SIGNED;
    distance.mask = args.target;
    distance.out.data = logits;
    distance.scratch = scratch;
    distance.scratch_size = sizeof scratch;
    return segloss_distance(&distance);
  }
#else
  return 0;
#endif
}
