//! What the command reads: scans, labels and predictions.

pub mod classes;
pub mod grid;
mod picture_file;
pub mod prediction;
pub mod raster;
pub mod sample;
pub mod simulation;
