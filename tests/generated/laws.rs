//! The generated part of `tests/ranges.rs`: the range of each parameter of the Rust types.

use crate::row::{last, numbers};
use segloss::table::{LOSSES, LossRow};

/// TopK holds its parameter in an enumeration, so its ranges are written by hand.
pub fn ranges() -> String {
    LOSSES.iter().filter(|row| row.name != "top_k").filter_map(of).collect()
}

fn of(row: &LossRow) -> Option<String> {
    let entries: Vec<String> = numbers(row)
        .map(|(field, number)| {
            let place = [field.inside, field.member].join(" ");
            format!("{}: \"{}\" {:?}", place.trim_start(), field.member, number.range)
        })
        .collect();
    let name = last(row.path);
    match &entries[..] {
        [] => None,
        [entry] => Some(format!("        {name} {{ {entry} }}\n")),
        _ => {
            let lines: String = entries.iter().map(|entry| format!("            {entry},\n")).collect();
            Some(format!("        {name} {{\n{lines}        }}\n"))
        }
    }
}
