//! The first row: title, scan, target, prediction, legend.

use super::colour::{self, Colour, INK, PAPER, blend, diverging, grey, of_class};
use super::paint::{Area, Type};
use super::sheet::{BODY, GAP, LEFT, MARGIN, NAME, NOTE, Sheet, WIDTH, WORDS};
use crate::atlas::Atlas;
use crate::input::classes::IGNORED;
use crate::input::prediction::{Origin, is_logits, reading};

const HEAD: Type = Type { size: 50.0, bold: true, ink: INK };
const LETTER: Type = Type { size: 22.0, bold: true, ink: INK };
/// The number of classes in the legend.
const LISTED: usize = 10;

impl Sheet<'_> {
    pub fn shape(&self) -> (usize, usize) {
        let [_, rows, columns] = self.atlas.case.extents;
        (rows, columns)
    }

    /// The row of the slice at a row of a panel: the second axis of a volume points upwards.
    pub fn row(&self) -> impl Fn(usize) -> usize + use<> {
        let (rows, downwards) = (self.shape().0, self.atlas.sample.grid.rows_downwards);
        move |row| if downwards { row } else { rows - 1 - row }
    }

    pub fn title(&mut self) {
        let Atlas { class, case, is_complete, .. } = self.atlas;
        let (left, width) = (MARGIN as f32, (WORDS - 60) as f32);
        let y =
            self.canvas.paragraph(left, (self.top + 46) as f32, width, "Gradients of losses", HEAD) - 18.0;
        let losses = if *is_complete { "Every loss of segloss" } else { "Losses of segloss" };
        let what = if is_logits(case.activation) { "logit" } else { "probability" };
        let text = format!(
            "{losses} on one scan: the gradient with respect to the {what} of {}, computed in {}-D. Blue: a step of \
             gradient descent raises the {what}. Red: it lowers it.",
            self.classes.names[*class],
            case.dimensions(),
        );
        self.end = self.canvas.paragraph(left, y, width, &text, BODY) as u32;
    }

    pub fn scan(&mut self) {
        let atlas = self.atlas;
        let (Some(image), Some(file)) = (&atlas.sample.image, &atlas.sample.image_file) else { return };
        let finite = image.iter().filter(|x| x.is_finite());
        let (low, high) = finite.fold((f32::MAX, f32::MIN), |(low, high), &x| (low.min(x), high.max(x)));
        self.panel("Scan", [&file.name(), &self.place_of_slice()], |voxel| {
            grey((image[voxel] - low) / (high - low))
        });
    }

    pub fn truth(&mut self) {
        let Atlas { sample, case, .. } = self.atlas;
        let place = if sample.image.is_some() { String::new() } else { self.place_of_slice() };
        self.panel("Target", [&sample.labels_file.name(), &place], |voxel| match case.labels[voxel] {
            IGNORED => colour::IGNORED,
            label => of_class(label.into()),
        });
    }

    pub fn prediction(&mut self) {
        let Atlas { sample, case, .. } = self.atlas;
        let (origin, how) = match &sample.prediction.origin {
            Origin::File(file) => (file.name(), reading(case.activation)),
            Origin::Simulated(scan) => {
                (format!("simulated from {}", scan.name()), "not a network’s; logits, softmax")
            }
        };
        self.panel("Prediction", [&origin, how], |voxel| {
            let shares: Vec<f32> =
                (0..case.classes).map(|class| case.probability(class, voxel) as f32).collect();
            mixture(&shares)
        });
    }

    /// "slice 48 of 0 to 79, axes RAS"
    fn place_of_slice(&self) -> String {
        let Atlas { sample, slice, case, .. } = self.atlas;
        let axes = sample.grid.orientation().map_or(String::new(), |letters| format!(", axes {letters}"));
        match case.dimensions() {
            2 => format!("2-D{axes}"),
            _ => format!("slice {slice} of 0 to {}{axes}", case.extents[0] - 1),
        }
    }

    /// A panel of the slice, with the letters of the directions at its edges.
    fn panel(&mut self, name: &str, notes: [&str; 2], colour: impl Fn(usize) -> Colour) {
        let (row_of, shape) = (self.row(), self.shape());
        let first = self.atlas.slice * shape.0 * shape.1;
        let area = self.place(name, notes);
        self.canvas.map(area, shape, |row, column| colour(first + row_of(row) * shape.1 + column));
        let Some([_, [bottom, top], [left, right]]) = self.atlas.sample.grid.letters() else { return };
        let Area { left: x, top: y, width, height } = area;
        let (middle, center) = (x + width / 2, y + height / 2);
        for (letter, x, y) in [
            (left, x + 14, center),
            (right, (x + width).saturating_sub(14), center),
            (top, middle, y + 14),
            (bottom, middle, (y + height).saturating_sub(14)),
        ] {
            self.letter(letter, x, y);
        }
    }

    /// A letter around a point, on paper.
    fn letter(&mut self, letter: char, x: u32, y: u32) {
        let text = letter.to_string();
        let width = self.canvas.width(&text, LETTER);
        let area = Area { left: x.saturating_sub(12), top: y.saturating_sub(12), width: 24, height: 24 };
        self.canvas.fill(area, PAPER);
        self.canvas.text(x as f32 - width / 2.0, y as f32 + 8.0, &text, LETTER);
    }

    /// Names of the classes, colour bar.
    pub fn legend(&mut self) {
        let Atlas { case, soft_dice, .. } = self.atlas;
        let left = Self::column(3) + GAP;
        let (x, right) = (left as f32, (LEFT + WIDTH) as f32);
        let (mut y, listed) = ((self.top + 24) as f32, self.listed());
        let (names, canvas) = (&self.classes.names, &mut self.canvas);
        canvas.text(x, y, "Classes", NAME);
        canvas.text_to(right, y, "soft Dice", NOTE);
        y += 12.0;
        let mut entry = |colour: Colour, name: &str, dice: &str| {
            y += 38.0;
            canvas.fill(Area { left, top: y as u32 - 21, width: 26, height: 26 }, colour);
            let name = canvas.shorten(name, NOTE, right - x - 130.0);
            canvas.text(x + 40.0, y, &name, NOTE);
            canvas.text_to(right, y, dice, NOTE);
        };
        for &class in &listed {
            entry(of_class(case.label_of(class).into()), &names[class], &format!("{:.3}", soft_dice[class]));
        }
        if self.atlas.ignored() > 0 {
            entry(colour::IGNORED, "ignored", "");
        }
        if listed.len() < names.len() {
            y += 38.0;
            let rest = names.len() - listed.len();
            canvas.text(x + 40.0, y, &format!("and {rest} more, in the table"), NOTE);
        }

        y += 76.0;
        canvas.text(x, y, "Gradient", NAME);
        let width = (right - x) as u32;
        let bar = Area { left, top: y as u32 + 24, width, height: 26 };
        canvas.map(bar, (1, width as usize), |_, x| diverging(2.0 * x as f32 / (width as f32 - 1.0) - 1.0));
        y += 82.0;
        canvas.text(x, y, "− full", NOTE);
        canvas.text((x + right - canvas.width("0", NOTE)) / 2.0, y, "0", NOTE);
        canvas.text_to(right, y, "+ full", NOTE);
        let text = format!(
            "full: the 99th percentile of |gradient| in the panel, in units of 1/N (N = {} {}). L: the value of the \
             loss. Line: the boundary of {}.",
            case.voxels(),
            self.atlas.sample.grid.unit(),
            names[self.atlas.class],
        );
        let end = canvas.paragraph(x, y + 44.0, right - x, &text, NOTE) - NOTE.size;
        self.end = self.end.max(end as u32);
    }

    /// The classes of the legend: of many, those with the most voxels in the slice, and the one that is shown.
    fn listed(&self) -> Vec<usize> {
        let Atlas { case, slice, class: shown, .. } = self.atlas;
        let (rows, columns) = self.shape();
        let labels = &case.labels[slice * rows * columns..][..rows * columns];
        let area = |class: usize| labels.iter().filter(|&&label| label == case.label_of(class)).count();
        let mut classes: Vec<usize> = (0..case.classes).collect();
        classes.sort_by_key(|&class| (class != *shown, std::cmp::Reverse(area(class))));
        classes.truncate(LISTED);
        classes.sort_unstable();
        classes
    }
}

/// The colours of the classes mixed by probability; what is left of 1 is background.
fn mixture(shares: &[f32]) -> Colour {
    let sum = shares.iter().sum::<f32>();
    let first = usize::from(shares.len() == 1);
    let parts =
        shares.iter().enumerate().map(|(class, share)| (of_class(first + class), share / sum.max(1.0)));
    blend(parts.chain([(of_class(0), (1.0 - sum).max(0.0))]))
}
