//! Compound losses: sums of terms, and the halves that some of them are made of.

mod balanced_cross_entropy;
mod log_dice;
mod power_cross_entropy;
pub mod presets;

pub use balanced_cross_entropy::BalancedCrossEntropy;
pub use log_dice::LogDice;
pub use power_cross_entropy::PowerCrossEntropy;
