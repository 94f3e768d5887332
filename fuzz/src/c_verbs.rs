//! The C functions of a loss, called with structs that are valid, nearly valid, or invalid.

use crate::arguments::{DTYPES, FLOATS, Tensor, executor, sized};
use crate::c_held::{Held, input};
use crate::c_inits::c_inits;
use crate::c_terms::{draw_search, draw_terms};
use crate::memory::Buffer;
use check::source::Source;
use segloss::ffi::codes::{
    SEGLOSS_ADD_TO_GRADIENT, SEGLOSS_WEIGHT_INVERSE, SEGLOSS_WEIGHT_INVERSE_SQRT, SEGLOSS_WEIGHT_MEDIAN,
};
use segloss::ffi::functions::*;
use segloss::ffi::part_functions::*;
use segloss::ffi::structs::*;
use std::ptr::null_mut;

/// The number of [`segloss_finalize`] among the functions.
const FINALIZE: usize = 4;
/// The maximum number of voxels times classes of one execution.
const MOST_ELEMENTS: i128 = 1 << 14;
/// The maximum B·C for which outputs are allocated.
const MOST_SUMS: i128 = 1 << 12;
/// The maximum scratch of one execution in bytes.
const MOST_SCRATCH: usize = 1 << 26;

/// Calls one function, and once more if it succeeds.
pub fn c_verbs(bytes: &[u8]) {
    let source = &mut Source::of_bytes(bytes);
    if source.one_in(16) {
        return c_inits(source);
    }
    let mut held = Held::default();
    let shape = draw_shape(source);
    let pred = Tensor::draw(source, &shape, &FLOATS, 1, true);
    let target = draw_target(source, &shape);
    let wild = source.one_in(5);
    let weight = (source.one_in(3)).then(|| {
        let flat: Vec<i64> =
            shape.iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, &n)| n).collect();
        Tensor::draw(source, &flat, &[0x0220, 0x0240, 0x0108, 0x0608, 0x0210], 3, wild)
    });
    // The other arguments of the batch follow the shape that the library is given.
    let shape = pred.shape.clone();
    let sums = shape.iter().take(2).try_fold(1i128, |n, &extent| n.checked_mul(i128::from(extent.max(0))));
    let sums = sums.filter(|&sums| sums <= MOST_SUMS).map(|sums| sums as usize);
    let classes = shape.get(1).copied().unwrap_or(0).clamp(0, MOST_SUMS as i64) as usize;
    let n_terms = source.pick(&[1, 1, 2, 3, 4, 0, 5]);
    let terms = draw_terms(source, &mut held, n_terms.min(4), &shape, classes);

    let mut args = segloss_args { grad_scale: 1.0, ..zeroed() };
    args.activation = source.pick(&[1, 2, 3, 4, 1, 2, 0, 5]);
    let any = source.bits() as u32;
    args.flags = source.pick(&[0, 0, 0, SEGLOSS_ADD_TO_GRADIENT as u32, 2, any]);
    args.grad_scale = source.pick(&[1.0, -2.5, 0.0, 65536.0, f64::NAN, f64::INFINITY]);
    args.pred = pred.raw;
    args.target = target.raw;
    args.voxel_weight = weight.as_ref().map_or(args.voxel_weight, |weight| weight.raw);
    if let Some(sums) = sums.filter(|_| source.one_in(4)) {
        let present: Vec<u8> = (0..sums).map(|_| source.pick(&[1, 1, 0, 255])).collect();
        args.class_present = input(source, &mut held, &present);
    }
    if source.one_in(4) {
        let ignore: Vec<i64> =
            (0..source.pick(&[1, 2, 0, 9])).map(|_| source.pick(&[255, 2, -1, i64::MIN])).collect();
        args.ignore_len = if source.one_in(20) { source.bits() as u32 & 3 } else { ignore.len() as u32 };
        args.ignore_len = args.ignore_len.min(ignore.len() as u32);
        args.ignore = input(source, &mut held, &ignore);
    }
    if source.one_in(4) {
        let spacing: Vec<f64> = shape
            .iter()
            .skip(2)
            .map(|_| source.pick(&[1.0, 0.5, 3.0, 1e-9, 1e9, 0.0, -1.0, f64::NAN]))
            .collect();
        args.spacing = input(source, &mut held, &spacing);
    }
    let executor = executor(source);
    if let Some(executor) = executor {
        let (bytes, _) = sized(source, &executor);
        let buffer = Buffer::of(source, &bytes);
        args.executor = buffer.pointer();
        held.structs.push(buffer);
    }

    args.value = output(source, &mut held, 8);
    args.term_values = output(source, &mut held, 8 * n_terms);
    args.error = null_mut();
    let mut error = Buffer::aligned(source, size_of::<segloss_error>());
    if source.one_in(2) {
        args.error = error.pointer();
    }
    if let Some(sums) = sums {
        args.class_values = output(source, &mut held, 8 * n_terms * sums);
        args.class_sums = output(source, &mut held, size_of::<segloss_class_sums>() * sums);
    }
    let grad = draw_gradient(source, &mut held, &pred, &mut args);
    alias(source, &held, &pred, &target, &mut args);

    // Very large tensors would take too long.
    let is_runnable = pred.elements() <= MOST_ELEMENTS
        && [&pred, &target].into_iter().chain(&weight).chain(&held.tensors).all(Tensor::is_readable)
        && (sums.is_some() || pred.elements() == 0);
    let (args_bytes, _) = sized(source, &args);
    let query_args = Buffer::of(source, &args_bytes);
    let mut size = [0usize; 1];
    // SAFETY: every pointer points to as many bytes as the header requires, or is never dereferenced.
    let asked = unsafe { segloss_scratch_size(terms, n_terms, query_args.pointer(), size.as_mut_ptr()) };
    assert!((0..=13).contains(&asked), "status {asked}");
    if !is_runnable || size[0] > MOST_SCRATCH {
        return;
    }
    let short = source.one_in(12);
    let mut scratch = Buffer::aligned(source, if short { size[0] / 2 } else { size[0] });
    args.scratch = if source.one_in(40) { null_mut() } else { scratch.pointer() };
    args.scratch_size = scratch.bytes().len();
    let mut args_bytes = args_bytes;
    // The scratch fields are near the end of the struct: a shorter struct has none.
    // SAFETY: a struct of C, read as bytes.
    let full = unsafe {
        core::slice::from_raw_parts(core::ptr::from_ref(&args).cast::<u8>(), size_of::<segloss_args>())
    };
    let known = full.len().min(args_bytes.len());
    args_bytes[4..known].copy_from_slice(&full[4..known]);
    let args_buffer = Buffer::of(source, &args_bytes);

    let mut own = Buffer::aligned(source, size_of::<segloss_class_sums>() * sums.unwrap_or(0));
    let slopes = Buffer::aligned(source, size_of::<segloss_class_sums>() * sums.unwrap_or(0));
    own.bytes_mut().fill(0);
    let verb = source.below(11);
    let kind =
        source.pick(&[SEGLOSS_WEIGHT_INVERSE, SEGLOSS_WEIGHT_INVERSE_SQRT, SEGLOSS_WEIGHT_MEDIAN, 3]) as u32;
    let (field_raw, field) = draw_field(source, &shape);
    held.outputs.extend(grad);
    held.outputs.extend(field);
    let search = draw_search(source);
    let other_search = draw_search(source);
    let other = other_search.pointer::<segloss_top_k_search>();
    held.inputs.push(other_search);
    let searched = source.pick(&[0, 0, 1, 3, u32::MAX]);
    held.outputs.push(search);
    held.outputs.push(own);
    held.outputs.push(slopes);
    let count = held.outputs.len();
    let call = |held: &Held| {
        let args = args_buffer.pointer::<segloss_args>();
        let [.., search, own, slopes] = &held.outputs[..count] else { unreachable!() };
        // SAFETY: as above.
        unsafe {
            match verb {
                0..=2 => segloss_run(terms, n_terms, args),
                3 => segloss_accumulate(terms, n_terms, args, own.pointer()),
                FINALIZE => segloss_finalize(terms, n_terms, args, own.pointer(), slopes.pointer()),
                5 => segloss_backward(terms, n_terms, args, own.pointer()),
                // The function reads one term.
                6 if n_terms > 0 => segloss_distance_field(terms, args, &field_raw),
                7 => segloss_top_k_count(terms, n_terms, searched, args, search.pointer()),
                8 if n_terms > 0 => segloss_top_k_narrow(terms, search.pointer()),
                9 => segloss_top_k_merge(search.pointer(), other),
                // The weights are C doubles.
                _ if classes * 8 <= slopes.bytes().len() => {
                    segloss_class_weights(args, kind, slopes.pointer())
                }
                _ => 0,
            }
        }
    };
    held.outputs.iter_mut().for_each(Buffer::remember);
    held.inputs.iter_mut().for_each(Buffer::remember);
    held.structs.iter_mut().for_each(Buffer::remember);
    error.remember();
    // segloss_finalize reads no voxel, so that its values may lie over them.
    let outputs = [args.value.cast::<u8>(), args.term_values.cast()];
    let lies_under = |tensor: &Tensor| {
        let bytes = tensor.data.as_ref().map(|data| data.bytes().as_ptr_range());
        bytes.is_some_and(|bytes| outputs.iter().any(|output| bytes.contains(&output.cast_const())))
    };
    let mut tensors: Vec<&Tensor> =
        [&pred, &target].into_iter().chain(&weight).chain(&held.tensors).collect();
    tensors.retain(|tensor| verb != FINALIZE || !lies_under(tensor));
    let data = |tensors: &[&Tensor]| -> Vec<u8> {
        tensors.iter().filter_map(|tensor| tensor.data.as_ref()).flat_map(Buffer::bytes).copied().collect()
    };
    let before = data(&tensors);
    let status = call(&held);
    assert!((0..=13).contains(&status), "status {status}");
    if status != 0 {
        assert!(
            held.outputs.iter().all(Buffer::is_unchanged),
            "an output was written although {status} was returned"
        );
        assert!(
            held.inputs.iter().all(Buffer::is_unchanged),
            "an input was written although {status} was returned"
        );
        assert!(data(&tensors) == before, "a tensor was written although {status} was returned");
        return;
    }
    assert!(error.is_unchanged(), "an error was written on success");
    // A second call with other contents of the scratch: no bit may change.
    let first: Vec<Vec<u8>> = held.outputs.iter().map(|output| output.bytes().to_vec()).collect();
    if args.grad.data.cast_const() == pred.raw.data {
        return;
    }
    assert!(held.inputs.iter().all(Buffer::is_unchanged), "an input was written");
    assert!(data(&tensors) == before, "a tensor was written");
    drop(tensors);
    held.outputs.iter_mut().for_each(Buffer::restore);
    scratch.bytes_mut().fill(0x3c);
    assert_eq!(call(&held), 0, "the second call");
    for (k, (output, first)) in held.outputs.iter().zip(&first).enumerate() {
        assert!(output.bytes() == first, "output {k} differs the second time");
    }
}

