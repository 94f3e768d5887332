//! The table on the terminal.

use crate::atlas::{Atlas, Entry};
use crate::input::classes::Classes;
use crate::input::grid::join_with;
use crate::input::prediction::{Origin, is_logits, reading};
use crate::loss::family::Family;
use crate::loss::losses::REFERENCE;
use std::io::{self, Write};

pub fn write(atlas: &Atlas, classes: &Classes, out: &mut impl Write) -> io::Result<()> {
    inputs(atlas, classes, out)?;
    notes(atlas, out)?;
    let names = atlas.entries.iter().map(|entry| entry.loss.label().chars().count() + 2);
    let wide = names.chain(classes.names.iter().map(|name| name.chars().count() + 2)).max().unwrap_or(0);
    let gradient = if is_logits(atlas.case.activation) { "|∂L/∂z|" } else { "|∂L/∂s|" };
    writeln!(
        out,
        "{:wide$}  {:>9}  {gradient:>9}  {:>9}  {:>9}  {:>7}",
        "loss", "value", "error", "ns/voxel", "× CE"
    )?;
    for family in Family::ALL {
        let of_family = |entry: &&Entry| entry.loss.family == family;
        if atlas.entries.iter().any(|entry| of_family(&entry)) {
            writeln!(out, "{}", family.title())?;
        }
        atlas.entries.iter().filter(of_family).try_for_each(|entry| row(atlas, entry, wide - 2, out))?;
    }

    writeln!(out, "\nsoft Dice")?;
    for (name, dice) in classes.names.iter().zip(&atlas.soft_dice) {
        writeln!(out, "  {name:name_width$}  {dice:>9.4}", name_width = wide - 2)?;
    }
    Ok(())
}

fn row(atlas: &Atlas, entry: &Entry, wide: usize, out: &mut impl Write) -> io::Result<()> {
    let (Some(error), Some(time)) = (entry.error, entry.nanoseconds_per_voxel) else { return Ok(()) };
    let reference = atlas.entries.iter().find(|entry| entry.loss.name == REFERENCE);
    // Without cross entropy among the losses there is nothing to compare with.
    let ratio =
        reference.and_then(|reference| Some(format!("{:.2}", time / reference.nanoseconds_per_voxel?)));
    writeln!(
        out,
        "  {:wide$}  {:>9.4}  {:>9.2e}  {error:>9.1e}  {time:>9.1}  {:>7}",
        entry.loss.label(),
        entry.value,
        entry.norm(),
        ratio.unwrap_or_else(|| "-".into()),
    )
}

/// The files and how they were read.
fn inputs(atlas: &Atlas, classes: &Classes, out: &mut impl Write) -> io::Result<()> {
    let sample = &atlas.sample;
    let orientation = sample.grid.orientation().unwrap_or_else(|| "no orientation".into());
    let (size, widths, unit) = (sample.grid.size(), sample.grid.widths(), sample.grid.unit());
    writeln!(out, "labels:     {}: {size} of {widths}, {orientation}", sample.labels_file.path())?;
    let counts = atlas.case.counts();
    for (class, name) in classes.names.iter().enumerate() {
        let start = if class == 0 { "classes:" } else { "" };
        let labels = join_with(&classes.labels_of(class), ", ");
        let labels = if labels.is_empty() { "no label".into() } else { format!("label {labels}") };
        writeln!(out, "{start:<11} {class} {name} ({labels}): {} {unit}", counts[class])?;
    }
    if atlas.ignored() > 0 {
        writeln!(out, "ignored:    {} {unit}", atlas.ignored())?;
    }
    match &sample.prediction.origin {
        Origin::File(file) => {
            writeln!(out, "prediction: {}: {}", file.path(), reading(atlas.case.activation))
        }
        Origin::Simulated(scan) => {
            writeln!(
                out,
                "prediction: simulated from the intensities of {}, not a network's: logits, softmax",
                scan.path()
            )
        }
    }
}

/// What the columns mean.
fn notes(atlas: &Atlas, out: &mut impl Write) -> io::Result<()> {
    let (voxels, extents) = atlas.checked;
    let crop = join_with(&extents.into_iter().rev().collect::<Vec<_>>(), " × ");
    writeln!(
        out,
        "errors:     gradient against central differences, in f64, over its largest component, of all"
    )?;
    writeln!(
        out,
        "            classes at {voxels} voxels inside, outside and at borders, in a crop of {crop}"
    )?;
    if !is_logits(atlas.case.activation) {
        writeln!(out, "            whose probabilities are clamped to 0.05 to 0.95")?;
    }
    writeln!(
        out,
        "times:      value and gradient of the whole scan, in f32, on one thread, distances computed"
    )?;
    writeln!(out, "            anew: the fastest of the runs that 0.2 s hold, at least one\n")
}
