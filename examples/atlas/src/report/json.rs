//! The results as JSON: one object with the classes and the samples. A number that is not finite is null.

use crate::atlas::{Atlas, Entry};
use crate::input::classes::Classes;
use crate::input::prediction::{Origin, reading};
use crate::input::raster::Source;
use serde_json::{Value, json};
use std::path::Path;

pub fn report(classes: &Classes, samples: Vec<Value>, picture: Option<&Path>) -> Value {
    let class = |class: usize| json!({"name": classes.names[class], "labels": classes.labels_of(class)});
    json!({
        "classes": (0..classes.len()).map(class).collect::<Vec<_>>(),
        "samples": samples,
        "picture": picture.map(|path| path.display().to_string()),
    })
}

pub fn sample(atlas: &Atlas) -> Value {
    let sample = &atlas.sample;
    let (origin, file) = match &sample.prediction.origin {
        Origin::File(file) => ("file", file),
        Origin::Simulated(scan) => ("simulated", scan),
    };
    json!({
        "labels": sample.labels_file.path(),
        "image": sample.image_file.as_ref().map(Source::path),
        "prediction": {"origin": origin, "of": file.path(), "reading": reading(atlas.case.activation)},
        "shape": sample.grid.file_extents(),
        "spacing": sample.grid.file_spacing(),
        "orientation": sample.grid.orientation(),
        "ignored_voxels": atlas.ignored(),
        "class_voxels": atlas.case.counts(),
        "soft_dice": atlas.soft_dice,
        "losses": atlas.entries.iter().map(loss).collect::<Vec<_>>(),
    })
}

fn loss(entry: &Entry) -> Value {
    let terms = entry.loss.terms.iter().zip(&entry.parts.terms);
    let classes = entry.parts.classes.iter().zip(&entry.norms);
    json!({
        "loss": entry.loss.key,
        "name": entry.loss.label(),
        "family": entry.loss.family.title(),
        "value": entry.value,
        "gradient_norm": entry.norm(),
        "gradient_file": entry.gradient_file.as_ref().map(|path| path.display().to_string()),
        "terms": terms.map(|(term, value)| json!({"weight": term.weight, "value": value})).collect::<Vec<_>>(),
        "classes": classes
            .map(|(value, norm)| json!({"value": value, "gradient_norm": norm}))
            .collect::<Vec<_>>(),
    })
}
