//! Slices of a scan, and the features of a voxel.

use super::network::{CLASSES, Features};
use core::ops::Range;

/// Intensities and tissues, `[slices, rows, columns]`.
#[derive(Clone, Copy)]
pub struct Slices<'a> {
    pub image: &'a [u8],
    pub labels: &'a [u8],
    pub extents: [usize; 3],
}

/// The position of a voxel.
#[derive(Clone, Copy)]
pub struct Voxel {
    pub index: usize,
    slice: usize,
    row: usize,
    column: usize,
}

impl Slices<'_> {
    /// All voxels, in the order of the image.
    pub fn voxels(&self) -> impl Iterator<Item = Voxel> {
        let [slices, rows, columns] = self.extents;
        (0..slices * rows * columns).map(move |index| Voxel {
            index,
            slice: index / columns / rows,
            row: index / columns % rows,
            column: index % columns,
        })
    }

    /// The index of a logit in `[slices, CLASSES, rows, columns]`.
    pub fn logit(&self, voxel: Voxel, class: usize) -> usize {
        let area = self.extents[1] * self.extents[2];
        voxel.index + (voxel.slice * (CLASSES - 1) + class) * area
    }

    /// Intensity, its means over 3² and 9² voxels, the position in the slice, and a 1; all of order 1.
    pub fn features(&self, voxel: Voxel) -> Features {
        let [_, rows, columns] = self.extents;
        let from_middle = |at: usize, extent: usize| (2 * at) as f32 / extent as f32 - 1.0;
        let (y, x) = (from_middle(voxel.row, rows), from_middle(voxel.column, columns));
        [self.mean(voxel, 0), self.mean(voxel, 1), self.mean(voxel, 4), y, x * x, y * y, 1.0]
    }

    /// The mean intensity of a voxel and its neighbours in the slice, 1 for the brightest, −1 for black.
    fn mean(&self, voxel: Voxel, reach: usize) -> f32 {
        let [_, all_rows, all_columns] = self.extents;
        let (rows, columns) = (around(voxel.row, reach, all_rows), around(voxel.column, reach, all_columns));
        let count = rows.len() * columns.len();
        let first = voxel.slice * all_rows * all_columns;
        let of_row = |row: usize| self.image[first + row * all_columns..][columns.clone()].iter();
        let sum: u32 = rows.flat_map(of_row).map(|&value| u32::from(value)).sum();
        (2 * sum) as f32 / (255 * count) as f32 - 1.0
    }
}

/// The range of `at` and its neighbours up to distance `reach`, clipped to the slice.
fn around(at: usize, reach: usize, extent: usize) -> Range<usize> {
    at.saturating_sub(reach)..(at + reach + 1).min(extent)
}
