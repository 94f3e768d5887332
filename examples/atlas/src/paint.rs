//! A canvas: rectangles, text, maps of voxels.
//!
//! The font is Inter, reduced to ASCII, Greek and a few signs; its licence is in the same folder.

use crate::Result;
use crate::colour::{Colour, PAPER, mix};
use ab_glyph::{Font, FontRef, ScaleFont, point};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{GenericImageView, Rgb, RgbImage};
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
    image: RgbImage,
    regular: FontRef<'static>,
    bold: FontRef<'static>,
}

impl Canvas {
    pub fn new(width: u32, height: u32) -> Result<Self> {
        Ok(Self {
            image: RgbImage::from_pixel(width, height, Rgb(PAPER)),
            regular: FontRef::try_from_slice(include_bytes!("../font/Inter-Regular.otf"))?,
            bold: FontRef::try_from_slice(include_bytes!("../font/Inter-SemiBold.otf"))?,
        })
    }

    /// Writes a PNG of the rows above `height`, and creates its folder if needed.
    pub fn save(&self, path: &Path, height: u32) -> Result<()> {
        let sheet = self.image.view(0, 0, self.image.width(), height.min(self.image.height())).to_image();
        let save = || -> Result<()> {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            // Rows of pixels repeat within a voxel: they compress better without a filter.
            let file = BufWriter::new(std::fs::File::create(path)?);
            let packed = PngEncoder::new_with_quality(file, CompressionType::Best, FilterType::NoFilter);
            Ok(sheet.write_with_encoder(packed)?)
        };
        save().map_err(|error| format!("{}: {error}", path.display()).into())
    }

    pub fn fill(&mut self, area: Area, colour: Colour) {
        self.map(area, (1, 1), |_, _| colour);
    }

    /// Paints an array of voxels over an area, `colour(row, column)` each.
    pub fn map(
        &mut self,
        area: Area,
        (rows, columns): (usize, usize),
        colour: impl Fn(usize, usize) -> Colour,
    ) {
        for y in 0..area.height {
            for x in 0..area.width {
                let row = y as usize * rows / area.height as usize;
                let column = x as usize * columns / area.width as usize;
                self.blend(area.left + x, area.top + y, colour(row, column), 1.0);
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
        if let Some(pixel) = self.image.get_pixel_mut_checked(x, y) {
            pixel.0 = mix(pixel.0, ink, cover);
        }
    }
}
