//! The C and C++ programs of `tests/c`, built against the library as C gets it, and run.

mod at_level;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Runs a command and returns its output; panics with the output if it fails.
#[track_caller]
fn succeed(command: &mut Command, missing: &str) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}. {missing}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}\n{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Folder of the shared library; the object `segloss.o` is in the folder above. They are built once, without std, and
/// shared by all tests: scripts find them by `.ci/library`, and CMake reuses this folder.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("capi");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(ROOT).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        cargo.args(["rustc", "--lib", "--profile", "capi", "--crate-type", "staticlib,cdylib"]);
        cargo
            .args(["--no-default-features", "--features", "capi,panic-handler", "--target-dir"])
            .arg(&target);
        cargo.arg("--").arg(format!("--emit=obj={}", object(&target).display()));
        if cfg!(target_os = "linux") {
            // The same options as in CMakeLists.txt.
            let soname = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
            cargo.args(["-C", &format!("link-arg=-Wl,-soname,libsegloss.so.{soname}")]);
            cargo.args(["-C", "default-linker-libraries=yes", "-C", "symbol-mangling-version=v0"]);
        }
        succeed(&mut cargo, "");
        target.join("capi")
    })
}

/// The object of the library, which programs link: rustc's archive also holds functions of libm.
fn object(target: &Path) -> PathBuf {
    target.join("segloss.o")
}

fn compiler(variable: &str, default: &str) -> Command {
    Command::new(std::env::var(variable).unwrap_or(default.into()))
}

/// Compiles a program that includes `segloss.h`.
#[track_caller]
fn run(source: &str, standard: &str) {
    let said = build(&[source], standard, &["-Wpadded"]);
    assert!(said.contains("passed"), "{source}: {said}");
}

/// Compiles a program that includes `segloss.hpp`, whose own types may have padding.
#[track_caller]
fn run_cpp(sources: &[&str]) {
    for standard in ["c++17", "c++20"] {
        let said = build(sources, standard, &["-Wshadow"]);
        assert!(said.contains("passed"), "{sources:?}: {said}");
    }
}

/// Compiles a program, runs it and returns its output.
#[track_caller]
fn build(sources: &[&str], standard: &str, flags: &[&str]) -> String {
    succeed(&mut Command::new(compile(sources, standard, flags)), "")
}

/// Compiles a program with warnings as errors and links the object of the library.
#[track_caller]
fn compile(sources: &[&str], standard: &str, flags: &[&str]) -> PathBuf {
    let is_c = sources.iter().all(|source| source.ends_with(".c"));
    let name = format!("{}.{standard}{}", sources.join("+").replace('/', "_"), flags.concat());
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut cc = if is_c { compiler("CC", "cc") } else { compiler("CXX", "c++") };
    cc.arg(format!("-std={standard}")).args(flags);
    cc.args(["-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O1", "-g"]);
    cc.arg(format!("-I{ROOT}/include"))
        .args(["-iquote", &format!("{ROOT}/tests/c")])
        .args(["-idirafter", &format!("{ROOT}/tests/c/stand_in")]);
    cc.args(sources.iter().map(|source| Path::new(ROOT).join("tests/c").join(source)));
    cc.arg(object(library().parent().expect("a folder above"))).args(["-lm", "-o"]).arg(&program);
    succeed(&mut cc, "No compiler: install the packages gcc and g++, or set CC and CXX.");
    program
}

