//! Every loss of the crate on a brain scan: a table of values, gradients, errors and times, and a picture
//! of the gradients.

mod colour;
mod constant_selections;
mod differences;
mod displayed_loss;
mod family;
mod losses;
mod measure;
mod model;
mod options;
mod paint;
mod picture;
mod sheet;
mod table;
mod taxonomy;
mod undecided;
mod volume;

use differences::Check;
use displayed_loss::DisplayedLoss;
use indicatif::{ProgressBar, ProgressStyle};
use losses::{losses, rarity};
use measure::{Case, soft_dice};
use options::{Options, USAGE};
use std::io::Write;
use std::process::ExitCode;
use volume::Subject;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A loss and its measurements.
struct Entry {
    loss: DisplayedLoss,
    value: f64,
    norm: f64,
    /// The largest error of the gradient relative to its largest component.
    error: f64,
    nanoseconds_per_voxel: f64,
    /// The gradient with respect to the logit of one class.
    slopes: Vec<f32>,
}

/// The contents of the table and the picture.
struct Atlas {
    subject: Subject,
    logits: Vec<f32>,
    class: usize,
    slice: usize,
    soft_dice: Vec<f64>,
    entries: Vec<Entry>,
    /// The number of voxels at which gradients were checked, and the extents of their crop.
    checked: (usize, [usize; 3]),
}

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
    if options.help {
        return Ok(writeln!(std::io::stdout(), "{USAGE}")?);
    }
    let subject = match &options.files {
        Some((image, labels)) => Subject::open(image, labels)?,
        None => Subject::embedded()?,
    };
    let class = options.class.unwrap_or(subject.classes.len() - 1);
    let slice = options.slice.unwrap_or_else(|| subject.largest_slice(class));
    if class >= subject.classes.len() || !subject.labels.contains(&(class as u8)) {
        return Err(format!("no voxel has the label {class}").into());
    }
    if slice >= subject.extents[0] {
        return Err(format!("there is no slice {slice}; the last one is {}", subject.extents[0] - 1).into());
    }
    let atlas = measure_all(subject, class, slice)?;
    let mut out = std::io::stdout().lock();
    table::write(&atlas, &mut out)?;
    picture::draw(&atlas, &options.out)?;
    Ok(writeln!(out, "\n{}", options.out.display())?)
}

fn measure_all(subject: Subject, class: usize, slice: usize) -> Result<Atlas> {
    let classes = subject.classes.len();
    let losses = losses(&rarity(&subject.labels, classes));
    let style = ProgressStyle::with_template("{bar:32} {pos}/{len}  {msg}")?;
    let progress = ProgressBar::new(losses.len() as u64).with_style(style);
    let (extents, spacing) = (subject.extents, subject.spacing);
    let case =
        Case { extents, spacing, classes, logits: model::logits(&subject), labels: subject.labels.clone() };
    let mut check = Check::new(&case, class, slice);
    let soft_dice = case.class_sums()?.iter().map(soft_dice).collect();
    let mut entries = Vec::new();
    for loss in losses {
        progress.set_message(loss.name);
        let measured = case.measure(&loss.terms).map_err(|error| format!("{}: {error}", loss.name))?;
        let error = check.largest_error(&loss).map_err(|error| format!("{}: {error}", loss.name))?;
        entries.push(Entry {
            value: measured.value,
            norm: measured.norm(),
            error,
            nanoseconds_per_voxel: measured.seconds * 1e9 / case.voxels() as f64,
            slopes: measured.gradient[class * case.voxels()..][..case.voxels()].to_vec(),
            loss,
        });
        progress.inc(1);
    }
    progress.finish_and_clear();
    let checked = (check.drawn.len(), check.extents());
    Ok(Atlas { subject, logits: case.logits, class, slice, soft_dice, entries, checked })
}
