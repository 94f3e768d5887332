//! Texts and names that several generated files share.

use segloss::table::{Choice, FieldKind, LossRow, Number, Range, TermField};

/// `Dice` from `region::dice::Dice`.
pub fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap()
}

/// The range of a parameter in the words of the errors.
pub fn range(of: Range) -> &'static str {
    match of {
        Range::NonNegative => "finite and >= 0",
        Range::Positive => "finite and > 0",
        Range::Unit => "in [0, 1]",
        Range::Share => "in (0, 1]",
    }
}

/// Meaning, range and unit of a parameter.
pub fn description(number: &Number) -> String {
    [number.meaning, range(number.range), number.note]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}

/// The default as an expression of C++ and Python: `4.0 / 3.0`.
pub fn literal(default: &str) -> String {
    let of = |number: &str| {
        let is_integer = number.bytes().all(|byte| byte.is_ascii_digit());
        if is_integer { format!("{number}.0") } else { number.into() }
    };
    default.split('/').map(of).collect::<Vec<_>>().join(" / ")
}

/// The bit of `uses` that stands for a field of `segloss_term`.
pub fn bit(field: &TermField) -> String {
    match field.name {
        "flags" => "FIELD_COMPLETE".into(),
        name => name.to_uppercase(),
    }
}

/// The parameters of a loss.
pub fn numbers(row: &LossRow) -> impl Iterator<Item = (&TermField, &Number)> {
    row.fields.iter().filter_map(|field| match &field.kind {
        FieldKind::Number(number) => Some((field, number)),
        _ => None,
    })
}

/// The choice that `variant` holds, if it is one.
pub fn choice(field: &TermField) -> Option<&'static Choice> {
    match field.kind {
        FieldKind::Choice(choice) => Some(choice),
        _ => None,
    }
}
