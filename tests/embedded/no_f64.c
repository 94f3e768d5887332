/* A library built with segloss_no_f64 refuses predictions of f64 before it writes, and computes those of f32. */
#include "../c/check.h"

static float logits[4] = {1, 0, 0, 1}, gradient[4];
static double logits64[4] = {1, 0, 0, 1}, gradient64[4] = {7, 7, 7, 7};
static uint8_t labels[2] = {0, 1};
static unsigned char scratch[SEGLOSS_SCRATCH_BYTES(1, 2)];

int main(void) {
  static const int64_t shape[] = {1, 2, 2}, flat[] = {1, 2};
  double value = 7;
  segloss_error error;
  segloss_term term;
  segloss_args args;
  segloss_term_init(segloss_cross_entropy(), &term, sizeof term);
  segloss_args_init(&args, sizeof args);
  args.activation = SEGLOSS_SOFTMAX;
  args.target = tensor(labels, SEGLOSS_U8, 2, flat);
  args.value = &value;
  args.error = &error;
  args.scratch = scratch;
  args.scratch_size = sizeof scratch;
  args.pred = tensor(logits64, SEGLOSS_F64, 3, shape);
  args.grad.data = gradient64;
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_DTYPE);
  CHECK(value == 7 && gradient64[0] == 7 && gradient64[3] == 7);
  args.pred = tensor(logits, SEGLOSS_F32, 3, shape);
  args.grad.data = gradient;
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK);
  /* ln(1 + 1/e) of both voxels. */
  CHECK(value > 0.31326 && value < 0.31327);
  puts("passed");
  return 0;
}
