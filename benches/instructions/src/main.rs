//! Value and gradient of a dozen losses, each plain, with ignored labels, with weights and with masks.
//!
//! `.ci/instructions` runs this program under callgrind, which counts inside [`measured`] and writes a sum after each
//! call. The program prints the names of the calls in the same order. With `time` it measures times instead: the minimum
//! of many interleaved runs.

use half::f16;
use segloss::cpu::{Level, force};
use segloss::*;
use std::hint::black_box;
use std::time::Instant;

/// One complete chunk of voxels, and one that ends inside a block.
const SAMPLE: [usize; 2] = [2, 20_000];

/// Which voxels of a case are counted, and with which weight.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Variant {
    Plain,
    /// An ignored label that no voxel has.
    Ignore,
    /// One voxel in twenty has the ignored label.
    Ignored,
    /// Every voxel has a weight.
    Weights,
    /// The target is a mask per class.
    Masks,
}

const VARIANTS: [Variant; 5] =
    [Variant::Plain, Variant::Ignore, Variant::Ignored, Variant::Weights, Variant::Masks];

/// A loss over logits of some type.
struct Case {
    name: &'static str,
    /// Samples, classes and voxels.
    shape: [usize; 3],
    activation: Activation,
    losses: Vec<Box<dyn Loss>>,
    dtype: Dtype,
}

fn case(name: &'static str, classes: usize, activation: Activation, losses: Vec<Box<dyn Loss>>) -> Case {
    Case { name, shape: [SAMPLE[0], classes, SAMPLE[1]], activation, losses, dtype: Dtype::F32 }
}

fn cases() -> Vec<Case> {
    use Activation::{Sigmoid, Softmax};
    let cross_entropy = || vec![Box::new(CrossEntropy::default()) as Box<dyn Loss>];
    let dice = || vec![Box::new(Dice::default()) as Box<dyn Loss>];
    let both = || vec![Box::new(Dice::default()) as Box<dyn Loss>, Box::new(CrossEntropy::default())];
    let squared = || {
        vec![Box::new(Dice { squares: segloss::region::Squares::Squared, ..Dice::default() }) as Box<dyn Loss>]
    };
    let small = |name, samples, voxels, losses| Case {
        shape: [samples, 4, voxels],
        ..case(name, 4, Softmax, losses)
    };
    vec![
        case("cross entropy, C = 2", 2, Softmax, cross_entropy()),
        case("cross entropy, C = 3", 3, Softmax, cross_entropy()),
        case("cross entropy, C = 4", 4, Softmax, cross_entropy()),
        case("cross entropy, C = 21", 21, Softmax, cross_entropy()),
        case("focal, C = 4", 4, Softmax, vec![Box::new(Focal::default())]),
        case("TopK, C = 4", 4, Softmax, vec![Box::new(TopK::default())]),
        case("Dice, C = 3", 3, Softmax, dice()),
        case("Dice, C = 4", 4, Softmax, dice()),
        case("squared Dice, C = 4", 4, Softmax, squared()),
        case("Dice + cross entropy, C = 4", 4, Softmax, both()),
        case("Dice + cross entropy, C = 21", 21, Softmax, both()),
        case("balanced cross entropy, C = 4", 4, Softmax, vec![Box::new(BalancedCrossEntropy::default())]),
        case("sigmoid Dice + cross entropy, C = 1", 1, Sigmoid, both()),
        case("sigmoid Dice + cross entropy, C = 4", 4, Sigmoid, both()),
        Case { dtype: Dtype::F16, ..case("Dice + cross entropy of f16, C = 4", 4, Softmax, both()) },
        Case { dtype: Dtype::F64, ..case("Dice + cross entropy of f64, C = 4", 4, Softmax, both()) },
        small("cross entropy, samples of 1 voxel", 40_000, 1, cross_entropy()),
        small("cross entropy, samples of 16 voxels", 2_500, 16, cross_entropy()),
        small("cross entropy, samples of 200 voxels", 200, 200, cross_entropy()),
        small("Dice + cross entropy, samples of 1 voxel", 40_000, 1, both()),
        small("Dice + cross entropy, samples of 16 voxels", 2_500, 16, both()),
        small("Dice + cross entropy, samples of 200 voxels", 200, 200, both()),
    ]
}

/// The function in which callgrind counts.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn measured(run: &mut Run) {
    (run.0)();
}

/// A measured call.
pub struct Run(Box<dyn FnMut()>);

/// Numbers in [0, 1), few of them equal.
fn noise(k: usize) -> f32 {
    let mixed = (k as u32 ^ k as u32 >> 7).wrapping_mul(0x9e37_79b1);
    ((mixed ^ mixed >> 15).wrapping_mul(0x85eb_ca6b) >> 8) as f32 / (1 << 24) as f32
}

