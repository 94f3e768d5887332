//! The geometry of a volume: extents, spacing, orientation; the comparison of two.

use crate::nifti::{Affine, Header};

/// Two spacings are equal within this fraction.
const SAME_SPACING: f64 = 1e-3;
/// Two voxels are at the same place within this fraction of the smallest spacing.
const SAME_PLACE: f64 = 0.1;

/// Files store the first axis fastest, so in C order the axes are reversed: slices, rows, columns. A volume with one
/// extent of 1 is a plane: one slice, whichever axis of the file that is.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    pub extents: [usize; 3],
    pub spacing: [f64; 3],
    /// The axes of the file that slices, rows and columns lie on.
    axes: [usize; 3],
    pub affine: Option<Affine>,
    /// Whether the first row is the upper one, as in a picture; in a volume the second axis points upwards.
    pub rows_downwards: bool,
}

impl Grid {
    /// The grid of the first three axes.
    pub fn of_header(header: &Header) -> Self {
        let extent = |axis: usize| header.extents.get(axis).copied().unwrap_or(1);
        let axes = match (extent(0), extent(1), extent(2)) {
            (_, 1, 2..) => [1, 2, 0],
            (1, _, 2..) => [0, 2, 1],
            _ => [2, 1, 0],
        };
        let spacing = axes.map(|axis| header.spacing.get(axis).copied().unwrap_or(1.0));
        Self { extents: axes.map(extent), spacing, axes, affine: header.affine, rows_downwards: false }
    }

    /// The grid of a picture: no orientation, pixels of 1.
    pub fn of_picture(rows: usize, columns: usize) -> Self {
        let (extents, axes) = ([1, rows, columns], [2, 1, 0]);
        Self { extents, spacing: [1.0; 3], axes, affine: None, rows_downwards: true }
    }

    pub fn voxels(&self) -> usize {
        self.extents.iter().product()
    }

    pub fn is_plane(&self) -> bool {
        self.extents[0] == 1
    }

    /// The values of each axis of the file, the fastest first; of a plane only its two.
    fn in_file_order<T: Copy>(&self, values: [T; 3]) -> Vec<T> {
        let mut pairs: Vec<(usize, T)> = self.axes.into_iter().zip(values).collect();
        if self.is_plane() {
            pairs.remove(0);
        }
        pairs.sort_by_key(|(axis, _)| *axis);
        pairs.into_iter().map(|(_, value)| value).collect()
    }

    /// The extents as the file has them, an axis of 1 included.
    pub fn file_extents(&self) -> [usize; 3] {
        [0, 1, 2].map(|axis| self.of_axis(axis, self.extents))
    }

    pub fn file_spacing(&self) -> [f64; 3] {
        [0, 1, 2].map(|axis| self.of_axis(axis, self.spacing))
    }

    fn of_axis<T: Copy>(&self, axis: usize, values: [T; 3]) -> T {
        values[self.axes.iter().position(|&other| other == axis).unwrap_or(0)]
    }

    /// Replaces the spacing by one number per axis of the file; of a plane, of its two axes.
    pub fn set_spacing(&mut self, widths: &[f64]) -> Result<(), String> {
        let order = self.in_file_order([0, 1, 2]);
        if order.len() != widths.len() {
            return Err(format!("{} numbers for {} axes", widths.len(), order.len()));
        }
        order.into_iter().zip(widths).for_each(|(axis, &width)| self.spacing[axis] = width);
        Ok(())
    }

    /// The first axis whose spacing is no distance.
    pub fn check_spacing(&self) -> Result<(), String> {
        match self.spacing.iter().find(|width| !(width.is_finite() && **width > 0.0)) {
            Some(width) => Err(format!("a spacing of {width} (expected finite and > 0)")),
            None => Ok(()),
        }
    }

    /// "77 × 95 × 80 voxels" or "64 × 48 pixels", in the order of the file.
    pub fn size(&self) -> String {
        format!("{} {}", join(&self.in_file_order(self.extents)), self.unit())
    }

