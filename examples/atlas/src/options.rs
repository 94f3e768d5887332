//! The command line.

use crate::Result;
use lexopt::prelude::*;
use std::path::PathBuf;

pub const USAGE: &str = "\
Every loss of the crate on a scan: a table of values, gradients, errors and times, and a picture.

Usage: atlas [options]

  --image FILE    a scan, .nii or .nii.gz; an average brain is part of the program
  --labels FILE   its labels: integers from 0, which is the background
  --out FILE      the picture [target/atlas.png]
  --class K       the class whose logit the gradient is shown for [the highest label]
  --slice N       the slice that is shown, along the third axis, from 0 [where the class is largest]
  --help          this text";

/// The options of the user.
pub struct Options {
    /// Paths of a scan and its labels; without them the embedded ones are used.
    pub files: Option<(PathBuf, PathBuf)>,
    pub out: PathBuf,
    pub class: Option<usize>,
    pub slice: Option<usize>,
    pub help: bool,
}

impl Options {
    pub fn parse(mut parser: lexopt::Parser) -> Result<Self> {
        let (mut image, mut labels) = (None, None);
        let out = PathBuf::from("target/atlas.png");
        let mut options = Self { files: None, out, class: None, slice: None, help: false };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("image") => image = Some(parser.value()?.into()),
                Long("labels") => labels = Some(parser.value()?.into()),
                Long("out") => options.out = parser.value()?.into(),
                Long("class") => options.class = Some(parser.value()?.parse()?),
                Long("slice") => options.slice = Some(parser.value()?.parse()?),
                Short('h') | Long("help") => options.help = true,
                other => return Err(other.unexpected().into()),
            }
        }
        options.files = match (image, labels) {
            (Some(image), Some(labels)) => Some((image, labels)),
            (None, None) => None,
            _ => return Err("--image and --labels are wanted together".into()),
        };
        Ok(options)
    }
}
