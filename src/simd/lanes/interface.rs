//! The trait of instruction sets. The module page explains it.

use super::Scalar;
use super::tails::{padded, store_head};
use crate::array::float16::{f16_to_f32, f32_to_bf16, f32_to_f16};
use core::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};
use half::{bf16, f16};

/// The vector of an element type and an instruction set.
pub type Vector<T, S> = <S as Lanes<T>>::Vector;

/// A power of two with a whole exponent, from [`Lanes::nearest_power_of_two`].
#[derive(Clone, Copy, Debug)]
pub struct PowerOfTwo<V> {
    /// The exponent, a whole number.
    pub exponent: V,
    /// The exponent plus [`Scalar::ROUND_BIASED`].
    pub biased: V,
}

/// An instruction set: the operations on its vectors of `T`. A value of the type is the proof that the CPU has it.
///
/// Pointers are aligned for their element type, as in slices. Only the methods named `stream` ask for more.
///
/// # Safety
/// `load`, `store` and the other methods with pointers access exactly the elements that their documentation names.
pub unsafe trait Lanes<T: Scalar>: Copy + 'static {
    /// Whether [`mul_add`](Self::mul_add) rounds once.
    const FUSED: bool;
    /// The number of vectors whose exponentials are computed together: enough independent operations to hide the
    /// latency of each, few enough for the registers.
    const IN_STEP: usize;

    /// [`Scalar::LANES`] elements.
    type Vector: Copy
        + Add<Output = Self::Vector>
        + Sub<Output = Self::Vector>
        + Mul<Output = Self::Vector>
        + Div<Output = Self::Vector>
        + Neg<Output = Self::Vector>;
    /// A yes or no per lane.
    type Mask: Copy + BitAnd<Output = Self::Mask> + BitOr<Output = Self::Mask> + Not<Output = Self::Mask>;
    /// A label per lane.
    type Labels: Copy;
    /// A sum in f64 per lane.
    type Sums: Copy;

    // Memory.

    /// Returns `x` in every lane.
    fn splat(self, x: T) -> Self::Vector;

    /// Loads a vector.
    ///
    /// # Safety
    /// `from` is readable for [`Scalar::LANES`] elements.
    unsafe fn load(self, from: *const T) -> Self::Vector;

    /// Stores a vector.
    ///
    /// # Safety
    /// `to` is writable for [`Scalar::LANES`] elements.
    unsafe fn store(self, to: *mut T, x: Self::Vector);

    /// Stores a vector by a non-temporal store, which bypasses the caches, where the CPU has one. The caller ends a
    /// series of them with `simd::stream::fence`.
    ///
    /// # Safety
    /// `to` is writable for [`Scalar::LANES`] elements and aligned to 64 bytes.
    unsafe fn stream(self, to: *mut T, x: Self::Vector);

    /// Loads the first `count` lanes, at most [`Scalar::LANES`]; the others are 0. For other element types in memory there
    /// are [`padded`] and [`store_head`].
    ///
    /// # Safety
    /// `from` is readable for `count` elements.
    #[inline(always)]
    unsafe fn load_first(self, from: *const T, count: usize) -> Self::Vector {
        // SAFETY: promised by the caller; the array has the elements of a vector.
        unsafe { self.load(padded(from, count, T::ZERO).as_ptr()) }
    }

    /// Stores the first `count` lanes, at most [`Scalar::LANES`].
    ///
    /// # Safety
    /// `to` is writable for `count` elements.
    #[inline(always)]
    unsafe fn store_first(self, to: *mut T, count: usize, x: Self::Vector) {
        let mut vector = [T::ZERO; 16];
        // SAFETY: the array has the elements of a vector; `to` is writable by promise.
        unsafe {
            self.store(vector.as_mut_ptr(), x);
            store_head(&vector, to, count.min(T::LANES));
        }
    }

    /// Stores the lanes of `mask` one after the other and returns their number.
    ///
    /// # Safety
    /// `to` is writable for [`Scalar::LANES`] elements: those after the selected ones may be overwritten.
    #[inline(always)]
    unsafe fn compress(self, to: *mut T, mask: Self::Mask, x: Self::Vector) -> usize {
        let line = self.to_line(x);
        let mut count = 0;
        for (lane, &x) in line.as_ref().iter().enumerate() {
            // SAFETY: `count` is at most `lane`, which is less than the number of lanes.
            unsafe { to.add(count).write(x) };
            count += (self.bits(mask) >> lane & 1) as usize;
        }
        count
    }

    /// Returns the elements of a line as a vector.
    #[inline(always)]
    #[allow(clippy::wrong_self_convention, reason = "`self` is the instruction set")]
    fn from_line(self, line: &T::Line) -> Self::Vector {
        // SAFETY: a line has the elements of a vector.
        unsafe { self.load(line.as_ref().as_ptr()) }
    }

    /// Returns the elements of a vector as a line.
    #[inline(always)]
    fn to_line(self, x: Self::Vector) -> T::Line {
        let mut line = T::ZEROS;
        // SAFETY: a line has the elements of a vector.
        unsafe { self.store(line.as_mut().as_mut_ptr(), x) };
        line
    }

    /// Loads the first elements of a row; lanes beyond its end are 0.
    #[inline(always)]
    fn load_row(self, row: &[T]) -> Self::Vector {
        // SAFETY: the row is readable for its length.
        unsafe {
            if row.len() < T::LANES {
                self.load_first(row.as_ptr(), row.len())
            } else {
                self.load(row.as_ptr())
            }
        }
    }

    /// Stores a vector to the first elements of a row; lanes beyond its end are dropped.
    #[inline(always)]
    fn store_row(self, row: &mut [T], x: Self::Vector) {
        // SAFETY: the row is writable for its length.
        unsafe {
            if row.len() < T::LANES {
                self.store_first(row.as_mut_ptr(), row.len(), x);
            } else {
                self.store(row.as_mut_ptr(), x);
            }
        }
    }

    // Memory of 16-bit floats.

    /// Loads a vector of binary16.
    ///
    /// # Safety
    /// `from` is readable for [`Scalar::LANES`] elements.
    #[inline(always)]
    unsafe fn load_f16(self, from: *const f16) -> Self::Vector {
        let mut line = T::ZEROS;
        for (lane, x) in line.as_mut().iter_mut().enumerate() {
            // SAFETY: readable by promise.
            let half = unsafe { from.add(lane).read() };
            *x = T::of_f32(f16_to_f32(half.to_bits()));
        }
        self.from_line(&line)
    }

    /// Stores a vector as binary16, rounded to nearest, ties to even.
    ///
    /// # Safety
    /// `to` is writable for [`Scalar::LANES`] elements.
    #[inline(always)]
    unsafe fn store_f16(self, to: *mut f16, x: Self::Vector) {
        let line = self.to_line(x);
        for (lane, &x) in line.as_ref().iter().enumerate() {
            let half = f16::from_bits(f32_to_f16(x.to_f32_for_rounding()));
            // SAFETY: writable by promise.
            unsafe { to.add(lane).write(half) };
        }
    }

    /// Stores a vector as binary16 as [`stream`](Self::stream) does.
    ///
    /// # Safety
    /// `to` is writable for [`Scalar::LANES`] elements and aligned to their size in bytes.
    #[inline(always)]
    unsafe fn stream_f16(self, to: *mut f16, x: Self::Vector) {
        // SAFETY: the caller promises more.
        unsafe { self.store_f16(to, x) };
    }

    /// Loads a vector of bfloat16.
    ///
    /// # Safety
    /// `from` is readable for [`Scalar::LANES`] elements.
    #[inline(always)]
    unsafe fn load_bf16(self, from: *const bf16) -> Self::Vector {
        let mut line = T::ZEROS;
        for (lane, x) in line.as_mut().iter_mut().enumerate() {
            // SAFETY: readable by promise.
            let half = unsafe { from.add(lane).read() };
            *x = T::of_f32(f32::from_bits(u32::from(half.to_bits()) << 16));
        }
        self.from_line(&line)
    }

    /// Stores a vector as bfloat16, rounded to nearest, ties to even.
    ///
    /// # Safety
    /// `to` is writable for [`Scalar::LANES`] elements.
    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut bf16, x: Self::Vector) {
        let line = self.to_line(x);
        for (lane, &x) in line.as_ref().iter().enumerate() {
            let half = bf16::from_bits(f32_to_bf16(x.to_f32_for_rounding()));
            // SAFETY: writable by promise.
            unsafe { to.add(lane).write(half) };
        }
    }

    /// Stores a vector as bfloat16 as [`stream`](Self::stream) does.
    ///
    /// # Safety
    /// `to` is writable for [`Scalar::LANES`] elements and aligned to their size in bytes.
    #[inline(always)]
    unsafe fn stream_bf16(self, to: *mut bf16, x: Self::Vector) {
        // SAFETY: the caller promises more.
        unsafe { self.store_bf16(to, x) };
    }

    // Arithmetic, besides the operators.

    /// Returns `a·b + c`, rounded once if [`FUSED`](Self::FUSED), else twice.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;

    /// Returns `c − a·b`, rounded as by [`mul_add`](Self::mul_add).
    fn neg_mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;

    /// Returns the square root.
    fn sqrt(self, x: Self::Vector) -> Self::Vector;

    /// Returns `a` where `a < b`, else `b`.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// Returns `a` where `a > b`, else `b`.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// Returns `x` without its sign.
    fn abs(self, x: Self::Vector) -> Self::Vector;

    /// Returns 1/x by a division: estimates of reciprocals differ between CPUs.
    #[inline(always)]
    fn reciprocal(self, x: Self::Vector) -> Self::Vector {
        self.splat(T::ONE) / x
    }

    // Comparisons and masks.

    /// Returns where `a < b`.
    fn lt(self, a: Self::Vector, b: Self::Vector) -> Self::Mask;

    /// Returns where not `a < b`: where `a ≥ b`, or either is NaN.
    #[inline(always)]
    fn not_lt(self, a: Self::Vector, b: Self::Vector) -> Self::Mask {
        !self.lt(a, b)
    }

    /// Returns where `a ≤ b`.
    fn le(self, a: Self::Vector, b: Self::Vector) -> Self::Mask;

    /// Returns where `a = b`.
    fn eq(self, a: Self::Vector, b: Self::Vector) -> Self::Mask;

    /// Returns `yes` in the lanes of the mask, `no` in the others.
    fn select(self, mask: Self::Mask, yes: Self::Vector, no: Self::Vector) -> Self::Vector;

    /// Returns `x` in the lanes of the mask, 0 in the others.
    fn keep(self, mask: Self::Mask, x: Self::Vector) -> Self::Vector;

    /// Returns the mask as bits, from lane 0 on.
    fn bits(self, mask: Self::Mask) -> u32;

    /// Returns the mask of the first `count` lanes.
    fn first(self, count: usize) -> Self::Mask;

    /// Returns whether the mask has a lane.
    #[inline(always)]
    fn any(self, mask: Self::Mask) -> bool {
        self.bits(mask) != 0
    }

    /// Returns whether the mask has every lane.
    #[inline(always)]
    fn all(self, mask: Self::Mask) -> bool {
        !self.any(!mask)
    }

    /// Returns the number of lanes of the mask.
    #[inline(always)]
    fn count(self, mask: Self::Mask) -> u32 {
        self.bits(mask).count_ones()
    }

    // Labels.

    /// Loads labels of one byte.
    ///
    /// # Safety
    /// `from` is readable for [`Scalar::LANES`] bytes.
    unsafe fn labels_u8(self, from: *const u8) -> Self::Labels;

    /// Loads labels of four bytes.
    ///
    /// # Safety
    /// `from` is readable for [`Scalar::LANES`] integers.
    unsafe fn labels_i32(self, from: *const i32) -> Self::Labels;

    /// Returns where the label is `class`.
    fn label_is(self, labels: Self::Labels, class: i32) -> Self::Mask;

    // Bits of numbers.

    /// Returns the bits that are set in both operands.
    fn and_bits(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// Returns the bits that are set in either operand.
    fn or_bits(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// Adds the bits of the operands as integers, modulo 2³² or 2⁶⁴.
    fn add_bits(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// Shifts the bits up, so that the lowest become the exponent and the sign.
    fn low_bits_to_exponent(self, x: Self::Vector) -> Self::Vector;

    /// Shifts the bits down, so that the exponent and the sign become the lowest.
    fn exponent_to_low_bits(self, x: Self::Vector) -> Self::Vector;

    // Powers of two. Numbers beyond the stated limits give an unspecified result, NaN gives NaN.

    /// Returns 2ᵏ, where `k` is the whole number nearest to `x·factor`, either one of two that are equally near.
    #[inline(always)]
    fn nearest_power_of_two(self, x: Self::Vector, factor: Self::Vector) -> PowerOfTwo<Self::Vector> {
        let magic = self.splat(T::ROUND_BIASED);
        let biased = self.mul_add(x, factor, magic);
        PowerOfTwo { exponent: biased - magic, biased }
    }

    /// Returns `x·2ᵏ` for normal 2ᵏ and `½ ≤ x ≤ 2`.
    #[inline(always)]
    fn scale(self, x: Self::Vector, by: PowerOfTwo<Self::Vector>) -> Self::Vector {
        x * self.low_bits_to_exponent(by.biased)
    }

    /// Returns `x·2ᵏ`, rounded once and possibly subnormal or infinite, where 2^(k/2) is normal and `½ ≤ x ≤ 2`.
    #[inline(always)]
    fn scale_wide(self, x: Self::Vector, by: PowerOfTwo<Self::Vector>) -> Self::Vector {
        let magic = self.splat(T::ROUND_BIASED);
        let half = self.mul_add(by.exponent, self.splat(T::HALF), magic);
        let rest = by.exponent - (half - magic) + magic;
        // The first product is exact.
        x * self.low_bits_to_exponent(half) * self.low_bits_to_exponent(rest)
    }

    /// Returns `k` and `m` with `x = 2ᵏ·m` and ¾ ≤ m < 1½, for positive normal `x`.
    #[inline(always)]
    fn exponent_and_mantissa(self, x: Self::Vector) -> (Self::Vector, Self::Vector) {
        let carried = self.add_bits(x, self.splat(T::ONE_LESS_THREE_QUARTERS));
        let mantissa = self.and_bits(carried, self.splat(T::MANTISSA));
        (exponent_of_carried(self, carried), self.add_bits(mantissa, self.splat(T::THREE_QUARTERS)))
    }

    /// Returns `k` and 2⁻ᵏ with ¾ ≤ x·2⁻ᵏ < 1½, for positive normal `x` whose 2⁻ᵏ is normal.
    #[inline(always)]
    fn exponent_and_inverse(self, x: Self::Vector) -> (Self::Vector, Self::Vector) {
        let carried = self.add_bits(x, self.splat(T::ONE_LESS_THREE_QUARTERS));
        let exponent = exponent_of_carried(self, carried);
        (exponent, self.low_bits_to_exponent(self.splat(T::ROUND_BIASED) - exponent))
    }

    /// Returns the upper half of the bits of the mantissa: the product of two such numbers is exact.
    #[inline(always)]
    fn upper_half(self, x: Self::Vector) -> Self::Vector {
        self.and_bits(x, self.splat(T::UPPER_HALF))
    }

    // Sums in f64.

    /// Returns sums of 0.
    fn zero_sums(self) -> Self::Sums;

    /// Adds each lane to its sum.
    fn add_to_sums(self, sums: Self::Sums, x: Self::Vector) -> Self::Sums;

    /// Returns the total of the sums. Lanes that are 8 apart are added first, then those 4, 2 and 1 apart.
    fn total(self, sums: Self::Sums) -> f64;
}

/// Returns the exponent of a number whose mantissa has carried into it from ¾ on.
#[inline(always)]
fn exponent_of_carried<T: Scalar, S: Lanes<T>>(s: S, carried: Vector<T, S>) -> Vector<T, S> {
    let low = s.or_bits(s.exponent_to_low_bits(carried), s.splat(T::WHOLE));
    low - s.splat(T::WHOLE_BIASED)
}