impl Case {
    fn voxels(&self) -> usize {
        self.shape[0] * self.shape[2]
    }

    /// The call.
    fn run(self, variant: Variant) -> Run {
        match self.dtype {
            Dtype::F16 => self.run_of(variant, f16::from_f32),
            Dtype::F64 => self.run_of(variant, f64::from),
            _ => self.run_of(variant, |x| x),
        }
    }

    fn run_of<E: Element>(self, variant: Variant, of: impl Fn(f32) -> E) -> Run {
        let [samples, classes, voxels] = self.shape;
        let logits: Vec<E> = (0..samples * classes * voxels).map(|k| of(8.0 * noise(k) - 4.0)).collect();
        let is_ignored = move |k: usize| variant == Variant::Ignored && k % 20 == 7;
        let count = classes.max(2);
        let class = move |k: usize| k * 31 / 97 % count;
        let labels: Vec<u8> = match variant {
            Variant::Masks if classes > 1 => (0..samples * classes * voxels)
                .map(|k| {
                    let (sample, of, voxel) = (k / voxels / classes, k / voxels % classes, k % voxels);
                    u8::from(class(sample * voxels + voxel) == of)
                })
                .collect(),
            _ => (0..samples * voxels).map(|k| if is_ignored(k) { 255 } else { class(k) as u8 }).collect(),
        };
        let weights: Vec<f32> = (0..samples * voxels).map(|k| 0.5 + (k % 5) as f32).collect();
        let mut gradient = logits.clone();
        let mut scratch = vec![];
        Run(Box::new(move || {
            let shape = [samples, classes, voxels];
            let target = match variant {
                Variant::Masks if classes > 1 => View::new(&labels, &shape),
                _ => View::new(&labels, &[samples, voxels]),
            };
            let prediction = View::new(&logits, &shape).unwrap();
            let mut batch = Batch::new(prediction, self.activation, target.unwrap());
            if matches!(variant, Variant::Ignore | Variant::Ignored) {
                batch.ignore = &[255];
            }
            if variant == Variant::Weights {
                batch.voxel_weight = Some(View::new(&weights, &[samples, voxels]).unwrap());
            }
            let terms: Vec<Term<'_>> = self.losses.iter().map(|loss| Term::new(1.0, loss.as_ref())).collect();
            if scratch.is_empty() {
                scratch.resize(scratch_len(&batch, &terms).unwrap(), 0);
                return;
            }
            let into = Gradient::new(ViewMut::new(&mut gradient, &shape).unwrap());
            black_box(differentiate(&batch, &terms, into, &mut scratch).unwrap());
        }))
    }
}

/// The variants of a case: only the plain one for small samples.
fn variants(case: &Case) -> impl Iterator<Item = Variant> + use<> {
    let is_small = case.shape[2] != SAMPLE[1];
    VARIANTS.into_iter().filter(move |&variant| !is_small || variant == Variant::Plain)
}

/// Prints the name of each call and runs it once, with scratch allocated before.
fn count(part: &str) {
    assert_eq!(force(Level::Avx2), Level::Avx2, "this CPU has no AVX2");
    for at in (0..cases().len()).filter(|&at| cases()[at].name.contains(part)) {
        for variant in variants(&cases()[at]) {
            let case = cases().swap_remove(at);
            println!("{} | {variant:?} | {}", case.name, case.voxels());
            let mut run = case.run(variant);
            (run.0)();
            measured(&mut run);
        }
    }
}

/// Prints nanoseconds per voxel: the minimum of many rounds over all variants of a case.
fn time(part: &str) {
    for at in (0..cases().len()).filter(|&at| cases()[at].name.contains(part)) {
        let case = &cases()[at];
        let mut runs: Vec<Run> = variants(case).map(|variant| cases().swap_remove(at).run(variant)).collect();
        let mut least = vec![f64::INFINITY; runs.len()];
        runs.iter_mut().for_each(|run| (run.0)());
        for _ in 0..200 {
            for (run, least) in runs.iter_mut().zip(&mut least) {
                let start = Instant::now();
                (run.0)();
                *least = least.min(start.elapsed().as_secs_f64() * 1e9 / case.voxels() as f64);
            }
        }
        let rest: Vec<String> = least.iter().map(|ns| format!("{ns:.2} ({:.2})", ns / least[0])).collect();
        println!("{:45} {}", case.name, rest.join("  "));
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    let times = arguments.next_if_eq("time").is_some();
    let part = arguments.next().unwrap_or_default();
    if times { time(&part) } else { count(&part) }
}
