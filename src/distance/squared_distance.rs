//! Number types of squared distances.
//!
//! - `u16`, saturating: 32 lanes per AVX-512 register. Squares below 65,535 are exact, because saturation commutes
//!   with the minimum; 65,535 stands for longer distances and for no candidate.
//! - `u32`: exact below 2³¹ − 1, distances up to 46,340 voxels.
//! - `f32`: for axes of unequal spacing, with `w²k²` rounded once from f64; `f64` for outputs of f64.

use crate::array::real::Real;
use crate::distance::plan::MAX_F32_STEPS;

/// A squared distance, with the operations of the inner loops.
pub trait SquaredDistance: Copy + Send + Sync + 'static {
    /// The maximum: no candidate, or a distance too long for this type.
    const SATURATED: Self;
    /// The distance of a voxel to itself.
    const ZERO: Self;
    /// Number of steps from which on squares are [`Self::SATURATED`].
    const SATURATING_STEPS: usize;
    /// Twice this value does not saturate. `None` if the type has no faster sum.
    const HALF: Option<Self> = None;
    /// An unsigned integer as wide as the type, so that a row of them takes as many registers.
    type Index: LaneIndex;

    /// Returns the square of `steps` voxels.
    fn square(steps: usize, squared_spacing: f64) -> Self;
    /// Returns the square of the steps of one lane; [`LaneIndex::LAST`] gives [`Self::SATURATED`].
    fn square_of_index(steps: Self::Index, squared_spacing: f64) -> Self;
    /// Returns the square of the steps to a change of side in a column; more steps than a column has rows give
    /// [`Self::SATURATED`].
    #[inline(always)]
    fn run_square(steps: Self::Index, squared_spacing: f64) -> Self {
        Self::square_of_index(steps, squared_spacing)
    }
    /// Adds one step in each lane, or starts with one step in the lanes of `change`.
    #[inline(always)]
    fn advance_steps<const N: usize>(steps: &mut [Self::Index; N], change: u64) {
        advance_by_bits(steps, change);
    }
    /// Returns the value with the bits of `index`.
    fn from_bits_of(index: Self::Index) -> Self;
    /// Returns the bits.
    fn bits_of(self) -> Self::Index;
    /// Returns the sum. The sum of u16 saturates; that of u32 may exceed [`Self::SATURATED`] without overflow.
    fn add_saturating(self, other: Self) -> Self;
    /// Returns the sum of two values of at most [`Self::HALF`]; faster than [`Self::add_saturating`].
    #[inline(always)]
    fn add_unsaturated(self, other: Self) -> Self {
        self.add_saturating(other)
    }
    /// Returns the minimum. No value is NaN.
    fn lesser(self, other: Self) -> Self;
    /// Returns the maximum.
    fn greater(self, other: Self) -> Self;
    /// Returns whether `self` is less than `other`.
    fn is_less(self, other: Self) -> bool;
    /// Returns the largest number of steps whose square is less than `self`, or one more for floats, whose squares
    /// are rounded.
    fn steps_below(self, squared_spacing: f64) -> usize;
    /// Converts to f64 for the envelope; a saturated value becomes infinity.
    fn to_f64(self) -> f64;
    /// Returns the squared length of a step in units of the type: 1 voxel for integers, the squared spacing for
    /// floats.
    #[inline(always)]
    fn unit_square(_: f64) -> f64 {
        1.0
    }
}

/// A row number or a number of steps in one lane, as wide as the squared distance.
pub trait LaneIndex: Copy + Ord + Send + Sync + 'static {
    /// 0.
    const FIRST: Self;
    /// Greater than every row and number of steps: no change of side.
    const LAST: Self;
    /// Converts from a row number below the maximum.
    fn from_row(row: usize) -> Self;
    /// Converts to a row number.
    fn to_row(self) -> usize;
    /// Converts from a number of steps, clamped so that two blocks of lanes may be added.
    fn from_steps(steps: u64) -> Self;
    /// Adds a signed number of steps.
    fn offset(self, steps: isize) -> Self;
    /// Entry `i` is the number of steps from lane `i` to a change of side between lanes 63 and 64.
    const STEPS_FROM_CHANGE: &'static [Self; 192];
}

