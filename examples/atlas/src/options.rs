//! The command line.

use crate::Result;
use crate::input::classes::Choices;
use crate::input::raster::Source;
use crate::loss::losses::KEYS;
use lexopt::prelude::*;
use segloss::Activation;
use std::ffi::OsString;
use std::path::PathBuf;

const SCAN: &[u8] = include_bytes!("../../data/mni152_t1_2mm.nii.gz");
const TISSUES: &[u8] = include_bytes!("../../data/mni152_tissue_2mm.nii.gz");
const TISSUE_NAMES: [&str; 4] = ["outside", "cerebrospinal fluid", "grey matter", "white matter"];
const PICTURE: &str = "target/atlas.png";

const USAGE: &str = "\
Every loss of the crate on a scan: a table of values, gradients, errors and times, and a picture.

Usage: atlas [options]

Without files: an average brain that is part of the program, with a simulated prediction.
Files are NIfTI-1 or NIfTI-2 (.nii, .nii.gz, or a pair of .hdr and .img); scans and labels may be PNG.
Options of a file, given several times, are several samples; each is measured by itself.

  --labels FILE       the target: integers, in any numbering
  --prediction FILE   logits or probabilities of a network: 4 axes, the volume, then the classes
  --image FILE        the scan; without a prediction one is simulated from its intensities

  --activation A      what the prediction holds: softmax or sigmoid (logits), probability (the classes
                      exclude each other), probability-per-class [softmax if a number is outside 0 to 1,
                      probability if those of each voxel sum to 1]
  --map 10=1,11=2     the class of each label; 0 stays 0 [labels in their order are the classes 0, 1, 2, ...]
  --ignore 255,-1     labels whose voxels are not counted
  --names A,B,C       the names of the classes
  --spacing X,Y,Z     the distances between voxels along the axes of the file [header: those of the labels]
  --geometry warn     accept files whose spacing or orientation is not that of the labels [error]

  --loss A,B,C        some losses instead of all:
                      LOSSES
  --json, --csv       value and gradient norm of each loss, sample and class instead of the table
  --gradients FOLDER  writes each gradient as FOLDER/LOSS.nii.gz; of several samples FOLDER/LOSS_K.nii.gz
  --out FILE          the picture, of the first sample [target/atlas.png; none with --json or --csv]
  --class K           the class whose gradient the picture shows [the highest one in the labels]
  --slice N           the slice that it shows, along the third axis, from 0 [where the class is largest]
  --help              this text";

/// The files of a sample.
pub struct Files {
    pub labels: Source,
    pub prediction: Option<Source>,
    pub image: Option<Source>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Table,
    Json,
    Csv,
}

/// The options of the user.
#[derive(Default)]
pub struct Options {
    pub samples: Vec<Files>,
    pub activation: Option<Activation>,
    pub choices: Choices,
    /// One number per axis of the file; `None`: those of the header.
    pub spacing: Option<Vec<f64>>,
    pub geometry_may_differ: bool,
    /// The keys of the chosen losses; `None`: all.
    pub losses: Option<Vec<String>>,
    pub format: Format,
    pub gradients: Option<PathBuf>,
    /// `None`: no picture.
    pub out: Option<PathBuf>,
    pub class: Option<usize>,
    pub slice: Option<usize>,
    pub help: bool,
}

/// The text of `--help`.
pub fn usage() -> String {
    let mut lines = vec![String::new()];
    for key in KEYS {
        if lines.last().is_some_and(|line| line.len() + key.len() > 78) {
            lines.push(String::new());
        }
        let line = lines.len() - 1;
        lines[line] += &format!("{key} ");
    }
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    USAGE.replace("LOSSES", &lines.join(&format!("\n{}", " ".repeat(22))))
}

impl Options {
    pub fn parse(mut parser: lexopt::Parser) -> Result<Self> {
        let mut options = Self::default();
        let (mut labels, mut predictions, mut images) = (Vec::new(), Vec::new(), Vec::new());
        let mut given: Vec<String> = Vec::new();
        while let Some(argument) = parser.next()? {
            let name = match argument {
                Long(name) => name.to_owned(),
                Short('h') => "help".into(),
                other => return Err(other.unexpected().into()),
            };
            let is_file = matches!(name.as_str(), "labels" | "prediction" | "image");
            if !is_file && given.contains(&name) {
                return Err(format!("--{name} is given twice").into());
            }
            match name.as_str() {
                "labels" => labels.push(path(parser.value()?)),
                "prediction" => predictions.push(path(parser.value()?)),
                "image" => images.push(path(parser.value()?)),
                "help" => options.help = true,
                "json" => options.format = Format::Json,
                "csv" => options.format = Format::Csv,
                "out" => options.out = Some(parser.value()?.into()),
                "gradients" => options.gradients = Some(parser.value()?.into()),
                _ => {
                    let known = options.text_option(&name, &mut parser)?;
                    if !known {
                        return Err(format!("unknown option --{name} (see --help)").into());
                    }
                }
            }
            given.push(name);
        }
        if options.help {
            return Ok(options);
        }
        options.check(&given)?;
        options.samples = samples(labels, predictions, images)?;
        if options.samples.is_empty() {
            let embedded = |bytes, name| Source::Embedded(bytes, name);
            options.choices.names = Some(TISSUE_NAMES.map(String::from).to_vec());
            options.samples = vec![Files {
                labels: embedded(TISSUES, "tissues of the ICBM 152 brain"),
                prediction: None,
                image: Some(embedded(SCAN, "ICBM 152 brain")),
            }];
        }
        if options.out.is_none() && options.format == Format::Table {
            options.out = Some(PICTURE.into());
        }
        Ok(options)
    }

