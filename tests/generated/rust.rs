//! `src/ffi/losses/generated.rs`, the getters of the losses, and `src/ffi/lists.rs`, which lists them.

use crate::row::{bit, choice, description, last, numbers};
use crate::text::{RUST_WIDTH, alternatives, braced, camel, wrap};
use segloss::table::{CHOICES, Choice, Family, FieldKind, LOSSES, LossRow, PRESETS, TermField};
use std::collections::{BTreeMap, BTreeSet};

/// The columns of a comment of the header.
const COMMENT_WIDTH: usize = 112;

pub fn getters() -> String {
    let mut text = String::from(
        "//! The getters of the losses. Generated from src/table: `SEGLOSS_UPDATE=1 cargo test --test generated`.\n\n",
    );
    text += &imports();
    for row in LOSSES {
        text += &format!("\n{}{}{}{}", documentation(row), getter(row), defaults(row), conversion(row));
    }
    for choice in CHOICES.iter().filter(|choice| read_by_field(choice).is_some()) {
        text += &format!("\n{}", reader(choice));
    }
    text
}

/// Each type by the module that defines it.
fn imports() -> String {
    let mut by_module = BTreeMap::<String, BTreeSet<&str>>::new();
    let mut import = |path: &'static str| {
        let (module, name) = path.rsplit_once("::").unwrap();
        by_module.entry(format!("crate::{module}")).or_default().insert(name);
    };
    let generated = || LOSSES.iter().filter(|row| !row.by_hand);
    for path in generated().flat_map(|row| [Some(row.path), inner(row).map(|of| of.path)]).flatten() {
        import(path);
    }
    for choice in CHOICES.iter().filter(|choice| read_by_field(choice).is_some()) {
        import(choice.path);
    }
    for path in [
        "error::Error",
        "ffi::codes::*",
        "ffi::losses::by_hand",
        "ffi::losses::no_defaults",
        "ffi::losses::unknown",
        "ffi::losses::uses",
        "ffi::structs::LossVisitor",
        "ffi::structs::segloss_loss",
        "ffi::structs::segloss_term",
    ] {
        import(path);
    }
    let line = |(module, names): (&String, &BTreeSet<&str>)| {
        let names: Vec<&str> = names.iter().copied().collect();
        match names[..] {
            [name] => format!("use {module}::{name};\n"),
            _ => format!("use {module}::{{{}}};\n", names.join(", ")),
        }
    };
    by_module.iter().map(line).collect()
}

/// The comment of a getter, which cbindgen copies to the header.
fn documentation(row: &LossRow) -> String {
    let mut lines = wrap(&format!("{}; {}.", row.summary, row.values), COMMENT_WIDTH, "");
    lines.push(String::new());
    lines.extend(row.equation.iter().map(|line| format!("  {line}")));
    if !row.notes.is_empty() {
        lines.push(String::new());
        lines.extend(wrap(row.notes, COMMENT_WIDTH, ""));
    }
    lines.extend(["".into(), "Parameters:".into()]);
    let width = row.fields.iter().map(|field| field.name.len()).max().unwrap_or(0);
    for field in row.fields {
        let start = format!("  {:width$}  ", field.name);
        let indent = " ".repeat(start.len());
        lines.extend(wrap(&format!("{start}{}", parameter(field)), COMMENT_WIDTH, &indent));
    }
    lines.extend(["".into(), "@return the loss, for segloss_term_init; static, never NULL.".into()]);
    lines.iter().map(|line| format!("/// {line}").trim_end().to_string() + "\n").collect()
}

/// What the header says about a field.
fn parameter(field: &TermField) -> String {
    match field.kind {
        FieldKind::Number(number) => {
            let symbol = if number.symbol.is_empty() { "".into() } else { format!("{}, ", number.symbol) };
            format!("{symbol}{}; default {}", description(&number), number.default)
        }
        FieldKind::Choice(choice) => {
            let codes: Vec<&str> = choice.constants.iter().map(|constant| constant.code).collect();
            codes.join(", ").replacen(codes[0], &format!("{} (default)", codes[0]), 1)
        }
        FieldKind::Pointer { text, .. } => format!("{text}; default NULL"),
        FieldKind::Flags { text, .. } | FieldKind::Option { text } => text.into(),
    }
}

