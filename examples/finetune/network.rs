//! The network: features of a voxel → hidden units → logits, with a hand-written backward pass. Nothing is allocated.
//!
//! ```text
//! h = max(0, V·x)            z = W·h
//! ∂L/∂W = ∂L/∂z ⊗ h          ∂L/∂V = (Wᵀ·∂L/∂z · [h > 0]) ⊗ x
//! ```
//!
//! The last feature and the last hidden unit are 1, so that the last columns of `V` and `W` are the biases.
//! Only `+ × max`, in a fixed order: every CPU computes the same bits.

/// Number of features of a voxel, including a constant 1.
pub const FEATURES: usize = 7;
/// Number of hidden units, including a constant 1.
pub const HIDDEN: usize = 17;
/// Outside, cerebrospinal fluid, grey matter, white matter.
pub const CLASSES: usize = 4;
/// Weights of both layers.
pub const PARAMETERS: usize = (HIDDEN - 1) * FEATURES + CLASSES * HIDDEN;

/// The features of a voxel.
pub type Features = [f32; FEATURES];
/// Logits of a voxel, or their gradient.
pub type Logits = [f32; CLASSES];

/// The weights of both layers, their gradient, or their velocity.
#[derive(Clone, Copy)]
pub struct Network {
    /// `V`.
    pub hidden: [Features; HIDDEN - 1],
    /// `W`.
    pub classes: [[f32; HIDDEN]; CLASSES],
}

impl Network {
    /// All zeros: the initial gradient and velocity.
    pub const ZERO: Self = Self { hidden: [[0.0; FEATURES]; HIDDEN - 1], classes: [[0.0; HIDDEN]; CLASSES] };

    /// The network with these weights, in the order of [`Self::weights`].
    pub fn new(weights: &[f32; PARAMETERS]) -> Self {
        let mut network = Self::ZERO;
        network.weights_mut().zip(weights).for_each(|(to, from)| *to = *from);
        network
    }

    /// All weights, the hidden layer's first.
    pub fn weights(&self) -> impl Iterator<Item = &f32> {
        self.hidden.as_flattened().iter().chain(self.classes.as_flattened())
    }

    fn weights_mut(&mut self) -> impl Iterator<Item = &mut f32> {
        self.hidden.as_flattened_mut().iter_mut().chain(self.classes.as_flattened_mut())
    }

    /// `h`.
    fn hidden(&self, x: &Features) -> [f32; HIDDEN] {
        let mut h = [1.0; HIDDEN];
        for (h, v) in h.iter_mut().zip(&self.hidden) {
            *h = dot(v, x).max(0.0);
        }
        h
    }

    /// `z`.
    pub fn forward(&self, x: &Features) -> Logits {
        let h = self.hidden(x);
        self.classes.each_ref().map(|w| dot(w, &h))
    }

    /// Adds the gradient of one voxel to `gradient`. `h` is computed again, because storing it would take more memory
    /// than the logits.
    pub fn backward(&self, x: &Features, slopes: &Logits, gradient: &mut Self) {
        let h = self.hidden(x);
        let mut of_h = [0.0; HIDDEN];
        for ((into, w), &slope) in gradient.classes.iter_mut().zip(&self.classes).zip(slopes) {
            add(into, slope, &h);
            add(&mut of_h, slope, w);
        }
        for ((into, &slope), &h) in gradient.hidden.iter_mut().zip(&of_h).zip(&h) {
            if h > 0.0 {
                add(into, slope, x);
            }
        }
    }

    /// A step of gradient descent with momentum: `v ← μ·v + ∂L/∂w,  w ← w − η·v`.
    pub fn step(&mut self, velocity: &mut Self, gradient: &Self, rate: f32, momentum: f32) {
        for ((w, v), slope) in self.weights_mut().zip(velocity.weights_mut()).zip(gradient.weights()) {
            *v = momentum * *v + slope;
            *w -= rate * *v;
        }
    }
}

fn dot<const N: usize>(a: &[f32; N], b: &[f32; N]) -> f32 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

fn add<const N: usize>(into: &mut [f32; N], scale: f32, from: &[f32; N]) {
    into.iter_mut().zip(from).for_each(|(into, from)| *into += scale * from);
}
