//! Checks of the parameters of losses, and the smallest denominator.
//!
//! The losses of the crate use these functions in `validate`; a custom loss reports its parameters with the same
//! messages.
//!
//! ```
//! use segloss::parameter::{MIN_DENOMINATOR, check, non_negative};
//!
//! /// The volume error `|S − G|/(G + ε)` to the power `p`.
//! struct VolumeError {
//!     smooth: f64,
//!     power: f64,
//! }
//!
//! impl VolumeError {
//!     fn validate(&self) -> Result<(), segloss::Error> {
//!         non_negative(&[(c"smooth", self.smooth)])?;
//!         check(&[(c"power", self.power)], |p| p >= 1.0, c"finite and >= 1")
//!     }
//!
//!     fn value(&self, prediction: f64, target: f64) -> f64 {
//!         let denominator = target + self.smooth;
//!         if denominator < MIN_DENOMINATOR {
//!             return 0.0;
//!         }
//!         ((prediction - target).abs() / denominator).powf(self.power)
//!     }
//! }
//!
//! assert_eq!(VolumeError { smooth: 0.0, power: 2.0 }.value(3.0, 2.0), 0.25);
//! let error = VolumeError { smooth: 0.0, power: 0.5 }.validate().unwrap_err();
//! assert_eq!(error.to_string(), "invalid power: 0.5 (expected finite and >= 1)");
//! ```

use crate::error::{Error, Status};
use core::ffi::CStr;

/// Denominators below this value are treated as zero: the ratio is defined as 1 and its gradient as 0.
pub const MIN_DENOMINATOR: f64 = 1e-30;

/// Checks that every parameter is finite and ≥ 0.
///
/// # Errors
/// [`Error`] with the first parameter that is not.
///
/// # Examples
/// ```
/// use segloss::parameter::non_negative;
///
/// assert!(non_negative(&[(c"alpha", 0.3), (c"beta", 0.0)]).is_ok());
/// let error = non_negative(&[(c"alpha", 0.3), (c"beta", -1.0)]).unwrap_err();
/// assert_eq!(error.to_string(), "invalid beta: -1 (expected finite and >= 0)");
/// ```
pub fn non_negative(parameters: &[(&'static CStr, f64)]) -> Result<(), Error> {
    check(parameters, |x| x >= 0.0, c"finite and >= 0")
}

/// Checks that every parameter is finite and that `is_valid` holds for it.
///
/// # Errors
/// [`Error`] with the first parameter for which this fails; `expected` is its [`Error::expected`].
///
/// # Examples
/// ```
/// use segloss::parameter::check;
///
/// let error = check(&[(c"k", 1.5)], |k| k > 0.0 && k <= 1.0, c"in (0, 1]").unwrap_err();
/// assert_eq!(error.to_string(), "invalid k: 1.5 (expected in (0, 1])");
/// ```
pub fn check(
    parameters: &[(&'static CStr, f64)],
    is_valid: impl Fn(f64) -> bool,
    expected: &'static CStr,
) -> Result<(), Error> {
    match parameters.iter().find(|(_, x)| !(x.is_finite() && is_valid(*x))) {
        Some((name, x)) => Err(Error::new(crate::error::Status::Parameter, name, expected).with_given(*x)),
        None => Ok(()),
    }
}

/// Returns an error unless there is one finite spacing above 0 per spatial axis.
pub(crate) fn check_spacing(spacing: &[f64], axes: usize) -> Result<(), Error> {
    check_length(spacing.len(), axes, c"spacing", c"one per spatial axis")?;
    match spacing.iter().enumerate().find(|(_, x)| !(x.is_finite() && **x > 0.0)) {
        Some((axis, &x)) => {
            Err(Error::new(Status::Parameter, c"spacing", c"finite and > 0").at(axis).with_given(x))
        }
        None => Ok(()),
    }
}

/// Returns an error unless an argument has the required number of entries.
pub(crate) fn check_length(
    given: usize,
    needed: usize,
    argument: &'static CStr,
    expected: &'static CStr,
) -> Result<(), Error> {
    if given == needed {
        return Ok(());
    }
    Err(Error::new(Status::Shape, argument, expected).with_lengths(given, needed))
}
