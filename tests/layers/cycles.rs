//! Cycles of a directed graph.

use crate::Import;
use std::collections::{BTreeMap, BTreeSet};

/// The imports that are part of a cycle: from the imported file, imports lead back to the importing one.
pub fn in_cycles(imports: &BTreeSet<Import>) -> BTreeSet<Import> {
    let mut onwards: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in imports {
        onwards.entry(from).or_default().push(to);
    }
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        onwards.keys().map(|&from| (from, reachable(from, &onwards))).collect();
    let leads = |from: &str, to: &str| reach.get(from).is_some_and(|reached| reached.contains(to));
    imports.iter().filter(|(from, to)| leads(to, from)).cloned().collect()
}

/// All files reachable by imports.
fn reachable<'a>(from: &'a str, onwards: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        open.extend(onwards.get(file).into_iter().flatten().copied().filter(|&to| reached.insert(to)));
    }
    reached
}
