//! The halves that compound losses are made of.

use super::super::structs::segloss_term;
use super::{LossVisitor, segloss_loss, uses};
use crate::{BalancedCrossEntropy, Error, LogDice, PowerCrossEntropy};

/// Balanced cross entropy, combo's first half (15). Parameters: beta.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_balanced_cross_entropy() -> *const segloss_loss {
    &const {
        segloss_loss {
            defaults: default_balanced_cross_entropy,
            uses: uses::BETA,
            with_loss: balanced_cross_entropy,
        }
    }
}

fn default_balanced_cross_entropy(term: &mut segloss_term) {
    term.beta = BalancedCrossEntropy::default().beta;
}

fn balanced_cross_entropy(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&BalancedCrossEntropy { beta: term.beta })
}

/// Power cross entropy, exponential logarithmic's second half (16). Parameters: gamma.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_power_cross_entropy() -> *const segloss_loss {
    &const { segloss_loss { defaults: default_power_cross_entropy, uses: uses::GAMMA, with_loss: power_cross_entropy } }
}

fn default_power_cross_entropy(term: &mut segloss_term) {
    term.gamma = PowerCrossEntropy::default().gamma;
}

fn power_cross_entropy(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&PowerCrossEntropy { gamma: term.gamma })
}

/// Logarithmic Dice, exponential logarithmic's first half (16). Parameters: gamma, those of region
/// forms.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_log_dice() -> *const segloss_loss {
    &const { segloss_loss { defaults: default_log_dice, uses: uses::GAMMA | uses::RATIO, with_loss: log_dice } }
}

fn default_log_dice(term: &mut segloss_term) {
    let LogDice { gamma, smooth_numerator, smooth_denominator } = LogDice::default();
    *term = segloss_term { gamma, smooth_numerator, smooth_denominator, ..*term };
}

fn log_dice(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    let &segloss_term { gamma, smooth_numerator, smooth_denominator, .. } = term;
    visit(&LogDice { gamma, smooth_numerator, smooth_denominator })
}
