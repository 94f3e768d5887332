//! The numbers that squared distances are kept in while columns are solved.
//!
//! - `u16`, saturating: 32 in a register of AVX-512. Below 65,535 exact, because saturation
//!   commutes with the minimum; 65,535 is "further, or nowhere".
//! - `u32`: the same up to 2³¹ − 1, distances of 46,340 voxels.
//! - `f32`: for axes of unequal spacing, with `w²k²` rounded once from f64; `f64` where that is the output.

use crate::array::real::Real;
use crate::simd::math::Math;

/// A squared distance. The operations are those of the inner loops.
pub trait Cell: Copy + Send + Sync + 'static {
    /// Nowhere, or too far for this type; larger than everything.
    const FAR: Self;
    /// The distance to oneself.
    const ZERO: Self;
    /// The state of a walk that has met no change: far stays far.
    const IDLE: Self;
    /// No step longer than this many voxels helps: its square is [`Self::FAR`].
    const REACH: usize;
    /// Twice this does not saturate; none if nothing does.
    const HALF: Option<Self> = None;
    /// As wide as the cell, so that a row of them takes as many registers.
    type Index: Index;

    /// The square of `steps` voxels, `unit` being the squared spacing.
    fn square(steps: usize, unit: f64) -> Self;
    /// The same of a lane of steps; [`Index::LAST`] is [`Self::FAR`].
    fn of_steps(steps: Self::Index, unit: f64) -> Self;
    /// The state of a walk one step behind a change: the square, and a number to go on from.
    fn begin(unit: f64) -> (Self, Self);
    /// One step further.
    fn advance(square: Self, state: Self, unit: f64) -> (Self, Self);
    /// Sum, saturating at [`Self::FAR`] where it could exceed it.
    fn plus(self, other: Self) -> Self;
    /// Sum of two that are at most [`Self::HALF`] each: where both exist, it is the faster one.
    #[inline(always)]
    fn sum(self, other: Self) -> Self {
        self.plus(other)
    }
    /// Minimum. No cell is ever NaN.
    fn least(self, other: Self) -> Self;
    /// Maximum.
    fn most(self, other: Self) -> Self;
    /// Less.
    fn below(self, other: Self) -> bool;
    /// The largest number of steps whose square is less than this.
    fn reach(self, unit: f64) -> usize;
    /// As f64, for the envelope.
    fn to_f64(self) -> f64;
    /// The square of a step, in the unit of the cells: theirs is a voxel unless they are floats.
    #[inline(always)]
    fn unit(_: f64) -> f64 {
        1.0
    }
}

/// A row of a column, as a number as wide as the cell.
pub trait Index: Copy + Ord + Send + Sync + 'static {
    /// 0.
    const FIRST: Self;
    /// Larger than every row.
    const LAST: Self;
    /// From a row below the maximum.
    fn from_row(row: usize) -> Self;
    /// Back.
    fn row(self) -> usize;
    /// Steps, at most as many as leave room for two blocks of lanes more.
    fn from_steps(steps: u64) -> Self;
    /// Some steps more or less.
    fn offset(self, steps: isize) -> Self;
    /// Steps to a change of side between lanes 63 and 64, of these and of their neighbours.
    const AWAY: &'static [Self; 192];
}

macro_rules! index {
    ($($type:ty)*) => {$(
        impl Index for $type {
            const FIRST: Self = 0;
            const LAST: Self = <$type>::MAX;
            #[inline(always)]
            fn from_row(row: usize) -> Self {
                row as $type
            }
            #[inline(always)]
            fn row(self) -> usize {
                self as usize
            }
            #[inline(always)]
            fn from_steps(steps: u64) -> Self {
                // Longer steps are too long for the cell anyway: see `Cell::REACH` and `plan::LONGEST`.
                steps.min((<$type>::MAX >> 1) as u64 - 128) as $type
            }
            #[inline(always)]
            fn offset(self, steps: isize) -> Self {
                self.wrapping_add(steps as $type)
            }
            #[expect(clippy::indexing_slicing, reason = "in a constant")]
            const AWAY: &'static [Self; 192] = &{
                let mut away = [0; 192];
                let mut i = 0;
                while i < 192 {
                    away[i] = if i < 64 { 64 - i as $type } else { i as $type - 63 };
                    i += 1;
                }
                away
            };
        }
    )*};
}
index!(u16 u32 u64);

impl Cell for u16 {
    const FAR: Self = u16::MAX;
    const ZERO: Self = 0;
    const IDLE: Self = 0;
    const REACH: usize = 256;
    const HALF: Option<Self> = Some(u16::MAX / 2);
    type Index = u16;

