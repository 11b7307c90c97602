# SPDX-License-Identifier: BSD-3-Clause
"""The reference safetensors package and PyTorch against files that libae wrote, and the other way round.

    interop.py probe                   status 0 when torch, numpy and safetensors are there, else 77
    interop.py read DIR NORM WIDTH...  check DIR/model.safetensors, and its output on DIR/rows.f32
                                       against DIR/reconstruction.f32
    interop.py write DIR NORM WIDTH... write DIR/foreign.safetensors from a PyTorch module, its
                                       output on DIR/rows.f32 to DIR/foreign.f32
    interop.py docs_save DIR DOC       write DOC's Python programs to DIR and run save.py and plain.py there: their
                                       files, their outputs on rows.f32 beside them, and files of other types
    interop.py wild DIR                write models as others name them to DIR/wild0.safetensors and so on, their
                                       outputs on rows.f32 to DIR/wild0.f32
    interop.py docs_load DIR DOC       run load.py on trained.safetensors and compare with trained.f32

NORM is 1 with batch normalisation and 0 without. Numbers in .f32 files are float32, row after row.
"""
import collections
import json
import os
import re
import runpy
import sys

try:
    import numpy
    import torch
    import safetensors
    import safetensors.torch
except ImportError as missing:
    print(f"interop.py: {missing}")
    sys.exit(77)


class Layer(torch.nn.Module):
    """Linear, batch normalisation, sigmoid. libae's own layers have no bias in front of normalisation."""

    def __init__(self, inputs, outputs, norm, bias, eps):
        super().__init__()
        linear = torch.nn.Linear(inputs, outputs, bias=bias)
        self.weight, self.bias = linear.weight, linear.bias
        self.bn = torch.nn.BatchNorm1d(outputs, eps=eps) if norm else None

    def forward(self, x):
        x = torch.nn.functional.linear(x, self.weight, self.bias)
        return torch.sigmoid(x if self.bn is None else self.bn(x))


class Scaling(torch.nn.Module):
    """Between the caller's units and the network's, as docs/formats.md has it."""

    def __init__(self, features):
        super().__init__()
        self.register_buffer("offset", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))

    def forward(self, values):
        return (values - self.offset) / torch.where(self.scale > 0, self.scale, torch.inf)

    def inverse(self, outputs):
        return self.offset + self.scale * outputs


class Autoencoder(torch.nn.Module):
    def __init__(self, widths, code, norm, bias, eps=1e-5, scaled=False):
        super().__init__()
        self.scaling = Scaling(widths[0]) if scaled else None
        layers = [Layer(i, o, norm, bias, eps) for i, o in zip(widths, widths[1:])]
        self.encoder = torch.nn.Sequential(*layers[:code])
        self.decoder = torch.nn.Sequential(*layers[code:])

    def forward(self, x):
        if self.scaling is None:
            return self.decoder(self.encoder(x))
        return self.scaling.inverse(self.decoder(self.encoder(self.scaling(x))))


def expected_shapes(widths, code, norm):
    shapes = {}
    for layer, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        name = f"encoder.{layer}" if layer < code else f"decoder.{layer - code}"
        shapes[f"{name}.weight"] = ("F32", [outputs, inputs])
        if not norm:
            shapes[f"{name}.bias"] = ("F32", [outputs])
            continue
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.bn.{part}"] = ("F32", [outputs])
        shapes[f"{name}.bn.num_batches_tracked"] = ("I64", [])
    return shapes


def read_rows(path, width):
    return torch.from_numpy(numpy.fromfile(path, dtype="<f4").reshape(-1, width))


