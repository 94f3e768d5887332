//! Prints the public items of the crate, one a line, sorted: `rust-api src/lib.rs`.
//!
//! It reads the source: public modules, what they re-export, methods and implemented traits. Like the documentation it
//! leaves out what is `#[doc(hidden)]`. It does not see implementations that a macro writes.

mod declaration;
mod modules;
mod resolve;

use declaration::{declaration, derived, implementation, is_public};
use modules::{Module, imports};
use resolve::{Named, module, name_of, resolve};
use std::collections::BTreeSet;
use std::path::Path;
use syn::{Item, Type};

struct Listing<'a> {
    root: &'a Module,
    lines: BTreeSet<String>,
    /// Names of the public types and traits; no two types of the crate share a name.
    names: BTreeSet<String>,
}

impl<'a> Listing<'a> {
    /// Lists the module at `path` under its public name.
    fn module(&mut self, path: &[String], public: &str) {
        self.lines.insert(format!("mod {public}"));
        for item in &module(self.root, path).expect("a module").items {
            match item {
                Item::Mod(item) if is_public(&item.vis, &item.attrs) => {
                    let name = item.ident.to_string();
                    self.module(&[path, std::slice::from_ref(&name)].concat(), &format!("{public}::{name}"));
                }
                Item::Use(item) if is_public(&item.vis, &item.attrs) => {
                    for import in imports(&item.tree) {
                        match resolve(self.root, path, &import.path) {
                            Named::Item(item) => self.item(item, public, &import.name),
                            Named::Module(inner) => {
                                self.module(&inner, &format!("{public}::{}", import.name))
                            }
                            Named::External => {
                                self.lines.insert(format!("{public}: use {}", import.path.join("::")));
                            }
                        }
                    }
                }
                Item::Const(syn::ItemConst { vis, attrs, .. })
                | Item::Enum(syn::ItemEnum { vis, attrs, .. })
                | Item::Fn(syn::ItemFn { vis, attrs, .. })
                | Item::Static(syn::ItemStatic { vis, attrs, .. })
                | Item::Struct(syn::ItemStruct { vis, attrs, .. })
                | Item::Trait(syn::ItemTrait { vis, attrs, .. })
                | Item::Type(syn::ItemType { vis, attrs, .. })
                    if is_public(vis, attrs) =>
                {
                    self.item(item, public, &name_of(item).expect("a name"));
                }
                _ => {}
            }
        }
    }

    fn item(&mut self, item: &Item, public: &str, name: &str) {
        assert_eq!(name_of(item).as_deref(), Some(name), "a renamed item, which this program does not list");
        self.names.insert(name.to_string());
        self.lines.extend(derived(item));
        self.lines.extend(declaration(item).into_iter().map(|line| format!("{public}: {line}")));
    }

    /// Lists methods and implemented traits of the public types, and public traits of types of other crates.
    fn implementations(&mut self) {
        let mut own = BTreeSet::new();
        self.root.for_each(&mut |module| own.extend(module.items.iter().filter_map(name_of)));
        let is_shown = |name: &String| self.names.contains(name) || !own.contains(name);
        let mut found = Vec::new();
        self.root.for_each(&mut |module| {
            for item in &module.items {
                let Item::Impl(item) = item else { continue };
                let type_is_shown = name_of_type(&item.self_ty).is_none_or(|name| is_shown(&name));
                let trait_is_shown = item.trait_.as_ref().is_none_or(|(_, path, _)| {
                    is_shown(&path.segments.last().expect("a name").ident.to_string())
                });
                if type_is_shown && trait_is_shown && !modules::is_hidden(&item.attrs) {
                    found.extend(implementation(item));
                }
            }
        });
        self.lines.extend(found);
    }
}

fn name_of_type(kind: &Type) -> Option<String> {
    match kind {
        Type::Path(path) => Some(path.path.segments.last()?.ident.to_string()),
        Type::Reference(reference) => name_of_type(&reference.elem),
        _ => None,
    }
}

fn main() {
    let file = std::env::args().nth(1).expect("the file of the crate's root");
    let root = Module::root(Path::new(&file));
    let mut listing = Listing { root: &root, lines: BTreeSet::new(), names: BTreeSet::new() };
    listing.module(&[], "segloss");
    listing.implementations();
    for line in &listing.lines {
        println!("{line}");
    }
}