/// The golden file as plain text, for a C program to read.
fn golden_as_text() -> String {
    use std::fmt::Write;
    let path = Path::new(ROOT).join("tests/golden/golden.json");
    let golden: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let list = |text: &mut String, name: &str, of: &serde_json::Value| {
        let numbers: &[serde_json::Value] = of.as_array().map_or(&[], Vec::as_slice);
        write!(text, "{name} {}", numbers.len()).unwrap();
        numbers.iter().for_each(|x| match x.as_bool() {
            Some(flag) => write!(text, " {}", u8::from(flag)).unwrap(),
            None => write!(text, " {x}").unwrap(),
        });
        text.push('\n');
    };
    let mut text = String::new();
    for entry in golden["entries"].as_array().unwrap() {
        let case = &golden["cases"][entry["case"].as_str().unwrap()];
        let name = entry["name"].as_str().unwrap().replace(char::is_whitespace, "_");
        writeln!(text, "{} {}", name.chars().take(79).collect::<String>(), case["activation"]).unwrap();
        for key in ["shape", "pred", "labels", "maps", "voxel_weight", "class_present", "spacing", "ignore"] {
            list(&mut text, key, &case[key]);
        }
        let terms = entry["terms"].as_array().unwrap();
        writeln!(text, "{}", terms.len()).unwrap();
        for term in terms {
            let numbers: Vec<_> = term.as_object().unwrap().iter().filter(|(_, x)| x.is_number()).collect();
            write!(text, "{} {}", term["form"].as_str().unwrap(), numbers.len()).unwrap();
            numbers.iter().for_each(|(name, x)| write!(text, " {name} {x}").unwrap());
            text.push('\n');
            list(&mut text, "class_weight", &term["class_weight"]);
            list(&mut text, "field", &term["field"]);
        }
        writeln!(text, "{}", entry["value"]).unwrap();
        list(&mut text, "grad", &entry["grad"]);
    }
    text + "end\n"
}

#[test]
fn c_results_equal_golden_values() {
    let numbers = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden.txt");
    std::fs::write(&numbers, golden_as_text()).unwrap();
    let program = compile(&["../golden/golden.c"], "c99", &["-Wpadded"]);
    let said = succeed(Command::new(program).arg(numbers), "");
    assert!(said.contains("passed"), "{said}");
}

#[test]
fn c_refuses_parameters_out_of_range() {
    run("ranges.c", "c99");
}

#[test]
fn c_structs_have_the_documented_layout() {
    run("layout.c", "c99");
    run("layout.c", "c11");
}

#[test]
fn names_that_never_change_compile() {
    run("frozen.c", "c99");
}

#[test]
fn c_computes_losses_and_gradients() {
    run("losses.c", "c99");
}

#[test]
fn c_computes_every_loss_and_every_preset() {
    run("losses_and_presets.c", "c99");
}

#[test]
fn c_custom_voxel_losses_equal_those_of_the_library() {
    run("custom_voxel.c", "c99");
}

#[test]
fn c_options_have_their_documented_effect() {
    run("options.c", "c99");
}

#[test]
fn c_refuses_overlapping_outputs() {
    run("overlaps.c", "c99");
}

#[test]
fn c_accepts_empty_batches_and_refuses_sizes_beyond_memory() {
    run("limits.c", "c99");
}

#[test]
fn c_refuses_parameters_that_a_loss_does_not_use() {
    run("unused.c", "c99");
}

#[test]
fn c_scratch_query_is_sufficient() {
    run("scratch.c", "c99");
}

#[test]
fn c_parts_equal_the_whole() {
    run("parts.c", "c99");
    run("top_k.c", "c99");
}

#[test]
fn c_executors_do_not_change_results() {
    run("executors.c", "c99");
}

#[test]
fn c_errors_name_argument_term_and_index() {
    run("errors.c", "c99");
}

#[test]
fn c_computes_distances() {
    run("distances.c", "c99");
}

#[test]
#[cfg(target_os = "linux")] // the program switches stacks by ucontext
fn c_stack_depth_is_within_its_bounds() {
    run("stack.c", "c99");
}

/// Also run on AArch64, on i686, on a Cortex-M4F and in wasm: see `.ci/cross`.
#[test]
fn digest_of_all_losses_equals_the_recorded_one() {
    for size in ["-DSMALL", "-DLARGE"] {
        let said = build(&["digest.c"], "c99", &["-Wpadded", size]);
        assert!(said.contains("passed"), "{size}: {said}");
    }
}

#[test]
fn header_compiles_as_cpp() {
    run("header.cpp", "c++11");
    run("header.cpp", "c++17");
}

#[test]
fn dlpack_tensors_are_translated() {
    run("dlpack.c", "c99");
    run("dlpack.c", "c11");
}

#[test]
fn defaults_of_cpp_terms_equal_those_of_c() {
    run_cpp(&["defaults.cpp"]);
}

#[test]
fn every_cpp_function_gives_the_bits_of_c() {
    run_cpp(&["values.cpp"]);
}

#[test]
fn cpp_tensors_are_made_from_containers() {
    run_cpp(&["containers.cpp"]);
}