    /// Reads an option whose value is a text; returns whether there is one of this name.
    fn text_option(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<bool> {
        const NAMES: [&str; 9] =
            ["activation", "map", "ignore", "names", "spacing", "geometry", "loss", "class", "slice"];
        if !NAMES.contains(&name) {
            return Ok(false);
        }
        let text = parser.value()?.string()?;
        let wrong = |expected: &str| format!("--{name} {text}: expected {expected}");
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        match name {
            "activation" => {
                self.activation = Some(match text.as_str() {
                    "softmax" => Activation::Softmax,
                    "sigmoid" => Activation::Sigmoid,
                    "probability" => Activation::Probability,
                    "probability-per-class" => Activation::ProbabilityPerClass,
                    _ => return Err(wrong("softmax, sigmoid, probability or probability-per-class").into()),
                });
            }
            "map" => {
                let pair = |part: &&str| {
                    let (label, class) = part.split_once('=')?;
                    Some((label.trim().parse().ok()?, class.trim().parse().ok()?))
                };
                let pairs = parts.iter().map(pair).collect::<Option<Vec<(i64, usize)>>>();
                self.choices.map = Some(pairs.ok_or_else(|| wrong("LABEL=CLASS, separated by commas"))?);
            }
            "ignore" => {
                let labels = parts.iter().map(|part| part.parse().ok()).collect::<Option<_>>();
                self.choices.ignore = labels.ok_or_else(|| wrong("integers, separated by commas"))?;
            }
            "names" => self.choices.names = Some(parts.into_iter().map(String::from).collect()),
            "spacing" if text == "header" => {}
            "spacing" => {
                let width =
                    |part: &&str| part.parse().ok().filter(|width: &f64| width.is_finite() && *width > 0.0);
                let widths = parts.iter().map(width).collect::<Option<_>>();
                self.spacing = Some(widths.ok_or_else(|| wrong("header, or numbers > 0, one per axis"))?);
            }
            "geometry" => {
                self.geometry_may_differ = match text.as_str() {
                    "warn" => true,
                    "error" => false,
                    _ => return Err(wrong("error or warn").into()),
                };
            }
            "loss" => {
                if let Some(key) = parts.iter().find(|key| !KEYS.contains(key)) {
                    return Err(format!("--loss: unknown loss {key} (expected {})", KEYS.join(", ")).into());
                }
                if let Some(key) = parts.iter().enumerate().find(|(k, key)| parts[..*k].contains(key)) {
                    return Err(format!("--loss names {} twice", key.1).into());
                }
                self.losses = Some(parts.into_iter().map(String::from).collect());
            }
            _ => {
                let number = text.parse().map_err(|_| wrong("an integer >= 0"))?;
                *if name == "class" { &mut self.class } else { &mut self.slice } = Some(number);
            }
        }
        Ok(true)
    }

    /// An option that changes nothing is an error.
    fn check(&self, given: &[String]) -> Result<()> {
        let has = |name: &str| given.iter().any(|other| other == name);
        let needs = |name: &str, other: &str| -> Result<()> {
            if has(name) && !has(other) { Err(format!("--{name} needs --{other}").into()) } else { Ok(()) }
        };
        for name in ["prediction", "image", "map", "ignore", "names", "spacing", "geometry"] {
            needs(name, "labels")?;
        }
        if has("labels") && !has("prediction") && !has("image") {
            return Err("--labels needs --prediction, or --image to simulate one".into());
        }
        needs("activation", "prediction")?;
        if has("json") && has("csv") {
            return Err("--json and --csv exclude each other".into());
        }
        if self.format != Format::Table && self.out.is_none() {
            let of_picture = ["class", "slice"].into_iter().find(|name| has(name));
            if let Some(name) = of_picture {
                let text =
                    format!("--{name} is of the picture, and --json and --csv draw one only with --out");
                return Err(text.into());
            }
        }
        Ok(())
    }
}

fn path(value: OsString) -> Source {
    Source::Path(value.into())
}

fn samples(labels: Vec<Source>, predictions: Vec<Source>, images: Vec<Source>) -> Result<Vec<Files>> {
    for (name, count) in [("prediction", predictions.len()), ("image", images.len())] {
        if count > 0 && count != labels.len() {
            return Err(format!("--{name} is given {count} times, --labels {}", labels.len()).into());
        }
    }
    let (mut predictions, mut images) = (predictions.into_iter(), images.into_iter());
    let files = |labels| Files { labels, prediction: predictions.next(), image: images.next() };
    Ok(labels.into_iter().map(files).collect())
}
