#!/bin/bash -eu
# SPDX-License-Identifier: BSD-3-Clause
# All fuzz targets, with their corpora and dictionaries, into $OUT. OSS-Fuzz sets CC, CXX, CFLAGS,
# CXXFLAGS, LIB_FUZZING_ENGINE and OUT; it runs this in the folder of libae's sources. zlib goes in
# statically, since the machine that fuzzes has no packages.
build=${WORK:-/tmp}/libae-fuzz
make -j"$(nproc)" BUILD="$build" CC="$CC" CFLAGS="$CFLAGS" LDFLAGS="$CFLAGS" \
    BLIS=no PNG=no PROTOBUF=no CAIRO=no ZLIB_LIBS=-l:libz.a \
    FUZZ_LINKER="$CXX" LIB_FUZZING_ENGINE="$LIB_FUZZING_ENGINE" fuzz-programs
for program in "$build"/fuzz/fuzz_*; do
    name=$(basename "$program")
    cp "$program" "$OUT/"
    zip -q -j "$OUT/${name}_seed_corpus.zip" tests/fuzz/corpus/"${name#fuzz_}"/*
    dictionary=tests/fuzz/dictionaries/${name#fuzz_}.dict
    [ ! -f "$dictionary" ] || cp "$dictionary" "$OUT/$name.dict"
done