    #[inline(always)]
    fn square(steps: usize, _: f64) -> Self {
        if steps < 256 { (steps * steps) as u16 } else { Self::FAR }
    }
    #[inline(always)]
    fn of_steps(steps: u16, _: f64) -> Self {
        if steps < 256 { steps.wrapping_mul(steps) } else { Self::FAR }
    }
    // Squares differ by the odd numbers.
    #[inline(always)]
    fn begin(_: f64) -> (Self, Self) {
        (1, 3)
    }
    #[inline(always)]
    fn advance(square: Self, state: Self, _: f64) -> (Self, Self) {
        (square.saturating_add(state), state.saturating_add(2))
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.saturating_add(other)
    }
    #[inline(always)]
    fn sum(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    #[inline(always)]
    fn least(self, other: Self) -> Self {
        self.min(other)
    }
    #[inline(always)]
    fn most(self, other: Self) -> Self {
        self.max(other)
    }
    #[inline(always)]
    fn below(self, other: Self) -> bool {
        self < other
    }
    #[inline(always)]
    fn reach(self, _: f64) -> usize {
        Math::sqrt(f32::from(self.saturating_sub(1))) as usize
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        if self == Self::FAR { f64::INFINITY } else { f64::from(self) }
    }
}

impl Cell for u32 {
    // Twice this does not overflow, so sums need no saturation: a minimum that begins with a cell stays one. The sign
    // bit stays free for the side.
    const FAR: Self = u32::MAX >> 1;
    const ZERO: Self = 0;
    const IDLE: Self = 0;
    const REACH: usize = 46_341;
    type Index = u32;

    #[inline(always)]
    fn square(steps: usize, _: f64) -> Self {
        if steps < Self::REACH { (steps * steps) as u32 } else { Self::FAR }
    }
    #[inline(always)]
    fn of_steps(steps: u32, _: f64) -> Self {
        if steps < Self::REACH as u32 { steps.wrapping_mul(steps) } else { Self::FAR }
    }
    // Squares differ by the odd numbers.
    #[inline(always)]
    fn begin(_: f64) -> (Self, Self) {
        (1, 3)
    }
    #[inline(always)]
    fn advance(square: Self, state: Self, _: f64) -> (Self, Self) {
        (square.wrapping_add(state).min(Self::FAR), state.wrapping_add(2))
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    #[inline(always)]
    fn least(self, other: Self) -> Self {
        self.min(other)
    }
    #[inline(always)]
    fn most(self, other: Self) -> Self {
        self.max(other)
    }
    #[inline(always)]
    fn below(self, other: Self) -> bool {
        self < other
    }
    #[inline(always)]
    fn reach(self, _: f64) -> usize {
        Math::sqrt(f64::from(self.saturating_sub(1))) as usize
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        if self >= Self::FAR { f64::INFINITY } else { f64::from(self) }
    }
}

macro_rules! real {
    ($cell:ty, $index:ty) => {
        impl Cell for $cell {
            const FAR: Self = <$cell>::INFINITY;
            const ZERO: Self = 0.0;
            const IDLE: Self = <$cell>::INFINITY;
            const REACH: usize = usize::MAX;
            type Index = $index;

            #[inline(always)]
            fn square(steps: usize, unit: f64) -> Self {
                let steps = steps as f64;
                (steps * steps * unit) as $cell
            }
            #[inline(always)]
            fn of_steps(steps: $index, unit: f64) -> Self {
                // Fewer than 2³¹ unless there are none: signed numbers convert in fewer instructions.
                let square = f64::from(steps as i32) * f64::from(steps as i32) * unit;
                if steps == <$index>::MAX { Self::FAR } else { square as $cell }
            }
            // The state counts the steps, so that nothing accumulates; the unit and the product are rounded.
            #[inline(always)]
            fn begin(unit: f64) -> (Self, Self) {
                (unit as $cell, 1.0)
            }
            #[inline(always)]
            fn advance(_: Self, state: Self, unit: f64) -> (Self, Self) {
                let steps = state + 1.0;
                (steps * steps * unit as $cell, steps)
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self + other
            }
            // Squares are not negative, so their bits are in the order of their values; and unlike that of floats,
            // the minimum of integers may be taken in any order of lanes.
            #[inline(always)]
            fn least(self, other: Self) -> Self {
                <$cell>::from_bits(self.to_bits().min(other.to_bits()))
            }
            #[inline(always)]
            fn most(self, other: Self) -> Self {
                <$cell>::from_bits(self.to_bits().max(other.to_bits()))
            }
            #[inline(always)]
            fn below(self, other: Self) -> bool {
                self.to_bits() < other.to_bits()
            }
            #[inline(always)]
            fn reach(self, unit: f64) -> usize {
                // The cast saturates: infinity reaches everywhere. One more for what has been rounded.
                (Math::sqrt(self / unit as $cell) as usize).saturating_add(1)
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self.widen()
            }
            #[inline(always)]
            fn unit(unit: f64) -> f64 {
                unit
            }
        }
    };
}
real!(f32, u32);
real!(f64, u64);
