//! The plan of a transform: the partition of the image, and the number types of its squared distances.
//!
//! - A *row* is a run along the last axis, divided into *blocks* of at most 64 voxels, the *lanes*.
//! - A *column* is a run along one of the other axes.
//! - A *tile* is the columns of one block side by side.
//!
//! Lanes are contiguous in memory in every pass, so nothing is transposed.

use crate::array::view::MAX_AXES;
use crate::checked::{divide, expected};
use crate::distance::{Distance, Kind};
use crate::error::Error;
use crate::simd::level::{Level, level};

/// Columns up to this length have tiles of 64 lanes of f32; two such tiles take half of 512 KiB.
pub const MAX_EXTENT_OF_64_F32_LANES: usize = 512;

/// An axis with columns: every axis but that of the rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Axis {
    /// Number of voxels in a column.
    pub extent: usize,
    /// Number of rows from one voxel of a column to the next.
    pub stride: usize,
    /// Squared spacing.
    pub squared_spacing: f64,
    /// Whether the voxels beyond the ends of a column are background.
    pub border: bool,
}

/// Precision of squared distances with equal spacings, in increasing order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// Saturating u16: up to 255 voxels.
    U16,
    /// u32: up to 46,340 voxels.
    U32,
    /// Steps to the nearest voxel, see [`exact`](super::exact).
    Exact,
}

/// Number types of the squared distances, and so the sequence of passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// Equal spacing: u16, and a wider precision, at most `widest`, where a distance requires it.
    Integer { widest: Precision },
    /// u16 along the last axes, which share one spacing, then f32. If u16 saturates, f32 along all axes;
    /// `may_saturate` is whether that is possible.
    Mixed { may_saturate: bool },
    /// f32 along all axes.
    F32,
    /// f64 along all axes, for unequal spacing and an output of f64.
    F64,
    /// Steps to the nearest voxel along all axes, for spacings or numbers of axes beyond the other variants.
    Exact,
}

/// A checked request and its partition.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    axes: [Axis; MAX_AXES],
    count: usize,
    /// Number of voxels in a row.
    pub width: usize,
    /// Number of voxels of the image's row before the plan's row (`skip`) and in all (`pitch`); the latter is more
    /// than `width` after [`Plan::crop`].
    pub skip: usize,
    pub pitch: usize,
    /// The first row, as a row of the image.
    pub origin: usize,
    /// The rows of the [`Mask`](crate::distance::Mask) are single voxels, because the caller's last axis has an extent
    /// of 1 and the plan's rows run along another axis.
    pub single_voxel_rows: bool,
    /// Number of rows of the plan.
    pub rows: usize,
    /// Number of voxels of the image.
    pub voxels: usize,
    /// Maximum number of voxels in a block. 64 lanes are faster with 32 vector registers; with fewer registers the
    /// minima of 64 lanes would be spilled.
    pub lanes: usize,
    /// Number of blocks in a row.
    pub blocks: usize,
    /// Squared spacing of the last axis.
    pub squared_spacing: f64,
    /// Spacing of the last axis.
    pub spacing: f64,
    /// Number of column axes, counted from the last one, that share the spacing of the rows.
    pub equal_axes: usize,
    /// Number types of the squared distances.
    pub arithmetic: Arithmetic,
    /// No extent exceeds [`MAX_U32_STEPS`].
    pub countable: bool,
    /// An output element is too short for the steps along all axes but the last one, see [`exact`](super::exact).
    pub rounds_between_passes: bool,
    /// Only one side gets distances; the other side is 0.
    pub one_sided: bool,
    /// Inside and outside are exchanged: the outside gets distances.
    pub inverted: bool,
    /// Voxels beyond the image are background; false if `inverted`.
    pub border: bool,
    /// Negate the distances of inside voxels.
    pub signed: bool,
    /// Write squared distances.
    pub squared: bool,
}

