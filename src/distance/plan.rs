//! How an image is cut: into rows along the last axis, rows into blocks of lanes,
//! and which numbers suffice for its distances.
//!
//! A *column* is a run along one of the other axes, a *tile* a block's columns side by side.
//! Lanes run along memory in every pass, so that nothing is ever transposed.

use crate::array::view::MAX_AXES;
use crate::distance::{Distance, Kind};
use crate::error::Error;
use crate::simd::level::{Level, level};

/// Columns up to this long have tiles of 64 lanes of f32, two of which are half of 512 KiB.
pub const WIDE_REAL: usize = 512;

/// An axis that columns run along.
#[derive(Clone, Copy, Debug, Default)]
pub struct Axis {
    /// Voxels in a column.
    pub extent: usize,
    /// Rows from one voxel of a column to the next.
    pub stride: usize,
    /// Squared spacing.
    pub unit: f64,
    /// The ends of a column border on the background.
    pub border: bool,
}

/// Cells, from narrow to wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cells {
    /// u16: up to 255 voxels.
    Narrow,
    /// u32: up to 46,340 voxels.
    Wide,
    /// What [`exact`](super::exact) does.
    Exact,
}

/// Which cells hold squares, and so how the passes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// u16, and wider cells where a distance turns out to need them; these at most.
    Equal { widest: Cells },
    /// u16 over the last axes, which share one spacing, then f32; or f32 throughout if a distance needs it.
    Mixed { wider: bool },
    /// f32 throughout.
    Real,
    /// f64 throughout, for unequal spacing and an output of f64.
    Double,
    /// What [`exact`](super::exact) does, throughout: spacings beyond the rest, or more axes.
    Exact,
}

/// A request, checked and cut.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    axes: [Axis; MAX_AXES],
    count: usize,
    /// Voxels of a row.
    pub width: usize,
    /// Voxels of a row before it, and of the image's rows: more than `width` after [`Plan::crop`].
    pub skip: usize,
    pub pitch: usize,
    /// The first row, of those of the image.
    pub origin: usize,
    /// The caller's rows are single voxels: his last axis is not the one that our rows run along.
    pub gathered: bool,
    /// Rows of the image.
    pub rows: usize,
    /// Voxels of the image.
    pub voxels: usize,
    /// Voxels of a block, at most. With 32 registers 64 lanes are faster; with fewer, minima would not stay in them.
    pub lanes: usize,
    /// Blocks of a row.
    pub blocks: usize,
    /// Squared spacing of the last axis.
    pub unit: f64,
    /// Spacing of the last axis.
    pub spacing: f64,
    /// How many of the last column axes share the spacing of the rows.
    pub integer: usize,
    /// Which cells.
    pub route: Route,
    /// No extent is longer than wide cells can count.
    pub countable: bool,
    /// An output is too short for the steps along all axes but the last one.
    pub rounded: bool,
    /// Distances of one side only; the other is 0.
    pub one_sided: bool,
    /// That one side is the outside.
    pub inverted: bool,
    /// Beyond the image is the other side of `inside`.
    pub border: bool,
    /// Inside is negative.
    pub signed: bool,
    /// Leave out the root.
    pub squared: bool,
}

