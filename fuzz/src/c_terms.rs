//! Terms of C that are right, nearly right, or wrong, and searches of TopK.

use crate::arguments::{FLOATS, Tensor};
use crate::c_held::{Held, input};
use crate::memory::Buffer;
use check::source::Source;
use segloss::custom::num_traits::Float;
use segloss::ffi::codes::{
    SEGLOSS_F64, SEGLOSS_VOXEL_ALL_CLASSES, SEGLOSS_VOXEL_BOTH_OUTCOMES, SEGLOSS_VOXEL_LIKELIHOOD,
    SEGLOSS_VOXEL_TRUE_CLASS,
};
use segloss::ffi::functions::segloss_term_init;
use segloss::ffi::lists::LOSSES;
use segloss::ffi::losses::custom_region::segloss_custom_region;
use segloss::ffi::losses::custom_voxel::segloss_custom_voxel;
use segloss::ffi::losses::generated::segloss_top_k;
use segloss::ffi::part_functions::segloss_top_k_begin;
use segloss::ffi::structs::*;
use std::ffi::c_void;

/// Any loss; one in eighteen is the caller's: a region loss or a voxel loss.
pub fn draw_loss(source: &mut Source<'_>) -> *const segloss_loss {
    let k = source.below(LOSSES.len() + 1);
    match LOSSES.get(k) {
        Some(getter) => getter(),
        None if source.one_in(2) => segloss_custom_voxel(),
        None => segloss_custom_region(),
    }
}

/// An array of terms.
pub fn draw_terms(
    source: &mut Source<'_>,
    held: &mut Held,
    count: usize,
    shape: &[i64],
    classes: usize,
) -> *const segloss_term {
    let odd_size = source.one_in(30);
    let mut all = vec![];
    for _ in 0..count {
        let loss = draw_loss(source);
        // SAFETY: all zeros are a valid term; `segloss_term_init` writes one.
        let mut term: segloss_term = unsafe { std::mem::zeroed() };
        // SAFETY: `term` is as large as it says.
        assert_eq!(unsafe { segloss_term_init(loss, &mut term, size_of::<segloss_term>()) }, 0);
        if loss == segloss_custom_region() {
            term.region = (!source.one_in(10)).then_some(region);
        }
        if loss == segloss_custom_voxel() {
            term.voxel = (!source.one_in(10)).then_some(voxel);
            term.variant = source.pick(&[
                SEGLOSS_VOXEL_LIKELIHOOD,
                SEGLOSS_VOXEL_TRUE_CLASS,
                SEGLOSS_VOXEL_BOTH_OUTCOMES,
                SEGLOSS_VOXEL_ALL_CLASSES,
            ]) as u32;
        }
        if loss == segloss_top_k() && source.one_in(3) {
            let search = draw_search(source);
            term.top_k_search = search.pointer();
            held.inputs.push(search);
        }
        if source.one_in(3) {
            corrupt(source, &mut term);
        }
        if source.one_in(4) {
            let weights: Vec<f64> =
                (0..classes).map(|_| source.pick(&[1.0, 0.5, 0.0, 2.0, 1.0, 1.0, -1.0, f64::NAN])).collect();
            term.class_weight = input(source, held, &weights);
        }
        if source.one_in(5) {
            let flat: Vec<i64> =
                shape.iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, &n)| n).collect();
            let shape = if source.one_in(3) { &flat } else { shape };
            let field = Tensor::draw(source, shape, &FLOATS, 11, false);
            term.field = field.raw;
            held.tensors.push(field);
        }
        if odd_size && !all.is_empty() {
            term.struct_size = source.pick(&[0, 4, 96, term.struct_size - 8, term.struct_size + 8]);
        }
        all.push(term);
    }
    // The stride is `struct_size` of the first term.
    let mut bytes: Vec<u8> = vec![];
    let first = all.first().map_or(0, |term| term.struct_size as usize);
    for term in &all {
        // SAFETY: a struct of C, read as bytes.
        let of = unsafe {
            core::slice::from_raw_parts(core::ptr::from_ref(term).cast::<u8>(), size_of::<segloss_term>())
        };
        let extra = (term.struct_size as usize).max(first).saturating_sub(of.len());
        bytes.extend_from_slice(of);
        bytes.extend(std::iter::repeat_n(0, extra));
    }
    let buffer = Buffer::of(source, &bytes);
    let pointer = buffer.pointer();
    held.structs.push(buffer);
    if source.one_in(50) { core::ptr::null() } else { pointer }
}

