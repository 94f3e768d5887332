// The losses: structs of their parameters with the defaults of segloss_term_init. Equations, units and default class
// weights stand at the getters of segloss.h; the numbers are those of the equations in arXiv:2005.13449. A program links
// only the losses that it uses.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

#ifndef SEGLOSS_LOSSES_HPP
#define SEGLOSS_LOSSES_HPP

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "modes.hpp"

namespace segloss {
inline namespace SEGLOSS_MODE {

using ClassSums = segloss_class_sums;

// Smoothing of a ratio, finite and >= 0, in voxels. One number sets both.
struct Smooth {
  double numerator, denominator;
  constexpr Smooth(double both = 1e-5) noexcept : numerator(both), denominator(both) {}
  constexpr Smooth(double of_numerator, double of_denominator) noexcept
      : numerator(of_numerator), denominator(of_denominator) {}
  void fill(segloss_term& term) const noexcept {
    term.smooth_numerator = numerator;
    term.smooth_denominator = denominator;
  }
};

// Generated from src/table, down to CustomRegion: SEGLOSS_UPDATE=1 cargo test --test generated.

// The sum that cross entropy is divided by.
enum class Normalizer : std::uint32_t {
  voxels = SEGLOSS_NORMALIZE_BY_VOXELS,              // the sum of the voxel weights
  class_weight = SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT,  // the sum of voxel weight times class weight of the target class
};
// What k of TopK is.
enum class Selection : std::uint32_t { fraction = SEGLOSS_TOPK_FRACTION, threshold = SEGLOSS_TOPK_THRESHOLD };
// What the denominator of Dice and IoU sums: probabilities or squares.
enum class Squares : std::uint32_t { linear = SEGLOSS_DICE_LINEAR, squared = SEGLOSS_DICE_SQUARED };
// The class weights of generalized Dice, by the target volume G of a class.
enum class Volume : std::uint32_t {
  inverse_square = SEGLOSS_GDICE_INVERSE_SQUARE,  // 1/G^2
  inverse = SEGLOSS_GDICE_INVERSE,                // 1/G
  uniform = SEGLOSS_GDICE_UNIFORM,                // equal
};
// The masks whose distances weight the Hausdorff loss.
enum class Sides : std::uint32_t {
  both = 0,
  target = SEGLOSS_HAUSDORFF_TARGET_ONLY,
  prediction = SEGLOSS_HAUSDORFF_PREDICTION_ONLY,
};

// Cross entropy (2) and, with class weights, weighted cross entropy (3).
struct CrossEntropy {
  double label_smoothing = 0.0;  // in [0, 1]
  Normalizer normalizer = Normalizer::voxels;
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_cross_entropy();
    term.label_smoothing = label_smoothing;
    term.normalizer = static_cast<std::uint32_t>(normalizer);
  }
};

// TopK cross entropy (4): cross entropy of the voxels K with the highest loss.
struct TopK {
  double k = 0.1;  // fraction of the counted voxels or probability threshold, in (0, 1]
  Selection selection = Selection::fraction;
  const segloss_top_k_search* search = nullptr;  // by fraction in parts: a search that is done
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_top_k();
    term.k = k;
    term.variant = static_cast<std::uint32_t>(selection);
    term.top_k_search = search;
  }
};

// Focal loss (5): cross entropy down-weighted for well-classified voxels.
struct Focal {
  double gamma = 2.0;  // finite and >= 0
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_focal();
    term.gamma = gamma;
  }
};

// Distance-penalised cross entropy (6): cross entropy weighted up near the boundaries of the target.
struct DistancePenalized {
  void fill(segloss_term& term) const noexcept { term.loss = segloss_distance_penalized(); }
};

// Sensitivity-specificity loss (7).
struct SensitivitySpecificity {
  double sensitivity = 0.05;         // weight of sensitivity, in [0, 1]
  double smooth_denominator = 1e-5;  // finite and >= 0, in voxels
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_sensitivity_specificity();
    term.alpha = sensitivity;
    term.smooth_denominator = smooth_denominator;
  }
};

