//! Writes f32 maps as .nii.gz: NIfTI-1, or NIfTI-2 where an extent exceeds i16.

use super::Affine;
use crate::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{BufWriter, Write};
use std::path::Path;

const F32_CODE: i16 = 16;
const MILLIMETRES: u8 = 2;

/// A header as bytes, in the byte order of x86.
struct Fields(Vec<u8>);

impl Fields {
    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn put_all<const N: usize>(&mut self, at: usize, numbers: impl IntoIterator<Item = [u8; N]>) {
        numbers.into_iter().enumerate().for_each(|(k, bytes)| self.put(at + k * N, &bytes));
    }
}

/// `values` has the first axis fastest; `spacing` holds one number for each of the first axes.
pub fn write(
    path: &Path,
    extents: &[usize],
    spacing: &[f64],
    affine: Option<&Affine>,
    values: &[f32],
) -> Result<()> {
    let header = if extents.iter().all(|&extent| extent <= i16::MAX as usize) {
        nifti_1(extents, spacing, affine)
    } else {
        nifti_2(extents, spacing, affine)
    };
    let write = || -> Result<()> {
        let file = BufWriter::new(std::fs::File::create(path)?);
        let mut out = BufWriter::new(GzEncoder::new(file, Compression::fast()));
        out.write_all(&header.0)?;
        values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))?;
        Ok(out.into_inner().map_err(std::io::IntoInnerError::into_error)?.finish()?.flush()?)
    };
    write().map_err(|error| format!("{}: {error}", path.display()).into())
}

/// The number of axes, then the extents; 1 beyond the axes.
fn dimensions(extents: &[usize]) -> [usize; 8] {
    std::array::from_fn(|k| if k == 0 { extents.len() } else { extents.get(k - 1).copied().unwrap_or(1) })
}

fn widths(spacing: &[f64]) -> [f64; 8] {
    std::array::from_fn(|k| if k == 0 { 1.0 } else { spacing.get(k - 1).copied().unwrap_or(1.0) })
}

fn nifti_1(extents: &[usize], spacing: &[f64], affine: Option<&Affine>) -> Fields {
    let mut fields = Fields(vec![0; 352]);
    fields.put(0, &348i32.to_le_bytes());
    fields.put_all(40, dimensions(extents).map(|extent| (extent as i16).to_le_bytes()));
    fields.put(70, &F32_CODE.to_le_bytes());
    fields.put(72, &32i16.to_le_bytes());
    fields.put_all(76, widths(spacing).map(|width| (width as f32).to_le_bytes()));
    fields.put(108, &352f32.to_le_bytes());
    fields.put(112, &1f32.to_le_bytes());
    fields.put(123, &[MILLIMETRES]);
    if let Some(rows) = affine {
        fields.put(254, &1i16.to_le_bytes());
        fields.put_all(280, rows.iter().flatten().map(|&x| (x as f32).to_le_bytes()));
    }
    fields.put(344, b"n+1\0");
    fields
}

fn nifti_2(extents: &[usize], spacing: &[f64], affine: Option<&Affine>) -> Fields {
    let mut fields = Fields(vec![0; 544]);
    fields.put(0, &540i32.to_le_bytes());
    fields.put(4, b"n+2\0\r\n\x1a\n");
    fields.put(12, &F32_CODE.to_le_bytes());
    fields.put(14, &32i16.to_le_bytes());
    fields.put_all(16, dimensions(extents).map(|extent| (extent as i64).to_le_bytes()));
    fields.put_all(104, widths(spacing).map(f64::to_le_bytes));
    fields.put(168, &544i64.to_le_bytes());
    fields.put(176, &1f64.to_le_bytes());
    if let Some(rows) = affine {
        fields.put(348, &1i32.to_le_bytes());
        fields.put_all(400, rows.iter().flatten().map(|x| x.to_le_bytes()));
    }
    fields.put(500, &i32::from(MILLIMETRES).to_le_bytes());
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nifti::Header;

    #[test]
    fn both_versions_are_read_as_they_were_written() {
        let affine = [[-2.0, 0.0, 0.0, 5.0], [0.0, 0.5, 0.0, -6.0], [0.0, 0.0, 3.0, 7.0]];
        let (extents, spacing) = ([4, 5, 6, 3], [2.0, 0.5, 3.0]);
        for fields in [nifti_1(&extents, &spacing, Some(&affine)), nifti_2(&extents, &spacing, Some(&affine))]
        {
            let header = Header::read(&fields.0).unwrap();
            assert_eq!(header.extents, extents);
            assert_eq!(header.spacing, [2.0, 0.5, 3.0, 1.0]);
            assert_eq!(header.affine, Some(affine));
            assert_eq!(header.offset, fields.0.len());
        }
    }
}
