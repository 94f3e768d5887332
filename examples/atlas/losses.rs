//! The losses that are shown, by family of the paper's taxonomy. Adding one is adding a line.

use Family::{Boundary as ByBoundary, Compound, Distribution, Region};
use segloss::region::Squares;
use segloss::{Boundary, CrossEntropy, Dice, Form, Term, Tversky};

/// Where a loss stands in the taxonomy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Distribution,
    Region,
    Boundary,
    Compound,
}

impl Family {
    pub const ALL: [Self; 4] = [Distribution, Region, ByBoundary, Compound];

    pub fn title(self) -> &'static str {
        match self {
            Distribution => "Distribution",
            Region => "Region",
            ByBoundary => "Boundary",
            Compound => "Compound",
        }
    }

    /// What the gradients of the family have in common.
    pub fn gist(self) -> &'static str {
        match self {
            Distribution => {
                "A mean over voxels. Each one is pushed by its own error, s − g, wherever it lies: \
                 cross entropy pushes everywhere."
            }
            Region => {
                "A ratio of sums over a class. One force for all of its voxels, another for all around it, \
                 felt where the prediction wavers: Dice pushes inside the object."
            }
            ByBoundary => {
                "Probability times signed distance to the truth's boundary. The farther from it, the \
                 harder the push: down outside, up inside."
            }
            Compound => {
                "Weighted sums of the others, over one softmax and one set of sums. Their pushes add up."
            }
        }
    }
}

/// A loss by name.
pub struct Loss {
    pub family: Family,
    pub name: &'static str,
    parts: Vec<Part>,
}

/// A weighted form that owns what a [`Term`] borrows.
struct Part {
    weight: f64,
    form: Box<dyn Form>,
    class_weight: Option<Vec<f64>>,
}

impl Loss {
    /// The loss as the crate takes it.
    pub fn terms(&self) -> Vec<Term<'_>> {
        self.parts.iter().map(Part::term).collect()
    }
}

impl Part {
    fn term(&self) -> Term<'_> {
        Term { class_weight: self.class_weight.as_deref(), ..Term::new(self.weight, &*self.form) }
    }
}

fn part(weight: f64, form: impl Form + 'static) -> Part {
    Part { weight, form: Box::new(form), class_weight: None }
}

fn one(family: Family, name: &'static str, form: impl Form + 'static) -> Loss {
    sum(family, name, [part(1.0, form)])
}

fn weighted(family: Family, name: &'static str, form: impl Form + 'static, weights: &[f64]) -> Loss {
    sum(family, name, [Part { class_weight: Some(weights.to_vec()), ..part(1.0, form) }])
}

fn sum(family: Family, name: &'static str, parts: impl Into<Vec<Part>>) -> Loss {
    Loss { family, name, parts: parts.into() }
}

/// The loss whose time the others are compared with.
pub const REFERENCE: &str = "Cross entropy";

/// Every loss of the crate; `rarity` weighs the classes where a loss is shown with class weights.
pub fn losses(rarity: &[f64]) -> Vec<Loss> {
    let cross_entropy = CrossEntropy::default;
    let dice = Dice::default;
    vec![
        one(Distribution, REFERENCE, cross_entropy()),
        one(Distribution, "CE, labels smoothed", CrossEntropy { label_smoothing: 0.1, ..cross_entropy() }),
        weighted(Distribution, "CE, weighted by class", cross_entropy(), rarity),
        one(Region, "Dice", dice()),
        one(Region, "Dice, squared", Dice { squares: Squares::Squared, ..dice() }),
        one(Region, "Tversky", Tversky::default()),
        one(ByBoundary, "Boundary", Boundary::default()),
        one(ByBoundary, "Boundary, rim at zero", Boundary { rim_zero: true }),
        sum(Compound, "Dice + CE", [part(1.0, dice()), part(1.0, cross_entropy())]),
        sum(
            Compound,
            "Dice + CE + boundary",
            [part(1.0, dice()), part(1.0, cross_entropy()), part(0.01, Boundary::default())],
        ),
    ]
}

/// The median frequency of the classes over that of each; a class that is absent is as rare as the rarest.
pub fn rarity(labels: &[u8], classes: usize) -> Vec<f64> {
    let mut counts = vec![0usize; classes];
    labels.iter().for_each(|&label| counts[usize::from(label)] += 1);
    let mut present: Vec<usize> = counts.iter().copied().filter(|&count| count > 0).collect();
    present.sort_unstable();
    let median = (present[(present.len() - 1) / 2] + present[present.len() / 2]) as f64 / 2.0;
    counts.iter().map(|&count| median / count.max(present[0]) as f64).collect()
}
