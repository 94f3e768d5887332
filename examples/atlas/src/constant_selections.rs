//! Terms whose fields and selections stay constant while logits change.
//!
//! Fields are computed once and given as complete. The half of Hausdorff's field that comes from the
//! prediction is the field of a target equal to the mask of the unchanged prediction. TopK is replaced
//! by cross entropy with a weight per voxel: 1 for the selected voxels, 0 for the others.

use crate::Result;
use crate::measure::Case;
use segloss::custom::Normalizer;
use segloss::{Batch, CrossEntropy, Selection, Term, View, ViewMut, distance_field, evaluate, scratch_len};

static CROSS_ENTROPY: CrossEntropy = CrossEntropy { label_smoothing: 0.0, normalizer: Normalizer::Voxels };

/// The label of a voxel that the prediction assigns to no class.
const NOWHERE: u8 = 255;

/// A term whose field and selection are constant.
pub struct Held {
    term: Term<'static>,
    /// The field and its shape, if the term has one.
    field: Option<(Vec<f64>, Vec<usize>)>,
    voxel_weight: Option<Vec<f64>>,
    scratch: Vec<u8>,
}

impl Held {
    pub fn new(case: &Case<f64>, term: &Term<'static>, selection: Option<Selection>) -> Result<Self> {
        // Sufficient for the original and the replaced term: cross entropy needs the least.
        let mut scratch = vec![0; scratch_len(&case.batch()?, &[*term])?];
        let field = field_of(case, term, &mut scratch)?;
        let voxel_weight = selection.map(|selection| shares(case, selection));
        let term = if selection.is_some() { Term { loss: &CROSS_ENTROPY, ..*term } } else { *term };
        Ok(Self { term, field, voxel_weight, scratch })
    }

    pub fn value(&mut self, case: &Case<f64>) -> Result<f64> {
        let field = self.field.as_ref().map(|(map, shape)| View::new(map, shape)).transpose()?;
        let has_halves = self.term.loss.field().is_some_and(|field| field.has_halves());
        let term = Term { field, field_complete: field.is_some() && has_halves, ..self.term };
        let [samples, _, spatial @ ..] = case.shape();
        let [slices, rows, columns] = spatial;
        let shape = [samples, slices, rows, columns];
        let voxel_weight = self.voxel_weight.as_ref().map(|w| View::new(w, &shape)).transpose()?;
        Ok(evaluate(&Batch { voxel_weight, ..case.batch()? }, &[term], &mut self.scratch)?)
    }
}

fn field_of(case: &Case<f64>, term: &Term<'_>, scratch: &mut [u8]) -> Result<Option<(Vec<f64>, Vec<usize>)>> {
    let Some(form) = term.loss.field() else { return Ok(None) };
    let mut shape = case.shape().to_vec();
    if form.is_shared() {
        shape.remove(1);
    }
    let mut map = vec![0.0; shape.iter().product()];
    distance_field(&case.batch()?, term, ViewMut::new(&mut map, &shape)?, scratch)?;
    if form.uses_prediction() {
        let voxels = case.voxels();
        let likely = |voxel: usize| (0..case.classes).find(|&class| case.probability(class, voxel) > 0.5);
        let labels = (0..voxels).map(|voxel| likely(voxel).map_or(NOWHERE, |class| class as u8));
        let predicted = Case { labels: labels.collect(), ..case.clone() };
        let batch = Batch { ignore: &[NOWHERE as i64], ..predicted.batch()? };
        let mut addend = vec![0.0; map.len()];
        distance_field(&batch, term, ViewMut::new(&mut addend, &shape)?, scratch)?;
        map.iter_mut().zip(addend).for_each(|(to, more)| *to += more);
    }
    Ok(Some((map, shape)))
}

/// The voxels that TopK selects, computed independently of the crate. Voxels equal at the threshold
/// share the remaining places.
fn shares(case: &Case<f64>, selection: Selection) -> Vec<f64> {
    let voxels = case.voxels();
    let truths: Vec<f64> =
        (0..voxels).map(|voxel| case.probability(usize::from(case.labels[voxel]), voxel)).collect();
    match selection {
        Selection::Threshold(threshold) => {
            truths.iter().map(|&s| f64::from(u8::from(s < threshold))).collect()
        }
        Selection::Fraction(fraction) => {
            let places = ((fraction * voxels as f64) as usize).max(1);
            let mut ranked = truths.clone();
            ranked.sort_by(f64::total_cmp);
            let cut = ranked[places - 1];
            let below = ranked.iter().filter(|&&s| s < cut).count();
            let equal = ranked.iter().filter(|&&s| s == cut).count();
            let at_cut = (places - below) as f64 / equal as f64;
            let share = |&s: &f64| if s < cut { 1.0 } else { at_cut * f64::from(u8::from(s == cut)) };
            truths.iter().map(share).collect()
        }
        other => unreachable!("{other:?}"),
    }
}
