# SPDX-License-Identifier: BSD-3-Clause
"""Tables of pyarrow, Polars and DuckDB through ae_dataset_create_from_arrow.

    arrow_reads.py probe PACKAGE LIBAE.SO    status 0 when PACKAGE, numpy and the library are there, else 77
    arrow_reads.py check PACKAGE LIBAE.SO    compare what libae makes of its tables with what NumPy makes
    arrow_reads.py speed pyarrow LIBAE.SO    10 million rows of 32 floats, against one memcpy of as many bytes
"""
import ctypes
import os
import sys
import time

OK, FORMAT, DATA, UNSUPPORTED, NOT_FOUND = 0, -6, -8, -12, -4
KEEP = 2

try:
    import numpy
    __import__(sys.argv[2])
except ImportError as missing:
    print(f"arrow_reads.py: {missing}")
    sys.exit(77)
if not os.path.exists(sys.argv[3]):
    print(f"arrow_reads.py: {sys.argv[3]} has not been built")
    sys.exit(77)


class Options(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("column_names", ctypes.POINTER(ctypes.c_char_p)),
                ("column_count", ctypes.c_size_t), ("label_name", ctypes.c_char_p), ("missing", ctypes.c_int),
                ("reserved", ctypes.c_uint32), ("image_height", ctypes.c_size_t), ("image_width", ctypes.c_size_t)]


try:
    ae = ctypes.CDLL(sys.argv[3])
except OSError:  # the library of another processor, or one that needs a sanitizer's runtime
    sys.exit(77)
ae.ae_last_error.restype = ae.ae_dataset_column_name.restype = ctypes.c_char_p
ae.ae_dataset_row_count.restype = ae.ae_dataset_feature_count.restype = ctypes.c_size_t
pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


def create(table, columns=None, label=None, missing=0):
    """Status and handle; the capsule is dropped here, as a consumer does."""
    capsule = table.__arrow_c_stream__()
    names = (ctypes.c_char_p * len(columns))(*[name.encode() for name in columns]) if columns else None
    options = Options(ctypes.sizeof(Options), names, len(columns or []), label and label.encode(), missing)
    dataset = ctypes.c_void_p()
    status = ae.ae_dataset_create_from_arrow(ctypes.byref(dataset),
                                             ctypes.c_void_p(pointer_of(capsule, b"arrow_array_stream")),
                                             ctypes.byref(options))
    return status, dataset


def refuse(wanted, part, table, **options):
    status, dataset = create(table, **options)
    text = ae.ae_last_error().decode()
    assert status == wanted and part in text and not dataset, (status, text)


def read(table, **options):
    status, dataset = create(table, **options)
    assert status == OK, ae.ae_last_error()
    shape = ae.ae_dataset_row_count(dataset), ae.ae_dataset_feature_count(dataset)
    values = numpy.empty(shape, "f4")
    assert ae.ae_dataset_read(dataset, ctypes.c_size_t(0), ctypes.c_size_t(shape[0]),
                              values.ctypes.data_as(ctypes.c_void_p)) == OK
    names = [ae.ae_dataset_column_name(dataset, ctypes.c_size_t(i)) for i in range(shape[1])]
    labels = [ae.ae_dataset_label(dataset, ctypes.c_size_t(i)) for i in range(min(shape[0], 100))]
    ae.ae_dataset_free(dataset)
    return values, names, labels


def same(table, wanted, **options):
    values, names, _ = read(table, **options)
    assert values.shape == wanted.shape, (values.shape, wanted.shape)
    assert numpy.array_equal(values, wanted.astype("f4"), equal_nan=True)
    return names


