//! Named compound losses.
//!
//! A preset holds the losses of its terms; `terms`, such as [`DiceCrossEntropy::terms`], returns the terms that borrow
//! them. Parameters are changed in the preset, weights and averages in the returned terms.
//!
//! ```
//! use segloss::presets::DiceCrossEntropy;
//! use segloss::{Activation, Batch, SampleAverage, View, evaluate, scratch_len};
//!
//! let logits = [0.5f32, 2.0, -1.0, 1.5, -2.0, 0.0];
//! let labels = [1u8, 0, 1];
//! let batch = Batch::new(View::new(&logits, &[1, 2, 3])?, Activation::Softmax, View::new(&labels, &[1, 3])?);
//!
//! let mut loss = DiceCrossEntropy::default();
//! loss.cross_entropy.label_smoothing = 0.1;
//! let mut terms = loss.terms();
//! terms[0].sample_average = SampleAverage::Pooled;
//! let mut scratch = vec![0; scratch_len(&batch, &terms)?];
//! assert!(evaluate(&batch, &terms, &mut scratch)? > 0.0);
//! # Ok::<(), segloss::Error>(())
//! ```

use crate::boundary::boundary_loss::Boundary;
use crate::boundary::hausdorff::Hausdorff;
use crate::compound::balanced_cross_entropy::BalancedCrossEntropy;
use crate::compound::log_dice::LogDice;
use crate::compound::power_cross_entropy::PowerCrossEntropy;
use crate::distribution::cross_entropy::CrossEntropy;
use crate::distribution::focal::Focal;
use crate::distribution::top_k::TopK;
use crate::error::Error;
use crate::loss::term::Term;
use crate::parameter::check;
use crate::region::dice::Dice;
use crate::region::generalized_dice::GeneralizedDice;

/// Dice + cross entropy, as in nnU-Net: Dice excludes the background. Both weights are 1.
///
/// # Source
/// Isensee et al. (2018), <https://arxiv.org/abs/1809.10486>; `DC_and_CE_loss` of nnU-Net v2, whose value is
/// smaller by 1.
///
/// # Examples
/// ```
/// use segloss::presets::DiceCrossEntropy;
///
/// let loss = DiceCrossEntropy::default();
/// assert!(loss.terms()[0].exclude_background && !loss.terms()[1].exclude_background);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DiceCrossEntropy {
    /// The first term.
    pub dice: Dice,
    /// The second term.
    pub cross_entropy: CrossEntropy,
}

impl DiceCrossEntropy {
    /// Returns the terms of the loss.
    pub fn terms(&self) -> [Term<'_>; 2] {
        let dice = Term { exclude_background: true, ..Term::new(1.0, &self.dice) };
        [dice, Term::new(1.0, &self.cross_entropy)]
    }
}

/// Dice + TopK, as in nnU-Net: Dice excludes the background. Both weights are 1.
///
/// # Source
/// `DC_and_topk_loss` of nnU-Net v2, <https://github.com/MIC-DKFZ/nnUNet>, whose value is smaller by 1.
///
/// # Examples
/// ```
/// use segloss::presets::DiceTopK;
///
/// let loss = DiceTopK::default();
/// assert_eq!(loss.terms().map(|term| term.weight), [1.0, 1.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DiceTopK {
    /// The first term.
    pub dice: Dice,
    /// The second term.
    pub top_k: TopK,
}

impl DiceTopK {
    /// Returns the terms of the loss.
    pub fn terms(&self) -> [Term<'_>; 2] {
        let dice = Term { exclude_background: true, ..Term::new(1.0, &self.dice) };
        [dice, Term::new(1.0, &self.top_k)]
    }
}

/// Dice + focal, as in AnatomyNet. Both weights are 1; all classes are kept.
///
/// # Source
/// Zhu et al. (2018), <https://arxiv.org/abs/1808.05238>.
///
/// # Examples
/// ```
/// use segloss::presets::DiceFocal;
///
/// let loss = DiceFocal::default();
/// assert_eq!(loss.terms().map(|term| term.weight), [1.0, 1.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DiceFocal {
    /// The first term.
    pub dice: Dice,
    /// The second term.
    pub focal: Focal,
}

impl DiceFocal {
    /// Returns the terms of the loss.
    pub fn terms(&self) -> [Term<'_>; 2] {
        [Term::new(1.0, &self.dice), Term::new(1.0, &self.focal)]
    }
}

