//! Random arrays of a case.

use crate::case::{Case, Format, Name};
use crate::pages::{PageSize, Pages, bytes};
use crate::reference::{Voxel, Voxels};
use half::{bf16, f16};
use segloss::{Activation, Batch, Element, Executor, Loss, Term, View};

/// The label that is ignored.
const IGNORED: u8 = 255;

/// The element types of logits.
pub trait Number: Element {
    fn of(x: f64) -> Self;
    fn to_f64(self) -> f64;
}

macro_rules! numbers {
    ($($type:ty: $of:expr, $to:expr;)*) => {$(
        impl Number for $type {
            fn of(x: f64) -> Self {
                $of(x)
            }
            fn to_f64(self) -> f64 {
                $to(self)
            }
        }
    )*};
}

numbers! {
    f16: Self::from_f64, Self::to_f64;
    bf16: Self::from_f64, Self::to_f64;
    f32: |x| x as f32, f64::from;
    f64: |x| x, |x| x;
}

/// xorshift64: different inputs of different voxels, the same in every run.
struct Random(u64);

impl Random {
    /// Uniform in [0, 1).
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f64 / (1u64 << 24) as f64
    }

    /// Nearly normal, with a standard deviation of 2: typical logits.
    fn normal(&mut self) -> f64 {
        let sum: f64 = (0..4).map(|_| self.uniform()).sum();
        (sum - 2.0) * 12f64.sqrt()
    }

    fn below(&mut self, count: usize) -> usize {
        (self.uniform() * count as f64) as usize
    }
}

enum Target {
    /// Labels or masks.
    Integers(Pages<u8>),
    /// Labels of more classes than a u8 has values.
    Wide(Pages<u16>),
    Dense(Pages<f32>),
}

pub struct Inputs<T> {
    case: Case,
    logits: Pages<T>,
    target: Target,
    target_shape: Vec<usize>,
    weights: Option<Pages<f32>>,
    field: Option<Pages<f32>>,
    losses: Vec<Box<dyn Loss>>,
}

impl<T: Number> Inputs<T> {
    pub fn new(case: Case, size: PageSize) -> Self {
        let [samples, classes, voxels] = case.shape;
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut logits = Pages::new(case.elements(), size);
        logits.fill_with(|| T::of(random.normal()));
        let mut target = match case.target {
            Format::Labels if classes > 255 => Target::Wide(Pages::new(case.voxels(), size)),
            Format::Labels => Target::Integers(Pages::new(case.voxels(), size)),
            Format::Masks => Target::Integers(Pages::new(case.elements(), size)),
            Format::Dense => Target::Dense(Pages::new(case.elements(), size)),
        };
        for sample in 0..samples {
            for voxel in 0..voxels {
                let label = random.below(classes.max(2));
                let at = |class: usize| (sample * classes + class) * voxels + voxel;
                match (&mut target, case.target) {
                    (Target::Wide(labels), _) => labels[sample * voxels + voxel] = label as u16,
                    (Target::Integers(labels), Format::Labels) => {
                        let ignored = case.ignore && random.uniform() < 0.1;
                        labels[sample * voxels + voxel] = if ignored { IGNORED } else { label as u8 };
                    }
                    (Target::Integers(masks), _) if case.activation == Activation::Sigmoid => {
                        (0..classes).for_each(|class| masks[at(class)] = random.below(2) as u8);
                    }
                    (Target::Integers(masks), _) => masks[at(label)] = 1,
                    (Target::Dense(maps), _) => {
                        let other = 0.1 / classes as f32;
                        (0..classes).for_each(|class| maps[at(class)] = other);
                        maps[at(label)] = 0.9 + other;
                    }
                }
            }
        }
        let weights = case.weights.then(|| {
            let mut weights = Pages::new(case.voxels(), size);
            weights.fill_with(|| (0.5 + random.uniform()) as f32);
            weights
        });
        let field = case.losses.contains(&Name::Boundary).then(|| {
            let mut field = Pages::new(case.elements(), size);
            field.fill_with(|| random.normal() as f32);
            field
        });
        let target_shape = match case.target {
            Format::Labels => vec![samples, voxels],
            Format::Masks | Format::Dense => case.shape.to_vec(),
        };
        let losses = case.losses.iter().map(|name| name.loss()).collect();
        Self { case, logits, target, target_shape, weights, field, losses }
    }

