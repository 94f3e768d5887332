//! The worked example of `CONTRIBUTING.md` adds a loss to a copy of the tree, which then compiles and obeys the laws.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Files of recorded numbers, whose changes the page does not show.
const RECORDED: [&str; 2] = ["tests/golden/golden.json", "tests/c/digest.c"];

/// A block of code of the page.
struct Block {
    path: String,
    change: Change,
}

enum Change {
    NewFile(String),
    /// Texts and what replaces them.
    Edits(Vec<(String, String)>),
}

/// The section of the page.
fn section() -> String {
    let page = fs::read_to_string(format!("{ROOT}/CONTRIBUTING.md")).unwrap();
    let section = page.split("\n## ").find(|section| section.starts_with("Adding a loss\n"));
    section.expect("a section on adding a loss").to_string()
}

/// The blocks of the section. The sentence before each ends with its path in backquotes and a colon.
fn blocks() -> Vec<Block> {
    let section = section();
    // Text and code alternate; a fence within code does not start a line.
    let parts: Vec<&str> = section.split("\n```").collect();
    let block = |pair: &[&str]| -> Block {
        let (language, code) = pair[1].split_once('\n').expect("a language");
        let path = pair[0].strip_suffix("`:\n").and_then(|text| text.rsplit('`').next());
        let path = path.unwrap_or_else(|| panic!("no path before the block\n{code}")).to_string();
        let code = format!("{code}\n");
        let change = match language {
            "rust" => Change::NewFile(code),
            "diff" => Change::Edits(code.split("@@\n").map(edit).collect()),
            other => panic!("{path}: a block of {other}"),
        };
        Block { path, change }
    };
    parts.chunks_exact(2).map(block).collect()
}

/// The old and the new text of one place.
fn edit(lines: &str) -> (String, String) {
    let (mut old, mut new) = (String::new(), String::new());
    for line in lines.lines() {
        let (mark, text) = line.split_at_checked(1).unwrap_or((" ", ""));
        assert!([" ", "+", "-"].contains(&mark), "a line of changes starts with {mark:?}: {line}");
        if mark != "+" {
            old += &format!("{text}\n");
        }
        if mark != "-" {
            new += &format!("{text}\n");
        }
    }
    (old, new)
}

/// The generated files that the page names.
fn generated() -> BTreeSet<String> {
    let section = section();
    let start = "then writes what follows from the row: ";
    let list = section.split_once(start).expect("the generated files").1.split(". ").next().unwrap();
    list.split('`').skip(1).step_by(2).map(String::from).collect()
}

impl Block {
    /// The file with the change of the block. Each changed place is there once.
    fn applied_to(&self, file: Option<String>) -> String {
        let path = &self.path;
        match (&self.change, file) {
            (Change::NewFile(code), None) => code.clone(),
            (Change::Edits(edits), Some(file)) => {
                let changed = edits.iter().fold(format!("\n{file}"), |text, (old, new)| {
                    let old = format!("\n{old}");
                    let places = text.matches(&old).count();
                    assert_eq!(places, 1, "{path}: the file has {places} times what the page changes:{old}");
                    text.replace(&old, &format!("\n{new}"))
                });
                changed[1..].to_string()
            }
            (Change::NewFile(_), Some(_)) => panic!("{path} exists"),
            (Change::Edits(_), None) => panic!("{path} does not exist"),
        }
    }
}

/// The files of the working tree that git does not ignore.
fn files() -> Vec<String> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(ROOT);
    let output = git.output().expect("git");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).unwrap();
    // A file that is deleted but not yet committed is listed.
    listed
        .split_terminator('\0')
        .filter(|file| Path::new(ROOT).join(file).is_file())
        .map(String::from)
        .collect()
}

/// A new copy of the tree. The copy before it leaves its `target`.
fn copy_tree() -> PathBuf {
    let tree = Path::new(env!("CARGO_TARGET_TMPDIR")).join("contributing/tree");
    let _ = fs::remove_dir_all(&tree);
    for file in files() {
        let to = tree.join(&file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(Path::new(ROOT).join(&file), to).unwrap();
    }
    tree
}

/// Runs cargo in the copy and returns its output.
#[track_caller]
fn cargo(tree: &Path, arguments: &[&str], update: bool) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(tree).args(arguments).env("CARGO_TARGET_DIR", tree.with_file_name("target"));
    // Fewer minutes of compiling for laws that run once.
    cargo.env("CARGO_PROFILE_TEST_OPT_LEVEL", "1").env("CARGO_PROFILE_TEST_DEBUG", "false");
    if update {
        cargo.env("SEGLOSS_UPDATE", "1");
    }
    let output = cargo.output().expect("cargo");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {}\n{text}", arguments.join(" "));
    text.into_owned()
}

#[test]
fn changes_of_the_page_fit_the_tree() {
    let mut by_hand: BTreeSet<String> = RECORDED.map(String::from).into();
    for block in blocks() {
        block.applied_to(fs::read_to_string(format!("{ROOT}/{}", block.path)).ok());
        by_hand.insert(block.path);
    }
    let said =
        format!("{} files by hand, one of them new, and {} generated ones", by_hand.len(), generated().len());
    assert!(section().replace('\n', " ").contains(&said), "CONTRIBUTING.md does not say: {said}");
}

#[test]
#[ignore = "minutes of compiling: .ci/nightly runs it"]
fn example_of_the_page_obeys_the_laws() {
    let tree = copy_tree();
    let mut expected = generated();
    for block in blocks() {
        let path = tree.join(&block.path);
        fs::write(&path, block.applied_to(fs::read_to_string(&path).ok())).unwrap();
        expected.insert(block.path);
    }
    cargo(&tree, &["test", "--test", "generated"], true);
    let is_changed =
        |file: &String| fs::read(tree.join(file)).ok() != fs::read(format!("{ROOT}/{file}")).ok();
    let is_new = |file: &&String| !Path::new(ROOT).join(file).exists();
    let new = expected.iter().filter(is_new).cloned();
    let changed: BTreeSet<String> = files().into_iter().filter(is_changed).chain(new).collect();
    assert_eq!(changed, expected, "files that were changed, and files that CONTRIBUTING.md names");

    cargo(&tree, &["fmt", "--check"], false);
    let unit = cargo(&tree, &["test", "--lib", "log_cosh_dice"], false);
    assert!(unit.contains("2 passed"), "{unit}");
    let laws =
        ["values::", "gradients::", "precision::", "scaled_sums::", "ranges::", "extreme_predictions::"];
    cargo(&tree, &[&["test", "--test", "laws", "--"], &laws[..]].concat(), false);
    // Not the golden values and the digest, which are recorded.
    let programs = ["c_refuses", "c_computes_every", "defaults_of", "c_scratch", "shared_library"];
    cargo(&tree, &[&["test", "--test", "c", "--"], &programs[..]].concat(), false);
}
