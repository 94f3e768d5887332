//! Converts a case of the naive reference to a batch of the crate, in any format.
#![allow(dead_code)] // each law uses a part

use crate::convert_losses::{form_of, term_of};
use crate::naive::{self, Case, TermSpec};
use half::{bf16, f16};
use segloss::parts::TopKSearch;
use segloss::{
    Activation, Batch, ClassSums, Error, Gradient, Loss, Outputs, Term, View, ViewMut, run, scratch_len,
};

/// Element types of the float arrays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Float {
    F16,
    Bf16,
    F32,
    F64,
}

/// Representation of the target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    U8,
    U16,
    U32,
    U64,
    I8,
    I16,
    I32,
    I64,
    MaskU8,
    MaskU16,
    MaskU32,
    MaskU64,
    MaskI8,
    MaskI16,
    MaskI32,
    MaskI64,
    MaskBool,
    Dense(Float),
}

/// Labels of every integer type.
pub const LABELS: [Target; 8] =
    [Target::U8, Target::U16, Target::U32, Target::U64, Target::I8, Target::I16, Target::I32, Target::I64];
/// Masks of every integer type.
pub const MASKS: [Target; 9] = [
    Target::MaskU8,
    Target::MaskU16,
    Target::MaskU32,
    Target::MaskU64,
    Target::MaskI8,
    Target::MaskI16,
    Target::MaskI32,
    Target::MaskI64,
    Target::MaskBool,
];

/// Memory layout of an array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Layout {
    ChannelsFirst,
    ChannelsLast,
    /// Every axis reversed, a gap after every row.
    Odd,
}

/// The formats of a run.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    pub prediction: Float,
    pub target: Target,
    pub layout: Layout,
    pub gradient: Float,
    pub in_place: bool,
    /// Values and sums by class are asked for: cross entropy then has other sums. Never in place.
    pub by_class: bool,
}

impl Format {
    /// f64 everywhere, labels where the case has some.
    pub fn exact(case: &Case) -> Self {
        let target = if case.labels.is_some() { Target::I64 } else { Target::Dense(Float::F64) };
        Self {
            prediction: Float::F64,
            target,
            layout: Layout::ChannelsFirst,
            gradient: Float::F64,
            in_place: false,
            by_class: true,
        }
    }
}

/// Results of a run; the gradient as [B, C, N].
#[derive(Clone, Debug)]
pub struct Outcome {
    pub value: f64,
    pub gradient: Vec<f64>,
    pub terms: Vec<f64>,
    pub classes: Vec<f64>,
    pub class_sums: Vec<ClassSums>,
}

/// An owned array with strides.
pub struct Array {
    data: Data,
    first: usize,
    shape: Vec<usize>,
    strides: Vec<isize>,
}

enum Data {
    F16(Vec<f16>),
    Bf16(Vec<bf16>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    Bool(Vec<bool>),
}

macro_rules! each_type {
    ($data:expr, $vec:ident => $body:expr) => {
        match $data {
            Data::F16($vec) => $body,
            Data::Bf16($vec) => $body,
            Data::F32($vec) => $body,
            Data::F64($vec) => $body,
            Data::U8($vec) => $body,
            Data::U16($vec) => $body,
            Data::U32($vec) => $body,
            Data::U64($vec) => $body,
            Data::I8($vec) => $body,
            Data::I16($vec) => $body,
            Data::I32($vec) => $body,
            Data::I64($vec) => $body,
            Data::Bool($vec) => $body,
        }
    };
}

impl Array {
    /// Stores `values`, given in C order of `shape`, in another layout. `channel` is the axis that channels-last moves.
    pub fn new(
        values: &[f64],
        shape: &[usize],
        channel: Option<usize>,
        layout: Layout,
        float: Float,
    ) -> Self {
        let (first, strides, len) = strides_of(shape, channel, layout);
        let mut data = match float {
            Float::F16 => Data::F16(vec![f16::ZERO; len]),
            Float::Bf16 => Data::Bf16(vec![bf16::ZERO; len]),
            Float::F32 => Data::F32(vec![0.0; len]),
            Float::F64 => Data::F64(vec![0.0; len]),
        };
        let places = places(shape, first, &strides);
        for (&at, &x) in places.iter().zip(values) {
            match &mut data {
                Data::F16(v) => v[at] = f16::from_f64(x),
                Data::Bf16(v) => v[at] = bf16::from_f64(x),
                Data::F32(v) => v[at] = x as f32,
                Data::F64(v) => v[at] = x,
                _ => unreachable!(),
            }
        }
        Self { data, first, shape: shape.to_vec(), strides }
    }

