//! The displayed losses, by family of the paper's taxonomy. A new loss is one more line.

use super::displayed_loss::{DisplayedLoss, keep, term};
use super::family::Family::{Boundary as ByBoundary, Compound, Distribution, Region};
use segloss::boundary::Sides;
use segloss::region::Squares;
use segloss::{
    AsymmetricSimilarity, Boundary, CrossEntropy, Dice, DistancePenalized, Focal, FocalTversky,
    GeneralizedDice, Hausdorff, Iou, Penalty, Selection, SensitivitySpecificity, Term, TopK, Tversky,
    presets,
};

/// The loss to whose time the others are compared.
pub const REFERENCE: &str = "Cross entropy";

/// The keys of all losses, in their order.
pub const KEYS: [&str; 28] = [
    "ce",
    "ce_smoothed",
    "ce_weighted",
    "topk",
    "topk_threshold",
    "focal",
    "distance_penalized_ce",
    "sensitivity_specificity",
    "dice",
    "dice_squared",
    "iou",
    "tversky",
    "generalized_dice",
    "focal_tversky",
    "asymmetric_similarity",
    "penalty",
    "boundary",
    "boundary_rim_zero",
    "hausdorff",
    "hausdorff_target",
    "dice_ce",
    "dice_topk",
    "dice_focal",
    "combo",
    "exponential_logarithmic",
    "generalized_dice_boundary",
    "dice_hausdorff",
    "dice_ce_boundary",
];

/// Every loss and preset of the crate; `rarity` holds the class weights of the losses shown with class weights.
pub fn losses(rarity: &[f64]) -> Vec<DisplayedLoss> {
    [distribution(rarity), region(), boundary(), compound()].into_iter().flatten().collect()
}

fn distribution(rarity: &[f64]) -> Vec<DisplayedLoss> {
    let of =
        |key, name, mark, idea, term| DisplayedLoss::new(Distribution, key, name, mark, idea, vec![term]);
    let smoothed = CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() };
    let by_class = Term { class_weight: Some(keep(rarity.to_vec())), ..term(CrossEntropy::default()) };
    let (tenth, doubtful) = (Selection::Fraction(0.1), Selection::Threshold(0.5));
    let top_k = |selection| term(TopK { selection });
    vec![
        of("ce", REFERENCE, "2", "each voxel by its error, s − g", term(CrossEntropy::default())),
        of("ce_smoothed", "CE, labels smoothed", "", "a tenth of the target is spread", term(smoothed))
            .under(REFERENCE),
        of("ce_weighted", "CE, weighted by class", "3", "rare classes weigh more", by_class).under(REFERENCE),
        of("topk", "TopK, a tenth", "4", "the 10 % with the highest loss", top_k(tenth))
            .under(REFERENCE)
            .selecting(tenth),
        of("topk_threshold", "TopK, threshold", "4", "target class with s < 0.5 only", top_k(doubtful))
            .under(REFERENCE)
            .selecting(doubtful),
        of("focal", "Focal", "5", "smaller weight where s is right", term(Focal::default())).under(REFERENCE),
        of(
            "distance_penalized_ce",
            "Distance-penalised CE",
            "6",
            "up to twice as much at borders",
            term(DistancePenalized),
        )
        .under(REFERENCE),
    ]
}

fn region() -> Vec<DisplayedLoss> {
    let of = |key, name, mark, idea, term| DisplayedLoss::new(Region, key, name, mark, idea, vec![term]);
    let squared = Dice { squares: Squares::Squared, ..Dice::default() };
    let sensitivity = SensitivitySpecificity::default();
    vec![
        of(
            "sensitivity_specificity",
            "Sensitivity-specificity",
            "7",
            "squared errors inside and outside",
            term(sensitivity),
        ),
        of("dice", "Dice", "8", "Tversky with α = β = 1/2", term(Dice::default())).under("Tversky"),
        of("dice_squared", "Dice, squared", "8", "sizes are sums of squares", term(squared)).under("Dice"),
        of("iou", "IoU", "9", "Tversky with α = β = 1", term(Iou::default())).under("Tversky"),
        of("tversky", "Tversky", "10", "α = 0.3 of FP, β = 0.7 of FN", term(Tversky::default())),
        of(
            "generalized_dice",
            "Generalized Dice",
            "11",
            "all classes in one ratio",
            term(GeneralizedDice::default()),
        )
        .under("Dice"),
        of("focal_tversky", "Focal Tversky", "12", "Tversky to the power 3/4", term(FocalTversky::default()))
            .under("Tversky"),
        of(
            "asymmetric_similarity",
            "Asymmetric similarity",
            "13",
            "Tversky with FN : FP = 9 : 4",
            term(AsymmetricSimilarity::default()),
        )
        .under("Tversky"),
        of("penalty", "Penalty", "14", "generalized Dice with k = 2.5", term(Penalty::default()))
            .under("Generalized Dice"),
    ]
}

