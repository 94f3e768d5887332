//! Words that the project does not use, because the field has its own: the glossary of `docs/architecture.md` has them.

use crate::{ROOT, sources};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Words of earlier versions and figures of speech, in all their forms.
const BANNED: [&str; 59] = [
    "anybody",
    "bench",
    "bill",
    "blank",
    "blanks",
    "borrower",
    "census",
    "crew",
    "deal",
    "dear",
    "dearest",
    "desk",
    "feel",
    "feels",
    "felt",
    "gang",
    "hungriest",
    "hungry",
    "join",
    "joined",
    "joining",
    "joins",
    "lend",
    "lending",
    "lends",
    "lent",
    "mark",
    "marked",
    "marks",
    "nobody",
    "paid",
    "park",
    "parked",
    "parking",
    "parks",
    "pay",
    "pays",
    "pick",
    "picked",
    "picks",
    "price",
    "prices",
    "pull",
    "pulled",
    "pulling",
    "pulls",
    "rival",
    "rivals",
    "settle",
    "settled",
    "settles",
    "somebody",
    "sweep",
    "sweeps",
    "swept",
    "tallies",
    "tally",
    "unpark",
    "whoever",
];

/// Uses that are names of other software: text around the word, and the word.
const EXCEPTIONS: [(&str, &str); 3] = [
    // Cargo's command and option.
    ("cargo bench", "bench"),
    ("--bench", "bench"),
    // POSIX threads.
    ("pthread_join", "join"),
];

/// The words of a line of prose or code: `loss_sum`, `LossSum` and "loss sum" are two.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for letter in line.chars() {
        if !letter.is_ascii_alphabetic() || (letter.is_ascii_uppercase() && was_lower) {
            words.push(String::new());
        }
        if letter.is_ascii_alphabetic() {
            words.last_mut().unwrap().push(letter.to_ascii_lowercase());
        }
        was_lower = letter.is_ascii_lowercase();
    }
    words
}

/// The banned words of a text, each with its line.
fn banned(text: &str) -> Vec<(usize, String)> {
    let mut found = vec![];
    for (number, line) in text.lines().enumerate() {
        let line = EXCEPTIONS.iter().fold(line.to_owned(), |line, (use_of, _)| line.replace(use_of, " "));
        let of_line = words(&line).into_iter().filter(|word| BANNED.contains(&word.as_str()));
        found.extend(of_line.map(|word| (number + 1, word)));
    }
    found
}

#[test]
fn no_banned_word_is_used() {
    let mut all = BTreeMap::new();
    for folder in ["src", "include", "docs"] {
        sources(&Path::new(ROOT).join(folder), &format!("{folder}/"), &mut all);
    }
    for page in ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"] {
        all.insert(page.to_owned(), fs::read_to_string(format!("{ROOT}/{page}")).unwrap());
    }
    let found: Vec<String> = all
        .iter()
        .flat_map(|(file, text)| {
            banned(text).into_iter().map(move |(line, word)| format!("{file}:{line}: {word}"))
        })
        .collect();
    assert!(found.is_empty(), "words that the glossary replaces: {found:#?}");
}

#[test]
fn words_are_found_in_names_and_prose() {
    let found = |text| banned(text).into_iter().map(|(_, word)| word).collect::<Vec<_>>();
    assert_eq!(found("let few_pull = Gang::of(crew); // the pays"), ["pull", "gang", "crew", "pays"]);
    assert_eq!(found("a benchmark, a bookmark, cargo bench --bench losses, pthread_join(t)"), [""; 0]);
    assert_eq!(found("join"), ["join"]);
}