/// Zeros.
fn zeroed() -> segloss_args {
    // SAFETY: integers, doubles and nullable pointers.
    unsafe { std::mem::zeroed() }
}

/// `[B, C, …]`, mostly small.
fn draw_shape(source: &mut Source<'_>) -> Vec<i64> {
    let mut shape = vec![source.pick(&[1, 2, 3, 1, 0]), source.pick(&[2, 3, 1, 4, 5, 9, 0])];
    for _ in 0..source.pick(&[1, 2, 3, 2, 4, 0]) {
        shape.push(source.pick(&[4, 7, 1, 3, 9, 16, 65, 0]));
    }
    if source.one_in(30) {
        shape[0] = source.pick(&[1 << 62, 1 << 40, i64::MAX]);
        shape[1] = source.pick(&[0, 1 << 30, 2]);
        if let Some(last) = shape.last_mut() {
            *last = 0;
        }
    }
    shape
}

fn draw_target(source: &mut Source<'_>, shape: &[i64]) -> Tensor {
    let flat: Vec<i64> = shape.iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, &n)| n).collect();
    let mut one = shape.to_vec();
    if let Some(channel) = one.get_mut(1) {
        *channel = 1;
    }
    match source.below(6) {
        0..=2 => Tensor::draw(source, &flat, &DTYPES[4..], 2, source.clone().one_in(4)),
        3 => Tensor::draw(source, &one, &DTYPES[4..], 2, false),
        4 => Tensor::draw(source, shape, &DTYPES[4..], 2, false),
        _ => Tensor::draw(source, shape, &FLOATS, 2, source.clone().one_in(6)),
    }
}

