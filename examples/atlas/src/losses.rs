//! The displayed losses, by family of the paper's taxonomy. A new loss is one more line.

use crate::displayed_loss::{DisplayedLoss, keep, term};
use crate::family::Family::{Boundary as ByBoundary, Compound, Distribution, Region};
use segloss::boundary::Sides;
use segloss::region::Squares;
use segloss::{
    AsymmetricSimilarity, Boundary, CrossEntropy, Dice, DistancePenalized, Focal, FocalTversky,
    GeneralizedDice, Hausdorff, Iou, Penalty, Selection, SensitivitySpecificity, Term, TopK, Tversky,
    presets,
};

/// The loss to whose time the others are compared.
pub const REFERENCE: &str = "Cross entropy";

/// Every loss and preset of the crate; `rarity` holds the class weights of the losses shown with class weights.
pub fn losses(rarity: &[f64]) -> Vec<DisplayedLoss> {
    [distribution(rarity), region(), boundary(), compound()].into_iter().flatten().collect()
}

fn distribution(rarity: &[f64]) -> Vec<DisplayedLoss> {
    let of = |name, mark, idea, term| DisplayedLoss::new(Distribution, name, mark, idea, vec![term]);
    let smoothed = CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() };
    let by_class = Term { class_weight: Some(keep(rarity.to_vec())), ..term(CrossEntropy::default()) };
    let (tenth, doubtful) = (Selection::Fraction(0.1), Selection::Threshold(0.5));
    let top_k = |selection| term(TopK { selection });
    vec![
        of(REFERENCE, "2", "each voxel by its error, s − g", term(CrossEntropy::default())),
        of("CE, labels smoothed", "", "a tenth of the truth is shared", term(smoothed)).under(REFERENCE),
        of("CE, weighted by class", "3", "rare classes push harder", by_class).under(REFERENCE),
        of("TopK, a tenth", "4", "only the dearest 10 % push", top_k(tenth))
            .under(REFERENCE)
            .selecting(tenth),
        of("TopK, threshold", "4", "only where the truth has s < 0.5", top_k(doubtful))
            .under(REFERENCE)
            .selecting(doubtful),
        of("Focal", "5", "what is right pushes less", term(Focal::default())).under(REFERENCE),
        of("Distance-penalised CE", "6", "borders push up to twice as hard", term(DistancePenalized))
            .under(REFERENCE),
    ]
}

fn region() -> Vec<DisplayedLoss> {
    let of = |name, mark, idea, term| DisplayedLoss::new(Region, name, mark, idea, vec![term]);
    let squared = Dice { squares: Squares::Squared, ..Dice::default() };
    let sensitivity = SensitivitySpecificity::default();
    vec![
        of("Sensitivity-specificity", "7", "squared errors inside and outside", term(sensitivity)),
        of("Dice", "8", "Tversky with α = β = 1/2", term(Dice::default())).under("Tversky"),
        of("Dice, squared", "8", "sizes are sums of squares", term(squared)).under("Dice"),
        of("IoU", "9", "Tversky with α = β = 1", term(Iou::default())).under("Tversky"),
        of("Tversky", "10", "α = 0.3 of FP, β = 0.7 of FN", term(Tversky::default())),
        of("Generalized Dice", "11", "all classes in one ratio", term(GeneralizedDice::default()))
            .under("Dice"),
        of("Focal Tversky", "12", "Tversky to the power 3/4", term(FocalTversky::default())).under("Tversky"),
        of(
            "Asymmetric similarity",
            "13",
            "Tversky with FN : FP = 9 : 4",
            term(AsymmetricSimilarity::default()),
        )
        .under("Tversky"),
        of("Penalty", "14", "generalized Dice, bent by k = 2.5", term(Penalty::default()))
            .under("Generalized Dice"),
    ]
}

fn boundary() -> Vec<DisplayedLoss> {
    let of = |name, mark, idea, term| DisplayedLoss::new(ByBoundary, name, mark, idea, vec![term]);
    let target = Hausdorff { sides: Sides::Target, ..Hausdorff::default() };
    vec![
        of("Boundary", "BD", "s times signed distance", term(Boundary::default())),
        of("Boundary, rim at zero", "", "distance 0 at the inner rim", term(Boundary { rim_zero: true }))
            .under("Boundary"),
        of("Hausdorff", "HD", "error² times both distances²", term(Hausdorff::default())),
        of("Hausdorff, target only", "", "error² times the truth’s distance²", term(target))
            .under("Hausdorff"),
    ]
}

fn compound() -> Vec<DisplayedLoss> {
    let of = |name, mark, joins, terms: &[Term<'static>]| DisplayedLoss {
        joins,
        ..DisplayedLoss::new(Compound, name, mark, "", terms.to_vec())
    };
    let dice_top_k: &presets::DiceTopK = keep(presets::DiceTopK::default());
    let boundary = Term { weight: 0.01, ..term(Boundary::default()) };
    let all_three = [term(Dice::default()), term(CrossEntropy::default()), boundary];
    vec![
        of("Dice + CE", "", [REFERENCE, "Dice", ""], &keep(presets::DiceCrossEntropy::default()).terms()),
        of("Dice + TopK", "", ["TopK, a tenth", "Dice", ""], &dice_top_k.terms())
            .selecting(dice_top_k.top_k.selection),
        of("Dice + focal", "", ["Focal", "Dice", ""], &keep(presets::DiceFocal::default()).terms()),
        of(
            "Combo",
            "15",
            ["Balanced CE", "Dice", ""],
            &keep(presets::Combo::default()).terms().expect("alpha is one half"),
        ),
        of(
            "Exponential logarithmic",
            "16",
            ["Power of CE", "Power of log Dice", ""],
            &keep(presets::ExponentialLogarithmic::default()).terms(),
        ),
        of(
            "Generalized Dice + boundary",
            "",
            ["", "Generalized Dice", "Boundary"],
            &keep(presets::GeneralizedDiceBoundary::default()).terms(),
        ),
        of(
            "Dice + Hausdorff",
            "",
            ["", "Dice", "Hausdorff"],
            &keep(presets::DiceHausdorff::default()).terms(),
        ),
        of("Dice + CE + boundary", "", [REFERENCE, "Dice", "Boundary"], &all_three),
    ]
}

/// Median frequency of the classes divided by the frequency of each; an absent class gets the largest weight.
pub fn rarity(labels: &[u8], classes: usize) -> Vec<f64> {
    let mut counts = vec![0usize; classes];
    labels.iter().for_each(|&label| counts[usize::from(label)] += 1);
    let mut present: Vec<usize> = counts.iter().copied().filter(|&count| count > 0).collect();
    present.sort_unstable();
    let median = (present[(present.len() - 1) / 2] + present[present.len() / 2]) as f64 / 2.0;
    counts.iter().map(|&count| median / count.max(present[0]) as f64).collect()
}
