//! Owned arrays of any element type and any strides, with a fill pattern in the gaps.

use crate::config::Type;
use crate::source::mix;
use half::{bf16, f16};
use segloss::{View, ViewMut};
use std::ops::Range;

/// An array.
pub struct Array {
    buffer: Buffer,
    of: Type,
    first: usize,
    shape: Vec<usize>,
    strides: Vec<isize>,
}

/// The fill pattern of gaps and of outputs before they are written: NaN in every float type.
const PAINT: u8 = 0xff;

/// Calls `$body` with the elements as a slice of their type.
macro_rules! typed {
    ($array:expr, $slice:ident, $elements:ident => $body:expr) => {
        match $array.of {
            Type::U8 => {
                let $elements = $array.buffer.$slice::<u8>();
                $body
            }
            Type::I8 => {
                let $elements = $array.buffer.$slice::<i8>();
                $body
            }
            Type::U16 => {
                let $elements = $array.buffer.$slice::<u16>();
                $body
            }
            Type::U32 => {
                let $elements = $array.buffer.$slice::<u32>();
                $body
            }
            Type::U64 => {
                let $elements = $array.buffer.$slice::<u64>();
                $body
            }
            Type::Bool => {
                let $elements = $array.buffer.$slice::<bool>();
                $body
            }
            Type::I16 => {
                let $elements = $array.buffer.$slice::<i16>();
                $body
            }
            Type::I32 => {
                let $elements = $array.buffer.$slice::<i32>();
                $body
            }
            Type::I64 => {
                let $elements = $array.buffer.$slice::<i64>();
                $body
            }
            Type::F16 => {
                let $elements = $array.buffer.$slice::<f16>();
                $body
            }
            Type::Bf16 => {
                let $elements = $array.buffer.$slice::<bf16>();
                $body
            }
            Type::F32 => {
                let $elements = $array.buffer.$slice::<f32>();
                $body
            }
            Type::F64 => {
                let $elements = $array.buffer.$slice::<f64>();
                $body
            }
        }
    };
}

impl Type {
    /// Bytes of an element.
    pub fn size(self) -> usize {
        match self {
            Type::U8 | Type::I8 | Type::Bool => 1,
            Type::I16 | Type::U16 | Type::F16 | Type::Bf16 => 2,
            Type::I32 | Type::U32 | Type::F32 => 4,
            Type::I64 | Type::U64 | Type::F64 => 8,
        }
    }

    pub fn is_float(self) -> bool {
        matches!(self, Type::F16 | Type::Bf16 | Type::F32 | Type::F64)
    }
}

/// `x` rounded once to a float type, to nearest, ties to even; integers are not rounded.
pub fn rounded(x: f64, of: Type) -> f64 {
    // `half` truncates an f64 before it rounds: a neighbour of its result may be nearer.
    let nearest = |found: u16, read: fn(u16) -> f64| {
        let distance = |bits: u16| ((read(bits) - x).abs(), bits & 1);
        let around = [found.wrapping_sub(1), found, found.wrapping_add(1)];
        let numbers = around.into_iter().filter(|&bits| read(bits).is_finite());
        let best = numbers.min_by(|&a, &b| distance(a).partial_cmp(&distance(b)).unwrap());
        best.map_or(read(found), read)
    };
    match of {
        _ if x.is_nan() || x.is_infinite() => x,
        Type::F16 if x.abs() >= 65_520.0 => f64::INFINITY.copysign(x),
        Type::Bf16 if f32::is_infinite(x as f32) => f64::INFINITY.copysign(x),
        Type::F16 => nearest(f16::from_f64(x).to_bits(), |bits| f16::from_bits(bits).to_f64()),
        Type::Bf16 => nearest(bf16::from_f64(x).to_bits(), |bits| bf16::from_bits(bits).to_f64()),
        Type::F32 => f64::from(x as f32),
        _ => x,
    }
}

impl Array {
    /// Stores `values`, given in C order of `shape`, with strides drawn from `strides`; 0 is C order.
    pub fn new(values: &[f64], shape: &[usize], of: Type, strides: u64) -> Self {
        let (first, strides, len) = strides_of(shape, strides);
        let mut array = Self { buffer: Buffer::new(len, of), of, first, shape: shape.to_vec(), strides };
        let places = array.places();
        typed!(array, elements_mut, elements => {
            for (&at, &x) in places.iter().zip(values) {
                elements[at] = Number::of(x);
            }
        });
        array
    }

