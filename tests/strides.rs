//! Any shape with any strides: axes in any order, reversed, with gaps; each array with its own layout.

use crate::convert_cases::{self, Float, Format, Layout};
use crate::formats::assert_same;
use crate::list::{losses, sweeps_of};
use crate::naive::{self, Case};
use quickcheck::{Arbitrary, Gen, quickcheck};
use segloss::{
    Activation, Batch, Boundary, CrossEntropy, Dice, Element, Gradient, Term, View, ViewMut, differentiate,
    scratch_len,
};

/// The layout of an array: a key per axis that determines order, direction and gaps.
#[derive(Clone, Debug)]
struct Way {
    keys: Vec<u8>,
}

impl Arbitrary for Way {
    fn arbitrary(source: &mut Gen) -> Self {
        Self { keys: (0..6).map(|_| u8::arbitrary(source)).collect() }
    }
}

/// `[B, C, …]` with 1 to 4 spatial axes; the last extent is close to a block of 64 voxels.
#[derive(Clone, Debug)]
struct Shape(Vec<usize>);

impl Arbitrary for Shape {
    fn arbitrary(source: &mut Gen) -> Self {
        let small = |source: &mut Gen| *source.choose(&[1usize, 2, 3]).unwrap();
        let mut shape = vec![small(source), small(source) + 1];
        for _ in 0..small(source) {
            shape.push(small(source));
        }
        shape.push(*source.choose(&[1, 5, 63, 64, 65, 130]).unwrap());
        Self(shape)
    }
}

/// Values stored by a layout in a longer slice.
struct Scattered<T> {
    data: Vec<T>,
    first: usize,
    shape: Vec<usize>,
    strides: Vec<isize>,
}

impl<T: Element> Scattered<T> {
    fn new(values: &[T], shape: &[usize], way: &Way, gap: T) -> Self {
        let mut order: Vec<usize> = (0..shape.len()).collect();
        order.sort_by_key(|&axis| way.keys[axis]);
        let (mut strides, mut first, mut len) = (vec![0isize; shape.len()], 0, 1 + way.keys[0] as usize % 2);
        for axis in order {
            let stride = len;
            let reversed = way.keys[axis] & 8 != 0;
            strides[axis] = if reversed { -(stride as isize) } else { stride as isize };
            first += if reversed { stride * (shape[axis] - 1) } else { 0 };
            len = stride * shape[axis] + way.keys[axis] as usize % 3;
        }
        let mut all = Self { data: vec![gap; len], first, shape: shape.to_vec(), strides };
        for (at, &x) in all.places().into_iter().zip(values) {
            all.data[at] = x;
        }
        all
    }

    /// Where the elements lie, in C order.
    fn places(&self) -> Vec<usize> {
        let place = |mut flat: usize| {
            let mut at = self.first as isize;
            for (&extent, &stride) in self.shape.iter().zip(&self.strides).rev() {
                at += (flat % extent) as isize * stride;
                flat /= extent;
            }
            at as usize
        };
        (0..self.shape.iter().product()).map(place).collect()
    }

    fn view(&self) -> View<'_> {
        View::strided(&self.data, self.first, &self.shape, &self.strides).unwrap()
    }
}

const GAP: f32 = -77.0;

