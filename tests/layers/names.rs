//! One name, one meaning: no two types of `src` share a name, and no two modules.

use crate::{ROOT, sources};
use std::collections::BTreeMap;
use std::path::Path;

/// The name that a line declares, with its kind: `type` for types and traits, `mod` for modules.
fn declared(line: &str) -> Option<(&'static str, &str)> {
    let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub") || *word == "unsafe");
    let kind = match words.next()? {
        "struct" | "enum" | "union" | "trait" | "type" => "type",
        "mod" => "mod",
        _ => return None,
    };
    let name = words.next()?;
    Some((kind, name.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()?))
}

/// Names that are declared twice, with their files.
fn shared_names(all: &BTreeMap<String, String>) -> Vec<String> {
    let mut found: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (file, text) in all {
        // Associated types are indented, as are types within functions; modules of unit tests are in every file.
        for line in text.lines().filter(|line| !line.starts_with(' ')) {
            if let Some(name) = declared(line).filter(|name| *name != ("mod", "tests")) {
                found.entry(name).or_default().push(file);
            }
        }
    }
    let shared = found.into_iter().filter(|(_, files)| files.len() > 1);
    shared.map(|((kind, name), files)| format!("{kind} {name}: {}", files.join(", "))).collect()
}

#[test]
fn no_two_types_or_modules_share_a_name() {
    let mut all = BTreeMap::new();
    sources(&Path::new(ROOT).join("src"), "", &mut all);
    let shared = shared_names(&all);
    assert!(shared.is_empty(), "names that stand for two things: {shared:#?}");
}

#[test]
fn shared_names_are_found() {
    let all = [
        ("a.rs", "pub(crate) struct Sum<T>(T);\nmod tests;\nmod rows;\n    type Output = ();"),
        ("b.rs", "pub unsafe trait Sum {}\nmod tests;\npub mod rows {\n    type Output = ();"),
    ];
    let all = all.map(|(file, text)| (file.to_owned(), text.to_owned())).into();
    assert_eq!(shared_names(&all), ["mod rows: a.rs, b.rs", "type Sum: a.rs, b.rs"]);
}
