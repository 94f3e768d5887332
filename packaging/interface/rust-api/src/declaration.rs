//! An item as lines: its declaration without documentation, bodies and private parts.
//!
//! A line of one version that the next does not have breaks some program. So what a program names in full is one line:
//! a struct whose fields are all public, an exhaustive enum, the required items of a trait. What may be added to is a
//! line for each part: fields of other structs, variants of a `#[non_exhaustive]` enum, provided items of a trait.

use crate::modules::is_hidden;
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Expr, Field, Fields, FnArg, ImplItem, Item, ItemEnum, ItemImpl, ItemStruct, ItemTrait, Path,
    Signature, Token, TraitItem, Visibility, parse_quote,
};

pub fn declaration(item: &Item) -> Vec<String> {
    match item.clone() {
        Item::Struct(item) => of_struct(item),
        Item::Enum(item) => of_enum(item),
        Item::Trait(item) => of_trait(item),
        Item::Fn(mut item) => {
            keep(&mut item.attrs);
            without_names(&mut item.sig);
            item.block = parse_quote!({});
            vec![line(Item::Fn(item))]
        }
        Item::Const(mut item) => {
            keep(&mut item.attrs);
            vec![line(Item::Const(item))]
        }
        Item::Type(mut item) => {
            keep(&mut item.attrs);
            vec![line(Item::Type(item))]
        }
        other => panic!("a public item of a kind that this program does not know: {}", line(other)),
    }
}

/// The traits that a struct or an enum derives.
pub fn derived(item: &Item) -> Vec<String> {
    let (attributes, name) = match item {
        Item::Struct(item) => (&item.attrs, &item.ident),
        Item::Enum(item) => (&item.attrs, &item.ident),
        _ => return Vec::new(),
    };
    let lists = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    let traits = lists.flat_map(|list| {
        list.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated).expect("a list of traits")
    });
    traits.map(|path| format!("derive {} for {name}", path.segments.last().expect("a name").ident)).collect()
}

/// The public methods and constants of an `impl` without a trait, or the head of one with a trait.
pub fn implementation(item: &ItemImpl) -> Vec<String> {
    let mut head = item.clone();
    keep(&mut head.attrs);
    head.items.clear();
    if item.trait_.is_some() {
        return vec![line(Item::Impl(head))];
    }
    let one = |item: ImplItem| {
        let mut head = head.clone();
        head.items.push(item);
        line(Item::Impl(head))
    };
    let mut found = Vec::new();
    for item in &item.items {
        match item.clone() {
            ImplItem::Fn(mut method) if is_public(&method.vis, &method.attrs) => {
                keep(&mut method.attrs);
                without_names(&mut method.sig);
                method.block = parse_quote!({});
                found.push(one(ImplItem::Fn(method)));
            }
            ImplItem::Const(mut constant) if is_public(&constant.vis, &constant.attrs) => {
                keep(&mut constant.attrs);
                constant.expr = unknown();
                found.push(one(ImplItem::Const(constant)));
            }
            _ => {}
        }
    }
    found
}

pub fn is_public(visibility: &Visibility, attributes: &[Attribute]) -> bool {
    matches!(visibility, Visibility::Public(_)) && !is_hidden(attributes)
}

/// The item on one line.
fn line(item: Item) -> String {
    let file = syn::File { shebang: None, attrs: Vec::new(), items: vec![item] };
    let text = prettyplease::unparse(&file).split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace("( ", "(").replace(", )", ")")
}

/// Leaves the attributes that a user's program depends on.
fn keep(attributes: &mut Vec<Attribute>) {
    attributes
        .retain(|attribute| attribute.path().is_ident("cfg") || attribute.path().is_ident("non_exhaustive"));
}

fn is_non_exhaustive(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("non_exhaustive"))
}

/// Names of parameters are not part of the interface.
fn without_names(signature: &mut Signature) {
    for input in &mut signature.inputs {
        if let FnArg::Typed(input) = input {
            *input.pat = parse_quote!(_);
        }
    }
}

/// In place of the value of a constant.
fn unknown() -> Expr {
    parse_quote!(_)
}

fn of_struct(mut item: ItemStruct) -> Vec<String> {
    let is_public_field = |field: &Field| is_public(&field.vis, &field.attrs);
    let grows = is_non_exhaustive(&item.attrs) || !item.fields.iter().all(is_public_field);
    keep(&mut item.attrs);
    let fields: Vec<Field> = item.fields.iter().filter(|field| is_public_field(field)).cloned().collect();
    item.fields.iter_mut().for_each(|field| field.attrs.clear());
    if !grows {
        return vec![line(Item::Struct(item))];
    }
    assert!(
        fields.is_empty() || matches!(item.fields, Fields::Named(_)),
        "a tuple struct with private fields"
    );
    item.fields = Fields::Named(parse_quote!({}));
    item.semi_token = None;
    let mut found = vec![line(Item::Struct(item.clone()))];
    for mut field in fields {
        field.attrs.clear();
        item.fields = Fields::Named(parse_quote!({ #field }));
        found.push(line(Item::Struct(item.clone())));
    }
    found
}

fn of_enum(mut item: ItemEnum) -> Vec<String> {
    let grows = is_non_exhaustive(&item.attrs);
    keep(&mut item.attrs);
    for variant in &mut item.variants {
        keep(&mut variant.attrs);
        variant.fields.iter_mut().for_each(|field| field.attrs.clear());
    }
    let variants = if grows { std::mem::take(&mut item.variants) } else { Punctuated::new() };
    let mut found = vec![line(Item::Enum(item.clone()))];
    for variant in variants {
        item.variants = std::iter::once(variant).collect();
        found.push(line(Item::Enum(item.clone())));
    }
    found
}

fn of_trait(mut item: ItemTrait) -> Vec<String> {
    keep(&mut item.attrs);
    let (mut required, mut provided) = (Vec::new(), Vec::new());
    for mut part in std::mem::take(&mut item.items) {
        let (attributes, is_provided) = match &mut part {
            TraitItem::Fn(method) => {
                without_names(&mut method.sig);
                let is_provided = method.default.is_some();
                method.default = is_provided.then(|| parse_quote!({}));
                (&mut method.attrs, is_provided)
            }
            TraitItem::Const(constant) => {
                let is_provided = constant.default.is_some();
                if let Some((_, value)) = &mut constant.default {
                    *value = unknown();
                }
                (&mut constant.attrs, is_provided)
            }
            TraitItem::Type(kind) => (&mut kind.attrs, false),
            _ => panic!("{}: an item that this program does not know", item.ident),
        };
        let is_shown = !is_hidden(attributes);
        keep(attributes);
        if is_shown {
            if is_provided { &mut provided } else { &mut required }.push(part);
        }
    }
    item.items = required;
    let mut found = vec![line(Item::Trait(item.clone()))];
    for part in provided {
        item.items = vec![part];
        found.push(line(Item::Trait(item.clone())));
    }
    found
}
