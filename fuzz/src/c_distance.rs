//! The C distance transform, called with structs that are valid, nearly valid, or invalid.

use crate::arguments::{DTYPES, Tensor, executor, sized};
use crate::memory::Buffer;
use check::source::Source;
use segloss::ffi::codes::{SEGLOSS_DISTANCE_BLACK_BORDER, SEGLOSS_DISTANCE_SQUARED};
use segloss::ffi::distance_functions::{segloss_distance, segloss_distance_scratch_size};
use segloss::ffi::structs::{segloss_distance_args, segloss_error};
use std::ptr::{null, null_mut};

/// The maximum number of voxels times classes of one execution.
const MOST_ELEMENTS: i128 = 1 << 13;
/// The maximum scratch of one execution in bytes.
const MOST_SCRATCH: usize = 1 << 26;

/// One transform, twice if it succeeds.
pub fn c_distance(bytes: &[u8]) {
    let source = &mut Source::of_bytes(bytes);
    let axes = source.pick(&[2, 1, 3, 4, 2, 0, 7]);
    let shape: Vec<i64> = (0..axes).map(|_| source.pick(&[3, 5, 1, 8, 13, 2, 65, 0])).collect();
    let mask = Tensor::draw(source, &shape, &DTYPES[4..], 1, false);
    // SAFETY: integers, doubles and nullable pointers.
    let mut args: segloss_distance_args = unsafe { std::mem::zeroed() };
    args.kind = source.pick(&[1, 2, 3, 4, 0, 5]);
    let any = source.bits() as u32;
    let (squared, border) = (SEGLOSS_DISTANCE_SQUARED as u32, SEGLOSS_DISTANCE_BLACK_BORDER as u32);
    args.flags = source.pick(&[0, squared, border, squared | border, 4, any]);
    args.classes = source.pick(&[0, 0, 1, 3, u32::MAX, 2]);
    args.mask = mask.raw;
    let far = [1.0, 0.5, 3.0, 1e-9, 1e9, 1e-100, 1e100, 1e17, 1e-16, 0.0, -1.0, f64::NAN];
    let spacing: Vec<f64> =
        mask.shape.iter().map(|_| if source.one_in(2) { 1.0 } else { source.pick(&far) }).collect();
    let spacing = Buffer::of(source, &spacing);
    args.spacing = if source.one_in(2) { null() } else { spacing.pointer() };
    let executor = executor(source).map(|executor| {
        let (bytes, _) = sized(source, &executor);
        Buffer::of(source, &bytes)
    });
    args.executor = executor.as_ref().map_or(null(), |executor| executor.pointer());

    let maps = i128::from(args.classes.max(1));
    let all = mask.elements() * maps;
    let dtype = source.pick(&[0, 0x0220, 0x0240, 0x0210]);
    let size = if dtype == 0 { 4 } else { crate::arguments::size_of_dtype(dtype) };
    let mut out = Buffer::new(source, (all.min(MOST_ELEMENTS) * size) as usize);
    args.out.dtype = dtype;
    args.out.data = if source.one_in(30) { null_mut() } else { out.pointer() };
    let mut error = Buffer::aligned(source, size_of::<segloss_error>());
    args.error = if source.one_in(2) { error.pointer() } else { null_mut() };

    let (mut args_bytes, _) = sized(source, &args);
    let mut needed = [0usize; 1];
    let query = Buffer::of(source, &args_bytes);
    // SAFETY: every pointer points to as many bytes as the header requires, or is never dereferenced.
    let asked = unsafe { segloss_distance_scratch_size(query.pointer(), needed.as_mut_ptr()) };
    assert!((0..=13).contains(&asked), "status {asked}");
    if all > MOST_ELEMENTS || !mask.is_readable() || needed[0] > MOST_SCRATCH {
        return;
    }
    let short = source.one_in(12);
    let mut scratch = Buffer::aligned(source, if short { needed[0] / 2 } else { needed[0] });
    args.scratch = scratch.pointer();
    args.scratch_size = scratch.bytes().len();
    // SAFETY: a struct of C, read as bytes.
    let full = unsafe {
        core::slice::from_raw_parts(
            core::ptr::from_ref(&args).cast::<u8>(),
            size_of::<segloss_distance_args>(),
        )
    };
    let known = full.len().min(args_bytes.len());
    args_bytes[4..known].copy_from_slice(&full[4..known]);
    let call_args = Buffer::of(source, &args_bytes);
    out.remember();
    error.remember();
    let before: Option<Vec<u8>> = mask.data.as_ref().map(|data| data.bytes().to_vec());
    // SAFETY: as above.
    let status = unsafe { segloss_distance(call_args.pointer()) };
    assert!((0..=13).contains(&status), "status {status}");
    assert!(before.as_deref() == mask.data.as_ref().map(Buffer::bytes), "the mask was written");
    if status != 0 {
        assert!(out.is_unchanged(), "the output was written although {status} was returned");
        return;
    }
    assert!(error.is_unchanged(), "an error was written on success");
    let first = out.bytes().to_vec();
    out.restore();
    scratch.bytes_mut().fill(0x3c);
    // SAFETY: as above.
    assert_eq!(unsafe { segloss_distance(call_args.pointer()) }, 0, "the second call");
    assert!(out.bytes() == first, "distances differ the second time");
}
