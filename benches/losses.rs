//! Loss by shape, dtype and layout, value and gradient; each answer is checked before it is timed.
//!
//! `cargo bench -p benches --bench losses`; `cargo bench -p benches --bench losses -- dice/f16` runs a part.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use half::{bf16, f16};
use segloss::{
    Activation, Batch, CrossEntropy, Dice, Element, Focal, Form, GeneralizedDice, Gradient, Term, TopK,
    Tversky, View, ViewMut, differentiate, evaluate, scratch_len,
};
use std::hint::black_box;

/// Samples, classes, voxels.
const SHAPES: [[usize; 3]; 4] =
    [[1, 4, 64 * 64 * 64], [2, 21, 128 * 128], [1, 105, 128 * 128], [4, 2, 64 * 64]];

fn losses() -> Vec<(&'static str, Vec<Box<dyn Form>>)> {
    fn boxed(form: impl Form + 'static) -> Box<dyn Form> {
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

/// A number that the narrowest type holds, painted with a prime period.
fn painted(i: usize) -> f64 {
    (i * 37 % 101) as f64 / 16.0 - 3.0
}

fn run<T: Element>(c: &mut Criterion, dtype: &str, number: fn(f64) -> T, tolerance: f64) {
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
                let mut scratch = vec![0; scratch_len(&exact_batch, &terms).unwrap()];
                let expected = evaluate(&exact_batch, &terms, &mut scratch).unwrap();
                let mut gradient = logits.clone();
                let mut value = || {
                    let into = ViewMut::strided(&mut gradient, 0, &shape, &strides).unwrap();
                    differentiate(&batch, &terms, Gradient::new(into), &mut scratch).unwrap()
                };
                let error = (value() - expected).abs() / expected.abs().max(1.0);
                assert!(error <= tolerance, "{name} {dtype} {shape:?} {layout}: off by {error:e}");
                let mut group = c.benchmark_group(format!("{name}/{dtype}"));
                group.throughput(Throughput::Elements((b * n) as u64)).sample_size(10);
                group.bench_function(BenchmarkId::new(layout, format!("{b}x{classes}x{n}")), |bencher| {
                    bencher.iter(|| black_box(value()));
                });
                group.finish();
            }
        }
    }
}

fn all(c: &mut Criterion) {
    // The value is formed in f64; what is lost is lost voxel by voxel, in f32.
    run::<f32>(c, "f32", |x| x as f32, 1e-6);
    run::<f64>(c, "f64", |x| x, 1e-14);
    run::<f16>(c, "f16", f16::from_f64, 1e-6);
    run::<bf16>(c, "bf16", bf16::from_f64, 1e-6);
}

criterion_group!(benches, all);
criterion_main!(benches);
