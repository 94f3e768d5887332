//! `tests/c/table.h`, the lists that the C and C++ tests run over, and `tests/c/symbols.txt`.

use crate::row::{bit, choice, last, numbers};
use crate::text::{C_WIDTH, wrap};
use segloss::table::{FieldKind, LOSSES, LossRow, PRESETS, Range, TermField};

/// The fields that have a bit, in the order of `uses` in `src/ffi/losses/mod.rs`.
const BITS: [&str; 17] = [
    "VARIANT",
    "ALPHA",
    "BETA",
    "GAMMA",
    "K",
    "SMOOTH_NUMERATOR",
    "SMOOTH_DENOMINATOR",
    "LABEL_SMOOTHING",
    "NORMALIZER",
    "CLASS_AVERAGE",
    "SAMPLE_AVERAGE",
    "ABSENT",
    "REGION",
    "TOP_K_SEARCH",
    "FIELD",
    "FIELD_COMPLETE",
    "VOXEL",
];

pub fn table() -> String {
    let bits: Vec<String> =
        BITS.iter().enumerate().map(|(k, name)| format!("  USES_{name} = 1 << {k}")).collect();
    format!(
        "/* The losses and presets that tests run over. Generated from src/table:\n\
         \x20* SEGLOSS_UPDATE=1 cargo test --test generated. */\n\
         #ifndef TABLE_H\n#define TABLE_H\n\n\
         /* The fields of segloss_term that a loss uses. */\n\
         enum {{\n{}\n}};\n\n\
         /* X(name, type in C++, fields that the loss uses, constants of its variant) of every loss but the caller's. */\n{}\n\
         /* X(loss, field, range) of every parameter. */\n{}\n\
         /* X(name) of every preset. */\n{}\n\
         #endif\n",
        bits.join(",\n"),
        list("EVERY_LOSS", LOSSES.iter().map(loss)),
        list("EVERY_NUMBER", LOSSES.iter().flat_map(parameters)),
        list("EVERY_PRESET", PRESETS.iter().map(|preset| format!("X({})", preset.name))),
    )
}

/// A macro of one argument X, with an entry on each line.
fn list(name: &str, entries: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> =
        entries.flat_map(|entry| wrap(&format!("  {entry}"), C_WIDTH - " \\".len(), "    ")).collect();
    format!("#define {name}(X) \\\n  {}\n", lines.join(" \\\n").trim_start())
}

fn loss(row: &LossRow) -> String {
    let uses: Vec<String> = row.fields.iter().map(|field| format!("USES_{}", bit(field))).collect();
    let variant = row.fields.iter().find(|field| field.name == "variant").map_or("none".into(), variant);
    format!("X({}, {}, {}, {variant})", row.name, last(row.path), uses.join(" | "))
}

/// The name of the list of constants: that of the choice, or of the loss with flags.
fn variant(field: &TermField) -> String {
    match (choice(field), field.kind) {
        (Some(choice), _) => last(choice.path).to_lowercase(),
        (_, FieldKind::Flags { choice: Some(choice), .. }) => last(choice.path).to_lowercase(),
        _ => "rim_zero".into(),
    }
}

fn parameters(row: &LossRow) -> Vec<String> {
    let range = |range| match range {
        Range::NonNegative => "NON_NEGATIVE",
        Range::Positive => "POSITIVE",
        Range::Unit => "UNIT",
        Range::Share => "SHARE",
    };
    numbers(row)
        .map(|(field, number)| format!("X({}, {}, {})", row.name, field.name, range(number.range)))
        .collect()
}

/// The functions that the header declares, in order of the alphabet.
pub fn symbols(header: &str) -> String {
    let code: String =
        header.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut names: Vec<&str> = code
        .split("\nSEGLOSS_API")
        .skip(1)
        .map(|declaration| declaration.split_once('(').expect("a function").0)
        .map(|declaration| declaration.rsplit([' ', '*', '\n']).next().unwrap())
        .collect();
    names.sort_unstable();
    names.iter().map(|name| format!("{name}\n")).collect()
}
