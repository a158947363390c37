"""Official checkpoints of MMPose, MMDetection and PYSKL to ONNX, with PyTorch alone.

Our networks bear the published modules' names (see `nets/`), so a checkpoint's keys are ours: the
size, the number of keypoints and, where the head fixes it, the input size are read from the
tensors' shapes, and loading is strict. Nothing inside of the file is executed (see `unpickle.py`).
"""

import os
import re

import torch

from . import unpickle
from .checkpoint import load_strictly
from .errors import TrainError, suggest
from .export import make_card, write_checked
from .nets import cspnext, rtmdet, rtmo, stgcn
from .nets.mobilenetv2 import HeatmapPose
from .nets.simcc import RTMPose

# Keys which say nothing about the network that predicts, and why.
HARMLESS = [
    (r"data_preprocessor\.(mean|std)", "constants of the picture's normalisation"),
    (r"ema_.*", "MMDetection 2's weights from before averaging"),
    (r"head\.loss_oks\.sigmas", "a constant of RTMO's loss"),
]

# Names of older versions, which MMPose itself renames when it loads them.
RENAMED = [(r"^module\.", ""), (r"^keypoint_head\.", "head."),
           (r"^head\.final_layer\.0\.", "head.final_layer.")]

# A key that only the family has.
FAMILIES = {
    "rtmo": "head.dcc.x_fc.weight",
    "simcc": "head.cls_x.weight",
    "rtmdet": "bbox_head.rtm_cls.0.weight",
    "heatmap": "head.deconv_layers.0.weight",
    "stgcn": "cls_head.fc_cls.weight",
}


def harmless(key):
    return any(re.fullmatch(pattern, key) for pattern, _ in HARMLESS)


def weights_of(content, path):
    """The state dictionary in what a checkpoint file holds, under today's names."""
    if isinstance(content, dict) and "average" in content and "config" in content:
        raise TrainError(f"{path}: a checkpoint of stance_train; turn it into ONNX by "
                         f"stance_train export")
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not state:
        raise TrainError(f"{path}: holds no weights (no state_dict)")
    weights = {}
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            raise TrainError(f"{path}: {key!r} is not a tensor")
        if harmless(key):
            continue
        for pattern, new in RENAMED:
            key = re.sub(pattern, new, key)
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise TrainError(f"{path}: {key} holds values that are not finite")
        weights[key] = value.float() if value.is_floating_point() else value
    return weights


def read_weights(path):
    """The averaged weights of one of our checkpoints, or those of an official one."""
    content = unpickle.read(path)
    if isinstance(content, dict) and "average" in content and "config" in content:
        return content["average"]
    return weights_of(content, path)


class _Shapes:
    """The shapes of a checkpoint's tensors; a missing one is a sentence."""

    def __init__(self, state, path):
        self.state, self.path = state, path

    def __call__(self, key, rank):
        if key not in self.state:
            raise TrainError(f"{self.path}: {key} is missing")
        shape = list(self.state[key].shape)
        if len(shape) != rank:
            raise TrainError(f"{self.path}: {key} is {shape}, expected {rank} dimensions")
        return shape

    def count(self, pattern):
        """How many numbers there are at the place of `#`."""
        expression = re.compile(re.escape(pattern).replace(r"\#", r"(\d+)") + r"\.")
        return len({m.group(1) for m in map(expression.match, self.state) if m})

    def unknown(self, what):
        raise TrainError(f"{self.path}: {what} of no published size")


def _cspnext_size(shapes, sizes):
    width = shapes("backbone.stem.2.conv.weight", 4)[0]
    blocks = shapes.count("backbone.stage2.1.blocks.#")
    found = [name for name, (depth, factor) in sizes.items()
             if int(64 * factor) == width and max(round(6 * depth), 1) == blocks]
    return found or shapes.unknown(f"a CSPNeXt backbone of {width} channels and {blocks} blocks")


def _simcc(shapes, _):
    keypoints = shapes("head.final_layer.weight", 4)[0]
    cells = shapes("head.mlp.1.weight", 2)[1]
    bins = [shapes(f"head.cls_{axis}.weight", 2)[0] for axis in "xy"]
    # Both axes have split x size bins, and the cells cover 32 x 32 pixels each.
    split = (bins[0] * bins[1] / (cells * 1024)) ** 0.5
    width, height = (b / split for b in bins)
    if not (split >= 1 and width % 32 == 0 and height % 32 == 0):
        shapes.unknown(f"a SimCC head with {bins[0]} x {bins[1]} bins over {cells} cells")
    size = _cspnext_size(shapes, cspnext.SIZES)[0]
    return RTMPose(size, keypoints, (int(width), int(height)), split)


