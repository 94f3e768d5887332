//! Distribution losses: a mean over voxels of a function of the target's probability.

use super::{Case, Normalizer, Probabilities, Selection, distance, probabilities, times};

/// Σ_c v ℓ_c of a voxel; the class mean Σ_c v ℓ_c / Σ_c v for independent classes.
fn over_classes(case: &Case, v: &[f64], b: usize, pays: impl Fn(usize) -> f64) -> f64 {
    let v = &v[b * case.c..][..case.c];
    let classes = || (0..case.c).filter(|&c| v[c] > 0.0);
    let sum: f64 = classes().map(|c| v[c] * pays(c)).sum();
    let all: f64 = classes().map(|c| v[c]).sum();
    match (case.exclusive(), all > 0.0) {
        (true, _) => sum,
        (false, true) => sum / all,
        (false, false) => 0.0,
    }
}

/// −g log s, or −(g log s + (1 − g) log(1 − s)) where the class is a Bernoulli variable.
fn surprise(case: &Case, p: &Probabilities, g: f64, k: usize) -> f64 {
    if case.exclusive() {
        -times(g, p.log_s[k])
    } else {
        -(times(g, p.log_s[k]) + times(1.0 - g, p.log_1ms[k]))
    }
}

/// (2), (3)  L = −(1/n) Σ w Σ_c v g log s
///
/// n = W, or by class weight and for exclusive classes Σ w Σ_c v g, with g before smoothing.
/// Smoothing λ: g becomes (1−λ)g + λ/C of exclusive classes, (1−λ)g + λ/2 of a Bernoulli variable.
pub fn cross_entropy(case: &Case, v: &[f64], label_smoothing: f64, normalizer: Normalizer) -> f64 {
    let p = probabilities(case);
    let outcomes = if case.exclusive() { case.c as f64 } else { 2.0 };
    let (mut sum, mut charged) = (0.0, 0.0);
    for (b, i, w) in case.counted() {
        sum += w * over_classes(case, v, b, |c| {
            let g = case.truth[case.at(b, c, i)];
            let smoothed = (1.0 - label_smoothing) * g + label_smoothing / outcomes;
            surprise(case, &p, smoothed, case.at(b, c, i))
        });
        charged += w * over_classes(case, v, b, |c| case.truth[case.at(b, c, i)]);
    }
    let n = match normalizer {
        Normalizer::ClassWeight if case.exclusive() => charged,
        _ => case.total_weight(),
    };
    if n == 0.0 { 0.0 } else { sum / n }
}

/// (4)  L = −(Σ_K w Σ_c v g log s) / (Σ_K w)
///
/// K by fraction k: ⌊k·N_counted⌋ places, at least one, ranked by loss with v and without w; the voxels whose
/// loss equals the threshold share the remaining places. K by threshold t: loss without v strictly above −log t; a
/// class that is not annotated adds no loss here either.
pub fn top_k(case: &Case, v: &[f64], selection: Selection) -> f64 {
    let p = probabilities(case);
    let shares = top_k_shares(case, v, selection);
    let (mut sum, mut weight) = (0.0, 0.0);
    for ((b, i, w), share) in case.counted().into_iter().zip(shares).filter(|(_, share)| *share > 0.0) {
        sum += w * share * bare_cost(case, &p, v, b, i);
        weight += w * share;
    }
    if weight == 0.0 { 0.0 } else { sum / weight }
}

/// Σ_c v ℓ_c of a voxel, ℓ that of cross entropy.
pub fn bare_cost(case: &Case, p: &Probabilities, v: &[f64], b: usize, i: usize) -> f64 {
    over_classes(case, v, b, |c| {
        let k = case.at(b, c, i);
        surprise(case, p, case.truth[k], k)
    })
}

/// The share of each counted voxel in K.
pub fn top_k_shares(case: &Case, v: &[f64], selection: Selection) -> Vec<f64> {
    let p = probabilities(case);
    let costs = |v: &[f64]| -> Vec<f64> {
        case.counted().iter().map(|&(b, i, _)| bare_cost(case, &p, v, b, i)).collect()
    };
    match selection {
        Selection::Fraction(k) => hardest(&costs(v), k),
        Selection::Threshold(t) => {
            let above = |cost: f64| cost.is_nan() || cost > -t.ln();
            let bare = costs(&case.annotated(&vec![1.0; case.c]));
            bare.into_iter().map(|cost| if above(cost) { 1.0 } else { 0.0 }).collect()
        }
    }
}

/// The share of each voxel in the places of the fraction: 1 above the threshold, n_r/n_t at it.
pub fn hardest(costs: &[f64], fraction: f64) -> Vec<f64> {
    let rank = |cost: &f64| if cost.is_nan() { f64::INFINITY } else { *cost };
    let mut ranks: Vec<f64> = costs.iter().map(rank).collect();
    ranks.sort_by(|a, b| b.total_cmp(a));
    let places = ((fraction * costs.len() as f64).floor() as usize).max(1).min(costs.len());
    let Some(&cut) = ranks.get(places.wrapping_sub(1)) else { return Vec::new() };
    let above = ranks.iter().filter(|&&rank| rank > cut).count();
    let tied = ranks.iter().filter(|&&rank| rank == cut).count();
    let share = (places - above) as f64 / tied as f64;
    costs
        .iter()
        .map(|cost| match rank(cost) {
            rank if rank > cut => 1.0,
            rank if rank == cut => share,
            _ => 0.0,
        })
        .collect()
}

/// (5)  L = −(1/W) Σ w Σ_c v (1 − s)^γ g log s
///
/// For a Bernoulli variable g(1−s)^γ(−log s) + (1−g)s^γ(−log(1−s)). The base of a power is at least 0.
pub fn focal(case: &Case, v: &[f64], gamma: f64) -> f64 {
    let p = probabilities(case);
    let mut sum = 0.0;
    for (b, i, w) in case.counted() {
        sum += w * over_classes(case, v, b, |c| {
            let k = case.at(b, c, i);
            let g = case.truth[k];
            let base = |x: f64| if x < 0.0 { 0.0 } else { x };
            let true_class = times(g, base(p.one_minus_s[k]).powf(gamma) * -p.log_s[k]);
            let other = times(1.0 - g, base(p.s[k]).powf(gamma) * -p.log_1ms[k]);
            if case.exclusive() { true_class } else { true_class + other }
        });
    }
    sum / case.total_weight()
}

/// (6)  L = −(1/W) Σ w (1 + D_i) Σ_c v g log s
pub fn distance_penalized(case: &Case, v: &[f64], field: Option<&[f64]>) -> f64 {
    let p = probabilities(case);
    let field = field.map_or_else(|| distance::reverted(case), <[f64]>::to_vec);
    let per_class = field.len() == case.z.len() && case.c > 1;
    let mut sum = 0.0;
    for (b, i, w) in case.counted() {
        sum += w * over_classes(case, v, b, |c| {
            let k = case.at(b, c, i);
            let d = if per_class { field[k] } else { field[b * case.n() + i] };
            (1.0 + d) * surprise(case, &p, case.truth[k], k)
        });
    }
    sum / case.total_weight()
}
