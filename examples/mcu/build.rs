//! Puts into flash what `finetune slice` reads from files, and tells the linker of the memory.

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