#[test]
fn cpp_element_types_are_deduced() {
    run_cpp(&["dtypes.cpp"]);
}

#[test]
fn cpp_exceptions_and_results_link_into_one_program() {
    run_cpp(&["failures.cpp", "returns.cpp"]);
    for standard in ["c++17", "c++20"] {
        let said = build(&["returns.cpp"], standard, &["-fno-exceptions", "-DALONE"]);
        assert!(said.contains("passed"), "{said}");
    }
}

#[test]
fn cpp_training_example_learns() {
    let said = build(&["../../examples/training.cpp"], "c++20", &["-Wshadow"]);
    assert!(said.contains("step 60"), "{said}");
}

/// Programs of documentation compile as printed and run.
#[track_caller]
fn run_printed(page: &str, programs: &[String], extension: &str, standard: &str) -> Vec<String> {
    assert!(!programs.is_empty(), "{page} shows no program");
    let name = page.replace(['/', '.'], "_");
    let run = |(number, code): (usize, &String)| {
        let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}_{number}.{extension}"));
        std::fs::write(&source, code).unwrap();
        build(&[source.to_str().unwrap()], standard, &["-pthread"])
    };
    programs.iter().enumerate().map(run).collect()
}

fn page(path: &str) -> String {
    std::fs::read_to_string(format!("{ROOT}/{path}")).unwrap()
}

/// The code blocks of a page in a language; of C and C++ only whole programs.
fn code_blocks(path: &str, language: &str) -> Vec<String> {
    let (page, fence) = (page(path), format!("```{language}\n"));
    let blocks = page.split(&fence).skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|code| language == "text" || code.contains("int main(")).map(String::from).collect()
}

/// The program of the comment at the head of a header: from its first include to the closing brace of main.
fn head_program(header: &str, margin: &str) -> Vec<String> {
    let text = page(header);
    let lines = text.lines().map(|line| line.strip_prefix(margin).unwrap_or(""));
    let mut program = String::new();
    for line in lines.skip_while(|line| !line.starts_with("#include")) {
        program.push_str(line);
        program.push('\n');
        if line == "}" {
            return vec![program];
        }
    }
    vec![]
}

#[test]
fn readme_programs_run_as_printed() {
    for (language, standard) in [("c", "c99"), ("cpp", "c++17")] {
        for said in run_printed("README.md", &code_blocks("README.md", language), language, standard) {
            assert!(said.starts_with("loss "), "{said}");
        }
    }
}

/// The programs of the page, and what it says that two of them print.
#[test]
fn programs_of_the_c_page_run_as_printed() {
    let said = run_printed("docs/c_api.md", &code_blocks("docs/c_api.md", "c"), "c", "c99").concat();
    let printed = code_blocks("docs/c_api.md", "text").concat();
    assert!(!printed.is_empty() && said.contains(&printed), "{said}\nthe page says:\n{printed}");
    assert!(said.contains("1 -1 -1\n-1 1 1\n") && page("docs/c_api.md").contains("`1 -1 -1` and `-1 1 1`"));
}

#[test]
fn programs_at_the_head_of_the_headers_run_as_printed() {
    for (header, margin, extension, standard) in
        [("include/segloss.h", " *   ", "c", "c99"), ("include/segloss.hpp", "//   ", "cpp", "c++17")]
    {
        let said = run_printed(header, &head_program(header, margin), extension, standard);
        assert!(said.concat().starts_with("value "), "{header}: {said:?}");
    }
}

/// Exported symbols are exactly the committed list.
#[test]
fn shared_library_exports_exactly_the_declared_functions() {
    let shared = library().join("libsegloss.so");
    // nm reads the shared libraries of Linux only.
    if !cfg!(target_os = "linux") {
        return at_level::missing("the symbols of a shared library that is not Linux's");
    }
    let listed = succeed(
        Command::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(shared),
        "Install the package binutils.",
    );
    let mut exported: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    exported.sort_unstable();
    let committed = include_str!("c/symbols.txt");
    assert_eq!(exported, committed.lines().collect::<Vec<_>>());
    let header = std::fs::read_to_string(format!("{ROOT}/include/segloss.h")).unwrap();
    for symbol in exported {
        assert!(header.contains(&format!("{symbol}(")), "{symbol} is not declared");
    }
}