fn getter(row: &LossRow) -> String {
    let name = row.name;
    let by_hand = if row.by_hand { "by_hand::" } else { "" };
    let defaults = match has_defaults(row) {
        true => format!("{by_hand}default_{name}"),
        false => "no_defaults".into(),
    };
    let items = [
        format!("defaults: {defaults}"),
        format!("uses: {}", uses(row)),
        format!("with_loss: {by_hand}{name}"),
    ];
    // rustfmt measures the literal where it would stand in a block of several lines.
    let literal = format!("segloss_loss {{ {} }}", items.join(", "));
    let body = match 8 + literal.len() <= RUST_WIDTH {
        true => format!("    &const {{ {literal} }}"),
        false => {
            let lines: String = items.iter().map(|item| format!("            {item},\n")).collect();
            format!("    &const {{\n        segloss_loss {{\n{lines}        }}\n    }}")
        }
    };
    format!(
        "#[unsafe(no_mangle)]\npub extern \"C\" fn segloss_{name}() -> *const segloss_loss {{\n{body}\n}}\n"
    )
}

/// Whether a parameter has a default other than 0.
fn has_defaults(row: &LossRow) -> bool {
    numbers(row).any(|(_, number)| number.default != "0")
}

/// The bits of the fields, in groups where all fields of a group are used.
fn uses(row: &LossRow) -> String {
    const GROUPS: [(&str, &[&str]); 3] = [
        ("RATIO", &["SMOOTH_NUMERATOR", "SMOOTH_DENOMINATOR", "CLASS_AVERAGE", "SAMPLE_AVERAGE", "ABSENT"]),
        ("JOINT_RATIO", &["SMOOTH_NUMERATOR", "SMOOTH_DENOMINATOR", "SAMPLE_AVERAGE", "ABSENT"]),
        ("AVERAGES", &["CLASS_AVERAGE", "SAMPLE_AVERAGE", "ABSENT"]),
    ];
    let mut bits: Vec<String> = row.fields.iter().map(bit).collect();
    for (group, members) in GROUPS {
        if members.iter().all(|member| bits.iter().any(|bit| bit == member)) {
            bits.retain(|bit| !members.contains(&bit.as_str()));
            bits.push(group.into());
        }
    }
    bits.iter().map(|bit| format!("uses::{bit}")).collect::<Vec<_>>().join(" | ")
}

fn defaults(row: &LossRow) -> String {
    if row.by_hand || !has_defaults(row) {
        return String::new();
    }
    let default = format!("{}::default()", last(row.path));
    let assigned: Vec<(&TermField, String)> = numbers(row)
        .filter(|(_, number)| number.default != "0")
        .map(|(field, _)| (field, [field.inside, field.member].join(".").trim_start_matches('.').into()))
        .collect();
    let (from, before) = match assigned.len() {
        1 => (default, String::new()),
        _ => ("loss".into(), format!("    let loss = {default};\n")),
    };
    let lines: String =
        assigned.iter().map(|(field, path)| format!("    term.{} = {from}.{path};\n", field.name)).collect();
    format!("\nfn default_{}(term: &mut segloss_term) {{\n{before}{lines}}}\n", row.name)
}

/// The function that makes the Rust type from a term.
fn conversion(row: &LossRow) -> String {
    if row.by_hand {
        return String::new();
    }
    let name = last(row.path);
    let members: Vec<&TermField> = row
        .fields
        .iter()
        .filter(|field| matches!(field.kind, FieldKind::Number(_) | FieldKind::Choice(_)))
        .collect();
    let argument = if members.is_empty() { "_" } else { "term" };
    let start = format!(
        "\nfn {}({argument}: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {{\n",
        row.name
    );
    if members.is_empty() {
        return format!("{start}    visit(&{name})\n}}\n");
    }
    let value = |field: &TermField| match field.kind {
        FieldKind::Choice(choice) => format!("{}(term)?", reader_name(choice)),
        _ => format!("term.{}", field.name),
    };
    let item = |field: &TermField| match value(field) {
        value if value == field.member => value,
        value => format!("{}: {value}", field.member),
    };
    let (mut items, mut inner) = (Vec::new(), BTreeSet::new());
    for field in &members {
        match field.inside {
            "" => items.push(item(field)),
            // A member that is a loss stands where its first field is.
            inside if inner.insert(inside) => {
                let all: Vec<String> =
                    members.iter().filter(|field| field.inside == inside).map(|field| item(field)).collect();
                let before = 8 + inside.len() + ": ".len();
                items.push(format!("{inside}: {}", braced(&camel(inside), &all, 8, before, ",".len())));
            }
            _ => {}
        }
    }
    format!("{start}    visit(&{})\n}}\n", braced(name, &items, 4, "    visit(&".len(), ")".len()))
}

