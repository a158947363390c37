"""The network of a configuration's [model] section."""

from .errors import TrainError, suggest
from .keypoints import KeypointSet
from .nets import stgcn
from .nets.cspnext import SIZES
from .nets.mobilenetv2 import HeatmapPose
from .nets.rtmdet import DETECTORS, RTMDet
from .nets.simcc import RTMPose


def _size(model, known):
    if model["size"] not in known:
        raise TrainError(f"model.size {model['size']!r} is not known; "
                         f"{suggest(model['size'], list(known))}")
    return model["size"]


def _simcc(model, auxiliary):
    return RTMPose(_size(model, SIZES), KeypointSet(model["keypoint_set"]).count,
                   model["input_size"], auxiliary=auxiliary)


def _rtmdet(model, _):
    return RTMDet(_size(model, DETECTORS), model["input_size"])


def _heatmap(model, _):
    return HeatmapPose(_size(model, ["mobilenetv2", *SIZES]),
                       KeypointSet(model["keypoint_set"]).count, model["input_size"])


def _stgcn(model, _):
    if model["layout"] not in stgcn.LAYOUTS:
        raise TrainError(f"model.layout {model['layout']!r} is not known; "
                         f"{suggest(model['layout'], list(stgcn.LAYOUTS))}")
    if model["values"] not in (2, 3) or model["people"] < 1 or model["frames"] < 4:
        raise TrainError("model.values must be 2 or 3, model.people 1 or more, model.frames 4 or "
                         "more")
    return stgcn.STGCN(_size(model, stgcn.SIZES), max(len(model["labels"]), 1), model["layout"],
                       model["values"], model["frames"], model["people"])


FAMILIES = {"simcc": _simcc, "heatmap": _heatmap, "rtmdet": _rtmdet, "stgcn": _stgcn}


def build(config, auxiliary=False):
    """A network with fresh weights; `auxiliary`: with the branches that only training needs, under
    names that begin with "auxiliary."."""
    model = config["model"]
    if model["family"] not in FAMILIES:
        raise TrainError(f"model.family {model['family']!r} is not known; "
                         f"{suggest(model['family'], list(FAMILIES))}")
    size = model.get("input_size", [32, 32])
    if any(v < 32 or v % 32 for v in size) or len(size) != 2:
        raise TrainError(f"model.input_size {size}: two multiples of 32, width and height")
    return FAMILIES[model["family"]](model, auxiliary)
