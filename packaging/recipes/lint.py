"""Checks what can be checked of the recipes without a network; nothing is built.

conda-forge: rattler-build's parser and renderer. vcpkg: the fields of the manifest. All: the version of Cargo.toml.
"""
import json
import pathlib
import sys
import tomllib

import rattler_build
import yaml

folder = pathlib.Path(__file__).parent
version = tomllib.loads((folder / "../../Cargo.toml").read_text())["package"]["version"]


def conda_forge():
    recipe = rattler_build.Stage0Recipe.from_file(str(folder / "conda-forge/recipe.yaml"))
    variants = rattler_build.VariantConfig({"c_compiler": ["gcc"], "rust_compiler": ["rust"], "c_stdlib": ["sysroot"]})
    rendered = recipe.render(variants)
    assert len(rendered) == 1, rendered
    package = rendered[0].recipe.package
    return package.name, str(package.version)


def vcpkg():
    manifest = json.loads((folder / "vcpkg/vcpkg.json").read_text())
    known = {"name", "version", "port-version", "description", "homepage", "license", "supports", "dependencies"}
    assert set(manifest) <= known, set(manifest) - known
    return manifest["name"], manifest["version"]


def conan():
    data = yaml.safe_load((folder / "conan/conandata.yml").read_text())
    (released,) = data["sources"]
    assert set(data["sources"][released]) == {"url", "sha256"} and f"v{released}.tar.gz" in data["sources"][released]["url"]
    return "segloss", released


for name, check in ("conda-forge", conda_forge), ("vcpkg", vcpkg), ("conan", conan):
    found = check()
    print(f"{name}: {found[0]} {found[1]}")
    if found != ("segloss", version):
        sys.exit(f"{name}: segloss {version} was expected")
