//! Layout of generated text: what rustfmt and clang-format leave as it is.

/// The columns of a line of Rust.
pub const RUST_WIDTH: usize = 110;
/// The columns of a line of C and C++.
pub const C_WIDTH: usize = 120;

/// A text in lines of at most `width` columns; lines after the first start with `indent`. A comparison is not split.
pub fn wrap(text: &str, width: usize, indent: &str) -> Vec<String> {
    const NO_BREAK: &str = "\u{a0}";
    let text = text.replace(">= ", ">=\u{a0}").replace("> ", ">\u{a0}");
    let words = text.trim_start();
    let mut lines = vec![" ".repeat(text.len() - words.len())];
    for word in words.split(' ') {
        let word = word.replace(NO_BREAK, " ");
        let line = lines.last_mut().unwrap();
        if line.trim().is_empty() {
            line.push_str(&word);
        } else if line.len() + 1 + word.len() <= width {
            line.push(' ');
            line.push_str(&word);
        } else {
            lines.push(format!("{indent}{word}"));
        }
    }
    lines
}

/// `open item, item close` on one line, or one item a line where that is wider than rustfmt allows. `indent` is that of
/// the line, `before` the number of columns before `open`, and `after` of those behind `close`.
pub fn braced(open: &str, items: &[String], indent: usize, before: usize, after: usize) -> String {
    let line = format!("{open} {{ {} }}", items.join(", "));
    if before + line.len() + after <= RUST_WIDTH && !line.contains('\n') {
        return line;
    }
    let inner = " ".repeat(indent + 4);
    let lines: String = items.iter().map(|item| format!("{inner}{item},\n")).collect();
    format!("{open} {{\n{lines}{}}}", " ".repeat(indent))
}

/// Lines of code with their comments, which may be empty; comments of consecutive lines start in the same column.
pub fn with_comments(lines: &[(String, String)]) -> String {
    let mut text = String::new();
    for run in lines.chunk_by(|a, b| a.1.is_empty() == b.1.is_empty()) {
        let width = run.iter().map(|(code, _)| code.len()).max().unwrap_or(0);
        for (code, comment) in run {
            match comment.as_str() {
                "" => text += &format!("{code}\n"),
                comment => text += &format!("{code:width$}  // {comment}\n"),
            }
        }
    }
    text
}

/// `InverseSquare` from `inverse_square`.
pub fn camel(name: &str) -> String {
    name.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

/// `a, b or c`.
pub fn alternatives(names: &[&str]) -> String {
    match names {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// Replaces what lies between two texts, each of which occurs once.
pub fn replace_between(text: &str, start: &str, end: &str, with: &str) -> String {
    let (before, rest) = text.split_once(start).unwrap_or_else(|| panic!("there is no {start:?}"));
    let (_, after) = rest.split_once(end).unwrap_or_else(|| panic!("there is no {end:?} after {start:?}"));
    format!("{before}{start}{with}{end}{after}")
}

#[test]
fn code_is_laid_out_as_the_formatters_do() {
    assert_eq!(wrap("one two three", 7, "  "), ["one two", "  three"]);
    assert_eq!(wrap("  finite, >= 0", 10, ""), ["  finite,", ">= 0"]);
    let items: Vec<String> = ["a: 1", "b: 2"].map(String::from).into();
    assert_eq!(braced("A", &items, 4, 10, 1), "A { a: 1, b: 2 }");
    assert_eq!(braced("A", &items, 4, 100, 1), "A {\n        a: 1,\n        b: 2,\n    }");
    let lines = [("int a;", "one"), ("double b;", "two"), ("int c;", ""), ("int d;", "four")];
    let lines = lines.map(|(code, comment)| (code.into(), comment.into()));
    assert_eq!(with_comments(&lines), "int a;     // one\ndouble b;  // two\nint c;\nint d;  // four\n");
    assert_eq!(camel("inverse_square"), "InverseSquare");
    assert_eq!(alternatives(&["a", "b", "c"]), "a, b or c");
    assert_eq!(replace_between("a [old] b", "[", "]", "new"), "a [new] b");
}
