//! Guarded buffers of bytes, at any address within them.

use check::guard::Guarded;
use check::source::{Numbers, Source};

/// A buffer for one argument.
pub struct Buffer {
    memory: Guarded,
    /// Offset of the argument.
    first: usize,
    before: Vec<u8>,
}

impl Buffer {
    /// `len` bytes next to an inaccessible page, sometimes at an odd address, filled with a pattern.
    pub fn new(source: &mut Source<'_>, len: usize) -> Self {
        let odd = usize::from(source.one_in(40));
        let mut memory = if source.one_in(3) {
            Guarded::behind_a_page(len + odd)
        } else {
            Guarded::before_a_page(len + odd)
        };
        memory.bytes_mut().fill(0xa5);
        // A buffer that ends at a page starts at an odd address if its length is odd.
        Self { memory, first: odd, before: vec![] }
    }

    /// `len` bytes aligned for doubles whose end, or start, is next to an inaccessible page.
    pub fn aligned(source: &mut Source<'_>, len: usize) -> Self {
        let memory = if source.one_in(3) { Guarded::behind_a_page(len) } else { Guarded::before_a_page(len) };
        let mut buffer = Self { memory, first: 0, before: vec![] };
        buffer.memory.bytes_mut().fill(0xa5);
        buffer
    }

    /// The bytes of `values`.
    pub fn of<T: Copy>(source: &mut Source<'_>, values: &[T]) -> Self {
        let len = size_of_val(values);
        let mut buffer = Self::aligned(source, len);
        // SAFETY: plain numbers and pointers without padding, read as bytes.
        let bytes = unsafe { core::slice::from_raw_parts(values.as_ptr().cast::<u8>(), len) };
        buffer.memory.bytes_mut().copy_from_slice(bytes);
        buffer
    }

    /// Offset of the argument.
    pub fn pointer<T>(&self) -> *mut T {
        self.memory.as_ptr().wrapping_add(self.first).cast()
    }

    /// A pointer within the buffer to `len` bytes, if they fit.
    pub fn place<T>(&self, source: &mut Source<'_>, len: usize) -> Option<*mut T> {
        let room = self.bytes().len().checked_sub(len)?;
        Some(self.memory.as_ptr().wrapping_add(source.below(room + 1) & !7).cast())
    }

    pub fn bytes(&self) -> &[u8] {
        self.memory.bytes()
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.memory.bytes_mut()
    }

    /// Saves the contents.
    pub fn remember(&mut self) {
        self.before = self.bytes().to_vec();
    }

    /// Restores the saved contents.
    pub fn restore(&mut self) {
        let before = std::mem::take(&mut self.before);
        self.memory.bytes_mut().copy_from_slice(&before);
        self.before = before;
    }

    pub fn is_unchanged(&self) -> bool {
        self.before == self.bytes()
    }
}

/// Elements of a dtype, mostly with usual values.
pub fn fill(bytes: &mut [u8], dtype: u32, numbers: Numbers, wild: bool) {
    use half::{bf16, f16};
    let float = |k: usize| match numbers.below(k, 64) {
        0 if wild => f64::NAN,
        1 if wild => f64::INFINITY,
        2 if wild => f64::NEG_INFINITY,
        3 if wild => 1e30,
        4 => 0.0,
        5 => 1.0,
        _ => numbers.unit(k) * if wild { 16.0 } else { 1.0 } - if wild { 8.0 } else { 0.0 },
    };
    let label = |k: usize| {
        if wild && numbers.below(k, 50) == 0 {
            numbers.bits(k + 1) as i64
        } else {
            numbers.below(k, 3) as i64
        }
    };
    let size = ((dtype & 0xff) / 8).max(1) as usize;
    for (k, element) in bytes.chunks_exact_mut(size).enumerate() {
        match dtype {
            0x0210 => element.copy_from_slice(&f16::from_f64(float(k)).to_ne_bytes()),
            0x0410 => element.copy_from_slice(&bf16::from_f64(float(k)).to_ne_bytes()),
            0x0220 => element.copy_from_slice(&(float(k) as f32).to_ne_bytes()),
            0x0240 => element.copy_from_slice(&float(k).to_ne_bytes()),
            0x0608 => element.fill((label(k) != 0) as u8),
            // An unknown element type may be wider than any known one.
            _ => element.iter_mut().zip(label(k).to_ne_bytes()).for_each(|(to, from)| *to = from),
        }
    }
}