    pub fn integers(
        values: &[i64],
        shape: &[usize],
        channel: Option<usize>,
        layout: Layout,
        target: Target,
    ) -> Self {
        let (first, strides, len) = strides_of(shape, channel, layout);
        let places = places(shape, first, &strides);
        macro_rules! fill {
            ($kind:ident, $convert:expr) => {{
                let mut all = vec![Default::default(); len];
                for (&at, &x) in places.iter().zip(values) {
                    all[at] = $convert(x);
                }
                Data::$kind(all)
            }};
        }
        let data = match target {
            Target::U8 | Target::MaskU8 => fill!(U8, |x| x as u8),
            Target::U16 | Target::MaskU16 => fill!(U16, |x| x as u16),
            Target::U32 | Target::MaskU32 => fill!(U32, |x| x as u32),
            Target::U64 | Target::MaskU64 => fill!(U64, |x| x as u64),
            Target::I8 | Target::MaskI8 => fill!(I8, |x| x as i8),
            Target::I16 | Target::MaskI16 => fill!(I16, |x| x as i16),
            Target::I32 | Target::MaskI32 => fill!(I32, |x| x as i32),
            Target::I64 | Target::MaskI64 => fill!(I64, |x| x),
            Target::MaskBool => fill!(Bool, |x| x != 0),
            Target::Dense(_) => unreachable!(),
        };
        Self { data, first, shape: shape.to_vec(), strides }
    }

    pub fn view(&self) -> View<'_> {
        each_type!(&self.data, v => View::strided(v, self.first, &self.shape, &self.strides).unwrap())
    }

    pub fn view_mut(&mut self) -> ViewMut<'_> {
        each_type!(&mut self.data, v => ViewMut::strided(v, self.first, &self.shape, &self.strides).unwrap())
    }

    pub fn values(&self) -> Vec<f64> {
        let read = |at: usize| match &self.data {
            Data::F16(v) => v[at].to_f64(),
            Data::Bf16(v) => v[at].to_f64(),
            Data::F32(v) => v[at] as f64,
            Data::F64(v) => v[at],
            _ => unreachable!(),
        };
        places(&self.shape, self.first, &self.strides).into_iter().map(read).collect()
    }
}

/// Offset of the first element, strides and length of the slice.
fn strides_of(shape: &[usize], channel: Option<usize>, layout: Layout) -> (usize, Vec<isize>, usize) {
    let mut order: Vec<usize> = (0..shape.len()).collect();
    if let (Layout::ChannelsLast, Some(channel)) = (layout, channel) {
        order.retain(|&axis| axis != channel);
        order.push(channel);
    }
    let gap = if layout == Layout::Odd { 3 } else { 0 };
    let mut strides = vec![0; shape.len()];
    let mut stride = 1;
    for &axis in order.iter().rev() {
        strides[axis] = stride as isize;
        stride = stride * shape[axis].max(1) + gap;
    }
    let mut first = 0;
    if layout == Layout::Odd {
        for (axis, stride) in strides.iter_mut().enumerate() {
            first += *stride as usize * shape[axis].saturating_sub(1);
            *stride = -*stride;
        }
    }
    (first, strides, stride)
}

/// The offset of every element, in C order of the shape.
fn places(shape: &[usize], first: usize, strides: &[isize]) -> Vec<usize> {
    (0..shape.iter().product())
        .map(|flat: usize| {
            let (mut rest, mut at) = (flat, first as isize);
            for (&extent, &stride) in shape.iter().zip(strides).rev() {
                at += (rest % extent) as isize * stride;
                rest /= extent;
            }
            at as usize
        })
        .collect()
}

/// The arrays of a case that a batch borrows.
pub struct Inputs {
    pub prediction: Array,
    pub target: Array,
    pub weight: Option<Array>,
    pub present: Vec<u8>,
    pub ignore: Vec<i64>,
    pub spacing: Vec<f64>,
    pub activation: Activation,
    pub fields: Vec<Option<Array>>,
    shape: Vec<usize>,
}

impl Inputs {
    pub fn new(case: &Case, terms: &[TermSpec], format: &Format) -> Self {
        let with_classes: Vec<usize> = [case.b, case.c].iter().chain(&case.shape).copied().collect();
        let flat: Vec<usize> = [case.b].iter().chain(&case.shape).copied().collect();
        let prediction = Array::new(&case.z, &with_classes, Some(1), format.layout, format.prediction);
        let target = match format.target {
            Target::Dense(float) => Array::new(&case.truth, &with_classes, Some(1), format.layout, float),
            labels if LABELS.contains(&labels) => {
                let labels = case.labels.as_ref().expect("a case of labels");
                Array::integers(labels, &flat, None, format.layout, format.target)
            }
            masks => {
                let values: Vec<i64> = case.truth.iter().map(|&g| g as i64).collect();
                Array::integers(&values, &with_classes, Some(1), format.layout, masks)
            }
        };
        let is_labels = LABELS.contains(&format.target);
        let mut ignore: Vec<i64> = Vec::new();
        if let (true, Some(labels)) = (is_labels, &case.labels) {
            // 255 is -1 where labels are i8.
            let stored = |label: i64| if format.target == Target::I8 { label as i8 as i64 } else { label };
            ignore = labels.iter().zip(&case.ignored).filter(|x| *x.1).map(|x| stored(*x.0)).collect();
            ignore.sort();
            ignore.dedup();
        }
        // Maps have no ignored labels: their voxels get weight 0.
        let weighted =
            case.weight.iter().zip(&case.ignored).any(|(&w, &out)| w != 1.0 && !(out && is_labels));
        let weight =
            weighted.then(|| Array::new(&case.weight, &flat, None, format.layout, format.prediction));
        let fields = (terms.iter())
            .map(|term| {
                let field = term.field.as_ref()?;
                let shape = if field.len() == case.z.len() { &with_classes } else { &flat };
                Some(Array::new(field, shape, None, format.layout, format.prediction))
            })
            .collect();
        Self {
            prediction,
            target,
            weight,
            present: case.class_present.iter().map(|&x| x as u8).collect(),
            ignore,
            spacing: case.spacing.clone(),
            activation: match case.activation {
                naive::Activation::Softmax => Activation::Softmax,
                naive::Activation::Sigmoid => Activation::Sigmoid,
                naive::Activation::Probability => Activation::Probability,
                naive::Activation::ProbabilityPerClass => Activation::ProbabilityPerClass,
            },
            fields,
            shape: with_classes,
        }
    }

