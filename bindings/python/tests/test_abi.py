"""The structs of ctypes against those that a C compiler reads from segloss.h."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

from segloss_rs import _abi
from segloss_rs import _constants as c

INCLUDE = Path(__file__).resolve().parents[3] / "include"


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_structs_are_laid_out_as_in_c(tmp_path):
    lines, expected = [], []
    for name, struct in _abi.STRUCTS.items():
        lines.append(f'printf("{name} %zu\\n", sizeof(segloss_{name}));')
        expected.append(f"{name} {ctypes.sizeof(struct)}")
        for field, _ in struct._fields_:
            size = f"sizeof(((segloss_{name} *)0)->{field})"
            lines.append(f'printf("{name}.{field} %zu %zu\\n", offsetof(segloss_{name}, {field}), {size});')
            member = getattr(struct, field)
            expected.append(f"{name}.{field} {member.offset} {member.size}")
    source = tmp_path / "layout.c"
    body = "\n".join(lines)
    source.write_text(
        f'#include <stddef.h>\n#include <stdio.h>\n#include "segloss.h"\nint main(void) {{\n{body}\nreturn 0; }}\n'
    )
    program = tmp_path / "layout"
    subprocess.run(["cc", "-I", str(INCLUDE), str(source), "-o", str(program)], check=True)
    said = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout.split("\n")
    assert said[:-1] == expected


def test_library_has_the_version_of_the_header():
    assert _abi.library.segloss_version() == c.VERSION
