//! Powers with a tangent at zero.

/// Below this a power under one is its chord.
const TAU: f64 = 1e-6;

/// `x^p` and its derivative.
///
/// An exponent below one has a vertical tangent at zero: below `τ` the power is replaced by its
/// chord `x·τ^(p−1)`, negative `x` included. A power above one is 0 for negative `x`.
pub(crate) fn power(x: f64, p: f64) -> (f64, f64) {
    if p == 1.0 {
        // Exactly, whatever a library's `pow` makes of it.
        return (x, 1.0);
    }
    if p < 1.0 && x < TAU {
        let steepness = libm::pow(TAU, p - 1.0);
        return (x * steepness, steepness);
    }
    if x <= 0.0 {
        return (0.0, 0.0);
    }
    let value = libm::pow(x, p);
    (value, p * value / x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;

    #[test]
    fn the_chord_meets_the_curve() {
        let (above, _) = power(TAU, 0.75);
        assert_close(power(TAU * (1.0 - 1e-15), 0.75).0, above);
        assert_eq!(power(0.0, 0.75).0, 0.0);
        assert!(power(-1e-17, 0.75).0 < 0.0);
    }

    #[test]
    fn slopes_are_those_of_powers() {
        assert_close(power(0.25, 0.5).1, 1.0);
        assert_close(power(3.0, 2.0).1, 6.0);
        assert_eq!(power(0.0, 2.0), (0.0, 0.0));
        assert!(power(f64::NAN, 0.5).0.is_nan() && power(f64::NAN, 2.0).0.is_nan());
    }
}
