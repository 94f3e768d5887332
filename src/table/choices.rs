//! The constants that a field can hold, and the fields that several losses have.

use super::{Choice, FieldKind, Range, TermField, constant, number};

/// The types of constants, in the order of `losses.hpp`.
pub const CHOICES: &[&Choice] = &[&NORMALIZER, &SELECTION, &SQUARES, &VOLUME, &SIDES];

pub(super) const NORMALIZER: Choice = Choice {
    path: "loss::voxel::Normalizer",
    what: "The sum that cross entropy is divided by.",
    constants: &[
        constant("voxels", "SEGLOSS_NORMALIZE_BY_VOXELS", "the sum of the voxel weights"),
        constant(
            "class_weight",
            "SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT",
            "the sum of voxel weight times class weight of the target class",
        ),
    ],
};

pub(super) const SELECTION: Choice = Choice {
    path: "loss::selection::Selection",
    what: "What k of TopK is.",
    constants: &[
        constant("fraction", "SEGLOSS_TOPK_FRACTION", ""),
        constant("threshold", "SEGLOSS_TOPK_THRESHOLD", ""),
    ],
};

pub(super) const SQUARES: Choice = Choice {
    path: "region::dice::Squares",
    what: "What the denominator of Dice and IoU sums: probabilities or squares.",
    constants: &[
        constant("linear", "SEGLOSS_DICE_LINEAR", ""),
        constant("squared", "SEGLOSS_DICE_SQUARED", ""),
    ],
};

pub(super) const VOLUME: Choice = Choice {
    path: "region::generalized_dice::Volume",
    what: "The class weights of generalized Dice, by the target volume G of a class.",
    constants: &[
        constant("inverse_square", "SEGLOSS_GDICE_INVERSE_SQUARE", "1/G^2"),
        constant("inverse", "SEGLOSS_GDICE_INVERSE", "1/G"),
        constant("uniform", "SEGLOSS_GDICE_UNIFORM", "equal"),
    ],
};

pub(super) const SIDES: Choice = Choice {
    path: "boundary::hausdorff::Sides",
    what: "The masks whose distances weight the Hausdorff loss.",
    constants: &[
        constant("both", "0", ""),
        constant("target", "SEGLOSS_HAUSDORFF_TARGET_ONLY", ""),
        constant("prediction", "SEGLOSS_HAUSDORFF_PREDICTION_ONLY", ""),
    ],
};

pub(super) const SMOOTH_NUMERATOR: TermField =
    number("smooth_numerator", "", Range::NonNegative, "1e-5").symbol("eps_n").note("in voxels");
pub(super) const SMOOTH_DENOMINATOR: TermField =
    number("smooth_denominator", "", Range::NonNegative, "1e-5").symbol("eps_d").note("in voxels");
pub(super) const FALSE_POSITIVES: TermField =
    number("alpha", "weight of false positives", Range::NonNegative, "0.3");
pub(super) const FALSE_NEGATIVES: TermField =
    number("beta", "weight of false negatives", Range::NonNegative, "0.7");
pub(super) const EXPONENT: TermField = number("gamma", "exponent", Range::NonNegative, "0.3");
pub(super) const LINEAR_OR_SQUARED: TermField =
    TermField::new("variant", FieldKind::Choice(&SQUARES)).member("squares");
pub(super) const CLASS_VOLUME: TermField =
    TermField::new("variant", FieldKind::Choice(&VOLUME)).member("volume");
pub(super) const CLASS_AVERAGE: TermField = TermField::new(
    "class_average",
    FieldKind::Option { text: "SEGLOSS_CLASS_MEAN (default), SEGLOSS_CLASS_POOLED" },
);
pub(super) const SAMPLE_AVERAGE: TermField = TermField::new(
    "sample_average",
    FieldKind::Option {
        text: "SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED",
    },
);
pub(super) const ABSENT: TermField = TermField::new(
    "absent",
    FieldKind::Option { text: "SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED" },
);
