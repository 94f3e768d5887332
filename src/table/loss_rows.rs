//! The rows: one loss each, and the presets.

use super::choices::*;
use super::{Family, FieldKind, LossRow, Preset, Range, TermField, constant, number};

/// The losses in the order of the paper. Tests run over them in this order.
pub const LOSSES: &[LossRow] = &[
    LossRow {
        name: "cross_entropy",
        path: "distribution::cross_entropy::CrossEntropy",
        family: Family::Distribution,
        summary: "Cross entropy (2) and, with class weights, weighted cross entropy (3)",
        values: "in nats, >= 0",
        equation: &[
            "softmax   L = -1/n sum_i w sum_c v_c g' log s",
            "sigmoid   L = -1/W sum_i w sum_c v_c (g' log s + (1 - g') log(1 - s)) / sum_c v_c",
            "g' = (1 - lambda) g + lambda/C (softmax), (1 - lambda) g + lambda/2 (sigmoid)",
            "n  = W, or sum_i w sum_c v_c g with SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT",
        ],
        notes: "",
        fields: &[
            number("label_smoothing", "", Range::Unit, "0").symbol("lambda"),
            TermField::new("normalizer", FieldKind::Choice(&NORMALIZER)),
        ],
        readme: "cross entropy (2), weighted (3), label smoothing",
        by_hand: false,
    },
    LossRow {
        name: "top_k",
        path: "distribution::top_k::TopK",
        family: Family::Distribution,
        summary: "TopK cross entropy (4): cross entropy of the voxels K with the highest loss",
        values: "in nats, >= 0",
        equation: &[
            "L = -(sum_K w sum_c v_c g log s) / (sum_K w); 0 if K is empty",
            "sigmoid: as segloss_cross_entropy",
        ],
        notes: "SEGLOSS_TOPK_FRACTION: K holds the floor(k * counted voxels) voxels of the batch, at least one, with \
                the highest loss, class weights included. Voxels that tie at the threshold share the remaining \
                places equally. SEGLOSS_TOPK_THRESHOLD: K holds the voxels whose loss without class weights is above \
                -log k; for softmax and labels, where the target class has s < k. K is constant for the gradient.",
        fields: &[
            number("k", "fraction of the counted voxels or probability threshold", Range::Share, "0.1"),
            TermField::new("variant", FieldKind::Choice(&SELECTION)).member("selection"),
            TermField::new(
                "top_k_search",
                FieldKind::Pointer {
                    pointee: "segloss_top_k_search",
                    text: "by fraction in parts: a search that is done",
                },
            )
            .member("search"),
        ],
        readme: "TopK (4) by fraction or threshold",
        by_hand: true,
    },
    LossRow {
        name: "focal",
        path: "distribution::focal::Focal",
        family: Family::Distribution,
        summary: "Focal loss (5): cross entropy down-weighted for well-classified voxels",
        values: "in nats, >= 0",
        equation: &[
            "softmax   L = -1/W sum_i w sum_c v_c (1 - s)^gamma g log s",
            "sigmoid   the class mean over v of -(1 - s)^gamma g log s - s^gamma (1 - g) log(1 - s)",
        ],
        notes: "gamma = 0 is weighted cross entropy. class_weight weighs classes; the alpha of a sigmoid \
                focal loss, which weighs positive against negative outcomes, is not offered.",
        fields: &[number("gamma", "", Range::NonNegative, "2")],
        readme: "focal (5)",
        by_hand: false,
    },
    LossRow {
        name: "distance_penalized",
        path: "distribution::distance_penalized::DistancePenalized",
        family: Family::Distribution,
        summary: "Distance-penalised cross entropy (6): cross entropy weighted up near the boundaries of the target",
        values: "in nats, >= 0",
        equation: &[
            "L = -1/W sum_i w (1 + D) sum_c v_c g log s,   D = 1 - (d - d_min)/d_max",
            "sigmoid: as segloss_cross_entropy",
        ],
        notes: "d is the distance to the nearest voxel with another label, in the unit of spacing; d_min and d_max \
                are taken over the voxels of the same label in the sample. A sample with a single label has D = 0.",
        fields: &[TermField::new(
            "field",
            FieldKind::Option {
                text: "D, [B,...] for all classes or [B,C,...]; default absent: computed from labels, or from maps \
                       in which exactly one class is 1 in each voxel",
            },
        )],
        readme: "distance-penalised cross entropy (6)",
        by_hand: false,
    },
    LossRow {
        name: "sensitivity_specificity",
        path: "region::sensitivity_specificity::SensitivitySpecificity",
        family: Family::Region,
        summary: "Sensitivity-specificity loss (7)",
        values: "in [0, 1]",
        equation: &[
            "L = r E1 / (G + eps_d) + (1 - r) E0 / (sum w (1 - g) + eps_d)",
            "E1 = sum w g (s - g)^2,   E0 = sum w (1 - g) (s - g)^2",
        ],
        notes: "A part whose denominator is below 1e-30 is 0.",
        fields: &[
            number("alpha", "weight of sensitivity", Range::Unit, "0.05").symbol("r").member("sensitivity"),
            SMOOTH_DENOMINATOR,
            CLASS_AVERAGE,
            SAMPLE_AVERAGE,
            ABSENT,
        ],
        readme: "sensitivity-specificity (7)",
        by_hand: false,
    },
    LossRow {
        name: "dice",
        path: "region::dice::Dice",
        family: Family::Region,
        summary: "Dice loss (8)",
        values: "in [0, 1] if eps_n <= eps_d",
        equation: &[
            "L = 1 - (2 I + eps_n) / (D + eps_d)",
            "D = S + G (SEGLOSS_DICE_LINEAR), or sum w s^2 + sum w g^2 (SEGLOSS_DICE_SQUARED)",
        ],
        notes: "",
        fields: &[
            LINEAR_OR_SQUARED,
            SMOOTH_NUMERATOR,
            SMOOTH_DENOMINATOR,
            CLASS_AVERAGE,
            SAMPLE_AVERAGE,
            ABSENT,
        ],
        readme: "Dice (8), linear or squared",
        by_hand: false,
    },
    LossRow {
        name: "iou",
        path: "region::iou::Iou",
        family: Family::Region,
        summary: "IoU (Jaccard) loss (9)",
        values: "in [0, 1] if eps_n <= eps_d",
        equation: &[
            "L = 1 - (I + eps_n) / (D - I + eps_d)",
            "D = S + G (SEGLOSS_DICE_LINEAR), or sum w s^2 + sum w g^2 (SEGLOSS_DICE_SQUARED)",
        ],
        notes: "",
        fields: &[
            LINEAR_OR_SQUARED,
            SMOOTH_NUMERATOR,
            SMOOTH_DENOMINATOR,
            CLASS_AVERAGE,
            SAMPLE_AVERAGE,
            ABSENT,
        ],
        readme: "IoU (9), linear or squared",
        by_hand: false,
    },
    LossRow {
        name: "tversky",
        path: "region::tversky::Tversky",
        family: Family::Region,
        summary: "Tversky loss (10)",
        values: "in [0, 1] if eps_n <= eps_d",
        equation: &["L = 1 - (I + eps_n) / (I + alpha FP + beta FN + eps_d),   FP = S - I,   FN = G - I"],
        notes: "",
        fields: &[
            FALSE_POSITIVES,
            FALSE_NEGATIVES,
            SMOOTH_NUMERATOR,
            SMOOTH_DENOMINATOR,
            CLASS_AVERAGE,
            SAMPLE_AVERAGE,
            ABSENT,
        ],
        readme: "Tversky (10)",
        by_hand: false,
    },
    LossRow {
        name: "generalized_dice",
        path: "region::generalized_dice::GeneralizedDice",
        family: Family::Region,
        summary: "Generalized Dice loss (11): one Dice over all classes, weighted by their size",
        values: "in [0, 1] if eps_n <= eps_d",
        equation: &[
            "L = 1 - (2 sum_c u_c I_c + eps_n) / (sum_c u_c (S_c + G_c) + eps_d)",
            "u_c = v_c (G_min / G_c)^p, divided by the largest u_c",
        ],
        notes: "p is 2 for SEGLOSS_GDICE_INVERSE_SQUARE, 1 for SEGLOSS_GDICE_INVERSE and 0 for SEGLOSS_GDICE_UNIFORM. \
                G_min is the smallest positive G of the counted classes. A counted class with G = 0 takes 1 in place \
                of the power. Because the formula combines the classes, class_average does not apply.",
        fields: &[CLASS_VOLUME, SMOOTH_NUMERATOR, SMOOTH_DENOMINATOR, SAMPLE_AVERAGE, ABSENT],
        readme: "generalized Dice (11), three class weightings",
        by_hand: false,
    },
    LossRow {
        name: "focal_tversky",
        path: "region::focal_tversky::FocalTversky",
        family: Family::Region,
        summary: "Focal Tversky loss (12): Tversky to the power of 1/gamma",
        values: "in [0, 1] if eps_n <= eps_d",
        equation: &["L = T^(1/gamma),   T = Tversky loss (10)"],
        notes: "If gamma > 1, T^(1/gamma) is linear below T = 1e-6, so that the gradient stays finite. gamma = 1 is \
                Tversky, bit for bit.",
        fields: &[
            FALSE_POSITIVES.of("tversky"),
            FALSE_NEGATIVES.of("tversky"),
            number("gamma", "", Range::Positive, "4/3"),
            SMOOTH_NUMERATOR.of("tversky"),
            SMOOTH_DENOMINATOR.of("tversky"),
            CLASS_AVERAGE,
            SAMPLE_AVERAGE,
            ABSENT,
        ],
        readme: "focal Tversky (12)",
        by_hand: false,
    },
    LossRow {
        name: "asymmetric_similarity",
        path: "region::asymmetric_similarity::AsymmetricSimilarity",
        family: Family::Region,
        summary: "Asymmetric similarity loss (13): 1 minus the F_beta score",
        values: "in [0, 1] if eps_n <= eps_d",
        equation: &["L = Tversky loss with alpha = 1/(1 + beta^2) and beta^2/(1 + beta^2) for beta"],
        notes: "",
        fields: &[
            number("beta", "", Range::NonNegative, "1.5").note("above 1 favours recall"),
            SMOOTH_NUMERATOR,
            SMOOTH_DENOMINATOR,
            CLASS_AVERAGE,
            SAMPLE_AVERAGE,
            ABSENT,
        ],
        readme: "asymmetric similarity (13)",
        by_hand: false,
    },
    LossRow {
        name: "penalty",
        path: "region::penalty::Penalty",
        family: Family::Region,
        summary: "Penalty loss (14), also called pGD",
        values: "in [0, 1] if eps_n <= eps_d",
        equation: &["L = GD / (1 + k (1 - GD)),   GD = generalized Dice loss (11)"],
        notes: "k = 0 is generalized Dice, bit for bit.",
        fields: &[
            number("k", "penalty strength", Range::NonNegative, "2.5").note("0 is generalized Dice"),
            CLASS_VOLUME.of("generalized_dice"),
            SMOOTH_NUMERATOR.of("generalized_dice"),
            SMOOTH_DENOMINATOR.of("generalized_dice"),
            SAMPLE_AVERAGE,
            ABSENT,
        ],
        readme: "penalty (14)",
        by_hand: false,
    },
    LossRow {
        name: "boundary",
        path: "boundary::boundary_loss::Boundary",
        family: Family::Boundary,
        summary: "Boundary loss: the mean of predicted probability times signed distance",
        values: "in the unit of spacing, negative where the prediction lies inside the target",
        equation: &["L = (sum_b sum_c v_c sum_i w phi_c s_c) / (sum_b sum_c v_c W_b)"],
        notes: "phi_c is the signed distance to the boundary of class c of the target: outside + the distance to the \
                nearest voxel of the class, inside - the distance to the nearest voxel outside. \
                SEGLOSS_BOUNDARY_RIM_ZERO: inside -(d - smallest spacing). A class with no voxel, or with every \
                voxel, has phi = 0. Default class weights: 0 for class 0 if C >= 2, else 1.",
        fields: &[
            TermField::new(
                "variant",
                FieldKind::Flags {
                    choice: None,
                    flags: &[constant(
                        "rim_zero",
                        "SEGLOSS_BOUNDARY_RIM_ZERO",
                        "inside, the distance is -(d - smallest spacing), 0 at the inner rim",
                    )],
                    text: "0 (default), SEGLOSS_BOUNDARY_RIM_ZERO",
                },
            ),
            TermField::new(
                "field",
                FieldKind::Option {
                    text: "phi, [B,C,...] or [B,...]; default absent: computed from labels, 0/1 masks or maps of 0 \
                           and 1",
                },
            ),
        ],
        readme: "boundary, plain or with distance 0 on the inner rim",
        by_hand: true,
    },
    LossRow {
        name: "hausdorff",
        path: "boundary::hausdorff::Hausdorff",
        family: Family::Boundary,
        summary: "Hausdorff loss by distance transform",
        values: ">= 0, in the unit of spacing to the power of alpha",
        equation: &[
            "L = (sum_b sum_c v_c sum_i w (s - g)^2 D_c) / (sum_b sum_c v_c W_b),   D = d_G^alpha + d_S^alpha",
        ],
        notes: "d_G and d_S are the distances from a voxel to the nearest voxel on the other side of the mask of the \
                target and of the prediction. The mask of the prediction is s > 0.5; a voxel that is not counted is \
                outside. A mask without a boundary has d = 0. D is constant for the gradient. Default class weights: \
                0 for class 0 if C >= 2, else 1.",
        fields: &[
            number("alpha", "exponent of the distances", Range::Positive, "2"),
            TermField::new(
                "variant",
                FieldKind::Flags {
                    choice: Some(&SIDES),
                    flags: &[
                        constant(
                            "argmax",
                            "SEGLOSS_HAUSDORFF_ARGMAX",
                            "the mask of the prediction is the argmax over the classes instead of s > 0.5",
                        ),
                        constant(
                            "interior",
                            "SEGLOSS_HAUSDORFF_INTERIOR",
                            "distances are 0 outside of their mask",
                        ),
                        constant("logarithmic", "SEGLOSS_HAUSDORFF_LOG", "the value is log(1 + L)"),
                    ],
                    text: "0 (default), or SEGLOSS_HAUSDORFF_ARGMAX (C >= 2), SEGLOSS_HAUSDORFF_INTERIOR, \
                           SEGLOSS_HAUSDORFF_LOG and one of SEGLOSS_HAUSDORFF_TARGET_ONLY and \
                           SEGLOSS_HAUSDORFF_PREDICTION_ONLY, or-ed",
                },
            )
            .member("sides"),
            TermField::new(
                "flags",
                FieldKind::Option { text: "SEGLOSS_FIELD_COMPLETE: field is D instead of d_G^alpha" },
            ),
            TermField::new(
                "field",
                FieldKind::Option {
                    text: "d_G^alpha, [B,C,...] or [B,...], >= 0 with SEGLOSS_HAUSDORFF_LOG; default absent: \
                           computed from labels, 0/1 masks or maps of 0 and 1",
                },
            ),
        ],
        readme: "Hausdorff by distance transform: two-sided, target or prediction only, interior, logarithmic",
        by_hand: true,
    },
    LossRow {
        name: "balanced_cross_entropy",
        path: "compound::balanced_cross_entropy::BalancedCrossEntropy",
        family: Family::Compound,
        summary: "Balanced cross entropy, the cross entropy part of combo loss (15)",
        values: "in nats, >= 0",
        equation: &["L = -1/W sum_i w sum_c v_c (beta g log s + (1 - beta) (1 - g) log(1 - s))"],
        notes: "Summed over the classes with every activation.",
        fields: &[number("beta", "weight of the positive outcome", Range::Unit, "0.5")],
        readme: "balanced cross entropy",
        by_hand: false,
    },
    LossRow {
        name: "power_cross_entropy",
        path: "compound::power_cross_entropy::PowerCrossEntropy",
        family: Family::Compound,
        summary: "Power cross entropy, the cross entropy part of exponential logarithmic loss (16)",
        values: ">= 0",
        equation: &["L = 1/W sum_i w sum_c v_c g (-log s)^gamma"],
        notes: "Only the target class contributes, with sigmoid too. Default class weights: sqrt(sum_k G_k / G_c), \
                with G summed over the batch, and 0 for a class with G_c = 0. If gamma < 1, the power is linear \
                below -log s = 1e-6, so that the gradient stays finite.",
        fields: &[EXPONENT],
        readme: "power cross entropy",
        by_hand: false,
    },
    LossRow {
        name: "log_dice",
        path: "compound::log_dice::LogDice",
        family: Family::Compound,
        summary: "Logarithmic Dice, the Dice part of exponential logarithmic loss (16)",
        values: ">= 0",
        equation: &["L = (-log Dice)^gamma,   Dice = (2 I + eps_n) / (S + G + eps_d)"],
        notes: "Of class_weight only zero or not zero matters. Default class weights: 0 for a class with G = 0 over \
                the batch, else 1. Dice is clamped to at least 2^-126. If gamma < 1, the power is linear below \
                -log Dice = 1e-6, so that the gradient stays finite.",
        fields: &[EXPONENT, SMOOTH_NUMERATOR, SMOOTH_DENOMINATOR, CLASS_AVERAGE, SAMPLE_AVERAGE, ABSENT],
        readme: "logarithmic Dice",
        by_hand: false,
    },
];

/// The presets in the order of the header.
pub const PRESETS: &[Preset] = &[
    Preset { name: "dice_cross_entropy", readme: "Dice + CE" },
    Preset { name: "combo", readme: "combo (15)" },
    Preset { name: "exponential_logarithmic", readme: "exponential logarithmic (16)" },
    Preset { name: "dice_top_k", readme: "Dice + TopK" },
    Preset { name: "dice_focal", readme: "Dice + focal" },
    Preset { name: "generalized_dice_boundary", readme: "generalized Dice + boundary" },
    Preset { name: "dice_hausdorff", readme: "Dice + Hausdorff" },
];
