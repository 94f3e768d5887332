//! The source text. The files of `src` form layers: no chain of imports leads from a file back to itself. Names are
//! unique, and words are those of the glossary. There are no exceptions.

mod cycles;
mod modules;
mod names;
mod tokens;
mod words;

use cycles::in_cycles;
use modules::Crate;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

type Import = (String, String);

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The sources and pages below a folder by their relative path.
fn sources(folder: &Path, inside: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{inside}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            sources(&path, &format!("{name}/"), found);
        } else if [".rs", ".h", ".hpp", ".md"].iter().any(|end| name.ends_with(end)) {
            found.insert(name, fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn imports_have_no_cycles() {
    let mut all = BTreeMap::new();
    sources(&Path::new(ROOT).join("src"), "", &mut all);
    let parsed = Crate::parse(&all);
    let imports = parsed.imports();
    // A parser that finds no imports would find no cycle.
    assert!(imports.len() > all.len(), "{} imports in {} files", imports.len(), all.len());
    let unread: Vec<_> =
        all.keys().filter(|file| !parsed.has_read(file) && !parsed.is_of_tests(file)).collect();
    assert!(unread.is_empty(), "no `mod` leads to {unread:?}");

    let cycles: Vec<_> = in_cycles(&imports).iter().map(|(from, to)| format!("{from} -> {to}")).collect();
    assert!(cycles.is_empty(), "imports that are part of a cycle: {cycles:#?}");
}

/// The imports in cycles of a small crate.
fn cycles_of(files: &[(&str, &str)]) -> Vec<String> {
    let all = files.iter().map(|(file, text)| (file.to_string(), text.to_string())).collect();
    in_cycles(&Crate::parse(&all).imports()).iter().map(|(from, to)| format!("{from} -> {to}")).collect()
}

#[test]
fn mutual_imports_are_a_cycle() {
    let there = ("a.rs", "use crate::b::B; pub struct A(B);");
    let roots = ("lib.rs", "mod a; mod b; mod c;");
    let other = ("c.rs", "use crate::{a::A, b::B}; pub struct C(A, B);");
    assert_eq!(cycles_of(&[roots, there, ("b.rs", "pub struct B;"), other]), [""; 0]);
    let back = ("b.rs", "pub struct B; impl B { fn a(&self) -> Option<crate::a::A> { None } }");
    assert_eq!(cycles_of(&[roots, there, back, other]), ["a.rs -> b.rs", "b.rs -> a.rs"]);
}

/// A re-export is not an import; its use is an import of the defining file.
#[test]
fn re_exports_are_resolved_to_the_defining_file() {
    let files = |of_two: &'static str| {
        [
            ("lib.rs", "mod room; pub use room::{One, Two as Second}; pub use room::one::helper;"),
            ("room/mod.rs", "pub mod one; mod two; pub use one::One; pub use self::two::*;"),
            ("room/one.rs", "use crate::Second; pub struct One(Second); pub fn helper() {}"),
            ("room/two.rs", of_two),
        ]
    };
    assert_eq!(cycles_of(&files("pub struct Two;")), [""; 0]);
    let both = ["room/one.rs -> room/two.rs", "room/two.rs -> room/one.rs"];
    assert_eq!(cycles_of(&files("use super::One; pub struct Two(Option<Box<One>>);")), both);
    assert_eq!(cycles_of(&files("pub struct Two; fn f() { crate::helper() }")), both);
    assert_eq!(
        cycles_of(&files("use super::super::room as r; pub struct Two; fn f() { r::one::helper() }")),
        both
    );
    assert_eq!(cycles_of(&files("use segloss::helper as h; pub struct Two;")), both);
    assert_eq!(cycles_of(&files("pub struct Two; fn f() { vec![crate::helper()]; }")), both);
}

/// A parent module that uses items of its files, while they use items of the parent.
#[test]
fn parent_and_child_are_separate_modules() {
    let child = ("room/one.rs", "use super::WIDTH; pub struct One([u8; WIDTH]);");
    let of = |parent| cycles_of(&[("lib.rs", "mod room;"), ("room/mod.rs", parent), child]);
    assert_eq!(of("mod one; pub use one::One; pub const WIDTH: usize = 4;"), [""; 0]);
    let both = ["room/mod.rs -> room/one.rs", "room/one.rs -> room/mod.rs"];
    assert_eq!(of("mod one; pub use one::One; pub const WIDTH: usize = 4; pub fn f(_: One) {}"), both);
    assert_eq!(of("mod one; use one::One; pub const WIDTH: usize = 4;"), both);
}

#[test]
fn imports_in_tests_comments_and_strings_are_ignored() {
    let quiet = "/// [`crate::a::A`]\npub struct B; // use crate::a::A;\nconst S: &str = \"crate::a::A\";
        #[cfg(test)] use crate::a::A; #[cfg(test)] mod tests { use crate::a::A; } #[cfg(test)] fn f(_: crate::a::A) {}";
    let of = |b| {
        cycles_of(&[("lib.rs", "mod a; mod b;"), ("a.rs", "use crate::b::B; pub struct A(B);"), ("b.rs", b)])
    };
    assert_eq!(of(quiet), [""; 0]);
    assert_eq!(
        of(&quiet.replace("#[cfg(test)] fn", "#[cfg(not(test))] fn")),
        ["a.rs -> b.rs", "b.rs -> a.rs"]
    );
}

#[test]
fn macro_uses_are_imports() {
    let files = |b| {
        [
            ("lib.rs", "#[macro_use] mod a; mod b;"),
            ("a.rs", "macro_rules! twice { ($x:expr) => { $crate::b::add($x, $x) }; }"),
            ("b.rs", b),
        ]
    };
    assert_eq!(cycles_of(&files("pub fn add(a: u8, b: u8) -> u8 { a + b }")), [""; 0]);
    let both = ["a.rs -> b.rs", "b.rs -> a.rs"];
    assert_eq!(cycles_of(&files("pub fn add(a: u8, b: u8) -> u8 { a + b } fn f() { twice!(1); }")), both);
}
