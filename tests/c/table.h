/* The losses and presets that tests run over. Generated from src/table:
 * SEGLOSS_UPDATE=1 cargo test --test generated. */
#ifndef TABLE_H
#define TABLE_H

/* The fields of segloss_term that a loss uses. */
enum {
  USES_VARIANT = 1 << 0,
  USES_ALPHA = 1 << 1,
  USES_BETA = 1 << 2,
  USES_GAMMA = 1 << 3,
  USES_K = 1 << 4,
  USES_SMOOTH_NUMERATOR = 1 << 5,
  USES_SMOOTH_DENOMINATOR = 1 << 6,
  USES_LABEL_SMOOTHING = 1 << 7,
  USES_NORMALIZER = 1 << 8,
  USES_CLASS_AVERAGE = 1 << 9,
  USES_SAMPLE_AVERAGE = 1 << 10,
  USES_ABSENT = 1 << 11,
  USES_REGION = 1 << 12,
  USES_TOP_K_SEARCH = 1 << 13,
  USES_FIELD = 1 << 14,
  USES_FIELD_COMPLETE = 1 << 15,
  USES_VOXEL = 1 << 16
};

/* X(name, type in C++, fields that the loss uses, constants of its variant) of every loss but the caller's. */
#define EVERY_LOSS(X) \
  X(cross_entropy, CrossEntropy, USES_LABEL_SMOOTHING | USES_NORMALIZER, none) \
  X(top_k, TopK, USES_K | USES_VARIANT | USES_TOP_K_SEARCH, selection) \
  X(focal, Focal, USES_GAMMA, none) \
  X(distance_penalized, DistancePenalized, USES_FIELD, none) \
  X(sensitivity_specificity, SensitivitySpecificity, USES_ALPHA | USES_SMOOTH_DENOMINATOR | USES_CLASS_AVERAGE | \
    USES_SAMPLE_AVERAGE | USES_ABSENT, none) \
  X(dice, Dice, USES_VARIANT | USES_SMOOTH_NUMERATOR | USES_SMOOTH_DENOMINATOR | USES_CLASS_AVERAGE | \
    USES_SAMPLE_AVERAGE | USES_ABSENT, squares) \
  X(iou, Iou, USES_VARIANT | USES_SMOOTH_NUMERATOR | USES_SMOOTH_DENOMINATOR | USES_CLASS_AVERAGE | \
    USES_SAMPLE_AVERAGE | USES_ABSENT, squares) \
  X(tversky, Tversky, USES_ALPHA | USES_BETA | USES_SMOOTH_NUMERATOR | USES_SMOOTH_DENOMINATOR | USES_CLASS_AVERAGE | \
    USES_SAMPLE_AVERAGE | USES_ABSENT, none) \
  X(generalized_dice, GeneralizedDice, USES_VARIANT | USES_SMOOTH_NUMERATOR | USES_SMOOTH_DENOMINATOR | \
    USES_SAMPLE_AVERAGE | USES_ABSENT, volume) \
  X(focal_tversky, FocalTversky, USES_ALPHA | USES_BETA | USES_GAMMA | USES_SMOOTH_NUMERATOR | USES_SMOOTH_DENOMINATOR \
    | USES_CLASS_AVERAGE | USES_SAMPLE_AVERAGE | USES_ABSENT, none) \
  X(asymmetric_similarity, AsymmetricSimilarity, USES_BETA | USES_SMOOTH_NUMERATOR | USES_SMOOTH_DENOMINATOR | \
    USES_CLASS_AVERAGE | USES_SAMPLE_AVERAGE | USES_ABSENT, none) \
  X(penalty, Penalty, USES_K | USES_VARIANT | USES_SMOOTH_NUMERATOR | USES_SMOOTH_DENOMINATOR | USES_SAMPLE_AVERAGE | \
    USES_ABSENT, volume) \
  X(boundary, Boundary, USES_VARIANT | USES_FIELD, rim_zero) \
  X(hausdorff, Hausdorff, USES_ALPHA | USES_VARIANT | USES_FIELD_COMPLETE | USES_FIELD, sides) \
  X(balanced_cross_entropy, BalancedCrossEntropy, USES_BETA, none) \
  X(power_cross_entropy, PowerCrossEntropy, USES_GAMMA, none) \
  X(log_dice, LogDice, USES_GAMMA | USES_SMOOTH_NUMERATOR | USES_SMOOTH_DENOMINATOR | USES_CLASS_AVERAGE | \
    USES_SAMPLE_AVERAGE | USES_ABSENT, none)

/* X(loss, field, range) of every parameter. */
#define EVERY_NUMBER(X) \
  X(cross_entropy, label_smoothing, UNIT) \
  X(top_k, k, SHARE) \
  X(focal, gamma, NON_NEGATIVE) \
  X(sensitivity_specificity, alpha, UNIT) \
  X(sensitivity_specificity, smooth_denominator, NON_NEGATIVE) \
  X(dice, smooth_numerator, NON_NEGATIVE) \
  X(dice, smooth_denominator, NON_NEGATIVE) \
  X(iou, smooth_numerator, NON_NEGATIVE) \
  X(iou, smooth_denominator, NON_NEGATIVE) \
  X(tversky, alpha, NON_NEGATIVE) \
  X(tversky, beta, NON_NEGATIVE) \
  X(tversky, smooth_numerator, NON_NEGATIVE) \
  X(tversky, smooth_denominator, NON_NEGATIVE) \
  X(generalized_dice, smooth_numerator, NON_NEGATIVE) \
  X(generalized_dice, smooth_denominator, NON_NEGATIVE) \
  X(focal_tversky, alpha, NON_NEGATIVE) \
  X(focal_tversky, beta, NON_NEGATIVE) \
  X(focal_tversky, gamma, POSITIVE) \
  X(focal_tversky, smooth_numerator, NON_NEGATIVE) \
  X(focal_tversky, smooth_denominator, NON_NEGATIVE) \
  X(asymmetric_similarity, beta, NON_NEGATIVE) \
  X(asymmetric_similarity, smooth_numerator, NON_NEGATIVE) \
  X(asymmetric_similarity, smooth_denominator, NON_NEGATIVE) \
  X(penalty, k, NON_NEGATIVE) \
  X(penalty, smooth_numerator, NON_NEGATIVE) \
  X(penalty, smooth_denominator, NON_NEGATIVE) \
  X(hausdorff, alpha, POSITIVE) \
  X(balanced_cross_entropy, beta, UNIT) \
  X(power_cross_entropy, gamma, NON_NEGATIVE) \
  X(log_dice, gamma, NON_NEGATIVE) \
  X(log_dice, smooth_numerator, NON_NEGATIVE) \
  X(log_dice, smooth_denominator, NON_NEGATIVE)

/* X(name) of every preset. */
#define EVERY_PRESET(X) \
  X(dice_cross_entropy) \
  X(combo) \
  X(exponential_logarithmic) \
  X(dice_top_k) \
  X(dice_focal) \
  X(generalized_dice_boundary) \
  X(dice_hausdorff)

#endif
