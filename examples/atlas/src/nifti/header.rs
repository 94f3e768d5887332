//! Headers of NIfTI-1 (348 bytes) and NIfTI-2 (540 bytes), in both byte orders.
//!
//! The fields are those of the standard, <https://nifti.nimh.nih.gov>, at the offsets that it gives.

use super::datatype::Datatype;
use crate::Result;

/// The rows of the matrix that maps indices of a voxel to millimetres: x to the right, y to the front, z up.
pub type Affine = [[f64; 4]; 3];

/// What the program uses of a header.
#[derive(Debug)]
pub struct Header {
    pub big_endian: bool,
    /// Whether the voxels are in another file.
    pub is_pair: bool,
    /// The extent of each axis, the fastest first.
    pub extents: Vec<usize>,
    /// The distance between voxels along each axis.
    pub spacing: Vec<f64>,
    pub datatype: Datatype,
    /// Where the voxels begin in their file.
    pub offset: usize,
    /// Slope and intercept of the values, if they are scaled.
    pub scaling: Option<(f64, f64)>,
    /// `None`: the header has no orientation.
    pub affine: Option<Affine>,
}

/// Reads numbers of a header, all as i64 or f64.
struct Fields<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Fields<'_> {
    fn number(&self, datatype: Datatype, at: usize) -> f64 {
        datatype.decode(&self.bytes[at..at + datatype.bytes()], self.big_endian)
    }

    fn integer(&self, datatype: Datatype, at: usize) -> i64 {
        self.number(datatype, at) as i64
    }

    fn numbers<const N: usize>(&self, datatype: Datatype, at: usize) -> [f64; N] {
        std::array::from_fn(|k| self.number(datatype, at + k * datatype.bytes()))
    }
}

/// The fields of either version.
struct Raw {
    extents: [f64; 8],
    datatype: i64,
    spacing: [f64; 8],
    offset: f64,
    /// The least offset in a single file: header and four bytes that announce extensions.
    least_offset: usize,
    scaling: [f64; 2],
    /// The codes of qform and sform.
    codes: [i64; 2],
    quaternion: [f64; 3],
    shift: [f64; 3],
    rows: Affine,
}

impl Raw {
    fn nifti_1(fields: &Fields<'_>) -> Self {
        use Datatype::{F32, I16};
        Self {
            extents: fields.numbers(I16, 40),
            datatype: fields.integer(I16, 70),
            spacing: fields.numbers(F32, 76),
            offset: fields.number(F32, 108),
            least_offset: 352,
            scaling: fields.numbers(F32, 112),
            codes: [fields.integer(I16, 252), fields.integer(I16, 254)],
            quaternion: fields.numbers(F32, 256),
            shift: fields.numbers(F32, 268),
            rows: [280, 296, 312].map(|at| fields.numbers(F32, at)),
        }
    }

    fn nifti_2(fields: &Fields<'_>) -> Self {
        use Datatype::{F64, I16, I32, I64};
        Self {
            extents: fields.numbers(I64, 16),
            datatype: fields.integer(I16, 12),
            spacing: fields.numbers(F64, 104),
            offset: fields.number(I64, 168),
            least_offset: 544,
            scaling: fields.numbers(F64, 176),
            codes: [fields.integer(I32, 344), fields.integer(I32, 348)],
            quaternion: fields.numbers(F64, 352),
            shift: fields.numbers(F64, 376),
            rows: [400, 432, 464].map(|at| fields.numbers(F64, at)),
        }
    }

    /// sform before qform, as nibabel does.
    fn affine(&self) -> Option<Affine> {
        match self.codes {
            [_, sform] if sform > 0 => Some(self.rows),
            [qform, _] if qform > 0 => Some(self.affine_of_quaternion()),
            _ => None,
        }
    }

