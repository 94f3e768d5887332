//! The C functions over arrays that are separate allocations of exactly the required length.

use segloss::ffi::codes::*;
use segloss::ffi::distance_functions::{segloss_distance, segloss_distance_scratch_size};
use segloss::ffi::functions::*;
use segloss::ffi::lists::LOSSES;
use segloss::ffi::structs::*;
use std::mem::{MaybeUninit, zeroed};
use std::ptr::null;

const SHAPE: [i64; 4] = [2, 3, 3, 5];
const FLAT: [i64; 3] = [2, 3, 5];
const N: usize = 15;

fn tensor<T>(data: &[T], shape: &[i64], dtype: i32) -> segloss_tensor {
    segloss_tensor {
        data: data.as_ptr().cast(),
        shape: shape.as_ptr(),
        strides: null(),
        ndim: shape.len() as u32,
        dtype: dtype as u32,
    }
}

/// Uninitialized scratch, as malloc returns it.
fn unwritten(bytes: usize) -> Vec<MaybeUninit<u8>> {
    let mut scratch = Vec::with_capacity(bytes);
    scratch.resize_with(bytes, MaybeUninit::uninit);
    scratch
}

fn painted(count: usize) -> Vec<f32> {
    (0..count).map(|k| (k * 37 % 61) as f32 / 16.0 - 1.9).collect()
}

#[test]
fn every_loss() {
    let logits = painted(2 * 3 * N);
    let labels: Vec<u8> = (0..2 * N).map(|k| (k % 7 % 3) as u8).collect();
    for getter in LOSSES {
        // SAFETY: zero is a value of every struct of the header; pointers are to what outlives the calls.
        unsafe {
            let mut term: segloss_term = zeroed();
            assert_eq!(segloss_term_init(getter(), &mut term, size_of::<segloss_term>()), 0);
            let mut args: segloss_args = zeroed();
            assert_eq!(segloss_args_init(&mut args, size_of::<segloss_args>()), 0);
            args.activation = SEGLOSS_SOFTMAX as u32;
            args.pred = tensor(&logits, &SHAPE, SEGLOSS_F32);
            args.target = tensor(&labels, &FLAT, SEGLOSS_U8);
            let (mut value, mut gradient) = (f64::NAN, vec![f32::NAN; logits.len()]);
            args.value = &mut value;
            args.grad.data = gradient.as_mut_ptr().cast();
            let mut needed = 0;
            assert_eq!(segloss_scratch_size(&term, 1, &args, &mut needed), 0);
            // Losses read bytes of scratch before they write them. Results do not depend on those bytes, but Miri refuses
            // to read what was never initialized.
            let mut scratch = vec![0xa5u8; needed];
            args.scratch = scratch.as_mut_ptr().cast();
            args.scratch_size = needed;
            assert_eq!(segloss_run(&term, 1, &args), 0);
            assert!(value.is_finite() && gradient.iter().all(|slope| slope.is_finite()));
            assert!(gradient.iter().any(|&slope| slope != 0.0));
        }
    }
}

#[test]
fn distances() {
    let mask: Vec<u8> = (0..2 * N).map(|k| u8::from(k % 7 < 2)).collect();
    for kind in [SEGLOSS_SIGNED, SEGLOSS_INSIDE, SEGLOSS_OUTSIDE, SEGLOSS_OTHER_SIDE] {
        // SAFETY: as above.
        unsafe {
            let mut out = vec![f32::NAN; mask.len()];
            let mut args: segloss_distance_args = zeroed();
            args.struct_size = size_of::<segloss_distance_args>() as u32;
            args.kind = kind as u32;
            args.mask = tensor(&mask, &FLAT, SEGLOSS_U8);
            args.out.data = out.as_mut_ptr().cast();
            let mut needed = 0;
            assert_eq!(segloss_distance_scratch_size(&args, &mut needed), 0);
            let mut scratch = unwritten(needed);
            args.scratch = scratch.as_mut_ptr().cast();
            args.scratch_size = needed;
            assert_eq!(segloss_distance(&args), 0);
            assert!(out.iter().all(|distance| distance.is_finite()));
        }
    }
}