    /// An array of `shape` whose `values` repeat by stride 0 along all axes except the last.
    pub fn repeated(values: &[f64], shape: &[usize], of: Type) -> Self {
        let last = [*shape.last().unwrap_or(&1)];
        let row = Self::new(&values[..values.len().min(last[0])], &last, of, 0);
        let mut strides = vec![0; shape.len()];
        if let Some(stride) = strides.last_mut() {
            *stride = 1;
        }
        Self { shape: shape.to_vec(), strides, ..row }
    }

    /// A view of the whole array.
    pub fn view(&self) -> View<'_> {
        self.part(None)
    }

    /// A mutable view of the whole array.
    pub fn view_mut(&mut self) -> ViewMut<'_> {
        self.part_mut(None)
    }

    /// A view of some samples and of some rows of one axis.
    pub fn part(&self, part: Option<(&Range<usize>, usize, &Range<usize>)>) -> View<'_> {
        let (first, shape) = self.window(part);
        typed!(self, elements, elements => View::strided(elements, first, &shape, &self.strides).unwrap())
    }

    /// The mutable view of the same part as `part`.
    pub fn part_mut(&mut self, part: Option<(&Range<usize>, usize, &Range<usize>)>) -> ViewMut<'_> {
        let (first, shape) = self.window(part);
        typed!(self, elements_mut, elements => ViewMut::strided(elements, first, &shape, &self.strides).unwrap())
    }

    fn window(&self, part: Option<(&Range<usize>, usize, &Range<usize>)>) -> (usize, Vec<usize>) {
        let (mut first, mut shape) = (self.first as isize, self.shape.clone());
        if let Some((samples, axis, rows)) = part {
            for (axis, range) in [(0, samples), (axis, rows)] {
                first += range.start as isize * self.strides[axis];
                shape[axis] = range.len();
            }
        }
        // An array without elements may begin anywhere.
        (if shape.contains(&0) { 0 } else { first as usize }, shape)
    }

    /// The elements in C order.
    pub fn values(&self) -> Vec<f64> {
        let places = self.places();
        typed!(self, elements, elements => places.iter().map(|&at| elements[at].number()).collect())
    }

    /// Whether the fill pattern outside the elements is unchanged.
    pub fn gaps_are_untouched(&self) -> bool {
        let size = self.of.size();
        let mut is_element = vec![false; self.buffer.bytes().len() / size];
        self.places().into_iter().for_each(|at| is_element[at] = true);
        let gaps = self.buffer.bytes().chunks(size).zip(is_element).filter(|(_, is_element)| !is_element);
        gaps.into_iter().all(|(bytes, _)| bytes.iter().all(|&byte| byte == paint(self.of)))
    }

    /// All bytes, including gaps.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.bytes()
    }

    fn places(&self) -> Vec<usize> {
        let count: usize = self.shape.iter().product();
        let place = |flat: usize| {
            let (mut rest, mut at) = (flat, self.first as isize);
            for (&extent, &stride) in self.shape.iter().zip(&self.strides).rev() {
                at += (rest % extent) as isize * stride;
                rest /= extent;
            }
            at as usize
        };
        (0..count).map(place).collect()
    }
}

fn paint(of: Type) -> u8 {
    if of == Type::Bool { 1 } else { PAINT }
}

/// Axes in any order, some reversed, some with gaps: offset of the first element, strides, elements spanned.
fn strides_of(shape: &[usize], seed: u64) -> (usize, Vec<isize>, usize) {
    let mut order: Vec<usize> = (0..shape.len()).collect();
    let mut strides = vec![0isize; shape.len()];
    let (mut state, mut stride, mut first) = (seed, 1usize, 0usize);
    let mut next = |count: usize| {
        state = mix(state);
        if seed == 0 { 0 } else { (state % count as u64) as usize }
    };
    if seed != 0 {
        // Every second layout is channels last, if there is a channel axis.
        if next(2) == 0 && shape.len() > 2 {
            let channel = order.remove(1);
            order.push(channel);
        } else {
            (1..shape.len()).rev().for_each(|k| order.swap(k, next(k + 1)));
        }
    }
    for &axis in order.iter().rev() {
        if next(4) == 1 {
            stride += next(5);
        }
        strides[axis] = stride as isize;
        if next(4) == 1 {
            first += stride * shape[axis].saturating_sub(1);
            strides[axis] = -strides[axis];
        }
        stride *= shape[axis].max(1);
    }
    let reach: usize = shape.iter().zip(&strides).map(|(n, s)| n.saturating_sub(1) * s.unsigned_abs()).sum();
    (first, strides, if shape.contains(&0) { 0 } else { reach + 1 })
}

