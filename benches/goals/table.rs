//! The goals: value and gradient on one thread, unless a row says otherwise.
//!
//! Nanoseconds are those of a Zen 5 with AVX-512 and large pages; ratios hold on any CPU.

use crate::case::Name::{Boundary, CrossEntropy, Dice, Focal, GeneralizedDice, TopK, Tversky};
use crate::case::{Case, Format, Name};
use segloss::cpu::Level;
use segloss::{Activation, Dtype};

/// An upper bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// Nanoseconds per voxel.
    Nanoseconds(f64),
    /// Time relative to the memory floor.
    Floor(f64),
    /// Time per element of the logits relative to [`Row::compared`].
    Compared(f64),
    /// Time added to that of [`Row::compared`], relative to the time of reading the field once per pass.
    Field(f64),
    /// The time of [`Row::compared`] is at least `speedup` times as long, or the time is at most `floor` times that of
    /// the floor on as many threads.
    Threads { speedup: f64, floor: f64 },
}

#[derive(Clone, Debug)]
pub struct Row {
    pub name: String,
    pub case: Case,
    /// The case that a ratio is relative to, timed in the same rounds, and its name.
    pub compared: Option<(&'static str, Case)>,
    pub goals: Vec<Goal>,
}

const CE: &[Name] = &[CrossEntropy];
const DICE: &[Name] = &[Dice];
const DICE_CE: &[Name] = &[Dice, CrossEntropy];

/// The case that others are relative to: 8 MiB of logits, beyond the second-level cache.
const PLAIN: Case = Case {
    shape: [2, 4, 64 * 64 * 64],
    losses: CE,
    dtype: Dtype::F32,
    activation: Activation::Softmax,
    target: Format::Labels,
    channels_last: false,
    ignore: false,
    weights: false,
    level: Level::Avx512,
    threads: 1,
};
const VOLUME: Case = Case { shape: [2, 4, 128 * 128 * 128], ..PLAIN };
const SLICE: Case = Case { shape: [2, 4, 64 * 64], ..PLAIN };
const TWO_CLASSES: Case = Case { shape: [2, 2, 128 * 128 * 128], ..PLAIN };
const MANY_CLASSES: Case = Case { shape: [8, 21, 256 * 256], ..PLAIN };
const SIGMOID: Case = Case { activation: Activation::Sigmoid, shape: [2, 1, 8 << 20], ..PLAIN };
const AVX2: Case = Case { level: Level::Avx2, ..VOLUME };

pub fn rows() -> Vec<Row> {
    [absolute(), classes(), inputs(), terms(), threads()].concat()
}

fn name(losses: &[Name]) -> String {
    losses.iter().map(|loss| loss.short()).collect::<Vec<_>>().join(" + ")
}

/// Goals in nanoseconds.
fn absolute() -> Vec<Row> {
    use Goal::{Floor, Nanoseconds};
    let row = |prefix: &str, case: Case, losses: &'static [Name], goals: &[Goal]| Row {
        name: format!("{prefix} {}", name(losses)),
        case: Case { losses, ..case },
        compared: None,
        goals: goals.to_vec(),
    };
    let half = |dtype| Case { dtype, ..VOLUME };
    let in_cache = Case { shape: [2, 1, 64 * 64], ..SIGMOID };
    vec![
        row("2x4x128^3", VOLUME, CE, &[Nanoseconds(0.85), Floor(1.3)]),
        row("2x4x128^3", VOLUME, &[Focal], &[Nanoseconds(1.05), Floor(1.65)]),
        row("2x4x128^3", VOLUME, DICE, &[Nanoseconds(1.4), Floor(1.5)]),
        row("2x4x128^3", VOLUME, DICE_CE, &[Nanoseconds(1.5), Floor(1.5)]),
        row("2x4x128^3", VOLUME, &[TopK], &[Nanoseconds(2.0)]),
        row("2x4x64^2", SLICE, CE, &[Nanoseconds(0.7)]),
        row("2x4x64^2", SLICE, &[Focal], &[Nanoseconds(0.9)]),
        row("2x4x64^2", SLICE, DICE, &[Nanoseconds(0.9)]),
        row("2x4x64^2", SLICE, DICE_CE, &[Nanoseconds(1.1)]),
        row("2x4x64^2", SLICE, &[TopK], &[Nanoseconds(1.9)]),
        row("2x2x128^3", TWO_CLASSES, CE, &[Nanoseconds(0.5)]),
        row("2x2x128^3", TWO_CLASSES, DICE, &[Nanoseconds(0.7)]),
        row("2x1x8M sigmoid", SIGMOID, CE, &[Nanoseconds(0.35)]),
        row("2x1x64^2 sigmoid", in_cache, CE, &[Nanoseconds(0.35)]),
        row("8x21x256^2", MANY_CLASSES, CE, &[Nanoseconds(6.5)]),
        row("8x21x256^2", MANY_CLASSES, DICE, &[Nanoseconds(11.5)]),
        row("8x21x256^2", MANY_CLASSES, DICE_CE, &[Nanoseconds(12.0)]),
        row("2x4x128^3 AVX2", AVX2, CE, &[Nanoseconds(1.6)]),
        row("2x4x128^3 AVX2", AVX2, DICE, &[Nanoseconds(2.3)]),
        row("2x4x128^3 AVX2", AVX2, DICE_CE, &[Nanoseconds(2.6)]),
        row("2x4x128^3 f16", half(Dtype::F16), CE, &[Nanoseconds(0.95)]),
        row("2x4x128^3 f16", half(Dtype::F16), DICE, &[Nanoseconds(1.9)]),
        row("2x4x128^3 bf16", half(Dtype::Bf16), CE, &[Nanoseconds(0.95)]),
        row("2x4x128^3 bf16", half(Dtype::Bf16), DICE, &[Nanoseconds(1.9)]),
    ]
}

