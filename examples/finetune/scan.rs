//! The scan under `examples/data`, and a simulation of the same head on another scanner.

use flate2::read::GzDecoder;
use std::io::{Error, Read, Result};
use std::path::Path;

/// A volume of intensities and tissues, `[slices, rows, columns]`.
pub struct Scan {
    pub extents: [usize; 3],
    pub image: Vec<u8>,
    pub labels: Vec<u8>,
}

impl Scan {
    pub fn open(folder: &Path) -> Result<Self> {
        let (extents, image) = read(&folder.join("mni152_t1_2mm.nii.gz"))?;
        let (of_labels, labels) = read(&folder.join("mni152_tissue_2mm.nii.gz"))?;
        assert_eq!(extents, of_labels);
        Ok(Self { extents, image, labels })
    }

    /// Simulates a coil behind the first row, whose signal falls to one half towards the last row.
    pub fn faded(&self) -> Self {
        let [_, rows, columns] = self.extents;
        let fade = |(at, &value): (usize, &u8)| {
            let row = at / columns % rows;
            (usize::from(value) * (2 * rows - row) / (2 * rows)) as u8
        };
        let image = self.image.iter().enumerate().map(fade).collect();
        Self { extents: self.extents, image, labels: self.labels.clone() }
    }

    /// Two slices that fit a microcontroller: one to tune on and, 8 mm above it, one to test on.
    pub fn two_slices(&self) -> [Self; 2] {
        [36, 40].map(|wanted| self.slices(|slice| slice == wanted))
    }

    /// The selected slices.
    pub fn slices(&self, wanted: impl Fn(usize) -> bool) -> Self {
        let [slices, rows, columns] = self.extents;
        let of = |volume: &[u8]| {
            let slices = volume.chunks(rows * columns).enumerate();
            slices.filter(|(index, _)| wanted(*index)).flat_map(|(_, slice)| slice.to_vec()).collect()
        };
        let count = (0..slices).filter(|&index| wanted(index)).count();
        Self { extents: [count, rows, columns], image: of(&self.image), labels: of(&self.labels) }
    }
}

/// Reads a gzipped NIfTI file of unsigned bytes. NIfTI stores the first axis fastest, so the axes are reversed.
fn read(path: &Path) -> Result<([usize; 3], Vec<u8>)> {
    let mut bytes = Vec::new();
    GzDecoder::new(std::fs::File::open(path)?).read_to_end(&mut bytes)?;
    let number = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let extents = [46, 44, 42].map(number);
    let (kind, voxels) = (number(70), extents.iter().product::<usize>());
    // 352 bytes of header; 2 is the code of unsigned bytes.
    if bytes.len() != 352 + voxels || kind != 2 {
        return Err(Error::other(format!("{}: not a volume of unsigned bytes", path.display())));
    }
    Ok((extents, bytes.split_off(352)))
}
