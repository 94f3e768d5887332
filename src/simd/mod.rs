//! Vector instructions: CPU levels, elementary functions, sums of blocks, prefetch and non-temporal stores.

#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod blocks;
pub mod level;
pub mod math;
pub(crate) mod prefetch;
pub(crate) mod stream;
