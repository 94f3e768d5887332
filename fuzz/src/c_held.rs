//! The buffers of one call of C.

use crate::arguments::Tensor;
use crate::memory::Buffer;
use check::source::Source;

/// The buffers of a call that live until it returns.
#[derive(Default)]
pub struct Held {
    pub inputs: Vec<Buffer>,
    /// Terms and executor: read before anything is written, so that an output may overlap them.
    pub structs: Vec<Buffer>,
    /// Written only on success.
    pub outputs: Vec<Buffer>,
    pub tensors: Vec<Tensor>,
}

/// An input array that lives as long as the call.
pub fn input<T: Copy>(source: &mut Source<'_>, held: &mut Held, values: &[T]) -> *const T {
    if source.one_in(50) {
        return core::ptr::null();
    }
    let buffer = Buffer::of(source, values);
    let pointer = buffer.pointer();
    held.inputs.push(buffer);
    pointer
}