/// An output, or NULL.
fn output<T>(source: &mut Source<'_>, held: &mut Held, len: usize) -> *mut T {
    if source.one_in(3) {
        return null_mut();
    }
    let buffer = Buffer::new(source, len);
    let pointer = buffer.pointer();
    held.outputs.push(buffer);
    pointer
}

/// The gradient: none, beside the prediction, or over it.
fn draw_gradient(
    source: &mut Source<'_>,
    held: &mut Held,
    pred: &Tensor,
    args: &mut segloss_args,
) -> Option<Buffer> {
    let dtype = source.pick(&[0, 0x0220, 0x0240, 0x0210, 0x0410, 0, 0x0108, 7]);
    args.grad.reserved = u32::from(source.one_in(60));
    match source.below(5) {
        0 => None,
        1 if pred.data.is_some() => {
            // In place, mostly valid.
            args.grad.data = pred.raw.data.cast_mut();
            args.grad.dtype = if source.one_in(5) { pred.raw.dtype } else { 0 };
            args.grad.strides = if source.one_in(4) { pred.raw.strides } else { core::ptr::null() };
            None
        }
        _ => {
            let of = if dtype == 0 { pred.raw.dtype } else { dtype };
            let mut like = Tensor::draw(source, &pred.shape, &[of], 7, false);
            if like.shape != pred.shape {
                return None;
            }
            // With NULL strides, strides and extent are those of pred.
            let strides = like.strides.clone().or(pred.strides.clone());
            if like.strides.is_none() {
                let size = crate::arguments::size_of_dtype(of);
                let (low, high) = crate::arguments::span(&pred.shape, strides.as_deref())?;
                let bytes = (high - low + 1) * size;
                if bytes > 1 << 20 {
                    return None;
                }
                let buffer = Buffer::new(source, bytes as usize);
                args.grad.data = buffer.pointer::<u8>().wrapping_offset((-low * size) as isize).cast();
                args.grad.dtype = dtype;
                return Some(buffer);
            }
            args.grad.data = like.raw.data.cast_mut();
            args.grad.strides = like.raw.strides;
            args.grad.dtype = like.raw.dtype;
            let data = like.data.take();
            held.tensors.push(like);
            if data.is_none() {
                args.grad.data = null_mut();
            }
            data
        }
    }
}

