//! The goals of speed: every row of their table measured, beside the memory floor of the same arrays.
//!
//! `cargo bench -p benches --bench goals -- --help` lists the options; `README.md` says how to read the figures.

mod case;
mod clock;
mod floor;
mod inputs;
mod measure;
mod pages;
mod problem;
mod reference;
mod report;
mod spinning;
mod table;

use pages::PageSize;
use report::Style;
use std::collections::HashMap;
use std::fmt::Write;
use std::process::ExitCode;

const HELP: &str = "\
cargo bench -p benches --bench goals -- [OPTION]... [PART OF A NAME]...

Measures the rows whose names contain one of the parts, or all.

--rounds N       rounds per row, 5 by default; 21 for figures that are kept
--small-pages    arrays in small pages, as PyTorch's allocator gives them
--markdown       a Markdown table
--save FILE      writes the times, one row per line
--against FILE   a further column: the time relative to a saved one
--list           the rows and their goals
--test           checks the results of all rows and measures none";

struct Options {
    rounds: usize,
    size: PageSize,
    style: Style,
    save: Option<String>,
    against: Option<String>,
    list: bool,
    test: bool,
    parts: Vec<String>,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        rounds: 5,
        size: PageSize::Large,
        style: Style::Text,
        save: None,
        against: None,
        list: false,
        test: false,
        parts: vec![],
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut following = || arguments.next().ok_or(format!("{argument} needs an argument"));
        match argument.as_str() {
            // Cargo's.
            "--bench" => {}
            "--rounds" => {
                let rounds = following()?.parse().ok().filter(|&rounds| rounds > 0);
                options.rounds = rounds.ok_or("--rounds needs a positive number")?;
            }
            "--small-pages" => options.size = PageSize::Small,
            "--markdown" => options.style = Style::Markdown,
            "--save" => options.save = Some(following()?),
            "--against" => options.against = Some(following()?),
            "--list" => options.list = true,
            "--test" => options.test = true,
            "--help" | "-h" => return Err(HELP.into()),
            option if option.starts_with('-') => return Err(format!("unknown option {option}\n\n{HELP}")),
            _ => options.parts.push(argument),
        }
    }
    Ok(options)
}

/// Times saved by `--save`: the name of a row, a tab, nanoseconds per voxel.
fn saved(path: &str) -> Result<HashMap<String, f64>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let parse = |line: &str| {
        let (name, time) = line.split_once('\t')?;
        Some((name.to_owned(), time.parse().ok()?))
    };
    text.lines().map(|line| parse(line).ok_or(format!("{path}: not a time: {line}"))).collect()
}

fn run(options: &Options) -> Result<ExitCode, String> {
    let before = options.against.as_deref().map(saved).transpose()?;
    let chosen = |row: &table::Row| {
        options.parts.is_empty() || options.parts.iter().any(|part| row.name.contains(part.as_str()))
    };
    let rows: Vec<_> = table::rows().into_iter().filter(chosen).collect();
    if options.list {
        rows.iter().for_each(|row| println!("{:44} {}", row.name, report::goal(row)));
        return Ok(ExitCode::SUCCESS);
    }
    let cpus = std::thread::available_parallelism().map_or(1, |count| count.get());
    if !options.test {
        println!("{}\n", report::head(options.rounds, options.size));
        println!("{}", report::heading(options.style, before.is_some()));
    }
    let (mut wrong, mut missed, mut measured, mut times) = (0, 0, 0, String::new());
    for row in &rows {
        if row.case.threads > cpus {
            eprintln!("{}: left out, this process may use {cpus} CPU", row.name);
            continue;
        }
        if options.test {
            match measure::check(row, options.size) {
                Ok(()) => println!("{}: right", row.name),
                Err(error) => {
                    wrong += 1;
                    println!("{}: wrong: {error}", row.name);
                }
            }
            continue;
        }
        match measure::measure(row, options.rounds, options.size) {
            Ok(outcome) => {
                println!("{}", report::line(options.style, row, &outcome, before.as_ref()));
                measured += 1;
                missed += usize::from(outcome.over_goal > 1.0);
                writeln!(times, "{}\t{}", row.name, outcome.nanoseconds).expect("a string");
            }
            Err(error) => {
                wrong += 1;
                eprintln!("{}: wrong: {error}", row.name);
            }
        }
    }
    if measured > 0 {
        println!("\n{} of {measured} rows meet their goals", measured - missed);
    }
    if let Some(path) = &options.save {
        std::fs::write(path, times).map_err(|error| format!("{path}: {error}"))?;
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn main() -> ExitCode {
    match options().and_then(|options| run(&options)) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
