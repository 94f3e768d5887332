// Generated from src/table: SEGLOSS_UPDATE=1 cargo test --test generated.

import type { FloatArray, TermOptions } from "./index.js";

/**
 * Cross entropy (2) and, with class weights, weighted cross entropy (3); in nats, >= 0.
 *
 *     softmax   L = -1/n sum_i w sum_c v_c g' log s
 *     sigmoid   L = -1/W sum_i w sum_c v_c (g' log s + (1 - g') log(1 - s)) / sum_c v_c
 *     g' = (1 - lambda) g + lambda/C (softmax), (1 - lambda) g + lambda/2 (sigmoid)
 *     n  = W, or sum_i w sum_c v_c g with SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT
 */
export interface CrossEntropy extends TermOptions {
  loss: "cross_entropy";
  /** in [0, 1]; default 0 */
  label_smoothing?: number;
  /** Default "voxels" */
  normalizer?: "voxels" | "class_weight";
}

/**
 * TopK cross entropy (4): cross entropy of the voxels K with the highest loss; in nats, >= 0.
 *
 *     L = -(sum_K w sum_c v_c g log s) / (sum_K w); 0 if K is empty
 *     sigmoid: as segloss_cross_entropy
 *
 * SEGLOSS_TOPK_FRACTION: K holds the floor(k * counted voxels) voxels of the batch, at least one, with the highest
 * loss, class weights included. Voxels that tie at the threshold share the remaining places equally.
 * SEGLOSS_TOPK_THRESHOLD: K holds the voxels whose loss without class weights is above -log k; for softmax and labels,
 * where the target class has s < k. K is constant for the gradient.
 */
export interface TopK extends TermOptions {
  loss: "top_k";
  /** fraction of the counted voxels or probability threshold, in (0, 1]; default 0.1 */
  k?: number;
  /** Default "fraction" */
  selection?: "fraction" | "threshold";
}

/**
 * Focal loss (5): cross entropy down-weighted for well-classified voxels; in nats, >= 0.
 *
 *     softmax   L = -1/W sum_i w sum_c v_c (1 - s)^gamma g log s
 *     sigmoid   the class mean over v of -(1 - s)^gamma g log s - s^gamma (1 - g) log(1 - s)
 *
 * gamma = 0 is weighted cross entropy. class_weight weighs classes; the alpha of a sigmoid focal loss, which weighs
 * positive against negative outcomes, is not offered.
 */
export interface Focal extends TermOptions {
  loss: "focal";
  /** finite and >= 0; default 2 */
  gamma?: number;
}

/**
 * Distance-penalised cross entropy (6): cross entropy weighted up near the boundaries of the target; in nats, >= 0.
 *
 *     L = -1/W sum_i w (1 + D) sum_c v_c g log s,   D = 1 - (d - d_min)/d_max
 *     sigmoid: as segloss_cross_entropy
 *
 * d is the distance to the nearest voxel with another label, in the unit of spacing; d_min and d_max are taken over the
 * voxels of the same label in the sample. A sample with a single label has D = 0.
 */
export interface DistancePenalized extends TermOptions {
  loss: "distance_penalized";
  /** D, [B,...] for all classes or [B,C,...]; default absent: computed from labels, or from maps in which exactly one
   *  class is 1 in each voxel */
  field?: FloatArray;
}

/**
 * Sensitivity-specificity loss (7); in [0, 1].
 *
 *     L = r E1 / (G + eps_d) + (1 - r) E0 / (sum w (1 - g) + eps_d)
 *     E1 = sum w g (s - g)^2,   E0 = sum w (1 - g) (s - g)^2
 *
 * A part whose denominator is below 1e-30 is 0.
 */
export interface SensitivitySpecificity extends TermOptions {
  loss: "sensitivity_specificity";
  /** weight of sensitivity, in [0, 1]; default 0.05 */
  alpha?: number;
  /** finite and >= 0, in voxels; default 1e-5 */
  smooth_denominator?: number;
  /** Default "mean" */
  class_average?: "mean" | "pooled";
  /** Default "mean" */
  sample_average?: "mean" | "pooled";
  /** Default "counted" */
  absent?: "counted" | "skipped";
}

