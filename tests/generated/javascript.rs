//! `bindings/wasm/src/losses.js` and its types: the losses of the npm package and their options.

use crate::row::{description, last, range};
use crate::text::{C_WIDTH, wrap};
use segloss::table::{Choice, Constant, FieldKind, LOSSES, LossRow, PRESETS, Range};

const HEAD: &str = "// Generated from src/table: SEGLOSS_UPDATE=1 cargo test --test generated.\n";

/// The options of a term that are strings: name, constants of the header; the first is the default.
const AVERAGES: [(&str, &[(&str, &str)]); 3] = [
    ("class_average", &[("mean", "SEGLOSS_CLASS_MEAN"), ("pooled", "SEGLOSS_CLASS_POOLED")]),
    ("sample_average", &[("mean", "SEGLOSS_SAMPLE_DEFAULT"), ("pooled", "SEGLOSS_SAMPLE_POOLED")]),
    ("absent", &[("counted", "SEGLOSS_ABSENT_COUNTED"), ("skipped", "SEGLOSS_ABSENT_SKIPPED")]),
];

/// An option of a loss as JavaScript sees it.
enum Entry {
    /// A number of `segloss_term`.
    Number { name: &'static str, default: &'static str, range: Range, what: String },
    /// One of several strings, each a constant of a field.
    Choice { name: &'static str, field: &'static str, constants: Vec<(&'static str, &'static str)> },
    /// A boolean: a constant that is or-ed to a field.
    Flag { name: &'static str, field: &'static str, code: &'static str, what: &'static str },
    /// A typed array of distance weights.
    Field { what: &'static str },
}

fn entries(row: &LossRow) -> Vec<Entry> {
    row.fields
        .iter()
        .flat_map(|field| match field.kind {
            FieldKind::Number(number) => vec![Entry::Number {
                name: field.name,
                default: number.default,
                range: number.range,
                what: description(&number),
            }],
            FieldKind::Choice(of) => vec![choice(field.member, field.name, of)],
            FieldKind::Flags { choice: of, flags, .. } => {
                let flag = |flag: &'static Constant| Entry::Flag {
                    name: flag.name,
                    field: field.name,
                    code: flag.code,
                    what: flag.what,
                };
                of.map(|of| choice(field.member, field.name, of))
                    .into_iter()
                    .chain(flags.iter().map(flag))
                    .collect()
            }
            // TopK in parts is not offered.
            FieldKind::Pointer { .. } => vec![],
            FieldKind::Option { text } if field.name == "field" => vec![Entry::Field { what: text }],
            FieldKind::Option { .. } if field.name == "flags" => vec![Entry::Flag {
                name: "field_complete",
                field: "flags",
                code: "SEGLOSS_FIELD_COMPLETE",
                what: "field is all of D",
            }],
            FieldKind::Option { .. } => {
                let (name, constants) = AVERAGES.into_iter().find(|(name, _)| *name == field.name).unwrap();
                vec![Entry::Choice { name, field: name, constants: constants.to_vec() }]
            }
        })
        .collect()
}

fn choice(name: &'static str, field: &'static str, of: &'static Choice) -> Entry {
    let constants = of.constants.iter().map(|constant| (constant.name, constant.code)).collect();
    Entry::Choice { name, field, constants }
}

pub fn table() -> String {
    let rows: String = LOSSES.iter().map(entry).collect();
    let presets: Vec<String> =
        PRESETS.iter().map(|preset| format!("  {}: \"{}\",", preset.name, preset.readme)).collect();
    format!(
        "{HEAD}\n// Loss -> what it is, and its options. An option writes a field of segloss_term.\n\
         export const LOSSES = {{\n{rows}}};\n\n\
         // Compound losses by name.\nexport const PRESETS = {{\n{}\n}};\n",
        presets.join("\n")
    )
}

fn entry(row: &LossRow) -> String {
    let options: String = entries(row).iter().map(|entry| format!("      {}\n", literal(entry))).collect();
    format!(
        "  {}: {{\n    summary: {:?},\n    values: {:?},\n    options: {{\n{options}    }},\n  }},\n",
        row.name, row.summary, row.values
    )
}

fn literal(entry: &Entry) -> String {
    match entry {
        Entry::Number { name, default, range, what } => {
            format!("{name}: {{ kind: \"number\", default: {default}, {}, what: {what:?} }},", bounds(*range))
        }
        Entry::Choice { name, field, constants } => {
            let constants: Vec<String> =
                constants.iter().map(|(name, code)| format!("{name}: {code:?}")).collect();
            format!(
                "{name}: {{ kind: \"choice\", field: {field:?}, constants: {{ {} }} }},",
                constants.join(", ")
            )
        }
        Entry::Flag { name, field, code, what } => {
            format!("{name}: {{ kind: \"flag\", field: {field:?}, constant: {code:?}, what: {what:?} }},")
        }
        Entry::Field { what } => format!("field: {{ kind: \"array\", what: {what:?} }},"),
    }
}

/// The bounds that an input of a form takes.
fn bounds(of: Range) -> String {
    match of {
        Range::Unit | Range::Share => format!("min: 0, max: 1, range: {:?}", range(of)),
        Range::NonNegative | Range::Positive => format!("min: 0, range: {:?}", range(of)),
    }
}

pub fn types() -> String {
    let interfaces: String = LOSSES.iter().map(interface).collect();
    let names: Vec<&str> = LOSSES.iter().map(|row| last(row.path)).collect();
    let presets: Vec<String> = PRESETS.iter().map(|preset| format!("{:?}", preset.name)).collect();
    format!(
        "{HEAD}\nimport type {{ FloatArray, TermOptions }} from \"./index.js\";\n{interfaces}\n\
         /** A loss with its options. */\nexport type Term =\n  | {};\n\n\
         /** A compound loss by name. */\nexport type Preset =\n  | {};\n\n\
         export const LOSSES: Readonly<Record<Term[\"loss\"], object>>;\nexport const PRESETS: Readonly<Record<Preset, string>>;\n",
        names.join("\n  | "),
        presets.join("\n  | ")
    )
}

fn interface(row: &LossRow) -> String {
    let equation: String = row.equation.iter().map(|line| format!(" *     {line}\n")).collect();
    let notes: String = match row.notes {
        "" => String::new(),
        notes => {
            let lines = wrap(&format!(" * {notes}"), C_WIDTH, " * ").join("\n");
            format!(" *\n{lines}\n")
        }
    };
    let members: String = entries(row).iter().map(member).collect();
    format!(
        "\n/**\n * {}; {}.\n *\n{equation}{notes} */\nexport interface {} extends TermOptions {{\n  loss: {:?};\n{members}}}\n",
        row.summary,
        row.values,
        last(row.path),
        row.name
    )
}

fn member(entry: &Entry) -> String {
    match entry {
        Entry::Number { name, default, what, .. } => {
            format!("  /** {what}; default {default} */\n  {name}?: number;\n")
        }
        Entry::Choice { name, constants, .. } => {
            let names: Vec<String> = constants.iter().map(|(name, _)| format!("{name:?}")).collect();
            format!("  /** Default {} */\n  {name}?: {};\n", names[0], names.join(" | "))
        }
        Entry::Flag { name, what, .. } => format!("  /** {what}; default false */\n  {name}?: boolean;\n"),
        Entry::Field { what } => {
            let lines = wrap(&format!("  /** {what} */"), C_WIDTH, "   *  ").join("\n");
            format!("{lines}\n  field?: FloatArray;\n")
        }
    }
}
