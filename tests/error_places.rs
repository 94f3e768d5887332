//! The error names the first invalid voxel: of every kind of invalid input, past a block, a tile and a chunk, in any
//! sample, in any layout, on any executor.

use crate::executors::Two;
use crate::limits::ACTIVATIONS;
use crate::naive;
use segloss::{
    Activation, Batch, Boundary, CrossEntropy, DistancePenalized, Element, Executor, Hausdorff, Loss,
    Sequential, Status, Term, View, evaluate, scratch_len,
};

const C: usize = 3;
/// A chunk, a tile, a block and an incomplete block.
const N: usize = 16_384 + 1_024 + 64 + 5;
const B: usize = 2;

/// Pairs of voxels; the error must name the first of each.
const PLACES: [(usize, usize); 9] = [
    (0, 1),
    (63, 64),
    (64, 65),
    (65, 16_384),
    (1_023, 1_024),
    (1_024, N),
    (16_383, 16_384),
    (16_384 + 1_024 + 66, N + 64),
    (N + 16_384 + 70, B * N - 1),
];

/// A map `[B, C, N]` or `[B, 1, N]`, channels first or last.
struct Maps<T> {
    data: Vec<T>,
    channels: usize,
    last: bool,
}

impl<T: Element> Maps<T> {
    fn new(channels: usize, last: bool, of: impl Fn(usize, usize) -> T) -> Self {
        let element = |k: usize| {
            let (b, rest) = (k / (channels * N), k % (channels * N));
            let (c, i) = if last { (rest % channels, rest / channels) } else { (rest / N, rest % N) };
            of(b * N + i, c)
        };
        Self { data: (0..B * channels * N).map(element).collect(), channels, last }
    }

    fn set(&mut self, voxel: usize, c: usize, x: T) {
        let (b, i) = (voxel / N, voxel % N);
        let at = if self.last { i * self.channels + c } else { c * N + i };
        self.data[b * self.channels * N + at] = x;
    }

    fn view(&self) -> View<'_> {
        let (all, one) = ((self.channels * N) as isize, self.channels as isize);
        let strides = if self.last { [all, 1, one] } else { [all, N as isize, 1] };
        View::strided(&self.data, 0, &[B, self.channels, N], &strides).unwrap()
    }

    /// A map of one channel without the channel axis.
    fn flat(&self) -> View<'_> {
        View::new(&self.data, &[B, N]).unwrap()
    }
}

/// Asserts status, argument and voxel of the error of a loss on a batch.
#[track_caller]
fn assert_named(
    batch: &Batch<'_>,
    form: &dyn Loss,
    status: Status,
    argument: &str,
    voxel: usize,
    title: &str,
) {
    let terms = [Term::new(1.0, form)];
    for executor in [&Sequential as &dyn Executor, &Two] {
        let batch = Batch { executor, ..*batch };
        let mut scratch = vec![0; scratch_len(&batch, &terms).unwrap()];
        let error = evaluate(&batch, &terms, &mut scratch).unwrap_err();
        let found = (error.status, error.argument(), error.index);
        assert_eq!(found, (status, argument, Some(voxel)), "{title}: {error}");
    }
}

/// Calls `fault` with every pair of voxels and every layout.
fn each(mut fault: impl FnMut(usize, usize, bool, &str)) {
    for (first, second) in PLACES {
        for last in [false, true] {
            fault(first, second, last, &format!("{first} and {second}, channels last: {last}"));
        }
    }
}

fn activations() -> impl Iterator<Item = Activation> {
    ACTIVATIONS.into_iter().map(|activation| match activation {
        naive::Activation::Softmax => Activation::Softmax,
        naive::Activation::Sigmoid => Activation::Sigmoid,
        naive::Activation::Probability => Activation::Probability,
        naive::Activation::ProbabilityPerClass => Activation::ProbabilityPerClass,
    })
}

fn prediction(last: bool) -> Maps<f32> {
    Maps::new(C, last, |voxel, c| if (voxel + c) % 3 == 0 { 0.5 } else { 0.25 })
}

fn label(voxel: usize) -> u8 {
    (voxel / 7 % C) as u8
}

