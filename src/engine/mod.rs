//! The sweep over tiles. It knows tallies, rows and slopes, and no loss.

pub(crate) mod activation;
pub(crate) mod arena;
pub(crate) mod workspace;
pub(crate) mod census;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod cost;
pub(crate) mod fields;
pub(crate) mod finish;
pub(crate) mod general;
pub(crate) mod halves;
pub(crate) mod interleave;
pub(crate) mod joined;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod labelled;
pub(crate) mod labels;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod mark;
pub mod math;
pub(crate) mod precise;
pub(crate) mod prefetch;
pub(crate) mod pull;
pub(crate) mod ranks;
pub(crate) mod region;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod row;
pub(crate) mod run;
pub(crate) mod select;
pub(crate) mod sigmoid;
pub mod simd;
pub(crate) mod softmax;
pub(crate) mod source;
pub(crate) mod stream;
pub(crate) mod sweep;
pub(crate) mod tile;
pub(crate) mod waves;
