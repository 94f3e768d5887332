//! Plain Rust over arrays, right for every target. The compiler makes vector code of it where the target has vectors by
//! default: SSE2, NEON, simd128.

use super::portable_number::PortableNumber;
use super::{Lanes, Scalar};
use crate::checked::split_mut;
use crate::simd::math::Format;
use core::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

/// No instructions beyond those of the target; f32 fused or split.
///
/// Fused is fast on AArch64 only. Elsewhere it calls `libm::fmaf`, and serves as the reference of the instruction sets
/// with fused operations.
#[derive(Clone, Copy, Debug)]
pub struct Portable<const FUSED: bool>;

/// A vector.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct LineVector<T: Scalar>(T::Line);

/// A mask: lanes with all bits set or none.
#[derive(Clone, Copy, Debug)]
pub struct LineMask<T: Scalar>(LineVector<T>);

impl<T: PortableNumber> LineVector<T> {
    /// Applies a function to each lane.
    #[inline(always)]
    fn map(self, function: impl Fn(T) -> T) -> Self {
        let mut line = self.0;
        for x in line.as_mut() {
            *x = function(*x);
        }
        Self(line)
    }

    /// Applies a function to the lanes of two vectors.
    #[inline(always)]
    fn zip(self, other: Self, function: impl Fn(T, T) -> T) -> Self {
        let mut line = self.0;
        for (x, &y) in line.as_mut().iter_mut().zip(other.0.as_ref()) {
            *x = function(*x, y);
        }
        Self(line)
    }

    /// The lanes of two vectors in which a condition holds.
    #[inline(always)]
    fn compare(self, other: Self, condition: impl Fn(T, T) -> bool) -> LineMask<T> {
        LineMask(self.zip(other, |x, y| T::of_bits(if condition(x, y) { u64::MAX } else { 0 })))
    }

    /// Lanes from integers.
    #[inline(always)]
    fn of_integers(integers: impl Iterator<Item = i64>) -> Self {
        let mut line = T::ZEROS;
        for (x, integer) in line.as_mut().iter_mut().zip(integers) {
            *x = T::of_bits(integer as u64);
        }
        Self(line)
    }
}

macro_rules! operators_by_lane {
    ($($trait:ident $name:ident $operator:tt;)+) => {$(
        impl<T: PortableNumber> $trait for LineVector<T> {
            type Output = Self;

            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                self.zip(other, |x, y| x $operator y)
            }
        }
    )+};
}

operators_by_lane! {
    Add add +;
    Sub sub -;
    Mul mul *;
    Div div /;
}

impl<T: PortableNumber> Neg for LineVector<T> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        self.map(|x| -x)
    }
}

impl<T: PortableNumber> BitAnd for LineMask<T> {
    type Output = Self;

    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(self.0.zip(other.0, |x, y| T::of_bits(x.bits() & y.bits())))
    }
}

impl<T: PortableNumber> BitOr for LineMask<T> {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(self.0.zip(other.0, |x, y| T::of_bits(x.bits() | y.bits())))
    }
}

impl<T: PortableNumber> Not for LineMask<T> {
    type Output = Self;

    #[inline(always)]
    fn not(self) -> Self {
        Self(self.0.map(|x| T::of_bits(!x.bits())))
    }
}

// SAFETY: memory is accessed by lines, which have `LANES` elements, and labels by `LANES` elements.
unsafe impl<T: PortableNumber, const FUSED: bool> Lanes<T> for Portable<FUSED> {
    const FUSED: bool = FUSED && T::MAY_FUSE;
    const IN_STEP: usize = 1;

    type Vector = LineVector<T>;
    type Mask = LineMask<T>;
    /// Labels as the bits of the lanes.
    type Labels = LineVector<T>;
    /// The first `LANES` of them are used.
    type Sums = [f64; 16];

    #[inline(always)]
    fn splat(self, x: T) -> LineVector<T> {
        LineVector(T::ZEROS).map(|_| x)
    }

