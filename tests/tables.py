# SPDX-License-Identifier: BSD-3-Clause
"""NumPy and Python's csv module against libae's readers and writers of NPY and CSV.

    tables.py probe DIR       status 0 when numpy is there, else 77
    tables.py write-npy DIR   write NAME.npy for every name in DIR/names.txt, "KIND SHAPE ORDER" a line, and
                              what float32 makes of it, C order, as NAME.f32; NAME is the line's number
    tables.py spell-npy DIR   write NAME.npy of the type that line NAME of DIR/names.txt spells, and NAME.f32
    tables.py write-npz DIR   write archives of the array of 5 x 3 in DIR/x.f32, by several ways and names
    tables.py read-npy DIR    check every NAME.npy in DIR/names.txt ("SHAPE" a line) against NAME.f32
    tables.py write-csv DIR   write 0.csv ... in several dialects, and NAME.f32
    tables.py read-csv DIR    check DIR/out.csv against out.f32 and out.names (zero-terminated names)
"""
import csv
import gzip
import sys
import warnings
import zipfile

try:
    import numpy
except ImportError as missing:
    print(f"tables.py: {missing}")
    sys.exit(77)


def lines(folder):
    with open(f"{folder}/names.txt", encoding="ascii") as names:
        return [line.split() for line in names]


def shape_of(text):
    return tuple(int(length) for length in text.split("x"))


def values_of(dtype, shape, random):
    """Values all over the type's range, its ends included, but for those that float32 makes infinite."""
    count = int(numpy.prod(shape))
    if dtype.kind == "b":
        values = random.integers(0, 2, count)
    elif dtype.kind in "iu":
        ends = numpy.iinfo(dtype)
        values = random.integers(ends.min, ends.max, count, dtype=dtype.newbyteorder("="), endpoint=True)
        values[:2] = ends.min, ends.max
    elif dtype.itemsize == 2:  # every finite half there is, as far as there is room
        bits = numpy.arange(1 << 16, dtype="u2")
        halves = bits.view("f2")
        halves = halves[numpy.isfinite(halves)]
        values = numpy.resize(halves, count)
    else:
        # every exponent of float32, and fractions that float32 has to round
        values = numpy.ldexp(random.uniform(-1, 1, count), random.integers(-148, 128, count))
        if dtype.itemsize == 8:
            values[:4] = 1e-300, -1e-46, 0.1, numpy.finfo("f4").max
    return values.astype(dtype).reshape(shape)


def write_npy(folder):
    random = numpy.random.default_rng(11)
    for name, (kind, shape, order) in enumerate(lines(folder)):
        array = values_of(numpy.dtype(kind), shape_of(shape), random)
        array = numpy.asfortranarray(array) if order == "F" else numpy.ascontiguousarray(array)
        assert array.dtype == numpy.dtype(kind)
        numpy.save(f"{folder}/{name}.npy", array)
        with numpy.errstate(over="ignore"):
            numpy.ascontiguousarray(array).astype("=f4").tofile(f"{folder}/{name}.f32")


def spell_npy(folder):
    """24 bytes each; this NumPy may have given up a word that older ones know."""
    older = {"float_": "float64", "bool8": "bool", "int0": "int64"}
    for name, (spelling,) in enumerate(lines(folder)):
        header = f"{{'descr': '{spelling}', 'fortran_order': False, 'shape': (%d,), }}"
        values = numpy.frombuffer(bytes([0, 1, 1, 0, 0, 0, 1, 0] * 3), older.get(spelling, spelling))
        with open(f"{folder}/{name}.npy", "wb") as file:
            text = (header % values.size).encode()
            file.write(b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + values.tobytes())
        if spelling not in older:
            assert numpy.array_equal(numpy.load(f"{folder}/{name}.npy"), values)
        values.astype("=f4").tofile(f"{folder}/{name}.f32")


