//! Losses that are closed forms of sums: of one class, or of all classes of a sample.

use crate::error::Error;
use crate::loss::sums::ClassSums;

/// A loss that is a closed form of the sums of one class. The engine averages it over classes and samples as the
/// [`Term`](crate::Term) says.
///
/// A custom loss implements this trait and [`Loss`](crate::Loss):
///
/// ```
/// use segloss::custom::{LossKind, RegionLoss};
/// use segloss::{Activation, Batch, ClassSums, Loss, Term, View, evaluate, scratch_len};
///
/// /// The relative error of the predicted volume, `(S − G)² / G²`; 0 for an absent class.
/// struct VolumeError;
///
/// impl RegionLoss for VolumeError {
///     fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums) {
///         if class.target <= 0.0 {
///             return (0.0, ClassSums::ZERO);
///         }
///         let error = (class.prediction - class.target) / class.target;
///         (error * error, ClassSums { prediction: 2.0 * error / class.target, ..ClassSums::ZERO })
///     }
/// }
///
/// impl Loss for VolumeError {
///     fn kind(&self) -> LossKind<'_> {
///         LossKind::Region(self)
///     }
/// }
///
/// let probabilities = [0.5f32, 0.5, 0.5, 0.5];
/// let labels = [1u8, 0, 0, 0];
/// let prediction = View::new(&probabilities, &[1, 1, 4])?;
/// let batch = Batch::new(prediction, Activation::Probability, View::new(&labels, &[1, 4])?);
/// let terms = [Term::new(1.0, &VolumeError)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
/// assert_eq!(evaluate(&batch, &terms, &mut scratch)?, 1.0);
/// # Ok::<(), segloss::Error>(())
/// ```
pub trait RegionLoss {
    /// Returns the value for one class and its partial derivative with respect to each sum.
    ///
    /// The derivatives by `prediction`, `intersection`, `squared_error_positive` and `squared_error_negative` enter the
    /// gradient; the others are ignored.
    fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums);

    /// Returns the derivative of the slopes of [`evaluate`](Self::evaluate) along `direction`: the product of the
    /// Hessian of the value and `direction`. `None` (the default): unsupported.
    ///
    /// No function of this version calls it. A loss that implements it now has second derivatives as soon as the engine
    /// computes them.
    fn second_derivative(&self, _class: &ClassSums, _direction: &ClassSums) -> Option<ClassSums> {
        None
    }

    /// Returns whether the loss reads `squared_error_positive` or `squared_error_negative`. Default: false; the engine
    /// then does not compute these sums.
    fn uses_squared_error(&self) -> bool {
        false
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error`] with the first parameter that is out of its range.
    fn validate(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// A loss that is a closed form of the sums of all classes of a sample. It has no average over classes.
///
/// ```
/// use segloss::custom::JointRegionLoss;
/// use segloss::{ClassSums, GeneralizedDice};
///
/// let class = ClassSums { target: 4.0, prediction: 4.0, intersection: 3.0, ..ClassSums::ZERO };
/// let loss = GeneralizedDice { smooth_numerator: 0.0, smooth_denominator: 0.0, ..Default::default() };
/// let mut slopes = [ClassSums::ZERO; 2];
/// let value = loss.evaluate(&[class, class], &[1.0, 1.0], &mut slopes);
/// assert_eq!((value, slopes[0].intersection), (0.25, -0.125));
/// ```
pub trait JointRegionLoss {
    /// Returns the value for one sample and adds its partial derivatives with respect to the sums of each class to
    /// `slopes`, which are zero on entry. `weights[c]` is the weight of class `c`, 0 for an excluded class. The three
    /// slices have one entry per class.
    fn evaluate(&self, classes: &[ClassSums], weights: &[f64], slopes: &mut [ClassSums]) -> f64;

    /// Adds the derivative of the slopes of [`evaluate`](Self::evaluate) along `directions`, one per class, to `out`:
    /// the product of the Hessian of the value and `directions`. `None` (the default): unsupported, `out` is
    /// unchanged.
    ///
    /// No function of this version calls it. A loss that implements it now has second derivatives as soon as the engine
    /// computes them.
    fn second_derivative(
        &self,
        _classes: &[ClassSums],
        _weights: &[f64],
        _directions: &[ClassSums],
        _out: &mut [ClassSums],
    ) -> Option<()> {
        None
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error`] with the first parameter that is out of its range.
    fn validate(&self) -> Result<(), Error> {
        Ok(())
    }
}