    /// Strides of logits and gradient.
    pub fn strides(&self) -> [isize; 3] {
        let [_, classes, voxels] = self.case.shape;
        let strides = if self.case.channels_last {
            [classes * voxels, 1, classes]
        } else {
            [classes * voxels, voxels, 1]
        };
        strides.map(|stride| stride as isize)
    }

    pub fn at(&self, sample: usize, class: usize, voxel: usize) -> usize {
        let [of_sample, of_class, of_voxel] = self.strides().map(|stride| stride as usize);
        sample * of_sample + class * of_class + voxel * of_voxel
    }

    pub fn batch<'a>(&'a self, executor: &'a dyn Executor) -> Batch<'a> {
        let case = &self.case;
        let logits = View::strided(&self.logits, 0, &case.shape, &self.strides()).unwrap();
        let target = match &self.target {
            Target::Integers(target) => View::new(target, &self.target_shape),
            Target::Wide(target) => View::new(target, &self.target_shape),
            Target::Dense(target) => View::new(target, &self.target_shape),
        };
        let of_voxels = [case.shape[0], case.shape[2]];
        Batch {
            voxel_weight: self.weights.as_ref().map(|weights| View::new(weights, &of_voxels).unwrap()),
            ignore: if case.ignore { &[IGNORED as i64] } else { &[] },
            executor,
            ..Batch::new(logits, case.activation, target.unwrap())
        }
    }

    pub fn terms(&self) -> Vec<Term<'_>> {
        let mut terms: Vec<_> = self.losses.iter().map(|loss| Term::new(1.0, loss.as_ref())).collect();
        for (term, name) in terms.iter_mut().zip(self.case.losses) {
            if let (Name::Boundary, Some(field)) = (name, &self.field) {
                term.field = Some(View::new(field, &self.case.shape).unwrap());
            }
        }
        terms
    }

    pub fn logits(&self) -> &[u8] {
        bytes(&self.logits)
    }

    /// Target and weights.
    pub fn read_once(&self) -> Vec<&[u8]> {
        let target = match &self.target {
            Target::Integers(target) => bytes(target),
            Target::Wide(target) => bytes(target),
            Target::Dense(target) => bytes(target),
        };
        [target].into_iter().chain(self.weights.as_deref().map(bytes)).collect()
    }

    pub fn field(&self) -> Option<&[u8]> {
        self.field.as_deref().map(bytes)
    }
}

impl<T: Number> Voxels for Inputs<T> {
    fn case(&self) -> &Case {
        &self.case
    }

    fn read(&self, sample: usize, voxel: usize, to: &mut Voxel) {
        let [_, classes, voxels] = self.case.shape;
        let index = sample * voxels + voxel;
        to.weight = self.weights.as_ref().map_or(1.0, |weights| weights[index].into());
        for class in 0..classes {
            let at = (sample * classes + class) * voxels + voxel;
            to.logits[class] = self.logits[self.at(sample, class, voxel)].to_f64();
            to.field[class] = self.field.as_ref().map_or(0.0, |field| field[at].into());
            to.target[class] = match (&self.target, self.case.target) {
                (Target::Wide(labels), _) => (labels[index] as usize == class).into(),
                (Target::Integers(labels), Format::Labels) if labels[index] == IGNORED => {
                    to.weight = 0.0;
                    0.0
                }
                // Labels of one class are 0 and 1.
                (Target::Integers(labels), Format::Labels) if classes == 1 => labels[index].into(),
                (Target::Integers(labels), Format::Labels) => (labels[index] as usize == class).into(),
                (Target::Integers(masks), _) => masks[at].into(),
                (Target::Dense(maps), _) => maps[at].into(),
            };
        }
    }
}
