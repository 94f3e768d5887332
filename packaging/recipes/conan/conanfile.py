import os

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy, get, rm, rmdir

required_conan_version = ">=2.0"


class SeglossConan(ConanFile):
    name = "segloss"
    description = "Losses for semantic segmentation and their exact gradients"
    license = "MIT OR Apache-2.0"
    url = "https://github.com/conan-io/conan-center-index"
    homepage = "https://github.com/segloss/segloss"
    topics = ("segmentation", "loss", "dice", "gradient", "distance-transform")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False]}
    default_options = {"shared": False}

    def configure(self):
        # A C interface; cargo compiles, optimised whatever the build type.
        self.settings.rm_safe("compiler.cppstd")
        self.settings.rm_safe("compiler.libcxx")

    def layout(self):
        cmake_layout(self, src_folder="src")

    def package_id(self):
        del self.info.settings.build_type

    def validate(self):
        if self.settings.os not in ("Linux", "Macos"):
            raise ConanInvalidConfiguration("the CMake installation of segloss is for Linux and macOS")

    def source(self):
        get(self, **self.conan_data["sources"][self.version], strip_root=True)

    def generate(self):
        # Conan has no package of Rust: cargo comes from the PATH.
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["CMAKE_INSTALL_LIBDIR"] = "lib"
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE-*", self.source_folder, os.path.join(self.package_folder, "licenses"))
        lib = os.path.join(self.package_folder, "lib")
        for other in ["libsegloss.a"] if self.options.shared else ["libsegloss.so*", "libsegloss*.dylib"]:
            rm(self, other, lib)
        # CMakeDeps and PkgConfigDeps write these.
        rmdir(self, os.path.join(lib, "pkgconfig"))
        rmdir(self, os.path.join(self.package_folder, "share"))

    def package_info(self):
        self.cpp_info.libs = ["segloss"]
        self.cpp_info.set_property("cmake_file_name", "segloss")
        self.cpp_info.set_property("cmake_target_name", "segloss::segloss")
        self.cpp_info.set_property("pkg_config_name", "segloss")
