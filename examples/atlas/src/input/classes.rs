//! Which label is which class.

use super::count;
use super::grid::join_with;
use crate::Result;
use std::collections::BTreeMap;

/// A class has an index below this number, which marks the voxels that are ignored.
pub const IGNORED: u8 = 255;
/// The number of labels that a message lists.
const LISTED: usize = 8;

/// The user's choices.
#[derive(Debug, Default)]
pub struct Choices {
    /// `--map`: labels and their classes.
    pub map: Option<Vec<(i64, usize)>>,
    /// `--ignore`
    pub ignore: Vec<i64>,
    /// `--names`
    pub names: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Classes {
    /// One name per class: per channel of the prediction.
    pub names: Vec<String>,
    /// The class of each label; of a single class, 0 and 1.
    of_label: BTreeMap<i64, u8>,
    ignored: Vec<i64>,
}

impl Classes {
    /// `counts`: the labels of all samples. `channels`: the classes of the prediction, if there is one.
    pub fn new(counts: &BTreeMap<i64, usize>, channels: Option<usize>, choices: &Choices) -> Result<Self> {
        let labels: Vec<i64> =
            counts.keys().copied().filter(|label| !choices.ignore.contains(label)).collect();
        if labels.is_empty() {
            return Err("every voxel has an ignored label".into());
        }
        let of_label = match &choices.map {
            Some(map) => by_map(counts, &labels, map, channels, &choices.ignore)?,
            None => by_order(&labels, channels)?,
        };
        let highest = of_label.values().copied().max().map_or(0, usize::from);
        let classes = channels.unwrap_or(highest + 1);
        if classes < 2 && channels.is_none() {
            return Err(format!("every label is {}: there is nothing to segment", labels[0]).into());
        }
        let names = match &choices.names {
            Some(names) if names.len() != classes => {
                return Err(format!("--names: {} names for {classes} classes", names.len()).into());
            }
            Some(names) => names.clone(),
            None => (0..classes).map(|class| name(class, classes, &of_label)).collect(),
        };
        Ok(Self { names, of_label, ignored: choices.ignore.clone() })
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The class of each voxel, or [`IGNORED`].
    pub fn apply(&self, labels: &[i64]) -> Vec<u8> {
        let class = |label| if self.ignored.contains(label) { IGNORED } else { self.of_label[label] };
        labels.iter().map(class).collect()
    }

    /// The labels of a class; of a single class, those of the object.
    pub fn labels_of(&self, class: usize) -> Vec<i64> {
        let wanted = if self.len() == 1 { 1 } else { class as u8 };
        self.of_label.iter().filter(|(_, class)| **class == wanted).map(|(label, _)| *label).collect()
    }
}

/// A class is named by its label if it has one that is another number.
fn name(class: usize, classes: usize, of_label: &BTreeMap<i64, u8>) -> String {
    let value = if classes == 1 { 1 } else { class as u8 };
    let mut labels = of_label.iter().filter(|(_, class)| **class == value).map(|(label, _)| *label);
    match (labels.next(), labels.next()) {
        (Some(label), None) if label != i64::from(value) => format!("label {label}"),
        _ if classes == 1 => "object".into(),
        _ => format!("class {class}"),
    }
}

/// The labels 0, 1, … of the classes if all of them are; otherwise the labels in their order.
fn by_order(labels: &[i64], channels: Option<usize>) -> Result<BTreeMap<i64, u8>> {
    // A single class has two values, object and background.
    let values = channels.map(|channels| channels.max(2));
    if let Some(values) = values
        && labels.iter().all(|label| (0..values as i64).contains(label))
    {
        return Ok(labels.iter().map(|&label| (label, label as u8)).collect());
    }
    if let Some(values) = values
        && values != labels.len()
    {
        let channels = channels.unwrap_or(0);
        let classes = if channels == 1 { "1 class".into() } else { format!("{channels} classes") };
        let (labels, list) = (count(labels.len(), "label"), list(labels));
        let text =
            format!("{labels}, {list}, but the prediction has {classes} (choose with --map and --ignore)");
        return Err(text.into());
    }
    if labels.len() > usize::from(IGNORED) {
        let most = IGNORED;
        return Err(
            format!("{} labels, {} (expected at most {most} classes)", labels.len(), list(labels)).into()
        );
    }
    Ok(labels.iter().enumerate().map(|(class, &label)| (label, class as u8)).collect())
}

fn by_map(
    counts: &BTreeMap<i64, usize>,
    labels: &[i64],
    map: &[(i64, usize)],
    channels: Option<usize>,
    ignore: &[i64],
) -> Result<BTreeMap<i64, u8>> {
    let classes = channels.map_or(usize::from(IGNORED), |channels| channels.max(2));
    let mut of_label = BTreeMap::new();
    for &(label, class) in map {
        if class >= classes {
            return Err(format!("--map {label}={class}: the classes are 0 to {}", classes - 1).into());
        }
        if ignore.contains(&label) {
            return Err(format!("--map {label}={class}: --ignore names the same label").into());
        }
        if of_label.insert(label, class as u8).is_some_and(|other| usize::from(other) != class) {
            return Err(format!("--map gives label {label} two classes").into());
        }
    }
    // The background, unless the map says otherwise.
    of_label.entry(0).or_insert(0);
    match labels.iter().find(|label| !of_label.contains_key(label)) {
        Some(label) => {
            let voxels = count(counts[label], "voxel");
            Err(format!("label {label} ({voxels}) is neither in --map nor in --ignore").into())
        }
        None => Ok(of_label),
    }
}

fn list(labels: &[i64]) -> String {
    let first = join_with(&labels[..labels.len().min(LISTED)], ", ");
    if labels.len() > LISTED { format!("{first}, …") } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(
        labels: &[i64],
        channels: Option<usize>,
        map: &[(i64, usize)],
        ignore: &[i64],
    ) -> Result<Classes> {
        let counts = labels.iter().map(|&label| (label, 5)).collect();
        let map = (!map.is_empty()).then(|| map.to_vec());
        Classes::new(&counts, channels, &Choices { map, ignore: ignore.to_vec(), names: None })
    }

    fn applied(labels: &[i64], channels: Option<usize>, map: &[(i64, usize)], ignore: &[i64]) -> Vec<u8> {
        classes(labels, channels, map, ignore).unwrap().apply(labels)
    }

    #[test]
    fn labels_are_consecutive_in_their_order_unless_they_are_classes() {
        assert_eq!(applied(&[0, 255], None, &[], &[]), [0, 1]);
        assert_eq!(applied(&[-3, 0, 10, 2035], None, &[], &[]), [0, 1, 2, 3]);
        assert_eq!(applied(&[0, 1, 255], None, &[], &[255]), [0, 1, IGNORED]);
        // With a prediction of four classes the labels 0, 1 and 3 are classes; class 2 does not occur.
        assert_eq!(applied(&[0, 1, 3], Some(4), &[], &[]), [0, 1, 3]);
        assert_eq!(applied(&[0, 1, 4], Some(3), &[], &[]), [0, 1, 2]);
        assert_eq!(applied(&[0, 255], Some(1), &[], &[]), [0, 1]);
        assert_eq!(applied(&[1], Some(1), &[], &[]), [1]);
    }

    #[test]
    fn map_keeps_0_as_background_and_may_join_labels() {
        assert_eq!(applied(&[0, 10, 11, 49], None, &[(10, 1), (49, 1), (11, 2)], &[]), [0, 1, 2, 1]);
        assert_eq!(applied(&[0, 7], None, &[(0, 1), (7, 0)], &[]), [1, 0]);
    }

    #[test]
    fn what_does_not_fit_is_an_error_with_its_numbers() {
        let error = |labels: &[i64], channels, map: &[(i64, usize)], ignore: &[i64]| {
            classes(labels, channels, map, ignore).unwrap_err().to_string()
        };
        assert_eq!(
            error(&[0, 1, 2, 255], Some(3), &[], &[]),
            "4 labels, 0, 1, 2, 255, but the prediction has 3 classes (choose with --map and --ignore)"
        );
        assert_eq!(
            error(&[0, 10, 12], None, &[(10, 1)], &[]),
            "label 12 (5 voxels) is neither in --map nor in --ignore"
        );
        assert_eq!(error(&[0, 10], Some(2), &[(10, 2)], &[]), "--map 10=2: the classes are 0 to 1");
        assert_eq!(error(&[0, 10], None, &[(10, 1)], &[10]), "--map 10=1: --ignore names the same label");
        assert_eq!(error(&[0, 10], None, &[(10, 1), (10, 2)], &[]), "--map gives label 10 two classes");
        assert_eq!(error(&[3], None, &[], &[]), "every label is 3: there is nothing to segment");
        assert_eq!(error(&[255], None, &[], &[255]), "every voxel has an ignored label");
        let many: Vec<i64> = (0..300).collect();
        assert_eq!(
            error(&many, None, &[], &[]),
            "300 labels, 0, 1, 2, 3, 4, 5, 6, 7, … (expected at most 255 classes)"
        );
    }

    #[test]
    fn names() {
        let names = |labels: &[i64], channels| classes(labels, channels, &[], &[]).unwrap().names;
        assert_eq!(names(&[0, 1, 5], None), ["class 0", "class 1", "label 5"]);
        assert_eq!(names(&[0, 255], Some(1)), ["label 255"]);
        assert_eq!(names(&[0, 1], Some(1)), ["object"]);
    }
}
