//! A batch, and the quantities that all losses use.

/// How the prediction is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    Softmax,
    Sigmoid,
    /// Probabilities: exclusive classes if C ≥ 2, one Bernoulli variable if C = 1.
    Probability,
    /// Probabilities: each class an independent Bernoulli variable.
    ProbabilityPerClass,
}

/// One batch.
#[derive(Clone, Debug)]
pub struct Case {
    pub b: usize,
    pub c: usize,
    /// Spatial extents; their product is N.
    pub shape: Vec<usize>,
    /// The prediction: logits or probabilities.
    pub z: Vec<f64>,
    pub activation: Activation,
    /// g, one-hot if targets are labels.
    pub truth: Vec<f64>,
    pub labels: Option<Vec<i64>>,
    /// w, already 0 where the label is ignored.
    pub weight: Vec<f64>,
    pub ignored: Vec<bool>,
    /// Per sample and class.
    pub class_present: Vec<bool>,
    pub spacing: Vec<f64>,
}

impl Case {
    /// Targets are class indices, or 0 and 1 if C = 1.
    pub fn of_labels(
        c: usize,
        shape: &[usize],
        activation: Activation,
        z: &[f64],
        labels: &[i64],
        ignore: &[i64],
    ) -> Self {
        let n: usize = shape.iter().product();
        let ignored: Vec<bool> = labels.iter().map(|label| ignore.contains(label)).collect();
        let mut case = Self::of_maps(c, shape, activation, z, &vec![0.0; z.len()]);
        for k in 0..z.len() {
            let (sample, class, voxel) = (k / (c * n), k / n % c, k % n);
            let here = sample * n + voxel;
            case.truth[k] = if !ignored[here] && labels[here] == case.label_of(class) { 1.0 } else { 0.0 };
        }
        case.weight = ignored.iter().map(|&out| if out { 0.0 } else { 1.0 }).collect();
        Self { labels: Some(labels.to_vec()), ignored, ..case }
    }

    /// Targets are maps in [0, 1], one per class.
    pub fn of_maps(c: usize, shape: &[usize], activation: Activation, z: &[f64], truth: &[f64]) -> Self {
        let n: usize = shape.iter().product();
        let b = z.len() / (c * n);
        assert_eq!((z.len(), truth.len()), (b * c * n, b * c * n));
        Self {
            b,
            c,
            shape: shape.to_vec(),
            z: z.to_vec(),
            activation,
            truth: truth.to_vec(),
            labels: None,
            weight: vec![1.0; b * n],
            ignored: vec![false; b * n],
            class_present: vec![true; b * c],
            spacing: vec![1.0; shape.len()],
        }
    }

    /// The same with voxel weights; ignored voxels stay at 0.
    pub fn weighted(mut self, weight: &[f64]) -> Self {
        assert_eq!(weight.len(), self.weight.len());
        self.weight =
            weight.iter().zip(&self.ignored).map(|(&w, &ignored)| if ignored { 0.0 } else { w }).collect();
        self
    }

    /// Voxels of a sample.
    pub fn n(&self) -> usize {
        self.shape.iter().product()
    }

    /// Index of a voxel in a map [B, C, N].
    pub fn at(&self, b: usize, c: usize, i: usize) -> usize {
        (b * self.c + c) * self.n() + i
    }

    pub fn w(&self, b: usize, i: usize) -> f64 {
        self.weight[b * self.n() + i]
    }

    /// (sample, voxel, weight) of every counted voxel; the others add nothing to any sum, NaN included.
    pub fn counted(&self) -> Vec<(usize, usize, f64)> {
        let n = self.n();
        (0..self.b * n).map(|k| (k / n, k % n, self.weight[k])).filter(|voxel| voxel.2 > 0.0).collect()
    }

    /// W_b.
    pub fn sample_weight(&self, b: usize) -> f64 {
        self.counted().iter().filter(|voxel| voxel.0 == b).map(|voxel| voxel.2).sum()
    }

    /// W.
    pub fn total_weight(&self) -> f64 {
        self.counted().iter().map(|voxel| voxel.2).sum()
    }

    /// True if the classes are exclusive, false if each is a Bernoulli variable.
    pub fn exclusive(&self) -> bool {
        match self.activation {
            Activation::Softmax => true,
            Activation::Probability => self.c >= 2,
            Activation::Sigmoid | Activation::ProbabilityPerClass => false,
        }
    }

    /// The label of class c; for one class the object has label 1.
    pub fn label_of(&self, c: usize) -> i64 {
        if self.c == 1 { 1 } else { c as i64 }
    }

    /// v_bc: v_c where class c is annotated in sample b and b has a counted voxel, else 0.
    pub fn annotated(&self, v: &[f64]) -> Vec<f64> {
        assert_eq!(v.len(), self.c);
        let counts: Vec<bool> = (0..self.b).map(|b| self.sample_weight(b) > 0.0).collect();
        (0..self.b * self.c)
            .map(|k| {
                let here = self.class_present[k] && counts[k / self.c];
                if here { v[k % self.c] } else { 0.0 }
            })
            .collect()
    }
}
