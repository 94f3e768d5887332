//! Value and gradient of every loss as limits: the equations in 192-bit arithmetic, with logits that may be infinite.
//!
//! Independent of the crate. A class of a voxel enters a loss by s, log s and log(1 − s). Their derivatives with respect
//! to the logits are in [`probability`]; the chain rule combines both.
//!
//! ```text
//! ∂L/∂z_k = Σ_c (a_c·∂s_c/∂z_k + p_c·∂log s_c/∂z_k + q_c·∂log(1 − s_c)/∂z_k)
//! ```
//!
//! A loss beyond the largest number of the kernel's type is ∞. Products of 0 and ∞ are 0.

pub mod big;
mod cost;
pub mod probability;
mod region;

use crate::naive::{Activation, Case, Form, TermSpec, class_weight, times};
use big::{Big, big};
use probability::{Class, classes};
use region::{Sums, value_and_slopes};

/// The limits of a loss.
pub struct Exact {
    pub value: Big,
    /// The sum of the absolute summands of the value.
    pub size: f64,
    /// [B, C, N]
    pub gradient: Vec<Big>,
    /// The sum of the absolute summands of the gradient of a voxel, [B, N].
    pub sizes: Vec<f64>,
}

/// The type in which a kernel computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kernel {
    F32,
    F64,
}

impl Kernel {
    /// The number itself, or ∞ where it rounds to ∞: half a unit of the last place above the largest number.
    pub fn held(self, x: Big) -> Big {
        let beyond = match self {
            Kernel::F32 => big(f64::from(f32::MAX) + 2f64.powi(103)),
            Kernel::F64 => big(f64::MAX) + big(2f64.powi(970)),
        };
        match () {
            _ if x >= beyond => big(f64::INFINITY),
            _ if x <= -beyond => big(f64::NEG_INFINITY),
            _ => x,
        }
    }

    /// The nearest number of the type.
    pub fn round(self, x: &Big) -> f64 {
        if self == Kernel::F32 { (x.to_f64() as f32).into() } else { x.to_f64() }
    }
}

/// A batch with its probabilities, [B, C, N]; those of uncounted voxels are unused.
pub struct Scene<'a> {
    pub case: &'a Case,
    pub kernel: Kernel,
    pub class: Vec<Class>,
    /// (sample, voxel, weight) of the counted voxels.
    pub counted: Vec<(usize, usize, f64)>,
}

impl<'a> Scene<'a> {
    pub fn new(case: &'a Case, kernel: Kernel) -> Self {
        let n = case.n();
        let mut of_voxel: Vec<_> = (0..case.b * n)
            .map(|at| {
                let z: Vec<f64> = (0..case.c).map(|c| case.z[case.at(at / n, c, at % n)]).collect();
                let z = if case.weight[at] > 0.0 { z } else { vec![0.0; case.c] };
                classes(&z, case.activation, &|log| kernel.held(log)).into_iter()
            })
            .collect();
        let mut next = |k: usize| of_voxel[k / (case.c * n) * n + k % n].next().unwrap();
        let class = (0..case.z.len()).map(&mut next).collect();
        Self { case, kernel, class, counted: case.counted() }
    }
}

/// Derivatives with respect to s, log s and log(1 − s) for every sample, class and voxel.
pub type Slopes = Vec<[Big; 3]>;

/// The value of a term, before its weight.
pub struct Of {
    pub value: Big,
    pub size: f64,
    pub slopes: Slopes,
}

