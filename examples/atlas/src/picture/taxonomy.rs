//! Draws the taxonomy: a column for each family with a description and its members as a tree; below,
//! the compounds, each as a line between its members.

use super::colour::{FAINT, INK, PAPER, RULE, diverging, mix};
use super::paint::{Area, Type};
use super::sheet::{GAP, LEFT, MARGIN, NAME, Sheet, TITLE, WIDTH};
use super::undecided::Plane;
use crate::Result;
use crate::loss::family::Family;
use segloss::Term;

const COLUMN: u32 = (WIDTH - 2 * 2 * GAP) / 3;
const PICTURE: u32 = 250;
const LINE: f32 = 37.0;
/// From a member to those below it.
const INDENT: f32 = 30.0;
/// The colour of the largest gradient of an undecided prediction, relative to full colour.
const STRONG: f32 = 0.75;

const LESSON: Type = Type { size: 31.0, bold: true, ink: INK };
const MEMBER: Type = Type { size: 24.0, bold: false, ink: INK };

impl Sheet<'_> {
    pub fn taxonomy(&mut self) -> Result<()> {
        let gist = "Above: the gradient at a prediction of 1/2 everywhere, where the target is a disc; Dice is \
                    that of the disc alone. Below: the taxonomy of Ma’s “Segmentation Loss Odyssey” with the \
                    numbers of its equations. A loss below another is a case or a variant of it. A compound adds \
                    the losses at its dots.";
        self.band("Taxonomy", gist);
        let top = self.top;
        let mut lowest = top as f32;
        for (family, left) in Family::PURE.into_iter().zip(column_edges()) {
            self.lesson(family, left)?;
            let x = left as f32;
            let y = (top + 60 + PICTURE + 50) as f32;
            self.canvas.text(x, y, family.title(), NAME);
            lowest = lowest.max(self.tree(family, None, x, y + LINE + 4.0));
        }
        let rule = lowest as u32 - 6;
        self.canvas.fill(Area { left: MARGIN, top: rule, width: LEFT - MARGIN + WIDTH, height: 2 }, RULE);
        self.end = self.joints(lowest + 1.4 * LINE) as u32 - LINE as u32;
        Ok(())
    }

    /// Draws the gradient at an undecided prediction.
    fn lesson(&mut self, family: Family, left: u32) -> Result<()> {
        let (name, lesson) = family.lesson();
        let Some(entry) = self.atlas.entries.iter().find(|entry| entry.loss.name == name) else {
            return Ok(());
        };
        let plane = Plane { rows: PICTURE as usize, columns: COLUMN as usize };
        // The Dice of the background has a gradient around the object, so it is excluded.
        let leave_out_background = family == Family::Region;
        let terms: Vec<Term<'_>> = entry
            .loss
            .terms
            .iter()
            .map(|term| Term { exclude_background: leave_out_background, ..*term })
            .collect();
        let push = plane.push(&terms)?;
        let shape = (plane.rows, plane.columns);
        self.canvas.text(left as f32, (self.top + 34) as f32, lesson, LESSON);
        let area = Area { left, top: self.top + 60, width: COLUMN, height: PICTURE };
        self.canvas.map(area, shape, |row, column| diverging(STRONG * push[row * shape.1 + column]));
        self.canvas.outline(area, shape, mix(INK, PAPER, 0.2), |row, column| plane.is_inside(row, column));
        Ok(())
    }

    /// The members below one of them, or those below none; returns the baseline after the last.
    fn tree(&mut self, family: Family, under: Option<&str>, x: f32, mut y: f32) -> f32 {
        let stem = y - LINE + 10.0;
        let members = self.atlas.entries.iter().map(|entry| &entry.loss);
        for loss in members.filter(|loss| loss.family == family && loss.under == under) {
            if under.is_some() {
                let (left, middle) = (x as u32 - 20, (y - 8.0) as u32);
                let height = middle - stem as u32 + 2;
                self.canvas.fill(Area { left, top: stem as u32, width: 2, height }, FAINT);
                self.canvas.fill(Area { left, top: middle, width: 14, height: 2 }, FAINT);
            }
            self.canvas.text(x, y, &loss.label(), MEMBER);
            y = self.tree(family, Some(loss.name), x + INDENT, y + LINE);
        }
        y
    }

    /// The compounds: a line for each; returns the baseline after the last.
    fn joints(&mut self, mut y: f32) -> f32 {
        self.canvas.text(MARGIN as f32, y + 8.0, Family::Compound.title(), TITLE);
        y += 1.6 * LINE;
        for entry in self.atlas.entries.iter().filter(|entry| entry.loss.family == Family::Compound) {
            self.canvas.text(MARGIN as f32, y, &entry.loss.label(), MEMBER);
            let middle = y - 8.0;
            let mut from: Option<f32> = None;
            for (member, left) in entry.loss.joins.into_iter().zip(column_edges()) {
                if member.is_empty() {
                    continue;
                }
                let dot = left as f32 + 8.0;
                if let Some(from) = from {
                    let width = (dot - 10.0 - from) as u32;
                    let line = Area { left: from as u32, top: middle as u32 - 1, width, height: 2 };
                    self.canvas.fill(line, FAINT);
                }
                self.canvas.dot([dot, middle], 7.0, INK);
                self.canvas.text(left as f32 + 26.0, y, member, Type { ink: FAINT, ..MEMBER });
                from = Some(left as f32 + 36.0 + self.canvas.width(member, MEMBER));
            }
            y += LINE;
        }
        y
    }
}

/// The left edges of the families' columns.
fn column_edges() -> [u32; 3] {
    [0, 1, 2].map(|column| LEFT + column * (COLUMN + 2 * GAP))
}
