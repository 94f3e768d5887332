//! Tests of the distance transform against all pairs of voxels, against the readable reference, and against SciPy.
//!
//! More rounds of random shapes: `SEGLOSS_ROUNDS=5000 cargo test --release --test distance any_shape`.

#[path = "../at_level.rs"]
mod at_level;
mod brute;
mod contract;
mod far;
mod masks;
mod same;
mod shapes;
mod small;
mod spacings;