/**
 * Dice loss (8); in [0, 1] if eps_n <= eps_d.
 *
 *     L = 1 - (2 I + eps_n) / (D + eps_d)
 *     D = S + G (SEGLOSS_DICE_LINEAR), or sum w s^2 + sum w g^2 (SEGLOSS_DICE_SQUARED)
 */
export interface Dice extends TermOptions {
  loss: "dice";
  /** Default "linear" */
  squares?: "linear" | "squared";
  /** finite and >= 0, in voxels; default 1e-5 */
  smooth_numerator?: number;
  /** finite and >= 0, in voxels; default 1e-5 */
  smooth_denominator?: number;
  /** Default "mean" */
  class_average?: "mean" | "pooled";
  /** Default "mean" */
  sample_average?: "mean" | "pooled";
  /** Default "counted" */
  absent?: "counted" | "skipped";
}

/**
 * IoU (Jaccard) loss (9); in [0, 1] if eps_n <= eps_d.
 *
 *     L = 1 - (I + eps_n) / (D - I + eps_d)
 *     D = S + G (SEGLOSS_DICE_LINEAR), or sum w s^2 + sum w g^2 (SEGLOSS_DICE_SQUARED)
 */
export interface Iou extends TermOptions {
  loss: "iou";
  /** Default "linear" */
  squares?: "linear" | "squared";
  /** finite and >= 0, in voxels; default 1e-5 */
  smooth_numerator?: number;
  /** finite and >= 0, in voxels; default 1e-5 */
  smooth_denominator?: number;
  /** Default "mean" */
  class_average?: "mean" | "pooled";
  /** Default "mean" */
  sample_average?: "mean" | "pooled";
  /** Default "counted" */
  absent?: "counted" | "skipped";
}

/**
 * Tversky loss (10); in [0, 1] if eps_n <= eps_d.
 *
 *     L = 1 - (I + eps_n) / (I + alpha FP + beta FN + eps_d),   FP = S - I,   FN = G - I
 */
export interface Tversky extends TermOptions {
  loss: "tversky";
  /** weight of false positives, finite and >= 0; default 0.3 */
  alpha?: number;
  /** weight of false negatives, finite and >= 0; default 0.7 */
  beta?: number;
  /** finite and >= 0, in voxels; default 1e-5 */
  smooth_numerator?: number;
  /** finite and >= 0, in voxels; default 1e-5 */
  smooth_denominator?: number;
  /** Default "mean" */
  class_average?: "mean" | "pooled";
  /** Default "mean" */
  sample_average?: "mean" | "pooled";
  /** Default "counted" */
  absent?: "counted" | "skipped";
}

/**
 * Generalized Dice loss (11): one Dice over all classes, weighted by their size; in [0, 1] if eps_n <= eps_d.
 *
 *     L = 1 - (2 sum_c u_c I_c + eps_n) / (sum_c u_c (S_c + G_c) + eps_d)
 *     u_c = v_c (G_min / G_c)^p, divided by the largest u_c
 *
 * p is 2 for SEGLOSS_GDICE_INVERSE_SQUARE, 1 for SEGLOSS_GDICE_INVERSE and 0 for SEGLOSS_GDICE_UNIFORM. G_min is the
 * smallest positive G of the counted classes. A counted class with G = 0 takes 1 in place of the power. Because the
 * formula combines the classes, class_average does not apply.
 */
export interface GeneralizedDice extends TermOptions {
  loss: "generalized_dice";
  /** Default "inverse_square" */
  volume?: "inverse_square" | "inverse" | "uniform";
  /** finite and >= 0, in voxels; default 1e-5 */
  smooth_numerator?: number;
  /** finite and >= 0, in voxels; default 1e-5 */
  smooth_denominator?: number;
  /** Default "mean" */
  sample_average?: "mean" | "pooled";
  /** Default "counted" */
  absent?: "counted" | "skipped";
}

