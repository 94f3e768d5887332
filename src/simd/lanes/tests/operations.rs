//! Arithmetic, comparisons and masks, lane by lane.

use super::{Reference, on_every_set};
use crate::simd::lanes::{LaneKernel, Lanes, Scalar, Vector};
use std::vec::Vec;

/// An operation on up to three vectors. A mask is seen by what it selects.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Add,
    Sub,
    Mul,
    Div,
    Neg,
    MulAdd,
    NegMulAdd,
    Sqrt,
    Min,
    Max,
    Abs,
    Reciprocal,
    Lt,
    NotLt,
    Le,
    Eq,
    And,
    Or,
    Not,
    Select,
    Keep,
    UpperHalf,
}

use Operation::*;

const ALL: [Operation; 22] = [
    Add, Sub, Mul, Div, Neg, MulAdd, NegMulAdd, Sqrt, Min, Max, Abs, Reciprocal, Lt, NotLt, Le, Eq, And, Or,
    Not, Select, Keep, UpperHalf,
];

impl Operation {
    #[inline(always)]
    fn of_vectors<T: Scalar, S: Lanes<T>>(self, s: S, [a, b, c]: [Vector<T, S>; 3]) -> Vector<T, S> {
        match self {
            Add => a + b,
            Sub => a - b,
            Mul => a * b,
            Div => a / b,
            Neg => -a,
            MulAdd => s.mul_add(a, b, c),
            NegMulAdd => s.neg_mul_add(a, b, c),
            Sqrt => s.sqrt(a),
            Min => s.min(a, b),
            Max => s.max(a, b),
            Abs => s.abs(a),
            Reciprocal => s.reciprocal(a),
            Lt => s.select(s.lt(a, b), c, a),
            NotLt => s.select(s.not_lt(a, b), c, a),
            Le => s.select(s.le(a, b), c, a),
            Eq => s.select(s.eq(a, b), c, a),
            And => s.select(s.lt(a, b) & s.lt(b, c), c, a),
            Or => s.select(s.lt(a, b) | s.lt(b, c), c, a),
            Not => s.select(!s.lt(a, b), c, a),
            Select => s.select(s.le(b, a), b, c),
            Keep => s.keep(s.le(b, a), c),
            UpperHalf => s.upper_half(a),
        }
    }

    fn of_scalars<T: Reference>(self, fused: bool, [a, b, c]: [T; 3]) -> T {
        match self {
            Add => a + b,
            Sub => a - b,
            Mul => a * b,
            Div => a / b,
            Neg => -a,
            MulAdd if fused => a.fused(b, c),
            MulAdd => a * b + c,
            NegMulAdd if fused => (-a).fused(b, c),
            NegMulAdd => c - a * b,
            Sqrt => a.root(),
            Min if a < b => a,
            Max if a > b => a,
            Min | Max => b,
            Abs => a.absolute(),
            Reciprocal => T::ONE / a,
            Lt if a < b => c,
            Le if a <= b => c,
            Eq if a == b => c,
            And if a < b && b < c => c,
            Or if a < b || b < c => c,
            Not | NotLt if !(a < b) => c,
            Lt | NotLt | Le | Eq | And | Or | Not => a,
            Select if b <= a => b,
            Keep if !(b <= a) => T::ZERO,
            Select | Keep => c,
            UpperHalf => T::from_bits_of(a.bits_of() & T::UPPER_HALF.bits_of()),
        }
    }
}

/// Applies an operation to rows.
#[derive(Clone)]
struct Apply<'a, T> {
    operation: Operation,
    rows: [&'a [T]; 3],
}

impl<T: Reference> LaneKernel<T> for Apply<'_, T> {
    /// Whether `mul_add` is fused, and the results.
    type Output = (bool, Vec<T>);

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) -> Self::Output {
        let mut results = std::vec![T::ZERO; self.rows[0].len()];
        for at in (0..results.len()).step_by(T::LANES) {
            let operands = self.rows.map(|row| s.load_row(&row[at..]));
            s.store_row(&mut results[at..], self.operation.of_vectors(s, operands));
        }
        (S::FUSED, results)
    }
}

/// All pairs of special numbers, each with another third number; then random ones.
fn operands<T: Reference>() -> [Vec<T>; 3] {
    let special = T::numbers(0);
    let mut rows = [(); 3].map(|()| Vec::new());
    for (i, &a) in special.iter().enumerate() {
        for (j, &b) in special.iter().enumerate() {
            let triple = [a, b, special[(7 * i + 5 * j) % special.len()]];
            rows.iter_mut().zip(triple).for_each(|(row, x)| row.push(x));
        }
    }
    let random = T::numbers(9_001);
    for (skip, row) in rows.iter_mut().enumerate() {
        row.extend(random.iter().cycle().skip(1_000 * skip).take(random.len()));
    }
    rows
}

fn check<T: Reference>(fuses: bool) {
    let rows = operands::<T>();
    let rows = [&rows[0][..], &rows[1], &rows[2]];
    for operation in ALL {
        for (level, fused, (is_fused, results)) in on_every_set(Apply { operation, rows }) {
            assert_eq!(is_fused, fused && fuses);
            for (i, &result) in results.iter().enumerate() {
                let operands = rows.map(|row| row[i]);
                let expected = operation.of_scalars(is_fused, operands);
                assert!(
                    result.is_same_as(expected),
                    "{operation:?} {level:?} fused {fused} of {operands:?}: {result:?}, not {expected:?}"
                );
            }
        }
    }
}

#[test]
fn operations_on_f32_have_the_bits_of_scalar_code() {
    check::<f32>(true);
}

#[test]
fn operations_on_f64_have_the_bits_of_scalar_code_and_are_never_fused() {
    check::<f64>(false);
}

/// Masks of the first lanes as bits, with what is computed from them.
#[derive(Clone)]
struct Masks;

impl<T: Scalar> LaneKernel<T> for Masks {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let every = u32::MAX >> (32 - T::LANES);
        for count in [0, 1, 2, 7, 8, 9, 15, 16, 17, 300, usize::MAX] {
            let mask = s.first(count);
            let bits = every & ((1u64 << count.min(16)) - 1) as u32;
            assert_eq!((s.bits(mask), s.bits(!mask)), (bits, every ^ bits), "{count}");
            assert_eq!(
                (s.any(mask), s.all(mask), s.count(mask)),
                (bits != 0, bits == every, bits.count_ones())
            );
        }
        // Lanes on either side of the middle of a vector.
        for lane in 0..T::LANES {
            let mask = s.first(lane + 1) & !s.first(lane);
            assert_eq!((s.bits(mask), s.any(mask), s.all(mask)), (1 << lane, true, false));
        }
    }
}

#[test]
fn masks_are_counted_and_tested() {
    on_every_set::<f32, _>(Masks);
    on_every_set::<f64, _>(Masks);
}
