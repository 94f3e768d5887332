//! The generated part of `examples/libtorch/segloss_op.py`: the parameters of each loss and their defaults.

use crate::row::literal;
use crate::text::{C_WIDTH, wrap};
use segloss::table::{FieldKind, LOSSES, LossRow};

pub fn parameters() -> String {
    let entry = |row: &LossRow| {
        let start = format!("    \"{}\": dict(", row.name);
        let indent = " ".repeat(start.len());
        wrap(&format!("{start}{}),", of(row)), C_WIDTH, &indent).join("\n") + "\n"
    };
    LOSSES.iter().map(entry).collect()
}

/// The keyword arguments.
fn of(row: &LossRow) -> String {
    let entries = row.fields.iter().filter_map(|field| match field.kind {
        FieldKind::Number(number) => Some(format!("{}={}", field.name, literal(number.default))),
        FieldKind::Choice(choice) => {
            Some(format!("{}=\"{}\"", field.name, choice.constants[0].code.trim_start_matches("SEGLOSS_")))
        }
        FieldKind::Flags { .. } => Some(format!("{}=0", field.name)),
        FieldKind::Option { .. } => {
            average(field.name).map(|default| format!("{}=\"{default}\"", field.name))
        }
        FieldKind::Pointer { .. } => None,
    });
    entries.collect::<Vec<_>>().join(", ")
}

/// The default of an average over classes or samples.
fn average(field: &str) -> Option<&'static str> {
    match field {
        "class_average" => Some("CLASS_MEAN"),
        "sample_average" => Some("SAMPLE_DEFAULT"),
        "absent" => Some("ABSENT_COUNTED"),
        _ => None,
    }
}