    #[inline(always)]
    unsafe fn load(self, from: *const T) -> LineVector<T> {
        // SAFETY: promised by the caller.
        LineVector(unsafe { from.cast::<T::Line>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut T, x: LineVector<T>) {
        // SAFETY: promised by the caller.
        unsafe { to.cast::<T::Line>().write_unaligned(x.0) }
    }

    #[inline(always)]
    unsafe fn stream(self, to: *mut T, x: LineVector<T>) {
        // SAFETY: promised by the caller; a line has 64 bytes.
        unsafe { stream_64((&raw const x.0).cast(), to.cast()) }
    }

    #[inline(always)]
    fn mul_add(self, a: LineVector<T>, b: LineVector<T>, c: LineVector<T>) -> LineVector<T> {
        if FUSED && T::MAY_FUSE { LineVector(T::fused(a.0, b.0, c.0)) } else { a * b + c }
    }

    #[inline(always)]
    fn neg_mul_add(self, a: LineVector<T>, b: LineVector<T>, c: LineVector<T>) -> LineVector<T> {
        self.mul_add(-a, b, c)
    }

    #[inline(always)]
    fn sqrt(self, x: LineVector<T>) -> LineVector<T> {
        x.map(Format::square_root)
    }

    #[inline(always)]
    fn min(self, a: LineVector<T>, b: LineVector<T>) -> LineVector<T> {
        a.zip(b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn max(self, a: LineVector<T>, b: LineVector<T>) -> LineVector<T> {
        a.zip(b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn abs(self, x: LineVector<T>) -> LineVector<T> {
        x.map(Format::magnitude)
    }

    #[inline(always)]
    fn lt(self, a: LineVector<T>, b: LineVector<T>) -> LineMask<T> {
        a.compare(b, |a, b| a < b)
    }

    #[inline(always)]
    fn le(self, a: LineVector<T>, b: LineVector<T>) -> LineMask<T> {
        a.compare(b, |a, b| a <= b)
    }

    #[inline(always)]
    fn eq(self, a: LineVector<T>, b: LineVector<T>) -> LineMask<T> {
        a.compare(b, |a, b| a == b)
    }

    #[inline(always)]
    fn select(self, mask: LineMask<T>, yes: LineVector<T>, no: LineVector<T>) -> LineVector<T> {
        self.or_bits(self.keep(mask, yes), self.keep(!mask, no))
    }

    #[inline(always)]
    fn keep(self, mask: LineMask<T>, x: LineVector<T>) -> LineVector<T> {
        self.and_bits(mask.0, x)
    }

    #[inline(always)]
    fn bits(self, mask: LineMask<T>) -> u32 {
        let mut bits = 0;
        for (lane, x) in mask.0.0.as_ref().iter().enumerate() {
            bits |= ((x.bits() & 1) as u32) << lane;
        }
        bits
    }

    #[inline(always)]
    fn first(self, count: usize) -> LineMask<T> {
        LineMask(LineVector::of_integers((0..).map(|lane| -i64::from(lane < count))))
    }

    #[inline(always)]
    unsafe fn labels_u8(self, from: *const u8) -> LineVector<T> {
        // SAFETY: promised by the caller.
        let labels = unsafe { core::slice::from_raw_parts(from, T::LANES) };
        LineVector::of_integers(labels.iter().map(|&label| label.into()))
    }

    #[inline(always)]
    unsafe fn labels_i32(self, from: *const i32) -> LineVector<T> {
        // SAFETY: promised by the caller.
        let labels = unsafe { core::slice::from_raw_parts(from, T::LANES) };
        LineVector::of_integers(labels.iter().map(|&label| label.into()))
    }

    #[inline(always)]
    fn label_is(self, labels: LineVector<T>, class: i32) -> LineMask<T> {
        labels.compare(self.splat(T::of_bits(i64::from(class) as u64)), T::is_identical)
    }

    #[inline(always)]
    fn and_bits(self, a: LineVector<T>, b: LineVector<T>) -> LineVector<T> {
        a.zip(b, |a, b| T::of_bits(a.bits() & b.bits()))
    }

    #[inline(always)]
    fn or_bits(self, a: LineVector<T>, b: LineVector<T>) -> LineVector<T> {
        a.zip(b, |a, b| T::of_bits(a.bits() | b.bits()))
    }

    #[inline(always)]
    fn add_bits(self, a: LineVector<T>, b: LineVector<T>) -> LineVector<T> {
        a.zip(b, |a, b| T::of_bits(a.bits().wrapping_add(b.bits())))
    }

    #[inline(always)]
    fn low_bits_to_exponent(self, x: LineVector<T>) -> LineVector<T> {
        x.map(|x| T::of_bits(x.bits() << T::MANTISSA_BITS))
    }

    #[inline(always)]
    fn exponent_to_low_bits(self, x: LineVector<T>) -> LineVector<T> {
        x.map(|x| T::of_bits(x.bits() >> T::MANTISSA_BITS))
    }

    #[inline(always)]
    fn zero_sums(self) -> [f64; 16] {
        [0.0; 16]
    }

    #[inline(always)]
    fn add_to_sums(self, mut sums: [f64; 16], x: LineVector<T>) -> [f64; 16] {
        for (sum, &x) in sums.iter_mut().zip(x.0.as_ref()) {
            *sum += x.into();
        }
        sums
    }

    #[inline(always)]
    fn total(self, mut sums: [f64; 16]) -> f64 {
        let mut apart = T::LANES / 2;
        while apart > 0 {
            let (near, far) = split_mut(&mut sums, apart);
            near.iter_mut().zip(&*far).for_each(|(sum, other)| *sum += other);
            apart /= 2;
        }
        sums[0]
    }
}

/// Copies 64 bytes by non-temporal stores, where every CPU of the target has them.
///
/// # Safety
/// `from` is readable, `to` writable for 64 bytes; `to` is aligned to 16.
#[inline(always)]
unsafe fn stream_64(from: *const u8, to: *mut u8) {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2", not(miri)))]
    for at in [0, 16, 32, 48] {
        use core::arch::x86_64::{_mm_loadu_si128, _mm_stream_si128};
        // SAFETY: promised by the caller; the target has SSE2.
        unsafe { _mm_stream_si128(to.add(at).cast(), _mm_loadu_si128(from.add(at).cast())) };
    }
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2", not(miri))))]
    // SAFETY: promised by the caller.
    unsafe {
        to.copy_from_nonoverlapping(from, 64)
    };
}
