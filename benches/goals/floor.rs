//! The memory floor: loops without arithmetic over the arrays of a case.
//!
//! They read target, weights and labels once, the logits once per pass and write the gradient, with vectors as wide as
//! those of the CPU level.

use segloss::cpu::Level;
use std::hint::black_box;

/// 64 bytes.
type Line = [u64; 8];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stores {
    Regular,
    /// Past the caches, without reading the lines first.
    NonTemporal,
}

/// The arrays that a case reads and writes. A remainder of less than 64 bytes is left out.
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
        match (level, stores) {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the CPU has the instructions of its level.
            (Level::Avx512, _) => unsafe { x86_64::avx512(self, stores) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            (Level::Avx2, _) => unsafe { x86_64::avx2(self, stores) },
            #[cfg(target_arch = "x86_64")]
            (_, Stores::NonTemporal) => x86_64::sse2(self),
            _ => self.run_with(|to, line| *to = line),
        }
    }

    #[inline(always)]
    fn run_with(&mut self, write: impl Fn(&mut Line, Line)) {
        let mut sum = [[0; 8]; 4];
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
        let (from, to) = (lines(self.logits), lines_mut(self.gradient));
        for (from, to) in from.iter().zip(to) {
            write(to, from.map(|x| x + 1));
        }
        black_box(sum);
    }
}

/// Reads bytes; returns once all have arrived.
pub fn read_all(bytes: &[u8], level: Level) {
    Traffic { passes: 1, once: vec![bytes], each_pass: vec![], logits: &[], gradient: &mut [] }
        .run(level, Stores::Regular);
}

/// Adds into four sums, so that no addition waits for the one before.
#[inline(always)]
fn read(bytes: &[u8], sum: &mut [Line; 4]) {
    let (blocks, rest) = lines(bytes).as_chunks::<4>();
    for block in blocks {
        for (sum, line) in sum.iter_mut().zip(block) {
            add(sum, line);
        }
    }
    for line in rest {
        add(&mut sum[0], line);
    }
}

#[inline(always)]
fn add(sum: &mut Line, line: &Line) {
    for (sum, x) in sum.iter_mut().zip(line) {
        *sum = sum.wrapping_add(*x);
    }
}

fn lines(bytes: &[u8]) -> &[Line] {
    // SAFETY: every bit pattern is a line.
    unsafe { bytes.align_to().1 }
}

fn lines_mut(bytes: &mut [u8]) -> &mut [Line] {
    // SAFETY: every bit pattern is a line, and the bytes of a line are bytes.
    unsafe { bytes.align_to_mut().1 }
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::{Line, Stores, Traffic};
    use std::arch::x86_64::{
        __m128i, __m256i, __m512i, _mm_sfence, _mm_stream_si128, _mm256_stream_si256, _mm512_stream_si512,
    };
    use std::mem::transmute;

    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    pub fn avx512(traffic: &mut Traffic<'_>, stores: Stores) {
        match stores {
            Stores::Regular => traffic.run_with(|to, line| *to = line),
            // SAFETY: the arrays of the gradient are aligned to 64 bytes, and so are their lines.
            Stores::NonTemporal => traffic.run_with(|to, line| unsafe {
                _mm512_stream_si512((&raw mut *to).cast(), transmute::<Line, __m512i>(line));
            }),
        }
        _mm_sfence();
    }

    #[target_feature(enable = "avx2")]
    pub fn avx2(traffic: &mut Traffic<'_>, stores: Stores) {
        match stores {
            Stores::Regular => traffic.run_with(|to, line| *to = line),
            Stores::NonTemporal => traffic.run_with(|to, line| {
                // SAFETY: a line is two vectors.
                let vectors = unsafe { transmute::<Line, [__m256i; 2]>(line) };
                let to: *mut __m256i = (&raw mut *to).cast();
                for (k, vector) in vectors.into_iter().enumerate() {
                    // SAFETY: as above, and half a line is 32 bytes.
                    unsafe { _mm256_stream_si256(to.add(k), vector) };
                }
            }),
        }
        _mm_sfence();
    }

    pub fn sse2(traffic: &mut Traffic<'_>) {
        traffic.run_with(|to, line| {
            // SAFETY: a line is four vectors.
            let vectors = unsafe { transmute::<Line, [__m128i; 4]>(line) };
            let to: *mut __m128i = (&raw mut *to).cast();
            for (k, vector) in vectors.into_iter().enumerate() {
                // SAFETY: SSE2 is part of x86-64; as above, and a quarter of a line is 16 bytes.
                unsafe { _mm_stream_si128(to.add(k), vector) };
            }
        });
        // SAFETY: SSE is part of x86-64.
        unsafe { _mm_sfence() };
    }
}
