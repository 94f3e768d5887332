//! The compound losses by their names.
//!
//! A preset owns the forms of its terms; [`terms`](DiceCrossEntropy::terms) lends them as a loss.
//! Change a parameter in the struct, a weight or an average in the terms.

use super::{BalancedCrossEntropy, LogDice, PowerCrossEntropy};
use crate::boundary::{Boundary, Hausdorff};
use crate::distribution::{CrossEntropy, Focal, TopK};
use crate::region::{Dice, GeneralizedDice};
use crate::{Error, Term, check};

/// Dice + cross entropy: nnU-Net's, whose Dice leaves the background out.
///
/// # Source
/// Isensee et al. (2018), <https://arxiv.org/abs/1809.10486>; `DC_and_CE_loss` of nnU-Net v2, whose value is less by 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DiceCrossEntropy {
    /// The first term.
    pub dice: Dice,
    /// The second term.
    pub cross_entropy: CrossEntropy,
}

impl DiceCrossEntropy {
    /// The loss.
    pub fn terms(&self) -> [Term<'_>; 2] {
        let dice = Term { exclude_background: true, ..Term::new(1.0, &self.dice) };
        [dice, Term::new(1.0, &self.cross_entropy)]
    }
}

/// Dice + TopK: nnU-Net's, whose Dice leaves the background out.
///
/// # Source
/// `DC_and_topk_loss` of nnU-Net v2, <https://github.com/MIC-DKFZ/nnUNet>, whose value is less by 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DiceTopK {
    /// The first term.
    pub dice: Dice,
    /// The second term.
    pub top_k: TopK,
}

impl DiceTopK {
    /// The loss.
    pub fn terms(&self) -> [Term<'_>; 2] {
        let dice = Term { exclude_background: true, ..Term::new(1.0, &self.dice) };
        [dice, Term::new(1.0, &self.top_k)]
    }
}

/// Dice + focal: AnatomyNet's.
///
/// # Source
/// Zhu et al. (2018), <https://arxiv.org/abs/1808.05238>.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DiceFocal {
    /// The first term.
    pub dice: Dice,
    /// The second term.
    pub focal: Focal,
}

impl DiceFocal {
    /// The loss.
    pub fn terms(&self) -> [Term<'_>; 2] {
        [Term::new(1.0, &self.dice), Term::new(1.0, &self.focal)]
    }
}

/// Combo (15): `α` of balanced cross entropy, `1 − α` of minus Dice. At `s = g` it is `−(1 − α)`.
///
/// # Source
/// Taghanaki et al. (2018), <https://arxiv.org/abs/1805.02798>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Combo {
    /// The weight of cross entropy, in [0, 1].
    pub alpha: f64,
    /// The first term.
    pub cross_entropy: BalancedCrossEntropy,
    /// The second term.
    pub dice: Dice,
}

impl Default for Combo {
    /// `α = β = ½`, `ε = 1`, as in the source.
    fn default() -> Self {
        let dice = Dice { smooth_numerator: 1.0, smooth_denominator: 1.0, ..Dice::default() };
        Self { alpha: 0.5, cross_entropy: BalancedCrossEntropy::default(), dice }
    }
}

impl Combo {
    /// The loss.
    ///
    /// # Errors
    /// [`Error`] unless `α` lies in [0, 1]: beyond it one of the halves would be subtracted.
    pub fn terms(&self) -> Result<[Term<'_>; 2], Error> {
        check(&[(c"alpha", self.alpha)], |alpha| (0.0..=1.0).contains(&alpha), c"in [0, 1]")?;
        let dice = Term { minus_one: true, ..Term::new(1.0 - self.alpha, &self.dice) };
        Ok([Term::new(self.alpha, &self.cross_entropy), dice])
    }
}

/// Exponential logarithmic (16): `w_D` of logarithmic Dice, `w_X` of power cross entropy.
///
/// # Source
/// Wong et al. (2018), <https://arxiv.org/abs/1809.00076>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExponentialLogarithmic {
    /// `w_D`
    pub dice_weight: f64,
    /// `w_X`
    pub cross_entropy_weight: f64,
    /// The first term.
    pub dice: LogDice,
    /// The second term.
    pub cross_entropy: PowerCrossEntropy,
}

impl Default for ExponentialLogarithmic {
    /// `w_D = 0.8`, `w_X = 0.2`, `γ = 0.3`, as in the source.
    fn default() -> Self {
        Self {
            dice_weight: 0.8,
            cross_entropy_weight: 0.2,
            dice: LogDice::default(),
            cross_entropy: PowerCrossEntropy::default(),
        }
    }
}

impl ExponentialLogarithmic {
    /// The loss.
    pub fn terms(&self) -> [Term<'_>; 2] {
        [Term::new(self.dice_weight, &self.dice), Term::new(self.cross_entropy_weight, &self.cross_entropy)]
    }
}

/// Generalized Dice + boundary: Kervadec's. The weight of the boundary is the start of a schedule
/// that the caller raises.
///
/// # Source
/// Kervadec et al. (2019), <https://arxiv.org/abs/1812.07032>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeneralizedDiceBoundary {
    /// The first term.
    pub generalized_dice: GeneralizedDice,
    /// The weight of the second term.
    pub boundary_weight: f64,
    /// The second term.
    pub boundary: Boundary,
}

impl Default for GeneralizedDiceBoundary {
    /// 0.01 of boundary.
    fn default() -> Self {
        Self {
            generalized_dice: GeneralizedDice::default(),
            boundary_weight: 0.01,
            boundary: Boundary::default(),
        }
    }
}

impl GeneralizedDiceBoundary {
    /// The loss.
    pub fn terms(&self) -> [Term<'_>; 2] {
        [Term::new(1.0, &self.generalized_dice), Term::new(self.boundary_weight, &self.boundary)]
    }
}

/// Dice + Hausdorff: both leave the background out.
///
/// # Source
/// Karimi, Salcudean (2019), <https://arxiv.org/abs/1904.10030>, for Hausdorff.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DiceHausdorff {
    /// The first term.
    pub dice: Dice,
    /// The second term.
    pub hausdorff: Hausdorff,
}

impl DiceHausdorff {
    /// The loss.
    pub fn terms(&self) -> [Term<'_>; 2] {
        let dice = Term { exclude_background: true, ..Term::new(1.0, &self.dice) };
        [dice, Term::new(1.0, &self.hausdorff)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;

    #[test]
    fn a_combo_beyond_its_halves_is_refused() {
        for alpha in [-1e-9, 1.0 + 1e-9, f64::INFINITY, f64::NAN] {
            let error = Combo { alpha, ..Combo::default() }.terms().err().unwrap();
            assert_eq!((error.status, error.argument), (Status::Parameter, c"alpha"), "{alpha}");
        }
        for alpha in [0.0, 0.25, 1.0] {
            let combo = Combo { alpha, ..Combo::default() };
            assert_eq!(combo.terms().unwrap().map(|term| term.weight), [alpha, 1.0 - alpha]);
        }
    }
}
