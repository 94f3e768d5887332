//! The generated part of `include/segloss/losses.hpp`: types of constants and a struct for each loss.

use crate::row::{description, last, literal};
use crate::text::{C_WIDTH, with_comments};
use segloss::table::{CHOICES, Choice, Constant, FieldKind, LOSSES, LossRow, TermField};

pub fn losses() -> String {
    let choices: String = CHOICES.iter().map(|choice| enumeration(choice)).collect();
    let structs: String = LOSSES.iter().map(|row| format!("\n{}", structure(row))).collect();
    choices + &structs
}

fn enumeration(choice: &Choice) -> String {
    let start = format!("// {}\nenum class {} : std::uint32_t {{", choice.what, last(choice.path));
    let constant = |constant: &Constant| format!("{} = {}", constant.name, constant.code);
    let all: Vec<String> = choice.constants.iter().map(constant).collect();
    let line = format!("{start} {} }};\n", all.join(", "));
    let is_commented = choice.constants.iter().any(|constant| !constant.what.is_empty());
    if !is_commented && line.lines().all(|line| line.len() <= C_WIDTH) {
        return line;
    }
    let lines: Vec<_> =
        (choice.constants.iter()).map(|of| (format!("  {},", constant(of)), of.what.to_string())).collect();
    format!("{start}\n{}}};\n", with_comments(&lines))
}

fn structure(row: &LossRow) -> String {
    let members = with_comments(&row.fields.iter().flat_map(|field| members(row, field)).collect::<Vec<_>>());
    let mut statements = vec![format!("term.loss = segloss_{}();", row.name)];
    statements.extend(row.fields.iter().flat_map(|field| statement(row, field)));
    let line = format!("  void fill(segloss_term& term) const noexcept {{ {} }}\n", statements.join(" "));
    let fill = if statements.len() == 1 && line.len() <= C_WIDTH {
        line
    } else {
        let lines: String = statements.iter().map(|statement| format!("    {statement}\n")).collect();
        format!("  void fill(segloss_term& term) const noexcept {{\n{lines}  }}\n")
    };
    format!("// {}.\nstruct {} {{\n{members}{fill}}};\n", row.summary, last(row.path))
}

/// Whether the loss has both smoothings, which one member holds.
fn is_smoothed(row: &LossRow) -> bool {
    let has = |name| row.fields.iter().any(|field| field.name == name);
    has("smooth_numerator") && has("smooth_denominator")
}

/// The members that a field becomes, each with its comment.
fn members(row: &LossRow, field: &TermField) -> Vec<(String, String)> {
    let choice = |choice: &Choice| {
        let (name, first) = (last(choice.path), choice.constants[0].name);
        (format!("  {name} {} = {name}::{first};", field.member), String::new())
    };
    match field.kind {
        FieldKind::Number(_) if is_smoothed(row) && field.name == "smooth_numerator" => {
            vec![("  Smooth smooth{};".into(), String::new())]
        }
        FieldKind::Number(_) if is_smoothed(row) && field.name == "smooth_denominator" => vec![],
        FieldKind::Number(number) => {
            vec![(format!("  double {} = {};", field.member, literal(number.default)), description(&number))]
        }
        FieldKind::Choice(of) => vec![choice(of)],
        FieldKind::Flags { choice: of, flags, .. } => {
            let flags = flags.iter().map(|flag| (format!("  bool {} = false;", flag.name), flag.what.into()));
            of.map(choice).into_iter().chain(flags).collect()
        }
        FieldKind::Pointer { pointee, text } => {
            vec![(format!("  const {pointee}* {} = nullptr;", field.member), text.into())]
        }
        FieldKind::Option { .. } => vec![],
    }
}

/// The statement that writes the members to the term.
fn statement(row: &LossRow, field: &TermField) -> Option<String> {
    match field.kind {
        FieldKind::Number(_) if is_smoothed(row) && field.name == "smooth_numerator" => {
            Some("smooth.fill(term);".into())
        }
        FieldKind::Number(_) if is_smoothed(row) && field.name == "smooth_denominator" => None,
        FieldKind::Number(_) | FieldKind::Pointer { .. } => {
            Some(format!("term.{} = {};", field.name, field.member))
        }
        FieldKind::Choice(_) => {
            Some(format!("term.{} = static_cast<std::uint32_t>({});", field.name, field.member))
        }
        FieldKind::Flags { choice, flags, .. } => Some(flag_statement(field, choice, flags)),
        FieldKind::Option { .. } => None,
    }
}

/// `term.variant = a | (b ? B : 0u);`, continued below the first operand.
fn flag_statement(field: &TermField, choice: Option<&Choice>, flags: &[Constant]) -> String {
    let start = format!("term.{} = ", field.name);
    let mut operands: Vec<String> =
        choice.iter().map(|_| format!("static_cast<std::uint32_t>({})", field.member)).collect();
    operands.extend(flags.iter().map(|flag| format!("({} ? {} : 0u)", flag.name, flag.code)));
    if let [only] = &mut operands[..] {
        *only = only.trim_matches(['(', ')']).into();
    }
    let (mut text, mut column) = (start.clone(), 4 + start.len());
    for (k, operand) in operands.iter().enumerate() {
        let is_last = k + 1 == operands.len();
        let end = if is_last { ";" } else { " |" };
        if k > 0 && column + 1 + operand.len() + end.len() > C_WIDTH {
            text += &format!("\n{}", " ".repeat(4 + start.len()));
            column = 4 + start.len();
        } else if k > 0 {
            text.push(' ');
            column += 1;
        }
        text += &format!("{operand}{end}");
        column += operand.len() + end.len();
    }
    text
}
