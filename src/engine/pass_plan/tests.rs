//! Tables of plans: loss and call, and what is accumulated, cached and mapped for them.

use super::*;
use crate::array::view::View;
use crate::batch::Batch;
use crate::boundary::boundary_loss::Boundary;
use crate::boundary::hausdorff::Hausdorff;
use crate::distribution::cross_entropy::CrossEntropy;
use crate::distribution::distance_penalized::DistancePenalized;
use crate::distribution::focal::Focal;
use crate::distribution::top_k::TopK;
use crate::engine::label_work::{LabelWork, NegLogSteps};
use crate::loss::kind::Loss;
use crate::region::dice::{Dice, Squares};
use crate::region::generalized_dice::GeneralizedDice;
use std::vec::Vec;

const fn run(gradient: bool, class_sums: bool, can_cache: bool) -> CallKind {
    CallKind::Run { gradient, class_sums, class_values: false, can_cache }
}

const VALUE: CallKind = run(false, false, true);
const GRADIENT: CallKind = run(true, false, true);
const GRADIENT_AND_SUMS: CallKind = run(true, true, true);
const GRADIENT_WITHOUT_CACHE: CallKind = run(true, false, false);

/// Losses, call, and the expected passes.
type PlanCase<'a> = (&'a [&'a dyn Loss], CallKind, (PassSequence, RequiredSums, bool));
/// Loss, activation, target, field of the loss, and the expected implementation.
type ImplementationCase<'a> = (&'a dyn Loss, Activation, View<'a>, Option<StridedRows>, Implementation);

fn terms<'a>(losses: &[&'a dyn Loss]) -> Vec<Term<'a>> {
    losses.iter().map(|&loss| Term::new(1.0, loss)).collect()
}

#[test]
fn passes_sums_and_cache_of_losses() {
    use {PassSequence as P, RequiredSums as Sums};
    let (cross_entropy, focal) = (CrossEntropy::default(), Focal::default());
    let (dice, squared) = (Dice::default(), Dice { squares: Squares::Squared, ..Dice::default() });
    let (joint, boundary) = (GeneralizedDice::default(), Boundary::default());
    let logarithmic = Hausdorff { logarithmic: true, ..Hausdorff::default() };
    let fraction = TopK { selection: Selection::Fraction(0.1) };
    let threshold = TopK { selection: Selection::Threshold(0.7) };
    let table: &[PlanCase<'_>] = &[
        (&[&cross_entropy], VALUE, (P::Accumulate, Sums::None, false)),
        (&[&cross_entropy], GRADIENT, (P::Fused, Sums::None, false)),
        (&[&cross_entropy], GRADIENT_AND_SUMS, (P::Fused, Sums::Squared, false)),
        (&[&cross_entropy], CallKind::Accumulate, (P::Accumulate, Sums::Squared, false)),
        (&[&cross_entropy], CallKind::Backward, (P::Backward, Sums::None, false)),
        (&[&focal, &boundary], GRADIENT, (P::Fused, Sums::None, false)),
        (&[&logarithmic], GRADIENT, (P::AccumulateThenBackward, Sums::None, true)),
        (&[&dice], VALUE, (P::Accumulate, Sums::Linear, false)),
        (&[&dice], GRADIENT, (P::AccumulateThenBackward, Sums::Linear, true)),
        (&[&dice], GRADIENT_WITHOUT_CACHE, (P::AccumulateThenBackward, Sums::Linear, false)),
        (&[&dice], GRADIENT_AND_SUMS, (P::AccumulateThenBackward, Sums::Squared, true)),
        (&[&squared], GRADIENT, (P::AccumulateThenBackward, Sums::Squared, true)),
        (&[&joint], GRADIENT, (P::AccumulateThenBackward, Sums::Linear, true)),
        // The slope of cross entropy by ln s is constant.
        (&[&dice, &cross_entropy], GRADIENT, (P::AccumulateThenBackward, Sums::Linear, true)),
        (&[&fraction], GRADIENT, (P::Fused, Sums::None, false)),
        (&[&fraction], GRADIENT_AND_SUMS, (P::Fused, Sums::Squared, false)),
        (&[&fraction, &cross_entropy], GRADIENT, (P::Fused, Sums::None, false)),
        (&[&threshold], GRADIENT, (P::AccumulateThenBackward, Sums::None, false)),
        (&[&dice, &threshold], GRADIENT, (P::AccumulateThenBackward, Sums::Linear, false)),
    ];
    for &(losses, call, (passes, sums, caches)) in table {
        let by_class = !matches!(call, CallKind::Run { class_sums: false, .. });
        // Only softmax caches, where it may find labels.
        use Implementation::{ByUnit, Classes, Labels};
        for (implementation, caches) in [(Labels, caches), (ByUnit, caches), (Classes, false)] {
            let expected = PassPlan { implementation, passes, sums, caches, by_class };
            assert_eq!(PassPlan::new(implementation, &terms(losses), call), expected, "{losses:?} {call:?}");
        }
    }
}

