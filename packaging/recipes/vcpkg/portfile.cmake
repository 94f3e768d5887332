# The hash is that of the release's archive: set it when the release is tagged.
vcpkg_from_github(
  OUT_SOURCE_PATH SOURCE_PATH
  REPO segloss/segloss
  REF "v${VERSION}"
  SHA512 0
  HEAD_REF main)

# vcpkg has no Rust: cargo comes from rustup.
find_program(CARGO cargo HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin" REQUIRED)

# The library has one build, optimised, with the C interface for debug and release programs alike.
set(VCPKG_BUILD_TYPE release)
vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}" OPTIONS "-DSEGLOSS_CARGO=${CARGO}" -DCMAKE_INSTALL_LIBDIR=lib)
vcpkg_cmake_install()

# CMake installs both kinds; a triplet has one.
if(VCPKG_LIBRARY_LINKAGE STREQUAL "static")
  file(GLOB other "${CURRENT_PACKAGES_DIR}/lib/libsegloss.so*" "${CURRENT_PACKAGES_DIR}/lib/libsegloss*.dylib")
else()
  set(other "${CURRENT_PACKAGES_DIR}/lib/libsegloss.a")
endif()
file(REMOVE ${other})

# The CMake package finds its files from its own place, share/cmake/segloss, where it stays; vcpkg looks in share/segloss.
set(VCPKG_POLICY_SKIP_MISPLACED_CMAKE_FILES_CHECK enabled)
file(WRITE "${CURRENT_PACKAGES_DIR}/share/${PORT}/seglossConfig.cmake"
  "include(\"\${CMAKE_CURRENT_LIST_DIR}/../cmake/segloss/seglossConfig.cmake\")\n")
file(WRITE "${CURRENT_PACKAGES_DIR}/share/${PORT}/seglossConfigVersion.cmake"
  "include(\"\${CMAKE_CURRENT_LIST_DIR}/../cmake/segloss/seglossConfigVersion.cmake\")\n")

vcpkg_fixup_pkgconfig()
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE-MIT" "${SOURCE_PATH}/LICENSE-APACHE")
