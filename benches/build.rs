//! Gives the benchmarks the version of the compiler as an environment variable.

use std::process::Command;

fn main() {
    let compiler = std::env::var_os("RUSTC").expect("cargo sets RUSTC for build scripts");
    let output = Command::new(compiler).arg("--version").output().expect("rustc prints its version");
    println!("cargo::rustc-env=COMPILER={}", String::from_utf8_lossy(&output.stdout).trim());
    println!("cargo::rerun-if-changed=build.rs");
}