/// Changes one field of a term to an arbitrary value.
fn corrupt(source: &mut Source<'_>, term: &mut segloss_term) {
    // Constants carry their domain in the high bits: small numbers, another domain, or arbitrary bits.
    let any = source.bits() as u32;
    let word =
        source.pick(&[0, 1, 2, 3, 4, 8, 16, 31, any, any.rotate_left(16), any.wrapping_mul(0x0101_0101)]);
    let number = source.pick(&[0.0, 0.5, 1.0, 2.0, -1.0, 1.5, 1e-30, 1e30, f64::NAN, f64::INFINITY]);
    match source.below(17) {
        0 => term.flags = word,
        1 => term.variant = word,
        2 => term.class_average = word,
        3 => term.sample_average = word,
        4 => term.absent = word,
        5 => term.normalizer = word,
        6 => term.reserved = word,
        7 => term.weight = number,
        8 => term.alpha = number,
        9 => term.beta = number,
        10 => term.gamma = number,
        11 => term.k = number,
        12 => term.smooth_numerator = number,
        13 => term.smooth_denominator = number,
        14 => term.label_smoothing = number,
        15 => term.loss = core::ptr::null(),
        _ if any.is_multiple_of(2) => term.voxel = Some(voxel),
        _ => term.region = Some(region),
    }
}

unsafe extern "C" fn region(
    _: *mut c_void,
    sums: *const segloss_class_sums,
    slope: *mut segloss_class_sums,
) -> f64 {
    // SAFETY: pointers to valid structs that the library passed.
    let (sums, slope) = unsafe { (&*sums, &mut *slope) };
    slope.prediction = sums.target;
    slope.intersection = -1.0;
    sums.prediction - sums.intersection
}

unsafe extern "C" fn voxel(_: *mut c_void, rows: *const segloss_voxel_rows) {
    // SAFETY: a pointer to a valid struct that the library passed.
    let rows = unsafe { &*rows };
    if rows.dtype == SEGLOSS_F64 as u32 {
        // SAFETY: rows of this type, which the library passed.
        unsafe { squares::<f64>(rows) }
    } else {
        // SAFETY: as above.
        unsafe { squares::<f32>(rows) }
    }
}

/// `(p − g)² + D` with the slope `p − g`.
///
/// # Safety
/// The rows are of this type.
unsafe fn squares<T: Float>(rows: &segloss_voxel_rows) {
    let read = |row: *const c_void, k: usize| {
        if row.is_null() {
            return T::zero();
        }
        // SAFETY: the rows have `count` elements.
        unsafe { row.cast::<T>().add(k).read() }
    };
    for k in 0..rows.count as usize {
        let error = read(rows.probability, k) - read(rows.target, k);
        // SAFETY: as above.
        unsafe {
            rows.value.cast::<T>().add(k).write(error * error + read(rows.field, k));
            rows.slope.cast::<T>().add(k).write(error);
        }
    }
}

/// A search that has begun, or any bits.
pub fn draw_search(source: &mut Source<'_>) -> Buffer {
    let mut buffer = Buffer::new(source, size_of::<segloss_top_k_search>());
    // SAFETY: a search, at any address.
    let begun = unsafe { segloss_top_k_begin(buffer.pointer()) } == 0;
    if !begun || source.one_in(2) {
        let words = [0, 1, 11, 32, 64, 1 << 40, u64::MAX];
        for word in buffer.bytes_mut().chunks_exact_mut(8).take(6) {
            word.copy_from_slice(&source.pick(&words).to_ne_bytes());
        }
        let many = source.pick(&[0u8, 0, 1, 0xff]);
        buffer.bytes_mut()[48..].fill(many);
    }
    buffer
}
