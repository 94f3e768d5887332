//! Vector instructions: levels, the mathematics of rows, blocks of lanes, the memory around the caches.

#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod blocks;
pub mod level;
pub mod math;
pub(crate) mod prefetch;
pub(crate) mod stream;