def read(folder, norm, widths):
    path, code = f"{folder}/model.safetensors", widths.index(min(widths))
    with safetensors.safe_open(path, framework="numpy") as model:
        metadata = model.metadata()
        found = {name: (model.get_slice(name).get_dtype(), model.get_slice(name).get_shape()) for name in model.keys()}
    wanted, scaled = expected_shapes(widths, code, norm), "scaling.offset" in found
    if scaled:
        wanted.update({f"scaling.{part}": ("F32", [widths[0]]) for part in ("offset", "scale")})
    assert sorted(found) == sorted(wanted), f"names: {sorted(set(found) ^ set(wanted))}"
    for name, (dtype, shape) in found.items():
        assert (dtype, list(shape)) == wanted[name], f"{name}: {dtype} {shape}, not {wanted[name]}"
    architecture = json.loads(metadata["libae.architecture"])
    assert metadata["format"] == "pt" and metadata["libae.format_version"] == "1", metadata
    assert architecture["widths"] == widths and architecture["code_layer"] == code, architecture
    assert architecture["batch_norm"] == bool(norm), architecture
    assert architecture["activations"] == ["sigmoid"] * (len(widths) - 1), architecture

    module = Autoencoder(widths, code, norm, bias=not norm, eps=architecture["bn_epsilon"], scaled=scaled)
    module.load_state_dict(safetensors.torch.load_file(path), strict=True)
    module.eval()
    with torch.no_grad():
        theirs = module(read_rows(f"{folder}/rows.f32", widths[0]))
    ours = read_rows(f"{folder}/reconstruction.f32", widths[0])
    if scaled:  # compared in the network's units
        module.scaling.scale[module.scaling.scale == 0] = 1
        ours, theirs = module.scaling(ours), module.scaling(theirs)
    difference = (theirs - ours).abs().max().item()
    print(f"interop.py: {len(found)} tensors, reconstructions differ by at most {difference:.2g}")
    assert ours.shape == theirs.shape and difference < 1e-5, difference


def write(folder, norm, widths):
    torch.manual_seed(5)
    module = Autoencoder(widths, widths.index(min(widths)), norm, bias=True)
    rows = read_rows(f"{folder}/rows.f32", widths[0])
    module.train()
    with torch.no_grad():
        for _ in range(3):  # running statistics that are not the initial ones
            module(rows)
        module.eval()
        module(rows).numpy().astype("<f4").tofile(f"{folder}/foreign.f32")
    state = collections.OrderedDict((name, value.contiguous()) for name, value in module.state_dict().items())
    safetensors.torch.save_file(state, f"{folder}/foreign.safetensors")


DOC_WIDTH = 12