fn boundary() -> Vec<DisplayedLoss> {
    let of = |key, name, mark, idea, term| DisplayedLoss::new(ByBoundary, key, name, mark, idea, vec![term]);
    let target = Hausdorff { sides: Sides::Target, ..Hausdorff::default() };
    vec![
        of("boundary", "Boundary", "BD", "s times signed distance", term(Boundary::default())),
        of(
            "boundary_rim_zero",
            "Boundary, rim at zero",
            "",
            "distance 0 at the inner rim",
            term(Boundary { rim_zero: true }),
        )
        .under("Boundary"),
        of("hausdorff", "Hausdorff", "HD", "error² times both distances²", term(Hausdorff::default())),
        of(
            "hausdorff_target",
            "Hausdorff, target only",
            "",
            "error² times the target’s distance²",
            term(target),
        )
        .under("Hausdorff"),
    ]
}

fn compound() -> Vec<DisplayedLoss> {
    let of = |key, name, mark, joins, terms: &[Term<'static>]| DisplayedLoss {
        joins,
        ..DisplayedLoss::new(Compound, key, name, mark, "", terms.to_vec())
    };
    let dice_top_k: &presets::DiceTopK = keep(presets::DiceTopK::default());
    let boundary = Term { weight: 0.01, ..term(Boundary::default()) };
    let all_three = [term(Dice::default()), term(CrossEntropy::default()), boundary];
    vec![
        of(
            "dice_ce",
            "Dice + CE",
            "",
            [REFERENCE, "Dice", ""],
            &keep(presets::DiceCrossEntropy::default()).terms(),
        ),
        of("dice_topk", "Dice + TopK", "", ["TopK, a tenth", "Dice", ""], &dice_top_k.terms())
            .selecting(dice_top_k.top_k.selection),
        of(
            "dice_focal",
            "Dice + focal",
            "",
            ["Focal", "Dice", ""],
            &keep(presets::DiceFocal::default()).terms(),
        ),
        of(
            "combo",
            "Combo",
            "15",
            ["Balanced CE", "Dice", ""],
            &keep(presets::Combo::default()).terms().expect("alpha is one half"),
        ),
        of(
            "exponential_logarithmic",
            "Exponential logarithmic",
            "16",
            ["Power of CE", "Power of log Dice", ""],
            &keep(presets::ExponentialLogarithmic::default()).terms(),
        ),
        of(
            "generalized_dice_boundary",
            "Generalized Dice + boundary",
            "",
            ["", "Generalized Dice", "Boundary"],
            &keep(presets::GeneralizedDiceBoundary::default()).terms(),
        ),
        of(
            "dice_hausdorff",
            "Dice + Hausdorff",
            "",
            ["", "Dice", "Hausdorff"],
            &keep(presets::DiceHausdorff::default()).terms(),
        ),
        of("dice_ce_boundary", "Dice + CE + boundary", "", [REFERENCE, "Dice", "Boundary"], &all_three),
    ]
}

/// Median frequency of the classes divided by the frequency of each; an absent class gets the largest weight.
pub fn rarity(counts: &[usize]) -> Vec<f64> {
    let mut present: Vec<usize> = counts.iter().copied().filter(|&count| count > 0).collect();
    present.sort_unstable();
    let (Some(middle), Some(least)) = (present.get(present.len() / 2), present.first()) else {
        return vec![1.0; counts.len()];
    };
    let median = (present[(present.len() - 1) / 2] + middle) as f64 / 2.0;
    counts.iter().map(|count| median / *count.max(least) as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_loss_has_its_key() {
        let keys: Vec<&str> = losses(&[1.0, 2.0]).iter().map(|loss| loss.key).collect();
        assert_eq!(keys, KEYS);
    }

    #[test]
    fn rarity_is_the_median_over_the_count() {
        assert_eq!(rarity(&[80, 20, 0, 40]), [0.5, 2.0, 2.0, 1.0]);
        assert_eq!(rarity(&[0]), [1.0]);
    }
}
