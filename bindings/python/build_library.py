"""Puts the C library into the wheel: built by Cargo, linked with the thread pool against the glibc of manylinux_2_28.

zig's linker knows the symbol versions of every glibc; the compiler of the machine would demand its own.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
CRATE = HERE.parent.parent
# Per machine: the Rust target, zig's name of it, the tag of the wheel.
TARGETS = {
    "x86_64": ("x86_64-unknown-linux-gnu", "x86_64-linux-gnu.2.28", "manylinux_2_28_x86_64"),
    "aarch64": ("aarch64-unknown-linux-gnu", "aarch64-linux-gnu.2.28", "manylinux_2_28_aarch64"),
}


def object_file(target: str, folder: Path) -> Path:
    """Compiles the crate without std to one object file. That of this machine is shared with the other tests."""
    if target.startswith(os.uname().machine):
        library = subprocess.run([str(CRATE / ".ci" / "library")], check=True, capture_output=True, text=True)
        return CRATE / library.stdout.strip() / ".." / "segloss.o"
    built = folder / f"{target}.o"
    command = [
        "cargo", "rustc", "--quiet", "--lib", "--profile", "capi", "--crate-type", "staticlib",
        "--no-default-features", "--features", "capi,panic-handler", "--target", target,
        "--target-dir", str(folder / "cargo"), "--", f"--emit=obj={built}",
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if name != "RUSTFLAGS"}
    subprocess.run(command, cwd=CRATE, env=environment, check=True)
    return built


def constants(header: str) -> str:
    """Returns a Python module with the numbers that the C header defines."""
    numbers = re.findall(r"^#define SEGLOSS_(\w+) (\d+|0x[0-9a-f]+u)$", header, re.MULTILINE)
    lines = [f"{name} = {int(value.rstrip('u'), 0)}" for name, value in numbers]
    return '"""The constants of segloss.h, without SEGLOSS_."""\n\n' + "\n".join(lines) + "\n"


class BuildLibrary(BuildHookInterface):
    def initialize(self, version: str, build_data: dict) -> None:
        machine = os.environ.get("SEGLOSS_MACHINE", os.uname().machine)
        rust, zig, tag = TARGETS[machine]
        folder = CRATE / "target" / "python"
        folder.mkdir(parents=True, exist_ok=True)
        library = folder / f"libsegloss_rs-{machine}.so"
        link = [
            sys.executable, "-m", "ziglang", "cc", "-target", zig, "-O2", "-std=c11", "-Wall", "-Wextra", "-Werror",
            "-shared", "-fPIC", "-fno-sanitize=undefined", "-pthread", "-I", str(CRATE / "include"),
            str(HERE / "native" / "pool.c"), str(object_file(rust, folder)),
            "-Wl,--gc-sections", "-Wl,-soname,libsegloss_rs.so", f"-Wl,--version-script={HERE}/native/exports.map",
            "-s", "-lm", "-o", str(library),
        ]  # fmt: skip
        subprocess.run(link, check=True)
        numbers = folder / "_constants.py"
        numbers.write_text(constants((CRATE / "include" / "segloss.h").read_text()))
        build_data["tag"] = f"py3-none-{tag}"
        build_data["pure_python"] = False
        build_data["force_include"][str(library)] = "segloss_rs/libsegloss_rs.so"
        build_data["force_include"][str(numbers)] = "segloss_rs/_constants.py"
