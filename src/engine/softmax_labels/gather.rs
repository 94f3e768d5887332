//! What the class that a label names has in rows of all classes.

use crate::array::real::Real;
use crate::simd::level::{Kernel, fours};

/// Up to so many classes it is faster to compare every label with each than to go where it says.
const COMPARED: usize = 48;

/// What the rows of the classes that labels name have; 0 where there is none.
///
/// Just one class is a voxel's, so the sum is what was picked. Four classes at a time, for fewer sums to pass
/// through memory.
#[inline(always)]
pub(super) fn pick_all<'r, T: Real>(
    row: impl Fn(usize) -> &'r [T],
    classes: usize,
    label: &[i32],
    first_label: i32,
    picked: &mut [T],
) {
    if classes > COMPARED {
        return gather(row, classes, label, first_label, picked);
    }
    picked.fill(T::zero());
    let mut class = 0;
    while class < fours(classes) {
        let rows = [row(class), row(class + 1), row(class + 2), row(class + 3)];
        pick_of_four(rows, label, first_label + class as i32, picked);
        class += 4;
    }
    while class < classes {
        pick(row(class), label, first_label + class as i32, picked);
        class += 1;
    }
}

#[inline(always)]
fn gather<'r, T: Real>(
    row: impl Fn(usize) -> &'r [T],
    classes: usize,
    label: &[i32],
    first_label: i32,
    picked: &mut [T],
) {
    for (i, (to, &label)) in picked.iter_mut().zip(label).enumerate() {
        let class = usize::try_from(label - first_label).ok().filter(|&class| class < classes);
        *to = class.and_then(|class| row(class).get(i)).copied().unwrap_or(T::zero());
    }
}

#[inline(always)]
fn pick<T: Real>(x: &[T], label: &[i32], class: i32, picked: &mut [T]) {
    for ((&x, &label), picked) in x.iter().zip(label).zip(picked) {
        *picked += x.mask(label == class);
    }
}

#[inline(always)]
fn pick_of_four<T: Real>([x, y, z, w]: [&[T]; 4], label: &[i32], class: i32, picked: &mut [T]) {
    let rows = x.iter().zip(y).zip(z.iter().zip(w));
    for ((((&x, &y), (&z, &w)), &label), picked) in rows.zip(label).zip(picked) {
        let lower = x.mask(label == class) + y.mask(label == class + 1);
        let upper = z.mask(label == class + 2) + w.mask(label == class + 3);
        *picked += lower + upper;
    }
}

/// `ln s`, by the complement where that has the digits. An underflown `s` has the logarithm of the smallest.
#[inline(always)]
pub(super) fn logarithms<T: Real>(s: &[T], of_largest: &[T], log: &mut [T]) {
    for ((&s, &of_largest), log) in s.iter().zip(of_largest).zip(log) {
        *log = s.at_least(T::FLOOR).ln_by(of_largest);
    }
}

/// What each voxel's class has in a table; a voxel of no class may get anything finite.
#[inline(always)]
pub(super) fn look_up<T: Real>(
    of: impl Fn(usize) -> T,
    classes: usize,
    label: &[i32],
    first_label: i32,
    out: &mut [T],
) {
    let first = of(0);
    if (1..classes).all(|class| of(class) == first) {
        return out.fill(first);
    }
    out.fill(T::zero());
    let mut class = 0;
    while class < fours(classes) {
        let four = [of(class), of(class + 1), of(class + 2), of(class + 3)];
        add_four_where(out, label, first_label + class as i32, four);
        class += 4;
    }
    while class < classes {
        add_where(out, label, first_label + class as i32, of(class));
        class += 1;
    }
}

#[inline(always)]
fn add_where<T: Real>(out: &mut [T], label: &[i32], class: i32, value: T) {
    for (to, &label) in out.iter_mut().zip(label) {
        *to += value.mask(label == class);
    }
}

#[inline(always)]
fn add_four_where<T: Real>(out: &mut [T], label: &[i32], class: i32, [x, y, z, w]: [T; 4]) {
    for (to, &label) in out.iter_mut().zip(label) {
        let lower = x.mask(label == class) + y.mask(label == class + 1);
        let upper = z.mask(label == class + 2) + w.mask(label == class + 3);
        *to += lower + upper;
    }
}

/// What each voxel's class has in a table; a voxel of no class may get anything finite.
pub(crate) struct Lookup<'a, F, T> {
    pub label: &'a [i32],
    pub first_label: i32,
    pub classes: usize,
    pub of: F,
    pub out: &'a mut [T],
}

impl<F: Fn(usize) -> f64, T: Real> Kernel for Lookup<'_, F, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { label, first_label, classes, of, out } = self;
        look_up(|class| T::of(of(class)), classes, label, first_label, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn compared_or_gathered_it_is_the_same() {
        const WIDTH: usize = 7;
        let label = [0, 2, -1, 16, 1, 17, -2];
        let rows: Vec<f32> = (0..18 * WIDTH).map(|i| i as f32 + 1.0).collect();
        for classes in [3, 4, 16, 17, 18] {
            let mut picked = [f32::NAN; WIDTH];
            let row = |class: usize| &rows[class * WIDTH..(class + 1) * WIDTH];
            pick_all(row, classes, &label, 0, &mut picked);
            for (i, (&label, &picked)) in label.iter().zip(&picked).enumerate() {
                let is_class = label >= 0 && (label as usize) < classes;
                let expected = if is_class { rows[label as usize * WIDTH + i] } else { 0.0 };
                assert_eq!(picked, expected, "{classes} classes at {i}");
            }
        }
    }

    #[test]
    fn a_voxel_finds_the_entry_of_its_class() {
        let label = [1, 5, 3, 0, 6, -1];
        for classes in [1, 2, 4, 7] {
            let mut found = [f64::NAN; 6];
            look_up(|class| class as f64 + 1.0, classes, &label, 0, &mut found);
            for (label, found) in label.into_iter().zip(found) {
                let is_class = (0..classes as i32).contains(&label);
                assert!(found == f64::from(label) + 1.0 || !is_class, "{label} of {classes}: {found}");
            }
        }
    }
}
