//! Test inputs: numbers with a prime period, sizes at the edges of blocks, at most 512 voxels.
//!
//! Logits are odd multiples of 1/16, probabilities of 1/64, weights and soft targets of 1/8: bf16 represents them
//! exactly, so every format computes from the same numbers. No probability is close to one half, so the mask of the
//! prediction does not change between the steps of finite differences.

use crate::naive::{Activation, Case, Form, TermSpec, probabilities};

/// A case and its name.
pub struct Painted {
    pub name: &'static str,
    pub case: Case,
}

/// The ignored label; every integer type can hold it.
pub const IGNORED: i64 = 255;

/// The maximum number of spatial axes, most of them of one voxel.
const MANY_AXES: [usize; 14] = [3, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 1, 2, 1];

/// Odd multiples of 1/16 between −4 and 4.
pub fn logits(count: usize, seed: usize) -> Vec<f64> {
    (0..count).map(|k| (2 * ((k * k * 31 + k * 17 + seed * 7) % 61) as i64 - 61) as f64 / 16.0).collect()
}

/// Logits between −4 and 4 such that no two voxels have the same loss: TopK's selection depends on no rounding.
pub fn distinct_logits(count: usize, seed: usize) -> Vec<f64> {
    (0..count).map(|k| ((k * k * 31 + k * 17 + seed * 7) % 1_000_003) as f64 / 125_000.0 - 4.0).collect()
}

/// Labels of a prime period, every thirteenth one ignored.
fn labels(count: usize, classes: usize, seed: usize, with_ignored: bool) -> Vec<i64> {
    let label = |k: usize| ((k * k + 3 * k + seed) % 11 % classes.max(2)) as i64;
    (0..count).map(|k| if with_ignored && k % 13 == 5 { IGNORED } else { label(k) }).collect()
}

/// Weights of a prime period, zeros among them.
pub fn weights(count: usize) -> Vec<f64> {
    (0..count).map(|k| [1.0, 0.5, 2.0, 0.0, 1.25, 0.75, 1.5][k % 7]).collect()
}

/// 0/1 maps with overlapping classes and voxels of no class.
pub fn masks(count: usize, seed: usize) -> Vec<f64> {
    (0..count).map(|k| if (k * k + seed * k + k / 3) % 7 < 3 { 1.0 } else { 0.0 }).collect()
}

/// Multiples of 1/8 in [0, 1].
pub fn soft(count: usize, seed: usize) -> Vec<f64> {
    (0..count).map(|k| ((k * k * 5 + k * 3 + seed) % 17 % 9) as f64 / 8.0).collect()
}

/// Multiples of 1/64 from 4/64 to 60/64 without one half.
fn each_probability(count: usize, seed: usize) -> Vec<f64> {
    let place = |k: usize| 4 + (k * k * 13 + k * 5 + seed) % 53;
    (0..count).map(|k| (if place(k) == 32 { 36 } else { place(k) }) as f64 / 64.0).collect()
}

/// Three probabilities per voxel that sum to 1, [B, 3, N].
fn shared_probability(samples: usize, voxels: usize) -> Vec<f64> {
    let mut all = vec![0.0; samples * 3 * voxels];
    for k in 0..samples * voxels {
        let (first, other) = (4 + (k * k * 7 + k) % 23, 4 + (k * 5 + 3) % 27);
        let second = if first + other == 32 { other + 1 } else { other };
        for (class, s) in [first, second, 64 - first - second].into_iter().enumerate() {
            all[(k / voxels * 3 + class) * voxels + k % voxels] = s as f64 / 64.0;
        }
    }
    all
}

/// Moves probabilities away from one half.
pub fn steady(mut case: Case) -> Case {
    for _ in 0..64 {
        let near: Vec<usize> = (probabilities(&case).s.iter().enumerate())
            .filter_map(|(k, s)| ((s - 0.5).abs() < 0.012).then_some(k))
            .collect();
        if near.is_empty() {
            return case;
        }
        for k in near {
            // The logits of two classes of a voxel move apart.
            case.z[k] += 0.125 * (1 + k / case.n() % case.c % 5) as f64;
        }
    }
    panic!("some class stays near one half");
}

fn of_labels(
    c: usize,
    b: usize,
    shape: &[usize],
    activation: Activation,
    seed: usize,
    ignored: bool,
) -> Case {
    let n: usize = shape.iter().product();
    let z = match activation {
        Activation::Softmax | Activation::Sigmoid => logits(b * c * n, seed),
        Activation::Probability if c == 3 => shared_probability(b, n),
        _ => each_probability(b * c * n, seed),
    };
    let ignore: &[i64] = if ignored { &[IGNORED] } else { &[] };
    let labels = labels(b * n, c, seed, ignored);
    Case::of_labels(c, shape, activation, &z, &labels, ignore)
}

