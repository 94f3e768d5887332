//! Shared by tests and measurements: a function over a row at a CPU level, and errors in ulps.
#![allow(dead_code)]

#[cfg(test)]
#[path = "exact.rs"]
pub mod exact;

use segloss::cpu::{Kernel, Level, Power, dispatch};
use segloss::custom::Real;

pub const LEVELS: [Level; 3] = [Level::Baseline, Level::Avx2, Level::Avx512];

/// A function of the module under test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    Exp,
    /// For arguments ≤ 0.
    Decay,
    Ln,
    Ln1p,
    /// For arguments ≥ 0, with the inverse as an additional argument.
    Ln1pBy,
    /// For arguments ≤ ½; a negative argument stands for its sum with 1. The complement to 1 is an additional
    /// argument.
    LnBy,
    Softplus,
    Sqrt,
    Pow(f64),
}

/// The error bound of f32 in ulps: the largest error over all inputs rounded up to the next 0.01
/// (`tests/exhaustive/functions.rs` tests all of them); for powers the documented bound.
pub fn promise(function: Function) -> f64 {
    match function {
        Function::Exp | Function::Decay | Function::Ln => 0.91,
        Function::Ln1p | Function::Ln1pBy => 0.92,
        Function::LnBy => 0.84,
        Function::Softplus => 1.78,
        Function::Sqrt => 0.50,
        Function::Pow(_) => 2.0,
    }
}

/// `function` over a row, as an engine would run it.
pub fn row<T: Real>(function: Function, input: &[T], output: &mut [T]) {
    dispatch(Row { function, input, output });
}

pub struct Row<'a, T> {
    pub function: Function,
    pub input: &'a [T],
    pub output: &'a mut [T],
}

/// A loop instead of a closure, which the compiler need not inline.
macro_rules! each {
    ($row:ident, $x:ident, $y:expr) => {
        for (y, &$x) in $row.output.iter_mut().zip($row.input) {
            *y = $y;
        }
    };
}

impl<T: Real> Kernel for Row<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        match self.function {
            Function::Exp => each!(self, x, Real::exp(x)),
            Function::Decay => each!(self, x, x.exp_nonpositive()),
            Function::Ln => each!(self, x, Real::ln(x)),
            Function::Ln1p => each!(self, x, Real::ln_1p(x)),
            Function::Ln1pBy => each!(self, x, x.ln_1p_by(T::one() / (T::one() + x))),
            Function::LnBy => {
                each!(self, x, if x < T::zero() { (T::one() + x).ln_by(-x) } else { x.ln_by(T::one() - x) })
            }
            Function::Softplus => each!(self, x, x.softplus()),
            Function::Sqrt => each!(self, x, Real::sqrt(x)),
            // The branch on the way is outside of the loops, as in the library.
            Function::Pow(exponent) => match Power::of(exponent) {
                Power::Zero => each!(self, x, Power::Zero.raise(x)),
                Power::Half => each!(self, x, Power::Half.raise(x)),
                Power::One => each!(self, x, Power::One.raise(x)),
                Power::Two => each!(self, x, Power::Two.raise(x)),
                Power::Three => each!(self, x, Power::Three.raise(x)),
                Power::Four => each!(self, x, Power::Four.raise(x)),
                Power::General(exponent) => each!(self, x, Power::General(exponent).raise(x)),
            },
        }
    }
}

/// The error of `got` against `exact` in ulps of f32.
pub fn ulps_single(got: f32, exact: f64) -> f64 {
    if got.is_nan() || exact.is_nan() {
        return if got.is_nan() && exact.is_nan() { 0.0 } else { f64::INFINITY };
    }
    // On overflow: the number that would follow the largest f32.
    let top = 2.0_f64.powi(128);
    let exact = exact.clamp(-top, top);
    let got = f64::from(got).clamp(-top, top);
    let exponent = ((exact.to_bits() >> 52 & 0x7ff) as i64 - 1023).clamp(-126, 127);
    (got - exact).abs() * f64::from_bits(((23 - exponent + 1023) as u64) << 52)
}

/// A prime stride through a range, so that tests use different numbers.
pub fn spread(low: f64, high: f64, count: usize) -> impl Iterator<Item = f64> {
    let step = (high - low) / count as f64;
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    (0..count).map(move |i| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        low + step * (i as f64 + (seed >> 11) as f64 / (1_u64 << 53) as f64)
    })
}