// Dice loss (8).
struct Dice {
  Squares squares = Squares::linear;
  Smooth smooth{};
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_dice();
    term.variant = static_cast<std::uint32_t>(squares);
    smooth.fill(term);
  }
};

// IoU (Jaccard) loss (9).
struct Iou {
  Squares squares = Squares::linear;
  Smooth smooth{};
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_iou();
    term.variant = static_cast<std::uint32_t>(squares);
    smooth.fill(term);
  }
};

// Tversky loss (10).
struct Tversky {
  double alpha = 0.3;  // weight of false positives, finite and >= 0
  double beta = 0.7;   // weight of false negatives, finite and >= 0
  Smooth smooth{};
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_tversky();
    term.alpha = alpha;
    term.beta = beta;
    smooth.fill(term);
  }
};

// Generalized Dice loss (11): one Dice over all classes, weighted by their size.
struct GeneralizedDice {
  Volume volume = Volume::inverse_square;
  Smooth smooth{};
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_generalized_dice();
    term.variant = static_cast<std::uint32_t>(volume);
    smooth.fill(term);
  }
};

// Focal Tversky loss (12): Tversky to the power of 1/gamma.
struct FocalTversky {
  double alpha = 0.3;        // weight of false positives, finite and >= 0
  double beta = 0.7;         // weight of false negatives, finite and >= 0
  double gamma = 4.0 / 3.0;  // finite and > 0
  Smooth smooth{};
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_focal_tversky();
    term.alpha = alpha;
    term.beta = beta;
    term.gamma = gamma;
    smooth.fill(term);
  }
};

// Asymmetric similarity loss (13): 1 minus the F_beta score.
struct AsymmetricSimilarity {
  double beta = 1.5;  // finite and >= 0, above 1 favours recall
  Smooth smooth{};
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_asymmetric_similarity();
    term.beta = beta;
    smooth.fill(term);
  }
};

// Penalty loss (14), also called pGD.
struct Penalty {
  double k = 2.5;  // penalty strength, finite and >= 0, 0 is generalized Dice
  Volume volume = Volume::inverse_square;
  Smooth smooth{};
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_penalty();
    term.k = k;
    term.variant = static_cast<std::uint32_t>(volume);
    smooth.fill(term);
  }
};

// Boundary loss: the mean of predicted probability times signed distance.
struct Boundary {
  bool rim_zero = false;  // inside, the distance is -(d - smallest spacing), 0 at the inner rim
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_boundary();
    term.variant = rim_zero ? SEGLOSS_BOUNDARY_RIM_ZERO : 0u;
  }
};

// Hausdorff loss by distance transform.
struct Hausdorff {
  double alpha = 2.0;  // exponent of the distances, finite and > 0
  Sides sides = Sides::both;
  bool argmax = false;       // the mask of the prediction is the argmax over the classes instead of s > 0.5
  bool interior = false;     // distances are 0 outside of their mask
  bool logarithmic = false;  // the value is log(1 + L)
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_hausdorff();
    term.alpha = alpha;
    term.variant = static_cast<std::uint32_t>(sides) | (argmax ? SEGLOSS_HAUSDORFF_ARGMAX : 0u) |
                   (interior ? SEGLOSS_HAUSDORFF_INTERIOR : 0u) | (logarithmic ? SEGLOSS_HAUSDORFF_LOG : 0u);
  }
};

// Balanced cross entropy, the cross entropy part of combo loss (15).
struct BalancedCrossEntropy {
  double beta = 0.5;  // weight of the positive outcome, in [0, 1]
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_balanced_cross_entropy();
    term.beta = beta;
  }
};

// Power cross entropy, the cross entropy part of exponential logarithmic loss (16).
struct PowerCrossEntropy {
  double gamma = 0.3;  // exponent, finite and >= 0
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_power_cross_entropy();
    term.gamma = gamma;
  }
};

