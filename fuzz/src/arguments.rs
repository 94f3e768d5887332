//! Tensors, structs and executors of C that are valid, nearly valid, or invalid.

use crate::memory::{Buffer, fill};
use check::source::{Numbers, Source};
use segloss::ffi::structs::{segloss_executor, segloss_task, segloss_tensor};
use std::ffi::c_void;
use std::ptr::{null, null_mut};

pub const DTYPES: [u32; 13] =
    [0x0220, 0x0240, 0x0210, 0x0410, 0x0108, 0x0040, 0x0020, 0x0010, 0x0608, 0x0008, 0x0110, 0x0120, 0x0140];
pub const FLOATS: [u32; 4] = [0x0220, 0x0240, 0x0210, 0x0410];

/// The maximum size of a buffer in bytes; a larger tensor has an address but no memory.
const MOST: i128 = 1 << 20;

/// A tensor and what it points to.
pub struct Tensor {
    pub raw: segloss_tensor,
    pub shape: Vec<i64>,
    pub strides: Option<Vec<i64>>,
    pub data: Option<Buffer>,
    _shape: Buffer,
    _strides: Option<Buffer>,
}

/// Bytes of an element of a dtype, known or not.
pub fn size_of_dtype(dtype: u32) -> i128 {
    i128::from((dtype & 0xff) / 8).max(1)
}

/// Lowest and highest offset of an element, in elements; `None` without elements or beyond all memory.
pub fn span(shape: &[i64], strides: Option<&[i64]>) -> Option<(i128, i128)> {
    let (mut low, mut high) = (0i128, 0i128);
    let mut stride = 1i128;
    for axis in (0..shape.len()).rev() {
        let extent = i128::from(shape[axis]);
        if extent <= 0 {
            return None;
        }
        let step = strides.map_or(stride, |strides| i128::from(strides[axis]));
        let reach = (extent - 1).checked_mul(step)?;
        if reach < 0 {
            low = low.checked_add(reach)?
        } else {
            high = high.checked_add(reach)?
        }
        stride = stride.checked_mul(extent)?;
    }
    // Bytes are counted from this, without overflow.
    (high.checked_sub(low)? < 1 << 64).then_some((low, high))
}

impl Tensor {
    /// A tensor of this shape or a similar one.
    pub fn draw(source: &mut Source<'_>, shape: &[i64], dtypes: &[u32], stream: u64, wild: bool) -> Self {
        let mut shape = shape.to_vec();
        let mut dtype = source.pick(dtypes);
        if source.one_in(50) {
            let any = source.bits() as u32;
            dtype = source.pick(&[0, 0x0208, 0x0280, 0x0440, 0x1020, any]);
        }
        if source.one_in(25) && !shape.is_empty() {
            let axis = source.below(shape.len());
            shape[axis] = source.pick(&[
                0,
                1,
                2,
                3,
                -1,
                shape[axis].saturating_add(1),
                1 << 40,
                1 << 62,
                i64::MAX,
                i64::MIN,
            ]);
        }
        if source.one_in(60) {
            shape.resize(source.pick(&[0, 1, 2, 5, 16, 17, 40]), 1);
        }
        let strides = source.one_in(2).then(|| draw_strides(source, &shape));
        let size = size_of_dtype(dtype);
        let data = span(&shape, strides.as_deref())
            .filter(|(low, high)| (high - low + 1) * size <= MOST)
            .map(|(low, high)| {
                let bytes = ((high - low + 1) * size) as usize;
                let mut buffer = Buffer::new(source, bytes);
                let numbers = Numbers::new(source.bits(), stream);
                let first = buffer.bytes().len() - bytes;
                fill(&mut buffer.bytes_mut()[first..], dtype, numbers, wild);
                (buffer, low)
            });
        let held_shape = Buffer::of(source, &shape);
        let held_strides = strides.as_ref().map(|strides| Buffer::of(source, strides));
        let address = match &data {
            Some((buffer, low)) => buffer.pointer::<u8>().wrapping_offset((-low * size) as isize),
            // No address may be read.
            None if source.one_in(2) => held_shape.pointer::<u8>().wrapping_add(1 << 13),
            None => null_mut(),
        };
        let ndim = shape.len() as u32;
        let raw = segloss_tensor {
            data: if source.one_in(60) { null() } else { address.cast() },
            shape: if source.one_in(60) { null() } else { held_shape.pointer() },
            strides: held_strides.as_ref().map_or(null(), |held| held.pointer()),
            ndim,
            dtype,
        };
        Self {
            raw,
            shape,
            strides,
            data: data.map(|(buffer, _)| buffer),
            _shape: held_shape,
            _strides: held_strides,
        }
    }

