//! One tuning step: forward, the loss with its gradient in place of the logits, backward, update. The caller owns all
//! memory.

use super::network::{CLASSES, Network};
use super::slices::Slices;
use segloss::{Activation, Batch, CrossEntropy, Dice, Error, Term, View, ViewMut, differentiate_in_place};

const RATE: f32 = 0.2;
const MOMENTUM: f32 = 0.9;

/// A network in training.
pub struct Tuner<'a> {
    pub network: Network,
    velocity: Network,
    logits: &'a mut [f32],
    scratch: &'a mut [u8],
}

impl<'a> Tuner<'a> {
    /// `logits` has room for every class of every voxel, `scratch` for the loss.
    pub fn new(network: Network, logits: &'a mut [f32], scratch: &'a mut [u8]) -> Self {
        Self { network, velocity: Network::ZERO, logits, scratch }
    }

    fn forward(&mut self, slices: &Slices<'_>) {
        for voxel in slices.voxels() {
            let logits = self.network.forward(&slices.features(voxel));
            (0..CLASSES).for_each(|class| self.logits[slices.logit(voxel, class)] = logits[class]);
        }
    }

    /// The loss and its gradient with respect to every weight.
    pub fn gradient(&mut self, slices: &Slices<'_>) -> Result<(f64, Network), Error> {
        self.forward(slices);
        let loss = loss(slices, self.logits, self.scratch)?;
        let mut gradient = Network::ZERO;
        for voxel in slices.voxels() {
            let slopes = core::array::from_fn(|class| self.logits[slices.logit(voxel, class)]);
            self.network.backward(&slices.features(voxel), &slopes, &mut gradient);
        }
        Ok((loss, gradient))
    }

    /// One step of gradient descent; returns the loss before the step.
    pub fn epoch(&mut self, slices: &Slices<'_>) -> Result<f64, Error> {
        let (loss, gradient) = self.gradient(slices)?;
        self.network.step(&mut self.velocity, &gradient, RATE, MOMENTUM);
        Ok(loss)
    }

    /// `2·|A ∩ B| / (|A| + |B|)` of each class, with voxels assigned by argmax.
    pub fn dice(&mut self, slices: &Slices<'_>) -> [f32; CLASSES] {
        self.forward(slices);
        let (mut both, mut sizes) = ([0u32; CLASSES], [0u32; CLASSES]);
        for voxel in slices.voxels() {
            let logit = |class: usize| self.logits[slices.logit(voxel, class)];
            let larger = |best: usize, class: usize| if logit(class) > logit(best) { class } else { best };
            let (found, truth) = ((1..CLASSES).fold(0, larger), usize::from(slices.labels[voxel.index]));
            sizes[found] += 1;
            sizes[truth] += 1;
            both[truth] += u32::from(found == truth);
        }
        core::array::from_fn(|class| (2 * both[class]) as f32 / sizes[class] as f32)
    }
}

/// Dice + cross entropy; the gradient overwrites the logits.
fn loss(slices: &Slices<'_>, logits: &mut [f32], scratch: &mut [u8]) -> Result<f64, Error> {
    let [count, rows, columns] = slices.extents;
    let shape = [count, CLASSES, rows, columns];
    let prediction = ViewMut::new(&mut logits[..shape.iter().product()], &shape)?;
    let target = View::new(slices.labels, &slices.extents)?;
    let (dice, cross_entropy) = (Dice::default(), CrossEntropy::default());
    let terms = [Term::new(1.0, &dice), Term::new(1.0, &cross_entropy)];
    differentiate_in_place(&mut Batch::new(prediction, Activation::Softmax, target), &terms, 1.0, scratch)
}
