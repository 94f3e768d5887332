//! Section 4.3 of the paper: for binary prediction and target, Dice, boundary and Hausdorff are sums of the same
//! mismatches with three weightings.
//!
//! ```text
//! Dice  = Σ |s − g| / (S + G)
//! N·BD  = Σ φ g + Σ |s − g| |φ|                 |φ| = d_G
//! N·HD  = Σ |s − g| (d_G^α + d_S^α)
//! ```

use crate::convert_cases::exact;
use crate::list::{BOUNDARY, DICE};
use crate::naive::boundary::Hausdorff;
use crate::naive::distance::{signed, to_other_side};
use crate::naive::{Activation, Case, Form, TermSpec};
use quickcheck::{Arbitrary, Gen, quickcheck};

/// Two masks of one image.
#[derive(Clone, Debug)]
struct Masks {
    shape: Vec<usize>,
    spacing: Vec<f64>,
    truth: Vec<bool>,
    said: Vec<bool>,
    alpha: f64,
}

impl Arbitrary for Masks {
    fn arbitrary(source: &mut Gen) -> Self {
        let axes = *source.choose(&[1, 2, 3]).unwrap();
        let shape: Vec<usize> = (0..axes).map(|_| *source.choose(&[1, 2, 3, 4, 5, 6]).unwrap()).collect();
        let voxels: usize = shape.iter().product();
        let spacing = (0..axes).map(|_| *source.choose(&[1.0, 0.7, 2.5]).unwrap()).collect();
        // Includes empty and full masks.
        let density = *source.choose(&[0, 60, 128, 200, 255]).unwrap();
        let mut mask = || (0..voxels).map(|_| u8::arbitrary(source) < density).collect();
        let (truth, said) = (mask(), mask());
        let alpha = *source.choose(&[1.0, 1.3, 2.0]).unwrap();
        Self { shape, spacing, truth, said, alpha }
    }
}

fn numbers(mask: &[bool]) -> Vec<f64> {
    mask.iter().map(|&inside| f64::from(u8::from(inside))).collect()
}

/// `size` is that of what is added up.
fn close(ours: f64, theirs: f64, size: f64) -> bool {
    (ours - theirs).abs() <= 1e-12 * size
}

quickcheck! {
    fn three_losses_are_one_sum_of_mismatches(masks: Masks) -> bool {
        let Masks { shape, spacing, truth, said, alpha } = masks;
        let (g, s) = (numbers(&truth), numbers(&said));
        let labels: Vec<i64> = truth.iter().map(|&inside| i64::from(inside)).collect();
        let case = Case::of_labels(1, &shape, Activation::Probability, &s, &labels, &[]);
        let case = Case { spacing: spacing.clone(), ..case };
        let mismatches = |weight: &dyn Fn(usize) -> f64| -> f64 {
            (0..g.len()).map(|i| (s[i] - g[i]).abs() * weight(i)).sum()
        };
        let n = g.len() as f64;
        let of = |term: TermSpec| exact(&case, &[term]).value;

        let dice = TermSpec { smooth_numerator: 0.0, smooth_denominator: 0.0, ..TermSpec::new(DICE) };
        let sizes: f64 = s.iter().chain(&g).sum();
        // Two empty masks agree.
        let of_sizes = mismatches(&|_| if sizes > 0.0 { 1.0 / sizes } else { 0.0 });

        let phi = signed(&truth, &shape, &spacing, false);
        let inside: f64 = phi.iter().zip(&g).map(|(phi, g)| phi * g).sum();

        let (of_truth, of_said) =
            (to_other_side(&truth, &shape, &spacing), to_other_side(&said, &shape, &spacing));
        let far = |i: usize| of_truth[i].powf(alpha) + of_said[i].powf(alpha);
        let hausdorff = Form::Hausdorff(Hausdorff { alpha, ..Hausdorff::default() });

        let beside = mismatches(&|i| phi[i].abs());
        close(of(dice), of_sizes, of_sizes)
            && close(n * of(TermSpec::new(BOUNDARY)), inside + beside, inside.abs() + beside)
            && close(n * of(TermSpec::new(hausdorff)), mismatches(&far), mismatches(&far))
    }
}