impl Plan {
    /// Checks and cuts. `double`: the output is of f64.
    pub fn new(request: &Distance<'_>, double: bool) -> Result<Self, Error> {
        let voxels = request.validate()?;
        let one_sided = matches!(request.kind, Kind::Inside | Kind::Outside);
        let inverted = request.kind == Kind::Outside;
        // Seen from outside the border is more of the same side.
        let border = request.black_border && !inverted;

        // An axis of one voxel may stand anywhere without moving a voxel in memory: first, where it
        // does not cost lanes. Without a border it says nothing at all.
        let mut axes = [Axis::default(); MAX_AXES];
        let mut count = 0;
        let mut spacing = request.spacing.last().copied().unwrap_or(1.0);
        for single in [true, false] {
            for (&extent, &width) in request.shape.iter().zip(request.spacing) {
                if (extent == 1) == single
                    && (!single || border)
                    && let Some(axis) = axes.get_mut(count)
                {
                    *axis = Axis { extent, stride: 1, unit: width * width, border };
                    count += 1;
                    spacing = width;
                }
            }
        }
        // The last one is the axis of the rows.
        let mut width = 1;
        if let Some(last) = count.checked_sub(1).and_then(|last| axes.get(last)) {
            width = last.extent;
            count -= 1;
        }
        if count == 0 {
            axes[0] = Axis { extent: 1, stride: 1, unit: spacing * spacing, border: false };
            count = 1;
        }
        let unit = spacing * spacing;
        let mut rows = 1usize;
        for axis in axes.iter_mut().take(count).rev() {
            axis.stride = rows;
            // An image without voxels has any other extents.
            rows = rows.saturating_mul(axis.extent);
        }
        let columns = axes.get(..count).unwrap_or(&[]);
        let integer = columns.iter().rev().take_while(|axis| axis.unit == unit).count();
        let route = route(columns, integer, width, unit, border, double);
        let longest = columns.iter().fold(1, |longest, axis| longest.max(axis.extent));
        let digits = columns.iter().skip(1).map(|axis| axis.extent).chain([width]);
        let steps = digits.fold(1usize, |all, extent| all.saturating_mul(extent.saturating_add(1)));
        let short = longest <= WIDE_REAL || matches!(route, Route::Equal { .. });
        let lanes = match route {
            Route::Double => 16,
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
            gathered: request.shape.last() == Some(&1) && width > 1,
            rows,
            voxels,
            lanes,
            blocks: blocks(width, lanes),
            unit,
            spacing,
            integer,
            route,
            countable: longest.max(width) <= COUNTABLE,
            rounded: !double && count > 1 && steps >= (u32::MAX >> 1) as usize,
            one_sided,
            inverted,
            border,
            signed: request.kind == Kind::Signed,
            squared: request.squared,
        })
    }

    /// The axes of columns, the first axis of the image first.
    #[inline]
    pub fn columns(&self) -> &[Axis] {
        self.axes.get(..self.count).unwrap_or(&[])
    }

    /// How many axes columns run along.
    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The axis of columns in the order of the passes: the last one of the image first.
    #[inline]
    pub fn axis(&self, pass: usize) -> Axis {
        let none = Axis { extent: 1, stride: 1, unit: 1.0, border: false };
        self.columns().iter().rev().nth(pass).copied().unwrap_or(none)
    }

    /// Extent and squared spacing of an axis, in the order of the passes, the one along the rows before all others.
    pub fn digit(&self, index: usize) -> (usize, f64) {
        match index.checked_sub(1) {
            None => (self.width, self.unit),
            Some(pass) => (self.axis(pass).extent, self.axis(pass).unit),
        }
    }

    /// The row of the image that is row `index` of the plan; but with an `axis`, columns along it are counted, and
    /// the row is that of the first voxel of column `index`.
    #[inline(always)]
    pub fn row(&self, index: usize, axis: Option<usize>) -> usize {
        let (mut rest, mut row) = (index, self.origin);
        for (pass, along) in self.columns().iter().rev().enumerate() {
            if axis != Some(pass) {
                let next = rest.checked_div(along.extent).unwrap_or(0);
                row += (rest - next * along.extent) * along.stride;
                rest = next;
            }
        }
        row
    }

    /// The part of the image within `bounds`, first and last index by column axis, rows in the end.
    ///
    /// With a voxel of background around it, a part that holds all of the inside has the distances of the whole:
    /// any voxel of background further off can be moved to that rim, where it is closer.
    pub fn crop(&self, bounds: &[[usize; 2]]) -> Self {
        let mut plan = *self;
        plan.rows = 1;
        for (axis, &[first, last]) in plan.axes.iter_mut().take(self.count).zip(bounds) {
            let begin = first.saturating_sub(1);
            plan.origin += begin * axis.stride;
            axis.extent = (last + 2).min(axis.extent) - begin;
            plan.rows *= axis.extent;
        }
        if let Some(&[first, last]) = bounds.get(self.count) {
            // Masks are asked for whole words.
            plan.skip = first.saturating_sub(1) / 64 * 64;
            plan.width = (last + 2).min(self.width) - plan.skip;
        }
        let lanes = if plan.width > 32 { self.lanes } else { self.lanes.min(32) };
        Self { lanes, blocks: blocks(plan.width, lanes), ..plan }
    }

    /// The same image, cut for cells of four bytes.
    pub fn wider(&self) -> Self {
        Self { lanes: 32, blocks: blocks(self.width, 32), ..*self }
    }

    /// The longest column.
    pub fn longest(&self) -> usize {
        self.columns().iter().fold(1, |longest, axis| longest.max(axis.extent))
    }

    /// Start and width of a block. A short last block takes half of its neighbour's lanes,
    /// so that every block of several has room for what the passes keep in its output.
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

/// Blocks of a row. The divisors are constants: a division by a variable could panic.
fn blocks(width: usize, lanes: usize) -> usize {
    match lanes {
        64 => width.div_ceil(64),
        32 => width.div_ceil(32),
        _ => width.div_ceil(16),
    }
}

/// Steps that cells of u32 count, and that f64 squares exactly.
const COUNTABLE: usize = 1 << 26;

/// Steps that f32 counts.
const SINGLE: usize = 1 << 24;

/// The narrowest cells that hold the distances of an image of this size.
fn route(columns: &[Axis], integer: usize, width: usize, unit: f64, border: bool, double: bool) -> Route {
    // The largest square over the axes that share the spacing of the rows, in voxels.
    let square = |extent: usize| {
        let reach = extent as f64 - if border { 0.0 } else { 1.0 };
        reach * reach
    };
    let whole = columns.iter().rev().take(integer).fold(square(width), |sum, axis| sum + square(axis.extent));
    let wider = whole >= f64::from(u16::MAX);
    if integer == columns.len() {
        let widest = match wider {
            false => Cells::Narrow,
            true if whole < f64::from(u32::MAX >> 1) => Cells::Wide,
            true => Cells::Exact,
        };
        return Route::Equal { widest };
    }
    // f32 must hold every square, and each of up to six roundings (two of a step, four of sums) may cost 2⁻²⁴ of it.
    let mut least = unit;
    let mut total = square(width) * unit;
    let mut longest = width;
    for axis in columns {
        least = least.min(axis.unit);
        total += square(axis.extent) * axis.unit;
        longest = longest.max(axis.extent);
    }
    if !(least > 1e-30 && total < 1e36) || longest > SINGLE || columns.len() > 4 && !double {
        return Route::Exact;
    }
    if double {
        return Route::Double;
    }
    if integer == 0 { Route::Real } else { Route::Mixed { wider } }
}
