/* A shape that is longer than the labels, so that the library reads 64 bytes past them. AddressSanitizer has to
 * report it. If the program reaches its end, the library was built without AddressSanitizer. */
#include "../check.h"

int main(void) {
  enum { N = 4096 };
  static const int64_t pred_shape[] = {1, 2, N}, target_shape[] = {1, N};
  segloss_term term;
  segloss_args args;
  size_t needed = 0;
  double value = 0;
  CHECK(segloss_term_init(segloss_cross_entropy(), &term, sizeof term) == SEGLOSS_OK);
  CHECK(segloss_args_init(&args, sizeof args) == SEGLOSS_OK);
  args.activation = SEGLOSS_SOFTMAX;
  args.pred = tensor(calloc(2 * N, sizeof(float)), SEGLOSS_F32, 3, pred_shape);
  args.target = tensor(calloc(N - 64, 1), SEGLOSS_U8, 2, target_shape);
  args.value = &value;
  CHECK(segloss_scratch_size(&term, 1, &args, &needed) == SEGLOSS_OK);
  args.scratch = calloc(needed, 1);
  args.scratch_size = needed;
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK);
  puts("the read past the labels was not reported");
  return 0;
}
