//! The table on the terminal.

use crate::Atlas;
use crate::family::Family;
use crate::losses::REFERENCE;
use std::io::{self, Write};

pub fn write(atlas: &Atlas, out: &mut impl Write) -> io::Result<()> {
    let [slices, rows, columns] = atlas.subject.extents;
    let [depth, height, width] = atlas.subject.spacing.map(|width| width as f32);
    let classes = atlas.soft_dice.len();
    writeln!(out, "{columns} × {rows} × {slices} voxels of {width} × {height} × {depth}, {classes} classes")?;
    let (voxels, [depth, height, width]) = atlas.checked;
    let crop = format!("{width} × {height} × {depth}");
    writeln!(
        out,
        "errors: gradient against central differences, in f64, over its largest component, at all"
    )?;
    writeln!(out, "        logits of {voxels} voxels inside, outside and at borders, in a crop of {crop}")?;
    writeln!(
        out,
        "times:  value and gradient of the whole scan, in f32, on one thread, distances computed anew:"
    )?;
    writeln!(out, "        the fastest of the runs that half a second holds, at least one\n")?;

    let names = atlas.entries.iter().map(|entry| entry.loss.label().chars().count() + 2);
    let wide = names.max().unwrap_or(0);
    writeln!(
        out,
        "{:wide$}  {:>9}  {:>9}  {:>9}  {:>9}  {:>7}",
        "loss", "value", "|∂L/∂z|", "error", "ns/voxel", "× CE"
    )?;
    let reference = atlas.entries.iter().find(|entry| entry.loss.name == REFERENCE);
    for family in Family::ALL {
        writeln!(out, "{}", family.title())?;
        for entry in atlas.entries.iter().filter(|entry| entry.loss.family == family) {
            let time = entry.nanoseconds_per_voxel;
            let ratio = reference.map_or(f64::NAN, |reference| time / reference.nanoseconds_per_voxel);
            writeln!(
                out,
                "  {:name$}  {:>9.4}  {:>9.2e}  {:>9.1e}  {time:>9.1}  {ratio:>7.2}",
                entry.loss.label(),
                entry.value,
                entry.norm,
                entry.error,
                name = wide - 2,
            )?;
        }
    }

    writeln!(out, "\nsoft Dice")?;
    for (name, dice) in atlas.subject.classes.iter().zip(&atlas.soft_dice) {
        writeln!(out, "  {name:name_width$}  {dice:>9.4}", name_width = wide - 2)?;
    }
    Ok(())
}
