//! The picture: a row of panels for the sample, then rows for each family of losses.

mod colour;
mod inputs;
mod paint;
mod sheet;
mod taxonomy;
mod undecided;

use crate::Result;
use crate::atlas::{Atlas, Entry};
use crate::input::classes::Classes;
use crate::loss::family::Family;
use colour::{INK, PAPER, diverging, mix};
use sheet::{MARGIN, Sheet};
use std::path::Path;

/// Colours saturate at this quantile of the absolute gradients of the slice.
const FULL: f32 = 0.99;

pub fn draw(atlas: &Atlas, classes: &Classes, out: &Path) -> Result<()> {
    let families: Vec<(Family, Vec<&Entry>)> = (Family::ALL.into_iter())
        .map(|family| (family, atlas.entries.iter().filter(|entry| entry.loss.family == family).collect()))
        .filter(|(_, entries): &(Family, Vec<&Entry>)| !entries.is_empty())
        .collect();
    let sizes: Vec<usize> = families.iter().map(|(_, entries)| entries.len()).collect();
    let mut sheet = Sheet::new(atlas, classes, &sizes)?;

    sheet.title();
    sheet.scan();
    sheet.truth();
    sheet.prediction();
    sheet.legend();
    // The taxonomy is that of all losses.
    if atlas.is_complete {
        sheet.taxonomy()?;
    }
    for (family, entries) in families {
        sheet.band(family.title(), family.gist());
        entries.into_iter().for_each(|entry| sheet.gradient(entry));
    }
    let height = sheet.bottom() + MARGIN;
    sheet.canvas.save(out, height)
}

impl Sheet<'_> {
    fn gradient(&mut self, entry: &Entry) {
        let (row_of, shape) = (self.row(), self.shape());
        let full = full(&entry.slopes);
        let per_voxel = f64::from(full) * self.atlas.case.voxels() as f64;
        let note = format!("L = {}    full = {} / N", number(entry.value, 3), number(per_voxel, 2));
        let area = self.place(&entry.loss.label(), [&entry.loss.idea(), &note]);
        self.canvas
            .map(area, shape, |row, column| diverging(entry.slopes[row_of(row) * shape.1 + column] / full));
        let Atlas { case, class, slice, .. } = self.atlas;
        let first = slice * shape.0 * shape.1;
        self.canvas.outline(area, shape, mix(INK, PAPER, 0.2), |row, column| {
            case.is_of(*class, first + row_of(row) * shape.1 + column)
        });
    }
}

/// The number at which colours saturate; the largest, where nearly all gradients are 0.
fn full(slopes: &[f32]) -> f32 {
    let mut strengths: Vec<f32> = slopes.iter().map(|slope| slope.abs()).collect();
    strengths.sort_by(f32::total_cmp);
    let last = strengths.len() - 1;
    let quantile = strengths[(last as f32 * FULL) as usize];
    (if quantile > 0.0 { quantile } else { strengths[last] }).max(f32::MIN_POSITIVE)
}

/// A number with some digits after the point, or in powers of ten.
fn number(value: f64, digits: usize) -> String {
    let is_plain = value == 0.0 || (0.01..1e5).contains(&value.abs());
    let text = if is_plain { format!("{value:.digits$}") } else { format!("{value:.1e}") };
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_is_the_percentile_or_the_largest() {
        let mut slopes = vec![0.5f32; 1000];
        slopes[..5].fill(-9.0);
        assert_eq!(full(&slopes), 0.5);
        slopes[5..].fill(0.0);
        assert_eq!(full(&slopes), 9.0);
        assert_eq!(full(&[0.0]), f32::MIN_POSITIVE);
    }

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(number(-0.137, 3), "−0.137");
        assert_eq!(number(0.0, 2), "0.00");
        assert_eq!(number(0.000123, 2), "1.2e−4");
        assert_eq!(number(1234567.0, 3), "1.2e6");
    }
}
