//! What a path of a `pub use` names.

use crate::modules::{Module, imports};
use syn::Item;

pub enum Named<'a> {
    Item(&'a Item),
    /// The path of the module from the root of the crate.
    Module(Vec<String>),
    /// An item of another crate.
    External,
}

pub fn module<'a>(root: &'a Module, path: &[String]) -> Option<&'a Module> {
    path.iter().try_fold(root, |module, name| module.children.get(name))
}

/// What `path` names when it is written in the module `from`.
pub fn resolve<'a>(root: &'a Module, from: &[String], path: &[String]) -> Named<'a> {
    let mut place = from.to_vec();
    let mut names = path;
    while let [first, rest @ ..] = names {
        match first.as_str() {
            "crate" => place.clear(),
            "self" => {}
            "super" => drop(place.pop()),
            _ => break,
        }
        names = rest;
    }
    let Some((last, parents)) = names.split_last() else { return Named::Module(place) };
    place.extend_from_slice(parents);
    let Some(found) = module(root, &place) else {
        assert!(names.len() == path.len(), "no module {}", place.join("::"));
        return Named::External;
    };
    if found.children.contains_key(last) {
        place.push(last.clone());
        return Named::Module(place);
    }
    if let Some(item) = found.items.iter().find(|item| name_of(item).is_some_and(|name| name == *last)) {
        return Named::Item(item);
    }
    let uses =
        found.items.iter().filter_map(|item| if let Item::Use(import) = item { Some(import) } else { None });
    for import in uses.flat_map(|import| imports(&import.tree)).filter(|import| import.name == *last) {
        if import.path != path {
            return resolve(root, &place, &import.path);
        }
    }
    assert!(path.len() == 1, "nothing is named {}", path.join("::"));
    Named::External
}

/// The name of an item that can be named by a path, modules apart.
pub fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}