/**
 * Focal Tversky loss (12): Tversky to the power of 1/gamma; in [0, 1] if eps_n <= eps_d.
 *
 *     L = T^(1/gamma),   T = Tversky loss (10)
 *
 * If gamma > 1, T^(1/gamma) is linear below T = 1e-6, so that the gradient stays finite. gamma = 1 is Tversky, bit for
 * bit.
 */
export interface FocalTversky extends TermOptions {
  loss: "focal_tversky";
  /** weight of false positives, finite and >= 0; default 0.3 */
  alpha?: number;
  /** weight of false negatives, finite and >= 0; default 0.7 */
  beta?: number;
  /** finite and > 0; default 4/3 */
  gamma?: number;
  /** finite and >= 0, in voxels; default 1e-5 */
  smooth_numerator?: number;
  /** finite and >= 0, in voxels; default 1e-5 */
  smooth_denominator?: number;
  /** Default "mean" */
  class_average?: "mean" | "pooled";
  /** Default "mean" */
  sample_average?: "mean" | "pooled";
  /** Default "counted" */
  absent?: "counted" | "skipped";
}

/**
 * Asymmetric similarity loss (13): 1 minus the F_beta score; in [0, 1] if eps_n <= eps_d.
 *
 *     L = Tversky loss with alpha = 1/(1 + beta^2) and beta^2/(1 + beta^2) for beta
 */
export interface AsymmetricSimilarity extends TermOptions {
  loss: "asymmetric_similarity";
  /** finite and >= 0, above 1 favours recall; default 1.5 */
  beta?: number;
  /** finite and >= 0, in voxels; default 1e-5 */
  smooth_numerator?: number;
  /** finite and >= 0, in voxels; default 1e-5 */
  smooth_denominator?: number;
  /** Default "mean" */
  class_average?: "mean" | "pooled";
  /** Default "mean" */
  sample_average?: "mean" | "pooled";
  /** Default "counted" */
  absent?: "counted" | "skipped";
}

/**
 * Penalty loss (14), also called pGD; in [0, 1] if eps_n <= eps_d.
 *
 *     L = GD / (1 + k (1 - GD)),   GD = generalized Dice loss (11)
 *
 * k = 0 is generalized Dice, bit for bit.
 */
export interface Penalty extends TermOptions {
  loss: "penalty";
  /** penalty strength, finite and >= 0, 0 is generalized Dice; default 2.5 */
  k?: number;
  /** Default "inverse_square" */
  volume?: "inverse_square" | "inverse" | "uniform";
  /** finite and >= 0, in voxels; default 1e-5 */
  smooth_numerator?: number;
  /** finite and >= 0, in voxels; default 1e-5 */
  smooth_denominator?: number;
  /** Default "mean" */
  sample_average?: "mean" | "pooled";
  /** Default "counted" */
  absent?: "counted" | "skipped";
}

/**
 * Boundary loss: the mean of predicted probability times signed distance; in the unit of spacing, negative where the prediction lies inside the target.
 *
 *     L = (sum_b sum_c v_c sum_i w phi_c s_c) / (sum_b sum_c v_c W_b)
 *
 * phi_c is the signed distance to the boundary of class c of the target: outside + the distance to the nearest voxel of
 * the class, inside - the distance to the nearest voxel outside. SEGLOSS_BOUNDARY_RIM_ZERO: inside -(d - smallest
 * spacing). A class with no voxel, or with every voxel, has phi = 0. Default class weights: 0 for class 0 if C >= 2,
 * else 1.
 */
export interface Boundary extends TermOptions {
  loss: "boundary";
  /** inside, the distance is -(d - smallest spacing), 0 at the inner rim; default false */
  rim_zero?: boolean;
  /** phi, [B,C,...] or [B,...]; default absent: computed from labels, 0/1 masks or maps of 0 and 1 */
  field?: FloatArray;
}

/**
 * Hausdorff loss by distance transform; >= 0, in the unit of spacing to the power of alpha.
 *
 *     L = (sum_b sum_c v_c sum_i w (s - g)^2 D_c) / (sum_b sum_c v_c W_b),   D = d_G^alpha + d_S^alpha
 *
 * d_G and d_S are the distances from a voxel to the nearest voxel on the other side of the mask of the target and of
 * the prediction. The mask of the prediction is s > 0.5; a voxel that is not counted is outside. A mask without a
 * boundary has d = 0. D is constant for the gradient. Default class weights: 0 for class 0 if C >= 2, else 1.
 */
