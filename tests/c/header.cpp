// segloss.h from C++11: a sum of two losses, whose softmax gradient sums to 0 over the classes.
#include "segloss.h"
#include <cmath>
#include <cstdio>
#include <vector>

int main() {
  const int64_t shape[] = {1, 2, 4}, flat[] = {1, 4};
  const std::vector<float> logits = {0.5F, -1.0F, 2.0F, 0.0F, 1.5F, 0.25F, -2.0F, 0.0F};
  const std::vector<int64_t> labels = {1, 0, 0, 1};
  std::vector<float> gradient(8, 0.0F);
  std::vector<unsigned char> scratch(SEGLOSS_SCRATCH_BYTES(1, 2));
  segloss_term terms[2];
  segloss_args args;
  double value = -1;
  if (segloss_term_init(segloss_dice(), &terms[0], sizeof terms[0]) != SEGLOSS_OK) return 1;
  if (segloss_term_init(segloss_cross_entropy(), &terms[1], sizeof terms[1]) != SEGLOSS_OK) return 1;
  if (segloss_args_init(&args, sizeof args) != SEGLOSS_OK) return 1;
  args.activation = SEGLOSS_SOFTMAX;
  args.pred = segloss_tensor{logits.data(), shape, nullptr, 3, SEGLOSS_F32};
  args.target = segloss_tensor{labels.data(), flat, nullptr, 2, SEGLOSS_I64};
  args.value = &value;
  args.grad = segloss_output{gradient.data(), nullptr, 0, 0};
  args.scratch = scratch.data();
  args.scratch_size = scratch.size();
  if (segloss_run(terms, 2, &args) != SEGLOSS_OK || !(value > 0)) return 1;
  for (std::size_t i = 0; i < 4; i++)
    if (std::fabs(gradient[i] + gradient[i + 4]) > 1e-7F) return 1;
  std::puts("passed");
  return 0;
}