// Logarithmic Dice, the Dice part of exponential logarithmic loss (16).
struct LogDice {
  double gamma = 0.3;  // exponent, finite and >= 0
  Smooth smooth{};
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_log_dice();
    term.gamma = gamma;
    smooth.fill(term);
  }
};

// A region loss of the caller: double evaluate(const ClassSums& sums, ClassSums& slope). It returns the value of one
// class and writes the derivative of the value by the sums of the prediction to slope, which is all zero on entry. It
// must not throw.
struct CustomRegion {
  segloss_region_function region = nullptr;
  void* context = nullptr;
  // Borrows a callable, which has to outlive the calls that use it.
  template <class Evaluate>
  static CustomRegion of(Evaluate& evaluate) noexcept {
    return {[](void* callable, const ClassSums* sums, ClassSums* slope) noexcept -> double {
              return (*static_cast<Evaluate*>(callable))(*sums, *slope);
            },
            const_cast<void*>(static_cast<const void*>(&evaluate))};
  }
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_custom_region();
    term.region = region;
    term.context = context;
  }
};

// The voxels of a custom voxel loss, of type float or double: segloss_voxel_rows describes the rows.
template <class T>
struct VoxelRows {
  std::size_t count;
  const T *probability, *complement, *log_probability, *target;
  const T* field;  // null if the term has none
  T *value, *slope;

  explicit VoxelRows(const segloss_voxel_rows& rows) noexcept
      : count(rows.count),
        probability(static_cast<const T*>(rows.probability)),
        complement(static_cast<const T*>(rows.complement)),
        log_probability(static_cast<const T*>(rows.log_probability)),
        target(static_cast<const T*>(rows.target)),
        field(static_cast<const T*>(rows.field)),
        value(static_cast<T*>(rows.value)),
        slope(static_cast<T*>(rows.slope)) {}
};

// Which outcomes of a voxel contribute to a custom voxel loss, and how the classes are combined.
enum class Contribution : std::uint32_t {
  likelihood = SEGLOSS_VOXEL_LIKELIHOOD,
  true_class = SEGLOSS_VOXEL_TRUE_CLASS,
  both_outcomes = SEGLOSS_VOXEL_BOTH_OUTCOMES,
  all_classes = SEGLOSS_VOXEL_ALL_CLASSES,
};

// A voxel loss of the caller: void evaluate(const VoxelRows<T>& rows) const noexcept, for T = float and T = double,
// such as a generic lambda. It writes value and slope of each voxel. Several threads of the executor call it at a time.
struct CustomVoxel {
  segloss_voxel_function voxel = nullptr;
  void* context = nullptr;
  Contribution contribution = Contribution::likelihood;
  // Borrows a callable, which has to outlive the calls that use it.
  template <class Evaluate>
  static CustomVoxel of(Evaluate& evaluate, Contribution contribution = Contribution::likelihood) noexcept {
    static_assert(std::is_nothrow_invocable_v<const Evaluate&, const VoxelRows<float>&> &&
                      std::is_nothrow_invocable_v<const Evaluate&, const VoxelRows<double>&>,
                  "a custom voxel loss is const and noexcept, for rows of float and of double");
    return {[](void* callable, const segloss_voxel_rows* rows) noexcept {
              const Evaluate& loss = *static_cast<const Evaluate*>(callable);
              if (rows->dtype == SEGLOSS_F64) loss(VoxelRows<double>(*rows));
              else loss(VoxelRows<float>(*rows));
            },
            const_cast<void*>(static_cast<const void*>(&evaluate)), contribution};
  }
  void fill(segloss_term& term) const noexcept {
    term.loss = segloss_custom_voxel();
    term.variant = static_cast<std::uint32_t>(contribution);
    term.voxel = voxel;
    term.voxel_context = context;
  }
};

}  // inline namespace SEGLOSS_MODE
}  // namespace segloss

#endif  // SEGLOSS_LOSSES_HPP