/// All cases. 63, 64, 65 voxels: one less than a block, a block, one more.
pub fn cases() -> Vec<Painted> {
    use Activation::{Probability, ProbabilityPerClass, Sigmoid, Softmax};
    let count = |case: &Case| case.b * case.n();
    let weighted = |case: Case| {
        let weight = weights(count(&case));
        case.weighted(&weight)
    };
    let spaced = |case: Case, spacing: &[f64]| Case { spacing: spacing.to_vec(), ..case };
    let annotated = |case: Case, period: usize| {
        let class_present = (0..case.b * case.c).map(|k| k % period != 1).collect();
        Case { class_present, ..case }
    };
    let of_maps = |c: usize, shape: &[usize], activation, z: Vec<f64>, truth: Vec<f64>| {
        Case::of_maps(c, shape, activation, &z, &truth)
    };
    let relabelled = |case: Case, change: &dyn Fn(usize, i64) -> i64| {
        let labels = case.labels.iter().flatten().enumerate().map(|(k, &label)| change(k, label));
        Case::of_labels(
            case.c,
            &case.shape,
            case.activation,
            &case.z,
            &labels.collect::<Vec<_>>(),
            &[IGNORED],
        )
    };
    // The ignored label is a class.
    let without_class = |case: Case, class: i64| {
        let labels = case.labels.as_ref().expect("a case of labels");
        Case::of_labels(case.c, &case.shape, case.activation, &case.z, labels, &[class])
    };
    let absent =
        relabelled(of_labels(3, 2, &[37], Softmax, 5, false), &|k, l| if k < 37 { l } else { l.min(1) });
    let blank =
        relabelled(of_labels(2, 3, &[21], Softmax, 6, true), &|k, l| if k / 21 == 1 { IGNORED } else { l });
    let all = [
        ("labels, ignored and weighted", weighted(of_labels(3, 2, &[7, 9], Softmax, 1, true))),
        (
            "thick slices, a class ignored",
            spaced(without_class(of_labels(5, 1, &[4, 4, 4], Softmax, 2, false), 2), &[3.0, 0.7, 0.7]),
        ),
        ("overlapping masks", of_maps(3, &[5, 13], Sigmoid, logits(2 * 3 * 65, 3), masks(2 * 3 * 65, 3))),
        ("labels of one class", of_labels(1, 3, &[31], Sigmoid, 4, true)),
        ("labels on their own", weighted(of_labels(3, 1, &[3, 11], Sigmoid, 8, true))),
        ("soft truth", weighted(of_maps(3, &[2, 3, 5], Softmax, logits(2 * 3 * 30, 7), soft(2 * 3 * 30, 1)))),
        ("soft truth on its own", of_maps(2, &[2, 17], Sigmoid, logits(2 * 2 * 34, 9), soft(2 * 2 * 34, 2))),
        ("probabilities", weighted(of_labels(3, 2, &[23], Probability, 0, true))),
        (
            "probabilities of soft truth",
            of_maps(3, &[19], Probability, shared_probability(2, 19), soft(2 * 3 * 19, 3)),
        ),
        (
            "probabilities of overlapping masks",
            of_maps(2, &[4, 5], ProbabilityPerClass, each_probability(80, 11), masks(80, 4)),
        ),
        ("probabilities of one class", of_labels(1, 2, &[29], Probability, 12, false)),
        ("a class absent from one sample", absent),
        ("sixteen axes, classes not annotated", annotated(of_labels(3, 2, &MANY_AXES, Softmax, 13, true), 4)),
        (
            "masks not annotated",
            annotated(of_maps(3, &[13], Sigmoid, logits(2 * 3 * 13, 14), masks(2 * 3 * 13, 5)), 3),
        ),
        ("a sample ignored", blank),
    ];
    all.into_iter().map(|(name, case)| Painted { name, case: steady(case) }).collect()
}

/// The field of a loss: one distance map per class, or one for all classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Field {
    PerClass,
    Shared,
}

/// The field of a loss, if it has one.
pub fn field_of(form: Form) -> Option<Field> {
    match form {
        Form::Boundary { .. } | Form::Hausdorff(_) => Some(Field::PerClass),
        Form::DistancePenalized => Some(Field::Shared),
        _ => None,
    }
}

/// Whether the terms are defined for the case: distances need masks, which soft targets are not.
pub fn is_served(terms: &[TermSpec], case: &Case) -> bool {
    let is_mask = case.truth.iter().all(|&g| g == 0.0 || g == 1.0);
    let ones = |b: usize, i: usize| (0..case.c).filter(|&c| case.truth[case.at(b, c, i)] == 1.0).count();
    // One map for all classes needs regions that do not overlap.
    let has_regions = case.labels.is_some()
        || case.c == 1
        || (0..case.b * case.n()).all(|k| ones(k / case.n(), k % case.n()) == 1);
    let finds_its_field = |term: &TermSpec| match field_of(term.form) {
        _ if term.field.is_some() => true,
        // The prediction always has a mask.
        Some(Field::PerClass) => is_mask || matches!(term.form, Form::Hausdorff(of) if of.prediction_only),
        Some(Field::Shared) => is_mask && has_regions,
        None => true,
    };
    terms.iter().all(|term| has_meaning(term, case.c) && finds_its_field(term))
}

/// Whether a term is defined for a number of classes: argmax needs at least two.
pub fn has_meaning(term: &TermSpec, classes: usize) -> bool {
    classes > 1 || !matches!(term.form, Form::Hausdorff(of) if of.argmax)
}

/// Calls `law` with every loss and every case that it is defined for.
pub fn each(mut law: impl FnMut(&str, &Case, &[TermSpec])) {
    let cases = cases();
    for loss in crate::list::losses() {
        for Painted { name, case } in &cases {
            let terms = loss.for_classes(case.c);
            if is_served(&terms, case) {
                law(&format!("{}, {name}", loss.name), case, &terms);
            }
        }
    }
}

#[test]
fn cases_are_small_and_exact_in_every_format() {
    for Painted { name, case } in cases() {
        assert!(case.b * case.n() <= 512, "{name}");
        let numbers = case.z.iter().chain(&case.truth).chain(&case.weight);
        assert!(numbers.into_iter().all(|&x| half::bf16::from_f64(x).to_f64() == x), "{name}");
    }
}
