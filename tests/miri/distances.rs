//! The distance transform over small masks of one to three axes, on one and on two threads.

use crate::Two;
use crate::brute::{KINDS, brute, fast_on, signed};
use crate::masks::{Random, masks};
use segloss::distance::{Distance, Executor, Sequential};

fn agree(shape: &[usize], spacing: &[f64], executor: &dyn Executor) {
    let mut random = Random(7);
    for (k, (what, mask)) in masks(shape, &mut random).into_iter().enumerate() {
        // The kinds alternate.
        let request = Distance { kind: KINDS[k % KINDS.len()], ..signed(shape, spacing) };
        let expected = brute(&request, &mask);
        let double: Vec<f64> = fast_on(&request, &mask, executor).unwrap();
        let single: Vec<f32> = fast_on(&request, &mask, executor).unwrap();
        for ((&ours, &narrow), &theirs) in double.iter().zip(&single).zip(&expected) {
            let is_close = |ours: f64, tolerance: f64| {
                ours == theirs || (ours - theirs).abs() <= tolerance * theirs.abs()
            };
            assert!(is_close(ours, 1e-14) && is_close(narrow.into(), 1e-6), "{what} {request:?}");
        }
    }
}

#[test]
fn one_axis() {
    agree(&[9], &[0.7], &Sequential);
}

#[test]
fn two_axes() {
    agree(&[3, 5], &[1.0, 1.0], &Sequential);
    agree(&[4, 3], &[3.0, 0.7], &Sequential);
}

#[test]
fn three_axes() {
    agree(&[2, 3, 4], &[1.0, 1.0, 1.0], &Sequential);
    agree(&[2, 3, 4], &[0.3, 0.7, 0.9], &Sequential);
}

#[test]
fn two_threads() {
    let two = Two::default();
    agree(&[4, 5], &[1.0, 1.0], &two);
    assert!(two.most_tasks() > 1, "nothing was shared out");
}
