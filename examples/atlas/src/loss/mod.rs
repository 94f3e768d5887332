//! The losses that are shown.

pub mod displayed_loss;
pub mod family;
pub mod losses;