def check_pyarrow():
    import pyarrow as pa
    random = numpy.random.default_rng(3)
    rows = 5000
    kinds = "i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8".split()
    numbers = {kind: random.integers(0, 100, rows).astype(kind) for kind in kinds}
    numbers["b1"] = random.integers(0, 2, rows).astype(bool)
    wanted = numpy.stack([column.astype("f4") for column in numbers.values()], 1)
    table = pa.table(numbers)
    assert same(table, wanted) == [name.encode() for name in numbers]
    chunked = pa.concat_tables([table.slice(i, 700) for i in range(0, rows, 700)])
    same(chunked, wanted)
    same(chunked.slice(13, 999), wanted[13:1012])
    same(table.slice(3, 5), wanted[3:8])
    same(table.slice(7).to_batches()[0], wanted[7:]) if hasattr(pa.RecordBatch, "__arrow_c_stream__") else None
    assert same(table, wanted[:, [9, 0]], columns=["f4", "i1"]) == [b"f4", b"i1"]
    _, names, labels = read(table, label="i8")
    assert labels == numbers["i8"][:100].tolist() and b"i8" not in names
    assert read(table.slice(11), label="b1")[2] == numbers["b1"][11:111].astype(int).tolist()

    # Embeddings: kept in place where they come in one piece, also behind a slice.
    vectors = random.normal(size=(rows, 16)).astype("f4")
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 16)
    before = pa.total_allocated_bytes()
    for column in lists, lists.slice(100, 50):
        array = numpy.asarray(vectors)[column.offset:column.offset + len(column)]
        same(pa.table({"v": column}), array)
        same(pa.chunked_array([column]), array)
        same(pa.table({"v": pa.chunked_array([column, column])}), numpy.concatenate([array, array]))
    same(pa.table({"n": pa.array(numpy.arange(50.0)), "v": lists.slice(9, 50)}),
         numpy.concatenate([numpy.arange(50.0)[:, None], vectors[9:59]], 1))
    same(pa.table({"x": pa.array(vectors[:, 0])}), vectors[:, :1])
    assert pa.total_allocated_bytes() == before, "an array was not released"

    # Nulls, which are NaN where that is wanted; NaN itself.
    holes = pa.table({"a": pa.array([1, None, 3]), "b": pa.array([0.5, 1.5, None])})
    refuse(DATA, 'row 1, column "a": null', holes)
    same(holes, numpy.array([[1, .5], [numpy.nan, 1.5], [3, numpy.nan]]), missing=KEEP)
    same(holes.slice(1), numpy.array([[numpy.nan, 1.5], [3, numpy.nan]]), missing=KEEP)
    same(holes.slice(0, 1), numpy.array([[1, .5]]))
    lists = pa.array([[1., 2.], None, [None, 4.]], pa.list_(pa.float32(), 2))
    refuse(DATA, "row 1", pa.table({"v": lists}))
    nan = numpy.nan
    same(pa.table({"v": lists}), numpy.array([[1, 2], [nan, nan], [nan, 4]]), missing=KEEP)
    same(pa.table({"v": lists.slice(2)}), numpy.array([[nan, 4]]), missing=KEEP)
    refuse(DATA, "null is no label", holes, label="a", missing=KEEP)
    refuse(DATA, "row 1", pa.table({"a": [1., nan]}))
    refuse(DATA, "inf", pa.table({"a": [1., numpy.inf]}), missing=KEEP)
    refuse(DATA, "not a label", pa.table({"a": [1.], "b": [1 << 40]}), label="b")

    # What is no table of numbers.
    words = pa.table({"a": [1.], "city": ["Rome"], "t": pa.array([0], pa.timestamp("s"))})
    refuse(UNSUPPORTED, "column 1 (city) is of type text", words)
    refuse(UNSUPPORTED, "timestamps", words, columns=["t"])
    refuse(UNSUPPORTED, "dictionary", pa.table({"c": pa.array(["x"]).dictionary_encode()}))
    same(words, numpy.array([[1.]]), columns=["a"])
    refuse(NOT_FOUND, '"b"', words, columns=["b"])
    refuse(FORMAT, "no rows", words.slice(0, 0), columns=["a"])

    def broken():
        yield pa.record_batch({"a": [1., 2.]})
        raise ValueError("the sensor is unplugged")

    refuse(-3, "the sensor is unplugged", pa.RecordBatchReader.from_batches(pa.schema([("a", pa.float64())]), broken()))
    assert pa.total_allocated_bytes() <= before + 4096, "an array was not released"