macro_rules! lane_index {
    ($($type:ty)*) => {$(
        impl LaneIndex for $type {
            const FIRST: Self = 0;
            const LAST: Self = <$type>::MAX;
            #[inline(always)]
            fn from_row(row: usize) -> Self {
                row as $type
            }
            #[inline(always)]
            fn to_row(self) -> usize {
                self as usize
            }
            #[inline(always)]
            fn from_steps(steps: u64) -> Self {
                // A clamped number of steps is too long for the integer types (`SATURATING_STEPS`) and longer than
                // any row in f32 (`plan::MAX_F32_STEPS`).
                steps.min((<$type>::MAX >> 1) as u64 - 128) as $type
            }
            #[inline(always)]
            fn offset(self, steps: isize) -> Self {
                self.wrapping_add(steps as $type)
            }
            #[expect(clippy::indexing_slicing, reason = "in a constant")]
            const STEPS_FROM_CHANGE: &'static [Self; 192] = &{
                let mut steps = [0; 192];
                let mut i = 0;
                while i < 192 {
                    steps[i] = if i < 64 { 64 - i as $type } else { i as $type - 63 };
                    i += 1;
                }
                steps
            };
        }
    )*};
}
lane_index!(u16 u32 u64);

impl SquaredDistance for u16 {
    const SATURATED: Self = u16::MAX;
    const ZERO: Self = 0;
    const SATURATING_STEPS: usize = 256;
    const HALF: Option<Self> = Some(u16::MAX / 2);
    type Index = u16;

    #[inline(always)]
    fn square(steps: usize, _: f64) -> Self {
        if steps < 256 { (steps * steps) as u16 } else { Self::SATURATED }
    }
    #[inline(always)]
    fn square_of_index(steps: u16, _: f64) -> Self {
        if steps < 256 { steps.wrapping_mul(steps) } else { Self::SATURATED }
    }
    #[inline(always)]
    fn advance_steps<const N: usize>(steps: &mut [u16; N], change: u64) {
        #[cfg(target_arch = "x86_64")]
        if N == 64 {
            for (half, steps) in steps.as_chunks_mut().0.iter_mut().enumerate() {
                // SAFETY: a plan has 64 lanes only where the CPU level in use is AVX-512.
                unsafe { advance_32_steps(steps, (change >> (32 * half)) as u32) };
            }
            return;
        }
        advance_by_bits(steps, change);
    }
    #[inline(always)]
    fn from_bits_of(index: Self) -> Self {
        index
    }
    #[inline(always)]
    fn bits_of(self) -> Self {
        self
    }
    #[inline(always)]
    fn add_saturating(self, other: Self) -> Self {
        self.saturating_add(other)
    }
    #[inline(always)]
    fn add_unsaturated(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    #[inline(always)]
    fn lesser(self, other: Self) -> Self {
        self.min(other)
    }
    #[inline(always)]
    fn greater(self, other: Self) -> Self {
        self.max(other)
    }
    #[inline(always)]
    fn is_less(self, other: Self) -> bool {
        self < other
    }
    #[inline(always)]
    fn steps_below(self, _: f64) -> usize {
        Real::sqrt(f32::from(self.saturating_sub(1))) as usize
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        if self == Self::SATURATED { f64::INFINITY } else { f64::from(self) }
    }
}

/// See [`SquaredDistance::advance_steps`].
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "a lane of a block and its quarter of 64 bits")]
fn advance_by_bits<I: LaneIndex, const N: usize>(steps: &mut [I; N], change: u64) {
    let quarters = [change as u16, (change >> 16) as u16, (change >> 32) as u16, (change >> 48) as u16];
    for i in 0..N {
        // A bit of a 16-bit word keeps more lanes per register than a bit of the 64-bit word.
        let changed = quarters[i / 16] & 1 << (i % 16) != 0;
        steps[i] = (if changed { I::FIRST } else { steps[i] }).offset(1);
    }
}

/// Does the same for 32 lanes of u16 at AVX-512, in whole vectors; LLVM selects by half vectors.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn advance_32_steps(steps: &mut [u16; 32], change: u32) {
    use core::arch::x86_64::*;
    // SAFETY: the code reads and writes the 64 bytes of `steps`.
    unsafe {
        let one = _mm512_set1_epi16(1);
        let more = _mm512_add_epi16(_mm512_loadu_si512(steps.as_ptr().cast()), one);
        _mm512_storeu_si512(steps.as_mut_ptr().cast(), _mm512_mask_mov_epi16(more, change, one));
    }
}

