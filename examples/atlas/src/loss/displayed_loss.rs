//! A displayed loss: its terms, its names, its place in the taxonomy.

use super::family::Family;
use segloss::{Loss, Selection, Term};

/// A loss of the atlas, with the text beside its panel.
pub struct DisplayedLoss {
    pub family: Family,
    /// The name on the command line, in JSON, CSV and the names of files.
    pub key: &'static str,
    pub name: &'static str,
    /// The paper's number or letters of the loss; empty if it has none.
    pub mark: &'static str,
    /// A short description of the loss.
    pub idea: &'static str,
    /// The loss of which this one is a special case or a variant.
    pub under: Option<&'static str>,
    /// The members of a compound, one for each of [`Family::PURE`]; empty for none.
    pub joins: [&'static str; 3],
    pub terms: Vec<Term<'static>>,
    /// The selection of the last term, if it does not use all voxels.
    pub selection: Option<Selection>,
}

impl DisplayedLoss {
    pub fn new(
        family: Family,
        key: &'static str,
        name: &'static str,
        mark: &'static str,
        idea: &'static str,
        terms: Vec<Term<'static>>,
    ) -> Self {
        Self { family, key, name, mark, idea, under: None, joins: [""; 3], terms, selection: None }
    }

    pub fn under(self, parent: &'static str) -> Self {
        Self { under: Some(parent), ..self }
    }

    pub fn selecting(self, selection: Selection) -> Self {
        Self { selection: Some(selection), ..self }
    }

    /// Name and number: "Dice (8)".
    pub fn label(&self) -> String {
        if self.mark.is_empty() { self.name.to_owned() } else { format!("{} ({})", self.name, self.mark) }
    }

    /// The description; for a compound, its families.
    pub fn idea(&self) -> String {
        let joined = Family::PURE.iter().zip(self.joins).filter(|(_, member)| !member.is_empty());
        let titles: Vec<String> = joined.map(|(family, _)| family.title().to_lowercase()).collect();
        if titles.is_empty() { self.idea.to_owned() } else { titles.join(" + ") }
    }
}

/// Terms borrow their losses and weights, which are leaked: the list lives as long as the program.
pub fn keep<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// The loss with weight 1 and default options.
pub fn term(loss: impl Loss + 'static) -> Term<'static> {
    Term::new(1.0, keep(loss))
}
