//! Files for the tests, written byte by byte from the standard, and runs of the program on them.

#![allow(dead_code, reason = "each test program uses a part of this module")]

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A NIfTI file before it is written.
#[derive(Clone)]
pub struct Nifti {
    pub version: u8,
    pub big_endian: bool,
    pub is_pair: bool,
    pub extents: Vec<usize>,
    pub spacing: [f64; 3],
    /// The code of the type of the voxels.
    pub datatype: i16,
    pub slope: f64,
    pub intercept: f64,
    /// The rows of the sform.
    pub sform: Option<[[f64; 4]; 3]>,
    /// The numbers as they are stored, the first axis fastest.
    pub stored: Vec<f64>,
}

pub const RAS: [[f64; 4]; 3] = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];

impl Nifti {
    /// NIfTI-1, little endian, one file, f64, without scaling.
    pub fn new(extents: &[usize], stored: Vec<f64>) -> Self {
        assert_eq!(extents.iter().product::<usize>(), stored.len());
        Self {
            version: 1,
            big_endian: false,
            is_pair: false,
            extents: extents.to_vec(),
            spacing: [1.0; 3],
            datatype: 64,
            slope: f64::NAN,
            intercept: f64::NAN,
            sform: Some(RAS),
            stored,
        }
    }

    pub fn header(&self) -> Vec<u8> {
        let (long, two) = if self.version == 1 { (348, false) } else { (540, true) };
        let mut bytes = vec![0; long + 4];
        let order = |little: &[u8]| -> Vec<u8> {
            if self.big_endian { little.iter().rev().copied().collect() } else { little.to_vec() }
        };
        let mut put = |at: usize, little: &[u8]| bytes[at..at + little.len()].copy_from_slice(&order(little));
        put(0, &(long as i32).to_le_bytes());
        let axes: Vec<usize> = [&[self.extents.len()], self.extents.as_slice(), &[1; 7]].concat();
        let widths = [&[1.0], self.spacing.as_slice(), &[1.0; 4]].concat();
        let offset = if self.is_pair { 0 } else { long + 4 };
        for k in 0..8 {
            if two {
                put(16 + 8 * k, &(axes[k] as i64).to_le_bytes());
                put(104 + 8 * k, &widths[k].to_le_bytes());
            } else {
                put(40 + 2 * k, &(axes[k] as i16).to_le_bytes());
                put(76 + 4 * k, &(widths[k] as f32).to_le_bytes());
            }
        }
        if two {
            put(12, &self.datatype.to_le_bytes());
            put(168, &(offset as i64).to_le_bytes());
            put(176, &self.slope.to_le_bytes());
            put(184, &self.intercept.to_le_bytes());
        } else {
            put(70, &self.datatype.to_le_bytes());
            put(108, &(offset as f32).to_le_bytes());
            put(112, &(self.slope as f32).to_le_bytes());
            put(116, &(self.intercept as f32).to_le_bytes());
        }
        for (k, x) in self.sform.iter().flatten().flatten().enumerate() {
            if two {
                put(348, &1i32.to_le_bytes());
                put(400 + 8 * k, &x.to_le_bytes());
            } else {
                put(254, &1i16.to_le_bytes());
                put(280 + 4 * k, &(*x as f32).to_le_bytes());
            }
        }
        match (two, self.is_pair) {
            (false, false) => bytes[344..348].copy_from_slice(b"n+1\0"),
            (false, true) => bytes[344..348].copy_from_slice(b"ni1\0"),
            (true, false) => bytes[4..12].copy_from_slice(b"n+2\0\r\n\x1a\n"),
            (true, true) => bytes[4..12].copy_from_slice(b"ni2\0\r\n\x1a\n"),
        }
        bytes
    }

    pub fn voxels(&self) -> Vec<u8> {
        let little = |x: f64| match self.datatype {
            2 => vec![x as u8],
            4 => (x as i16).to_le_bytes().to_vec(),
            8 => (x as i32).to_le_bytes().to_vec(),
            16 => (x as f32).to_le_bytes().to_vec(),
            64 => x.to_le_bytes().to_vec(),
            256 => (x as i8).to_le_bytes().to_vec(),
            512 => (x as u16).to_le_bytes().to_vec(),
            768 => (x as u32).to_le_bytes().to_vec(),
            1024 => (x as i64).to_le_bytes().to_vec(),
            1280 => (x as u64).to_le_bytes().to_vec(),
            other => unreachable!("datatype {other}"),
        };
        let order = |mut bytes: Vec<u8>| {
            if self.big_endian {
                bytes.reverse();
            }
            bytes
        };
        self.stored.iter().flat_map(|&x| order(little(x))).collect()
    }

