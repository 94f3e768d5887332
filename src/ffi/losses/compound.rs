//! The getters of the losses that compound losses are made of.

use crate::compound::balanced_cross_entropy::BalancedCrossEntropy;
use crate::compound::log_dice::LogDice;
use crate::compound::power_cross_entropy::PowerCrossEntropy;
use crate::error::Error;
use crate::ffi::losses::{LossVisitor, segloss_loss, uses};
use crate::ffi::structs::segloss_term;

/// Balanced cross entropy, the cross entropy part of combo loss (15); in nats, >= 0.
///
///   L = -1/W sum_i w sum_c v_c (beta g log s + (1 - beta) (1 - g) log(1 - s))
///
/// Summed over the classes with every activation.
///
/// Parameters:
///   beta  weight of the positive outcome, in [0, 1]; default 0.5
///
/// @return the loss, for segloss_term_init; static, never NULL.
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

/// Power cross entropy, the cross entropy part of exponential logarithmic loss (16), >= 0.
///
///   L = 1/W sum_i w sum_c v_c g (-log s)^gamma
///
/// Only the target class contributes, with sigmoid too. Default class weights: sqrt(sum_k G_k / G_c), with G summed
/// over the batch, and 0 for a class with G_c = 0. If gamma < 1, the power is linear below -log s = 1e-6, so that
/// the gradient stays finite.
///
/// Parameters:
///   gamma  finite and >= 0; default 0.3
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_power_cross_entropy() -> *const segloss_loss {
    &const {
        segloss_loss {
            defaults: default_power_cross_entropy,
            uses: uses::GAMMA,
            with_loss: power_cross_entropy,
        }
    }
}

fn default_power_cross_entropy(term: &mut segloss_term) {
    term.gamma = PowerCrossEntropy::default().gamma;
}

fn power_cross_entropy(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&PowerCrossEntropy { gamma: term.gamma })
}

/// Logarithmic Dice, the Dice part of exponential logarithmic loss (16), >= 0.
///
///   L = (-log Dice)^gamma,   Dice = (2 I + eps_n) / (S + G + eps_d)
///
/// Of class_weight only zero or not zero matters. Default class weights: 0 for a class with G = 0 over the batch,
/// else 1. Dice is clamped to at least 2^-126. If gamma < 1, the power is linear below -log Dice = 1e-6, so that
/// the gradient stays finite.
///
/// Parameters:
///   gamma               finite and >= 0; default 0.3
///   smooth_numerator    eps_n, finite and >= 0, in voxels; default 1e-5
///   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
///   class_average       SEGLOSS_CLASS_MEAN (default), SEGLOSS_CLASS_POOLED
///   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
///   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
///
/// @return the loss, for segloss_term_init; static, never NULL.
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
