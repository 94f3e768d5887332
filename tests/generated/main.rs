//! Files that are generated from `src/table` and `src/ffi` equal the committed ones.
//!
//! `SEGLOSS_UPDATE=1 cargo test --test generated` writes them anew.

mod c;
mod cpp;
mod documents;
mod header;
mod javascript;
mod laws;
mod python;
mod readme;
mod row;
mod rust;
mod text;

use std::fs;
use std::path::Path;

/// A generated file, or the part of a file between two lines.
struct Generated {
    path: &'static str,
    /// Ends of the generated part; empty for a whole file.
    between: (&'static str, &'static str),
    text: String,
}

impl Generated {
    fn file(path: &'static str, text: String) -> Self {
        Self { path, between: ("", ""), text }
    }

    fn part(path: &'static str, start: &'static str, end: &'static str, text: String) -> Self {
        Self { path, between: (start, end), text }
    }

    /// Writes the file, or describes how it differs.
    fn difference(&self, root: &Path, is_update: bool) -> Option<String> {
        let Self { path, between: (start, end), text } = self;
        let committed = fs::read_to_string(root.join(path)).unwrap_or_default();
        let made = match start.is_empty() {
            true => text.clone(),
            false => text::replace_between(&committed, start, end, text),
        };
        if committed == made {
            return None;
        }
        if is_update {
            fs::write(root.join(path), &made).unwrap();
            return None;
        }
        let line =
            made.lines().zip(committed.lines()).take_while(|(made, committed)| made == committed).count();
        let of = |text: &str| text.lines().nth(line).unwrap_or("the end of the file").to_string();
        Some(format!("{path}, line {}:\n  generated {}\n  committed {}", line + 1, of(&made), of(&committed)))
    }
}

#[test]
fn generated_files_are_current() {
    const IN_CPP: (&str, &str) = (
        "// Generated from src/table, down to CustomRegion: SEGLOSS_UPDATE=1 cargo test --test generated.\n\n",
        "\n// A region loss of the caller:",
    );
    const IN_PYTHON: (&str, &str) = (
        "# Generated from src/table: SEGLOSS_UPDATE=1 cargo test --test generated.\nPARAMETERS = {\n",
        "}\n",
    );
    const IN_RANGES: (&str, &str) = (
        "    // Generated from src/table: SEGLOSS_UPDATE=1 cargo test --test generated.\n    \
         let mut all: Vec<Parameter> = parameters! {\n",
        "    };\n",
    );
    const IN_README: (&str, &str) = ("| family | losses |\n| --- | --- |\n", "\nRegion losses average");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_update = std::env::var_os("SEGLOSS_UPDATE").is_some();
    let check = |generated: Generated| generated.difference(root, is_update);
    let of_table = [
        Generated::file("src/ffi/losses/generated.rs", rust::getters()),
        Generated::file("src/ffi/lists.rs", rust::lists()),
        Generated::part("include/segloss/losses.hpp", IN_CPP.0, IN_CPP.1, cpp::losses()),
        Generated::file("tests/c/table.h", c::table()),
        Generated::part("examples/libtorch/segloss_op.py", IN_PYTHON.0, IN_PYTHON.1, python::parameters()),
        Generated::part("tests/ranges.rs", IN_RANGES.0, IN_RANGES.1, laws::ranges()),
        Generated::file("bindings/wasm/src/losses.js", javascript::table()),
        Generated::file("bindings/wasm/src/losses.d.ts", javascript::types()),
        Generated::part("README.md", IN_README.0, IN_README.1, readme::rows()),
    ];
    let mut stale: Vec<String> = of_table.into_iter().filter_map(check).collect();
    // The header is made from the getters, which are current now if this is an update.
    let header = header::header(root);
    let symbols = c::symbols(&header);
    stale.extend(check(Generated::file("include/segloss.h", header)));
    stale.extend(check(Generated::file("tests/c/symbols.txt", symbols)));
    assert!(
        stale.is_empty(),
        "not current: run `SEGLOSS_UPDATE=1 cargo test --test generated`\n{}",
        stale.join("\n")
    );
}
