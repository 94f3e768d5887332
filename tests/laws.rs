//! The laws that every loss obeys, each written once and run on the list of all losses.

mod bridge;
mod golden;
mod list;
mod naive;
