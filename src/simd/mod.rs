//! Vector instructions: CPU levels, vectors of lanes, elementary functions, prefetch and non-temporal
//! stores.

#[expect(clippy::indexing_slicing, reason = "lanes of a vector")]
pub mod lanes;
pub mod level;
pub mod math;
pub(crate) mod prefetch;
pub(crate) mod stream;
