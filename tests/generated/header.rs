//! `include/segloss.h`, by cbindgen from `src/ffi`.

use segloss::static_scratch_len_of_width as scratch;
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

/// The header of the committed sources.
pub fn header(root: &Path) -> String {
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    config.after_includes = Some(after_includes());
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in [
        "codes",
        "structs",
        "losses/generated",
        "losses/custom_region",
        "losses/custom_voxel",
        "preset_functions",
        "functions",
        "part_functions",
        "distance_functions",
    ] {
        builder = builder.with_src(root.join(format!("src/ffi/{file}.rs")));
    }
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    // A heading of Rust's documentation is a label in C.
    let made = String::from_utf8(made).unwrap().replace("// # Safety\n// ", "// Precondition: ");
    assert!(made.is_ascii());
    made
}
