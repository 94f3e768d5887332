//! A sample: labels, a prediction and, if there is one, the scan.

use super::classes::{Classes, IGNORED};
use super::grid::Grid;
use super::prediction::{Origin, Prediction, channels};
use super::raster::{Raster, Source};
use super::simulation;
use crate::Result;
use crate::options::{Files, Options};
use segloss::Activation;
use std::collections::BTreeMap;

pub struct Sample {
    /// The geometry of the labels.
    pub grid: Grid,
    pub labels_file: Source,
    pub image_file: Option<Source>,
    pub image: Option<Vec<f32>>,
    /// The class of each voxel, or [`IGNORED`].
    pub labels: Vec<u8>,
    pub prediction: Prediction,
}

/// The classes of all samples.
pub fn classes(options: &Options) -> Result<Classes> {
    let mut counts = BTreeMap::new();
    for files in &options.samples {
        let labels = files.labels.in_file(Raster::open(&files.labels).and_then(|raster| raster.labels()))?;
        labels.into_iter().for_each(|label| *counts.entry(label).or_insert(0) += 1);
    }
    let first = &options.samples[0];
    let prediction = first.prediction.as_ref();
    let channels = prediction
        .map(|source| source.in_file(Raster::open(source).and_then(|raster| channels(&raster))))
        .transpose()?;
    let classes = Classes::new(&counts, channels, &options.choices);
    if options.samples.len() == 1 { first.labels.in_file(classes) } else { classes }
}

impl Sample {
    pub fn open(files: &Files, classes: &Classes, options: &Options) -> Result<Self> {
        let raster = files.labels.in_file(Raster::open(&files.labels))?;
        let labels = classes.apply(&files.labels.in_file(raster.labels())?);
        if labels.iter().all(|&label| label == IGNORED) {
            return files.labels.in_file(Err("every voxel has an ignored label".into()));
        }
        let image =
            files.image.as_ref().map(|source| open_beside(source, &raster.grid, options)).transpose()?;
        let image = match (image, &files.image) {
            (Some(raster), Some(source)) => Some((source.in_file(raster.scan())?, source)),
            _ => None,
        };
        let prediction = match (&files.prediction, &image) {
            (Some(source), _) => {
                let beside = open_beside(source, &raster.grid, options)?;
                let read = || {
                    let (own, expected) = (channels(&beside)?, classes.len());
                    if own != expected {
                        return Err(format!("{own} classes, the first prediction has {expected}").into());
                    }
                    Prediction::new(&beside, source, &labels, options.activation)
                };
                source.in_file(read())?
            }
            (None, Some((image, source))) => Prediction {
                activation: Activation::Softmax,
                values: source.in_file(simulation::logits(
                    raster.grid.extents,
                    image,
                    &labels,
                    classes.len(),
                ))?,
                origin: Origin::Simulated((*source).clone()),
            },
            (None, None) => return Err("--prediction or --image is missing".into()),
        };
        let mut grid = raster.grid;
        if let Some(widths) = &options.spacing {
            grid.set_spacing(widths).map_err(|error| format!("--spacing: {error}"))?;
        }
        files.labels.in_file(grid.check_spacing().map_err(Into::into))?;
        let (image, image_file) = image.map(|(image, source)| (image, source.clone())).unzip();
        Ok(Self { grid, labels_file: files.labels.clone(), image_file, image, labels, prediction })
    }

    /// The slice in which most voxels are of the class with this label.
    pub fn largest_slice(&self, label: u8) -> usize {
        let [_, rows, columns] = self.grid.extents;
        let area = |slice: &[u8]| slice.iter().filter(|&&other| other == label).count();
        let slices = self.labels.chunks(rows * columns).enumerate();
        slices.max_by_key(|(_, slice)| area(slice)).map_or(0, |(index, _)| index)
    }
}

/// Opens a file that has to have the geometry of the labels.
fn open_beside(source: &Source, labels: &Grid, options: &Options) -> Result<Raster> {
    let raster = source.in_file(Raster::open(source))?;
    let own = &raster.grid;
    if own.extents != labels.extents {
        return source.in_file(Err(format!("{}, the labels have {}", own.size(), labels.size()).into()));
    }
    match own.difference(labels) {
        Some(text) if options.geometry_may_differ => eprintln!("atlas: warning: {}: {text}", source.path()),
        Some(text) => return source.in_file(Err(format!("{text} (--geometry warn accepts it)").into())),
        None => {}
    }
    Ok(raster)
}