/// A number as an element.
trait Number: Copy {
    fn of(x: f64) -> Self;
    fn number(self) -> f64;
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Number for $type {
            fn of(x: f64) -> Self {
                x as Self
            }
            fn number(self) -> f64 {
                self as f64
            }
        }
    )*};
}
number!(u8, i8, u16, i16, u32, i32, u64, i64, f32, f64);

impl Number for bool {
    fn of(x: f64) -> Self {
        x != 0.0
    }
    fn number(self) -> f64 {
        f64::from(u8::from(self))
    }
}

impl Number for f16 {
    fn of(x: f64) -> Self {
        f16::from_f64(rounded(x, Type::F16))
    }
    fn number(self) -> f64 {
        self.to_f64()
    }
}

impl Number for bf16 {
    fn of(x: f64) -> Self {
        bf16::from_f64(rounded(x, Type::Bf16))
    }
    fn number(self) -> f64 {
        self.to_f64()
    }
}

/// Types in which the fill pattern is a valid value.
trait Plain: Copy {}
impl Plain for u8 {}
impl Plain for i8 {}
impl Plain for u16 {}
impl Plain for u32 {}
impl Plain for u64 {}
impl Plain for bool {}
impl Plain for i16 {}
impl Plain for i32 {}
impl Plain for i64 {}
impl Plain for f16 {}
impl Plain for bf16 {}
impl Plain for f32 {}
impl Plain for f64 {}

/// Bytes with the fill pattern, aligned for every element type.
struct Buffer {
    memory: Memory,
    len: usize,
}

impl Buffer {
    /// `len` elements.
    fn new(len: usize, of: Type) -> Self {
        let len = len * of.size();
        let mut buffer = Self { memory: Memory::new(len), len };
        buffer.bytes_mut().fill(paint(of));
        buffer
    }

    fn bytes(&self) -> &[u8] {
        self.memory.bytes(self.len)
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self.memory.bytes_mut(self.len)
    }

    fn elements<T: Plain>(&self) -> &[T] {
        // SAFETY: every stored bit pattern, including the fill pattern, is a value of a `Plain` type of this buffer.
        unsafe { self.bytes().align_to::<T>().1 }
    }

    fn elements_mut<T: Plain>(&mut self) -> &mut [T] {
        // SAFETY: as above.
        unsafe { self.bytes_mut().align_to_mut::<T>().1 }
    }
}

/// Bytes that end at the end of a page; the next page is inaccessible.
#[cfg(feature = "guarded")]
struct Memory(crate::guard::Guarded);

#[cfg(feature = "guarded")]
impl Memory {
    fn new(len: usize) -> Self {
        Self(crate::guard::Guarded::before_a_page(len))
    }
    fn bytes(&self, _: usize) -> &[u8] {
        self.0.bytes()
    }
    fn bytes_mut(&mut self, _: usize) -> &mut [u8] {
        self.0.bytes_mut()
    }
}

/// Bytes from the allocator.
#[cfg(not(feature = "guarded"))]
struct Memory(Vec<u64>);

#[cfg(not(feature = "guarded"))]
impl Memory {
    fn new(len: usize) -> Self {
        Self(vec![0; len.div_ceil(8)])
    }
    fn bytes(&self, len: usize) -> &[u8] {
        // SAFETY: as many bytes of integers.
        let bytes = unsafe { self.0.align_to::<u8>().1 };
        &bytes[..len]
    }
    fn bytes_mut(&mut self, len: usize) -> &mut [u8] {
        // SAFETY: as above, and any bytes are integers.
        let bytes = unsafe { self.0.align_to_mut::<u8>().1 };
        &mut bytes[..len]
    }
}
