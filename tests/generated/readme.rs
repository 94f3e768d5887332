//! The rows of the README's table of losses.

use segloss::table::{Family, LOSSES, PRESETS};

pub fn rows() -> String {
    let row = |title: &str, family: Family, before: &[&'static str], after: &[&'static str]| {
        let losses = LOSSES.iter().filter(|row| row.family == family).map(|row| row.readme);
        let entries: Vec<&str> = before.iter().copied().chain(losses).chain(after.iter().copied()).collect();
        format!("| {title} | {} |\n", entries.join("; "))
    };
    let presets: Vec<&str> = PRESETS.iter().map(|preset| preset.readme).collect();
    row("distribution", Family::Distribution, &[], &[])
        + &row("region", Family::Region, &[], &["your own closed form, a Rust trait or a C callback"])
        + &row("boundary", Family::Boundary, &[], &[])
        + &row("compound", Family::Compound, &presets, &["any weighted sum of four"])
}
