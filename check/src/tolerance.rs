//! Tolerances in one table with reasons, and the largest errors found.

/// Kind of comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Value,
    Derivative,
    SingleValue,
    SingleGradient,
    PartsValue,
    PartsGradient,
    SinglePartsValue,
    SinglePartsGradient,
}

/// A row of the table.
pub struct Row {
    pub what: What,
    pub tolerance: f64,
    /// What the tolerance is relative to, and why it is not smaller.
    pub reason: &'static str,
}

pub const TABLE: [Row; 8] = [
    Row {
        what: What::Value,
        tolerance: 5e-13,
        reason: "f64 against the reference, of the sum of the terms' sizes: sums of up to 10^5 numbers in another order",
    },
    Row {
        what: What::Derivative,
        tolerance: 1e-9,
        reason: "f64 gradient along a direction against six-point differences, of sum |g r|: step^6/140 times the \
                 seventh derivative",
    },
    Row {
        what: What::SingleValue,
        tolerance: 5e-7,
        reason: "computed in f32 against f64 of the same numbers, of the sum of the terms' sizes",
    },
    Row {
        what: What::SingleGradient,
        tolerance: 1.5e-6,
        reason: "computed in f32 against f64 of the same numbers, of the largest component of each term",
    },
    Row { what: What::PartsValue, tolerance: 1e-13, reason: "f64 sums in another order" },
    Row { what: What::PartsGradient, tolerance: 1e-13, reason: "slopes of f64 sums in another order" },
    Row {
        what: What::SinglePartsValue,
        tolerance: 1e-7,
        reason: "a cut inside a unit of 256 voxels moves f32 roundings",
    },
    Row {
        what: What::SinglePartsGradient,
        tolerance: 1e-6,
        reason: "a cut inside a unit of 256 voxels moves f32 roundings",
    },
];

impl What {
    /// Its row.
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

/// The largest errors found.
#[derive(Clone, Debug, Default)]
pub struct Worst(pub [f64; TABLE.len()]);

impl Worst {
    /// Compares an error, `off` relative to `size`, with its tolerance.
    pub fn check(&mut self, what: What, off: f64, size: f64) -> Result<(), String> {
        let error = if off == 0.0 { 0.0 } else { off / size };
        let worst = &mut self.0[what as usize];
        *worst = worst.max(error);
        // NaN is not within the tolerance.
        if error <= what.row().tolerance {
            return Ok(());
        }
        Err(format!("{what:?} off by {off:e}, {error:.1e} of {size:e}; allowed {:.0e}", what.row().tolerance))
    }
}
