//! The losses on one sample: the contents of the table, of JSON and CSV, and of the picture.

use crate::Result;
use crate::case::{Case, soft_dice};
use crate::differences::Check;
use crate::input::classes::{Classes, IGNORED};
use crate::input::sample::Sample;
use crate::loss::displayed_loss::DisplayedLoss;
use crate::loss::losses::{losses, rarity};
use crate::measure::Parts;
use crate::options::{Format, Options};
use crate::report::gradients;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;

/// A loss and its measurements.
pub struct Entry {
    pub loss: DisplayedLoss,
    pub value: f64,
    pub parts: Parts,
    /// The norm of the gradient of each class.
    pub norms: Vec<f64>,
    /// The largest error of the gradient relative to its largest component; only of the table.
    pub error: Option<f64>,
    /// Only of the table.
    pub nanoseconds_per_voxel: Option<f64>,
    /// The gradient with respect to the prediction of one class, in one slice.
    pub slopes: Vec<f32>,
    pub gradient_file: Option<PathBuf>,
}

impl Entry {
    /// The norm of the whole gradient.
    pub fn norm(&self) -> f64 {
        self.norms.iter().map(|norm| norm * norm).sum::<f64>().sqrt()
    }
}

pub struct Atlas {
    pub sample: Sample,
    pub case: Case<f32>,
    /// The class and the slice that the picture shows.
    pub class: usize,
    pub slice: usize,
    /// Of each class.
    pub soft_dice: Vec<f64>,
    pub entries: Vec<Entry>,
    /// The number of voxels at which gradients were checked, and the extents of their crop.
    pub checked: (usize, [usize; 3]),
    /// Whether the losses are all there are.
    pub is_complete: bool,
}

impl Atlas {
    /// `number`: the place of the sample among several.
    pub fn new(
        mut sample: Sample,
        number: Option<usize>,
        classes: &Classes,
        options: &Options,
    ) -> Result<Self> {
        let case = Case {
            extents: sample.grid.extents,
            spacing: sample.grid.spacing,
            classes: classes.len(),
            activation: sample.prediction.activation,
            prediction: std::mem::take(&mut sample.prediction.values),
            labels: sample.labels.clone(),
        };
        let (class, slice) = shown(&case, &sample, options)?;
        let chosen = |loss: &DisplayedLoss| {
            options.losses.as_ref().is_none_or(|keys| keys.iter().any(|key| key == loss.key))
        };
        let losses: Vec<DisplayedLoss> = losses(&rarity(&case.counts())).into_iter().filter(chosen).collect();
        let style = ProgressStyle::with_template("{bar:32} {pos}/{len}  {msg}")?;
        let progress = ProgressBar::new(losses.len() as u64).with_style(style);
        let mut check = (options.format == Format::Table).then(|| Check::new(&case, class, slice));
        let mut entries = Vec::new();
        for loss in losses {
            progress.set_message(loss.name);
            let name = loss.name;
            let entry = entry(loss, &case, [class, slice], check.as_mut());
            let (mut entry, gradient) = entry.map_err(|error| format!("{name}: {error}"))?;
            if let Some(folder) = &options.gradients {
                let path = gradients::write(folder, entry.loss.key, number, &sample.grid, &gradient)?;
                entry.gradient_file = Some(path);
            }
            entries.push(entry);
            progress.inc(1);
        }
        progress.finish_and_clear();
        Ok(Self {
            soft_dice: case.class_sums()?.iter().map(soft_dice).collect(),
            checked: check.map_or((0, [0; 3]), |check| (check.drawn.len(), check.extents())),
            is_complete: options.losses.is_none(),
            sample,
            case,
            class,
            slice,
            entries,
        })
    }

    /// The number of voxels that are not counted.
    pub fn ignored(&self) -> usize {
        self.case.labels.iter().filter(|&&label| label == IGNORED).count()
    }
}

/// The class and the slice of the picture.
fn shown(case: &Case<f32>, sample: &Sample, options: &Options) -> Result<(usize, usize)> {
    let counts = case.counts();
    let highest = counts.iter().rposition(|&count| count > 0).unwrap_or(0);
    let class = options.class.unwrap_or(highest);
    match counts.get(class) {
        None => return Err(format!("--class {class}: the classes are 0 to {}", counts.len() - 1).into()),
        Some(0) if options.class.is_some() => {
            return Err(format!("--class {class}: no voxel of {} is of it", sample.labels_file.path()).into());
        }
        Some(_) => {}
    }
    let slice = options.slice.unwrap_or_else(|| sample.largest_slice(case.label_of(class)));
    if options.slice.is_some() && sample.grid.is_plane() {
        return Err(format!("--slice {slice}: {} is 2-D", sample.labels_file.path()).into());
    }
    if slice >= case.extents[0] {
        return Err(format!("--slice {slice}: the slices are 0 to {}", case.extents[0] - 1).into());
    }
    Ok((class, slice))
}

/// Measures a loss; returns its gradient too.
fn entry(
    loss: DisplayedLoss,
    case: &Case<f32>,
    [class, slice]: [usize; 2],
    check: Option<&mut Check>,
) -> Result<(Entry, Vec<f32>)> {
    let mut measured = case.differentiate(&loss.terms)?;
    let parts = case.parts(&loss.terms, &mut measured)?;
    let (mut error, mut nanoseconds_per_voxel) = (None, None);
    if let Some(check) = check {
        let seconds = case.seconds(&loss.terms, &mut measured)?;
        nanoseconds_per_voxel = Some(seconds * 1e9 / case.voxels() as f64);
        error = Some(check.largest_error(&loss)?);
    }
    let [_, rows, columns] = case.extents;
    let start = class * case.voxels() + slice * rows * columns;
    let entry = Entry {
        value: measured.value,
        parts,
        norms: measured.norms(case.classes),
        error,
        nanoseconds_per_voxel,
        slopes: measured.gradient[start..start + rows * columns].to_vec(),
        gradient_file: None,
        loss,
    };
    Ok((entry, measured.gradient))
}
