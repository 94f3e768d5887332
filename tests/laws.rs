//! The laws that every loss obeys, each written once and run on the list of all losses.

mod bridge;
mod cases;
mod coming_from;
mod errors;
mod formats;
mod forms;
mod golden;
mod gradients;
mod levels;
mod limits;
mod list;
mod merge;
mod naive;
mod outputs;
mod parts;
mod precision;
mod scratch;
mod silence;
mod strides;
mod values;