/// Combo (15): balanced cross entropy weighted by `α`, minus the Dice coefficient weighted by `1 − α`.
///
/// ```text
/// L = α·BCE − (1 − α)·Dice              Dice = (2·I + ε) / (S + G + ε), the mean over the classes
/// ```
///
/// The minimum, at `s = g`, is `−(1 − α)`. Defaults: `α = β = ½`, `ε = 1`.
///
/// # Source
/// Taghanaki et al. (2018), <https://arxiv.org/abs/1805.02798>.
///
/// # Examples
/// ```
/// use segloss::presets::Combo;
///
/// let combo = Combo { alpha: 0.25, ..Combo::default() };
/// assert_eq!(combo.terms()?.map(|term| term.weight), [0.25, 0.75]);
/// assert!(Combo { alpha: 1.5, ..combo }.terms().is_err());
/// # Ok::<(), segloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Combo {
    /// The weight `α` of the cross entropy, in [0, 1].
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
    /// Returns the terms of the loss.
    ///
    /// # Errors
    /// [`Error`] unless `α` lies in [0, 1]: outside of it one of the weights is negative.
    pub fn terms(&self) -> Result<[Term<'_>; 2], Error> {
        check(&[(c"alpha", self.alpha)], |alpha| (0.0..=1.0).contains(&alpha), c"in [0, 1]")?;
        let dice = Term { minus_one: true, ..Term::new(1.0 - self.alpha, &self.dice) };
        Ok([Term::new(self.alpha, &self.cross_entropy), dice])
    }
}

/// Exponential logarithmic loss (16): logarithmic Dice weighted by `w_D` + power cross entropy weighted by `w_X`.
///
/// Defaults: `w_D = 0.8`, `w_X = 0.2`, `γ = 0.3` for both terms.
///
/// # Source
/// Wong et al. (2018), <https://arxiv.org/abs/1809.00076>.
///
/// # Examples
/// ```
/// use segloss::presets::ExponentialLogarithmic;
///
/// let loss = ExponentialLogarithmic::default();
/// assert_eq!(loss.terms().map(|term| term.weight), [0.8, 0.2]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExponentialLogarithmic {
    /// The weight `w_D` of the first term.
    pub dice_weight: f64,
    /// The weight `w_X` of the second term.
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
    /// Returns the terms of the loss.
    pub fn terms(&self) -> [Term<'_>; 2] {
        [Term::new(self.dice_weight, &self.dice), Term::new(self.cross_entropy_weight, &self.cross_entropy)]
    }
}

/// Generalized Dice + boundary, as in Kervadec et al. The default weight of the boundary loss, 0.01, is the start of a
/// schedule: the caller increases it during training.
///
/// # Source
/// Kervadec et al. (2019), <https://arxiv.org/abs/1812.07032>.
///
/// # Examples
/// ```
/// use segloss::presets::GeneralizedDiceBoundary;
///
/// let epoch = 4;
/// let boundary_weight = 0.01 * f64::from(epoch);
/// let loss = GeneralizedDiceBoundary { boundary_weight, ..Default::default() };
/// assert_eq!(loss.terms().map(|term| term.weight), [1.0, 0.04]);
/// ```
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
    /// A weight of 0.01 for the boundary loss.
    fn default() -> Self {
        Self {
            generalized_dice: GeneralizedDice::default(),
            boundary_weight: 0.01,
            boundary: Boundary::default(),
        }
    }
}

impl GeneralizedDiceBoundary {
    /// Returns the terms of the loss.
    pub fn terms(&self) -> [Term<'_>; 2] {
        [Term::new(1.0, &self.generalized_dice), Term::new(self.boundary_weight, &self.boundary)]
    }
}

/// Dice + Hausdorff. Both exclude the background; both weights are 1.
///
/// # Source
/// Karimi, Salcudean (2019), <https://arxiv.org/abs/1904.10030>, for Hausdorff.
///
/// # Examples
/// ```
/// use segloss::presets::DiceHausdorff;
///
/// let loss = DiceHausdorff::default();
/// assert!(loss.terms()[0].exclude_background);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DiceHausdorff {
    /// The first term.
    pub dice: Dice,
    /// The second term.
    pub hausdorff: Hausdorff,
}

impl DiceHausdorff {
    /// Returns the terms of the loss.
    pub fn terms(&self) -> [Term<'_>; 2] {
        let dice = Term { exclude_background: true, ..Term::new(1.0, &self.dice) };
        [dice, Term::new(1.0, &self.hausdorff)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;

    #[test]
    fn combo_refuses_a_weight_outside_the_unit_interval() {
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