impl Plan {
    /// Checks a request and partitions the image. `f64_output` is whether the output is of f64.
    pub fn new(request: &Distance<'_>, f64_output: bool) -> Result<Self, Error> {
        let voxels = request.validate()?;
        let one_sided = matches!(request.kind, Kind::Inside | Kind::Outside);
        let inverted = request.kind == Kind::Outside;
        // For distances of the outside, a background border is more of the same side.
        let border = request.black_border && !inverted;

        // An axis of one voxel can be moved without a change of memory order. In front it costs no lanes. Without a
        // border it contributes no distance and is left out.
        let mut axes = [Axis::default(); MAX_AXES];
        let mut count = 0;
        let mut spacing = request.spacing.last().copied().unwrap_or(1.0);
        for single in [true, false] {
            for (&extent, &width) in request.shape.iter().zip(request.spacing) {
                if (extent == 1) == single
                    && (!single || border)
                    && let Some(axis) = expected(axes.get_mut(count))
                {
                    *axis = Axis { extent, stride: 1, squared_spacing: width * width, border };
                    count += 1;
                    spacing = width;
                }
            }
        }
        // The last axis is that of the rows.
        let mut width = 1;
        if let Some(last) = count.checked_sub(1).and_then(|last| axes.get(last)) {
            width = last.extent;
            count -= 1;
        }
        if count == 0 {
            axes[0] = Axis { extent: 1, stride: 1, squared_spacing: spacing * spacing, border: false };
            count = 1;
        }
        let squared_spacing = spacing * spacing;
        let mut rows = 1usize;
        for axis in axes.iter_mut().take(count).rev() {
            axis.stride = rows;
            // Saturating, because an image without voxels may have any other extents.
            rows = rows.saturating_mul(axis.extent);
        }
        let columns = expected(axes.get(..count)).unwrap_or(&[]);
        let equal_axes =
            columns.iter().rev().take_while(|axis| axis.squared_spacing == squared_spacing).count();
        let arithmetic = choose_arithmetic(columns, equal_axes, width, squared_spacing, border, f64_output);
        let longest = columns.iter().fold(1, |longest, axis| longest.max(axis.extent));
        let digits = columns.iter().skip(1).map(|axis| axis.extent).chain([width]);
        let steps = digits.fold(1usize, |all, extent| all.saturating_mul(extent.saturating_add(1)));
        let short = longest <= MAX_EXTENT_OF_64_F32_LANES || matches!(arithmetic, Arithmetic::Integer { .. });
        let lanes = match arithmetic {
            Arithmetic::F64 => 16,
            _ if level() == Level::Avx512 && width > 32 && short => 64,
            _ => 32,
        };
        Ok(Self {
            axes,
            count,
            width,
            skip: 0,
            pitch: width,
            origin: 0,
            single_voxel_rows: request.shape.last() == Some(&1) && width > 1,
            rows,
            voxels,
            lanes,
            blocks: blocks(width, lanes),
            squared_spacing,
            spacing,
            equal_axes,
            arithmetic,
            countable: longest.max(width) <= MAX_U32_STEPS,
            rounds_between_passes: !f64_output && count > 1 && steps >= (u32::MAX >> 1) as usize,
            one_sided,
            inverted,
            border,
            signed: request.kind == Kind::Signed,
            squared: request.squared,
        })
    }

    /// Returns the axes with columns, in the order of the image.
    #[inline]
    pub fn column_axes(&self) -> &[Axis] {
        expected(self.axes.get(..self.count)).unwrap_or(&[])
    }

    /// Returns the number of axes with columns.
    #[inline]
    pub fn column_axis_count(&self) -> usize {
        self.count
    }

    /// Returns a column axis by its number in the order of the passes: 0 is the last one of the image.
    #[inline]
    pub fn axis(&self, pass: usize) -> Axis {
        let none = Axis { extent: 1, stride: 1, squared_spacing: 1.0, border: false };
        expected(self.column_axes().iter().rev().nth(pass)).copied().unwrap_or(none)
    }

    /// Returns extent and squared spacing of an axis in the order of the passes, where 0 is the axis of the rows.
    pub fn axis_in_pass_order(&self, index: usize) -> (usize, f64) {
        match index.checked_sub(1) {
            None => (self.width, self.squared_spacing),
            Some(pass) => (self.axis(pass).extent, self.axis(pass).squared_spacing),
        }
    }

    /// Returns the row of the image that is row `index` of the plan. With an `axis` in the order of the passes,
    /// `index` counts the columns along it instead, and the result is the row of the first voxel of that column.
    #[inline(always)]
    pub fn row(&self, index: usize, axis: Option<usize>) -> usize {
        let (mut rest, mut row) = (index, self.origin);
        for (pass, along) in self.column_axes().iter().rev().enumerate() {
            if axis != Some(pass) {
                let (earlier, position) = divide(rest, along.extent);
                row += position * along.stride;
                rest = earlier;
            }
        }
        row
    }

