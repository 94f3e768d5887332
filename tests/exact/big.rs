//! Extended real numbers of 192 bits in which 0 · ∞ is 0.

use astro_float::{BigFloat, Consts, RoundingMode::ToEven, Sign};
use std::cell::RefCell;
use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Sub};

const BITS: usize = 192;

thread_local! {
    static CONSTANTS: RefCell<Consts> = RefCell::new(Consts::new().expect("memory for constants"));
}

/// A number, ±∞ or NaN.
#[derive(Clone, Debug)]
pub struct Big(BigFloat);

/// The value of an f64 that is not subnormal.
pub fn big(x: f64) -> Big {
    Big(BigFloat::from_f64(x, BITS))
}

impl Big {
    pub fn is_nan(&self) -> bool {
        self.0.is_nan()
    }

    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    pub fn is_infinite(&self) -> bool {
        self.0.is_inf()
    }

    /// eˣ; 0 below the smallest exponent.
    pub fn exp(&self) -> Self {
        if *self < big(-1e8) {
            return big(0.0);
        }
        CONSTANTS.with_borrow_mut(|constants| Self(self.0.exp(BITS, ToEven, constants)))
    }

    /// The natural logarithm; −∞ of 0.
    pub fn ln(&self) -> Self {
        if self.is_zero() {
            return big(f64::NEG_INFINITY);
        }
        if self.is_infinite() {
            return self.clone();
        }
        CONSTANTS.with_borrow_mut(|constants| Self(self.0.ln(BITS, ToEven, constants)))
    }

    /// ln(1 + x) for x > −1.
    pub fn ln_1p(&self) -> Self {
        if self.is_infinite() || self.is_zero() {
            return self.clone();
        }
        let sum = Self(big(1.0).0.add_full_prec(&self.0));
        sum.ln()
    }

    /// xᵉ for x ≥ 0, with its limits.
    pub fn pow(&self, exponent: f64) -> Self {
        if self.is_nan() || exponent == 0.0 {
            return if self.is_nan() { self.clone() } else { big(1.0) };
        }
        if exponent == 1.0 {
            return self.clone();
        }
        if self.is_zero() || self.is_infinite() {
            return big(if self.is_zero() == (exponent > 0.0) { 0.0 } else { f64::INFINITY });
        }
        (big(exponent) * self.ln()).exp()
    }

    /// The larger of both; NaN if `self` is.
    pub fn at_least(&self, floor: f64) -> Self {
        if *self < big(floor) { big(floor) } else { self.clone() }
    }

    /// The smaller of both; NaN if `self` is.
    pub fn at_most(&self, ceiling: f64) -> Self {
        if *self > big(ceiling) { big(ceiling) } else { self.clone() }
    }

    /// The nearest f64 except for the last bit; beyond its range ∞ or 0.
    pub fn to_f64(&self) -> f64 {
        if self.is_nan() || self.is_zero() {
            return if self.is_zero() { 0.0 } else { f64::NAN };
        }
        let sign = if self.0.sign() == Some(Sign::Neg) { -1.0 } else { 1.0 };
        let Some((words, _, _, exponent, _)) = self.0.as_raw_parts() else { return sign * f64::INFINITY };
        let digits = words.iter().rev().take(2).fold((0.0, 2f64.powi(-64)), |(sum, unit), &word| {
            (sum + word as f64 * unit, unit * 2f64.powi(-64))
        });
        // In two steps: the power of two may be out of range although the product is not.
        let half = exponent.clamp(-2200, 2200) / 2;
        sign * digits.0 * 2f64.powi(half) * 2f64.powi(exponent.clamp(-2200, 2200) - half)
    }
}

macro_rules! operator {
    ($trait:ident, $name:ident, $function:expr) => {
        impl $trait<&Big> for &Big {
            type Output = Big;
            fn $name(self, other: &Big) -> Big {
                let function: fn(&Big, &Big) -> Big = $function;
                function(self, other)
            }
        }
        impl $trait<Big> for Big {
            type Output = Big;
            fn $name(self, other: Big) -> Big {
                (&self).$name(&other)
            }
        }
        impl $trait<&Big> for Big {
            type Output = Big;
            fn $name(self, other: &Big) -> Big {
                (&self).$name(other)
            }
        }
        impl $trait<Big> for &Big {
            type Output = Big;
            fn $name(self, other: Big) -> Big {
                self.$name(&other)
            }
        }
    };
}
operator!(Add, add, |x, y| Big(x.0.add(&y.0, BITS, ToEven)));
operator!(Sub, sub, |x, y| Big(x.0.sub(&y.0, BITS, ToEven)));
operator!(Div, div, |x, y| Big(x.0.div(&y.0, BITS, ToEven)));
operator!(Mul, mul, |x, y| {
    let is_nothing = x.is_zero() && y.is_infinite() || x.is_infinite() && y.is_zero();
    if is_nothing { big(0.0) } else { Big(x.0.mul(&y.0, BITS, ToEven)) }
});

impl Neg for &Big {
    type Output = Big;
    fn neg(self) -> Big {
        Big(self.0.clone().neg())
    }
}

impl Neg for Big {
    type Output = Big;
    fn neg(self) -> Big {
        -&self
    }
}

impl PartialEq for Big {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Big {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self.is_nan() || other.is_nan() {
            return None;
        }
        self.0.cmp(&other.0).map(|order| order.cmp(&0))
    }
}

impl std::iter::Sum for Big {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(big(0.0), |sum, x| sum + x)
    }
}

#[test]
fn conversion_to_and_from_f64_is_exact() {
    for x in
        [0.0, 1.0, -3.75, 1e-300, -1.7e308, f64::MAX, f64::MIN_POSITIVE, f64::INFINITY, f64::NEG_INFINITY]
    {
        assert_eq!(big(x).to_f64(), x);
    }
    assert!(big(f64::NAN).to_f64().is_nan());
    assert_eq!((big(f64::MAX) * big(2.0)).to_f64(), f64::INFINITY);
    assert_eq!((big(f64::MIN_POSITIVE) * big(f64::MIN_POSITIVE)).to_f64(), 0.0);
}

#[test]
fn functions_have_their_limits() {
    let infinite = big(f64::INFINITY);
    assert_eq!([(-&infinite).exp(), big(-1e300).exp()].map(|x| x.to_f64()), [0.0; 2]);
    assert_eq!(
        [big(0.0).ln(), infinite.ln(), infinite.ln_1p()].map(|x| x.to_f64()),
        [f64::NEG_INFINITY, f64::INFINITY, f64::INFINITY]
    );
    assert!((big(2.0).ln().to_f64() - std::f64::consts::LN_2).abs() < 1e-16);
    assert!(big(0.0).ln_1p().is_zero() && big(1.0).ln().is_zero());
    assert!((big(1e-40).ln_1p().to_f64() / 1e-40 - 1.0).abs() < 1e-15);
    assert_eq!(
        [big(0.0).pow(0.3), infinite.pow(0.3), infinite.pow(-0.7), big(0.0).pow(-0.7)].map(|x| x.to_f64()),
        [0.0, f64::INFINITY, 0.0, f64::INFINITY]
    );
    assert!((big(4.0).pow(0.5).to_f64() - 2.0).abs() < 1e-15);
    assert_eq!((big(0.0) * &infinite).to_f64(), 0.0);
    assert!((big(f64::NAN) * big(0.0)).is_nan() && (infinite.clone() - infinite).is_nan());
}
