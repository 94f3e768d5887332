// Compound losses by name; their weights and options may be changed.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

#ifndef SEGLOSS_PRESETS_HPP
#define SEGLOSS_PRESETS_HPP

#include <cstddef>

#include "loss.hpp"

namespace segloss {
inline namespace SEGLOSS_MODE {

namespace presets {

namespace detail {
inline WeightedSum fill(segloss_status (*preset)(segloss_term*, std::size_t, std::size_t*)) noexcept {
  segloss_term terms[SEGLOSS_MAX_TERMS];
  std::size_t count = 0;
  preset(terms, sizeof terms[0], &count);  // fails for NULL only
  return {Term(terms[0]), Term(terms[1])};
}
}  // namespace detail

// Dice without background + cross entropy: nnU-Net's.
inline WeightedSum dice_cross_entropy() noexcept { return detail::fill(segloss_preset_dice_cross_entropy); }
// Combo (15): a half of balanced cross entropy, a half of minus Dice with smoothing 1.
inline WeightedSum combo() noexcept { return detail::fill(segloss_preset_combo); }
// Exponential logarithmic (16): 0.8 of logarithmic Dice, 0.2 of power cross entropy.
inline WeightedSum exponential_logarithmic() noexcept { return detail::fill(segloss_preset_exponential_logarithmic); }
// Dice without background + TopK of the hardest tenth: nnU-Net's.
inline WeightedSum dice_top_k() noexcept { return detail::fill(segloss_preset_dice_top_k); }
// Dice + focal: AnatomyNet's.
inline WeightedSum dice_focal() noexcept { return detail::fill(segloss_preset_dice_focal); }
// Generalized Dice + 0.01 boundary: Kervadec's, at the start of a schedule that raises loss[1].weight.
inline WeightedSum generalized_dice_boundary() noexcept { return detail::fill(segloss_preset_generalized_dice_boundary); }
// Dice without background + Hausdorff.
inline WeightedSum dice_hausdorff() noexcept { return detail::fill(segloss_preset_dice_hausdorff); }

}  // namespace presets

}  // inline namespace SEGLOSS_MODE
}  // namespace segloss

#endif  // SEGLOSS_PRESETS_HPP
