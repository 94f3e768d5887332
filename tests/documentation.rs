//! Every public module, trait, function and struct has a running example in its documentation. Enums are options of
//! structs, which show them.
//!
//! The test reads the text of `src`: `pub mod` and `pub use` of the public modules say what is public.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

struct Module {
    file: PathBuf,
    text: String,
}

/// The lines of a file without those that `#[doc(hidden)]` hides.
fn shown(text: &str) -> impl Iterator<Item = &str> {
    let mut is_hidden = false;
    text.lines().filter(move |line| {
        let was_hidden = is_hidden;
        is_hidden = *line == "#[doc(hidden)]" || was_hidden && line.starts_with('#');
        !was_hidden
    })
}

/// The public modules below a file that declares modules.
fn modules(file: PathBuf, found: &mut Vec<Module>) {
    let text = fs::read_to_string(&file).unwrap();
    let folder = match file.file_name().unwrap().to_str().unwrap() {
        "lib.rs" | "mod.rs" => file.parent().unwrap().to_path_buf(),
        _ => file.with_extension(""),
    };
    for line in shown(&text) {
        if let Some(name) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            let file = folder.join(format!("{name}.rs"));
            modules(if file.exists() { file } else { folder.join(name).join("mod.rs") }, found);
        }
    }
    found.push(Module { file, text });
}

/// The names that a module makes public: those of its `pub use` and of its own items.
fn names(module: &Module, names: &mut BTreeSet<String>) {
    for item in module.text.split("\npub use ").skip(1) {
        let item = item.split(';').next().unwrap();
        let list = item.rsplit("::").next().unwrap();
        names.extend(list.trim_matches(['{', '}', ' ', '\n']).split(',').map(|name| name.trim().to_string()));
    }
    names.extend(shown(&module.text).filter_map(item_of).map(String::from));
}

/// The name of the item that a line declares.
fn item_of(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub ")?;
    let rest = rest.strip_prefix("const ").unwrap_or(rest);
    let rest = ["fn ", "trait ", "struct "].iter().find_map(|kind| rest.strip_prefix(kind))?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

/// The items of a file whose documentation shows no example.
fn without_example(text: &str, public: &BTreeSet<String>) -> Vec<String> {
    let (mut found, mut has_example) = (Vec::new(), false);
    for line in text.lines() {
        if let Some(name) = item_of(line)
            && public.contains(name)
            && !has_example
        {
            found.push(name.to_string());
        }
        let is_above_item = line.starts_with("///") || line.starts_with('#');
        has_example = is_above_item && (has_example || line == "/// ```");
    }
    found
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("ffi") {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_public_item_and_module_has_an_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut public = Vec::new();
    modules(root.join("lib.rs"), &mut public);
    assert!(public.len() > 10, "{} public modules", public.len());

    let mut known = BTreeSet::new();
    public.iter().for_each(|module| names(module, &mut known));
    assert!(known.contains("differentiate") && known.contains("VoxelLoss") && known.len() > 60, "{known:?}");

    let (mut all, mut missing) = (Vec::new(), Vec::new());
    files(&root, &mut all);
    for file in all {
        let items = without_example(&fs::read_to_string(&file).unwrap(), &known);
        missing.extend(items.into_iter().map(|item| format!("{item} in {}", file.display())));
    }
    let pages = public.iter().filter(|module| !module.text.contains("//! ```\n"));
    missing.extend(pages.map(|module| format!("the page of {}", module.file.display())));
    assert!(missing.is_empty(), "no example: {missing:#?}");
}

#[test]
fn an_item_without_an_example_is_found() {
    let text =
        "/// A.\n///\n/// ```\n/// a();\n/// ```\n#[inline]\npub fn a() {}\n\n/// B.\npub const fn b() {}\n";
    let known = ["a", "b"].map(String::from).into();
    assert_eq!(without_example(text, &known), ["b"]);
}
