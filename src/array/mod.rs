//! Arrays of the caller: element types, shapes, strides, and how rows of them are loaded and stored.

pub(crate) mod channels_last;
pub(crate) mod dtype;
pub(crate) mod f16_rows;
pub(crate) mod float16;
pub(crate) mod labels;
#[cfg(feature = "ndarray")]
mod ndarray;
pub(crate) mod real;
pub(crate) mod stored;
pub(crate) mod strided_rows;
pub(crate) mod view;
