// segloss for C++17 and up: losses for semantic segmentation and their exact gradients. Header only, over the C library
// of segloss.h. Nothing here allocates memory.
//
//   #include <cstddef>
//   #include <cstdint>
//   #include <cstdio>
//   #include <vector>
//   #include "segloss.hpp"
//
//   int main() {
//     std::vector<float> logits(2 * 16), gradient(2 * 16);
//     std::vector<std::uint8_t> labels(16);
//     for (std::size_t i = 0; i < 16; i++) labels[i] = i % 4 < 2;
//
//     const segloss::WeightedSum loss{{1.0, segloss::Dice{}}, {1.0, segloss::CrossEntropy{}}};
//     segloss::Batch batch;
//     batch.activation = segloss::Activation::softmax;
//     batch.pred = {logits, {1, 2, 4, 4}};    // [B,C,...]
//     batch.target = {labels, {1, 4, 4}};     // [B,...]
//     segloss::Outputs outputs;
//     outputs.grad = gradient;
//
//     try {
//       std::vector<std::byte> scratch(loss.scratch_size(batch));
//       const double value = loss.run(batch, outputs, scratch);
//       std::printf("value %f, first gradient %f\n", value, static_cast<double>(gradient[0]));
//     } catch (const segloss::Error& error) {
//       std::fprintf(stderr, "%s\n", error.what());
//       return 1;
//     }
//   }
//
// C++20 writes the same with designated initialisers: loss.run(batch, {.grad = gradient}, scratch).
//
// A failed call throws segloss::Error. With SEGLOSS_EXCEPTIONS defined as 0, the default where exceptions are switched
// off, every function returns a segloss::Result instead. Both kinds of translation units link into one program.
//
// Data is borrowed: what a Batch, a Term or an Outputs points to has to stay valid until the call returns. Shapes and
// strides are copied. The comments of segloss.h hold here too: its structs, equations, ranges and rules.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

#ifndef SEGLOSS_HPP
#define SEGLOSS_HPP

#include "segloss/arguments.hpp"  // Term, Options, Batch, Outputs, Executor
#include "segloss/distance.hpp"   // Distance
#include "segloss/error.hpp"      // Error, Result
#include "segloss/loss.hpp"       // WeightedSum: scratch_size, run, accumulate, finalize, backward; class_weights, ...
#include "segloss/losses.hpp"     // Dice, CrossEntropy, Boundary, ...
#include "segloss/presets.hpp"    // presets::combo, ...
#include "segloss/tensor.hpp"     // Tensor, Output, dtype_of

namespace segloss {
inline namespace SEGLOSS_MODE {

// The version of the linked library: major << 16 | minor << 8 | patch.
inline std::uint32_t version() noexcept { return segloss_version(); }
// The vector instructions in use: 1 baseline, 2 AVX2 with FMA and F16C, 3 AVX-512.
inline std::uint32_t cpu_level() noexcept { return segloss_cpu_level(); }

}  // inline namespace SEGLOSS_MODE
}  // namespace segloss

#endif  // SEGLOSS_HPP
