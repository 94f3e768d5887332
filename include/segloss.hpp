// segloss for C++17 and up: typed terms, tensors that own their shapes, exceptions or results. Header only, over
// the C library of segloss.h; nothing here allocates.
//
//   segloss::WeightedSum loss{{1.0, segloss::Dice{.smooth = 1e-5}, {.exclude_background = true}},   // designators: C++20
//                      {1.0, segloss::CrossEntropy{}}};
//   segloss::Batch batch{.activation = segloss::Activation::softmax,
//                        .pred = {logits, {2, 4, 96, 96, 96}},
//                        .target = {labels, {2, 96, 96, 96}}};
//   std::vector<std::byte> scratch(loss.scratch_size(batch));
//   double value = loss.run(batch, {.grad = gradient}, scratch);
//
// Failures are thrown as segloss::Error. With SEGLOSS_EXCEPTIONS defined as 0, the default where exceptions are
// switched off, every function returns a segloss::Result instead. Both may meet in one program.
//
// Data is borrowed: what a Batch, a Term or an Outputs points to lives until the call returns. Shapes are copied.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

#ifndef SEGLOSS_HPP
#define SEGLOSS_HPP

#include "segloss/arguments.hpp"  // Term, Options, Batch, Outputs, Executor
#include "segloss/distance.hpp"   // Distance
#include "segloss/error.hpp"   // Error, Result
#include "segloss/losses.hpp"      // Dice, CrossEntropy, Boundary, ...
#include "segloss/loss.hpp"       // Loss: scratch_size, run, fold, finish, map; distance_field, class_weights
#include "segloss/presets.hpp"    // presets::combo, ...
#include "segloss/tensor.hpp"     // Tensor, Output, dtype_of

namespace segloss {
inline namespace SEGLOSS_MODE {

inline std::uint32_t version() noexcept { return segloss_version(); }
inline std::uint32_t cpu_level() noexcept { return segloss_cpu_level(); }

}  // inline namespace SEGLOSS_MODE
}  // namespace segloss

#endif  // SEGLOSS_HPP
