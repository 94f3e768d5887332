//! Gradients as NIfTI files: f32, the axes of the labels, then the classes.

use crate::Result;
use crate::input::grid::Grid;
use crate::nifti;
use std::path::{Path, PathBuf};

/// Writes `folder/LOSS.nii.gz`, or `folder/LOSS_K.nii.gz` for one of several samples; returns the path.
pub fn write(
    folder: &Path,
    key: &str,
    sample: Option<usize>,
    grid: &Grid,
    gradient: &[f32],
) -> Result<PathBuf> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let path = folder.join(match sample {
        Some(sample) => format!("{key}_{sample}.nii.gz"),
        None => format!("{key}.nii.gz"),
    });
    let [x, y, z] = grid.file_extents();
    let extents = [x, y, z, gradient.len() / grid.voxels()];
    nifti::write(&path, &extents, &grid.file_spacing(), grid.affine.as_ref(), gradient)?;
    Ok(path)
}