/// Numbers of classes, per element against four.
fn classes() -> Vec<Row> {
    let mut rows = vec![];
    for losses in [CE, DICE] {
        let plain = Case { losses, ..PLAIN };
        for classes in [1, 2, 3, 5, 6, 7, 8, 105, 1000] {
            // As many elements as the plain case; multiples of 64, so that every row begins at a cache line.
            let voxels = plain.elements() / 2 / classes / 64 * 64;
            let activation = if classes == 1 { Activation::Sigmoid } else { Activation::Softmax };
            let suffix = if classes == 1 { " sigmoid" } else { "" };
            rows.push(Row {
                name: format!("C = {classes}{suffix} {}", name(losses)),
                case: Case { shape: [2, classes, voxels], activation, ..plain },
                compared: Some(("C = 4 per element", plain)),
                goals: vec![Goal::Compared(1.5)],
            });
        }
    }
    rows
}

/// Other inputs against u8 labels without weights, f32, channels first.
fn inputs() -> Vec<Row> {
    let mut rows = vec![];
    for losses in [CE, DICE] {
        let plain = Case { losses, ..PLAIN };
        let masks = Case { target: Format::Masks, ..plain };
        for (what, case, goal) in [
            ("ignored label", Case { ignore: true, ..plain }, 1.15),
            ("voxel weights", Case { weights: true, ..plain }, 1.4),
            ("masks", masks, 1.5),
            ("dense", Case { target: Format::Dense, ..plain }, 1.8),
            ("channels last", Case { channels_last: true, ..plain }, 1.3),
            ("f64", Case { dtype: Dtype::F64, ..plain }, 3.5),
            ("sigmoid on masks", Case { activation: Activation::Sigmoid, ..masks }, 3.0),
        ] {
            rows.push(Row {
                name: format!("{what} {}", name(losses)),
                case,
                compared: Some(("plain", plain)),
                goals: vec![Goal::Compared(goal)],
            });
        }
    }
    rows
}

/// One more term, against the terms before it.
fn terms() -> Vec<Row> {
    let row = |what: &str, more: &'static [Name], of: &'static str, fewer: &'static [Name], goal| Row {
        name: format!("{what}: {}", name(more)),
        case: Case { losses: more, ..PLAIN },
        compared: Some((of, Case { losses: fewer, ..PLAIN })),
        goals: vec![goal],
    };
    const THREE: &[Name] = &[Dice, CrossEntropy, Tversky];
    const FOUR: &[Name] = &[Dice, CrossEntropy, Tversky, GeneralizedDice];
    vec![
        row("third term", THREE, "two terms", DICE_CE, Goal::Compared(1.1)),
        row("third term", &[Dice, CrossEntropy, Focal], "two terms", DICE_CE, Goal::Compared(1.1)),
        row("fourth term", FOUR, "three terms", THREE, Goal::Compared(1.1)),
        row("field", &[Dice, CrossEntropy, Boundary], "two terms", DICE_CE, Goal::Field(1.2)),
    ]
}

/// Two threads against one, in wall time.
fn threads() -> Vec<Row> {
    let row = |losses: &'static [Name]| Row {
        name: format!("two threads 2x4x128^3 {}", name(losses)),
        case: Case { losses, threads: 2, ..VOLUME },
        compared: Some(("one thread", Case { losses, ..VOLUME })),
        goals: vec![Goal::Threads { speedup: 1.8, floor: 1.3 }],
    };
    vec![row(CE), row(DICE_CE)]
}
