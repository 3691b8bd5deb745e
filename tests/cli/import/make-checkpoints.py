"""Writes the checkpoints in fixtures/ and, beside them, what is in them as safetensors.

Needs PyTorch and numpy (Debian: python3-torch). The safetensors are written with struct and json alone, so that what
the tests compare with comes from torch's and numpy's own view of the values. Run in this folder:

    python3 make-checkpoints.py
"""
import argparse
import collections
import json
import os
import pathlib
import struct

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent / "fixtures"
TYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64", torch.int32: "I32",
         torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}


def raw(tensor):
    """Bytes of a tensor, row-major."""
    tensor = tensor.detach().contiguous()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.int16)
    return tensor.numpy().tobytes()


def write_safetensors(name, tensors):
    header, blobs, at = {}, [], 0
    for key, tensor in tensors.items():
        tensor = torch.from_numpy(np.ascontiguousarray(tensor)).reshape(tensor.shape) if isinstance(tensor, np.ndarray) else tensor
        blob = raw(tensor)
        header[key] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    (HERE / name).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def random(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def kinds_of_tensors():
    """Every element type, and every way for tensors to lie in their storages."""
    base = random(1, 6, 5)
    state = collections.OrderedDict()
    state["plain"] = random(2, 2, 3, 4)
    state["shared.rows"] = base[1:3]
    state["shared.columns"] = base[:, 1:4:2]
    state["shared.turned"] = base.t()
    state["parameter"] = torch.nn.Parameter(random(3, 3))
    state["half"] = random(4, 5).half()
    state["bfloat16"] = random(5, 7).bfloat16()
    state["double"] = random(6, 2, 2).double()
    state["long"] = torch.tensor([1, -2, 3])
    state["short"] = torch.tensor([1, -2], dtype=torch.int16)
    state["bytes"] = torch.tensor([1, 255], dtype=torch.uint8)
    state["flags"] = torch.tensor([True, False])
    state["scalar"] = torch.tensor(7)
    state["empty"] = torch.zeros(0, 3)
    state["name with spaces \u00e9"] = random(7, 1)
    state._metadata = {"": {"version": 1}}
    return state


def write_kinds():
    state = kinds_of_tensors()
    write_safetensors("kinds.safetensors", state)
    parameters = [torch.nn.Parameter(random(8, 2))]
    optimizer = torch.optim.Adam(parameters)
    parameters[0].grad = torch.ones(2)
    optimizer.step()
    whole = {
        "model_state": state, "optimizer_state": optimizer.state_dict(), "epoch": 12, "best": np.float64(0.5), "history": np.arange(3, dtype=np.int64),
        "options": argparse.Namespace(lr=1e-3), "path": pathlib.PosixPath("runs/1"), "seen": {1, 2}, "steps": collections.Counter(["a", "a"]),
        "defaults": collections.defaultdict(list), "device": torch.device("cpu"), "dtype": torch.float16, "size": torch.Size([1, 2]), "big": 2**70, "nothing": None,
    }
    torch.save(whole, HERE / "kinds.pth")
    torch.save(whole, HERE / "kinds-stream.pth", _use_new_zipfile_serialization=False)
    torch.save(whole, HERE / "kinds-protocol4.pth", pickle_protocol=4)
    torch.save(whole, HERE / "kinds-protocol1.pth", pickle_protocol=1)


def write_numpy():
    arrays = {"a.weight": np.asfortranarray(random(9, 3, 4).numpy()), "a.bias": random(10, 4).numpy().astype(np.float16), "swapped": random(11, 5).numpy().astype(">f4"),
              "counts": np.arange(4, dtype=np.int32), "scalar": np.float64(0.25)}
    np.savez(HERE / "arrays.npz", **arrays)
    np.savez_compressed(HERE / "arrays-packed.npz", **{**arrays, "zeros": np.zeros((64, 8), np.float32)})
    np.save(HERE / "one.npy", arrays["a.weight"])
    native = {name: np.asarray(a).astype(np.asarray(a).dtype.newbyteorder("=")) for name, a in arrays.items()}
    write_safetensors("arrays.safetensors", native)


def write_module():
    torch.manual_seed(12)
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    torch.save(module, HERE / "module.pth")
    write_safetensors("module.safetensors", module.state_dict())


# The layers of fixtures/layers.spnet: path, kernel, input and output channels, bias.
LAYERS = [
    ("a.0", (3, 3, 3), 2, 4, True), ("a.1", (1, 3, 5), 4, 4, False), ("b.conv", (2, 2, 2), 4, 3, False), ("b.flat", (2, 1, 2), 3, 2, False),
    ("c", (1, 1, 1), 2, 5, False), ("d", (3, 1, 1), 5, 5, False), ("head", (), 5, 3, True), ("square", (), 3, 3, False),
]
NORMS = {"a.0": ("a.norm", 4), "b.flat": ("b.norm", 2)}  # by the layer before


def stored(system, w):
    """A kernel [k0, k1, k2, Cin, Cout] as a system stores it, element by element after its source (see docs/IMPORT.md)."""
    *k, cin, cout = w.shape
    taps = int(np.prod(k, dtype=int))
    if not k:
        linear_in_out = system == "scn"
        return w if linear_in_out else np.ascontiguousarray(w.T)
    if system == "spconv1":
        return w
    if system == "spconv2" and taps == 1:
        return w.reshape(cout, *k, cin)
    if system in ("minkowski", "torchsparse") and taps == 1:
        return w.reshape(cin, cout)
    shapes = {"spconv2": (cout, *k, cin), "spconv21": (*k, cout, cin), "minkowski": (taps, cin, cout), "torchsparse": (taps, cin, cout), "scn": (taps, 1, cin, cout), "fvdb": (cout, cin, *k)}
    out = np.zeros(shapes[system], w.dtype)
    for r0 in range(k[0]):
        for r1 in range(k[1]):
            for r2 in range(k[2]):
                first, last = r0 + k[0] * (r1 + k[1] * r2), (r0 * k[1] + r1) * k[2] + r2
                for ci in range(cin):
                    for co in range(cout):
                        at = {"spconv2": (co, r0, r1, r2, ci), "spconv21": (r0, r1, r2, co, ci), "minkowski": (first, ci, co), "torchsparse": (first if taps % 2 == 1 else last, ci, co), "scn": (last, 0, ci, co), "fvdb": (co, ci, r0, r1, r2)}[system]
                        out[at] = w[r0, r1, r2, ci, co]
    return out


def write_systems():
    canonical, seed = {}, 100
    for path, kernel, cin, cout, bias in LAYERS:
        canonical[f"{path}.weight"] = random(seed, *kernel, cin, cout).numpy()
        if bias:
            canonical[f"{path}.bias"] = random(seed + 1, cout).numpy()
        norm, channels = NORMS.get(path, (None, 0))
        for i, part in enumerate(("weight", "bias", "running_mean", "running_var") if norm else ()):
            value = random(seed + 2 + i, channels).numpy()
            canonical[f"{norm}.{part}"] = np.abs(value) if part == "running_var" else value
        seed += 6
    write_safetensors("layers.safetensors", canonical)
    kernels = {f"{path}.weight" for path, *_ in LAYERS}
    linears = {f"{path}.weight" for path, kernel, *_ in LAYERS if not kernel}
    for system in ("spconv2", "spconv21", "spconv1", "minkowski", "torchsparse", "scn", "fvdb"):
        state = collections.OrderedDict()
        for name, value in canonical.items():
            path, part = name.rsplit(".", 1)
            if name in kernels:
                form = "spconv2" if system == "spconv21" and value.ndim == 5 and value.shape[:3] == (1, 1, 1) else system
                own = "linear.weight" if system == "minkowski" and name in linears else "kernel" if system in ("minkowski", "torchsparse") and name not in linears else "weight"
                state[f"{path}.{own}"] = torch.from_numpy(stored(form, value).copy())
            elif system == "minkowski" and path.endswith("norm"):
                state[f"{path}.bn.{part}"] = torch.from_numpy(value)
            elif system == "minkowski" and part == "bias":
                state[f"{path}.linear.bias" if f"{path}.weight" in linears else f"{path}.bias"] = torch.from_numpy(value.reshape(-1) if f"{path}.weight" in linears else value.reshape(1, -1))
            else:
                state[name] = torch.from_numpy(value)
            if part == "running_var":
                infix = "bn." if system == "minkowski" else ""
                state[f"{path}.{infix}num_batches_tracked"] = torch.tensor(3)
        torch.save({"state_dict": state}, HERE / f"layers-{system}.pth")


if __name__ == "__main__":
    os.makedirs(HERE, exist_ok=True)
    write_kinds()
    write_numpy()
    write_module()
    write_systems()
