//! The layout: bands from top to bottom, each with text on the left and panels on the right.

use super::colour::{FAINT, INK, RULE};
use super::paint::{Area, Canvas, Type};
use crate::Result;
use crate::atlas::Atlas;
use crate::input::classes::Classes;

pub const MARGIN: u32 = 64;
pub const GAP: u32 = 26;
/// The text column to the left of the panels.
pub const WORDS: u32 = 470;
const COLUMNS: u32 = 5;
/// The maximum size of a panel, and the height of its title.
const PANEL: [u32; 2] = [320, 390];
const CAPTION: u32 = 100;
/// Between two rows of a band, and between two bands.
const ROW: u32 = 34;
const BAND: u32 = 76;
/// Where panels begin, and the width of all of them.
pub const LEFT: u32 = MARGIN + WORDS;
pub const WIDTH: u32 = COLUMNS * PANEL[0] + (COLUMNS - 1) * GAP;

pub const TITLE: Type = Type { size: 46.0, bold: true, ink: INK };
pub const NAME: Type = Type { size: 26.0, bold: true, ink: INK };
pub const BODY: Type = Type { size: 26.0, bold: false, ink: FAINT };
pub const NOTE: Type = Type { size: 21.0, bold: false, ink: FAINT };

/// A canvas with the position of the next panel.
pub struct Sheet<'a> {
    pub atlas: &'a Atlas,
    pub classes: &'a Classes,
    pub canvas: Canvas,
    /// Width and height of a panel.
    panel: [u32; 2],
    /// Where the band begins, and where what is not a panel ends.
    pub top: u32,
    pub end: u32,
    /// The panels of the band.
    panels: u32,
}

impl<'a> Sheet<'a> {
    /// `families` are the sizes of the bands; the canvas is cut when all is drawn.
    pub fn new(atlas: &'a Atlas, classes: &'a Classes, families: &[usize]) -> Result<Self> {
        let rows: u32 = families.iter().map(|&panels| (panels as u32).div_ceil(COLUMNS)).sum();
        let height = (rows + 5) * (CAPTION + PANEL[1] + BAND);
        let canvas = Canvas::new(LEFT + WIDTH + MARGIN, height)?;
        let panel = panel(atlas.case.extents, atlas.case.spacing);
        Ok(Self { atlas, classes, canvas, panel, top: MARGIN, end: MARGIN, panels: 0 })
    }

    /// Where the band ends.
    pub fn bottom(&self) -> u32 {
        let rows = self.panels.div_ceil(COLUMNS);
        (self.top + rows * (CAPTION + self.panel[1] + ROW)).saturating_sub(ROW).max(self.end)
    }

    /// Begins a band below the last one.
    pub fn band(&mut self, title: &str, gist: &str) {
        self.top = self.bottom() + BAND;
        self.panels = 0;
        let rule = self.top - BAND / 2 - 2;
        self.canvas.fill(Area { left: MARGIN, top: rule, width: WORDS + WIDTH, height: 2 }, RULE);
        let (left, baseline) = (MARGIN as f32, (self.top + 40) as f32);
        self.canvas.text(left, baseline, title, TITLE);
        let end = self.canvas.paragraph(left, baseline + 56.0, (WORDS - 60) as f32, gist, BODY);
        self.end = end as u32 - BODY.size as u32;
    }

    /// The left edge of a column of cells.
    pub fn column(column: u32) -> u32 {
        LEFT + column * (PANEL[0] + GAP)
    }

    /// The area of the next panel, under its name and two notes.
    pub fn place(&mut self, name: &str, notes: [&str; 2]) -> Area {
        let [width, height] = self.panel;
        let left = Self::column(self.panels % COLUMNS);
        let top = self.top + self.panels / COLUMNS * (CAPTION + height + ROW);
        self.panels += 1;
        let mut look = NAME;
        while self.canvas.width(name, look) > (PANEL[0] + GAP / 2) as f32 {
            look.size -= 0.5;
        }
        self.canvas.text(left as f32, (top + 24) as f32, name, look);
        for (note, below) in notes.into_iter().zip([55, 84]) {
            let note = self.canvas.shorten(note, NOTE, (PANEL[0] + GAP / 2) as f32);
            self.canvas.text(left as f32, (top + below) as f32, &note, NOTE);
        }
        Area { left, top: top + CAPTION, width, height }
    }
}

/// Width and height of a panel: the largest that the cell holds.
fn panel([_, rows, columns]: [usize; 3], [_, height, width]: [f64; 3]) -> [u32; 2] {
    /// Pixels that a line of voxels has at least.
    const THINNEST: f64 = 12.0;
    let (across, down) = (columns as f64 * width, rows as f64 * height);
    let fit = (f64::from(PANEL[0]) / across).min(f64::from(PANEL[1]) / down);
    [across, down].map(|side| (side * fit).round().max(THINNEST) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_fills_its_cell_in_one_direction() {
        assert_eq!(panel([80, 95, 77], [2.0; 3]), [316, 390]);
        assert_eq!(panel([1, 161, 161], [1.0; 3]), [320, 320]);
        assert_eq!(panel([1, 1024, 1024], [1.0; 3]), [320, 320]);
        assert_eq!(panel([30, 30, 200], [1.0, 5.0, 0.7]), [320, 343]);
        assert_eq!(panel([1, 1, 500], [1.0; 3]), [320, 12]);
    }
}
