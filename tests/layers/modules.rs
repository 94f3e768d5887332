//! The module tree, and the file that a path resolves to.

use crate::Import;
use crate::tokens::{Contents, Use, read};
use std::collections::{BTreeMap, BTreeSet};

/// A module: its file and its contents.
struct Module {
    file: String,
    contents: Contents,
}

/// All modules by their path below the crate root, whose path is empty.
pub struct Crate {
    modules: BTreeMap<Vec<String>, Module>,
    /// Files that only tests use.
    of_tests: BTreeSet<String>,
}

/// What a path resolves to.
enum Place {
    Module(Vec<String>),
    /// An item, and the file that defines it.
    Item(String),
}

/// Longer chains of re-exports are cyclic.
const MOST_STEPS: usize = 32;

impl Crate {
    pub fn parse(files: &BTreeMap<String, String>) -> Self {
        let mut parsed = Self { modules: BTreeMap::new(), of_tests: BTreeSet::new() };
        parsed.add_file(Vec::new(), "lib.rs", files);
        parsed
    }

    pub fn has_read(&self, file: &str) -> bool {
        self.modules.values().any(|module| module.file == file)
    }

    /// Whether a file belongs to a test module or is below one.
    pub fn is_of_tests(&self, file: &str) -> bool {
        self.of_tests.iter().any(|of| file == format!("{of}.rs") || file.starts_with(&format!("{of}/")))
    }

    fn add_file(&mut self, path: Vec<String>, file: &str, files: &BTreeMap<String, String>) {
        let source = files.get(file).unwrap_or_else(|| panic!("{file} is not there"));
        self.add(path, file, read(source), files);
    }

    fn add(
        &mut self,
        path: Vec<String>,
        file: &str,
        mut contents: Contents,
        files: &BTreeMap<String, String>,
    ) {
        for name in &contents.files {
            let path = joined(&path, name);
            let (plain, folder) = (format!("{}.rs", path.join("/")), format!("{}/mod.rs", path.join("/")));
            self.add_file(path, if files.contains_key(&plain) { &plain } else { &folder }, files);
        }
        self.of_tests.extend(contents.of_tests.iter().map(|name| joined(&path, name).join("/")));
        for (name, inside) in std::mem::take(&mut contents.inline) {
            self.add(joined(&path, &name), file, inside, files);
        }
        self.modules.insert(path, Module { file: file.into(), contents });
    }

    /// Which file imports from which: by `use` and by every path that a module names; a re-export counts where it
    /// is used.
    pub fn imports(&self) -> BTreeSet<Import> {
        let mut found = BTreeSet::new();
        for (path, module) in &self.modules {
            let uses =
                module.contents.uses.iter().filter(|import| !import.is_public).map(|import| &import.path);
            for named in uses.chain(&module.contents.paths) {
                if let Some(Place::Item(file)) = self.resolve(path, named, 0) {
                    found.insert((module.file.clone(), file));
                }
            }
            for name in &module.contents.calls {
                let defines = |other: &&Module| other.contents.macros.contains(name);
                found.extend(
                    self.modules.values().find(defines).map(|to| (module.file.clone(), to.file.clone())),
                );
            }
        }
        found.retain(|(from, to)| from != to);
        found
    }

    /// What a path named in a module resolves to; `None` outside the crate.
    fn resolve(&self, module: &[String], path: &[String], steps: usize) -> Option<Place> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" | "segloss" => self.walk(Vec::new(), rest, steps),
            "self" => self.walk(module.to_vec(), rest, steps),
            "super" => self.walk(module.split_last()?.1.to_vec(), rest, steps),
            "Self" => None,
            _ => self.walk(module.to_vec(), path, steps).filter(|place| match place {
                // The module itself: the name is not an item of it.
                Place::Module(of) => of != module,
                Place::Item(_) => true,
            }),
        }
    }

    fn walk(&self, module: Vec<String>, path: &[String], steps: usize) -> Option<Place> {
        if steps > MOST_STEPS {
            return None;
        }
        let Some((name, rest)) = path.split_first() else { return Some(Place::Module(module)) };
        if name == "super" {
            return self.walk(module.split_last()?.1.to_vec(), rest, steps);
        }
        let within = self.modules.get(&module)?;
        if self.modules.contains_key(&joined(&module, name)) {
            return self.walk(joined(&module, name), rest, steps);
        }
        if within.contents.items.contains(name) {
            return Some(Place::Item(within.file.clone()));
        }
        let behind = |import: &Use, rest: &[String]| {
            let path: Vec<String> = import.path.iter().chain(rest).cloned().collect();
            self.resolve_import(&module, &path, steps + 1)
        };
        if let Some(import) = within.contents.uses.iter().find(|import| import.name == *name) {
            return behind(import, rest);
        }
        let globs = within.contents.uses.iter().filter(|import| import.name == "*");
        globs.filter_map(|import| behind(import, path)).next()
    }

    /// As [`Self::resolve`], but an import does not resolve to itself.
    fn resolve_import(&self, module: &[String], path: &[String], steps: usize) -> Option<Place> {
        let first = path.first()?;
        let is_child = self.modules.contains_key(&joined(module, first));
        if is_child || matches!(first.as_str(), "crate" | "segloss" | "self" | "super") || path.len() > 1 {
            return self.resolve(module, path, steps);
        }
        None
    }
}

fn joined(path: &[String], name: &str) -> Vec<String> {
    path.iter().cloned().chain([name.to_string()]).collect()
}