/// Places an output over another argument.
fn alias(source: &mut Source<'_>, held: &Held, pred: &Tensor, target: &Tensor, args: &mut segloss_args) {
    if !source.one_in(6) {
        return;
    }
    let over: Vec<&Buffer> =
        pred.data.iter().chain(&target.data).chain(&held.inputs).chain(&held.outputs).collect();
    if over.is_empty() {
        return;
    }
    let over = over[source.below(over.len())];
    match source.below(3) {
        0 => args.value = over.place(source, 8).unwrap_or(args.value),
        1 => args.term_values = over.place(source, 40).unwrap_or(args.term_values),
        _ => args.error = over.place(source, size_of::<segloss_error>()).unwrap_or(null_mut()),
    }
    // An error struct over another argument is written on failure, which the comparison would report as an output.
    if args.error.cast::<u8>() != null_mut() {
        args.error = null_mut();
    }
}

/// An output for a distance field, of the shape that a loss may need.
fn draw_field(source: &mut Source<'_>, shape: &[i64]) -> (segloss_output, Option<Buffer>) {
    let dtype = source.pick(&[0, 0x0220, 0x0240, 0x0210]);
    let size = if dtype == 0 { 4 } else { crate::arguments::size_of_dtype(dtype) };
    let elements = shape.iter().try_fold(1i128, |n, &extent| n.checked_mul(i128::from(extent.max(0))));
    let none = segloss_output { data: null_mut(), strides: core::ptr::null(), dtype, reserved: 0 };
    match elements.filter(|&n| n <= MOST_ELEMENTS) {
        Some(elements) => {
            let buffer = Buffer::aligned(source, (elements * size) as usize);
            (segloss_output { data: buffer.pointer(), ..none }, Some(buffer))
        }
        None => (none, None),
    }
}
