//! A canvas: rectangles, text, maps of voxels.
//!
//! The font is Inter, reduced to ASCII, Greek and a few signs; its licence is in the same folder.

use super::colour::{Colour, PAPER, blend, mix};
use crate::Result;
use ab_glyph::{Font, FontRef, ScaleFont, point};
use png::{BitDepth, ColorType, Compression, Encoder, Filter};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// The style of a text.
#[derive(Clone, Copy)]
pub struct Type {
    pub size: f32,
    pub bold: bool,
    pub ink: Colour,
}

/// A rectangle in pixels.
#[derive(Clone, Copy)]
pub struct Area {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
}

pub struct Canvas {
    width: u32,
    /// Row by row.
    pixels: Vec<Colour>,
    regular: FontRef<'static>,
    bold: FontRef<'static>,
}

impl Canvas {
    pub fn new(width: u32, height: u32) -> Result<Self> {
        Ok(Self {
            width,
            pixels: vec![PAPER; width as usize * height as usize],
            regular: FontRef::try_from_slice(include_bytes!("../../font/Inter-Regular.otf"))?,
            bold: FontRef::try_from_slice(include_bytes!("../../font/Inter-SemiBold.otf"))?,
        })
    }

    /// Writes a PNG of the rows above `height`, and creates its folder if needed.
    pub fn save(&self, path: &Path, height: u32) -> Result<()> {
        let rows = &self.pixels.as_flattened()[..3 * self.width as usize * height as usize];
        let save = || -> Result<()> {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let mut encoder = Encoder::new(BufWriter::new(File::create(path)?), self.width, height);
            encoder.set_color(ColorType::Rgb);
            encoder.set_depth(BitDepth::Eight);
            encoder.set_compression(Compression::High);
            // Rows of pixels repeat within a voxel: they compress better without a filter.
            encoder.set_filter(Filter::NoFilter);
            let mut writer = encoder.write_header()?;
            writer.write_image_data(rows)?;
            Ok(writer.finish()?)
        };
        save().map_err(|error| format!("{}: {error}", path.display()).into())
    }

    pub fn fill(&mut self, area: Area, colour: Colour) {
        self.map(area, (1, 1), |_, _| colour);
    }

    /// Paints an array of voxels over an area, `colour(row, column)` each. A pixel that several voxels lie under has
    /// their mixture.
    pub fn map(
        &mut self,
        area: Area,
        (rows, columns): (usize, usize),
        colour: impl Fn(usize, usize) -> Colour,
    ) {
        let voxels: Vec<Colour> = (0..rows * columns).map(|at| colour(at / columns, at % columns)).collect();
        let across: Vec<_> = (0..area.width).map(|x| shares(x, area.width, columns)).collect();
        for y in 0..area.height {
            let down = shares(y, area.height, rows);
            for (x, across) in (0..area.width).zip(&across) {
                let voxels = down
                    .iter()
                    .flat_map(|&(row, high)| {
                        across.iter().map(move |&(column, wide)| (row * columns + column, high * wide))
                    })
                    .map(|(at, share)| (voxels[at], share));
                self.blend(area.left + x, area.top + y, blend(voxels), 1.0);
            }
        }
    }

    /// Draws the edges between voxels that are inside and voxels that are not.
    pub fn outline(
        &mut self,
        area: Area,
        (rows, columns): (usize, usize),
        ink: Colour,
        inside: impl Fn(usize, usize) -> bool,
    ) {
        let at = |x: u32, y: u32| {
            inside(y as usize * rows / area.height as usize, x as usize * columns / area.width as usize)
        };
        for y in 1..area.height {
            for x in 1..area.width {
                if at(x, y) != at(x - 1, y) || at(x, y) != at(x, y - 1) {
                    self.blend(area.left + x, area.top + y, ink, 0.55);
                }
            }
        }
    }

    /// Draws a disc.
    pub fn dot(&mut self, [x, y]: [f32; 2], radius: f32, ink: Colour) {
        let reach = |center: f32| (center - radius - 1.0) as u32..(center + radius + 2.0) as u32;
        for row in reach(y) {
            for column in reach(x) {
                let distance = (column as f32 + 0.5 - x).hypot(row as f32 + 0.5 - y);
                self.blend(column, row, ink, (radius + 0.5 - distance).clamp(0.0, 1.0));
            }
        }
    }