export interface Hausdorff extends TermOptions {
  loss: "hausdorff";
  /** exponent of the distances, finite and > 0; default 2 */
  alpha?: number;
  /** Default "both" */
  sides?: "both" | "target" | "prediction";
  /** the mask of the prediction is the argmax over the classes instead of s > 0.5; default false */
  argmax?: boolean;
  /** distances are 0 outside of their mask; default false */
  interior?: boolean;
  /** the value is log(1 + L); default false */
  logarithmic?: boolean;
  /** field is all of D; default false */
  field_complete?: boolean;
  /** d_G^alpha, [B,C,...] or [B,...], >= 0 with SEGLOSS_HAUSDORFF_LOG; default absent: computed from labels, 0/1 masks
   *  or maps of 0 and 1 */
  field?: FloatArray;
}

/**
 * Balanced cross entropy, the cross entropy part of combo loss (15); in nats, >= 0.
 *
 *     L = -1/W sum_i w sum_c v_c (beta g log s + (1 - beta) (1 - g) log(1 - s))
 *
 * Summed over the classes with every activation.
 */
export interface BalancedCrossEntropy extends TermOptions {
  loss: "balanced_cross_entropy";
  /** weight of the positive outcome, in [0, 1]; default 0.5 */
  beta?: number;
}

/**
 * Power cross entropy, the cross entropy part of exponential logarithmic loss (16); >= 0.
 *
 *     L = 1/W sum_i w sum_c v_c g (-log s)^gamma
 *
 * Only the target class contributes, with sigmoid too. Default class weights: sqrt(sum_k G_k / G_c), with G summed over
 * the batch, and 0 for a class with G_c = 0. If gamma < 1, the power is linear below -log s = 1e-6, so that the
 * gradient stays finite.
 */
export interface PowerCrossEntropy extends TermOptions {
  loss: "power_cross_entropy";
  /** exponent, finite and >= 0; default 0.3 */
  gamma?: number;
}

/**
 * Logarithmic Dice, the Dice part of exponential logarithmic loss (16); >= 0.
 *
 *     L = (-log Dice)^gamma,   Dice = (2 I + eps_n) / (S + G + eps_d)
 *
 * Of class_weight only zero or not zero matters. Default class weights: 0 for a class with G = 0 over the batch, else
 * 1. Dice is clamped to at least 2^-126. If gamma < 1, the power is linear below -log Dice = 1e-6, so that the gradient
 * stays finite.
 */
export interface LogDice extends TermOptions {
  loss: "log_dice";
  /** exponent, finite and >= 0; default 0.3 */
  gamma?: number;
  /** finite and >= 0, in voxels; default 1e-5 */
  smooth_numerator?: number;
  /** finite and >= 0, in voxels; default 1e-5 */
  smooth_denominator?: number;
  /** Default "mean" */
  class_average?: "mean" | "pooled";
  /** Default "mean" */
  sample_average?: "mean" | "pooled";
  /** Default "counted" */
  absent?: "counted" | "skipped";
}

/** A loss with its options. */
export type Term =
  | CrossEntropy
  | TopK
  | Focal
  | DistancePenalized
  | SensitivitySpecificity
  | Dice
  | Iou
  | Tversky
  | GeneralizedDice
  | FocalTversky
  | AsymmetricSimilarity
  | Penalty
  | Boundary
  | Hausdorff
  | BalancedCrossEntropy
  | PowerCrossEntropy
  | LogDice;

/** A compound loss by name. */
export type Preset =
  | "dice_cross_entropy"
  | "combo"
  | "exponential_logarithmic"
  | "dice_top_k"
  | "dice_focal"
  | "generalized_dice_boundary"
  | "dice_hausdorff";

export const LOSSES: Readonly<Record<Term["loss"], object>>;
export const PRESETS: Readonly<Record<Preset, string>>;
