"""Puts the C library into the wheel: built by Cargo, linked with the thread pool against the glibc of manylinux_2_28.

zig's linker knows the symbol versions of every glibc; the compiler of the machine would demand its own.
"""

import platform
import re
import subprocess
import sys
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
CRATE = HERE.parent.parent


def object_file() -> Path:
    """Compiles the crate, without std, to one object file: that of the other tests."""
    library = subprocess.run([str(CRATE / ".ci" / "library")], check=True, capture_output=True, text=True)
    return CRATE / library.stdout.strip() / ".." / "segloss.o"


def constants(header: str) -> str:
    """Returns a Python module with the numbers that the C header defines."""
    numbers = re.findall(r"^#define SEGLOSS_(\w+) (\d+|0x[0-9a-f]+u)$", header, re.MULTILINE)
    lines = [f"{name} = {int(value.rstrip('u'), 0)}" for name, value in numbers]
    return '"""The constants of segloss.h, without SEGLOSS_."""\n\n' + "\n".join(lines) + "\n"


class BuildLibrary(BuildHookInterface):
    def initialize(self, version: str, build_data: dict) -> None:
        if platform.system() != "Linux" or platform.machine() != "x86_64":
            raise RuntimeError(f"the wheel is built on Linux on x86-64; this is {platform.platform()}")
        folder = CRATE / "target" / "python"
        folder.mkdir(parents=True, exist_ok=True)
        library = folder / "libsegloss_rs.so"
        link = [
            sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-linux-gnu.2.28", "-O2", "-std=c11",
            "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fno-sanitize=undefined", "-pthread",
            "-I", str(CRATE / "include"), str(HERE / "native" / "pool.c"), str(object_file()), "-Wl,--gc-sections",
            "-Wl,-soname,libsegloss_rs.so", f"-Wl,--version-script={HERE}/native/exports.map",
            "-s", "-lm", "-o", str(library),
        ]  # fmt: skip
        subprocess.run(link, check=True)
        numbers = folder / "_constants.py"
        numbers.write_text(constants((CRATE / "include" / "segloss.h").read_text()))
        build_data["tag"] = "py3-none-manylinux_2_28_x86_64"
        build_data["pure_python"] = False
        build_data["force_include"][str(library)] = "segloss_rs/libsegloss_rs.so"
        build_data["force_include"][str(numbers)] = "segloss_rs/_constants.py"
