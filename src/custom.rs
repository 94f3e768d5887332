//! Custom losses: a struct of parameters with a formula, evaluated and differentiated like the losses of the crate.
//!
//! A loss implements [`Loss`](crate::Loss), which names its kind, and the trait of that kind:
//!
//! | trait | computes | examples |
//! | --- | --- | --- |
//! | [`RegionLoss`] | from the [`ClassSums`](crate::ClassSums) of one class: value and slopes | Dice, Tversky |
//! | [`JointRegionLoss`] | from the sums of all classes of a sample: value and slopes | generalized Dice |
//! | [`VoxelLoss`] | from one [`Voxel`]: value and slope | cross entropy, focal |
//!
//! The loss contains the formula and its derivative, and no array: element types, strides, activations, targets,
//! weights, threads and the chain rule are those of every other loss. Terms of custom losses and of the crate's mix
//! freely. Value and slope leave the same function, so they cannot disagree in a constant.
//!
//! ```
//! use segloss::custom::{Contribution, LossKind, Real, Voxel, VoxelLoss};
//! use segloss::parameter::non_negative;
//! use segloss::{
//!     Activation, Batch, Dice, Error, Gradient, Loss, Term, View, ViewMut, differentiate, scratch_len,
//! };
//!
//! /// Generalized cross entropy, `(1 − s^q)/q` of the target class: robust to wrong labels.
//! struct Robust {
//!     q: f64,
//! }
//!
//! impl VoxelLoss for Robust {
//!     const CONTRIBUTION: Contribution = Contribution::TrueClass;
//!
//!     #[inline(always)]
//!     fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
//!         let q = T::of(self.q);
//!         let power = Real::exp(q * voxel.log_probability);
//!         // ∂/∂ln s of (1 − e^(q·ln s))/q
//!         ((T::one() - power) / q, -power)
//!     }
//!
//!     fn validate(&self) -> Result<(), Error> {
//!         non_negative(&[(c"q", self.q)])
//!     }
//! }
//!
//! impl Loss for Robust {
//!     fn kind(&self) -> LossKind<'_> {
//!         LossKind::Voxel(self)
//!     }
//! }
//!
//! let logits = [0.5f32, 2.0, -1.0, 1.5, -2.0, 0.0];
//! let labels = [1u8, 0, 1];
//! let batch = Batch::new(View::new(&logits, &[1, 2, 3])?, Activation::Softmax, View::new(&labels, &[1, 3])?);
//! let (robust, dice) = (Robust { q: 0.7 }, Dice::default());
//! let terms = [Term::new(1.0, &robust), Term::new(1.0, &dice)];
//! let mut scratch = vec![0; scratch_len(&batch, &terms)?];
//! let mut gradient = [0f32; 6];
//! let output = Gradient::new(ViewMut::new(&mut gradient, &[1, 2, 3])?);
//! assert!(differentiate(&batch, &terms, output, &mut scratch)? > 0.0);
//! assert!(gradient[1] < 0.0, "voxel 1 has label 0");
//!
//! let error = scratch_len(&batch, &[Term::new(1.0, &Robust { q: -1.0 })]).unwrap_err();
//! assert_eq!(error.to_string(), "term 0: invalid q: -1 (expected finite and >= 0)");
//! # Ok::<(), segloss::Error>(())
//! ```

pub use crate::array::real::Real;
pub use crate::loss::kind::{DefaultClassWeights, LossKind};
pub use crate::loss::region_loss::{JointRegionLoss, RegionLoss};
pub use crate::loss::voxel::{Base, Contribution, Normalizer, Voxel, VoxelLoss};
pub use crate::loss::voxel_rows::DynVoxelLoss;
pub use num_traits;
