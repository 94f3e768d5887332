//! A file of voxels, NIfTI or PNG.

use super::grid::{Grid, join};
use super::picture_file::{Picture, SIGNATURE};
use crate::Result;
use crate::nifti;
use std::path::{Path, PathBuf};

/// Where a file is: on disk or in the program.
#[derive(Clone, Debug)]
pub enum Source {
    Path(PathBuf),
    Embedded(&'static [u8], &'static str),
}

impl Source {
    /// The path as it was given.
    pub fn path(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Embedded(_, name) => (*name).into(),
        }
    }

    /// The name of the file, without its folder.
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            Self::Embedded(_, name) => (*name).into(),
        }
    }

    /// Prefixes an error with the path.
    pub fn in_file<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| format!("{}: {error}", self.path()).into())
    }
}

pub struct Raster {
    pub grid: Grid,
    /// The extents of the axes beyond the third, without those of 1 at the end.
    pub beyond: Vec<usize>,
    contents: Contents,
}

enum Contents {
    Nifti(nifti::File),
    Picture(Picture),
}

impl Raster {
    pub fn open(source: &Source) -> Result<Self> {
        match source {
            Source::Embedded(bytes, _) => Ok(Self::of_nifti(nifti::File::from_bytes(bytes)?)),
            Source::Path(path) if is_picture(path)? => {
                Ok(Self::of_picture(Picture::read(&std::fs::read(path)?)?))
            }
            Source::Path(path) => Ok(Self::of_nifti(nifti::File::open(path)?)),
        }
    }

    fn of_nifti(file: nifti::File) -> Self {
        let mut beyond = file.header.extents.get(3..).unwrap_or_default().to_vec();
        while beyond.last() == Some(&1) {
            beyond.pop();
        }
        Self { grid: Grid::of_header(&file.header), beyond, contents: Contents::Nifti(file) }
    }

    fn of_picture(picture: Picture) -> Self {
        let grid = Grid::of_picture(picture.rows, picture.columns);
        Self { grid, beyond: Vec::new(), contents: Contents::Picture(picture) }
    }

    /// "4 axes, 77 × 95 × 80 × 3".
    pub fn axes(&self) -> String {
        match &self.contents {
            Contents::Nifti(file) => {
                format!("{} axes, {}", file.header.extents.len(), join(&file.header.extents))
            }
            Contents::Picture(picture) => format!("a picture, {} × {}", picture.columns, picture.rows),
        }
    }

    /// The number of axes of the file.
    pub fn number_of_axes(&self) -> usize {
        match &self.contents {
            Contents::Nifti(file) => file.header.extents.len(),
            Contents::Picture(_) => 2,
        }
    }

    /// The values in the order of the file; of a picture in colours, the means of its channels.
    pub fn values(&self) -> Box<dyn Iterator<Item = f64> + '_> {
        match &self.contents {
            Contents::Nifti(file) => Box::new(file.values()),
            Contents::Picture(picture) => Box::new(picture.brightness()),
        }
    }

    /// The values of a volume or a plane: one per voxel.
    pub fn scan(&self) -> Result<Vec<f32>> {
        self.expect_volume()?;
        Ok(self.values().map(|value| value as f32).collect())
    }

    /// The labels, whole numbers.
    pub fn labels(&self) -> Result<Vec<i64>> {
        self.expect_volume()?;
        match &self.contents {
            Contents::Nifti(file) => {
                file.values().enumerate().map(|(at, value)| self.label(at, value)).collect()
            }
            Contents::Picture(picture) => Ok(picture.labels()?.into_iter().map(i64::from).collect()),
        }
    }

    /// A label that a scaled or interpolated file holds with an error of rounding is rounded.
    fn label(&self, at: usize, value: f64) -> Result<i64> {
        const ROUNDING: f64 = 1e-3;
        const LARGEST: f64 = (1u64 << 53) as f64;
        if value.is_nan() || (value - value.round()).abs() > ROUNDING {
            return Err(format!("voxel {} holds {value} (expected labels, integers)", self.voxel(at)).into());
        }
        if value.abs() > LARGEST {
            return Err(format!("voxel {} holds {value} (expected labels up to 2^53)", self.voxel(at)).into());
        }
        Ok(value.round() as i64)
    }

    /// The indices of a voxel in the order of the file: "(3, 0, 12)".
    pub fn voxel(&self, at: usize) -> String {
        let [x, y, _] = self.grid.file_extents();
        format!("({}, {}, {})", at % x, at / x % y, at / (x * y))
    }

    fn expect_volume(&self) -> Result<()> {
        if self.beyond.is_empty() {
            Ok(())
        } else {
            Err(format!("{} (expected a volume, 3 axes)", self.axes()).into())
        }
    }
}

fn is_picture(path: &Path) -> Result<bool> {
    use std::io::Read;
    let mut start = Vec::new();
    std::fs::File::open(path)?.take(SIGNATURE.len() as u64).read_to_end(&mut start)?;
    Ok(start == SIGNATURE)
}
