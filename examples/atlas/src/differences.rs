//! Checks gradients against central differences, in f64 on a crop of the scan.
//!
//! ```text
//! ∂L/∂z ≈ ( 8·[L(z + h) − L(z − h)] − [L(z + 2h) − L(z − 2h)] ) / 12h
//! ```
//!
//! Fields and selections are constants for the gradient: each term is replaced by a [`Held`] term, and
//! the differences of the terms are added. Probabilities are first clamped to [0.05, 0.95], so that the
//! stencil stays away from 0 and 1, where logarithms and powers have no derivative.

use crate::Result;
use crate::case::Case;
use crate::constant_selections::Held;
use crate::input::prediction::is_logits;
use crate::loss::displayed_loss::DisplayedLoss;
use segloss::custom::Real;

/// The step `h` for logits: the stencil's `h⁴/30·L⁗′` and the rounding of `L` over `h` are both about 1e-10.
const LOGIT_STEP: f64 = 1e-2;
/// The step for probabilities, of which a logarithm has a larger `L⁗′`: 1e-8 of the slope at 0.05.
const PROBABILITY_STEP: f64 = 5e-4;
const PROBABILITIES: [f64; 2] = [0.05, 0.95];
const STENCIL: [(f64, f64); 4] = [(-2.0, 1.0), (-1.0, -8.0), (1.0, 8.0), (2.0, -1.0)];
/// The longest side of the crop, in voxels.
const SIDE: usize = 16;
/// The number of sampled voxels, the same number of each kind.
const DRAWN: usize = 48;
/// The number of candidate crops.
const CROPS: usize = 32;

/// The position of a voxel relative to one class.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Inside,
    Outside,
    /// A neighbour is on the other side of the boundary.
    Border,
}

/// A crop and the voxels at which its gradients are checked.
pub struct Check {
    case: Case<f64>,
    step: f64,
    pub drawn: Vec<usize>,
}

impl Check {
    /// Chooses a crop around a border of `class` in `slice`: the one with the most classes, and most of the
    /// inside, the outside and the border. Voxels are sampled evenly from all three.
    pub fn new(whole: &Case<f32>, class: usize, slice: usize) -> Self {
        let [_, rows, columns] = whole.extents;
        let borders: Vec<usize> = (slice * rows * columns..(slice + 1) * rows * columns)
            .filter(|&voxel| place(whole, class, voxel) == Place::Border)
            .collect();
        let merit = |case: &Case<f64>| {
            let classes = case.counts().into_iter().filter(|&count| count > 0).count();
            (classes, voxels_by_place(case, class).map(|voxels| voxels.len()).into_iter().min())
        };
        let crops = spread(&borders, CROPS).map(|center| crop(whole, center));
        let mut case = crops.max_by_key(merit).unwrap_or_else(|| crop(whole, slice * rows * columns));
        let mut step = LOGIT_STEP;
        if !is_logits(case.activation) {
            let [low, high] = PROBABILITIES;
            case.prediction.iter_mut().for_each(|s| *s = s.clamp(low, high));
            step = PROBABILITY_STEP;
        }
        // If a kind has too few voxels, the others contribute more.
        let mut places = voxels_by_place(&case, class);
        places.sort_by_key(Vec::len);
        let mut drawn = Vec::new();
        for (left, voxels) in (1..=places.len()).rev().zip(&places) {
            drawn.extend(spread(voxels, (DRAWN - drawn.len()) / left));
        }
        Self { case, step, drawn }
    }

    pub fn extents(&self) -> [usize; 3] {
        self.case.extents
    }

    /// The largest difference between gradient and stencil over the whole prediction of the sampled voxels,
    /// relative to the largest component of the gradient.
    pub fn largest_error(&mut self, loss: &DisplayedLoss) -> Result<f64> {
        let exact = self.case.differentiate(&loss.terms)?;
        let last = loss.terms.len() - 1;
        let mut terms = Vec::new();
        for (k, term) in loss.terms.iter().enumerate() {
            terms.push(Held::new(&self.case, term, loss.selection.filter(|_| k == last))?);
        }
        let voxels = self.case.voxels();
        let mut worst = 0.0f64;
        for index in
            self.drawn.iter().flat_map(|&voxel| (0..self.case.classes).map(move |c| c * voxels + voxel))
        {
            let center = self.case.prediction[index];
            let mut slope = 0.0;
            for (steps, factor) in STENCIL {
                self.case.prediction[index] = center + steps * self.step;
                for term in &mut terms {
                    slope += factor * term.value(&self.case)? / (12.0 * self.step);
                }
            }
            self.case.prediction[index] = center;
            worst = worst.max((slope - exact.gradient[index]).abs());
        }
        Ok(worst / exact.largest().max(f64::MIN_POSITIVE))
    }
}

/// At most `count` entries, evenly spread.
fn spread(from: &[usize], count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(from.len());
    (0..count).map(move |k| from[k * from.len() / count])
}

fn voxels_by_place(case: &Case<f64>, class: usize) -> [Vec<usize>; 3] {
    [Place::Inside, Place::Outside, Place::Border]
        .map(|wanted| (0..case.voxels()).filter(|&voxel| place(case, class, voxel) == wanted).collect())
}

fn place<T: Real>(case: &Case<T>, class: usize, voxel: usize) -> Place {
    let [slices, rows, columns] = case.extents;
    let is_class = |voxel: usize| case.is_of(class, voxel);
    let inside = is_class(voxel);
    for (extent, stride) in [(columns, 1), (rows, columns), (slices, rows * columns)] {
        let at = voxel / stride % extent;
        if at > 0 && is_class(voxel - stride) != inside
            || at + 1 < extent && is_class(voxel + stride) != inside
        {
            return Place::Border;
        }
    }
    if inside { Place::Inside } else { Place::Outside }
}

/// A box of at most [`SIDE`] voxels a side around a voxel, shifted to lie within the volume.
fn crop(whole: &Case<f32>, center: usize) -> Case<f64> {
    let [all_slices, rows, columns] = whole.extents;
    let center = [center / (rows * columns), center / columns % rows, center % columns];
    let extents = whole.extents.map(|extent| extent.min(SIDE));
    let first: [usize; 3] = std::array::from_fn(|axis| {
        center[axis].saturating_sub(extents[axis] / 2).min(whole.extents[axis] - extents[axis])
    });
    let mut voxels = Vec::new();
    for slice in first[0]..first[0] + extents[0] {
        for row in first[1]..first[1] + extents[1] {
            let line = (slice * rows + row) * columns + first[2];
            voxels.extend(line..line + extents[2]);
        }
    }
    let all = all_slices * rows * columns;
    let prediction = (0..whole.classes)
        .flat_map(|class| voxels.iter().map(move |voxel| f64::from(whole.prediction[class * all + voxel])));
    Case {
        extents,
        spacing: whole.spacing,
        classes: whole.classes,
        activation: whole.activation,
        prediction: prediction.collect(),
        labels: voxels.iter().map(|&voxel| whole.labels[voxel]).collect(),
    }
}