    /// The number of elements that a loop visits; 0 if the tensor is refused or empty.
    pub fn elements(&self) -> i128 {
        let count = self.shape.iter().try_fold(1i128, |n, &extent| n.checked_mul(i128::from(extent.max(0))));
        count.filter(|n| n * size_of_dtype(self.raw.dtype) <= isize::MAX as i128).unwrap_or(0)
    }

    /// Whether the tensor can be passed to a call that reads it: it has memory, or is refused or empty.
    pub fn is_readable(&self) -> bool {
        self.data.is_some() || self.elements() == 0 || self.raw.data.is_null()
    }
}

/// Strides: C order, channels last, reversed, repeated, or arbitrary.
fn draw_strides(source: &mut Source<'_>, shape: &[i64]) -> Vec<i64> {
    let mut order: Vec<usize> = (0..shape.len()).collect();
    if source.one_in(2) && shape.len() > 2 {
        let channel = order.remove(1);
        order.push(channel);
    }
    let (mut strides, mut stride) = (vec![0i64; shape.len()], 1i64);
    for &axis in order.iter().rev() {
        strides[axis] = if source.one_in(6) { -stride } else { stride };
        stride = stride.wrapping_mul(shape[axis].max(1));
        if source.one_in(8) {
            stride = stride.wrapping_add(3);
        }
    }
    if source.one_in(8) && !strides.is_empty() {
        let axis = source.below(strides.len());
        let any = source.bits() as i64;
        strides[axis] = source.pick(&[0, 1, -1, 2, 7, i64::MAX, i64::MIN, 1 << 40, any]);
    }
    strides
}

/// The bytes of a struct with another size: truncated, or with a tail of zeros or other bytes.
pub fn sized<T: Copy>(source: &mut Source<'_>, value: &T) -> (Vec<u8>, u32) {
    let full = size_of::<T>();
    let size = match source.below(40) {
        0 => source.below(full + 1),
        1 => full + source.below(64),
        2 => source.pick(&[0, 1, 3, 4, 4096, 5000, full - 8, full - 4]),
        _ => full,
    };
    let mut bytes = vec![0u8; size.max(4)];
    // SAFETY: a struct of C without padding, read as bytes.
    let of = unsafe { core::slice::from_raw_parts(core::ptr::from_ref(value).cast::<u8>(), full) };
    let known = full.min(bytes.len());
    bytes[..known].copy_from_slice(&of[..known]);
    if bytes.len() > full && source.one_in(3) {
        *bytes.last_mut().unwrap() = 1;
    }
    bytes[..4].copy_from_slice(&(size as u32).to_ne_bytes());
    (bytes, size as u32)
}

/// An executor with arbitrary behaviour.
pub fn executor(source: &mut Source<'_>) -> Option<segloss_executor> {
    if source.one_in(2) {
        return None;
    }
    let parallel_for = match source.below(5) {
        0 => None,
        1 => Some(backwards as unsafe extern "C" fn(*mut c_void, usize, segloss_task, *mut c_void)),
        2 => Some(twice as _),
        3 => Some(never as _),
        _ => Some(in_order as _),
    };
    let workers = source.pick(&[1, 2, 3, 0, 64, 65, 7, u32::MAX]);
    let struct_size = size_of::<segloss_executor>() as u32;
    Some(segloss_executor { struct_size, workers, parallel_for, context: null_mut() })
}

unsafe extern "C" fn in_order(_: *mut c_void, count: usize, task: segloss_task, data: *mut c_void) {
    // SAFETY: the task and the data that the library passed.
    (0..count).for_each(|k| unsafe { task.unwrap()(data, k) });
}

unsafe extern "C" fn backwards(_: *mut c_void, count: usize, task: segloss_task, data: *mut c_void) {
    // SAFETY: as above.
    (0..count).rev().for_each(|k| unsafe { task.unwrap()(data, k) });
}

unsafe extern "C" fn twice(_: *mut c_void, count: usize, task: segloss_task, data: *mut c_void) {
    // SAFETY: as above.
    (0..2 * count).for_each(|k| unsafe { task.unwrap()(data, k / 2) });
}

unsafe extern "C" fn never(_: *mut c_void, _: usize, _: segloss_task, _: *mut c_void) {}
