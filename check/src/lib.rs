//! Compares segloss with the naive reference of `tests/naive` on random configurations.
//!
//! ```text
//! Config    the loss, its options, shapes, element types, strides, executor, parts: drawn from a seed or from bytes
//! problem   its numbers: a case and terms of the reference, rounded to the element types
//! judge     1. value and gradient in f64 against the reference and its finite differences
//!           2. the element types of the configuration, contiguous, against f64
//!           3. strides, executor, CPU level, in place, adding, parts: against the contiguous run, bitwise where promised
//! shrink    the smallest configuration found that still fails
//! ```

pub mod arrays;
pub mod config;
pub mod draw;
mod executors;
#[cfg(feature = "guarded")]
pub mod guard;
pub mod judge;
pub mod problem;
pub mod run;
pub mod shrink;
mod sizes;
pub mod source;
pub mod summary;
pub mod tolerance;

// The reference, the list of all losses and their conversion to the crate are those of the tests.
#[allow(dead_code)]
#[path = "../../tests/cases.rs"]
mod cases;
#[allow(dead_code)]
#[path = "../../tests/constant_selections.rs"]
mod constant_selections;
#[path = "../../tests/convert_losses.rs"]
mod convert_losses;
#[allow(dead_code)]
#[path = "../../tests/list/mod.rs"]
mod list;
#[path = "../../tests/naive/mod.rs"]
mod naive;
