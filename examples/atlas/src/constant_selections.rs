//! Terms whose fields and selections stay constant while logits change.
//!
//! Fields are computed once and given as complete. The half of Hausdorff's field that comes from the
//! prediction is the field of a target equal to the mask of the unchanged prediction. TopK is replaced
//! by cross entropy with a weight per voxel: 1 for the selected voxels, 0 for the others.

use crate::Result;
use crate::case::Case;
use segloss::custom::Normalizer;
use segloss::{Batch, CrossEntropy, Selection, Term, View, ViewMut, distance_field, evaluate, scratch_len};

static CROSS_ENTROPY: CrossEntropy = CrossEntropy { label_smoothing: 0.0, normalizer: Normalizer::Voxels };

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
        let shape = case.voxel_shape();
        let voxel_weight = self.voxel_weight.as_ref().map(|w| View::new(w, &shape)).transpose()?;
        Ok(evaluate(&Batch { voxel_weight, ..case.batch()? }, &[term], &mut self.scratch)?)
    }
}

fn field_of(case: &Case<f64>, term: &Term<'_>, scratch: &mut [u8]) -> Result<Option<(Vec<f64>, Vec<usize>)>> {
    let Some(form) = term.loss.field() else { return Ok(None) };
    let shape = if form.is_shared() { case.voxel_shape() } else { case.shape() };
    let mut map = vec![0.0; shape.iter().product()];
    distance_field(&case.batch()?, term, ViewMut::new(&mut map, &shape)?, scratch)?;
    if form.uses_prediction() {
        let voxels = case.voxels();
        let is_likely =
            |class: usize, voxel: usize| case.is_counted(voxel) && case.probability(class, voxel) > 0.5;
        let masks: Vec<u8> =
            (0..case.prediction.len()).map(|at| u8::from(is_likely(at / voxels, at % voxels))).collect();
        let target = View::new(&masks, &case.shape())?;
        let batch = Batch { target, ignore: &[], ..case.batch()? };
        let mut addend = vec![0.0; map.len()];
        distance_field(&batch, term, ViewMut::new(&mut addend, &shape)?, scratch)?;
        map.iter_mut().zip(addend).for_each(|(to, more)| *to += more);
    }
    Ok(Some((map, shape)))
}

/// The voxels that TopK selects, computed independently of the crate. Voxels equal at the threshold
/// share the remaining places.
fn shares(case: &Case<f64>, selection: Selection) -> Vec<f64> {
    let counted = |voxel: &usize| case.is_counted(*voxel);
    let losses: Vec<f64> = (0..case.voxels())
        .map(|voxel| if counted(&voxel) { case.cross_entropy(voxel) } else { f64::NEG_INFINITY })
        .collect();
    match selection {
        Selection::Threshold(threshold) => {
            losses.iter().map(|&loss| f64::from(u8::from(loss > -threshold.ln()))).collect()
        }
        Selection::Fraction(fraction) => {
            let mut ranked: Vec<f64> = (0..losses.len()).filter(counted).map(|voxel| losses[voxel]).collect();
            let places = ((fraction * ranked.len() as f64) as usize).max(1);
            ranked.sort_by(|a, b| b.total_cmp(a));
            let Some(&cut) = ranked.get(places - 1) else { return vec![0.0; losses.len()] };
            let above = ranked.iter().filter(|&&loss| loss > cut).count();
            let equal = ranked.iter().filter(|&&loss| loss == cut).count();
            let at_cut = (places - above) as f64 / equal as f64;
            let share =
                |&loss: &f64| if loss > cut { 1.0 } else { at_cut * f64::from(u8::from(loss == cut)) };
            losses.iter().map(share).collect()
        }
        other => unreachable!("{other:?}"),
    }
}
