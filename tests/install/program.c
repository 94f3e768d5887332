/* A program outside of the library: it knows an installed prefix only. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <segloss.h>

/* Two voxels, one class, probabilities: Dice without smoothing is 1 - 2 (0.75) / (0.75 + 0.25 + 1) = 1/4. */
static const float probabilities[] = {0.75f, 0.25f};
static const uint8_t mask[] = {1, 0};
static const int64_t shape[] = {1, 1, 2}, flat[] = {1, 2};
static unsigned char scratch[SEGLOSS_SCRATCH_BYTES(1, 1)];

int main(void) {
  segloss_term dice;
  segloss_args args;
  segloss_error error;
  double value = -1;
  float gradient[2] = {0, 0};
  if (segloss_version() != SEGLOSS_VERSION) {
    fprintf(stderr, "the library is %x, its header %x\n", segloss_version(), SEGLOSS_VERSION);
    return 1;
  }
  segloss_term_init(segloss_dice(), &dice, sizeof dice);
  dice.smooth_numerator = dice.smooth_denominator = 0;
  segloss_args_init(&args, sizeof args);
  args.activation = SEGLOSS_PROBABILITY;
  args.pred = (segloss_tensor){probabilities, shape, NULL, 3, SEGLOSS_F32};
  args.target = (segloss_tensor){mask, flat, NULL, 2, SEGLOSS_U8};
  args.value = &value;
  args.grad.data = gradient;
  args.error = &error;
  args.scratch = scratch;
  args.scratch_size = sizeof scratch;
  if (segloss_run(&dice, 1, &args) != SEGLOSS_OK) {
    fprintf(stderr, "%s: %s\n", error.argument, error.expected);
    return 1;
  }
  /* With overlap o and all the probability and the truth a: -2 (g - o/a) / a, g the truth of the voxel. */
  if (value != 0.25 || fabsf(gradient[0] + 0.625f) > 1e-6f || fabsf(gradient[1] - 0.375f) > 1e-6f) {
    fprintf(stderr, "value %g, gradient %g, %g\n", value, (double)gradient[0], (double)gradient[1]);
    return 1;
  }
  puts("passed");
  return 0;
}
