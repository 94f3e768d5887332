//! What errors are measured in: a rounding is relative to the numbers that a result is made of, which may cancel.

use crate::config::{Config, Prediction, is_region};
use crate::naive::boundary::signed_field;
use crate::naive::region::class_loss;
use crate::naive::{
    Activation, Case, ClassAverage, Form, SampleAverage, TermSpec, class_sums, class_weight, term_value,
};

/// The sum of the absolute summands of a term's value: sums of both signs cancel.
pub fn size(case: &Case, spec: &TermSpec, value: f64) -> f64 {
    let positive = match spec.form {
        Form::Boundary { rim_zero } => {
            let phi = spec.field.clone().unwrap_or_else(|| signed_field(case, rim_zero));
            let field = Some(phi.iter().map(|phi| phi.abs()).collect());
            term_value(case, &TermSpec { field, minus_one: false, ..spec.clone() })
        }
        // Numbers near 1 cancel where smoothings differ; their roundings remain.
        form if is_region(form) => value.abs() + 0.01 * steepness(case, spec),
        // Where (s − g)² is close to 0, the rounding of s, which is close to 1, remains.
        Form::Hausdorff(_) => value.abs() + 0.01 * value.abs().sqrt(),
        _ => value.abs(),
    };
    let one = if spec.minus_one { 1.0 } else { 0.0 };
    positive.abs() + one + f64::MIN_POSITIVE
}

/// In f32 a sum of probabilities near 1 keeps 24 bits of 1, (s − g)² those of s, and no number keeps as many below the
/// least normal one.
pub fn single_size(spec: &TermSpec, size: f64) -> f64 {
    match spec.form {
        form if is_region(form) => size.max(1.0),
        Form::Hausdorff(_) => (size + size.sqrt()).max(f32::MIN_POSITIVE.into()),
        _ => size.max(f32::MIN_POSITIVE.into()),
    }
}

/// About the largest slope of a term with respect to the sums of a class: `2·λ·scale` over the least denominator. The
/// slopes of prediction and overlap cancel where all of the class is found, and their roundings are left.
pub fn largest_slope(config: &Config, case: &Case, spec: &TermSpec) -> f64 {
    if !is_region(spec.form) {
        return 0.0;
    }
    let (alpha, beta) = match spec.form {
        Form::Tversky { alpha, beta } | Form::FocalTversky { alpha, beta, .. } => (alpha, beta),
        Form::AsymmetricSimilarity { beta } => (1.0 / (1.0 + beta * beta), beta * beta / (1.0 + beta * beta)),
        _ => (0.5, 0.5),
    };
    let v = case.annotated(&class_weight(case, spec));
    let denominators: Vec<f64> = (class_sums(case).iter().zip(v).filter(|(_, v)| *v > 0.0))
        .map(|(t, _)| t.overlap + alpha * t.invented + beta * t.overlooked + spec.smooth_denominator)
        .collect();
    let count = denominators.len().max(1) as f64;
    let is_pooled =
        spec.sample_average == SampleAverage::Pooled || spec.class_average == ClassAverage::Pooled;
    let (least, share) = match is_pooled {
        true => (denominators.iter().sum::<f64>() / count, 1.0),
        false => (denominators.iter().copied().fold(f64::INFINITY, f64::min), 1.0 / count),
    };
    (config.scale * spec.weight).abs() * share * 2.0 * steepness(case, spec) / least.max(1e-3)
}

/// How much more than of logits within ±4 the rounding of a difference of logits is, and so of its exponential.
pub fn logit_strain(config: &Config) -> f64 {
    match (config.activation, config.prediction) {
        (Activation::Softmax, Prediction::Within(reach)) => (reach / 4.0).max(1.0),
        _ => 1.0,
    }
}

/// The factor by which a power increases the relative error of its base.
pub fn strain(case: &Case, spec: &TermSpec) -> f64 {
    match (least_base(case, spec), spec.form) {
        (Some(base), _) => 1.0 + 0.2 / base.max(1e-6),
        (None, Form::Focal { gamma } | Form::PowerCrossEntropy { gamma } | Form::LogDice { gamma }) => {
            gamma.max(1.0)
        }
        (None, Form::FocalTversky { gamma, .. }) => (1.0 / gamma).max(1.0),
        _ => 1.0,
    }
}

/// The largest slope of a power below 1 in a region loss.
fn steepness(case: &Case, spec: &TermSpec) -> f64 {
    let exponent = match spec.form {
        Form::FocalTversky { gamma, .. } => 1.0 / gamma,
        Form::LogDice { gamma } => gamma,
        _ => return 1.0,
    };
    least_base(case, spec).map_or(1.0, |base| base.max(1e-6).powf(exponent - 1.0).max(1.0))
}

/// The smallest base of a power below 1 in a region loss.
pub fn least_base(case: &Case, spec: &TermSpec) -> Option<f64> {
    let form = match spec.form {
        Form::FocalTversky { alpha, beta, gamma } if gamma > 1.0 => Form::Tversky { alpha, beta },
        Form::LogDice { gamma } if gamma < 1.0 => Form::LogDice { gamma: 1.0 },
        _ => return None,
    };
    let v = case.annotated(&class_weight(case, spec));
    let spec = TermSpec { form, ..spec.clone() };
    let of = class_sums(case).into_iter().zip(v).filter(|(_, v)| *v > 0.0);
    // Pooled sums are not closer to perfect than the best class.
    Some(of.map(|(sums, _)| class_loss(&spec, &sums)).fold(f64::INFINITY, f64::min))
}
