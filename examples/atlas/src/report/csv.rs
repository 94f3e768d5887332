//! The results as CSV: a row for each loss and sample, then one for each class. A field without a number is empty.

use crate::Result;
use crate::atlas::Atlas;
use crate::input::classes::Classes;
use csv::Writer;
use std::io::Write;

const COLUMNS: [&str; 7] = ["sample", "labels", "loss", "class", "name", "value", "gradient_norm"];

pub fn heading(out: &mut Writer<impl Write>) -> Result<()> {
    Ok(out.write_record(COLUMNS)?)
}

pub fn sample(number: usize, atlas: &Atlas, classes: &Classes, out: &mut Writer<impl Write>) -> Result<()> {
    let number = number.to_string();
    let labels = &atlas.sample.labels_file.path();
    for entry in &atlas.entries {
        let key = entry.loss.key;
        let (value, norm) = (text(entry.value), text(entry.norm()));
        out.write_record([&number, labels, key, "", "", &value, &norm])?;
        for (class, (value, norm)) in entry.parts.classes.iter().zip(&entry.norms).enumerate() {
            let (value, norm) = (text(*value), text(*norm));
            out.write_record([
                &number,
                labels,
                key,
                &class.to_string(),
                &classes.names[class],
                &value,
                &norm,
            ])?;
        }
    }
    Ok(())
}

/// All digits of a finite number.
fn text(number: f64) -> String {
    if number.is_finite() { number.to_string() } else { String::new() }
}
