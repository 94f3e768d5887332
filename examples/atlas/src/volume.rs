//! Reads volumes from NIfTI files, gzipped or not; errors say what is wrong with the file.

use crate::Result;
use flate2::read::MultiGzDecoder;
use nifti::{InMemNiftiVolume, NiftiHeader, RandomAccessNiftiVolume};
use std::io::Read;
use std::path::Path;

/// The number of classes for which the picture has colours.
pub const MAX_CLASSES: usize = 9;

const SCAN: &[u8] = include_bytes!("../../data/mni152_t1_2mm.nii.gz");
const TISSUES: &[u8] = include_bytes!("../../data/mni152_tissue_2mm.nii.gz");
const TISSUE_NAMES: [&str; 4] = ["outside", "cerebrospinal fluid", "grey matter", "white matter"];

/// A scan and its labels. NIfTI stores the first axis fastest, so in C order the axes are reversed:
/// slices, rows, columns.
pub struct Subject {
    pub extents: [usize; 3],
    /// The size of a voxel along each axis, in the file's unit, usually millimetres.
    pub spacing: [f64; 3],
    pub image: Vec<f32>,
    pub labels: Vec<u8>,
    /// One name per class.
    pub classes: Vec<String>,
}

/// The contents of a file.
struct Volume {
    extents: [usize; 3],
    spacing: [f64; 3],
    voxels: Vec<f32>,
}

impl Subject {
    /// The embedded average brain.
    pub fn embedded() -> Result<Self> {
        let names = TISSUE_NAMES.map(String::from);
        Self::new(Volume::read(SCAN)?, Volume::read(TISSUES)?, |class| names[class].clone())
    }

    /// The user's own volumes.
    pub fn open(image: &Path, labels: &Path) -> Result<Self> {
        let read = |path: &Path| {
            let volume = std::fs::read(path).map_err(Into::into).and_then(|bytes| Volume::read(&bytes));
            volume.map_err(|error| format!("{}: {error}", path.display()))
        };
        Self::new(read(image)?, read(labels)?, |class| format!("class {class}"))
            .map_err(|error| format!("{}: {error}", labels.display()).into())
    }

    /// The slice in which most voxels are of `class`.
    pub fn largest_slice(&self, class: usize) -> usize {
        let [_, rows, columns] = self.extents;
        let slices = self.labels.chunks(rows * columns).enumerate();
        let area = |slice: &[u8]| slice.iter().filter(|&&label| usize::from(label) == class).count();
        slices.max_by_key(|(_, slice)| area(slice)).map_or(0, |(index, _)| index)
    }

    fn new(image: Volume, labels: Volume, name: impl Fn(usize) -> String) -> Result<Self> {
        let shape = |[slices, rows, columns]: [usize; 3]| format!("{columns} × {rows} × {slices}");
        if image.extents != labels.extents {
            let (labels, image) = (shape(labels.extents), shape(image.extents));
            return Err(format!("the labels are {labels} voxels, the image is {image}").into());
        }
        let labels = labels.voxels.iter().map(|&label| class_of(label)).collect::<Result<Vec<u8>>>()?;
        let classes = labels.iter().max().map_or(0, |&label| usize::from(label) + 1);
        if classes < 2 {
            return Err("every label is 0: there is nothing to segment".into());
        }
        let Volume { extents, spacing, voxels: image } = image;
        Ok(Self { extents, spacing, image, labels, classes: (0..classes).map(name).collect() })
    }
}

fn class_of(label: f32) -> Result<u8> {
    if label.fract() != 0.0 || !label.is_finite() {
        return Err(format!("the label {label} is no integer").into());
    }
    let class = (0..MAX_CLASSES as u8).find(|&class| f32::from(class) == label);
    class.ok_or_else(|| format!("the label {label} is not one of 0 to {}", MAX_CLASSES - 1).into())
}

impl Volume {
    fn read(bytes: &[u8]) -> Result<Self> {
        let mut unzipped = Vec::new();
        let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
            MultiGzDecoder::new(bytes).read_to_end(&mut unzipped)?;
            unzipped.as_slice()
        } else {
            bytes
        };
        let header = NiftiHeader::from_reader(bytes).map_err(|error| match error {
            nifti::NiftiError::Io(_) => "not a NIfTI file".into(),
            other => other.to_string(),
        })?;
        if header.magic != *b"n+1\0" {
            return Err("a header without voxels; wanted header and voxels in one .nii file".into());
        }
        let (extents, spacing) = grid(&header)?;
        let kind = header.data_type()?;
        let count = extents.iter().try_fold(kind.size_of(), |bytes, &extent| bytes.checked_mul(extent));
        let start = header.vox_offset.max(352.0) as usize;
        let raw = count.and_then(|count| bytes.get(start..start.checked_add(count)?));
        let raw = raw.ok_or("shorter than its header says")?.to_vec();

        let [slices, rows, columns] = extents.map(|extent| extent as u16);
        let dim = [3, columns, rows, slices, 1, 1, 1, 1];
        let (slope, intercept) = (header.scl_slope, header.scl_inter);
        let volume = InMemNiftiVolume::from_raw_fields(dim, kind, slope, intercept, raw, header.endianness)?;
        let mut voxels = Vec::with_capacity(extents.iter().product());
        for slice in 0..slices {
            for row in 0..rows {
                for column in 0..columns {
                    voxels.push(volume.get_f32(&[column, row, slice])?);
                }
            }
        }
        if voxels.iter().any(|value| !value.is_finite()) {
            return Err("some voxels are not finite".into());
        }
        Ok(Self { extents, spacing, voxels })
    }
}

/// Extents and spacing of the three spatial axes, the slowest first.
fn grid(header: &NiftiHeader) -> Result<([usize; 3], [f64; 3])> {
    let axes = header.dim()?;
    if axes.iter().skip(3).any(|&extent| extent != 1) {
        return Err(format!("{} axes; wanted a volume of three", axes.len()).into());
    }
    let extent = |axis: usize| axes.get(axis).map_or(1, |&extent| usize::from(extent));
    let width = |axis: usize| if axis < axes.len() { f64::from(header.pixdim[axis + 1].abs()) } else { 1.0 };
    let spacing = [2, 1, 0].map(width);
    if spacing.iter().any(|&width| !(width.is_finite() && width > 0.0)) {
        return Err("the spacing of its voxels is not positive".into());
    }
    Ok(([2, 1, 0].map(extent), spacing))
}