    /// One file, header and voxels.
    pub fn bytes(&self) -> Vec<u8> {
        [self.header(), self.voxels()].concat()
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A PNG of one channel, grey or indices of a palette.
pub fn png(columns: usize, rows: usize, pixels: &[u8], is_palette: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, columns as u32, rows as u32);
    encoder.set_depth(png::BitDepth::Eight);
    if is_palette {
        encoder.set_color(png::ColorType::Indexed);
        // Of every index the same colour: only the indices tell the classes apart.
        encoder.set_palette(vec![7; 3 * 256]);
    } else {
        encoder.set_color(png::ColorType::Grayscale);
    }
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    bytes
}

/// A folder for the files of a test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A folder with labels and a prediction that fit.
    pub fn with_pair(name: &str) -> Self {
        let folder = Self::new(name);
        folder.write("l.nii", &Nifti::new(&EXTENTS, labels()).bytes());
        folder.write("p.nii", &Nifti::new(&SIZE, logits()).bytes());
        folder
    }

    /// Writes a file.
    pub fn write(&self, name: &str, bytes: &[u8]) -> &Self {
        std::fs::write(self.0.join(name), bytes).unwrap();
        self
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap()
    }

    /// Runs the program with arguments separated by spaces, in the folder.
    pub fn run(&self, arguments: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_atlas"))
            .args(arguments.split_whitespace())
            .current_dir(&self.0)
            .output()
            .unwrap()
    }

    /// The standard output of a run that succeeds.
    pub fn output(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn json(&self, arguments: &str) -> Value {
        serde_json::from_str(&self.output(&format!("{arguments} --json"))).unwrap()
    }

    /// The line of a run that fails.
    pub fn error(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments}: {errors}");
        assert!(output.stdout.is_empty(), "{arguments} writes to standard output");
        let line = errors.strip_suffix('\n').unwrap().strip_prefix("atlas: ").unwrap().to_owned();
        assert!(!line.contains('\n'), "{arguments}: more than a line: {errors}");
        line
    }
}

/// The extents of the volume of the tests.
pub const EXTENTS: [usize; 3] = [7, 6, 5];
pub const VOXELS: usize = 7 * 6 * 5;
/// The extents of the prediction of three classes.
pub const SIZE: [usize; 4] = [EXTENTS[0], EXTENTS[1], EXTENTS[2], 3];
/// The options for the files of [`Folder::with_pair`].
pub const PAIR: &str = "--labels l.nii --prediction p.nii";

/// A block of class 1 and a block of class 2 on background.
pub fn labels() -> Vec<f64> {
    let class = |at: usize| {
        let [x, y, z] = [at % 7, at / 7 % 6, at / 42];
        if (1..4).contains(&x) && (1..5).contains(&y) && (1..4).contains(&z) {
            1.0
        } else if x >= 5 && z >= 2 {
            2.0
        } else {
            0.0
        }
    };
    (0..VOXELS).map(class).collect()
}

/// Logits of three classes, multiples of 1/16, which every floating-point type holds.
pub fn logits() -> Vec<f64> {
    let labels = labels();
    let logit = |at: usize| {
        let (class, voxel) = (at / VOXELS, at % VOXELS);
        let noise = (at * 7919 % 61) as f64 / 16.0 - 1.9375;
        if labels[voxel] == class as f64 { noise + 1.5 } else { noise }
    };
    (0..3 * VOXELS).map(logit).collect()
}

/// The softmax of three logits at each voxel: `[C, voxels]`.
pub fn softmax(logits: &[f64]) -> Vec<f64> {
    let voxels = logits.len() / 3;
    let sum = |voxel: usize| (0..3).map(|class| logits[class * voxels + voxel].exp()).sum::<f64>();
    (0..logits.len()).map(|at| logits[at].exp() / sum(at % voxels)).collect()
}

/// Cross entropy and its gradient with respect to the logits; a label below 0 is not counted.
pub fn cross_entropy(logits: &[f64], labels: &[f64]) -> (f64, Vec<f64>) {
    let (s, voxels) = (softmax(logits), labels.len());
    let counted = labels.iter().filter(|&&label| label >= 0.0).count() as f64;
    let loss = |voxel: usize| {
        if labels[voxel] < 0.0 { 0.0 } else { -s[labels[voxel] as usize * voxels + voxel].ln() }
    };
    let slope = |at: usize| {
        let label = labels[at % voxels];
        let target = f64::from(u8::from(label == (at / voxels) as f64));
        if label < 0.0 { 0.0 } else { (s[at] - target) / counted }
    };
    ((0..voxels).map(loss).sum::<f64>() / counted, (0..s.len()).map(slope).collect())
}

pub fn norm(gradient: &[f64]) -> f64 {
    gradient.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Asserts that two numbers agree to 1e-5 relative.
#[track_caller]
pub fn assert_near(value: &Value, expected: f64) {
    let value = value.as_f64().unwrap_or_else(|| panic!("{value} is no number"));
    assert!((value - expected).abs() <= 1e-5 * expected.abs(), "{value}, expected {expected}");
}