    fn affine_of_quaternion(&self) -> Affine {
        let [b, c, d] = self.quaternion;
        let a = (1.0 - (b * b + c * c + d * d)).max(0.0).sqrt();
        let rotation = [
            [a * a + b * b - c * c - d * d, 2.0 * (b * c - a * d), 2.0 * (b * d + a * c)],
            [2.0 * (b * c + a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d - a * b)],
            [2.0 * (b * d - a * c), 2.0 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ];
        let flip = if self.spacing[0] < 0.0 { -1.0 } else { 1.0 };
        let scale = [self.spacing[1].abs(), self.spacing[2].abs(), flip * self.spacing[3].abs()];
        std::array::from_fn(|row| {
            let [x, y, z]: [f64; 3] = std::array::from_fn(|axis| rotation[row][axis] * scale[axis]);
            [x, y, z, self.shift[row]]
        })
    }
}

impl Header {
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let size = |big_endian| match bytes.first_chunk() {
            Some(size) if big_endian => i32::from_be_bytes(*size),
            Some(size) => i32::from_le_bytes(*size),
            None => 0,
        };
        let Some((size, big_endian)) =
            [false, true].map(|big| (size(big), big)).into_iter().find(|(size, _)| matches!(size, 348 | 540))
        else {
            return Err("not a NIfTI file: its first number is not 348 (NIfTI-1) or 540 (NIfTI-2)".into());
        };
        if bytes.len() < size as usize {
            return Err(format!("truncated: {} bytes, the header has {size}", bytes.len()).into());
        }
        let fields = Fields { bytes, big_endian };
        let (raw, magic) = match size {
            348 => (Raw::nifti_1(&fields), &bytes[344..348]),
            _ => (Raw::nifti_2(&fields), &bytes[4..8]),
        };
        let is_pair = match (size, magic) {
            (348, b"n+1\0") | (540, b"n+2\0") => false,
            (348, b"ni1\0") | (540, b"ni2\0") => true,
            (348, [0, ..]) => {
                return Err("an ANALYZE 7.5 file, which has no orientation (expected NIfTI)".into());
            }
            _ => {
                let magic = magic.escape_ascii();
                return Err(format!("wrong magic \"{magic}\" (expected n+1, ni1, n+2 or ni2)").into());
            }
        };
        Self::check(&raw, big_endian, is_pair)
    }

    fn check(raw: &Raw, big_endian: bool, is_pair: bool) -> Result<Self> {
        let axes = raw.extents[0];
        if !(1.0..=7.0).contains(&axes) {
            return Err(format!("{axes} axes (expected 1 to 7)").into());
        }
        let extents = &raw.extents[1..=axes as usize];
        if let Some(axis) = extents.iter().position(|&extent| extent < 1.0) {
            return Err(format!("axis {} has the extent {} (expected >= 1)", axis + 1, extents[axis]).into());
        }
        let least = if is_pair { 0 } else { raw.least_offset };
        // Beyond this, f64 and usize are not equal.
        if !(0.0..1e15).contains(&raw.offset) {
            return Err(format!("the voxels begin at byte {} (expected >= {least})", raw.offset).into());
        }
        let [slope, intercept] = raw.scaling;
        let scaling = (slope.is_finite() && slope != 0.0).then_some((slope, intercept));
        if scaling.is_some() && !intercept.is_finite() {
            return Err(
                format!("scl_slope is {slope}, but scl_inter is {intercept} (expected finite)").into()
            );
        }
        let affine = raw.affine();
        if affine.is_some_and(|rows| rows.iter().flatten().any(|x| !x.is_finite())) {
            return Err("the affine matrix of its orientation is not finite".into());
        }
        Ok(Self {
            big_endian,
            is_pair,
            extents: extents.iter().map(|&extent| extent as usize).collect(),
            spacing: raw.spacing[1..=axes as usize].iter().map(|width| width.abs()).collect(),
            datatype: Datatype::of_code(raw.datatype)?,
            offset: (raw.offset as usize).max(least),
            scaling,
            affine,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A quarter turn about the third axis, spacing 2, 3, 4, a flipped third axis.
    #[test]
    fn quaternion_to_affine() {
        let half = std::f64::consts::FRAC_1_SQRT_2;
        let raw = Raw {
            extents: [3.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
            datatype: 2,
            spacing: [-1.0, 2.0, 3.0, 4.0, 1.0, 1.0, 1.0, 1.0],
            offset: 352.0,
            least_offset: 352,
            scaling: [f64::NAN; 2],
            codes: [1, 0],
            quaternion: [0.0, 0.0, half],
            shift: [7.0, 8.0, 9.0],
            rows: [[0.0; 4]; 3],
        };
        let header = Header::check(&raw, false, false).unwrap();
        assert_eq!(header.scaling, None);
        let expected = [[0.0, -3.0, 0.0, 7.0], [2.0, 0.0, 0.0, 8.0], [0.0, 0.0, -4.0, 9.0]];
        for (x, y) in header.affine.unwrap().iter().flatten().zip(expected.iter().flatten()) {
            assert!((x - y).abs() < 1e-12, "{x} {y}");
        }
    }

    #[test]
    fn what_is_no_header_is_named() {
        let error = |bytes: &[u8]| Header::read(bytes).unwrap_err().to_string();
        assert!(error(b"").starts_with("not a NIfTI file"));
        assert!(error(b"\x89PNG....").starts_with("not a NIfTI file"));
        let mut bytes = vec![0; 348];
        bytes[..4].copy_from_slice(&348i32.to_be_bytes());
        assert!(error(&bytes).starts_with("an ANALYZE 7.5 file"));
        bytes[344..348].copy_from_slice(b"abc\0");
        assert_eq!(error(&bytes), "wrong magic \"abc\\x00\" (expected n+1, ni1, n+2 or ni2)");
        assert_eq!(error(&bytes[..347]), "truncated: 347 bytes, the header has 348");
    }
}
