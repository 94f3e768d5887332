//! The cost of other formats and layouts, of more classes and of more terms, each relative to the plain case and
//! interleaved with it in one run.
//!
//! Values and gradients of softmax logits and u8 labels, f32, channels first, unless a line says otherwise. Every
//! value is checked against the crate's f64 result before it is timed.
//! `cargo bench -p benches --bench ratios [-- PART OF A LINE]`

use half::{bf16, f16};
use segloss::cpu::{Level, force};
use segloss::custom::{LossKind, RegionLoss};
use segloss::{
    Activation, Batch, Boundary, ClassSums, CrossEntropy, Dice, Element, Focal, GeneralizedDice, Gradient,
    Loss, Term, Tversky, View, ViewMut, differentiate, evaluate, scratch_len,
};
use std::hint::black_box;
use std::time::Instant;

/// A run and the number of elements that it reads.
struct Timed {
    run: Box<dyn FnMut() -> f64>,
    elements: f64,
}

#[derive(Clone, Copy)]
struct Case {
    /// Samples, classes, voxels.
    shape: [usize; 3],
    activation: Activation,
    channels_last: bool,
    loss: fn() -> Vec<Box<dyn Loss>>,
    /// Whether terms with a field are given one.
    given_field: bool,
}

const PLAIN: Case = Case {
    shape: [2, 4, 64 * 64 * 64],
    activation: Activation::Softmax,
    channels_last: false,
    loss: cross_entropy,
    given_field: true,
};
const LARGE: [usize; 3] = [2, 4, 128 * 128 * 128];

fn cross_entropy() -> Vec<Box<dyn Loss>> {
    vec![Box::new(CrossEntropy::default())]
}

fn dice() -> Vec<Box<dyn Loss>> {
    vec![Box::new(Dice::default())]
}

fn two_terms() -> Vec<Box<dyn Loss>> {
    vec![Box::new(Dice::default()), Box::new(CrossEntropy::default())]
}

fn three_terms() -> Vec<Box<dyn Loss>> {
    vec![Box::new(Dice::default()), Box::new(CrossEntropy::default()), Box::new(Tversky::default())]
}

fn four_terms() -> Vec<Box<dyn Loss>> {
    vec![
        Box::new(Dice::default()),
        Box::new(CrossEntropy::default()),
        Box::new(Tversky::default()),
        Box::new(GeneralizedDice::default()),
    ]
}

fn focal_too() -> Vec<Box<dyn Loss>> {
    vec![Box::new(Dice::default()), Box::new(CrossEntropy::default()), Box::new(Focal::default())]
}

fn boundary_too() -> Vec<Box<dyn Loss>> {
    vec![Box::new(Dice::default()), Box::new(CrossEntropy::default()), Box::new(Boundary::default())]
}

/// Dice as a custom loss.
struct Custom;

impl RegionLoss for Custom {
    fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums) {
        let (overlap, all) = (2.0 * class.intersection + 1e-5, class.prediction + class.target + 1e-5);
        let slopes =
            ClassSums { intersection: -2.0 / all, prediction: overlap / (all * all), ..ClassSums::ZERO };
        (1.0 - overlap / all, slopes)
    }
}

impl Loss for Custom {
    fn kind(&self) -> LossKind<'_> {
        LossKind::Region(self)
    }
}

fn custom() -> Vec<Box<dyn Loss>> {
    vec![Box::new(Custom)]
}

/// Numbers with a prime period that the narrowest type represents exactly.
fn painted(i: usize) -> f64 {
    (i * 37 % 101) as f64 / 16.0 - 3.0
}

/// The case in one element type, after a check of its value. Its arrays are leaked.
fn timed<T: Element>(case: Case, number: fn(f64) -> T, level: Level) -> Timed {
    let [b, c, n] = case.shape;
    let strides = if case.channels_last { [c * n, 1, c] } else { [c * n, n, 1] }.map(|s| s as isize);
    let shape: &'static [usize] = Box::leak(Box::new(case.shape));
    let exact: &'static [f64] = Box::leak((0..b * c * n).map(painted).collect());
    let logits: &'static [T] = Box::leak(exact.iter().map(|&x| number(x)).collect());
    let labels: &'static [u8] = Box::leak((0..b * n).map(|i| (i / 37 % c.max(2)) as u8).collect());
    let field: &'static [f32] = Box::leak((0..b * c * n).map(|i| painted(i) as f32).collect());
    let forms: &'static [Box<dyn Loss>] = Box::leak((case.loss)().into());
    let term = |form: &'static dyn Loss| Term {
        field: (case.given_field && form.field().is_some()).then(|| View::new(field, shape).unwrap()),
        ..Term::new(1.0, form)
    };
    let terms: &'static [Term<'static>] = Box::leak(forms.iter().map(|form| term(form.as_ref())).collect());
    let target = View::new(labels, &[b, n]).unwrap();
    let batch = Batch::new(View::strided(logits, 0, shape, &strides).unwrap(), case.activation, target);
    let reference = Batch::new(View::strided(exact, 0, shape, &strides).unwrap(), case.activation, target);
    let mut scratch = vec![0; scratch_len(&reference, terms).unwrap()];
    let mut gradient: Vec<T> = logits.to_vec();
    force(Level::Avx512);
    let expected = evaluate(&reference, terms, &mut scratch).unwrap();
    let mut run = move || {
        force(level);
        let into = ViewMut::strided(&mut gradient, 0, shape, &strides).unwrap();
        let value = differentiate(&batch, terms, Gradient::new(into), &mut scratch).unwrap();
        black_box(&mut gradient);
        value
    };
    let error = (run() - expected).abs() / expected.abs();
    assert!(error <= 1e-6, "off by {error:e}");
    Timed { run: Box::new(run), elements: (b * c * n) as f64 }
}

