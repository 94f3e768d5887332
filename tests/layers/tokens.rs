//! Parses a source: the items it defines, its modules, its imports and the paths that it names.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

/// `use path as name`; `*` for a glob.
#[derive(Debug)]
pub struct Use {
    pub path: Vec<String>,
    pub name: String,
    pub is_public: bool,
}

#[derive(Debug, Default)]
pub struct Contents {
    /// Names of functions, types, traits, constants.
    pub items: Vec<String>,
    pub macros: Vec<String>,
    /// `mod name;`
    pub files: Vec<String>,
    /// `mod name { … }`
    pub inline: Vec<(String, Contents)>,
    pub uses: Vec<Use>,
    /// All other paths, including single names.
    pub paths: Vec<Vec<String>>,
    /// `name!`
    pub calls: Vec<String>,
    /// `mod name;` under `cfg(test)`.
    pub of_tests: Vec<String>,
}

pub fn read(source: &str) -> Contents {
    let mut contents = Contents::default();
    let tokens: TokenStream = source.parse().expect("Rust");
    walk(&trees(tokens), &mut contents, true);
    contents
}

fn trees(tokens: TokenStream) -> Vec<TokenTree> {
    tokens.into_iter().collect()
}

fn word(tree: Option<&TokenTree>) -> Option<String> {
    match tree {
        Some(TokenTree::Ident(ident)) => Some(plain(ident)),
        _ => None,
    }
}

fn plain(ident: &Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_string()
}

fn is(tree: Option<&TokenTree>, sign: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

fn group(tree: Option<&TokenTree>, delimiter: Delimiter) -> Option<Vec<TokenTree>> {
    match tree {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(trees(group.stream())),
        _ => None,
    }
}

/// Whether an attribute restricts an item to tests: `cfg(test)` or `cfg(all(test, …))`.
fn is_of_tests(attribute: &[TokenTree]) -> bool {
    let Some(of) = group(attribute.get(1), Delimiter::Parenthesis) else { return false };
    if word(attribute.first()).as_deref() != Some("cfg") {
        return false;
    }
    match word(of.first()).as_deref() {
        Some("test") => of.len() == 1,
        Some("all") => group(of.get(1), Delimiter::Parenthesis)
            .is_some_and(|all| all.iter().any(|tree| word(Some(tree)).as_deref() == Some("test"))),
        _ => false,
    }
}

/// The end of the item that begins at `at`: after its `;` or its braces.
fn end_of_item(trees: &[TokenTree], at: usize) -> usize {
    let is_use = trees[at..].iter().take(4).any(|tree| word(Some(tree)).as_deref() == Some("use"));
    let ends =
        |tree: &TokenTree| is(Some(tree), ';') || !is_use && group(Some(tree), Delimiter::Brace).is_some();
    trees[at..].iter().position(ends).map_or(trees.len(), |found| at + found + 1)
}

/// Reads a sequence of token trees; `is_module` if it is the body of a module, whose items can be imported.
fn walk(trees: &[TokenTree], contents: &mut Contents, is_module: bool) {
    let mut at = 0;
    while at < trees.len() {
        let next = |by: usize| trees.get(at + by);
        if is(next(0), '#') {
            // #[…] and #![…]
            let bang = usize::from(is(next(1), '!'));
            if let Some(attribute) = group(next(1 + bang), Delimiter::Bracket) {
                at += 2 + bang;
                if bang == 0 && is_of_tests(&attribute) {
                    // Further attributes belong to the same item.
                    while is(trees.get(at), '#') {
                        at += 2;
                    }
                    let end = end_of_item(trees, at);
                    if word(trees.get(at)).as_deref() == Some("mod") && is(trees.get(at + 2), ';') {
                        contents.of_tests.extend(word(trees.get(at + 1)));
                    }
                    at = end;
                }
                continue;
            }
        }
        match next(0) {
            Some(TokenTree::Group(of)) => {
                walk(&self::trees(of.stream()), contents, false);
                at += 1;
            }
            Some(TokenTree::Ident(ident)) => at += read_word(trees, at, &plain(ident), contents, is_module),
            _ => at += 1,
        }
    }
}

/// Reads the item or path that begins with a word; returns its number of trees.
fn read_word(
    trees: &[TokenTree],
    at: usize,
    keyword: &str,
    contents: &mut Contents,
    is_module: bool,
) -> usize {
    let next = |by: usize| trees.get(at + by);
    match keyword {
        "use" if !is(at.checked_sub(1).and_then(|at| trees.get(at)), '.') => {
            let end = end_of_item(trees, at);
            read_use(&trees[at + 1..end - 1], &mut Vec::new(), is_public(trees, at), contents);
            end - at
        }
        "mod" => {
            let name = word(next(1)).expect("a module has a name");
            match group(next(2), Delimiter::Brace) {
                Some(body) => {
                    let mut inside = Contents::default();
                    walk(&body, &mut inside, true);
                    contents.inline.push((name, inside));
                }
                None => contents.files.push(name),
            }
            3
        }
        "macro_rules" => {
            contents.macros.extend(word(next(2)));
            3
        }
        "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static" if is_module => {
            // `const fn`, `static mut`, `*const T`
            match word(next(1)).as_deref() {
                Some("fn" | "unsafe" | "extern" | "mut") | None => 1,
                Some(name) => {
                    contents.items.push(name.to_string());
                    2
                }
            }
        }
        _ if is(next(1), '!') => {
            contents.calls.push(keyword.to_string());
            2
        }
        _ => {
            let mut path = vec![keyword.to_string()];
            let mut length = 1;
            while is(next(length), ':') && is(next(length + 1), ':') {
                let Some(name) = word(next(length + 2)) else { break };
                path.push(name);
                length += 3;
            }
            // A field, a method or a name after `<T as …>::` is not a name of a module.
            if !is(at.checked_sub(1).and_then(|at| trees.get(at)), '.') {
                contents.paths.push(path);
            }
            length
        }
    }
}

/// Whether `pub` or `pub(…)` precedes.
fn is_public(trees: &[TokenTree], at: usize) -> bool {
    let before = |by: usize| at.checked_sub(by).and_then(|at| trees.get(at));
    let says = |tree| word(tree).as_deref() == Some("pub");
    says(before(1)) || group(before(1), Delimiter::Parenthesis).is_some() && says(before(2))
}

/// `a::{b, c as d, e::*}`
fn read_use(trees: &[TokenTree], prefix: &mut Vec<String>, is_public: bool, contents: &mut Contents) {
    let depth = prefix.len();
    let mut at = 0;
    while at < trees.len() {
        if is(trees.get(at), ',') {
            prefix.truncate(depth);
        } else if is(trees.get(at), '*') {
            contents.uses.push(Use { path: prefix.clone(), name: "*".into(), is_public });
        } else if let Some(inside) = group(trees.get(at), Delimiter::Brace) {
            read_use(&inside, prefix, is_public, contents);
        } else if let Some(name) = word(trees.get(at)) {
            prefix.push(name.clone());
            let goes_on = is(trees.get(at + 1), ':');
            if !goes_on {
                let mut path = prefix.clone();
                if name == "self" {
                    path.pop();
                }
                let last = path.last().cloned().unwrap_or_default();
                let (name, words) = match word(trees.get(at + 1)) {
                    Some(_) => (word(trees.get(at + 2)).unwrap_or_else(|| "_".into()), 2),
                    None => (last, 0),
                };
                contents.uses.push(Use { path, name, is_public });
                at += words;
            }
        }
        at += 1;
    }
    prefix.truncate(depth);
}
