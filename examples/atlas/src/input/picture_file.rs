//! Pictures: PNG, of which labels keep the stored numbers, grey levels or indices of a palette.

use crate::Result;
use png::{ColorType, Decoder};
use std::io::Cursor;

pub const SIGNATURE: &[u8] = b"\x89PNG";

pub struct Picture {
    pub rows: usize,
    pub columns: usize,
    /// The stored numbers, row by row, without alpha.
    pub channels: Vec<Vec<u16>>,
}

impl Picture {
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let mut reader = Decoder::new(Cursor::new(bytes)).read_info()?;
        let (colour, depth) = reader.output_color_type();
        let mut packed = vec![0; reader.output_buffer_size().ok_or("too large for the address space")?];
        let info = reader.next_frame(&mut packed)?;
        let (rows, columns) = (info.height as usize, info.width as usize);
        let samples = colour.samples();
        let depth = depth as usize;
        let mut channels = vec![Vec::with_capacity(rows * columns); samples];
        for line in packed[..rows * info.line_size].chunks(info.line_size) {
            for (at, channel) in (0..columns * samples).zip((0..samples).cycle()) {
                channels[channel].push(sample(line, at, depth));
            }
        }
        let has_alpha = matches!(colour, ColorType::GrayscaleAlpha | ColorType::Rgba);
        channels.truncate(samples - usize::from(has_alpha));
        Ok(Self { rows, columns, channels })
    }

    /// The labels: the only channel, or three equal ones.
    pub fn labels(&self) -> Result<Vec<u16>> {
        let first = &self.channels[0];
        if self.channels.iter().any(|channel| channel != first) {
            return Err("a picture in colours (expected labels: grey levels or a palette)".into());
        }
        Ok(first.clone())
    }

    /// The mean of the channels.
    pub fn brightness(&self) -> impl Iterator<Item = f64> + '_ {
        let mean = |at: usize| self.channels.iter().map(|channel| f64::from(channel[at])).sum::<f64>();
        (0..self.rows * self.columns).map(move |at| mean(at) / self.channels.len() as f64)
    }
}

/// A number of 1, 2, 4, 8 or 16 bits in a line, the first in the highest bits.
fn sample(line: &[u8], at: usize, bits: usize) -> u16 {
    if bits == 16 {
        return u16::from_be_bytes([line[2 * at], line[2 * at + 1]]);
    }
    let byte = line[at * bits / 8];
    let shift = 8 - bits - at * bits % 8;
    u16::from(byte >> shift) & ((1 << bits) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_less_than_a_byte() {
        assert_eq!([0, 1, 7, 8].map(|at| sample(&[0b0100_0001, 0x80], at, 1)), [0, 1, 1, 1]);
        assert_eq!([0, 1, 2, 3].map(|at| sample(&[0b0110_1101], at, 2)), [1, 2, 3, 1]);
        assert_eq!([0, 1, 2].map(|at| sample(&[0x5a, 0xc0], at, 4)), [5, 10, 12]);
        assert_eq!(sample(&[1, 2, 3, 4], 1, 16), 0x304);
    }
}
