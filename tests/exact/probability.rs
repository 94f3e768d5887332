//! Probabilities of one voxel and their derivatives, as limits.
//!
//! The softmax of a set of classes is shared by the finite logits; a single class at +∞ takes all of it; if all classes
//! are at −∞, they share it equally.

use super::big::{Big, big};
use crate::naive::Activation;
use std::cell::RefCell;
use std::collections::HashMap;

/// The floor of given probabilities: below 2⁻¹²⁶ the logarithm is that of the floor, with derivative 0.
pub const FLOOR: f64 = f32::MIN_POSITIVE as f64;

/// One class of a voxel.
pub struct Class {
    pub s: Big,
    /// 1 − s
    pub not: Big,
    pub log: Big,
    /// log(1 − s)
    pub log_not: Big,
    /// ∂s/∂z_k, ∂log s/∂z_k, ∂log(1 − s)/∂z_k
    pub slope: Vec<[Big; 3]>,
}

/// Every class of a voxel; `held` replaces logarithms that the kernel's type cannot represent by −∞.
pub fn classes(z: &[f64], activation: Activation, held: &dyn Fn(Big) -> Big) -> Vec<Class> {
    let of = |c: usize| match activation {
        Activation::Softmax => softmax(z, c),
        Activation::Sigmoid => on_its_own(z, c, sigmoid(z[c])),
        Activation::Probability | Activation::ProbabilityPerClass => on_its_own(z, c, given(z[c])),
    };
    (0..z.len())
        .map(of)
        .map(|class| Class { log: held(class.log), log_not: held(class.log_not), ..class })
        .collect()
}

/// Where softmax is undefined: two classes at +∞, or none above −∞.
pub fn is_undefined(z: &[f64]) -> bool {
    z.iter().filter(|&&z| z == f64::INFINITY).count() > 1 || z.iter().all(|&z| z == f64::NEG_INFINITY)
}

/// The softmax of class `k` among a set of classes.
fn share(z: &[f64], among: &[usize], k: usize) -> Big {
    let top = among.iter().map(|&j| z[j]).fold(f64::NEG_INFINITY, f64::max);
    if top.is_infinite() {
        let alike = among.iter().filter(|&&j| z[j] == top).count();
        return if z[k] == top { big(1.0) / big(alike as f64) } else { big(0.0) };
    }
    power(z[k], top) / among.iter().map(|&j| power(z[j], top)).sum::<Big>()
}

thread_local! {
    static POWERS: RefCell<HashMap<(u64, u64), Big>> = RefCell::default();
}

/// e^(z − top), which is used many times.
fn power(z: f64, top: f64) -> Big {
    let of = || (big(z) - big(top)).exp();
    POWERS.with_borrow_mut(|powers| powers.entry((z.to_bits(), top.to_bits())).or_insert_with(of).clone())
}

/// log Σ e^z over a set of classes less that over another. The difference of the maxima comes first, because the rest
/// may be negligible.
fn log_ratio(z: &[f64], among: &[usize], all: &[usize]) -> Big {
    let top = |among: &[usize]| among.iter().map(|&j| z[j]).fold(f64::NEG_INFINITY, f64::max);
    // The logarithm of the sum divided by its largest summand; an infinite maximum is the whole sum.
    let times = |among: &[usize]| {
        let top = top(among);
        if top.is_infinite() { big(0.0) } else { among.iter().map(|&j| power(z[j], top)).sum::<Big>().ln() }
    };
    less(big(top(among)), big(top(all))) + times(among) - times(all)
}

/// x − y, and 0 for two equal infinities.
fn less(x: Big, y: Big) -> Big {
    if x.is_infinite() && x == y { big(0.0) } else { x - y }
}

fn softmax(z: &[f64], c: usize) -> Class {
    if is_undefined(z) {
        let nan = || big(f64::NAN);
        let slope = z.iter().map(|_| [nan(), nan(), nan()]).collect();
        return Class { s: nan(), not: nan(), log: nan(), log_not: nan(), slope };
    }
    let all: Vec<usize> = (0..z.len()).collect();
    let others: Vec<usize> = all.iter().copied().filter(|&k| k != c).collect();
    let s = |k| share(z, &all, k);
    let not: Big = others.iter().map(|&k| s(k)).sum();
    let log_not = if z[c] == f64::INFINITY { big(f64::NEG_INFINITY) } else { log_ratio(z, &others, &all) };
    let slope = all.iter().map(|&k| {
        if k == c {
            // s(1 − s), 1 − s, −s
            [s(c) * &not, not.clone(), -s(c)]
        } else {
            // −s·s_k, −s_k, and s times the softmax of k among the others
            [-(s(c) * s(k)), -s(k), s(c) * share(z, &others, k)]
        }
    });
    Class { s: s(c), log: log_ratio(z, &[c], &all), log_not, slope: slope.collect(), not }
}

/// For independent classes: (s, 1 − s, log s, log(1 − s)) and their derivatives.
fn on_its_own(z: &[f64], c: usize, (numbers, slopes): ([Big; 4], [Big; 3])) -> Class {
    let [s, not, log, log_not] = numbers;
    let zero = [big(0.0), big(0.0), big(0.0)];
    let slope = (0..z.len()).map(|k| if k == c { slopes.clone() } else { zero.clone() }).collect();
    Class { s, not, log, log_not, slope }
}

fn sigmoid(z: f64) -> ([Big; 4], [Big; 3]) {
    // log(1 + e^x), which is x for a large one.
    let softplus = |x: f64| if x > 0.0 { big(x) + big(-x).exp().ln_1p() } else { big(x).exp().ln_1p() };
    let small = big(-z.abs()).exp();
    let large = big(1.0) / (big(1.0) + &small);
    let small = small * &large;
    let (s, not) = if z > 0.0 { (large, small) } else { (small, large) };
    let slopes = [&s * &not, not.clone(), -&s];
    ([s, not, -softplus(-z), -softplus(z)], slopes)
}

fn given(s: f64) -> ([Big; 4], [Big; 3]) {
    let (s, not) = (big(s), big(1.0) - big(s));
    let log = |x: &Big| x.at_least(FLOOR).ln();
    let inverse = |x: &Big| if *x < big(FLOOR) { big(0.0) } else { big(1.0) / x };
    let slopes = [big(1.0), inverse(&s), -inverse(&not)];
    let logs = [log(&s), log(&not)];
    let [log, log_not] = logs;
    ([s, not, log, log_not], slopes)
}

#[test]
fn derivatives_equal_finite_differences() {
    let z = [0.75, -1.5, 2.0];
    for activation in [Activation::Softmax, Activation::Sigmoid] {
        for (c, class) in classes(&z, activation, &|log| log).iter().enumerate() {
            for k in 0..3 {
                let at = |step: f64| {
                    let mut moved = z;
                    moved[k] += step;
                    let class = &classes(&moved, activation, &|log| log)[c];
                    [&class.s, &class.log, &class.log_not].map(Clone::clone)
                };
                let (above, below) = (at(2f64.powi(-30)), at(-(2f64.powi(-30))));
                for (j, slope) in class.slope[k].iter().enumerate() {
                    let difference = ((&above[j] - &below[j]) * big(2f64.powi(29))).to_f64();
                    assert!((difference - slope.to_f64()).abs() < 1e-16, "{activation:?} {c} {k} {j}");
                }
            }
        }
    }
}