def _rtmdet(shapes, input_size):
    classes, channels = shapes("bbox_head.rtm_cls.0.weight", 4)[:2]
    sizes = {name: entry[0] for name, entry in rtmdet.DETECTORS.items() if entry[2] == channels}
    size = _cspnext_size(shapes, sizes)[0]
    side = 320 if size in ("pico", "nano") else 640
    return rtmdet.RTMDet(size, input_size or (side, side), classes)


def _rtmo(shapes, input_size):
    width = shapes("backbone.stem.conv.conv.weight", 4)[0]
    blocks = shapes.count("backbone.stage2.1.blocks.#")
    found = [name for name, (depth, factor, _, _) in rtmo.MODELS.items()
             if int(64 * factor) == width and max(round(9 * depth), 1) == blocks]
    if not found:
        shapes.unknown(f"a CSPDarknet backbone of {width} channels and {blocks} blocks")
    keypoints = shapes("head.head_module.out_kpt_vis.0.weight", 4)[0]
    bins = [shapes(f"head.dcc.{axis}_bins", 1)[0] for axis in "xy"]
    return rtmo.RTMO(found[0], keypoints, input_size, bins)


def _heatmap(shapes, input_size):
    keypoints = shapes("head.final_layer.weight", 4)[0]
    size = ("mobilenetv2" if "backbone.conv1.conv.weight" in shapes.state
            else _cspnext_size(shapes, cspnext.SIZES)[0])
    return HeatmapPose(size, keypoints, input_size or (192, 256))


def _stgcn(shapes, _):
    classes = shapes("cls_head.fc_cls.weight", 2)[0]
    stages = shapes.count("backbone.gcn.#")
    joints = shapes("backbone.gcn.0.gcn.A", 3)[1]
    size = [name for name, entry in stgcn.SIZES.items() if entry[0] == stages]
    layout = [name for name, entry in stgcn.LAYOUTS.items() if entry[0] == joints]
    if not size or not layout:
        shapes.unknown(f"an ST-GCN++ of {stages} stages over {joints} joints")
    values = shapes("backbone.data_bn.weight", 1)[0] // joints
    # PYSKL's published ones look at two people over 100 frames, its gestures at one over ten.
    people, frames = (1, 10) if layout[0] == "hand" else (2, 100)
    return stgcn.STGCN(size[0], classes, layout[0], values, frames, people)


_BUILDERS = {"simcc": _simcc, "rtmdet": _rtmdet, "rtmo": _rtmo, "heatmap": _heatmap,
             "stgcn": _stgcn}


def build(state, path, family=None, input_size=None):
    """The network that weights belong to, with these weights, ready to predict."""
    if family is None:
        family = next((name for name, key in FAMILIES.items() if key in state), None)
        if family is None:
            raise TrainError(f"{path}: of no family that is known here ({', '.join(FAMILIES)}); "
                             f"its first keys are {', '.join(list(state)[:3])}")
    elif family not in FAMILIES:
        raise TrainError(f"--family {family}: not known; {suggest(family, list(FAMILIES))}")
    network = _BUILDERS[family](_Shapes(state, path), input_size)
    own = network.state_dict()
    # Checkpoints from before PyTorch 0.4.1 lack these counts, which no prediction reads.
    counts = {k: v for k, v in own.items() if k.endswith("num_batches_tracked") and k not in state}
    load_strictly(network, {**state, **counts}, path)
    _check_shared(own, state, path)
    return network.eval()


def _check_shared(own, state, path):
    """Layers that share their weights must agree in the file, too."""
    first = {}
    for key, tensor in own.items():
        if tensor.numel():
            twin = first.setdefault(tensor.data_ptr(), key)
            if twin != key and not torch.equal(state[twin], state[key]):
                raise TrainError(f"{path}: {twin} and {key} differ, but are one layer here")


def convert(source, path, family=None, input_size=None):
    """Writes `path` and its card. Returns the network, and the difference between stance and
    PyTorch (None where stance is not there)."""
    network = build(weights_of(unpickle.read(source), source), source, family, input_size)
    difference = write_checked(network, path)
    fields = {"title": f"{network.family}-{network.size}, converted from "
                       f"{os.path.basename(source)}"}
    if network.family == "stgcn":
        fields["layout"] = network.layout
    make_card(path, network, "float32", fields)
    return network, difference


def parse_size(text):
    """`WxH` or `S`; None stays None."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) not in (1, 2) or not all(p.isdigit() and int(p) % 32 == 0 and int(p) > 0
                                           for p in parts):
        raise TrainError(f"--input-size {text}: expected WIDTHxHEIGHT, multiples of 32")
    return (int(parts[0]), int(parts[-1]))