def write_npz(folder):
    x = numpy.arange(15, dtype="f4").reshape(5, 3) - 7
    x.tofile(f"{folder}/x.f32")
    numpy.savez(f"{folder}/stored.npz", x)
    numpy.savez_compressed(f"{folder}/deflated.npz", x=x)
    numpy.savez(f"{folder}/several.npz", a=numpy.zeros(4), x=x.astype(">f8"), b=numpy.array([True, False]))
    numpy.savez_compressed(f"{folder}/large.npz", y=numpy.arange(300000).reshape(-1, 3))
    with open(f"{folder}/x.npy", "wb") as file:
        numpy.save(file, x)
    with zipfile.ZipFile(f"{folder}/zip64.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = b"with a comment PK\5\6 in it"
        archive.writestr("readme.txt", "no array")
        with archive.open("folder/x.npy", "w", force_zip64=True) as member, open(f"{folder}/x.npy", "rb") as file:
            member.write(file.read())
    with zipfile.ZipFile(f"{folder}/suffix.npz", "w") as archive:
        archive.writestr("x.npy.npy", "another array")
        archive.write(f"{folder}/x.npy", "x.npy")
        archive.writestr("x.npy.npy.npy", "a third")
    with zipfile.ZipFile(f"{folder}/bzip2.npz", "w", zipfile.ZIP_BZIP2) as archive:
        archive.write(f"{folder}/x.npy", "x.npy")
    with zipfile.ZipFile(f"{folder}/none.npz", "w") as archive:
        archive.writestr("readme.txt", "no array")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(f"{folder}/twice.npz", "w") as archive:
            archive.write(f"{folder}/x.npy", "x.npy")
            archive.write(f"{folder}/x.npy", "x.npy")


def read_npy(folder):
    for name, (shape,) in enumerate(lines(folder)):
        array = numpy.load(f"{folder}/{name}.npy", mmap_mode="r", allow_pickle=False)
        wanted = numpy.fromfile(f"{folder}/{name}.f32", dtype="f4")
        assert array.dtype == numpy.dtype("f4") and array.flags.c_contiguous, array.dtype
        assert array.shape == shape_of(shape.rstrip("x")), f"{name}: {array.shape}, not {shape}"
        assert array.tobytes() == wanted.tobytes(), f"{name}: other values"


def write_csv(folder):
    random = numpy.random.default_rng(12)
    rows = numpy.ldexp(random.uniform(-1, 1, (200, 3)), random.integers(-130, 127, (200, 3)))
    names = ["plain", 'with "quotes", and a comma', "two\nlines"]
    for name, (dialect, quoting, opener) in enumerate([
            ("excel", csv.QUOTE_MINIMAL, open), ("unix", csv.QUOTE_ALL, open),
            ("excel-tab", csv.QUOTE_NONNUMERIC, open), ("excel", csv.QUOTE_ALL, gzip.open)]):
        with opener(f"{folder}/{name}.csv", "wt", newline="", encoding="utf-8-sig") as file:
            writer = csv.writer(file, dialect, quoting=quoting)
            writer.writerow(names)
            writer.writerows(rows.tolist())
        rows.astype("f4").tofile(f"{folder}/{name}.f32")


def read_csv(folder):
    wanted = numpy.fromfile(f"{folder}/out.f32", dtype="f4")
    with open(f"{folder}/out.names", "rb") as file:
        names = file.read().decode("utf-8").split("\0")[:-1]
    with open(f"{folder}/out.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file, strict=True))
    assert rows[0] == names, rows[0]
    found = numpy.array([[numpy.float32(cell) for cell in row] for row in rows[1:]], dtype="f4")
    wanted = wanted.reshape(-1, len(names))
    assert found.shape == wanted.shape, found.shape
    assert numpy.array_equal(found, wanted, equal_nan=True), "other values"
    for row in rows[1:]:
        for cell in row:
            shortest = numpy.format_float_scientific(numpy.float32(cell), unique=True)
            digits = sum(c.isdigit() for c in cell.lower().split("e")[0].lstrip("-0."))
            fewest = sum(c.isdigit() for c in shortest.split("e")[0].lstrip("-0."))
            assert not cell[-1].isdigit() or digits <= max(fewest, 7), f"{cell}, but {shortest} would do"


{"probe": lambda: None, "write-npy": write_npy, "spell-npy": spell_npy, "write-npz": write_npz,
 "read-npy": read_npy, "write-csv": write_csv,
 "read-csv": read_csv}[sys.argv[1]](*sys.argv[2:])