#[test]
fn first_invalid_label_is_named() {
    fn of<T: Element>(class: impl Fn(u8) -> T, bad: [T; 2]) {
        each(|first, second, last, title| {
            let (logits, cross_entropy) = (prediction(last), CrossEntropy::default());
            let mut labels = Maps::new(1, false, |voxel, _| class(label(voxel)));
            labels.set(first, 0, bad[0]);
            labels.set(second, 0, bad[1]);
            let batch = Batch::new(logits.view(), Activation::Softmax, labels.flat());
            // With and without an ignored label: two paths of the validation.
            for ignore in [&[][..], &[100]] {
                let batch = Batch { ignore, ..batch };
                assert_named(&batch, &cross_entropy, Status::Label, "target", first, title);
            }
        });
    }
    of::<u8>(|l| l, [3, 255]);
    of::<i16>(i16::from, [-1, i16::MIN]);
    of::<i32>(i32::from, [i32::MAX, 3]);
    of::<i64>(i64::from, [1 << 32, -1]);
}

#[test]
fn first_mask_value_other_than_0_or_1_is_named() {
    let cross_entropy = CrossEntropy::default();
    for activation in activations() {
        each(|first, second, last, title| {
            let logits = prediction(last);
            let mut masks = Maps::new(C, last, |voxel, c| u8::from(usize::from(label(voxel)) == c));
            // The second voxel belongs to an earlier class.
            masks.set(first, 2, 2);
            masks.set(second, 0, 255);
            let batch = Batch::new(logits.view(), activation, masks.view());
            assert_named(&batch, &cross_entropy, Status::Label, "target", first, title);
        });
    }
}

#[test]
fn first_map_value_outside_0_to_1_is_named() {
    let cross_entropy = CrossEntropy::default();
    for (first_value, second_value) in [(255.0, -1.0), (-0.5, f32::NAN), (f32::NAN, 1.5)] {
        each(|first, second, last, title| {
            let logits = prediction(last);
            let mut maps =
                Maps::new(C, last, |voxel, c| if usize::from(label(voxel)) == c { 0.75 } else { 0.125 });
            // The second voxel belongs to an earlier class.
            maps.set(first, 2, first_value);
            maps.set(second, 0, second_value);
            let batch = Batch::new(logits.view(), Activation::Softmax, maps.view());
            assert_named(&batch, &cross_entropy, Status::Label, "target", first, title);
        });
    }
}

#[test]
fn first_invalid_weight_is_named() {
    fn of<T: Element>(one: T, bad: &[T]) {
        let cross_entropy = CrossEntropy::default();
        each(|first, second, last, title| {
            for &bad in bad {
                let logits = prediction(last);
                let labels = Maps::new(1, false, |voxel, _| label(voxel));
                let mut weights = Maps::new(1, false, |_, _| one);
                weights.set(first, 0, bad);
                weights.set(second, 0, bad);
                let batch = Batch {
                    voxel_weight: Some(weights.flat()),
                    ..Batch::new(logits.view(), Activation::Softmax, labels.flat())
                };
                assert_named(&batch, &cross_entropy, Status::Parameter, "voxel_weight", first, title);
            }
        });
    }
    of::<f32>(0.5, &[f32::NAN, f32::INFINITY, -1e-30]);
    of::<f64>(0.5, &[-1.0]);
}

/// Targets without distances: a mask value of one half; for regions, a voxel of two classes or of none.
#[test]
fn first_voxel_that_forms_no_mask_is_named() {
    let (boundary, hausdorff) = (Boundary::default(), Hausdorff::default());
    let forms: [(&dyn Loss, bool); 3] = [(&boundary, false), (&hausdorff, false), (&DistancePenalized, true)];
    for (form, is_partition) in forms {
        each(|first, second, last, title| {
            let logits = prediction(last);
            let hot = |voxel: usize, c: usize| f32::from(u8::from(usize::from(label(voxel)) == c));
            let mut soft = Maps::new(C, last, hot);
            soft.set(first, 2, 0.5);
            soft.set(second, 0, 0.25);
            let batch = Batch::new(logits.view(), Activation::Softmax, soft.view());
            assert_named(&batch, form, Status::Unsupported, "target", first, title);
            if is_partition {
                let mut twice = Maps::new(C, last, hot);
                (0..C).for_each(|c| twice.set(first, c, 1.0));
                (0..C).for_each(|c| twice.set(second, c, 0.0));
                let batch = Batch { target: twice.view(), ..batch };
                assert_named(&batch, form, Status::Unsupported, "target", first, title);
            }
        });
    }
}
