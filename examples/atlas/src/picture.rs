//! The picture: a row of panels for the scan, then rows for each family of losses.

use crate::colour::{INK, PAPER, blend, diverging, grey, mix, of_class};
use crate::family::Family;
use crate::model::probabilities;
use crate::paint::{Area, Type};
use crate::sheet::{BODY, GAP, LEFT, MARGIN, NAME, NOTE, Sheet, WIDTH, WORDS};
use crate::{Atlas, Entry, Result};
use std::path::Path;

/// Colours saturate at this quantile of the absolute gradients of the slice.
const FULL: f32 = 0.99;

const HEAD: Type = Type { size: 54.0, bold: true, ink: INK };

pub fn draw(atlas: &Atlas, out: &Path) -> Result<()> {
    let families: Vec<(Family, Vec<&Entry>)> = (Family::ALL.into_iter())
        .map(|family| (family, atlas.entries.iter().filter(|entry| entry.loss.family == family).collect()))
        .collect();
    let sizes: Vec<usize> = families.iter().map(|(_, entries)| entries.len()).collect();
    let mut sheet = Sheet::new(atlas, &sizes)?;

    sheet.title();
    sheet.scan();
    sheet.classes("Truth", ["the labels", ""], |voxel| {
        let label = usize::from(atlas.subject.labels[voxel]);
        (0..atlas.subject.classes.len()).map(|class| f32::from(u8::from(class == label))).collect()
    });
    let voxels = atlas.subject.labels.len();
    sheet.classes("Prediction", ["colours mixed by probability", ""], |voxel| {
        probabilities(&atlas.logits, voxels, voxel)
    });
    sheet.legend();
    sheet.taxonomy()?;
    for (family, entries) in families {
        sheet.band(family.title(), family.gist());
        entries.into_iter().for_each(|entry| sheet.gradient(entry));
    }
    let height = sheet.bottom() + MARGIN;
    sheet.canvas.save(out, height)
}

impl Sheet<'_> {
    fn shape(&self) -> (usize, usize) {
        let [_, rows, columns] = self.atlas.subject.extents;
        (rows, columns)
    }

    /// The voxel at a row and a column of a panel: the second axis of the volume points upwards.
    fn voxel(&self) -> impl Fn(usize, usize) -> usize + use<> {
        let (rows, columns) = self.shape();
        let slice = self.atlas.slice;
        move |row, column| (slice * rows + rows - 1 - row) * columns + column
    }

    fn scan(&mut self) {
        let image = &self.atlas.subject.image;
        let (low, high) =
            image.iter().fold((f32::MAX, f32::MIN), |(low, high), &x| (low.min(x), high.max(x)));
        let (voxel, shape) = (self.voxel(), self.shape());
        let area = self.place(
            "Scan",
            [&format!("slice {} (0 to {})", self.atlas.slice, self.atlas.subject.extents[0] - 1), ""],
        );
        self.canvas.map(area, shape, |row, column| grey((image[voxel(row, column)] - low) / (high - low)));
    }

    fn classes(&mut self, name: &str, notes: [&str; 2], shares: impl Fn(usize) -> Vec<f32>) {
        let (voxel, shape) = (self.voxel(), self.shape());
        let area = self.place(name, notes);
        self.canvas.map(area, shape, |row, column| {
            let shares = shares(voxel(row, column));
            blend(shares.into_iter().enumerate().map(|(class, share)| (of_class(class), share)))
        });
    }

    fn gradient(&mut self, entry: &Entry) {
        let (voxel, shape) = (self.voxel(), self.shape());
        let class = self.atlas.class;
        let mut strengths: Vec<f32> =
            (0..shape.0 * shape.1).map(|at| entry.slopes[voxel(at / shape.1, at % shape.1)].abs()).collect();
        strengths.sort_by(f32::total_cmp);
        let full = strengths[((strengths.len() - 1) as f32 * FULL) as usize].max(f32::MIN_POSITIVE);
        let per_voxel = f64::from(full) * self.atlas.subject.labels.len() as f64;
        let value = format!("{:.3}", entry.value).replace('-', "−");
        let note = format!("L = {value}    full ±{per_voxel:.2} / N");
        let area = self.place(&entry.loss.label(), [&entry.loss.idea(), &note]);
        let labels = &self.atlas.subject.labels;
        self.canvas.map(area, shape, |row, column| diverging(entry.slopes[voxel(row, column)] / full));
        self.canvas.outline(area, shape, mix(INK, PAPER, 0.2), |row, column| {
            usize::from(labels[voxel(row, column)]) == class
        });
    }

    fn title(&mut self) {
        let (left, width) = (MARGIN as f32, (WORDS - 60) as f32);
        let y = self.canvas.paragraph(left, (self.top + 50) as f32, width, "How losses push", HEAD) - 18.0;
        let name = &self.atlas.subject.classes[self.atlas.class];
        let text = format!(
            "Every loss of segloss on one scan: its gradient for the logit of {name}, computed in 3-D. \
             Blue: descent raises the logit. Red: it lowers it."
        );
        self.end = self.canvas.paragraph(left, y, width, &text, BODY) as u32;
    }

    /// Names of the classes, colour bar.
    fn legend(&mut self) {
        let Atlas { subject, soft_dice, .. } = self.atlas;
        let left = Self::column(3) + GAP;
        let (x, right) = (left as f32, (LEFT + WIDTH) as f32);
        let (mut y, canvas) = ((self.top + 24) as f32, &mut self.canvas);
        canvas.text(x, y, "Classes", NAME);
        canvas.text_to(right, y, "soft Dice", NOTE);
        y += 12.0;
        for (class, (name, dice)) in subject.classes.iter().zip(soft_dice).enumerate() {
            y += 38.0;
            canvas.fill(Area { left, top: y as u32 - 21, width: 26, height: 26 }, of_class(class));
            canvas.text(x + 40.0, y, name, NOTE);
            canvas.text_to(right, y, &format!("{dice:.3}"), NOTE);
        }

        y += 76.0;
        canvas.text(x, y, "Pushes", NAME);
        let width = (right - x) as u32;
        let bar = Area { left, top: y as u32 + 24, width, height: 26 };
        canvas.map(bar, (1, width as usize), |_, x| diverging(2.0 * x as f32 / (width as f32 - 1.0) - 1.0));
        y += 82.0;
        canvas.text(x, y, "− full", NOTE);
        canvas.text((x + right - canvas.width("0", NOTE)) / 2.0, y, "0", NOTE);
        canvas.text_to(right, y, "+ full", NOTE);
        let full = "Full: the slice’s 99th percentile; N: all voxels; L: the value of the loss. \
                    The line is the boundary of the truth.";
        let end = canvas.paragraph(x, y + 44.0, right - x, full, NOTE) - NOTE.size;
        self.end = self.end.max(end as u32);
    }
}