fn f32_of(x: f64) -> f32 {
    x as f32
}

/// The median time per element of `this` relative to that of `plain`, and the latter in nanoseconds.
fn ratio(mut this: Timed, mut plain: Timed) -> (f64, f64) {
    let mut times = [vec![], vec![]];
    let begun = Instant::now();
    while times[0].len() < 5 || begun.elapsed().as_secs_f64() < 1.0 {
        for (timed, times) in [&mut this, &mut plain].into_iter().zip(&mut times) {
            let start = Instant::now();
            black_box((timed.run)());
            times.push(start.elapsed().as_secs_f64() * 1e9 / timed.elements);
        }
    }
    let [this, plain] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    (this / plain, plain)
}

fn main() {
    let only = std::env::args().skip(1).find(|a| !a.starts_with('-')).unwrap_or_default();
    let best = Level::Avx512;
    let f32s = move |case| timed(case, f32_of, best);
    type Make = Box<dyn Fn() -> Timed>;
    let mut lines: Vec<(String, f64, Make, Make)> = vec![];
    let mut line = |what: String, goal: f64, this: Make, plain: Make| lines.push((what, goal, this, plain));
    for (name, loss) in [("CE", cross_entropy as fn() -> _), ("Dice", dice), ("Dice + CE", two_terms)] {
        let plain = Case { loss, ..PLAIN };
        for shape in [PLAIN.shape, LARGE] {
            let plain = Case { shape, ..plain };
            let size = if shape == LARGE { " 128^3" } else { "" };
            line(
                format!("{name}{size}, f16"),
                1.0,
                Box::new(move || timed(plain, f16::from_f64, best)),
                Box::new(move || f32s(plain)),
            );
            line(
                format!("{name}{size}, bf16"),
                1.0,
                Box::new(move || timed(plain, bf16::from_f64, best)),
                Box::new(move || f32s(plain)),
            );
            line(
                format!("{name}{size}, f64"),
                2.5,
                Box::new(move || timed(plain, |x| x, best)),
                Box::new(move || f32s(plain)),
            );
            let last = Case { channels_last: true, ..plain };
            line(
                format!("{name}{size}, channels last"),
                1.3,
                Box::new(move || f32s(last)),
                Box::new(move || f32s(plain)),
            );
        }
        let last = Case { channels_last: true, ..plain };
        line(
            format!("{name}, f16 channels last"),
            1.3,
            Box::new(move || timed(last, f16::from_f64, best)),
            Box::new(move || timed(plain, f16::from_f64, best)),
        );
        for (classes, activation) in [
            (1, Activation::Sigmoid),
            (2, Activation::Softmax),
            (21, Activation::Softmax),
            (105, Activation::Softmax),
            (1000, Activation::Softmax),
        ] {
            let voxels = (8 * 64 * 64 * 64 / classes / 64 * 64).min(64 * 64 * 64);
            let other = Case { shape: [1, classes, voxels], activation, ..plain };
            line(
                format!("{name}, C = {classes} {activation:?}, per element"),
                2.0,
                Box::new(move || f32s(other)),
                Box::new(move || f32s(plain)),
            );
        }
        for (level, goal) in [(Level::Avx2, 2.0), (Level::Baseline, 5.0)] {
            line(
                format!("{name}, {level:?}"),
                goal,
                Box::new(move || timed(plain, f32_of, level)),
                Box::new(move || f32s(plain)),
            );
        }
    }
    let terms = |loss| Case { loss, ..PLAIN };
    for (what, goal, more, fewer) in [
        ("a third term (Tversky)", 1.1, three_terms as fn() -> _, two_terms as fn() -> _),
        ("a fourth term (generalized Dice)", 1.1, four_terms, three_terms),
        ("a third term (focal)", 1.1, focal_too, two_terms),
        ("a third term (boundary, its field given)", 1.2, boundary_too, two_terms),
        ("a custom closed form", 1.02, custom, dice),
    ] {
        line(what.into(), goal, Box::new(move || f32s(terms(more))), Box::new(move || f32s(terms(fewer))));
    }
    println!("{:45} {:>8} {:>8} {:>14}", "", "ratio", "goal", "ns per element");
    for (what, goal, this, plain) in lines.into_iter().filter(|line| line.0.contains(&only)) {
        let (ratio, nanoseconds) = ratio(this(), plain());
        let mark = if ratio <= goal { "" } else { "above" };
        println!("{what:45} {ratio:8.2} {goal:8.2} {nanoseconds:14.2} {mark}");
    }
}
