//! NIfTI-1 and NIfTI-2: files with header and voxels in one, gzipped or not, and pairs of .hdr and .img.

mod datatype;
mod file;
mod header;
mod write;

#[cfg(test)]
pub use datatype::Datatype;
pub use file::File;
pub use header::{Affine, Header};
pub use write::write;
