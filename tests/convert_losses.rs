//! Converts losses of the reference to losses of the crate.

use crate::naive::{self, TermSpec};
use segloss::boundary::Sides;
use segloss::custom::Normalizer;
use segloss::region::{Squares, Volume};
use segloss::{AbsentClass, ClassAverage, SampleAverage, Term};
use segloss::{
    AsymmetricSimilarity, BalancedCrossEntropy, Boundary, CrossEntropy, Dice, DistancePenalized, Focal,
    FocalTversky, GeneralizedDice, Hausdorff, Iou, LogDice, Loss, Penalty, PowerCrossEntropy, Selection,
    SensitivitySpecificity, TopK, Tversky,
};

/// The loss with the parameters of the reference's loss.
pub fn form_of(spec: &TermSpec) -> Box<dyn Loss> {
    let (smooth_numerator, smooth_denominator) = (spec.smooth_numerator, spec.smooth_denominator);
    let squares = |squared| if squared { Squares::Squared } else { Squares::Linear };
    let tversky = |alpha, beta| Tversky { alpha, beta, smooth_numerator, smooth_denominator };
    let generalized_dice = |power| GeneralizedDice {
        volume: match power {
            2.0 => Volume::InverseSquare,
            1.0 => Volume::Inverse,
            0.0 => Volume::Uniform,
            other => panic!("no volume of power {other}"),
        },
        smooth_numerator,
        smooth_denominator,
    };
    match spec.form {
        naive::Form::CrossEntropy { label_smoothing, normalizer } => Box::new(CrossEntropy {
            label_smoothing,
            normalizer: match normalizer {
                naive::Normalizer::Voxels => Normalizer::Voxels,
                naive::Normalizer::ClassWeight => Normalizer::ClassWeight,
            },
        }),
        naive::Form::TopK(selection) => Box::new(TopK {
            selection: match selection {
                naive::Selection::Fraction(k) => Selection::Fraction(k),
                naive::Selection::Threshold(t) => Selection::Threshold(t),
            },
        }),
        naive::Form::Focal { gamma } => Box::new(Focal { gamma }),
        naive::Form::DistancePenalized => Box::new(DistancePenalized),
        naive::Form::SensitivitySpecificity { r } => {
            Box::new(SensitivitySpecificity { sensitivity: r, smooth_denominator })
        }
        naive::Form::Dice { squared } => {
            Box::new(Dice { squares: squares(squared), smooth_numerator, smooth_denominator })
        }
        naive::Form::Iou { squared } => {
            Box::new(Iou { squares: squares(squared), smooth_numerator, smooth_denominator })
        }
        naive::Form::Tversky { alpha, beta } => Box::new(tversky(alpha, beta)),
        naive::Form::GeneralizedDice { power } => Box::new(generalized_dice(power)),
        naive::Form::FocalTversky { alpha, beta, gamma } => {
            Box::new(FocalTversky { tversky: tversky(alpha, beta), gamma })
        }
        naive::Form::AsymmetricSimilarity { beta } => {
            Box::new(AsymmetricSimilarity { beta, smooth_numerator, smooth_denominator })
        }
        naive::Form::Penalty { power, k } => {
            Box::new(Penalty { generalized_dice: generalized_dice(power), k })
        }
        naive::Form::Boundary { rim_zero } => Box::new(Boundary { rim_zero }),
        naive::Form::Hausdorff(naive::boundary::Hausdorff {
            alpha,
            target_only,
            prediction_only,
            argmax,
            interior,
            log,
            ..
        }) => Box::new(Hausdorff {
            alpha,
            sides: match (target_only, prediction_only) {
                (true, false) => Sides::Target,
                (false, true) => Sides::Prediction,
                (false, false) => Sides::Both,
                (true, true) => panic!("no side is left"),
            },
            argmax,
            interior,
            logarithmic: log,
        }),
        naive::Form::BalancedCrossEntropy { beta } => Box::new(BalancedCrossEntropy { beta }),
        naive::Form::PowerCrossEntropy { gamma } => Box::new(PowerCrossEntropy { gamma }),
        naive::Form::LogDice { gamma } => Box::new(LogDice { gamma, smooth_numerator, smooth_denominator }),
    }
}

/// The term of the crate with the options of the reference's term, without a field.
pub fn term_of<'a>(spec: &'a TermSpec, loss: &'a dyn Loss) -> Term<'a> {
    Term {
        minus_one: spec.minus_one,
        class_average: match spec.class_average {
            naive::ClassAverage::Mean => ClassAverage::Mean,
            naive::ClassAverage::Pooled => ClassAverage::Pooled,
        },
        sample_average: match spec.sample_average {
            naive::SampleAverage::Mean => SampleAverage::Mean,
            naive::SampleAverage::Pooled => SampleAverage::Pooled,
        },
        absent: match spec.absent {
            naive::Absent::Counted => AbsentClass::Counted,
            naive::Absent::Skipped => AbsentClass::Skipped,
        },
        class_weight: spec.class_weight.as_deref(),
        // No part of a complete field comes from the prediction.
        field_complete: matches!(spec.form, naive::Form::Hausdorff(form) if form.field_complete),
        ..Term::new(spec.weight, loss)
    }
}
