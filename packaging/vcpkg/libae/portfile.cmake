# SPDX-License-Identifier: BSD-3-Clause
# libae for vcpkg. A release fills in REPO and SHA512 (docs/releasing.md).
vcpkg_from_github(
    OUT_SOURCE_PATH SOURCE_PATH
    REPO libae/libae
    REF "v${VERSION}"
    SHA512 0
    HEAD_REF main
)

vcpkg_find_acquire_program(PKGCONFIG)
string(COMPARE EQUAL "${VCPKG_LIBRARY_LINKAGE}" dynamic dynamic)
set(switches BLIS=no CAIRO=no "PKG_CONFIG=${PKGCONFIG}")
if(dynamic)
    set(switches ${switches} SHARED_LIBRARY=yes STATIC_LIBRARY=no)
else()
    set(switches ${switches} SHARED_LIBRARY=no STATIC_LIBRARY=yes)
endif()
foreach(feature png protobuf zlib)
    string(TOUPPER "${feature}" name)
    if(feature IN_LIST FEATURES)
        list(APPEND switches "${name}=yes")
    else()
        list(APPEND switches "${name}=no")
    endif()
endforeach()
if("protobuf" IN_LIST FEATURES)
    list(APPEND switches "PROTOC_C=${CURRENT_HOST_INSTALLED_DIR}/tools/protobuf-c/protoc-c")
endif()

foreach(build release debug)
    if(DEFINED VCPKG_BUILD_TYPE AND NOT VCPKG_BUILD_TYPE STREQUAL build)
        continue()
    endif()
    if(build STREQUAL debug)
        set(short dbg)
        set(prefix /debug)
        set(flags "-O0 -g")
    else()
        set(short rel)
        set(prefix "")
        set(flags "-O3")
    endif()
    set(ENV{PKG_CONFIG_PATH} "${CURRENT_INSTALLED_DIR}${prefix}/lib/pkgconfig")
    vcpkg_execute_required_process(
        COMMAND make -j "${VCPKG_CONCURRENCY}" install ${switches} "CFLAGS=${flags}"
            "BUILD=${CURRENT_BUILDTREES_DIR}/${TARGET_TRIPLET}-${short}"
            "PREFIX=${CURRENT_PACKAGES_DIR}${prefix}"
        WORKING_DIRECTORY "${SOURCE_PATH}"
        LOGNAME "make-${TARGET_TRIPLET}-${short}"
    )
endforeach()

vcpkg_fixup_pkgconfig()
# libae's own CMake files know one place of the libraries, not a second one for debugging.
file(REMOVE_RECURSE
    "${CURRENT_PACKAGES_DIR}/lib/cmake"
    "${CURRENT_PACKAGES_DIR}/debug/lib/cmake"
    "${CURRENT_PACKAGES_DIR}/debug/include"
    "${CURRENT_PACKAGES_DIR}/debug/share/man"
    "${CURRENT_PACKAGES_DIR}/share/man"
)
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