    /// The batch; with flags of classes if one is not annotated, as callers give them.
    pub fn batch<'a, P>(&'a self, prediction: P) -> Batch<'a, P> {
        Batch {
            voxel_weight: self.weight.as_ref().map(Array::view),
            class_present: self.present.contains(&0).then_some(&self.present),
            ignore: &self.ignore,
            spacing: Some(&self.spacing),
            ..Batch::new(prediction, self.activation, self.target.view())
        }
    }
}

/// Calls `f` with the terms of the crate.
pub fn with_terms<R>(specs: &[TermSpec], inputs: &Inputs, f: impl FnOnce(&[Term<'_>]) -> R) -> R {
    with_searched_terms(specs, inputs, &[], f)
}

/// The same, with finished TopK searches for the first terms that have one.
pub fn with_searched_terms<R>(
    specs: &[TermSpec],
    inputs: &Inputs,
    searches: &[Option<TopKSearch>],
    f: impl FnOnce(&[Term<'_>]) -> R,
) -> R {
    let forms: Vec<Box<dyn Loss>> = specs.iter().map(form_of).collect();
    let mut terms: Vec<Term<'_>> = (specs.iter().zip(&forms).zip(&inputs.fields))
        .map(|((spec, form), field)| Term {
            field: field.as_ref().map(Array::view),
            ..term_of(spec, form.as_ref())
        })
        .collect();
    for (term, search) in terms.iter_mut().zip(searches) {
        term.top_k_search = search.as_ref();
    }
    f(&terms)
}

/// Value and gradient of a case in a format.
pub fn outcome(case: &Case, specs: &[TermSpec], format: &Format, scale: f64) -> Result<Outcome, Error> {
    let mut inputs = Inputs::new(case, specs, format);
    let all = if format.by_class && !format.in_place { case.b * case.c } else { 0 };
    let mut terms = vec![0.0; specs.len()];
    let mut classes = vec![0.0; specs.len() * all];
    let mut class_sums = vec![ClassSums::ZERO; all];
    let (value, gradient) = if format.in_place {
        let mut logits = Array { data: Data::F32(vec![]), first: 0, shape: vec![], strides: vec![] };
        std::mem::swap(&mut logits, &mut inputs.prediction);
        let value = with_terms(specs, &inputs, |terms| {
            let mut scratch = vec![0xa5; scratch_len(&inputs.batch(logits.view()), terms)?];
            let mut batch = inputs.batch(logits.view_mut());
            segloss::differentiate_in_place(&mut batch, terms, scale, &mut scratch)
        })?;
        (value, logits.values())
    } else {
        let empty = vec![0.0; case.z.len()];
        let mut gradient = Array::new(&empty, &inputs.shape, Some(1), format.layout, format.gradient);
        let value = with_terms(specs, &inputs, |crate_terms| {
            let batch = inputs.batch(inputs.prediction.view());
            let mut scratch = vec![0xa5; scratch_len(&batch, crate_terms)?];
            let report = Outputs {
                gradient: Some(Gradient { scale, ..Gradient::new(gradient.view_mut()) }),
                term_values: Some(&mut terms),
                class_values: (all > 0).then_some(&mut classes[..]),
                class_sums: (all > 0).then_some(&mut class_sums[..]),
            };
            run(&batch, crate_terms, report, &mut scratch)
        })?;
        (value, gradient.values())
    };
    Ok(Outcome { value, gradient, terms, classes, class_sums })
}

/// The value without any other output.
pub fn value_alone(case: &Case, specs: &[TermSpec], format: &Format) -> f64 {
    let inputs = Inputs::new(case, specs, format);
    with_terms(specs, &inputs, |terms| {
        let batch = inputs.batch(inputs.prediction.view());
        segloss::evaluate(&batch, terms, &mut vec![0xa5; scratch_len(&batch, terms).unwrap()]).unwrap()
    })
}

/// Value and gradient in f64.
pub fn exact(case: &Case, specs: &[TermSpec]) -> Outcome {
    outcome(case, specs, &Format::exact(case), 1.0).unwrap()
}