    /// Returns the plan of the part of the image within `bounds`: first and last index along each column axis, then
    /// along the rows.
    ///
    /// The part includes one voxel of background around the bounds. Its inside voxels have the same distances as in
    /// the whole image: any background voxel further away can be moved to that rim, where it is closer.
    pub fn crop(&self, bounds: &[[usize; 2]]) -> Self {
        let mut plan = *self;
        plan.rows = 1;
        for (axis, &[first, last]) in plan.axes.iter_mut().take(self.count).zip(bounds) {
            let begin = first.saturating_sub(1);
            plan.origin += begin * axis.stride;
            axis.extent = (last + 2).min(axis.extent) - begin;
            plan.rows *= axis.extent;
        }
        if let Some(&[first, last]) = expected(bounds.get(self.count)) {
            // [`Mask::bits`](crate::distance::Mask::bits) starts at multiples of 64.
            plan.skip = first.saturating_sub(1) / 64 * 64;
            plan.width = (last + 2).min(self.width) - plan.skip;
        }
        let lanes = if plan.width > 32 { self.lanes } else { self.lanes.min(32) };
        Self { lanes, blocks: blocks(plan.width, lanes), ..plan }
    }

    /// Returns the same plan with blocks of 32 lanes, for types of four bytes.
    pub fn with_32_lanes(&self) -> Self {
        Self { lanes: 32, blocks: blocks(self.width, 32), ..*self }
    }

    /// Returns the length of the longest column.
    pub fn longest(&self) -> usize {
        self.column_axes().iter().fold(1, |longest, axis| longest.max(axis.extent))
    }

    /// Returns start and width of a block. A short last block takes half of its neighbour's lanes, so that each of
    /// several blocks has enough output bytes for the data between passes.
    #[inline(always)]
    pub fn block(&self, block: usize) -> (usize, usize) {
        let (lanes, last) = (self.lanes, self.blocks - 1);
        let short = self.blocks > 1 && self.width - last * lanes < lanes / 2;
        let edge = |block: usize| {
            if block > last {
                self.width
            } else if block == last && short {
                block * lanes - lanes / 2
            } else {
                block * lanes
            }
        };
        (edge(block), edge(block + 1) - edge(block))
    }
}

/// Returns the number of blocks in a row. The divisors are constants, because a division by a variable could panic.
fn blocks(width: usize, lanes: usize) -> usize {
    match lanes {
        64 => width.div_ceil(64),
        32 => width.div_ceil(32),
        _ => width.div_ceil(16),
    }
}

/// Maximum number of steps counted in u32, which f64 squares exactly.
const MAX_U32_STEPS: usize = 1 << 26;

/// Maximum number of steps counted in f32.
pub const MAX_F32_STEPS: usize = 1 << 24;

/// Returns the narrowest number types that hold the distances of an image of this size.
fn choose_arithmetic(
    columns: &[Axis],
    equal_axes: usize,
    width: usize,
    squared_spacing: f64,
    border: bool,
    f64_output: bool,
) -> Arithmetic {
    // The largest squared distance in voxels over the axes that share the spacing of the rows.
    let square = |extent: usize| {
        let reach = extent as f64 - if border { 0.0 } else { 1.0 };
        reach * reach
    };
    let whole =
        columns.iter().rev().take(equal_axes).fold(square(width), |sum, axis| sum + square(axis.extent));
    let may_saturate = whole >= f64::from(u16::MAX);
    if equal_axes == columns.len() {
        let widest = match may_saturate {
            false => Precision::U16,
            true if whole < f64::from(u32::MAX >> 1) => Precision::U32,
            true => Precision::Exact,
        };
        return Arithmetic::Integer { widest };
    }
    // f32 must hold every square, and each of up to six roundings (two of a step, four of sums) may cost 2⁻²⁴ of it.
    let mut least = squared_spacing;
    let mut total = square(width) * squared_spacing;
    let mut longest = width;
    for axis in columns {
        least = least.min(axis.squared_spacing);
        total += square(axis.extent) * axis.squared_spacing;
        longest = longest.max(axis.extent);
    }
    if !(least > 1e-30 && total < 1e36) || longest > MAX_F32_STEPS || columns.len() > 4 && !f64_output {
        return Arithmetic::Exact;
    }
    if f64_output {
        return Arithmetic::F64;
    }
    if equal_axes == 0 { Arithmetic::F32 } else { Arithmetic::Mixed { may_saturate } }
}
