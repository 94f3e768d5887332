//! Every loss of the crate on a scan: a table of values, gradients, errors and times, and a picture of the gradients.

mod atlas;
mod case;
mod constant_selections;
mod differences;
mod input;
mod loss;
mod measure;
mod nifti;
mod options;
mod picture;
mod report;

use atlas::Atlas;
use input::sample::{self, Sample};
use options::{Format, Options, usage};
use report::{csv, json, table};
use std::io::Write;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match make() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("atlas: {error}");
            ExitCode::FAILURE
        }
    }
}

fn make() -> Result<()> {
    let options = Options::parse(lexopt::Parser::from_env())?;
    let mut out = std::io::stdout().lock();
    if options.help {
        return Ok(writeln!(out, "{}", usage())?);
    }
    let classes = sample::classes(&options)?;
    let mut values = Vec::new();
    let mut rows = ::csv::Writer::from_writer(Vec::new());
    csv::heading(&mut rows)?;
    for (number, files) in options.samples.iter().enumerate() {
        let sample = Sample::open(files, &classes, &options)?;
        let several = options.samples.len() > 1;
        let atlas = Atlas::new(sample, several.then_some(number), &classes, &options)?;
        match options.format {
            Format::Table if number > 0 => writeln!(out)?,
            Format::Table => {}
            Format::Json => values.push(json::sample(&atlas)),
            Format::Csv => csv::sample(number, &atlas, &classes, &mut rows)?,
        }
        if options.format == Format::Table {
            table::write(&atlas, &classes, &mut out)?;
        }
        if let (0, Some(path)) = (number, &options.out) {
            picture::draw(&atlas, &classes, path)?;
        }
    }
    let picture = options.out.as_deref();
    match (options.format, picture) {
        (Format::Json, _) => writeln!(out, "{:#}", json::report(&classes, values, picture))?,
        (Format::Csv, _) => out.write_all(&rows.into_inner()?)?,
        (Format::Table, Some(path)) => writeln!(out, "\n{}", path.display())?,
        (Format::Table, None) => {}
    }
    Ok(())
}
