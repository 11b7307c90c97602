# SPDX-License-Identifier: BSD-3-Clause
"""libae for Conan 2: conan create packaging/conan, from a checkout or a release."""

import os

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.files import copy, load, rmdir
from conan.tools.gnu import PkgConfigDeps
from conan.tools.layout import basic_layout


class Libae(ConanFile):
    name = "libae"
    description = "Trains and runs dense autoencoders"
    license = "BSD-3-Clause"
    topics = ("autoencoder", "neural-network", "anomaly-detection")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "zlib": [True, False], "png": [True, False], "protobuf": [True, False]}
    default_options = {"shared": False, "zlib": True, "png": True, "protobuf": True}

    def set_version(self):
        header = load(self, os.path.join(self.recipe_folder, "../../include/libae/version.h"))
        parts = {w[1]: w[2] for w in map(str.split, header.splitlines()) if len(w) == 3}
        self.version = ".".join(parts[f"AE_VERSION_{p}"] for p in ("MAJOR", "MINOR", "PATCH"))

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "../..")
        for pattern in ("Makefile", "LICENSE", "*.pc.in", "mk/*", "scripts/*", "lib/*", "include/*"):
            copy(self, pattern, root, self.export_sources_folder, excludes=["build/*", "examples/*", "tests/*"])

    def configure(self):
        self.settings.rm_safe("compiler.libcxx")
        self.settings.rm_safe("compiler.cppstd")

    def layout(self):
        basic_layout(self)

    def validate(self):
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration("libae has been tried on Linux only: docs/portability.md")

    def requirements(self):
        if self.options.zlib:
            self.requires("zlib/[>=1.2.11 <2]")
        if self.options.png:
            self.requires("libpng/[>=1.6 <2]")
        if self.options.protobuf:
            self.requires("protobuf-c/[>=1.4 <2]")

    def build_requirements(self):
        if self.options.protobuf:
            self.tool_requires("protobuf-c/<host_version>")

    def generate(self):
        PkgConfigDeps(self).generate()

    def _make(self, target):
        switch = {True: "yes", False: "no"}
        flags = "-O0 -g" if self.settings.build_type == "Debug" else "-O3"
        self.run(
            f'PKG_CONFIG_PATH="{self.generators_folder}" make -j {os.cpu_count()} {target}'
            f' BUILD="{self.build_folder}/out" CFLAGS="{flags}" PREFIX="{self.package_folder}" BLIS=no CAIRO=no'
            f" ZLIB={switch[bool(self.options.zlib)]} PNG={switch[bool(self.options.png)]}"
            f" PROTOBUF={switch[bool(self.options.protobuf)]}"
            f" SHARED_LIBRARY={switch[bool(self.options.shared)]}"
            f" STATIC_LIBRARY={switch[not self.options.shared]}",
            cwd=self.source_folder)

    def build(self):
        self._make("lib")

    def package(self):
        self._make("install")
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        # Conan's users get these from Conan.
        for folder in ("lib/pkgconfig", "lib/cmake", "share"):
            rmdir(self, os.path.join(self.package_folder, folder))

    def package_info(self):
        self.cpp_info.libs = ["ae"]
        self.cpp_info.system_libs = ["m", "pthread"]
        self.cpp_info.set_property("pkg_config_name", "libae")
        self.cpp_info.set_property("cmake_file_name", "libae")
        self.cpp_info.set_property("cmake_target_name", "libae::libae" if self.options.shared else "libae::libae_static")
