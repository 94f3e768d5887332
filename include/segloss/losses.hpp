// The forms: parameters with the defaults of the paper; numbers are its equations. Each fills the fields of a C term
// that it names, and only the getters of forms that are used are linked.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

#ifndef SEGLOSS_LOSSES_HPP
#define SEGLOSS_LOSSES_HPP

#include <cstdint>

#include "modes.hpp"

namespace segloss {
inline namespace SEGLOSS_MODE {

using ClassSums = segloss_class_sums;

enum class Normalizer : std::uint32_t { voxels = SEGLOSS_NORMALIZE_BY_VOXELS, class_weight = SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT };
enum class Selection : std::uint32_t { fraction = SEGLOSS_TOPK_FRACTION, threshold = SEGLOSS_TOPK_THRESHOLD };
enum class Squares : std::uint32_t { linear = SEGLOSS_DICE_LINEAR, squared = SEGLOSS_DICE_SQUARED };
enum class Volume : std::uint32_t {
  inverse_square = SEGLOSS_GDICE_INVERSE_SQUARE,
  inverse = SEGLOSS_GDICE_INVERSE,
  uniform = SEGLOSS_GDICE_UNIFORM,
};
enum class Sides : std::uint32_t { both = 0, target = SEGLOSS_HAUSDORFF_TARGET_ONLY, prediction = SEGLOSS_HAUSDORFF_PREDICTION_ONLY };

// Smoothing of a ratio, in voxels. One number is both.
struct Smooth {
  double numerator, denominator;
  constexpr Smooth(double both = 1e-5) noexcept : numerator(both), denominator(both) {}
  constexpr Smooth(double above, double below) noexcept : numerator(above), denominator(below) {}
  void fill(segloss_term& term) const noexcept {
    term.smooth_numerator = numerator;
    term.smooth_denominator = denominator;
  }
};

struct CrossEntropy {  // (2), (3)
  double label_smoothing = 0.0;
  Normalizer normalizer = Normalizer::voxels;
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_cross_entropy();
    term.label_smoothing = label_smoothing;
    term.normalizer = static_cast<std::uint32_t>(normalizer);
  }
};

struct TopK {  // (4)
  double k = 0.1;
  Selection selection = Selection::fraction;
  const segloss_top_k_search* search = nullptr;  // by fraction in parts: a search that is done
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_top_k();
    term.variant = static_cast<std::uint32_t>(selection);
    term.k = k;
    term.top_k_search = search;
  }
};

struct Focal {  // (5)
  double gamma = 2.0;
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_focal();
    term.gamma = gamma;
  }
};

struct DistancePenalized {  // (6)
  void fill(segloss_term& term) const noexcept { term.loss = segloss_distance_penalized(); }
};

struct SensitivitySpecificity {  // (7)
  double sensitivity = 0.05;
  double smooth_denominator = 1e-5;
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_sensitivity_specificity();
    term.alpha = sensitivity;
    term.smooth_denominator = smooth_denominator;
  }
};

struct Dice {  // (8)
  Squares squares = Squares::linear;
  Smooth smooth{};
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_dice();
    term.variant = static_cast<std::uint32_t>(squares);
    smooth.fill(term);
  }
};

struct Iou {  // (9)
  Squares squares = Squares::linear;
  Smooth smooth{};
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_iou();
    term.variant = static_cast<std::uint32_t>(squares);
    smooth.fill(term);
  }
};

struct Tversky {  // (10)
  double alpha = 0.3;  // of false positives
  double beta = 0.7;   // of false negatives
  Smooth smooth{};
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_tversky();
    term.alpha = alpha;
    term.beta = beta;
    smooth.fill(term);
  }
};

struct GeneralizedDice {  // (11)
  Volume volume = Volume::inverse_square;
  Smooth smooth{};
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_generalized_dice();
    term.variant = static_cast<std::uint32_t>(volume);
    smooth.fill(term);
  }
};

struct FocalTversky {  // (12)
  double alpha = 0.3;
  double beta = 0.7;
  double gamma = 4.0 / 3.0;
  Smooth smooth{};
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_focal_tversky();
    term.alpha = alpha;
    term.beta = beta;
    term.gamma = gamma;
    smooth.fill(term);
  }
};

struct AsymmetricSimilarity {  // (13)
  double beta = 1.5;
  Smooth smooth{};
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_asymmetric_similarity();
    term.beta = beta;
    smooth.fill(term);
  }
};

struct Penalty {  // (14)
  double k = 2.5;
  Volume volume = Volume::inverse_square;
  Smooth smooth{};
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_penalty();
    term.variant = static_cast<std::uint32_t>(volume);
    term.k = k;
    smooth.fill(term);
  }
};

struct Boundary {  // class 0 of two or more is left out where no class weights are given
  bool rim_zero = false;
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_boundary();
    term.variant = rim_zero ? SEGLOSS_BOUNDARY_RIM_ZERO : 0u;
  }
};

struct Hausdorff {  // by distance transform; class 0 as in Boundary
  double alpha = 2.0;
  Sides sides = Sides::both;
  bool argmax = false;
  bool interior = false;
  bool logarithmic = false;
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_hausdorff();
    term.variant = static_cast<std::uint32_t>(sides) | (argmax ? SEGLOSS_HAUSDORFF_ARGMAX : 0u) |
                   (interior ? SEGLOSS_HAUSDORFF_INTERIOR : 0u) | (logarithmic ? SEGLOSS_HAUSDORFF_LOG : 0u);
    term.alpha = alpha;
  }
};

struct BalancedCrossEntropy {  // combo's first half (15)
  double beta = 0.5;
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_balanced_cross_entropy();
    term.beta = beta;
  }
};

struct LogDice {  // exponential logarithmic's first half (16)
  double gamma = 0.3;
  Smooth smooth{};
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_log_dice();
    term.gamma = gamma;
    smooth.fill(term);
  }
};

struct PowerCrossEntropy {  // exponential logarithmic's second half (16)
  double gamma = 0.3;
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_power_cross_entropy();
    term.gamma = gamma;
  }
};

// A region loss of one's own: double score(const ClassSums& sums, ClassSums& slope), which must not throw.
struct CustomRegion {
  segloss_region_function region = nullptr;
  void* context = nullptr;
  template <class Score>
  static CustomRegion of(Score& score) noexcept {
    return {[](void* callable, const ClassSums* sums, ClassSums* slope) noexcept -> double {
              return (*static_cast<Score*>(callable))(*sums, *slope);
            },
            const_cast<void*>(static_cast<const void*>(&score))};
  }
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_custom_region();
    term.region = region;
    term.context = context;
  }
};

}  // inline namespace SEGLOSS_MODE
}  // namespace segloss

#endif  // SEGLOSS_LOSSES_HPP
