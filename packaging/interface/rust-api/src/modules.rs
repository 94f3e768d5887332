//! The module tree of a crate, parsed from its files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use syn::{Attribute, Item, Meta, UseTree};

pub struct Module {
    pub items: Vec<Item>,
    pub children: BTreeMap<String, Module>,
}

impl Module {
    /// The crate whose root is the file.
    pub fn root(file: &Path) -> Self {
        Self::new(parse(file), file.parent().unwrap().to_path_buf())
    }

    /// `folder` holds the files of the child modules.
    fn new(items: Vec<Item>, folder: PathBuf) -> Self {
        let mut children = BTreeMap::new();
        for item in &items {
            let Item::Mod(module) = item else { continue };
            if is_for_tests(&module.attrs) {
                continue;
            }
            let name = module.ident.to_string();
            let inner = folder.join(&name);
            let child = match &module.content {
                Some((_, items)) => Self::new(items.clone(), inner),
                None => {
                    let file = folder.join(format!("{name}.rs"));
                    let file = if file.exists() { file } else { inner.join("mod.rs") };
                    Self::new(parse(&file), inner)
                }
            };
            children.insert(name, child);
        }
        Self { items, children }
    }

    /// Calls `visit` on every module of the tree.
    pub fn for_each<'a>(&'a self, visit: &mut impl FnMut(&'a Module)) {
        visit(self);
        self.children.values().for_each(|child| child.for_each(visit));
    }
}

fn parse(file: &Path) -> Vec<Item> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display())).items
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            condition == "test" || condition == "segloss_test"
        }
        _ => false,
    })
}

/// Whether `#[doc(hidden)]` is among the attributes.
pub fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("doc") && list.tokens.to_string() == "hidden",
        _ => false,
    })
}

/// One name that a `use` brings in: the path to it, and the name it has here.
pub struct Imported {
    pub path: Vec<String>,
    pub name: String,
}

pub fn imports(tree: &UseTree) -> Vec<Imported> {
    match tree {
        UseTree::Path(path) => {
            let mut found = imports(&path.tree);
            found.iter_mut().for_each(|import| import.path.insert(0, path.ident.to_string()));
            found
        }
        UseTree::Name(name) => {
            vec![Imported { path: vec![name.ident.to_string()], name: name.ident.to_string() }]
        }
        UseTree::Rename(rename) => {
            vec![Imported { path: vec![rename.ident.to_string()], name: rename.rename.to_string() }]
        }
        UseTree::Group(group) => group.items.iter().flat_map(imports).collect(),
        UseTree::Glob(_) => panic!("a glob of public names, which this program does not resolve"),
    }
}
