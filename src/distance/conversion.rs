//! Conversion of squared distances to the output in the last pass: root, scale, sign and stores.

use crate::array::real::Real;
use crate::distance::output_buffer::TileRows;
use crate::distance::root::SquareRoot;
use crate::distance::store::store;

/// Parameters of the conversion.
#[derive(Clone, Copy)]
pub struct Conversion {
    /// Factor of the distances; squared distances are multiplied by its square.
    pub scale: f64,
    /// Write squared distances.
    pub squared: bool,
    /// Negate the values of inside voxels.
    pub signed: bool,
    /// Use non-temporal stores, because the output is larger than the caches.
    pub non_temporal: bool,
}

impl Conversion {
    /// Returns the output value of one squared distance.
    pub fn value(self, square: f64, inside: bool) -> f64 {
        let value =
            if self.squared { square * (self.scale * self.scale) } else { Real::sqrt(square) * self.scale };
        if self.signed && inside { -value } else { value }
    }

    /// Writes the rows of a tile. `inside` returns the inside bits of a row and is called once per row, immediately
    /// before the row is written.
    ///
    /// # Safety
    /// The rows lie in the buffer, and no other thread accesses them.
    #[inline(always)]
    pub unsafe fn write_rows<D: SquareRoot, const N: usize>(
        self,
        rows: &[[D; N]],
        inside: impl FnMut(usize) -> u64,
        location: TileRows,
    ) {
        let Self { scale, .. } = self;
        let squared_scale = scale * scale;
        // One loop per formula: with the formulas in one loop LLVM splits the vectors to move them across branches.
        // SAFETY: as promised by the caller.
        unsafe {
            match (location.buffer.element, self.squared) {
                (8, false) => self.write_rows_f64(
                    rows,
                    inside,
                    location,
                    #[inline(always)]
                    |square| Real::sqrt(square.widened()) * scale,
                ),
                (8, true) => self.write_rows_f64(
                    rows,
                    inside,
                    location,
                    #[inline(always)]
                    |square| square.widened() * squared_scale,
                ),
                (_, true) => self.write_rows_f32(
                    rows,
                    inside,
                    location,
                    #[inline(always)]
                    |row| row.map(|square| (square.widened() * squared_scale) as f32),
                ),
                // A closure, because a function passed by name is compiled for the baseline instruction set.
                _ if scale == 1.0 => self.write_rows_f32(
                    rows,
                    inside,
                    location,
                    #[inline(always)]
                    |row| D::roots(row),
                ),
                _ => self.write_rows_f32(
                    rows,
                    inside,
                    location,
                    #[inline(always)]
                    |row| row.map(|square| (Real::sqrt(square.widened()) * scale) as f32),
                ),
            }
        }
    }

    /// # Safety
    /// As for `write_rows`.
    #[inline(always)]
    unsafe fn write_rows_f32<D: SquareRoot, const N: usize>(
        self,
        rows: &[[D; N]],
        mut inside: impl FnMut(usize) -> u64,
        location: TileRows,
        values: impl Fn(&[D; N]) -> [f32; N],
    ) {
        for (row, y) in rows.iter().zip(0..) {
            let inside = inside(y);
            let inside = if self.signed { inside } else { 0 };
            let halves = [inside as u32, (inside >> 32) as u32];
            let values = values(row);
            let mut out = [0; N];
            for i in 0..N {
                out[i] = values[i].to_bits() ^ (halves[i / 32] >> (i % 32)) << 31;
            }
            // SAFETY: as promised by the caller.
            unsafe { store(&out, location, y, self.non_temporal) };
        }
    }

    /// # Safety
    /// As for `write_rows`.
    #[inline(always)]
    unsafe fn write_rows_f64<D: SquareRoot, const N: usize>(
        self,
        rows: &[[D; N]],
        mut inside: impl FnMut(usize) -> u64,
        location: TileRows,
        value: impl Fn(D) -> f64,
    ) {
        for (row, y) in rows.iter().zip(0..) {
            let inside = inside(y);
            let inside = if self.signed { inside } else { 0 };
            let mut out = [0; N];
            for i in 0..N {
                out[i] = value(row[i]).to_bits() ^ (inside >> i) << 63;
            }
            // SAFETY: as promised by the caller.
            unsafe { store(&out, location, y, self.non_temporal) };
        }
    }
}
