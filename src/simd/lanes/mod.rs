//! Vectors of 64 bytes: one trait, one file per instruction set, the same lanes everywhere.
//!
//! A kernel is written once, generic over [`Lanes`], and [`dispatch()`] compiles it for every CPU level:
//!
//! ```
//! use segloss::cpu::lanes::elementary::exp_nonpositive;
//! use segloss::cpu::lanes::{LaneKernel, Lanes, Scalar, dispatch};
//!
//! /// Softmax of two classes, in place.
//! struct Softmax2<'a> {
//!     a: &'a mut [f32],
//!     b: &'a mut [f32],
//! }
//!
//! impl LaneKernel<f32> for Softmax2<'_> {
//!     type Output = ();
//!
//!     #[inline(always)]
//!     fn run<S: Lanes<f32>>(self, s: S) {
//!         for (a, b) in f32::lines_mut(self.a).0.iter_mut().zip(f32::lines_mut(self.b).0) {
//!             let (x, y) = (s.from_line(a), s.from_line(b));
//!             let largest = s.max(x, y);
//!             let [x, y] = exp_nonpositive(s, [x - largest, y - largest]);
//!             let inverse = s.reciprocal(x + y);
//!             *a = s.to_line(x * inverse);
//!             *b = s.to_line(y * inverse);
//!         }
//!     }
//! }
//!
//! let (mut a, mut b) = ([0.0; 256], [1.0; 256]);
//! dispatch(Softmax2 { a: &mut a, b: &mut b });
//! assert!((b[255] - 0.731_058_6).abs() < 1e-7 && (a[255] + b[255] - 1.0).abs() < 1e-7);
//! ```
//!
//! # Why 16 lanes of f32 at every level
//!
//! A vector is one cache line: 16 f32 or 8 f64, whatever the width of the registers. AVX-512 holds it in one register,
//! AVX2 in two, SSE2 and NEON in four. Nothing in the interface depends on the width of the registers, so code that is
//! generic over [`Lanes`] cannot depend on it either: partial sums, products of logarithms and tails are grouped in the
//! same way at every level and have the same bits. With vectors of the native width every kernel would have to group
//! its sums by hand, and a mistake would show on other CPUs only.
//!
//! The registers of a vector are independent chains of operations, which a CPU with narrow registers needs in any case.
//! The drawback is register pressure: the 16 registers of AVX2 hold 8 vectors. Cross entropy over four classes has 20
//! spills in 362 instructions there, and none at AVX-512 (value and gradient of a vector of voxels, Rust 1.95). A loop
//! should keep at most six vectors alive and load again what is in the first-level cache. [`Lanes::IN_STEP`] limits the
//! registers for exponentials.
//!
//! # Fused or split
//!
//! [`Lanes::mul_add`] and [`Lanes::neg_mul_add`] are the only operations whose result depends on the instruction set.
//! [`Lanes::FUSED`] says how:
//!
//! | | f32 | f64 |
//! | --- | --- | --- |
//! | AVX-512, AVX2, AArch64 | fused: rounded once | split: rounded twice |
//! | others: SSE2, wasm, soft float | split | split |
//!
//! All other operations are rounded correctly or move bits, and Rust never contracts `a * b + c`. Instruction sets of
//! one kind therefore give the same bits; between the kinds the last bit of some results differs. Every token exists in
//! both kinds (`Avx512<true>`, `Avx512<false>`), so that tests compare all fused instruction sets with
//! [`Portable<true>`](Portable) and all split ones with [`Portable<false>`](Portable).
//!
//! # Special values
//!
//! Comparisons with NaN are false. [`Lanes::max`] and [`Lanes::min`] return the second operand if either is NaN, as the
//! instructions of x86 do: `max(floor, x)` returns a NaN in `x`. The sign and the payload of a NaN are unspecified.
//!
//! # Safety
//!
//! A token, such as [`Portable`] or `Avx512`, is the proof that the CPU has the instructions: it comes from
//! [`dispatch()`], from `detect()`, or from an `unsafe` constructor. Vectors come from tokens. Arithmetic methods and
//! operators are therefore safe. Memory is accessed safely by lines and rows, or by pointers in `unsafe` methods, which
//! state what the caller promises.
//!
//! Intrinsics have target features, which the methods of a trait cannot have. Every method is `#[inline(always)]`, so
//! that its intrinsics end up in one of the functions of `dispatch.rs`, which have the features. A helper of a kernel
//! must be `#[inline(always)]` too: in a function that remains a call, each intrinsic is a call as well, a hundred
//! times as slow. Closures cannot be inlined by attribute; hot loops do without.
//!
//! # A new instruction set
//!
//! 1. A file with a token, types for vectors and masks, and [`Lanes`] for f32 and f64. The methods without a body are
//!    required. The others are right for every instruction set; replace those for which there is an instruction.
//! 2. A function with its target features in `dispatch.rs`, and its level in [`dispatch()`] and [`dispatch_at`].
//! 3. Nothing in the tests: they run every method at every level, and compare it with scalar code bit by bit.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
pub mod elementary;
mod interface;
#[cfg(target_arch = "x86_64")]
mod operators;
mod portable;
mod portable_number;
mod scalar;
mod tails;
#[cfg(test)]
mod tests;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
pub use dispatch::{InstructionSet, LaneKernel, Vectorized, dispatch, dispatch_at};
pub use elementary::LogProduct;
pub use interface::{Lanes, PowerOfTwo, Vector};
pub use portable::Portable;
pub use scalar::{LnSeries, Scalar};
pub use tails::{padded, store_head};