    /// The width of a text.
    pub fn width(&self, text: &str, look: Type) -> f32 {
        let font = self.font(look).as_scaled(look.size);
        text.chars().map(|letter| font.h_advance(font.glyph_id(letter))).sum()
    }

    /// Writes one line from `left` on `baseline`.
    pub fn text(&mut self, left: f32, baseline: f32, text: &str, look: Type) {
        let font = self.font(look);
        let scaled = font.as_scaled(look.size);
        let mut pen = left;
        let mut dots = Vec::new();
        for letter in text.chars() {
            let id = scaled.glyph_id(letter);
            let glyph = id.with_scale_and_position(look.size, point(pen, baseline));
            pen += scaled.h_advance(id);
            if let Some(outline) = font.outline_glyph(glyph) {
                let corner = outline.px_bounds().min;
                outline.draw(|x, y, cover| dots.push((corner.x as u32 + x, corner.y as u32 + y, cover)));
            }
        }
        for (x, y, cover) in dots {
            self.blend(x, y, look.ink, cover);
        }
    }

    /// The text, shortened to a width.
    pub fn shorten(&self, text: &str, look: Type, width: f32) -> String {
        let mut kept = text.to_owned();
        while self.width(&kept, look) > width && kept.pop().is_some() {
            let longer = format!("{}...", kept.trim_end());
            if self.width(&longer, look) <= width {
                return longer;
            }
        }
        kept
    }

    /// Writes one line that ends at `right`.
    pub fn text_to(&mut self, right: f32, baseline: f32, text: &str, look: Type) {
        self.text(right - self.width(text, look), baseline, text, look);
    }

    /// Writes lines of at most `width`, broken at spaces; returns the baseline after the last one.
    pub fn paragraph(&mut self, left: f32, mut baseline: f32, width: f32, text: &str, look: Type) -> f32 {
        let mut line = String::new();
        for word in text.split(' ') {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.width(&longer, look) > width && !line.is_empty() {
                self.text(left, baseline, &line, look);
                baseline += 1.45 * look.size;
                line = word.to_owned();
            } else {
                line = longer;
            }
        }
        self.text(left, baseline, &line, look);
        baseline + 1.45 * look.size
    }

    fn font(&self, look: Type) -> &FontRef<'static> {
        if look.bold { &self.bold } else { &self.regular }
    }

    fn blend(&mut self, x: u32, y: u32, ink: Colour, cover: f32) {
        if x < self.width
            && let Some(pixel) = self.pixels.get_mut((y as usize) * self.width as usize + x as usize)
        {
            *pixel = mix(*pixel, ink, cover);
        }
    }
}

/// The voxels of a line that lie under a pixel, and the share of the pixel that each covers.
fn shares(pixel: u32, pixels: u32, voxels: usize) -> Vec<(usize, f32)> {
    let scale = voxels as f64 / f64::from(pixels);
    let (start, end) = (f64::from(pixel) * scale, f64::from(pixel + 1) * scale);
    let last = (end.ceil() as usize).min(voxels);
    (start as usize..last)
        .map(|voxel| {
            let overlap = end.min(voxel as f64 + 1.0) - start.max(voxel as f64);
            (voxel, (overlap / scale) as f32)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_is_shared_by_the_voxels_under_it() {
        assert_eq!(shares(1, 4, 4), [(1, 1.0)]);
        assert_eq!(shares(3, 8, 2), [(0, 1.0)]);
        assert_eq!(shares(1, 2, 5), [(2, 0.2), (3, 0.4), (4, 0.4)]);
        for (pixels, voxels) in [(320, 161), (320, 512), (390, 7), (1, 9)] {
            for pixel in 0..pixels {
                let sum: f32 = shares(pixel, pixels, voxels).iter().map(|(_, share)| share).sum();
                assert!((sum - 1.0).abs() < 1e-4, "{pixel} of {pixels}: {sum}");
            }
        }
    }
}
