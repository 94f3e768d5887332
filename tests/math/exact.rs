//! The same functions in 192-bit arithmetic, for errors of f64.

use super::Function;
use astro_float::{BigFloat, Consts, RoundingMode::ToEven, Sign};

const BITS: usize = 192;

pub struct Exact(Consts);

impl Exact {
    pub fn new() -> Self {
        Self(Consts::new().expect("memory for constants"))
    }

    /// The error of `got` against the exact value, in ulps of f64.
    pub fn ulps(&mut self, function: Function, x: f64, got: f64) -> f64 {
        let exact = self.value(function, x);
        let exponent = exact.exponent().map_or(-1074, |e| (e - 53).max(-1074));
        let difference = to_f64(&big(got).sub(&exact, BITS, ToEven), exponent);
        difference.abs()
    }

    fn value(&mut self, function: Function, x: f64) -> BigFloat {
        let cc = &mut self.0;
        let x = big(x);
        let one = BigFloat::from_f64(1.0, BITS);
        match function {
            Function::Exp | Function::Decay => x.exp(BITS, ToEven, cc),
            Function::Ln => x.ln(BITS, ToEven, cc),
            // 1 + x without rounding, however small x is.
            Function::Ln1p | Function::Ln1pBy => one.add_full_prec(&x).ln(BITS, ToEven, cc),
            Function::LnBy if x.is_negative() => one.add_full_prec(&x).ln(BITS, ToEven, cc),
            Function::LnBy => x.ln(BITS, ToEven, cc),
            Function::Softplus => one.add_full_prec(&x.exp(BITS, ToEven, cc)).ln(BITS, ToEven, cc),
            Function::Sqrt => x.sqrt(BITS, ToEven),
            Function::Pow(e) => {
                let log = x.ln(BITS, ToEven, cc);
                log.mul(&BigFloat::from_f64(e, BITS), BITS, ToEven).exp(BITS, ToEven, cc)
            }
        }
    }
}

/// `x` itself. astro-float halves subnormal numbers, so none is passed to it.
fn big(x: f64) -> BigFloat {
    if x == 0.0 || x.is_normal() {
        return BigFloat::from_f64(x, BITS);
    }
    let (up, down) = (2.0_f64.powi(100), 2.0_f64.powi(-100));
    BigFloat::from_f64(x * up, BITS).mul(&BigFloat::from_f64(down, BITS), BITS, ToEven)
}

/// `x / 2^exponent` to the first 53 bits.
fn to_f64(x: &BigFloat, exponent: i32) -> f64 {
    let Some((words, _, sign, own, _)) = x.as_raw_parts() else { return f64::INFINITY };
    let top = *words.last().unwrap_or(&0) as f64 / 2.0_f64.powi(64);
    let size = top * 2.0_f64.powi((own - exponent).clamp(-1000, 1000));
    if sign == Sign::Neg { -size } else { size }
}
