// Compound losses by name. Weights and options of their terms may be changed: loss[1].weight = 0.5.
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
  preset(terms, sizeof terms[0], &count);  // fails only for null pointers and another struct size
  return {Term(terms[0]), Term(terms[1])};
}
}  // namespace detail

// Dice without background + cross entropy, the loss of nnU-Net.
inline WeightedSum dice_cross_entropy() noexcept { return detail::fill(segloss_preset_dice_cross_entropy); }
// Combo loss (15): 0.5 balanced cross entropy + 0.5 (Dice loss - 1), Dice with smoothing 1.
inline WeightedSum combo() noexcept { return detail::fill(segloss_preset_combo); }
// Exponential logarithmic loss (16): 0.8 logarithmic Dice + 0.2 power cross entropy.
inline WeightedSum exponential_logarithmic() noexcept { return detail::fill(segloss_preset_exponential_logarithmic); }
// Dice without background + TopK with k = 0.1, a loss of nnU-Net.
inline WeightedSum dice_top_k() noexcept { return detail::fill(segloss_preset_dice_top_k); }
// Dice + focal loss, the loss of AnatomyNet.
inline WeightedSum dice_focal() noexcept { return detail::fill(segloss_preset_dice_focal); }
// Generalized Dice + 0.01 boundary (Kervadec et al.). Raise loss[1].weight during training.
inline WeightedSum generalized_dice_boundary() noexcept {
  return detail::fill(segloss_preset_generalized_dice_boundary);
}
// Dice without background + Hausdorff by distance transform.
inline WeightedSum dice_hausdorff() noexcept { return detail::fill(segloss_preset_dice_hausdorff); }

}  // namespace presets

}  // inline namespace SEGLOSS_MODE
}  // namespace segloss

#endif  // SEGLOSS_PRESETS_HPP
