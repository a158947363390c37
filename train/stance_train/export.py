"""From a checkpoint to the ONNX file and model card that stance runs, checked against PyTorch."""

import hashlib
import json
import os
import warnings

import numpy as np
import torch
from torch import nn

from . import checkpoint
from .engine import Network, find_library, find_program, run_program
from .errors import TrainError

OPSET = 13
PARITY = 1e-4

# What the networks of each family want to see: order of the colours, mean and deviation.
INPUTS = {
    "simcc": ("rgb", [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
    "heatmap": ("rgb", [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
    "rtmdet": ("bgr", [103.53, 116.28, 123.675], [57.375, 57.12, 58.395]),
    "rtmo": ("bgr", [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]),
}

OUTPUTS = {"rtmdet": ["maps_8", "maps_16", "maps_32"], "simcc": ["simcc_x", "simcc_y"],
           "heatmap": ["heatmaps"], "rtmo": ["dets", "keypoints"], "stgcn": ["cls_score"]}

# The families that a model card may name. Others get a description of the same fields.
CARDS = ("simcc", "heatmap", "rtmdet")


class RawMaps(nn.Module):
    """RTMDet's maps of its first class as one output [1,h,w,5] per level: logit, left, top,
    right, bottom."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, pictures):
        return tuple(torch.cat([c[:, :1], r], 1).permute(0, 2, 3, 1)
                     for c, r in self.network(pictures))


def example_for(network):
    """A reproducible input of the right shape."""
    generator = torch.Generator().manual_seed(0)
    if network.family == "stgcn":
        return torch.randn(1, *network.input_shape, generator=generator)
    width, height = network.input_size
    noise = torch.randn(1, 3, height, width, generator=generator)
    return (noise * 60 + 115).clamp(0, 255) if network.family == "rtmo" else noise


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
    """Stores the kernels and matrices of an ONNX file as float16, each with a Cast to float32.
    Names take room too: only weights and the nodes that use them keep theirs."""
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
        casts.append(onnx.helper.make_node("Cast", [name + "_half"], [name],
                                           to=onnx.TensorProto.FLOAT))
    kept = {value.name for value in [*model.graph.output, *model.graph.initializer]}
    kept |= {cast.output[0] for cast in casts} | {value.name for value in model.graph.input}
    short = {}
    for node in model.graph.node:
        if not kept.intersection(node.input):
            node.name = ""
        for values in (node.input, node.output):
            for i, value in enumerate(values):
                if value and value not in kept:
                    values[i] = short.setdefault(value, str(len(short)))
    nodes = casts + list(model.graph.node)
    del model.graph.node[:], model.graph.value_info[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path)


def _furthest(expected, found):
    """The largest difference of people [n,C] (corners, score, keypoints) which may come in another
    order; those who score as the last one does may be others."""
    sure = expected[expected[:, 4] > expected[:, 4].min() + 1e-5]
    return max((float(np.abs(found - row).max(1).min()) for row in sure), default=0.0)


def check_parity(network, path, example, unordered=False):
    """The largest difference between PyTorch and libstance on the same input, relative to the
    largest value; None where libstance is not there. `unordered`: people of equal score may
    change places."""
    if not find_library():
        return None
    with torch.no_grad():
        expected = network(example)
    expected = [o.numpy() for o in (expected if isinstance(expected, tuple) else (expected,))]
    engine = Network(path)
    try:
        found = engine(example.numpy())
    finally:
        engine.close()
    if [e.shape for e in expected] != [f.shape for f in found]:
        raise TrainError(f"{path}: stance gives {[f.shape for f in found]}, "
                         f"PyTorch {[e.shape for e in expected]}")
    if unordered:
        rows = [np.concatenate([o[0].reshape(o.shape[1], -1) for o in outputs], 1)
                for outputs in (expected, found)]
        return _furthest(*rows) / max(float(np.abs(rows[0]).max()), 1)
    return max(float(np.abs(e - f).max() / max(np.abs(e).max(), 1))
               for e, f in zip(expected, found))


def write_checked(network, path):
    """Writes a network of any family as ONNX. Returns the difference between stance and PyTorch,
    which is within PARITY, or None where stance is not there."""
    family = network.family
    wrapped = RawMaps(network).eval() if family == "rtmdet" else network
    example = example_for(network)
    inputs = ["input_tensor" if family == "stgcn" else "input"]
    write_onnx(wrapped, path, example, (inputs, OUTPUTS[family]),
               batch=family in ("simcc", "heatmap"))
    difference = check_parity(wrapped, path, example, family == "rtmo")
    if difference is not None and difference > PARITY:
        raise TrainError(f"{path}: stance and PyTorch differ by {difference:.2g}, more than "
                         f"{PARITY:g}; please report this")
    return difference


def _counts(path):
    """Parameters and multiply-adds as `stance info` counts them; nothing without stance."""
    if not find_program():
        return {}
    told = run_program("info", "--json", path)
    return {key: told[key] for key in ("parameters", "multiply_adds") if told.get(key)}


def make_card(path, network, storage, fields, metrics=None):
    """The model card of docs/formats.md for an exported file; of a family that cards do not know,
    the same without `stance_card`."""
    with open(path, "rb") as file:
        content = file.read()
    card = {"stance_card": 1} if network.family in CARDS else {}
    card.update({"name": os.path.splitext(os.path.basename(path))[0], "family": network.family})
    if network.family in INPUTS:
        colours, mean, std = INPUTS[network.family]
        width, height = network.input_size
        card["input"] = {"width": width, "height": height, "colours": colours, "mean": mean,
                         "std": std}
    else:
        card["shape"] = list(network.input_shape)
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
    difference = write_checked(network, path)
    if half:
        halve(path)
    model = config["model"]
    told = {k: model[k] for k in ("keypoint_set", "layout", "labels") if k in model}
    return make_card(path, network, "float16" if half else "float32", {**told, **(fields or {})},
                     metrics), difference