impl SquaredDistance for u32 {
    // Twice this value does not overflow, so sums need no saturation: a minimum that starts at or below this value
    // stays there. The sign bit is free for the inside bit.
    const SATURATED: Self = u32::MAX >> 1;
    const ZERO: Self = 0;
    const SATURATING_STEPS: usize = 46_341;
    type Index = u32;

    #[inline(always)]
    fn square(steps: usize, _: f64) -> Self {
        if steps < Self::SATURATING_STEPS { (steps * steps) as u32 } else { Self::SATURATED }
    }
    #[inline(always)]
    fn square_of_index(steps: u32, _: f64) -> Self {
        if steps < Self::SATURATING_STEPS as u32 { steps.wrapping_mul(steps) } else { Self::SATURATED }
    }
    #[inline(always)]
    fn from_bits_of(index: Self) -> Self {
        index
    }
    #[inline(always)]
    fn bits_of(self) -> Self {
        self
    }
    #[inline(always)]
    fn add_saturating(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    #[inline(always)]
    fn lesser(self, other: Self) -> Self {
        self.min(other)
    }
    #[inline(always)]
    fn greater(self, other: Self) -> Self {
        self.max(other)
    }
    #[inline(always)]
    fn is_less(self, other: Self) -> bool {
        self < other
    }
    #[inline(always)]
    fn steps_below(self, _: f64) -> usize {
        Real::sqrt(f64::from(self.saturating_sub(1))) as usize
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        if self >= Self::SATURATED { f64::INFINITY } else { f64::from(self) }
    }
}

macro_rules! float {
    ($float:ty, $index:ty) => {
        impl SquaredDistance for $float {
            const SATURATED: Self = <$float>::INFINITY;
            const ZERO: Self = 0.0;
            const SATURATING_STEPS: usize = usize::MAX;
            type Index = $index;

            #[inline(always)]
            fn square(steps: usize, squared_spacing: f64) -> Self {
                let steps = steps as f64;
                (steps * steps * squared_spacing) as $float
            }
            #[inline(always)]
            fn square_of_index(steps: $index, squared_spacing: f64) -> Self {
                // Fewer than 2³¹ steps, except for `LAST`: signed integers convert in fewer instructions.
                let square = f64::from(steps as i32) * f64::from(steps as i32) * squared_spacing;
                if steps == <$index>::MAX { Self::SATURATED } else { square as $float }
            }
            // Only the squared spacing and the product are rounded.
            #[inline(always)]
            fn run_square(steps: $index, squared_spacing: f64) -> Self {
                let count = steps as i32 as $float;
                let square = count * count * squared_spacing as $float;
                if steps > MAX_F32_STEPS as $index { Self::SATURATED } else { square }
            }
            #[inline(always)]
            fn from_bits_of(index: $index) -> Self {
                Self::from_bits(index)
            }
            #[inline(always)]
            fn bits_of(self) -> $index {
                self.to_bits()
            }
            #[inline(always)]
            fn add_saturating(self, other: Self) -> Self {
                self + other
            }
            // Squares are not negative, so their bit patterns have the order of their values. The minimum of
            // integers, unlike that of floats, may be reordered over lanes.
            #[inline(always)]
            fn lesser(self, other: Self) -> Self {
                <$float>::from_bits(self.to_bits().min(other.to_bits()))
            }
            #[inline(always)]
            fn greater(self, other: Self) -> Self {
                <$float>::from_bits(self.to_bits().max(other.to_bits()))
            }
            #[inline(always)]
            fn is_less(self, other: Self) -> bool {
                self.to_bits() < other.to_bits()
            }
            #[inline(always)]
            fn steps_below(self, squared_spacing: f64) -> usize {
                // The cast saturates, so infinity gives the largest number. One step is added for the rounding of
                // squares.
                (Real::sqrt(self / squared_spacing as $float) as usize).saturating_add(1)
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self.widen()
            }
            #[inline(always)]
            fn unit_square(squared_spacing: f64) -> f64 {
                squared_spacing
            }
        }
    };
}
float!(f32, u32);
float!(f64, u64);
