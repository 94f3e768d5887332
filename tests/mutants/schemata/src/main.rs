//! Mutant schemata: all mutants of a list, compiled at once, each behind a switch that is set at run time.
//!
//! ```text
//! schemata TREE LIST
//! ```
//!
//! rewrites files below TREE. LIST is a JSON object: `mutants`, an array of what `cargo mutants --list --json` prints,
//! each with a number `id`, and `const`, the names of functions that have to stay `const`. Prints a line for each
//! mutant that cannot be switched: its id and why.
//!
//! ```text
//! a + b       →  (if crate::mutants::off(7) { (a) + (b) } else { (a) - (b) })
//! fn f() { …  →  fn f() { if crate::mutants::on(8) { return 0; } …
//! P => e      →  P if crate::mutants::off(9) => e
//! ```
//!
//! The original comes first, so that an error of types points at the mutant. Comments `[7` and `7]` around the code of a
//! mutant let `tests/mutants/mutants` find it by the place of an error. Operators are replaced in the syntax tree:
//! `a + b * c` with `*` replaced by `+` is `a + (b + c)`.

mod edit;
mod place;

use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// A mutant as cargo-mutants lists it, with its number.
#[derive(Clone)]
struct Mutant {
    id: u64,
    genre: String,
    replacement: String,
    /// Line and column of its first character, both from 1.
    start: (usize, usize),
}

fn read(value: &Value) -> Option<(String, Mutant)> {
    let start = &value["span"]["start"];
    let mutant = Mutant {
        id: value["id"].as_u64()?,
        genre: value["genre"].as_str()?.into(),
        replacement: value["replacement"].as_str()?.into(),
        start: (start["line"].as_u64()? as usize, start["column"].as_u64()? as usize),
    };
    Some((value["file"].as_str()?.into(), mutant))
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, tree, list] = arguments.as_slice() else { panic!("schemata TREE LIST") };
    let list: Value = serde_json::from_str(&std::fs::read_to_string(list).expect("the list")).expect("JSON");
    let names = list["const"].as_array().expect("an array of names");
    let constant: HashSet<String> = names.iter().filter_map(Value::as_str).map(String::from).collect();
    let mut files: BTreeMap<String, Vec<Mutant>> = BTreeMap::new();
    for value in list["mutants"].as_array().expect("an array of mutants") {
        let (file, mutant) = read(value).expect("a mutant");
        files.entry(file).or_default().push(mutant);
    }
    for (file, mutants) in files {
        let path = Path::new(tree).join(&file);
        let text = std::fs::read_to_string(&path).expect("a source file");
        let (places, refused) = place::find(&text, &mutants, &constant);
        for (id, reason) in refused {
            println!("{id}\t{reason}");
        }
        std::fs::write(&path, edit::rewrite(&text, &places)).expect("a writable tree");
    }
}
