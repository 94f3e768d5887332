//! Writes the data of `finetune slice` for inclusion in flash, and passes the memory layout to the linker.

#[allow(dead_code, reason = "finetune uses the rest")]
#[path = "../finetune/scan.rs"]
mod scan;

use std::path::Path;

fn main() -> std::io::Result<()> {
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    let out = Path::new(&out);
    let [tuned, held_out] = scan::Scan::open(Path::new("../data"))?.faded().two_slices();
    for (name, slice) in [("tuned", tuned), ("held_out", held_out)] {
        std::fs::write(out.join(format!("{name}.image")), slice.image)?;
        std::fs::write(out.join(format!("{name}.labels")), slice.labels)?;
    }
    std::fs::copy("memory.x", out.join("memory.x"))?;
    println!("cargo::rustc-link-search={}", out.display());
    for path in ["memory.x", "../data", "../finetune/scan.rs"] {
        println!("cargo::rerun-if-changed={path}");
    }
    Ok(())
}
