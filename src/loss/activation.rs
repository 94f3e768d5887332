//! What a prediction holds: logits or probabilities, of exclusive or of independent classes.

/// How a prediction is turned into probabilities: the last activation of the network, or none.
///
/// The gradient is always with respect to the prediction as given: with respect to logits for [`Softmax`] and
/// [`Sigmoid`], with respect to probabilities otherwise. The discriminants are the codes of the C header.
///
/// A NaN in a counted voxel makes the value and the gradient of that voxel NaN. Infinite logits are legal; value and
/// gradient are then the limits. Probabilities outside [0, 1] are legal: sums and squared errors use them unchanged,
/// logarithms use `max(s, 2⁻¹²⁶)` and `max(1 − s, 2⁻¹²⁶)`, powers use `max(s, 0)` and `max(1 − s, 0)`.
///
/// [`Softmax`]: Activation::Softmax
/// [`Sigmoid`]: Activation::Sigmoid
///
/// ```
/// use segloss::Activation;
///
/// assert!(Activation::Softmax.is_exclusive() && Activation::Probability.is_exclusive());
/// assert!(!Activation::Sigmoid.is_exclusive() && !Activation::ProbabilityPerClass.is_exclusive());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum Activation {
    /// The prediction holds logits; the classes are mutually exclusive. Needs two classes or more.
    Softmax = 1,
    /// The prediction holds logits; each class is an independent binary problem.
    Sigmoid = 2,
    /// The prediction holds probabilities of mutually exclusive classes; a single class is read as
    /// [`ProbabilityPerClass`](Activation::ProbabilityPerClass).
    Probability = 3,
    /// The prediction holds one probability per class; each class is an independent binary problem.
    ProbabilityPerClass = 4,
}

impl Activation {
    /// Returns whether the classes are mutually exclusive, so that only the target class contributes to a likelihood.
    pub const fn is_exclusive(self) -> bool {
        matches!(self, Activation::Softmax | Activation::Probability)
    }
}
