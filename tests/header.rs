//! The committed header equals the generated one, and figures in the documentation equal their sources.

use segloss::static_scratch_len_of_width as scratch;
use std::fs;
use std::path::Path;

/// Text that cbindgen does not generate: the version and the macros.
fn after_includes() -> String {
    let version: Vec<u32> = ["MAJOR", "MINOR", "PATCH"]
        .iter()
        .map(|part| std::env::var(format!("CARGO_PKG_VERSION_{part}")).unwrap().parse().unwrap())
        .collect();
    let code = version[0] << 16 | version[1] << 8 | version[2];
    let [wide, narrow] = [64, 32].map(|bits| scratch(bits, 0, 0));
    let per_class = scratch(64, 0, 1) - wide;
    let per_sum = scratch(64, 1, 1) - wide - per_class;
    format!(
        "\n/* Version of this header: major << 16 | minor << 8 | patch. segloss_version gives that of the library. */\n\
         #define SEGLOSS_VERSION 0x{code:06x}u\n\n\
         /* Bytes of scratch that suffice for every loss without a field but TopK, on the calling thread. A constant\n \
         * expression, for a static buffer. */\n\
         #define SEGLOSS_SCRATCH_BYTES(samples, classes) \\\n  \
         ((size_t)(SIZE_MAX > 0xffffffffu ? {wide}u : {narrow}u) + (size_t){per_class}u * (classes) + \
         (size_t){per_sum}u * (samples) * (classes))\n\n\
         #ifndef SEGLOSS_API\n#if defined(_WIN32) && defined(SEGLOSS_DLL)\n\
         #define SEGLOSS_API __declspec(dllimport)\n#else\n#define SEGLOSS_API\n#endif\n#endif"
    )
}

#[test]
fn committed_header_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    config.after_includes = Some(after_includes());
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in [
        "codes",
        "structs",
        "losses/distribution",
        "losses/region",
        "losses/boundary",
        "losses/compound",
        "losses/custom",
        "presets",
        "functions",
        "distance",
    ] {
        builder = builder.with_src(root.join(format!("src/ffi/{file}.rs")));
    }
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    // A heading of Rust's documentation is a label in C.
    let made = String::from_utf8(made).unwrap().replace("// # Safety\n// ", "// Precondition: ");
    assert!(made.is_ascii());
    let path = root.join("include/segloss.h");
    if std::env::var_os("SEGLOSS_UPDATE").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "include/segloss.h is not current: run `SEGLOSS_UPDATE=1 cargo test header`");
}

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