#[test]
fn implementation_by_activation_target_and_loss() {
    use Activation::{Probability, Sigmoid, Softmax};
    use Implementation::{ByUnit, Classes, Labels};
    let shape = [1, 2, 3];
    let (logits, labels, masks) = ([0f32; 6], [0u8; 3], [0u8; 6]);
    let prediction = View::new(&logits, &shape).unwrap();
    let (of_labels, of_masks) = (View::new(&labels, &[1, 3]).unwrap(), View::new(&masks, &shape).unwrap());
    let shared = StridedRows::without_classes(&View::new(&logits[..3], &[1, 3]).unwrap().array);
    let per_class = StridedRows::with_classes(&prediction.array);
    let (dice, cross_entropy, top_k) = (Dice::default(), CrossEntropy::default(), TopK::default());
    let smoothed = CrossEntropy { label_smoothing: 0.1, ..cross_entropy };
    let (boundary, penalized) = (Boundary::default(), DistancePenalized);
    let table: &[ImplementationCase<'_>] = &[
        (&dice, Softmax, of_labels, None, Labels),
        (&dice, Sigmoid, of_labels, None, Classes),
        (&dice, Probability, of_labels, None, Classes),
        (&dice, Softmax, of_masks, None, ByUnit),
        (&dice, Sigmoid, of_masks, None, Classes),
        (&cross_entropy, Softmax, of_labels, None, Labels),
        (&smoothed, Softmax, of_labels, None, Classes),
        (&smoothed, Sigmoid, of_labels, None, Classes),
        (&top_k, Softmax, of_labels, None, Labels),
        (&top_k, Sigmoid, of_labels, None, Classes),
        (&top_k, Softmax, of_masks, None, Classes),
        (&boundary, Softmax, of_labels, Some(per_class), Labels),
        (&penalized, Softmax, of_labels, Some(shared), Labels),
        // The target class of a voxel selects the field: the loss is not one row.
        (&penalized, Softmax, of_labels, Some(per_class), Classes),
        (&penalized, Sigmoid, of_labels, Some(per_class), Classes),
    ];
    for &(loss, activation, target, field, expected) in table {
        let problem = Problem::new(&Batch::new(prediction, activation, target)).unwrap();
        let fields = [field, None, None, None];
        let found = Implementation::of(&problem, &terms(&[loss]), &fields);
        assert_eq!(found, expected, "{loss:?} {activation:?} {:?}", problem.target_kind);
    }
}

#[test]
fn cached_probabilities_are_stored_by_one_pass_and_loaded_by_the_next() {
    let dice = Dice::default();
    let terms = terms(&[&dice]);
    let plan = PassPlan::new(Implementation::Labels, &terms, GRADIENT);
    let access =
        [PassKind::TopK, PassKind::Accumulate, PassKind::Backward].map(|kind| plan.steps(&terms, kind).cache);
    assert_eq!(access, [CacheAccess::None, CacheAccess::Store, CacheAccess::Load]);
}

#[test]
fn a_pass_that_does_not_accumulate_has_no_sums() {
    let dice = Dice::default();
    let terms = terms(&[&dice]);
    let plan = PassPlan::new(Implementation::Classes, &terms, GRADIENT_AND_SUMS);
    let steps = |kind| plan.steps(&terms, kind);
    assert_eq!(steps(PassKind::Accumulate).sums, RequiredSums::Squared);
    let backward = steps(PassKind::Backward);
    assert_eq!((backward.sums, backward.accumulates), (RequiredSums::None, false));
    assert!(backward.writes_gradient && !steps(PassKind::Accumulate).writes_gradient);
}

#[test]
fn one_sum_of_all_classes_suffices_where_their_weights_are_equal() {
    let (cross_entropy, focal) = (CrossEntropy::default(), Focal::default());
    let (logits, labels) = ([0f32; 6], [0u8; 3]);
    let prediction = View::new(&logits, &[1, 2, 3]).unwrap();
    let batch = Batch::new(prediction, Activation::Softmax, View::new(&labels, &[1, 3]).unwrap());
    let weight = [1f32; 3];
    let weighted = Batch { voxel_weight: Some(View::new(&weight, &[1, 3]).unwrap()), ..batch };
    let work = |batch: &Batch<'_>, terms: &[Term<'_>], call: CallKind| {
        let plan = PassPlan::new(Implementation::Labels, terms, call);
        let steps = plan.steps(terms, plan.accumulating_pass());
        LabelWork::new(&steps, terms, &Problem::new(batch).unwrap(), &plan)
    };
    let sum = |batch: &Batch<'_>, terms: &[Term<'_>], call: CallKind| {
        let work = work(batch, terms, call);
        (work.neg_log_slot, work.neg_log)
    };
    let plain = terms(&[&cross_entropy]);
    let dice = Dice::default();
    assert_eq!(sum(&batch, &plain, GRADIENT), (Some(0), NegLogSteps::WithGradient));
    assert_eq!(sum(&batch, &plain, VALUE), (Some(0), NegLogSteps::Separate));
    assert_eq!(sum(&batch, &terms(&[&dice, &cross_entropy]), GRADIENT), (Some(1), NegLogSteps::Separate));
    assert_eq!(sum(&batch, &terms(&[&focal]), GRADIENT), (None, NegLogSteps::None));
    // In the same sum, but one logarithm per voxel: weights of voxels.
    assert_eq!(sum(&weighted, &plain, GRADIENT), (Some(0), NegLogSteps::WithGradient));
    assert!(work(&batch, &plain, GRADIENT).neg_log_by_product);
    assert!(!work(&weighted, &plain, GRADIENT).neg_log_by_product);
    // In rows: weights or values of classes.
    assert_eq!(sum(&batch, &plain, GRADIENT_AND_SUMS), (None, NegLogSteps::None));
    let by_class = [Term { class_weight: Some(&[1.0, 2.0]), ..plain[0] }];
    assert_eq!(sum(&batch, &by_class, GRADIENT), (None, NegLogSteps::None));
    let needs_logarithm = |losses: &[&dyn Loss]| work(&batch, &terms(losses), GRADIENT).needs_logarithm;
    assert!(!needs_logarithm(&[&cross_entropy]) && needs_logarithm(&[&focal]));
}