/// Value and gradient in C order, and whether the gaps between the gradient's elements are unchanged.
fn outcome(shape: &[usize], ways: [&Way; 4]) -> (u64, Vec<u32>, bool) {
    let flat: Vec<usize> = [shape[0]].iter().chain(&shape[2..]).copied().collect();
    let (all, voxels): (usize, usize) = (shape.iter().product(), flat.iter().product());
    let logits: Vec<f32> = (0..all).map(|k| ((k * k * 31 + k) % 61) as f32 / 8.0 - 3.8).collect();
    let labels: Vec<i16> = (0..voxels).map(|k| ((k * k + k / 7) % 11 % shape[1]) as i16).collect();
    let weights: Vec<f32> = (0..voxels).map(|k| [1.0, 0.0, 0.5, 2.0, 1.5][k % 5]).collect();
    let prediction = Scattered::new(&logits, shape, ways[0], f32::NAN);
    let target = Scattered::new(&labels, &flat, ways[1], 99);
    let weight = Scattered::new(&weights, &flat, ways[2], f32::NAN);
    let mut gradient = Scattered::new(&vec![0.0; all], shape, ways[3], GAP);
    let places = gradient.places();

    let batch = Batch {
        voxel_weight: Some(weight.view()),
        ..Batch::new(prediction.view(), Activation::Softmax, target.view())
    };
    let (dice, cross_entropy, boundary) = (Dice::default(), CrossEntropy::default(), Boundary::default());
    let terms = [Term::new(1.0, &dice), Term::new(0.5, &cross_entropy), Term::new(0.1, &boundary)];
    let mut scratch = vec![0; scratch_len(&batch, &terms).unwrap()];
    let into = ViewMut::strided(&mut gradient.data, gradient.first, shape, &gradient.strides).unwrap();
    let value = differentiate(&batch, &terms, Gradient::new(into), &mut scratch).unwrap();

    let in_order = places.iter().map(|&at| gradient.data[at].to_bits()).collect();
    let gaps = (0..gradient.data.len()).filter(|at| !places.contains(at));
    let untouched = gaps.map(|at| gradient.data[at]).all(|x| x == GAP);
    (value.to_bits(), in_order, untouched)
}

quickcheck! {
    fn strides_change_no_bit_and_gaps_are_left_alone(shape: Shape, a: Way, b: Way, c: Way, d: Way) -> bool {
        let plain = Way { keys: (0..6).map(|axis| 240 - 48 * axis).collect() };
        let (value, gradient, untouched) = outcome(&shape.0, [&a, &b, &c, &d]);
        let (expected, contiguous, _) = outcome(&shape.0, [&plain; 4]);
        untouched && value == expected && gradient == contiguous
    }
}

#[test]
fn stride_0_repeats_an_input() {
    let logits: Vec<f64> = (0..2 * 3 * 35).map(|k| (k % 13) as f64 / 4.0 - 1.5).collect();
    let labels: Vec<u8> = (0..7).map(|k| k % 3).collect();
    let repeated: Vec<u8> = (0..70).map(|k| labels[k % 7]).collect();
    let prediction = View::new(&logits, &[2, 3, 5, 7]).unwrap();
    let (dice, cross_entropy) = (Dice::default(), CrossEntropy::default());
    let loss = [Term::new(1.0, &dice), Term::new(1.0, &cross_entropy)];
    let value = |target: View<'_>| {
        let batch = Batch::new(prediction, Activation::Softmax, target);
        let mut scratch = vec![0; scratch_len(&batch, &loss).unwrap()];
        segloss::evaluate(&batch, &loss, &mut scratch).unwrap().to_bits()
    };
    let broadcast = View::strided(&labels, 0, &[2, 5, 7], &[0, 0, 1]).unwrap();
    assert_eq!(value(broadcast), value(View::new(&repeated, &[2, 5, 7]).unwrap()));
}

/// Fourteen spatial axes of two voxels, no two of them contiguous: the maximum of a view.
#[test]
fn sixteen_strided_axes_give_the_bits_of_sixteen_contiguous_axes() {
    const AXES: [usize; 14] = [2; 14];
    let n: usize = AXES.iter().product();
    let labels: Vec<i64> = (0..n).map(|k| (k * k / 7 % 3 % 2) as i64).collect();
    let weights = crate::cases::weights(n);
    let z = crate::cases::distinct_logits(2 * n, 3);
    let case = Case::of_labels(2, &AXES, naive::Activation::Softmax, &z, &labels, &[]).weighted(&weights);
    let mut seen = std::collections::BTreeSet::new();
    for loss in losses() {
        let terms = loss.for_classes(2);
        if !seen.insert(sweeps_of(&terms)) {
            continue;
        }
        let single = Format { prediction: Float::F32, gradient: Float::F32, ..Format::exact(&case) };
        let together = convert_cases::outcome(&case, &terms, &single, 1.0).unwrap();
        let apart = Format { layout: Layout::Odd, ..single };
        assert_same(&convert_cases::outcome(&case, &terms, &apart, 1.0).unwrap(), &together, loss.name);
    }
}
