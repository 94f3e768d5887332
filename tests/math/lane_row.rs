//! Shared by tests and measurements: a function of vectors over a row, and its error bounds.
#![allow(dead_code)]

use segloss::cpu::Level;
use segloss::cpu::lanes::elementary::{
    RealPower, exp, exp_nonpositive, ln, ln_1p, ln_1p_of_product, pow, softplus,
};
use segloss::cpu::lanes::{LaneKernel, Lanes, Scalar, Vectorized, dispatch_at};

/// A function of [`segloss::cpu::lanes::elementary`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LaneFunction {
    ExpNonpositive,
    Exp,
    Ln,
    Ln1p,
    Ln1pOfProduct,
    Softplus,
    Pow(f64),
}

use LaneFunction::*;

impl LaneFunction {
    /// The functions whose error is measured over all f32.
    pub const OF_ONE_ARGUMENT: [Self; 6] = [ExpNonpositive, Exp, Ln, Ln1p, Ln1pOfProduct, Softplus];

    /// The documented error bound in ulps.
    pub fn bound(self) -> f64 {
        match self {
            ExpNonpositive => 0.91,
            Exp | Ln | Ln1p | Ln1pOfProduct => 1.0,
            Softplus | Pow(_) => 2.0,
        }
    }

    /// Whether the bound holds for a number.
    pub fn holds_for(self, x: f32) -> bool {
        match self {
            ExpNonpositive => x <= 0.0,
            Ln1pOfProduct => (0.0..=8.507_059e37).contains(&x),
            Pow(_) => x >= 0.0,
            _ => true,
        }
    }

    /// The value for an f32, in f64.
    pub fn value(self, x: f64) -> f64 {
        match self {
            // 0 where the exponential is less than the smallest normal f32.
            ExpNonpositive | Softplus if x < -87.336_544 => 0.0,
            ExpNonpositive | Exp => x.exp(),
            Ln => x.ln(),
            Ln1p | Ln1pOfProduct => x.ln_1p(),
            Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            Pow(exponent) => x.powf(exponent),
        }
    }
}

/// Every level, fused and split.
pub fn sets() -> impl Iterator<Item = (Level, bool)> {
    [Level::Baseline, Level::Avx2, Level::Avx512]
        .into_iter()
        .flat_map(|level| [(level, true), (level, false)])
}

/// Computes a function over a row; returns whether the CPU has the level.
pub fn lane_row<T: Vectorized>(
    (level, fused): (Level, bool),
    function: LaneFunction,
    input: &[T],
    output: &mut [T],
) -> bool {
    dispatch_at(level, fused, LaneRow { function, input, output }).is_some()
}

/// A loop instead of a closure, which the compiler need not inline.
macro_rules! each {
    ($s:ident, $T:ident, $input:ident, $output:ident, $x:ident => $y:expr) => {
        for (x, y) in $input.chunks($T::LANES).zip($output.chunks_mut($T::LANES)) {
            let $x = $s.load_row(x);
            $s.store_row(y, $y);
        }
    };
}

struct LaneRow<'a, T> {
    function: LaneFunction,
    input: &'a [T],
    output: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for LaneRow<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { function, input, output } = self;
        match function {
            ExpNonpositive => {
                // Three vectors, so that both whole groups of vectors in step and single ones are computed.
                for (x, y) in input.chunks(3 * T::LANES).zip(output.chunks_mut(3 * T::LANES)) {
                    let at = |n: usize| n.min(x.len());
                    let rows =
                        [&x[..at(T::LANES)], &x[at(T::LANES)..at(2 * T::LANES)], &x[at(2 * T::LANES)..]];
                    let powers =
                        exp_nonpositive(s, [s.load_row(rows[0]), s.load_row(rows[1]), s.load_row(rows[2])]);
                    for (y, power) in y.chunks_mut(T::LANES).zip(powers) {
                        s.store_row(y, power);
                    }
                }
            }
            Exp => each!(s, T, input, output, x => exp(s, x)),
            Ln => each!(s, T, input, output, x => ln(s, x)),
            Ln1p => each!(s, T, input, output, x => ln_1p(s, x)),
            Ln1pOfProduct => each!(s, T, input, output, x => ln_1p_of_product(s, x)),
            Softplus => each!(s, T, input, output, x => softplus(s, x)),
            Pow(exponent) => {
                let power = RealPower::of(exponent);
                each!(s, T, input, output, x => pow(s, x, power))
            }
        }
    }
}