def check_polars():
    import polars
    frame = polars.DataFrame({"a": [1, None, 3], "b": [0.5, 1.5, 2.5], "ok": [True, False, True], "s": ["x", "y", "z"]})
    wanted = numpy.array([[1, .5, 1], [numpy.nan, 1.5, 0], [3, 2.5, 1]])
    same(frame, wanted, columns=["a", "b", "ok"], missing=KEEP)
    refuse(UNSUPPORTED, "column 3 (s) is of type text", frame)
    refuse(DATA, "row 1", frame, columns=["a"])
    parts = polars.concat([frame, frame], rechunk=False)
    same(parts.select("b", "ok"), numpy.concatenate([wanted, wanted])[:, 1:])
    same(parts.select("b").slice(2, 3), numpy.array([[2.5], [.5], [1.5]]))
    vectors = numpy.arange(12, dtype="f4").reshape(3, 4)
    same(polars.DataFrame({"v": polars.Series(vectors.tolist(), dtype=polars.Array(polars.Float32, 4))}), vectors)
    assert read(frame, columns=["b"], label="ok")[2] == [1, 0, 1]


def check_duckdb():
    import duckdb
    table = duckdb.sql("select i::float as x, (i * 2)::bigint as y, i % 3 as class from range(300000) t(i)")
    values, names, labels = read(table, label="class")
    assert names == [b"x", b"y"] and labels == [i % 3 for i in range(100)]
    assert numpy.array_equal(values, numpy.stack([numpy.arange(300000), numpy.arange(300000) * 2], 1).astype("f4"))
    refuse(DATA, 'row 1, column "x": null', duckdb.sql("select unnest([1.5::double, null, 2]) as x"))
    same(duckdb.sql("select unnest([1.5::double, null, 2]) as x"), numpy.array([[1.5], [numpy.nan], [2]]), missing=KEEP)
    same(duckdb.sql("select [1, 2, i]::float[3] as v from range(5) t(i)"),
         numpy.array([[1, 2, i] for i in range(5)]))
    refuse(UNSUPPORTED, "decimals", duckdb.sql("select 1.5 as x"))
    refuse(UNSUPPORTED, "text", duckdb.sql("select 'x' as x"))


def speed_pyarrow():
    import pyarrow as pa
    rows, columns = int(os.environ.get("AE_ARROW_ROWS", 10_000_000)), 32
    data = numpy.random.default_rng(1).random((columns, rows), "f4")
    copied = numpy.empty_like(data)
    gigabytes = data.nbytes / 1e9
    lists = pa.FixedSizeListArray.from_arrays(pa.array(data.reshape(-1)), columns)

    def seconds(work):
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    def dataset(table):
        status, handle = create(table)
        assert status == OK, ae.ae_last_error()
        ae.ae_dataset_free(handle)

    def fresh():
        numpy.copyto(numpy.empty_like(data), data)

    table = pa.table({f"c{i}": data[i] for i in range(columns)})
    for name, work in (("memcpy, memory in use", lambda: numpy.copyto(copied, data)), ("memcpy, new memory", fresh),
                       ("32 columns", lambda: dataset(table)), ("lists of 32", lambda: dataset(pa.table({"v": lists})))):
        best = min(seconds(work) for _ in range(3))
        print(f"arrow_reads.py: {name}: {best:.3f} s, {gigabytes / best:.2f} GB/s")


if sys.argv[1] != "probe":
    globals()[f"{sys.argv[1]}_{sys.argv[2]}"]()
