//! The memory floor: loops without arithmetic over the arrays of a case.
//!
//! They read target and weights once, the logits and a field once per pass, and write the gradient, with
//! vectors as wide as those of the CPU level.

use segloss::cpu::Level;
use std::hint::black_box;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stores {
    Regular,
    /// Past the caches, without reading the lines first.
    NonTemporal,
}

/// The arrays that a case reads and writes. A remainder of less than a vector is left out.
#[derive(Debug)]
pub struct Traffic<'a> {
    pub passes: usize,
    /// Read once.
    pub once: Vec<&'a [u8]>,
    /// Read once per pass.
    pub each_pass: Vec<&'a [u8]>,
    /// Read once per pass; in the last one the gradient is written.
    pub logits: &'a [u8],
    pub gradient: &'a mut [u8],
}

impl Traffic<'_> {
    /// Halves, for two threads.
    pub fn split(self) -> [Self; 2] {
        let cut = |bytes: &[u8]| bytes.len() / 128 * 64;
        let halves = |all: Vec<_>| all.into_iter().map(|x: &[u8]| x.split_at(cut(x))).unzip();
        let ((once, rest_once), (each_pass, rest_each)) = (halves(self.once), halves(self.each_pass));
        let (logits, rest_logits) = self.logits.split_at(cut(self.logits));
        let (gradient, rest_gradient) = self.gradient.split_at_mut(cut(self.gradient));
        [
            Self { passes: self.passes, once, each_pass, logits, gradient },
            Self {
                passes: self.passes,
                once: rest_once,
                each_pass: rest_each,
                logits: rest_logits,
                gradient: rest_gradient,
            },
        ]
    }

    pub fn run(&mut self, level: Level, stores: Stores) {
        #[cfg(target_arch = "x86_64")]
        match level {
            // SAFETY: the CPU has the instructions of its level.
            Level::Avx512 => unsafe { vectors::avx512(self, stores) },
            // SAFETY: as above.
            Level::Avx2 => unsafe { vectors::avx2(self, stores) },
            Level::Baseline => vectors::sse2(self, stores),
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            let _ = level;
            vectors::scalar(self, stores);
        }
    }

    /// # Safety
    /// The CPU has the instructions of `V`.
    #[inline(always)]
    unsafe fn run_with<V: Vector>(&mut self, stores: Stores) {
        // SAFETY: the promise of the caller.
        unsafe {
            let mut sum = [V::zero(); 8];
            for array in &self.once {
                read(array, &mut sum);
            }
            for pass in 1..=self.passes {
                for array in &self.each_pass {
                    read(array, &mut sum);
                }
                if pass < self.passes {
                    read(self.logits, &mut sum);
                }
            }
            black_box(sum);
            match stores {
                Stores::Regular => write::<V>(self.logits, self.gradient, |to, x| x.store(to)),
                Stores::NonTemporal => write::<V>(self.logits, self.gradient, |to, x| x.stream(to)),
            }
            V::fence();
        }
    }
}

/// Reads bytes; returns once all have arrived.
pub fn read_all(bytes: &[u8], level: Level) {
    Traffic { passes: 1, once: vec![bytes], each_pass: vec![], logits: &[], gradient: &mut [] }
        .run(level, Stores::Regular);
}

/// Integers of a vector register. LLVM turns plain loops of this kind into sums across each register.
///
/// # Safety
/// Every function needs a CPU with the instructions of the type; addresses are readable, for `store` and `stream`
/// writable, and for `stream` aligned to the size of the vector.
trait Vector: Copy {
    unsafe fn zero() -> Self;
    unsafe fn load(from: *const Self) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn store(self, to: *mut Self);
    unsafe fn stream(self, to: *mut Self);
    /// Orders streamed vectors before what follows.
    unsafe fn fence();
}

/// Adds into eight sums, so that no addition waits for the one before.
///
/// # Safety
/// The CPU has the instructions of `V`.
#[inline(always)]
unsafe fn read<V: Vector>(bytes: &[u8], sum: &mut [V; 8]) {
    let vectors = bytes.as_ptr().cast::<V>();
    let count = bytes.len() / size_of::<V>();
    // SAFETY: indices are below `count`, which the slice holds; the promise of the caller.
    unsafe {
        for first in (0..count / 8 * 8).step_by(8) {
            for (k, sum) in sum.iter_mut().enumerate() {
                *sum = sum.add(V::load(vectors.add(first + k)));
            }
        }
        for k in count / 8 * 8..count {
            sum[0] = sum[0].add(V::load(vectors.add(k)));
        }
    }
}

