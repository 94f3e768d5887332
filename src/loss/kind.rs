//! The traits of a loss and its weighted terms.
//!
//! ```text
//! RegionLoss       the sums of one class           → value, slopes    Dice, IoU, Tversky, …
//! JointRegionLoss  the sums of all classes         → value, slopes    generalized Dice
//! VoxelLoss        one voxel, one class or outcome → value, slope     cross entropy, focal, boundary, …
//! ```
//!
//! A loss contains no array code. A struct of parameters that implements one of these traits and [`Loss`] is evaluated
//! and differentiated by the engine for every supported element type, layout, target format and activation.

use crate::error::Error;
use crate::loss::region_loss::{JointRegionLoss, RegionLoss};
use crate::loss::voxel_rows::DynVoxelLoss;
use core::fmt;

/// The class weights of a loss if the term gives none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DefaultClassWeights {
    /// 1 for every class.
    #[default]
    Equal,
    /// 1 for every class except class 0 of two or more classes, which has 0.
    NoBackground,
    /// `(Σf/f_c)^½`, with `f_c = Σ_b Σ w·g` over the batch; 0 for an absent class.
    Frequency,
    /// 1 for a class that is present in the batch, 0 for an absent one. Of weights that the term gives, only whether
    /// they are 0 matters.
    Presence,
}

/// A loss as one of the three kinds that the engine evaluates.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum LossKind<'a> {
    /// A closed form of the sums of one class.
    Region(&'a dyn RegionLoss),
    /// A closed form of the sums of all classes of a sample.
    JointRegion(&'a dyn JointRegionLoss),
    /// A function of one voxel.
    Voxel(&'a dyn DynVoxelLoss),
}

impl fmt::Debug for LossKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LossKind::Region(_) => "Region",
            LossKind::JointRegion(_) => "JointRegion",
            LossKind::Voxel(_) => "Voxel",
        })
    }
}

// The losses of the crate declare `kind` and `field` `#[inline(never)]`: where rustc inlines one of them across crates,
// it compiles the kernels behind it again in every crate that names the loss.
/// A loss that a [`Term`](crate::Term) can hold.
///
/// [`RegionLoss`] and [`VoxelLoss`](crate::custom::VoxelLoss) show the implementation of a custom loss.
///
/// ```
/// use segloss::custom::LossKind;
/// use segloss::{CrossEntropy, Dice, GeneralizedDice, Loss};
///
/// assert!(matches!(Dice::default().kind(), LossKind::Region(_)));
/// assert!(matches!(GeneralizedDice::default().kind(), LossKind::JointRegion(_)));
/// assert!(matches!(CrossEntropy::default().kind(), LossKind::Voxel(_)));
/// ```
pub trait Loss: Sync {
    /// Returns the loss as one of the three kinds.
    fn kind(&self) -> LossKind<'_>;

    /// Returns the class weights that apply if the term gives none. Default: [`DefaultClassWeights::Equal`].
    fn default_class_weights(&self) -> DefaultClassWeights {
        DefaultClassWeights::Equal
    }

    /// Checks the parameters that depend on the number of classes.
    ///
    /// # Errors
    /// [`Error`] if the loss is not defined for this number of classes.
    fn check_classes(&self, _classes: usize) -> Result<(), Error> {
        Ok(())
    }

    /// Returns the distance field of the loss. `None` (the default): the loss computes none.
    fn field(&self) -> Option<&dyn crate::boundary::field::Field> {
        None
    }
}

impl fmt::Debug for dyn Loss + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loss of kind {:?}", self.kind())
    }
}
