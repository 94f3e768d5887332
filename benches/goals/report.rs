//! Lines of text or of a Markdown table.

use crate::measure::Outcome;
use crate::pages::{self, PageSize};
use crate::table::{Goal, Row};
use segloss::cpu::{Level, force, level};
use std::collections::HashMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Text,
    Markdown,
}

/// Describes the machine and the way of measuring.
pub fn head(rounds: usize, size: PageSize) -> String {
    force(Level::Avx512);
    format!(
        "{}; level {}; pages {}; {}\nvalue + gradient, f32, u8 labels, softmax, one thread where a row does not say \
         otherwise; medians of {rounds} rounds, CPU time of the thread (two threads: least wall time)\nratio: to the \
         case that the goal names, two threads: times as fast; goals in ns are those of a Zen 5 with AVX-512",
        cpu_model(),
        name(level()),
        pages::describe(size),
        env!("COMPILER"),
    )
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Avx512 => "AVX-512",
        Level::Avx2 => "AVX2",
        Level::Baseline => "baseline",
    }
}

fn cpu_model() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or(std::env::consts::ARCH.into(), |(_, model)| model.into())
}

/// A goal in words.
pub fn goal(row: &Row) -> String {
    let other = row.compared.map_or("", |(name, _)| name);
    let words = |goal: &Goal| match goal {
        Goal::Nanoseconds(most) => format!("{most} ns"),
        Goal::Floor(most) => format!("{most} × floor"),
        Goal::Compared(most) => format!("{most} × {other}"),
        Goal::Field(most) => format!("{most} × reading it"),
        Goal::Threads { speedup, floor } => format!("{speedup} × as fast, or {floor} × floor"),
    };
    row.goals.iter().map(words).collect::<Vec<_>>().join(", ")
}

/// The heading of the lines. `before`: whether there are earlier times to compare with.
pub fn heading(style: Style, before: bool) -> String {
    let (column, rule) = if before { (" × before |", " --- |") } else { ("", "") };
    match style {
        Style::Text => format!(
            "{:44} {:>9} {:>8} {:>8} {:>7}  {:27} {:>7}{}",
            "case",
            "ns/voxel",
            "floor",
            "× floor",
            "ratio",
            "goal",
            "× goal",
            if before { " × before" } else { "" },
        ),
        Style::Markdown => format!(
            "| case | ns per voxel | floor | × floor | ratio | goal | × goal |{column}\n\
             | --- | --- | --- | --- | --- | --- | --- |{rule}"
        ),
    }
}

pub fn line(style: Style, row: &Row, outcome: &Outcome, before: Option<&HashMap<String, f64>>) -> String {
    let Outcome { nanoseconds, floor, over_floor, ratio, over_goal } = outcome;
    let (name, goal) = (&row.name, goal(row));
    let ratio = ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
    let before = before.map(|times| match times.get(name) {
        Some(time) => format!("{:.2}", nanoseconds / time),
        None => "-".into(),
    });
    let met = if *over_goal <= 1.0 { "met" } else { "missed" };
    match style {
        Style::Text => format!(
            "{name:44} {nanoseconds:9.3} {floor:8.3} {over_floor:8.2} {ratio:>7}  {goal:27} {over_goal:7.2}{}  {met}",
            before.map_or(String::new(), |before| format!("{before:>9}")),
        ),
        Style::Markdown => format!(
            "| {name} | {nanoseconds:.2} | {floor:.2} | {over_floor:.2} | {ratio} | {goal} | {over_goal:.2}, {met} |{}",
            before.map_or(String::new(), |before| format!(" {before} |")),
        ),
    }
}