    pub fn unit(&self) -> &'static str {
        if self.is_plane() { "pixels" } else { "voxels" }
    }

    /// The spacing in the order of the file.
    pub fn widths(&self) -> String {
        join(&self.in_file_order(self.spacing).into_iter().map(|width| width as f32).collect::<Vec<_>>())
    }

    /// The letter of the direction in which the index of each axis of the file increases.
    pub fn orientation(&self) -> Option<String> {
        let letters = self.letters()?;
        Some(self.in_file_order(letters.map(|[_, towards]| towards)).into_iter().collect())
    }

    /// For slices, rows and columns: the letters of the directions in which the index decreases and increases.
    pub fn letters(&self) -> Option<[[char; 2]; 3]> {
        const WORLD: [[char; 2]; 3] = [['L', 'R'], ['P', 'A'], ['I', 'S']];
        let affine = self.affine?;
        let length = |axis: usize| affine.iter().map(|row| row[axis].powi(2)).sum::<f64>().sqrt();
        let lengths = [0, 1, 2].map(|axis| length(axis).max(f64::MIN_POSITIVE));
        let mut found = [WORLD[0]; 3];
        let (mut axes, mut directions) = (vec![0, 1, 2], vec![0, 1, 2]);
        // Oblique axes: the pair of an axis and a direction that are closest, then of those that are left.
        while !axes.is_empty() {
            let pairs = axes.iter().flat_map(|&axis| directions.iter().map(move |&to| (axis, to)));
            let share = |(axis, to): (usize, usize)| affine[to][axis] / lengths[axis];
            let best = pairs.max_by(|&a, &b| share(a).abs().total_cmp(&share(b).abs()))?;
            let [negative, positive] = WORLD[best.1];
            found[best.0] = if share(best) < 0.0 { [positive, negative] } else { [negative, positive] };
            axes.retain(|&axis| axis != best.0);
            directions.retain(|&to| to != best.1);
        }
        Some(self.axes.map(|axis| found[axis]))
    }

    /// Where a voxel lies, by its indices along the axes of the file.
    fn place(affine: &Affine, voxel: [usize; 3]) -> [f64; 3] {
        affine.map(|[x, y, z, shift]| x * voxel[0] as f64 + y * voxel[1] as f64 + z * voxel[2] as f64 + shift)
    }

    /// What differs between this volume and the labels, apart from the extents.
    pub fn difference(&self, labels: &Self) -> Option<String> {
        let same = |(a, b): (&f64, &f64)| (a - b).abs() <= SAME_SPACING * b.abs();
        // Of a plane, the width of the slice is that of no distance.
        let mut spacings = self.spacing.iter().zip(&labels.spacing).skip(usize::from(self.is_plane()));
        let have_spacing = !self.rows_downwards && !labels.rows_downwards;
        if have_spacing && !spacings.all(same) {
            return Some(format!("spacing {}, the labels have {}", self.widths(), labels.widths()));
        }
        let (Some(affine), Some(expected)) = (&self.affine, &labels.affine) else { return None };
        let (own, other) = (self.orientation()?, labels.orientation()?);
        if own != other {
            return Some(format!("orientation {own}, the labels have {other}"));
        }
        let last = labels.file_extents().map(|extent| extent - 1);
        let corner = |k: usize| [0, 1, 2].map(|axis| if k >> axis & 1 == 1 { last[axis] } else { 0 });
        let apart = |voxel: [usize; 3]| {
            let (a, b) = (Self::place(affine, voxel), Self::place(expected, voxel));
            a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
        };
        let (voxel, distance) =
            (0..8).map(corner).map(|voxel| (voxel, apart(voxel))).max_by(|a, b| a.1.total_cmp(&b.1))?;
        let smallest = labels.spacing.iter().copied().fold(f64::INFINITY, f64::min);
        (distance > SAME_PLACE * smallest).then(|| {
            let [a, b] = [affine, expected]
                .map(|affine| join_with(&Self::place(affine, voxel).map(|x| (x * 1e3).round() / 1e3), ", "));
            let voxel = join_with(&voxel, ", ");
            format!("voxel ({voxel}) lies at ({a}), that of the labels at ({b}): {distance:.2} apart")
        })
    }
}

pub fn join<T: ToString>(values: &[T]) -> String {
    join_with(values, " × ")
}

pub fn join_with<T: ToString>(values: &[T], between: &str) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(affine: Affine) -> Grid {
        let (extents, spacing) = ([4, 3, 2], [1.0; 3]);
        Grid { extents, spacing, axes: [2, 1, 0], affine: Some(affine), rows_downwards: false }
    }

    const RAS: Affine = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];

    #[test]
    fn letters_of_turned_and_oblique_axes() {
        assert_eq!(grid(RAS).orientation().unwrap(), "RAS");
        // The first axis to the back, the second up, the third to the left, each a little oblique.
        let turned = [[0.1, 0.0, -1.0, 0.0], [-1.0, 0.2, 0.0, 0.0], [0.0, 1.0, 0.1, 0.0]];
        assert_eq!(grid(turned).orientation().unwrap(), "PSL");
        assert_eq!(grid(turned).letters().unwrap(), [['R', 'L'], ['I', 'S'], ['A', 'P']]);
    }

    #[test]
    fn differences_name_both_sides() {
        let labels = grid(RAS);
        assert_eq!(grid(RAS).difference(&labels), None);
        let mut other = grid(RAS);
        other.spacing = [5.0, 0.7, 0.7];
        assert_eq!(other.difference(&labels).unwrap(), "spacing 0.7 × 0.7 × 5, the labels have 1 × 1 × 1");
        let flipped = [[-1.0, 0.0, 0.0, 1.0], RAS[1], RAS[2]];
        assert_eq!(grid(flipped).difference(&labels).unwrap(), "orientation LAS, the labels have RAS");
        let moved = [[1.0, 0.0, 0.0, 0.25], RAS[1], RAS[2]];
        let text = grid(moved).difference(&labels).unwrap();
        assert!(text.ends_with("0.25 apart"), "{text}");
        // A twentieth of a voxel, as rounded headers differ.
        assert_eq!(grid([[1.0, 0.0, 0.0, 0.05], RAS[1], RAS[2]]).difference(&labels), None);
    }

    #[test]
    fn the_axis_of_extent_1_is_the_slice() {
        let of = |extents: [usize; 3]| {
            Grid::of_header(&Header {
                big_endian: false,
                is_pair: false,
                extents: extents.to_vec(),
                spacing: vec![1.0, 2.0, 3.0],
                datatype: crate::nifti::Datatype::U8,
                offset: 352,
                scaling: None,
                affine: Some(RAS),
            })
        };
        let coronal = of([5, 1, 7]);
        assert!(coronal.is_plane());
        assert_eq!((coronal.extents, coronal.spacing), ([1, 7, 5], [2.0, 3.0, 1.0]));
        assert_eq!((coronal.size(), coronal.widths()), ("5 × 7 pixels".into(), "1 × 3".into()));
        assert_eq!((coronal.orientation().unwrap(), coronal.file_extents()), ("RS".into(), [5, 1, 7]));
        assert_eq!(of([1, 6, 7]).extents, [1, 7, 6]);
        assert_eq!(of([5, 6, 1]).extents, [1, 6, 5]);
        assert_eq!(of([5, 6, 7]).size(), "5 × 6 × 7 voxels");
    }
}
