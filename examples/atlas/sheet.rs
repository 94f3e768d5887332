//! The layout: bands of panels from top to bottom, words to the left of each.

use crate::colour::{FAINT, INK, RULE};
use crate::paint::{Area, Canvas, Type};
use crate::{Atlas, Result};

pub const MARGIN: u32 = 64;
const GAP: u32 = 28;
/// The column of words to the left of the panels.
pub const WORDS: u32 = 520;
/// The largest panel, and what stands above it.
const PANEL: [u32; 2] = [400, 480];
const CAPTION: u32 = 92;
/// Between two rows of a band, and between two bands.
const ROW: u32 = 36;
const BAND: u32 = 72;
/// The picture is at most this much higher than wide, if more columns can help.
const TALLEST: f32 = 1.9;

const TITLE: Type = Type { size: 46.0, bold: true, ink: INK };
const NAME: Type = Type { size: 33.0, bold: true, ink: INK };
pub const BODY: Type = Type { size: 28.0, bold: false, ink: FAINT };
pub const NOTE: Type = Type { size: 24.0, bold: false, ink: FAINT };

/// A canvas that knows where the next panel goes.
pub struct Sheet<'a> {
    pub atlas: &'a Atlas,
    pub canvas: Canvas,
    columns: usize,
    /// Width and height of a panel.
    panel: [u32; 2],
    /// Where the band begins, where its words end, and how many panels it has.
    pub top: u32,
    pub words_end: u32,
    panels: usize,
}

impl<'a> Sheet<'a> {
    pub fn new(atlas: &'a Atlas, families: &[usize]) -> Result<Self> {
        let panel = panel(atlas.subject.extents, atlas.subject.spacing);
        let size = |columns: usize| {
            let bands: usize = 1 + families.iter().map(|&panels| panels.div_ceil(columns)).sum::<usize>();
            let width = 2 * MARGIN + WORDS + columns as u32 * (panel[0] + GAP);
            (width, 2 * MARGIN + bands as u32 * (CAPTION + panel[1] + BAND))
        };
        let fits = |columns: &usize| size(*columns).1 as f32 <= TALLEST * size(*columns).0 as f32;
        let columns = (3..8).find(fits).unwrap_or(8);
        let (width, height) = size(columns);
        // Words may reach below the panels of their band: the canvas is cut when all is drawn.
        let canvas = Canvas::new(width, height + (families.len() as u32 + 1) * PANEL[1])?;
        Ok(Self { atlas, canvas, columns, panel, top: MARGIN, words_end: MARGIN, panels: 0 })
    }

    /// Where the band ends.
    pub fn bottom(&self) -> u32 {
        let rows = self.panels.div_ceil(self.columns) as u32;
        (self.top + rows * (CAPTION + self.panel[1] + ROW)).saturating_sub(ROW).max(self.words_end)
    }

    /// Begins a band below the last one.
    pub fn band(&mut self, title: &str, gist: &str) {
        self.top = self.bottom() + BAND;
        self.panels = 0;
        let rule = self.top - BAND / 2 - 2;
        let width = WORDS + self.columns as u32 * (self.panel[0] + GAP);
        self.canvas.fill(Area { left: MARGIN, top: rule, width, height: 2 }, RULE);
        let (left, baseline) = (MARGIN as f32, (self.top + 44) as f32);
        self.canvas.text(left, baseline, title, TITLE);
        let end = self.canvas.paragraph(left, baseline + 60.0, (WORDS - 50) as f32, gist, BODY);
        self.words_end = end as u32 - BODY.size as u32;
    }

    /// A place for the next panel, under its name and a note.
    pub fn place(&mut self, name: &str, note: &str) -> Area {
        let [width, height] = self.panel;
        let (row, column) = ((self.panels / self.columns) as u32, (self.panels % self.columns) as u32);
        self.panels += 1;
        let left = MARGIN + WORDS + GAP + column * (width + GAP);
        let top = self.top + row * (CAPTION + height + ROW);
        let mut look = NAME;
        while self.canvas.width(name, look) > width as f32 && look.size > 12.0 {
            look.size -= 1.0;
        }
        self.canvas.text(left as f32, (top + 32) as f32, name, look);
        self.canvas.text(left as f32, (top + 70) as f32, note, NOTE);
        Area { left, top: top + CAPTION, width, height }
    }
}

/// Width and height of a panel: whole pixels to a voxel, where there are that many.
fn panel([_, rows, columns]: [usize; 3], [_, height, width]: [f64; 3]) -> [u32; 2] {
    let (across, down) = (columns as f64 * width, rows as f64 * height);
    let fit = (f64::from(PANEL[0]) / across).min(f64::from(PANEL[1]) / down);
    let pixels = fit * width.min(height);
    let scale = if pixels < 1.0 { fit } else { fit * pixels.floor() / pixels };
    [across, down].map(|side| (side * scale).round().max(1.0) as u32)
}