/// The row of the loss that is a member of another.
fn inner(row: &LossRow) -> Option<&'static LossRow> {
    let name = row.fields.iter().map(|field| field.inside).find(|inside| !inside.is_empty())?;
    let found = LOSSES.iter().find(|row| row.name == name);
    Some(found.unwrap_or_else(|| panic!("src/table: {} holds {name}, which has no row", row.name)))
}

/// The field of `segloss_term` that holds a choice alone; `None` if every loss with it is written by hand.
fn read_by_field(choice_of: &Choice) -> Option<&'static str> {
    let fields = LOSSES.iter().filter(|row| !row.by_hand).flat_map(|row| row.fields);
    fields
        .filter(|field| choice(field).is_some_and(|choice| choice.path == choice_of.path))
        .map(|field| field.name)
        .next()
}

fn reader_name(choice: &Choice) -> String {
    last(choice.path).to_lowercase()
}

/// The function that reads a choice from a term.
fn reader(choice: &Choice) -> String {
    let (name, field) = (last(choice.path), read_by_field(choice).unwrap());
    let codes: Vec<&str> = choice.constants.iter().map(|constant| constant.code).collect();
    let arms: String = choice
        .constants
        .iter()
        .map(|constant| format!("        {} => Ok({name}::{}),\n", constant.code, camel(constant.name)))
        .collect();
    let argument = format!("c\"{field}\"");
    let expected = format!("c\"{}\"", alternatives(&codes));
    let call = format!("unknown({argument}, {expected})");
    let arm = "        other => ";
    let line = format!("Err({call}.with_given(other.into()))");
    let error = if arm.len() + line.len() < RUST_WIDTH {
        format!("{line},")
    } else if 12 + line.len() <= RUST_WIDTH {
        format!("{{\n            {line}\n        }}")
    } else if 12 + "Err(".len() + call.len() <= RUST_WIDTH {
        format!("{{\n            Err({call}\n                .with_given(other.into()))\n        }}")
    } else {
        format!(
            "Err(unknown(\n            {argument},\n            {expected},\n        )\n        \
             .with_given(other.into())),"
        )
    };
    format!(
        "fn {}(term: &segloss_term) -> Result<{name}, Error> {{\n    match term.{field} as i32 {{\n{arms}{arm}{error}\n    \
         }}\n}}\n",
        reader_name(choice)
    )
}

pub fn lists() -> String {
    let entries = |prefix: &str, names: &[&str]| -> String {
        names.iter().map(|name| format!("    {prefix}{name},\n")).collect()
    };
    let losses: Vec<&str> = LOSSES.iter().map(|row| row.name).collect();
    let presets: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
    format!(
        "//! The losses and presets, for programs that run over all of them. Generated from src/table:\n\
         //! `SEGLOSS_UPDATE=1 cargo test --test generated`.\n\n\
         use crate::ffi::losses::generated::*;\n\
         use crate::ffi::preset_functions::*;\n\
         use crate::ffi::structs::{{segloss_loss, segloss_status, segloss_term}};\n\n\
         /// The getter of every loss but that of the caller's.\n\
         pub const LOSSES: [extern \"C\" fn() -> *const segloss_loss; {}] = [\n{}];\n\n\
         /// Every preset.\n\
         pub const PRESETS: [unsafe extern \"C\" fn(*mut segloss_term, usize, *mut usize) -> segloss_status; {}] = [\n{}];\n",
        losses.len(),
        entries("segloss_", &losses),
        presets.len(),
        entries("segloss_preset_", &presets),
    )
}

/// A family is the folder of its losses, so that a row in the wrong family is found.
#[test]
fn losses_are_in_the_folder_of_their_family() {
    for row in LOSSES {
        let folder = match row.family {
            Family::Distribution => "distribution",
            Family::Region => "region",
            Family::Boundary => "boundary",
            Family::Compound => "compound",
        };
        assert!(row.path.starts_with(folder), "{} is in {}", row.name, row.path);
    }
}