/// Value and gradient of a weighted sum.
pub fn exact(scene: &Scene<'_>, terms: &[TermSpec]) -> Exact {
    let case = scene.case;
    let (mut value, mut size) = (big(0.0), 0.0);
    let mut all: Slopes = no_slopes(case);
    for term in terms {
        let of = term_of(scene, term);
        value = value + big(term.weight) * of.value;
        size += times(term.weight.abs(), of.size);
        for (sum, slopes) in all.iter_mut().zip(of.slopes) {
            for (sum, slope) in sum.iter_mut().zip(slopes) {
                *sum = &*sum + big(term.weight) * slope;
            }
        }
    }
    let mut gradient = vec![big(0.0); case.z.len()];
    let mut sizes = vec![0.0; case.weight.len()];
    for &(b, i, _) in &scene.counted {
        for c in 0..case.c {
            let at = case.at(b, c, i);
            for k in 0..case.c {
                let to = &mut gradient[case.at(b, k, i)];
                for (slope, by) in all[at].iter().zip(&scene.class[at].slope[k]) {
                    *to = &*to + slope * by;
                }
            }
            let size = &mut sizes[b * case.n() + i];
            *size += all[at].iter().map(|slope| slope.to_f64().abs()).sum::<f64>();
        }
    }
    Exact { value, size, gradient, sizes }
}

fn no_slopes(case: &Case) -> Slopes {
    vec![[big(0.0), big(0.0), big(0.0)]; case.z.len()]
}

fn term_of(scene: &Scene<'_>, term: &TermSpec) -> Of {
    let v = scene.case.annotated(&class_weight(scene.case, term));
    if v.iter().all(|&v| v == 0.0) {
        return Of { value: big(0.0), size: 0.0, slopes: no_slopes(scene.case) };
    }
    match cost::of(scene, term, &v) {
        Some(of) => of,
        None => region_of(scene, term, &v),
    }
}

fn region_of(scene: &Scene<'_>, term: &TermSpec, v: &[f64]) -> Of {
    let case = scene.case;
    let mut sums = vec![Sums::zero(); case.b * case.c];
    let each = || scene.counted.iter().flat_map(|&(b, i, w)| (0..case.c).map(move |c| (b, c, i, w)));
    for (b, c, i, w) in each() {
        let (g, not_g) = truth(case, case.at(b, c, i));
        let Class { s, not, .. } = &scene.class[case.at(b, c, i)];
        let square = error(s, not, &g).pow_two();
        let mut of_voxel = Sums::zero();
        (of_voxel.weight, of_voxel.target) = (big(1.0), g.clone());
        let parts = [&g * s, &not_g * s, &g * not, &g * &square, &not_g * square];
        of_voxel.of.all().into_iter().zip(parts).for_each(|(to, part)| *to = part);
        sums[b * case.c + c].add(&big(w), &of_voxel);
    }
    let (value, mut slopes_of) = value_and_slopes(term, case.c, v, &sums);
    let mut slopes = no_slopes(case);
    for (b, c, i, w) in each() {
        let at = case.at(b, c, i);
        let (g, not_g) = truth(case, at);
        let Class { s, not, .. } = &scene.class[at];
        let twice = big(2.0) * error(s, not, &g);
        let [found, invented, missed, square_of_missed, square_of_invented] = slopes_of[b * case.c + c].all();
        let by_s = &g * &*found + &not_g * &*invented - &g * &*missed
            + &twice * (&g * &*square_of_missed + &not_g * &*square_of_invented);
        slopes[at][0] = big(w) * by_s;
    }
    Of { value, size: 1.0, slopes }
}

/// g and 1 − g
fn truth(case: &Case, at: usize) -> (Big, Big) {
    (big(case.truth[at]), big(1.0) - big(case.truth[at]))
}

/// s − g, accurate where both are close to 1.
fn error(s: &Big, not: &Big, g: &Big) -> Big {
    (big(1.0) - g) * s - g * not
}

impl Big {
    fn pow_two(&self) -> Big {
        self * self
    }
}

/// Whether the classes are exclusive.
fn is_exclusive(case: &Case) -> bool {
    match case.activation {
        Activation::Softmax => true,
        Activation::Probability => case.c > 1,
        Activation::Sigmoid | Activation::ProbabilityPerClass => false,
    }
}

/// Whether a loss is weighted by distances.
fn has_field(form: Form) -> bool {
    matches!(form, Form::Boundary { .. } | Form::Hausdorff(_) | Form::DistancePenalized)
}
