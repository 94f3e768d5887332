//! Values of the target class of each voxel: gathered from rows of all classes, or looked up in a table by label.

use crate::array::real::Real;
use crate::checked::expected;
use crate::simd::level::{Kernel, fours};

/// Up to this number of classes it is faster to compare each label with every class than to index by label.
const COMPARED: usize = 48;

/// Writes for each voxel the element of the row of its target class; 0 for a label that is no class.
///
/// The sum over classes of the rows, masked by label, has one term that is not masked. Four classes are added per
/// traversal, so that the sums pass through memory less often.
#[inline(always)]
pub(super) fn gather_by_label<'r, T: Real>(
    row: impl Fn(usize) -> &'r [T],
    classes: usize,
    label: &[i32],
    first_label: i32,
    out: &mut [T],
) {
    if classes > COMPARED {
        return index_by_label(row, classes, label, first_label, out);
    }
    out.fill(T::zero());
    let mut class = 0;
    while class < fours(classes) {
        let rows = [row(class), row(class + 1), row(class + 2), row(class + 3)];
        add_where_label_of_four(rows, label, first_label + class as i32, out);
        class += 4;
    }
    while class < classes {
        add_where_label(row(class), label, first_label + class as i32, out);
        class += 1;
    }
}

#[inline(always)]
fn index_by_label<'r, T: Real>(
    row: impl Fn(usize) -> &'r [T],
    classes: usize,
    label: &[i32],
    first_label: i32,
    out: &mut [T],
) {
    for (i, (to, &label)) in out.iter_mut().zip(label).enumerate() {
        let class = usize::try_from(label - first_label).ok().filter(|&class| class < classes);
        *to = class.and_then(|class| expected(row(class).get(i))).copied().unwrap_or(T::zero());
    }
}

#[inline(always)]
fn add_where_label<T: Real>(x: &[T], label: &[i32], class: i32, out: &mut [T]) {
    for ((&x, &label), out) in x.iter().zip(label).zip(out) {
        *out += x.mask(label == class);
    }
}

#[inline(always)]
fn add_where_label_of_four<T: Real>([x, y, z, w]: [&[T]; 4], label: &[i32], class: i32, out: &mut [T]) {
    let rows = x.iter().zip(y).zip(z.iter().zip(w));
    for ((((&x, &y), (&z, &w)), &label), out) in rows.zip(label).zip(out) {
        let lower = x.mask(label == class) + y.mask(label == class + 1);
        let upper = z.mask(label == class + 2) + w.mask(label == class + 3);
        *out += lower + upper;
    }
}

/// Computes `ln s`, from `1 − s` where that is more precise. An `s` below `FLOOR` has the logarithm of `FLOOR`.
#[inline(always)]
pub(super) fn logarithms<T: Real>(s: &[T], of_largest: &[T], log: &mut [T]) {
    for ((&s, &of_largest), log) in s.iter().zip(of_largest).zip(log) {
        *log = s.at_least(T::FLOOR).ln_by(of_largest);
    }
}

/// Writes for each voxel the entry of its target class in a table; for a label that is no class, some finite number.
#[inline(always)]
pub(super) fn table_by_label<T: Real>(
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

/// Writes for each voxel the entry of its target class in a table; for a label that is no class, some finite number.
pub(crate) struct TableByLabel<'a, F, T> {
    pub label: &'a [i32],
    pub first_label: i32,
    pub classes: usize,
    pub of: F,
    pub out: &'a mut [T],
}

impl<F: Fn(usize) -> f64, T: Real> Kernel for TableByLabel<'_, F, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { label, first_label, classes, of, out } = self;
        table_by_label(|class| T::of(of(class)), classes, label, first_label, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn comparing_and_indexing_agree() {
        const WIDTH: usize = 7;
        let label = [0, 2, -1, 16, 1, 17, -2];
        let rows: Vec<f32> = (0..18 * WIDTH).map(|i| i as f32 + 1.0).collect();
        for classes in [3, 4, 16, 17, 18] {
            let mut out = [f32::NAN; WIDTH];
            let row = |class: usize| &rows[class * WIDTH..(class + 1) * WIDTH];
            gather_by_label(row, classes, &label, 0, &mut out);
            for (i, (&label, &out)) in label.iter().zip(&out).enumerate() {
                let is_class = label >= 0 && (label as usize) < classes;
                let expected = if is_class { rows[label as usize * WIDTH + i] } else { 0.0 };
                assert_eq!(out, expected, "{classes} classes at {i}");
            }
        }
    }

    #[test]
    fn a_voxel_has_the_entry_of_its_class() {
        let label = [1, 5, 3, 0, 6, -1];
        for classes in [1, 2, 4, 7] {
            let mut found = [f64::NAN; 6];
            table_by_label(|class| class as f64 + 1.0, classes, &label, 0, &mut found);
            for (label, found) in label.into_iter().zip(found) {
                let is_class = (0..classes as i32).contains(&label);
                assert!(found == f64::from(label) + 1.0 || !is_class, "{label} of {classes}: {found}");
            }
        }
    }
}