/// # Safety
/// The CPU has the instructions of `V`; `to` is aligned if `put` needs that.
#[inline(always)]
unsafe fn write<V: Vector>(from: &[u8], to: &mut [u8], put: impl Fn(*mut V, V)) {
    let count = from.len().min(to.len()) / size_of::<V>();
    let (from, to) = (from.as_ptr().cast::<V>(), to.as_mut_ptr().cast::<V>());
    // SAFETY: indices are below `count`, which both slices hold; the promise of the caller.
    unsafe {
        for k in 0..count {
            let x = V::load(from.add(k));
            put(to.add(k), x.add(x));
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod vectors {
    use super::{Stores, Traffic, Vector};
    use std::arch::x86_64::*;

    macro_rules! vector {
        ($vector:ty: $zero:ident, $load:ident, $add:ident, $store:ident, $stream:ident) => {
            impl Vector for $vector {
                #[inline(always)]
                unsafe fn zero() -> Self {
                    // SAFETY: the promise of the caller, as in all functions below.
                    unsafe { $zero() }
                }
                #[inline(always)]
                unsafe fn load(from: *const Self) -> Self {
                    // SAFETY: as above.
                    unsafe { $load(from) }
                }
                #[inline(always)]
                unsafe fn add(self, other: Self) -> Self {
                    // SAFETY: as above.
                    unsafe { $add(self, other) }
                }
                #[inline(always)]
                unsafe fn store(self, to: *mut Self) {
                    // SAFETY: as above.
                    unsafe { $store(to, self) }
                }
                #[inline(always)]
                unsafe fn stream(self, to: *mut Self) {
                    // SAFETY: as above.
                    unsafe { $stream(to, self) }
                }
                #[inline(always)]
                unsafe fn fence() {
                    // SAFETY: SSE is part of x86-64.
                    unsafe { _mm_sfence() };
                }
            }
        };
    }

    vector!(__m512i: _mm512_setzero_si512, _mm512_loadu_si512, _mm512_add_epi32, _mm512_storeu_si512,
        _mm512_stream_si512);
    vector!(__m256i: _mm256_setzero_si256, _mm256_loadu_si256, _mm256_add_epi32, _mm256_storeu_si256,
        _mm256_stream_si256);
    vector!(__m128i: _mm_setzero_si128, _mm_loadu_si128, _mm_add_epi32, _mm_storeu_si128, _mm_stream_si128);

    #[target_feature(enable = "avx512f")]
    pub fn avx512(traffic: &mut Traffic<'_>, stores: Stores) {
        // SAFETY: the instructions are those of this function.
        unsafe { traffic.run_with::<__m512i>(stores) }
    }

    #[target_feature(enable = "avx2")]
    pub fn avx2(traffic: &mut Traffic<'_>, stores: Stores) {
        // SAFETY: as above.
        unsafe { traffic.run_with::<__m256i>(stores) }
    }

    pub fn sse2(traffic: &mut Traffic<'_>, stores: Stores) {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { traffic.run_with::<__m128i>(stores) }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod vectors {
    use super::{Stores, Traffic, Vector};

    impl Vector for [u32; 4] {
        #[inline(always)]
        unsafe fn zero() -> Self {
            [0; 4]
        }
        #[inline(always)]
        unsafe fn load(from: *const Self) -> Self {
            // SAFETY: the promise of the caller.
            unsafe { from.read_unaligned() }
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            std::array::from_fn(|k| self[k].wrapping_add(other[k]))
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut Self) {
            // SAFETY: the promise of the caller.
            unsafe { to.write_unaligned(self) }
        }
        /// A regular store.
        #[inline(always)]
        unsafe fn stream(self, to: *mut Self) {
            // SAFETY: the promise of the caller.
            unsafe { self.store(to) }
        }
        #[inline(always)]
        unsafe fn fence() {}
    }

    pub fn scalar(traffic: &mut Traffic<'_>, stores: Stores) {
        // SAFETY: every CPU has these instructions.
        unsafe { traffic.run_with::<[u32; 4]>(stores) }
    }
}
