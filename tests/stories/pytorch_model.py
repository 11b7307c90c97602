#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An autoencoder of PyTorch behind nn.DataParallel, without PyTorch one like it; see scripts/check-stories."""
import ctypes
import json
import os
import struct
import subprocess
import sys

try:
    import numpy as np
except ImportError:
    sys.exit(77)

WIDTH, ROWS = 12, 500


def write(path, tensors):
    """safetensors: a length, JSON, then the bytes of the tensors."""
    header, data = {}, b""
    for name, value in sorted(tensors.items()):
        value = np.asarray(value)
        kind = {"float32": "F32", "int64": "I64"}[str(value.dtype)]
        header[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [len(data), len(data) + value.nbytes]}
        data += value.tobytes()
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def by_pytorch(rows):
    """Trained a little; what PyTorch itself makes of the rows is what counts."""
    import torch
    from torch import nn

    torch.manual_seed(3)
    model = nn.Module()
    model.encoder = nn.Sequential(nn.Linear(WIDTH, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    model.decoder = nn.Sequential(
        nn.Linear(3, 8, bias=False), nn.BatchNorm1d(8, affine=False), nn.ReLU(), nn.Linear(8, WIDTH), nn.Sigmoid())
    x = torch.from_numpy(rows)
    adam = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(100):
        adam.zero_grad()
        nn.functional.mse_loss(model.decoder(model.encoder(x)), x).backward()
        adam.step()
    model.eval()
    with torch.no_grad():
        wanted = model.decoder(model.encoder(x)).numpy()
    return {name: value.numpy() for name, value in nn.DataParallel(model).state_dict().items()}, wanted


def by_numpy(rows):
    """The same layers with drawn values."""
    rng = np.random.default_rng(3)
    draw = lambda *shape: rng.normal(size=shape).astype("f4")
    t = {"encoder.0.weight": draw(8, WIDTH), "encoder.0.bias": draw(8), "encoder.3.weight": draw(3, 8),
         "encoder.3.bias": draw(3), "decoder.0.weight": draw(8, 3), "decoder.3.weight": draw(WIDTH, 8),
         "decoder.3.bias": draw(WIDTH), "encoder.1.weight": draw(8), "encoder.1.bias": draw(8)}
    for norm in ("encoder.1", "decoder.1"):
        t[f"{norm}.running_mean"], t[f"{norm}.running_var"] = draw(8), np.abs(draw(8))
        t[f"{norm}.num_batches_tracked"] = np.int64(100)
    normal = lambda x, norm: (x - t[f"{norm}.running_mean"]) / np.sqrt(t[f"{norm}.running_var"] + 1e-5)
    x = normal(rows @ t["encoder.0.weight"].T + t["encoder.0.bias"], "encoder.1")
    x = np.maximum(x * t["encoder.1.weight"] + t["encoder.1.bias"], 0)
    x = x @ t["encoder.3.weight"].T + t["encoder.3.bias"]
    x = np.maximum(normal(x @ t["decoder.0.weight"].T, "decoder.1"), 0)
    x = x @ t["decoder.3.weight"].T + t["decoder.3.bias"]
    return {f"module.{name}": value for name, value in t.items()}, 1 / (1 + np.exp(-x))


def make(folder):
    rows = np.random.default_rng(1).random((ROWS, WIDTH), dtype="f4")
    try:
        tensors, wanted = by_pytorch(rows)
    except ImportError:
        tensors, wanted = by_numpy(rows)
    np.save(os.path.join(folder, "rows.npy"), rows)
    np.save(os.path.join(folder, "wanted.npy"), wanted.astype("f4"))
    write(os.path.join(folder, "model.safetensors"), tensors)


def judge(folder):
    rows, wanted = (np.load(os.path.join(folder, f"{name}.npy")) for name in ("rows", "wanted"))
    session = np.load(os.path.join(folder, "reconstructions.npy"))
    library = os.path.join(folder, "exported.so")
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-shared", "-fPIC", "-o", library,
                    os.path.join(folder, "exported.c")], check=True)
    reconstruct, exported = ctypes.CDLL(library).model_reconstruct, np.empty_like(rows)
    for row, out in zip(rows, exported):
        reconstruct(row.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p))
    differences = {"session": np.abs(session - wanted).max(), "exported C": np.abs(exported - wanted).max()}
    for name, difference in differences.items():
        print(f"result {name}: {difference:.2g} from PyTorch's own output at most")
    return all(difference < 1e-5 for difference in differences.values())


if __name__ == "__main__":
    sys.exit(make(sys.argv[2]) if sys.argv[1] == "make" else not judge(sys.argv[2]))
