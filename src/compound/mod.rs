//! Compound losses: weighted sums of terms, and the losses that only occur as their terms.
//!
//! | loss | value |
//! | --- | --- |
//! | [`BalancedCrossEntropy`] | cross entropy of both outcomes of each class, weights `β` and `1 − β`: a term of Combo |
//! | [`LogDice`] | `(−log Dice)^γ`: a term of the exponential logarithmic loss |
//! | [`PowerCrossEntropy`] | cross entropy with `(−log s)^γ`: the other term of the exponential logarithmic loss |
//! | [`presets`] | the compound losses by name |
//!
//! Any slice of up to four [`Term`](crate::loss::term::Term)s is a compound loss. All terms are evaluated in the same
//! passes.
//!
//! ```
//! use segloss::compound::presets::Combo;
//!
//! let combo = Combo::default();
//! let weights = combo.terms()?.map(|term| term.weight);
//! assert_eq!(weights, [0.5, 0.5]);
//! # Ok::<(), segloss::Error>(())
//! ```

pub(crate) mod balanced_cross_entropy;
pub(crate) mod log_dice;
pub(crate) mod power_cross_entropy;
pub mod presets;

pub use balanced_cross_entropy::BalancedCrossEntropy;
pub use log_dice::LogDice;
pub use power_cross_entropy::PowerCrossEntropy;
