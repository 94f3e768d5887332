//! Figures and programs in the documentation equal their sources.

use std::fs;
use std::path::Path;

/// Bounds of the stack, in KiB: `tests/c/stack.c` tests them, `docs/embedded.md` states them.
#[test]
fn documented_stack_bounds_equal_those_of_the_c_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(root.join(file)).unwrap();
    let test = read("tests/c/stack.c");
    let bounds = |name: &str| -> [u32; 2] {
        let at = test.find(&format!("#define {name} BOUND(")).expect("a bound");
        let numbers = test[at..].split(['(', ')']).nth(1).unwrap();
        let numbers: Vec<u32> =
            numbers.split(", ").map(|number| number.trim_end_matches('u').parse().unwrap()).collect();
        numbers.try_into().unwrap()
    };
    let ([run, wide_run], [distance, wide_distance]) = (bounds("RUN"), bounds("DISTANCE"));
    let said = format!(
        "Stack: at most {run} KiB for `segloss_run` and {distance} KiB for `segloss_distance` on 32-bit cores, \
         {wide_run} and {wide_distance} on 64-bit ones"
    );
    let page = "docs/embedded.md";
    assert!(read(page).replace('\n', " ").contains(&said), "{page} does not say: {said}");
}

/// The bound of scratch on 32-bit cores, of which `docs/embedded.md` states the parts.
#[test]
fn documented_scratch_of_small_devices_is_the_bound() {
    let scratch = |samples, classes| segloss::static_scratch_len_of_width(32, samples, classes);
    let sum = scratch(2, 1) - scratch(1, 1);
    let class = scratch(1, 2) - scratch(1, 1) - sum;
    let number = |bytes: usize| match bytes / 1000 {
        0 => bytes.to_string(),
        thousands => format!("{thousands},{:03}", bytes % 1000),
    };
    let said = format!(
        "it is {} bytes + {} per class + {} per sample and class: {} for one sample of two classes.",
        number(scratch(0, 0)),
        number(class),
        number(sum),
        number(scratch(1, 2)),
    );
    let page = "docs/embedded.md";
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    assert!(text.replace('\n', " ").contains(&said), "{page} does not say: {said}");
}

/// The speed table of the README is a part of the one in `docs/performance.md`: no figure has two values.
#[test]
fn speeds_in_the_readme_equal_those_of_the_performance_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(root.join(file)).unwrap();
    let (readme, page) = (read("README.md"), read("docs/performance.md"));
    let rows: Vec<&str> = readme.lines().filter(|line| line.starts_with("| 2x4x128^3 ")).collect();
    assert!(!rows.is_empty());
    for row in rows {
        assert!(page.lines().any(|line| line == row), "docs/performance.md has no row {row}");
    }
}

/// The Rust program of the README is `examples/quick_start.rs`, which `cargo test` compiles.
#[test]
fn rust_program_of_the_readme_is_the_quick_start_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(root.join(file)).unwrap();
    let example = read("examples/quick_start.rs");
    let code = example.split_once("\n\n").expect("a comment, then the program").1;
    assert!(read("README.md").contains(&format!("```rust\n{code}```\n")), "README.md does not show {code}");
}
