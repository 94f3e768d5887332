//! The voxels of a file or of a pair of files.

use super::Header;
use crate::Result;
use flate2::read::MultiGzDecoder;
use std::io::Read;
use std::path::{Path, PathBuf};

pub struct File {
    pub header: Header,
    voxels: Vec<u8>,
}

impl File {
    /// Reads a .nii file or a pair by either of its names; errors do not name the path.
    pub fn open(path: &Path) -> Result<Self> {
        let header_path = with_extension(path, "img", "hdr").unwrap_or_else(|| path.into());
        let bytes = if header_path == path { read(path)? } else { read_other(&header_path)? };
        let header = Header::read(&bytes)?;
        if !header.is_pair {
            return Self::new(header, bytes);
        }
        let image = with_extension(&header_path, "hdr", "img");
        let image = image.ok_or("the header of a pair, but its name does not end in .hdr")?;
        Self::new(header, read_other(&image)?)
    }

    /// Reads the contents of a single file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let bytes = unzip(bytes.to_vec())?;
        Self::new(Header::read(&bytes)?, bytes)
    }

    fn new(header: Header, mut bytes: Vec<u8>) -> Result<Self> {
        let mut sizes = header.extents.iter();
        let needed = sizes.try_fold(header.datatype.bytes(), |bytes, &extent| bytes.checked_mul(extent));
        let held = bytes.len().saturating_sub(header.offset);
        match needed {
            Some(needed) if needed <= held => {
                bytes.drain(..header.offset);
                bytes.truncate(needed);
                Ok(Self { header, voxels: bytes })
            }
            _ => {
                let extents: Vec<String> = header.extents.iter().map(usize::to_string).collect();
                let (extents, datatype) = (extents.join(" × "), header.datatype);
                Err(format!("truncated: {held} bytes of voxels, the header says {extents} of {datatype:?}")
                    .into())
            }
        }
    }

    /// The values, scaled, the first axis fastest.
    pub fn values(&self) -> impl Iterator<Item = f64> + '_ {
        let Header { datatype, big_endian, scaling, .. } = self.header;
        self.voxels.chunks_exact(datatype.bytes()).map(move |bytes| {
            let value = datatype.decode(bytes, big_endian);
            scaling.map_or(value, |(slope, intercept)| slope * value + intercept)
        })
    }
}

/// The path with another extension before an optional .gz, if it has this one.
fn with_extension(path: &Path, from: &str, to: &str) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let (name, gz) = name.strip_suffix(".gz").map_or((name, ""), |name| (name, ".gz"));
    let stem = name.strip_suffix(from)?.strip_suffix('.')?;
    Some(path.with_file_name(format!("{stem}.{to}{gz}")))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    unzip(std::fs::read(path)?)
}

/// Reads the other file of a pair.
fn read_other(path: &Path) -> Result<Vec<u8>> {
    read(path).map_err(|error| format!("the other file of the pair, {}: {error}", path.display()).into())
}

fn unzip(bytes: Vec<u8>) -> Result<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut unzipped = Vec::new();
    match MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut unzipped) {
        Ok(_) => Ok(unzipped),
        Err(error) => {
            Err(format!("gzip: truncated or damaged after {} bytes: {error}", unzipped.len()).into())
        }
    }
}
