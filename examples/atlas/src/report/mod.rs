//! What the command prints and writes beside the picture.

pub mod csv;
pub mod gradients;
pub mod json;
pub mod table;
