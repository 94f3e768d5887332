//! A power with a finite slope at zero.

/// Below this value a power with an exponent below 1 is replaced by its chord.
const TAU: f64 = 1e-6;

/// Returns `x^p` and its derivative.
///
/// An exponent below 1 has a vertical tangent at 0: below `τ` the power is replaced by its chord `x·τ^(p−1)`, also for
/// negative `x`. With an exponent above 1 the value and the derivative are 0 for negative `x`.
pub(crate) fn power(x: f64, p: f64) -> (f64, f64) {
    if p == 1.0 {
        // Exact, independent of the accuracy of `pow`.
        return (x, 1.0);
    }
    if p < 1.0 && x < TAU {
        let slope = libm::pow(TAU, p - 1.0);
        return (x * slope, slope);
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
    fn the_chord_meets_the_power_at_tau() {
        let (above, _) = power(TAU, 0.75);
        assert_close(power(TAU * (1.0 - 1e-15), 0.75).0, above);
        assert_eq!(power(0.0, 0.75).0, 0.0);
        assert!(power(-1e-17, 0.75).0 < 0.0);
    }

    #[test]
    fn derivatives_are_those_of_powers_and_nan_stays_nan() {
        assert_close(power(0.25, 0.5).1, 1.0);
        assert_close(power(3.0, 2.0).1, 6.0);
        assert_eq!(power(0.0, 2.0), (0.0, 0.0));
        assert!(power(f64::NAN, 0.5).0.is_nan() && power(f64::NAN, 2.0).0.is_nan());
    }
}
