// The half types of PyTorch, Eigen and CUDA themselves: named by the trait, read and written.
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#if __has_include(<cuda_fp16.h>)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#define CUDA_HEADERS
#endif

#include <Eigen/Core>
#include <cmath>
#include <cstdio>
#include <vector>

#include "segloss.hpp"

template <class Half>
static bool runs(const char* name, segloss::Dtype expected, double rounding) {
  constexpr int64_t n = 41;
  std::vector<float> floats(2 * n), slopes(2 * n);
  std::vector<Half> halves(2 * n), gradient(2 * n);
  std::vector<uint8_t> labels(n);
  for (std::size_t i = 0; i < 2 * n; i++) {
    floats[i] = static_cast<float>(i * 13 % 47) / 16 - 1.5F;  // exact in eight digits
    halves[i] = Half(floats[i]);
  }
  for (std::size_t i = 0; i < n; i++) labels[i] = i % 3 == 1;
  std::vector<std::byte> scratch(SEGLOSS_SCRATCH_BYTES(1, 2));

  const segloss::WeightedSum loss{{1.0, segloss::Dice{}}, {1.0, segloss::CrossEntropy{}}};
  segloss::Batch batch{.activation = segloss::Activation::softmax,
                       .pred = {floats.data(), {1, 2, n}},
                       .target = {labels.data(), {1, n}}};
  const double value = loss.run(batch, {.grad = slopes.data(), .grad_scale = 64}, scratch);
  batch.pred = {halves.data(), {1, 2, n}};
  const double of_halves = loss.run(batch, {.grad = gradient.data(), .grad_scale = 64}, scratch);
  bool holds = of_halves == value && batch.pred.dtype == expected;
  for (std::size_t i = 0; i < 2 * n; i++)
    holds = holds && std::fabs(static_cast<float>(gradient[i]) - slopes[i]) <= rounding * std::fabs(slopes[i]);
  std::printf("  %-16s value %.6f, as of floats; gradient rounded: %s\n", name, of_halves, holds ? "holds" : "FAILS");
  return holds;
}

int main() {
  using segloss::Dtype;
  bool holds = runs<at::Half>("at::Half", Dtype::f16, 0x1p-11);
  holds &= runs<at::BFloat16>("at::BFloat16", Dtype::bf16, 0x1p-8);
  holds &= runs<Eigen::half>("Eigen::half", Dtype::f16, 0x1p-11);
  holds &= runs<Eigen::bfloat16>("Eigen::bfloat16", Dtype::bf16, 0x1p-8);
#ifdef CUDA_HEADERS
  holds &= runs<__half>("__half", Dtype::f16, 0x1p-11);
  holds &= runs<__nv_bfloat16>("__nv_bfloat16", Dtype::bf16, 0x1p-8);
#else
  std::puts("  no cuda_fp16.h here: __half and __nv_bfloat16 not tried");
#endif
  return holds ? 0 : 1;
}
