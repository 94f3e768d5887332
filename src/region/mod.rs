//! Region losses: closed forms of a few sums over the voxels of a class ([`ClassSums`](crate::loss::sums::ClassSums)).
//!
//! | loss | value of a class, with `I = Σ w·g·s`, `S = Σ w·s`, `G = Σ w·g` and without smoothing |
//! | --- | --- |
//! | [`Dice`] | `1 − 2I/(S + G)` |
//! | [`Iou`] | `1 − I/(S + G − I)` |
//! | [`Tversky`] | `1 − I/(I + α·(S − I) + β·(G − I))` |
//! | [`FocalTversky`] | `T^(1/γ)`, `T` the Tversky loss |
//! | [`AsymmetricSimilarity`] | Tversky with `α = 1/(1 + β²)` and `1 − α` |
//! | [`SensitivitySpecificity`] | `r·Σ w·g·(s − g)²/G + (1 − r)·Σ w·(1 − g)·(s − g)²/Σ w·(1 − g)` |
//! | [`GeneralizedDice`] | `1 − 2·Σ_c u_c·I/Σ_c u_c·(S + G)`, one value for all classes |
//! | [`Penalty`] | `GD/(1 + k·(1 − GD))`, `GD` the generalized Dice loss |
//!
//! A [`Term`](crate::loss::term::Term) says how the values are averaged over classes and samples.
//!
//! ```
//! use segloss::region::{Dice, Squares};
//! use segloss::{ClassAverage, Term};
//!
//! let dice = Dice { squares: Squares::Squared, ..Dice::default() };
//! let pooled = Term { class_average: ClassAverage::Pooled, ..Term::new(1.0, &dice) };
//! ```

pub(crate) mod asymmetric_similarity;
pub(crate) mod dice;
pub(crate) mod focal_tversky;
pub(crate) mod generalized_dice;
pub(crate) mod iou;
pub(crate) mod penalty;
pub(crate) mod power;
pub(crate) mod sensitivity_specificity;
pub(crate) mod tversky;

pub use asymmetric_similarity::AsymmetricSimilarity;
pub use dice::{Dice, Squares};
pub use focal_tversky::FocalTversky;
pub use generalized_dice::{GeneralizedDice, Volume};
pub use iou::Iou;
pub use penalty::Penalty;
pub use sensitivity_specificity::SensitivitySpecificity;
pub use tversky::Tversky;
