// Generated from src/table: SEGLOSS_UPDATE=1 cargo test --test generated.

// Loss -> what it is, and its options. An option writes a field of segloss_term.
export const LOSSES = {
  cross_entropy: {
    summary: "Cross entropy (2) and, with class weights, weighted cross entropy (3)",
    values: "in nats, >= 0",
    options: {
      label_smoothing: { kind: "number", default: 0, min: 0, max: 1, range: "in [0, 1]", what: "in [0, 1]" },
      normalizer: { kind: "choice", field: "normalizer", constants: { voxels: "SEGLOSS_NORMALIZE_BY_VOXELS", class_weight: "SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT" } },
    },
  },
  top_k: {
    summary: "TopK cross entropy (4): cross entropy of the voxels K with the highest loss",
    values: "in nats, >= 0",
    options: {
      k: { kind: "number", default: 0.1, min: 0, max: 1, range: "in (0, 1]", what: "fraction of the counted voxels or probability threshold, in (0, 1]" },
      selection: { kind: "choice", field: "variant", constants: { fraction: "SEGLOSS_TOPK_FRACTION", threshold: "SEGLOSS_TOPK_THRESHOLD" } },
    },
  },
  focal: {
    summary: "Focal loss (5): cross entropy down-weighted for well-classified voxels",
    values: "in nats, >= 0",
    options: {
      gamma: { kind: "number", default: 2, min: 0, range: "finite and >= 0", what: "finite and >= 0" },
    },
  },
  distance_penalized: {
    summary: "Distance-penalised cross entropy (6): cross entropy weighted up near the boundaries of the target",
    values: "in nats, >= 0",
    options: {
      field: { kind: "array", what: "D, [B,...] for all classes or [B,C,...]; default absent: computed from labels, or from maps in which exactly one class is 1 in each voxel" },
    },
  },
  sensitivity_specificity: {
    summary: "Sensitivity-specificity loss (7)",
    values: "in [0, 1]",
    options: {
      alpha: { kind: "number", default: 0.05, min: 0, max: 1, range: "in [0, 1]", what: "weight of sensitivity, in [0, 1]" },
      smooth_denominator: { kind: "number", default: 1e-5, min: 0, range: "finite and >= 0", what: "finite and >= 0, in voxels" },
      class_average: { kind: "choice", field: "class_average", constants: { mean: "SEGLOSS_CLASS_MEAN", pooled: "SEGLOSS_CLASS_POOLED" } },
      sample_average: { kind: "choice", field: "sample_average", constants: { mean: "SEGLOSS_SAMPLE_DEFAULT", pooled: "SEGLOSS_SAMPLE_POOLED" } },
      absent: { kind: "choice", field: "absent", constants: { counted: "SEGLOSS_ABSENT_COUNTED", skipped: "SEGLOSS_ABSENT_SKIPPED" } },
    },
  },
  dice: {
    summary: "Dice loss (8)",
    values: "in [0, 1] if eps_n <= eps_d",
    options: {
      squares: { kind: "choice", field: "variant", constants: { linear: "SEGLOSS_DICE_LINEAR", squared: "SEGLOSS_DICE_SQUARED" } },
      smooth_numerator: { kind: "number", default: 1e-5, min: 0, range: "finite and >= 0", what: "finite and >= 0, in voxels" },
      smooth_denominator: { kind: "number", default: 1e-5, min: 0, range: "finite and >= 0", what: "finite and >= 0, in voxels" },
      class_average: { kind: "choice", field: "class_average", constants: { mean: "SEGLOSS_CLASS_MEAN", pooled: "SEGLOSS_CLASS_POOLED" } },
      sample_average: { kind: "choice", field: "sample_average", constants: { mean: "SEGLOSS_SAMPLE_DEFAULT", pooled: "SEGLOSS_SAMPLE_POOLED" } },
      absent: { kind: "choice", field: "absent", constants: { counted: "SEGLOSS_ABSENT_COUNTED", skipped: "SEGLOSS_ABSENT_SKIPPED" } },
    },
  },
  iou: {
    summary: "IoU (Jaccard) loss (9)",
    values: "in [0, 1] if eps_n <= eps_d",
    options: {
      squares: { kind: "choice", field: "variant", constants: { linear: "SEGLOSS_DICE_LINEAR", squared: "SEGLOSS_DICE_SQUARED" } },
      smooth_numerator: { kind: "number", default: 1e-5, min: 0, range: "finite and >= 0", what: "finite and >= 0, in voxels" },
      smooth_denominator: { kind: "number", default: 1e-5, min: 0, range: "finite and >= 0", what: "finite and >= 0, in voxels" },
      class_average: { kind: "choice", field: "class_average", constants: { mean: "SEGLOSS_CLASS_MEAN", pooled: "SEGLOSS_CLASS_POOLED" } },
      sample_average: { kind: "choice", field: "sample_average", constants: { mean: "SEGLOSS_SAMPLE_DEFAULT", pooled: "SEGLOSS_SAMPLE_POOLED" } },
      absent: { kind: "choice", field: "absent", constants: { counted: "SEGLOSS_ABSENT_COUNTED", skipped: "SEGLOSS_ABSENT_SKIPPED" } },
    },
  },
  tversky: {
    summary: "Tversky loss (10)",
    values: "in [0, 1] if eps_n <= eps_d",
    options: {
      alpha: { kind: "number", default: 0.3, min: 0, range: "finite and >= 0", what: "weight of false positives, finite and >= 0" },
      beta: { kind: "number", default: 0.7, min: 0, range: "finite and >= 0", what: "weight of false negatives, finite and >= 0" },
      smooth_numerator: { kind: "number", default: 1e-5, min: 0, range: "finite and >= 0", what: "finite and >= 0, in voxels" },
      smooth_denominator: { kind: "number", default: 1e-5, min: 0, range: "finite and >= 0", what: "finite and >= 0, in voxels" },
      class_average: { kind: "choice", field: "class_average", constants: { mean: "SEGLOSS_CLASS_MEAN", pooled: "SEGLOSS_CLASS_POOLED" } },
      sample_average: { kind: "choice", field: "sample_average", constants: { mean: "SEGLOSS_SAMPLE_DEFAULT", pooled: "SEGLOSS_SAMPLE_POOLED" } },
      absent: { kind: "choice", field: "absent", constants: { counted: "SEGLOSS_ABSENT_COUNTED", skipped: "SEGLOSS_ABSENT_SKIPPED" } },
    },
  },
  generalized_dice: {
    summary: "Generalized Dice loss (11): one Dice over all classes, weighted by their size",
    values: "in [0, 1] if eps_n <= eps_d",
    options: {
      volume: { kind: "choice", field: "variant", constants: { inverse_square: "SEGLOSS_GDICE_INVERSE_SQUARE", inverse: "SEGLOSS_GDICE_INVERSE", uniform: "SEGLOSS_GDICE_UNIFORM" } },
      smooth_numerator: { kind: "number", default: 1e-5, min: 0, range: "finite and >= 0", what: "finite and >= 0, in voxels" },
      smooth_denominator: { kind: "number", default: 1e-5, min: 0, range: "finite and >= 0", what: "finite and >= 0, in voxels" },
      sample_average: { kind: "choice", field: "sample_average", constants: { mean: "SEGLOSS_SAMPLE_DEFAULT", pooled: "SEGLOSS_SAMPLE_POOLED" } },
      absent: { kind: "choice", field: "absent", constants: { counted: "SEGLOSS_ABSENT_COUNTED", skipped: "SEGLOSS_ABSENT_SKIPPED" } },
    },
  },
  focal_tversky: {
    summary: "Focal Tversky loss (12): Tversky to the power of 1/gamma",
    values: "in [0, 1] if eps_n <= eps_d",
    options: {
      alpha: { kind: "number", default: 0.3, min: 0, range: "finite and >= 0", what: "weight of false positives, finite and >= 0" },
      beta: { kind: "number", default: 0.7, min: 0, range: "finite and >= 0", what: "weight of false negatives, finite and >= 0" },
      gamma: { kind: "number", default: 4/3, min: 0, range: "finite and > 0", what: "finite and > 0" },
      smooth_numerator: { kind: "number", default: 1e-5, min: 0, range: "finite and >= 0", what: "finite and >= 0, in voxels" },
      smooth_denominator: { kind: "number", default: 1e-5, min: 0, range: "finite and >= 0", what: "finite and >= 0, in voxels" },
      class_average: { kind: "choice", field: "class_average", constants: { mean: "SEGLOSS_CLASS_MEAN", pooled: "SEGLOSS_CLASS_POOLED" } },
      sample_average: { kind: "choice", field: "sample_average", constants: { mean: "SEGLOSS_SAMPLE_DEFAULT", pooled: "SEGLOSS_SAMPLE_POOLED" } },
      absent: { kind: "choice", field: "absent", constants: { counted: "SEGLOSS_ABSENT_COUNTED", skipped: "SEGLOSS_ABSENT_SKIPPED" } },
    },
  },
  asymmetric_similarity: {
    summary: "Asymmetric similarity loss (13): 1 minus the F_beta score",
    values: "in [0, 1] if eps_n <= eps_d",
    options: {
      beta: { kind: "number", default: 1.5, min: 0, range: "finite and >= 0", what: "finite and >= 0, above 1 favours recall" },
      smooth_numerator: { kind: "number", default: 1e-5, min: 0, range: "finite and >= 0", what: "finite and >= 0, in voxels" },
      smooth_denominator: { kind: "number", default: 1e-5, min: 0, range: "finite and >= 0", what: "finite and >= 0, in voxels" },
      class_average: { kind: "choice", field: "class_average", constants: { mean: "SEGLOSS_CLASS_MEAN", pooled: "SEGLOSS_CLASS_POOLED" } },
      sample_average: { kind: "choice", field: "sample_average", constants: { mean: "SEGLOSS_SAMPLE_DEFAULT", pooled: "SEGLOSS_SAMPLE_POOLED" } },
      absent: { kind: "choice", field: "absent", constants: { counted: "SEGLOSS_ABSENT_COUNTED", skipped: "SEGLOSS_ABSENT_SKIPPED" } },
    },
  },
  penalty: {
    summary: "Penalty loss (14), also called pGD",
    values: "in [0, 1] if eps_n <= eps_d",
    options: {
      k: { kind: "number", default: 2.5, min: 0, range: "finite and >= 0", what: "penalty strength, finite and >= 0, 0 is generalized Dice" },
      volume: { kind: "choice", field: "variant", constants: { inverse_square: "SEGLOSS_GDICE_INVERSE_SQUARE", inverse: "SEGLOSS_GDICE_INVERSE", uniform: "SEGLOSS_GDICE_UNIFORM" } },
      smooth_numerator: { kind: "number", default: 1e-5, min: 0, range: "finite and >= 0", what: "finite and >= 0, in voxels" },
      smooth_denominator: { kind: "number", default: 1e-5, min: 0, range: "finite and >= 0", what: "finite and >= 0, in voxels" },
      sample_average: { kind: "choice", field: "sample_average", constants: { mean: "SEGLOSS_SAMPLE_DEFAULT", pooled: "SEGLOSS_SAMPLE_POOLED" } },
      absent: { kind: "choice", field: "absent", constants: { counted: "SEGLOSS_ABSENT_COUNTED", skipped: "SEGLOSS_ABSENT_SKIPPED" } },
    },
  },
  boundary: {
    summary: "Boundary loss: the mean of predicted probability times signed distance",
    values: "in the unit of spacing, negative where the prediction lies inside the target",
    options: {
      rim_zero: { kind: "flag", field: "variant", constant: "SEGLOSS_BOUNDARY_RIM_ZERO", what: "inside, the distance is -(d - smallest spacing), 0 at the inner rim" },
      field: { kind: "array", what: "phi, [B,C,...] or [B,...]; default absent: computed from labels, 0/1 masks or maps of 0 and 1" },
    },
  },
  hausdorff: {
    summary: "Hausdorff loss by distance transform",
    values: ">= 0, in the unit of spacing to the power of alpha",
    options: {
      alpha: { kind: "number", default: 2, min: 0, range: "finite and > 0", what: "exponent of the distances, finite and > 0" },
      sides: { kind: "choice", field: "variant", constants: { both: "0", target: "SEGLOSS_HAUSDORFF_TARGET_ONLY", prediction: "SEGLOSS_HAUSDORFF_PREDICTION_ONLY" } },
      argmax: { kind: "flag", field: "variant", constant: "SEGLOSS_HAUSDORFF_ARGMAX", what: "the mask of the prediction is the argmax over the classes instead of s > 0.5" },
      interior: { kind: "flag", field: "variant", constant: "SEGLOSS_HAUSDORFF_INTERIOR", what: "distances are 0 outside of their mask" },
      logarithmic: { kind: "flag", field: "variant", constant: "SEGLOSS_HAUSDORFF_LOG", what: "the value is log(1 + L)" },
      field_complete: { kind: "flag", field: "flags", constant: "SEGLOSS_FIELD_COMPLETE", what: "field is all of D" },
      field: { kind: "array", what: "d_G^alpha, [B,C,...] or [B,...], >= 0 with SEGLOSS_HAUSDORFF_LOG; default absent: computed from labels, 0/1 masks or maps of 0 and 1" },
    },
  },
  balanced_cross_entropy: {
    summary: "Balanced cross entropy, the cross entropy part of combo loss (15)",
    values: "in nats, >= 0",
    options: {
      beta: { kind: "number", default: 0.5, min: 0, max: 1, range: "in [0, 1]", what: "weight of the positive outcome, in [0, 1]" },
    },
  },
  power_cross_entropy: {
    summary: "Power cross entropy, the cross entropy part of exponential logarithmic loss (16)",
    values: ">= 0",
    options: {
      gamma: { kind: "number", default: 0.3, min: 0, range: "finite and >= 0", what: "exponent, finite and >= 0" },
    },
  },
  log_dice: {
    summary: "Logarithmic Dice, the Dice part of exponential logarithmic loss (16)",
    values: ">= 0",
    options: {
      gamma: { kind: "number", default: 0.3, min: 0, range: "finite and >= 0", what: "exponent, finite and >= 0" },
      smooth_numerator: { kind: "number", default: 1e-5, min: 0, range: "finite and >= 0", what: "finite and >= 0, in voxels" },
      smooth_denominator: { kind: "number", default: 1e-5, min: 0, range: "finite and >= 0", what: "finite and >= 0, in voxels" },
      class_average: { kind: "choice", field: "class_average", constants: { mean: "SEGLOSS_CLASS_MEAN", pooled: "SEGLOSS_CLASS_POOLED" } },
      sample_average: { kind: "choice", field: "sample_average", constants: { mean: "SEGLOSS_SAMPLE_DEFAULT", pooled: "SEGLOSS_SAMPLE_POOLED" } },
      absent: { kind: "choice", field: "absent", constants: { counted: "SEGLOSS_ABSENT_COUNTED", skipped: "SEGLOSS_ABSENT_SKIPPED" } },
    },
  },
};

// Compound losses by name.
export const PRESETS = {
  dice_cross_entropy: "Dice + CE",
  combo: "combo (15)",
  exponential_logarithmic: "exponential logarithmic (16)",
  dice_top_k: "Dice + TopK",
  dice_focal: "Dice + focal",
  generalized_dice_boundary: "generalized Dice + boundary",
  dice_hausdorff: "Dice + Hausdorff",
};
