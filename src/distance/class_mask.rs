//! A mask out of an integer array: one label of a map, or everything that is not zero.

use super::Mask;
use crate::View;
use crate::engine::source::Source;
use crate::view::Array;

/// Where an integer array holds one label, or anything but zero.
#[derive(Debug)]
pub struct ClassMask<'a> {
    rows: Source,
    width: usize,
    label: Option<f64>,
    lifetime: core::marker::PhantomData<View<'a>>,
}

// SAFETY: the array of a mask is only read while the mask exists.
unsafe impl Sync for ClassMask<'_> {}

impl<'a> ClassMask<'a> {
    /// Where `view` is not zero.
    pub fn of(view: &View<'a>) -> Self {
        Self::nonzero(&view.array)
    }

    /// Where `view` is `class`.
    pub fn of_class(view: &View<'a>, class: usize) -> Self {
        Self::label(&view.array, class)
    }

    pub(crate) fn nonzero(array: &Array) -> Self {
        let width = array.shape().last().copied().unwrap_or(0);
        Self { rows: Source::whole(array), width, label: None, lifetime: core::marker::PhantomData }
    }

    pub(crate) fn label(array: &Array, class: usize) -> Self {
        // Class numbers are exact in f64, and a label that is not rounds to none of them.
        Self { label: Some(class as f64), ..Self::nonzero(array) }
    }
}

impl Mask for ClassMask<'_> {
    fn bits(&self, row: usize, start: usize, count: usize, words: &mut [u64]) {
        for (k, word) in words.iter_mut().enumerate() {
            let mut values = [0f64; 64];
            let values = values.get_mut(..count.saturating_sub(k * 64).min(64)).unwrap_or(&mut []);
            // SAFETY: a view vouches for its array, and the transform asks for voxels of the image only.
            unsafe { self.rows.load(0, 0, row * self.width + start + k * 64, values) };
            let inside = |value: f64| self.label.map_or(value != 0.0, |label| value == label);
            *word = values.iter().rev().fold(0, |word, &value| word << 1 | u64::from(inside(value)));
        }
    }
}
