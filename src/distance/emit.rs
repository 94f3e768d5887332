//! The last pass's output: root, unit and sign, and how they reach memory.

use crate::distance::canvas::OutputBuffer;
use crate::distance::root::Root;
use crate::distance::store::store;
use crate::simd::math::Math;

/// How squares become outputs.
#[derive(Clone, Copy)]
pub struct Conversion {
    /// Unit of the distances; of the squares its square.
    pub scale: f64,
    /// Leave out the root.
    pub squared: bool,
    /// Inside is negative.
    pub signed: bool,
    /// Go past the cache: the output is larger than any.
    pub stream: bool,
}

/// Where the rows of a tile go.
#[derive(Clone, Copy)]
pub struct Placement {
    pub canvas: OutputBuffer,
    /// The voxel of the first lane of the first row.
    pub first: usize,
    /// Voxels from a row to the next.
    pub pitch: usize,
    /// Lanes that are voxels.
    pub width: usize,
}

impl Conversion {
    /// One output, of a square.
    pub fn value(self, square: f64, inside: bool) -> f64 {
        let value =
            if self.squared { square * (self.scale * self.scale) } else { Math::sqrt(square) * self.scale };
        if self.signed && inside { -value } else { value }
    }

    /// Writes the rows of a tile; `sides` is asked for the word of each when it is about to be written.
    ///
    /// # Safety
    /// The rows lie in the canvas, and nobody else touches them.
    #[inline(always)]
    pub unsafe fn rows<C: Root, const N: usize>(
        self,
        rows: &[[C; N]],
        sides: impl FnMut(usize) -> u64,
        place: Placement,
    ) {
        let Self { scale, .. } = self;
        let unit = scale * scale;
        // One loop for each formula: where two meet, LLVM takes vectors apart to carry them over.
        // SAFETY: promised by the caller.
        unsafe {
            match (place.canvas.element, self.squared) {
                (8, false) => self.rows64(
                    rows,
                    sides,
                    place,
                    #[inline(always)]
                    |cell| Math::sqrt(cell.square64()) * scale,
                ),
                (8, true) => self.rows64(
                    rows,
                    sides,
                    place,
                    #[inline(always)]
                    |cell| cell.square64() * unit,
                ),
                (_, true) => self.rows32(
                    rows,
                    sides,
                    place,
                    #[inline(always)]
                    |row| row.map(|cell| (cell.square64() * unit) as f32),
                ),
                // A function that is passed on is compiled for the baseline.
                _ if scale == 1.0 => self.rows32(
                    rows,
                    sides,
                    place,
                    #[inline(always)]
                    |row| C::roots(row),
                ),
                _ => self.rows32(
                    rows,
                    sides,
                    place,
                    #[inline(always)]
                    |row| row.map(|cell| (Math::sqrt(cell.square64()) * scale) as f32),
                ),
            }
        }
    }

    /// # Safety
    /// As for `rows`.
    #[inline(always)]
    unsafe fn rows32<C: Root, const N: usize>(
        self,
        rows: &[[C; N]],
        mut sides: impl FnMut(usize) -> u64,
        place: Placement,
        values: impl Fn(&[C; N]) -> [f32; N],
    ) {
        for (row, y) in rows.iter().zip(0..) {
            let sides = sides(y);
            let sides = if self.signed { sides } else { 0 };
            let halves = [sides as u32, (sides >> 32) as u32];
            let values = values(row);
            let mut out = [0; N];
            for i in 0..N {
                out[i] = values[i].to_bits() ^ (halves[i / 32] >> (i % 32)) << 31;
            }
            // SAFETY: promised by the caller.
            unsafe { store(&out, place, y, self.stream) };
        }
    }

    /// # Safety
    /// As for `rows`.
    #[inline(always)]
    unsafe fn rows64<C: Root, const N: usize>(
        self,
        rows: &[[C; N]],
        mut sides: impl FnMut(usize) -> u64,
        place: Placement,
        value: impl Fn(C) -> f64,
    ) {
        for (row, y) in rows.iter().zip(0..) {
            let sides = sides(y);
            let sides = if self.signed { sides } else { 0 };
            let mut out = [0; N];
            for i in 0..N {
                out[i] = value(row[i]).to_bits() ^ (sides >> i) << 63;
            }
            // SAFETY: promised by the caller.
            unsafe { store(&out, place, y, self.stream) };
        }
    }
}
