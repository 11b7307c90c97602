# SPDX-License-Identifier: BSD-3-Clause
"""The onnx package and onnxruntime against a model that libae exported.

    onnx_runs.py probe     status 0 when onnx and onnxruntime are there, else 77
    onnx_runs.py check DIR CODE OPERATORS WIDTH...
                           check DIR/model.onnx: the graph's operators, joined by commas, and its
                           outputs on the first 1, 7 and 100 rows of DIR/rows.f32 against
                           DIR/code.f32 and DIR/reconstruction.f32, float32 row after row; CODE is
                           the layer that gives the code, counted from 1
    onnx_runs.py score DIR WIDTH
                           check the outputs "score" and, where DIR/flags.u8 is there, "anomaly" of
                           DIR/model.onnx on DIR/rows.f32 against DIR/score.f32 and flags
"""
import json
import os
import sys

try:
    import numpy
    import onnx
    import onnxruntime
except ImportError as missing:
    print(f"onnx_runs.py: {missing}")
    sys.exit(77)


def shape(value):
    tensor = value.type.tensor_type
    assert tensor.elem_type == onnx.TensorProto.FLOAT
    return value.name, [d.dim_param or d.dim_value for d in tensor.shape.dim]


def check_model(path, code, operators, widths):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version == 8 and [(o.domain, o.version) for o in model.opset_import] == [("", 15)], model
    assert [shape(v) for v in model.graph.input] == [("input", ["N", widths[0]])]
    assert [shape(v) for v in model.graph.output] == [("code", ["N", widths[code]]), ("reconstruction", ["N", widths[0]])]
    found = [node.op_type for node in model.graph.node]
    assert found == operators, f"{found}, not {operators}"
    notes = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(notes["libae.architecture"])["widths"] == widths, notes
    assert model.producer_name == "libae" and model.producer_version == notes["libae.version"] != "", notes


def run(folder, code, widths):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(f"{folder}/model.onnx", options, providers=["CPUExecutionProvider"])
    read = lambda name, width: numpy.fromfile(f"{folder}/{name}.f32", dtype="<f4").reshape(-1, width)
    rows = read("rows", widths[0])
    wanted = {"code": read("code", widths[code]), "reconstruction": read("reconstruction", widths[0])}
    worst = 0.0
    for batch in (1, 7, 100):
        found = session.run(list(wanted), {"input": rows[:batch]})
        for (name, values), output in zip(wanted.items(), found):
            values = values[:batch]
            assert output.shape == values.shape and output.shape[0] == batch, (name, output.shape)
            difference = numpy.max(numpy.abs(output - values) / numpy.maximum(1, numpy.abs(values)))
            worst = max(worst, float(difference))
            assert difference < 1e-5, f"{name} of {batch} rows: differs by {difference}"
    alone = session.run(["code"], {"input": rows[:1]})[0]
    assert alone.shape == (1, widths[code])
    print(f"onnx_runs.py: outputs differ by at most {worst:.2g}")


def run_score(folder, width):
    path = f"{folder}/model.onnx"
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    flagged = os.path.exists(f"{folder}/flags.u8")
    names = [value.name for value in model.graph.output]
    assert names == ["code", "reconstruction", "score"] + ["anomaly"] * flagged, names
    note = json.loads({entry.key: entry.value for entry in model.metadata_props}["libae.score"])
    assert note["units"] in ("scaled", "caller", "spread") and ("threshold" in note) == flagged, note
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    rows = numpy.fromfile(f"{folder}/rows.f32", dtype="<f4").reshape(-1, width)
    wanted = numpy.fromfile(f"{folder}/score.f32", dtype="<f4")
    score, *anomaly = session.run(names[2:], {"input": rows})
    assert score.shape == wanted.shape and score.dtype == numpy.float32, score.shape
    difference = numpy.max(numpy.abs(score - wanted) / numpy.maximum(1, numpy.abs(wanted)))
    assert difference < 2e-4, f"scores differ by {difference}"
    if flagged:
        flags = numpy.fromfile(f"{folder}/flags.u8", dtype="u1")
        assert anomaly[0].dtype == bool and (anomaly[0] == flags).all(), numpy.flatnonzero(anomaly[0] != flags)
        lost = numpy.full((1, width), numpy.nan, "f4")
        assert session.run(["anomaly"], {"input": lost})[0].all(), "NaN is not anomalous"
    print(f"onnx_runs.py: scores differ by at most {difference:.2g}")


if sys.argv[1] == "score":
    run_score(sys.argv[2], int(sys.argv[3]))
elif sys.argv[1] != "probe":
    directory, layer, names, *numbers = sys.argv[2:]
    numbers = [int(number) for number in numbers]
    check_model(f"{directory}/model.onnx", int(layer), names.split(","), numbers)
    run(directory, int(layer), numbers)
