"""From a checkpoint to the ONNX file and model card that stance runs, checked against PyTorch."""

import hashlib
import json
import os
import subprocess
import warnings

import numpy as np
import torch
from torch import nn

from . import checkpoint
from .engine import Network, find_library, find_program
from .errors import TrainError

OPSET = 13
PARITY = 1e-4

# What the networks of each family want to see: order of the colours, mean and deviation.
INPUTS = {
    "simcc": ("rgb", [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
    "heatmap": ("rgb", [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
    "rtmdet": ("bgr", [103.53, 116.28, 123.675], [57.375, 57.12, 58.395]),
}

OUTPUTS = {"rtmdet": ["maps_8", "maps_16", "maps_32"], "simcc": ["simcc_x", "simcc_y"],
           "heatmap": ["heatmaps"]}


class _RawHead(nn.Module):
    """RTMDet's maps as one output [1,h,w,5] per level: logit, left, top, right, bottom."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, pictures):
        return tuple(torch.cat([c, r], 1).permute(0, 2, 3, 1) for c, r in self.network(pictures))


def load_network(path):
    """The averaged network of a training's checkpoint, and its configuration."""
    state = checkpoint.load(path)
    if not isinstance(state, dict) or "config" not in state or "average" not in state:
        raise TrainError(f"{path}: not a checkpoint of stance_train; official ones are turned into "
                         f"ONNX by stance_train convert")
    from .families import build
    network = build(state["config"])
    checkpoint.load_averaged(network, state, path)
    return network.eval(), state["config"], state.get("history", [])


def write_onnx(network, path, example, names, batch):
    """Exports to ONNX beside `path`, then puts it in place. `names`: of inputs and outputs;
    `batch`: whether the number of pictures is left open."""
    unfinished = f"{path}.{os.getpid()}.part"
    try:
        with warnings.catch_warnings():   # PyTorch's, about its own exporter
            warnings.simplefilter("ignore")
            torch.onnx.export(network, example, unfinished, opset_version=OPSET,
                              input_names=names[0], output_names=names[1],
                              dynamic_axes={n: {0: "batch"} for n in names[0] + names[1]}
                              if batch else None)
        os.replace(unfinished, path)
    except OSError as error:
        raise TrainError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        if os.path.exists(unfinished):
            os.unlink(unfinished)


def halve(path):
    """Stores the kernels and matrices of an ONNX file as float16, each with a Cast to float32."""
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError:
        raise TrainError("--half needs the onnx package (Debian: python3-onnx)") from None
    model = onnx.load(path)
    casts = []
    for weights in model.graph.initializer:
        values = numpy_helper.to_array(weights)
        if values.dtype != np.float32 or values.ndim < 2:
            continue
        name = weights.name
        weights.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + "_half"))
        casts.append(onnx.helper.make_node("Cast", [name + "_half"], [name], name=name + "_cast",
                                           to=onnx.TensorProto.FLOAT))
    nodes = casts + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path)


def check_parity(network, path, example):
    """The largest difference between PyTorch and libstance on the same input, relative to the
    largest value; None where libstance is not there."""
    if not find_library():
        return None
    with torch.no_grad():
        expected = [o.numpy() for o in network(example)]
    engine = Network(path)
    found = engine(example.numpy())
    engine.close()
    if [e.shape for e in expected] != [f.shape for f in found]:
        raise TrainError(f"{path}: stance gives {[f.shape for f in found]}, "
                         f"PyTorch {[e.shape for e in expected]}")
    return max(float(np.abs(e - f).max() / max(np.abs(e).max(), 1)) for e, f in zip(expected, found))


def _counts(path):
    """Parameters and multiply-adds as `stance info` counts them; nothing without stance."""
    program = find_program()
    if not program:
        return {}
    done = subprocess.run([program, "info", "--json", path], capture_output=True, text=True)
    if done.returncode != 0:
        raise TrainError(f"{path}: {done.stderr.strip()}")
    told = json.loads(done.stdout)
    return {key: told[key] for key in ("parameters", "multiply_adds") if told.get(key)}


def make_card(path, config, storage, fields, metrics):
    """The model card of docs/formats.md for an exported file."""
    model = config["model"]
    width, height = model["input_size"]
    colours, mean, std = INPUTS[model["family"]]
    with open(path, "rb") as file:
        content = file.read()
    card = {"stance_card": 1, "name": os.path.splitext(os.path.basename(path))[0],
            "family": model["family"],
            "input": {"width": width, "height": height, "colours": colours, "mean": mean,
                      "std": std}}
    if model["family"] != "rtmdet":
        card["keypoint_set"] = model["keypoint_set"]
    card.update(_counts(path))
    card.update({"storage": storage, "sha256": hashlib.sha256(content).hexdigest(), **fields})
    if metrics:
        try:
            with open(metrics, encoding="utf-8") as file:
                card["metrics"] = json.load(file)
        except (OSError, ValueError) as error:
            raise TrainError(f"{metrics}: {error}; give the list that stance_train measure "
                             f"wrote") from None
    target = os.path.splitext(path)[0] + ".json"
    with open(target, "w", encoding="utf-8") as file:
        json.dump(card, file, indent=2, ensure_ascii=False)
        file.write("\n")
    return card


def export(source, path, half=False, fields=None, metrics=None):
    """Writes the ONNX file `path` and its card; returns the card and the difference between
    stance and PyTorch (None where stance is not there)."""
    network, config, _ = load_network(source)
    family = config["model"]["family"]
    width, height = config["model"]["input_size"]
    example = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    wrapped = _RawHead(network).eval() if family == "rtmdet" else network
    write_onnx(wrapped, path, example, (["input"], OUTPUTS[family]), batch=family != "rtmdet")
    difference = check_parity(wrapped, path, example)
    if difference is not None and difference > PARITY:
        raise TrainError(f"{path}: stance and PyTorch differ by {difference:.2g}, more than "
                         f"{PARITY:g}; please report this")
    if half:
        halve(path)
    return make_card(path, config, "float16" if half else "float32", fields or {},
                     metrics), difference
