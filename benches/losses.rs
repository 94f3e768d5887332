//! Value and gradient of losses by shape, dtype and layout. Each value and gradient is first checked against the
//! crate's f64 results, which the tests compare with the equations.
//!
//! `cargo bench -p benches --bench losses`; `cargo bench -p benches --bench losses -- dice/f16` runs a part.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use half::{bf16, f16};
use segloss::{
    Activation, Batch, CrossEntropy, Dice, Element, Focal, GeneralizedDice, Gradient, Loss, Term, TopK,
    Tversky, View, ViewMut, differentiate, scratch_len,
};
use std::hint::black_box;

/// Samples, classes, voxels.
const SHAPES: [[usize; 3]; 4] =
    [[1, 4, 64 * 64 * 64], [2, 21, 128 * 128], [1, 105, 128 * 128], [4, 2, 64 * 64]];

fn losses() -> Vec<(&'static str, Vec<Box<dyn Loss>>)> {
    fn boxed(form: impl Loss + 'static) -> Box<dyn Loss> {
        Box::new(form)
    }
    vec![
        ("cross entropy", vec![boxed(CrossEntropy::default())]),
        ("focal", vec![boxed(Focal::default())]),
        ("top k", vec![boxed(TopK::default())]),
        ("dice", vec![boxed(Dice::default())]),
        ("tversky", vec![boxed(Tversky::default())]),
        ("generalized dice", vec![boxed(GeneralizedDice::default())]),
        ("dice + cross entropy", vec![boxed(Dice::default()), boxed(CrossEntropy::default())]),
    ]
}

/// Numbers with a prime period that the narrowest type represents exactly.
fn painted(i: usize) -> f64 {
    (i * 37 % 101) as f64 / 16.0 - 3.0
}

/// A type: its name, conversions, and the tolerances of value and gradient against f64.
struct Kind<T> {
    dtype: &'static str,
    number: fn(f64) -> T,
    read: fn(T) -> f64,
    value: f64,
    gradient: f64,
}

fn run<T: Element>(c: &mut Criterion, kind: Kind<T>) {
    let Kind { dtype, number, read, .. } = kind;
    for shape in SHAPES {
        let [b, classes, n] = shape;
        let exact: Vec<f64> = (0..b * classes * n).map(painted).collect();
        let logits: Vec<T> = exact.iter().map(|&x| number(x)).collect();
        let labels: Vec<u8> = (0..b * n).map(|i| (i / 5 % classes) as u8).collect();
        let target = View::new(&labels, &[b, n]).unwrap();
        for (layout, strides) in [
            ("first", [classes * n, n, 1].map(|s| s as isize)),
            ("last", [classes * n, 1, classes].map(|s| s as isize)),
        ] {
            let reference = View::strided(&exact, 0, &shape, &strides).unwrap();
            let prediction = View::strided(&logits, 0, &shape, &strides).unwrap();
            let batch = Batch::new(prediction, Activation::Softmax, target);
            for (name, forms) in losses() {
                let terms: Vec<Term> = forms.iter().map(|form| Term::new(1.0, form.as_ref())).collect();
                let exact_batch = Batch::new(reference, Activation::Softmax, target);
                let sizes = [&exact_batch, &batch].map(|batch| scratch_len(batch, &terms).unwrap());
                let mut scratch = vec![0; sizes[0].max(sizes[1])];
                // With a loss scale: 1/N of so many voxels underflows in f16.
                let scale = (b * n) as f64;
                let mut slopes = exact.clone();
                let into = ViewMut::strided(&mut slopes, 0, &shape, &strides).unwrap();
                let into = Gradient { scale, ..Gradient::new(into) };
                let expected = differentiate(&exact_batch, &terms, into, &mut scratch).unwrap();
                let mut gradient = logits.clone();
                let mut value = |gradient: &mut [T]| {
                    let into = ViewMut::strided(gradient, 0, &shape, &strides).unwrap();
                    let into = Gradient { scale, ..Gradient::new(into) };
                    differentiate(&batch, &terms, into, &mut scratch).unwrap()
                };
                let error = (value(&mut gradient) - expected).abs() / expected;
                let title = format!("{name} {dtype} {shape:?} {layout}");
                assert!(error <= kind.value, "{title}: off by {error:e}");
                let largest = slopes.iter().fold(0.0f64, |m, x| m.max(x.abs()));
                let errors = gradient.iter().zip(&slopes).map(|(&x, slope)| (read(x) - slope).abs());
                let error = errors.fold(0.0, f64::max) / largest;
                assert!(error <= kind.gradient, "{title}: a slope is off by {error:e}");
                let mut group = c.benchmark_group(format!("{name}/{dtype}"));
                group.throughput(Throughput::Elements((b * n) as u64)).sample_size(10);
                group.bench_function(BenchmarkId::new(layout, format!("{b}x{classes}x{n}")), |bencher| {
                    bencher.iter(|| black_box(value(&mut gradient)));
                });
                group.finish();
            }
        }
    }
}

fn all(c: &mut Criterion) {
    // The value is summed in f64; only the f32 arithmetic of the voxels rounds.
    run(c, Kind::<f32> { dtype: "f32", number: |x| x as f32, read: f64::from, value: 1e-6, gradient: 2e-6 });
    run(c, Kind::<f64> { dtype: "f64", number: |x| x, read: |x| x, value: 1e-14, gradient: 1e-14 });
    run(
        c,
        Kind::<f16> { dtype: "f16", number: f16::from_f64, read: f16::to_f64, value: 1e-6, gradient: 6e-4 },
    );
    run(
        c,
        Kind::<bf16> {
            dtype: "bf16",
            number: bf16::from_f64,
            read: bf16::to_f64,
            value: 1e-6,
            gradient: 5e-3,
        },
    );
}

criterion_group!(benches, all);
criterion_main!(benches);
