//! What the command reads: scans, labels and predictions.

pub mod classes;
pub mod grid;
mod picture_file;
pub mod prediction;
pub mod raster;
pub mod sample;
pub mod simulation;

/// "1 voxel", "5 voxels".
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
