//! The losses by name, with their parameters.

use super::boundary::Hausdorff;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Normalizer {
    Voxels,
    ClassWeight,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Selection {
    Fraction(f64),
    Threshold(f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ClassAverage {
    Mean,
    Pooled,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SampleAverage {
    Mean,
    Pooled,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Absent {
    Counted,
    Skipped,
}

/// A loss and its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    CrossEntropy { label_smoothing: f64, normalizer: Normalizer },
    TopK(Selection),
    Focal { gamma: f64 },
    DistancePenalized,
    SensitivitySpecificity { r: f64 },
    Dice { squared: bool },
    Iou { squared: bool },
    Tversky { alpha: f64, beta: f64 },
    GeneralizedDice { power: f64 },
    FocalTversky { alpha: f64, beta: f64, gamma: f64 },
    AsymmetricSimilarity { beta: f64 },
    Penalty { power: f64, k: f64 },
    Boundary { rim_zero: bool },
    Hausdorff(Hausdorff),
    BalancedCrossEntropy { beta: f64 },
    PowerCrossEntropy { gamma: f64 },
    LogDice { gamma: f64 },
}

/// A weighted term.
#[derive(Clone, Debug)]
pub struct TermSpec {
    pub form: Form,
    /// The weight λ.
    pub weight: f64,
    pub smooth_numerator: f64,
    pub smooth_denominator: f64,
    /// Subtracts 1 from the value: combo uses −Dice.
    pub minus_one: bool,
    /// Averages apply to region losses only; voxel losses are normalized over the batch.
    pub class_average: ClassAverage,
    pub sample_average: SampleAverage,
    pub absent: Absent,
    /// v, or the default of the loss.
    pub class_weight: Option<Vec<f64>>,
    /// The field of a distance loss, [B, C, N]; for (6) also [B, N].
    pub field: Option<Vec<f64>>,
}

impl TermSpec {
    /// λ = 1, ε = 1e-5 (of (7) in the denominators only), class mean per sample, absent classes counted.
    pub fn new(form: Form) -> Self {
        let denominator_only = matches!(form, Form::SensitivitySpecificity { .. });
        Self {
            form,
            weight: 1.0,
            smooth_numerator: if denominator_only { 0.0 } else { 1e-5 },
            smooth_denominator: 1e-5,
            minus_one: false,
            class_average: ClassAverage::Mean,
            sample_average: SampleAverage::Mean,
            absent: Absent::Counted,
            class_weight: None,
            field: None,
        }
    }
}