def write_programs(document):
    """Each fenced Python block of a document is a program, whose first line is its name."""
    with open(document, encoding="utf-8") as file:
        blocks = re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```$", file.read(), re.DOTALL | re.MULTILINE)
    assert [name for name, _ in blocks] == ["plain.py", "autoencoder.py", "save.py", "load.py"], blocks
    for name, text in blocks:
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)


def write_output(reconstruct, rows, path):
    with torch.no_grad():
        reconstruct(rows).numpy().astype("<f4").tofile(path)


def docs_save(folder, document):
    os.chdir(folder)
    sys.path.insert(0, "")
    write_programs(document)
    torch.manual_seed(6)
    rows = torch.rand(40, DOC_WIDTH)
    rows.numpy().astype("<f4").tofile("rows.f32")
    model = runpy.run_path("save.py")["model"].eval()
    write_output(model, rows, "model.f32")
    state = model.state_dict()
    # The same without metadata, and in the types that a state dict may have; what those hold is what counts.
    safetensors.torch.save_file(state, "bare.safetensors")
    with safetensors.safe_open("model.safetensors", framework="pt") as file:
        metadata = file.metadata()
    for name in ("float64", "float16", "bfloat16"):
        cut = {k: v.to(getattr(torch, name)) if v.is_floating_point() else v for k, v in state.items()}
        safetensors.torch.save_file(cut, f"{name}.safetensors", metadata=metadata)
        model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in cut.items()})
        write_output(model, rows, f"{name}.f32")
    plain = runpy.run_path("plain.py")["model"].eval()
    write_output(lambda x: plain.decoder(plain.encoder(x)), rows, "plain.f32")


class Named(torch.nn.Module):
    """Layers as attributes; the activations stand in forward alone."""

    def __init__(self, names, norms):
        super().__init__()
        widths = [DOC_WIDTH, 9, 3, 9, DOC_WIDTH]
        for name, inputs, outputs, norm in zip(names, widths, widths[1:], norms):
            setattr(self, name, torch.nn.Linear(inputs, outputs))
            if norm is not None:
                setattr(self, norm, torch.nn.BatchNorm1d(outputs))
        self.names, self.norms = names, norms

    def forward(self, x):
        for layer, (name, norm) in enumerate(zip(self.names, self.norms)):
            x = getattr(self, name)(x)
            x = x if norm is None else getattr(self, norm)(x)
            x = x if layer == 1 else torch.sigmoid(x) if layer == 3 else torch.relu(x)
        return x


def halves(encoder, decoder):
    return torch.nn.Sequential(collections.OrderedDict(encoder=encoder, decoder=decoder))


def wild_models():
    nn = torch.nn
    half = [lambda: nn.Sequential(nn.Linear(DOC_WIDTH, 9, bias=False), nn.BatchNorm1d(9), nn.ReLU(), nn.Dropout(0.2),
                                  nn.Linear(9, 3)),
            lambda: nn.Sequential(nn.Linear(3, 9), nn.ReLU(), nn.Linear(9, DOC_WIDTH), nn.BatchNorm1d(DOC_WIDTH),
                                  nn.Sigmoid())]
    yield "", torch.float32, halves(half[0](), half[1]())
    yield "", torch.float32, nn.DataParallel(halves(half[0](), half[1]()))
    yield "_orig_mod.", torch.float64, halves(half[0](), half[1]())
    yield "", torch.float64, nn.Sequential(
        nn.Linear(DOC_WIDTH, 9), nn.BatchNorm1d(9, affine=False), nn.ReLU(), nn.Linear(9, 3), nn.Linear(3, 9), nn.ReLU(),
        nn.Linear(9, DOC_WIDTH), nn.Sigmoid())
    yield "model.", torch.float16, Named(["fc1", "fc2", "fc3", "fc4"], ["bn1", "bn2", "bn3", None])
    yield "", torch.bfloat16, Named(["enc1", "enc2", "dec2", "dec1"], ["enc_bn1", None, "dec_bn2", "dec_bn1"])


def wild(folder):
    os.chdir(folder)
    torch.manual_seed(7)
    rows = torch.rand(40, DOC_WIDTH)
    rows.numpy().astype("<f4").tofile("rows.f32")
    for number, (prefix, kind, model) in enumerate(wild_models()):
        for _ in range(3):
            model(rows)
        state = {name: value.to(kind) for name, value in model.state_dict().items()}
        safetensors.torch.save_file({prefix + k: v.contiguous() for k, v in state.items()}, f"wild{number}.safetensors")
        model.load_state_dict(state)  # as rounded
        write_output(model.eval(), rows, f"wild{number}.f32")


def docs_load(folder, _):
    os.chdir(folder)
    sys.path.insert(0, "")
    model = runpy.run_path("load.py")["model"]
    with torch.no_grad():
        theirs = model(read_rows("rows.f32", DOC_WIDTH))
    difference = (theirs - read_rows("trained.f32", DOC_WIDTH)).abs().max().item()
    assert difference < 1e-5, difference


def main(arguments):
    if arguments[0] == "probe":
        return
    if arguments[0] == "wild":
        wild(arguments[1])
        return
    if arguments[0].startswith("docs_"):
        {"docs_save": docs_save, "docs_load": docs_load}[arguments[0]](*arguments[1:])
        return
    folder, norm, widths = arguments[1], int(arguments[2]), [int(width) for width in arguments[3:]]
    {"read": read, "write": write}[arguments[0]](folder, norm, widths)


main(sys.argv[1:])
