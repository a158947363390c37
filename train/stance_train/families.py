"""The network of a configuration's [model] section."""

from .errors import TrainError, suggest
from .keypoints import KeypointSet
from .nets.rtmdet import DETECTORS, RTMDet
from .nets.cspnext import SIZES
from .nets.simcc import RTMPose


def _size(model, known):
    if model["size"] not in known:
        raise TrainError(f"model.size {model['size']!r} is not known; "
                         f"{suggest(model['size'], list(known))}")
    return model["size"]


def _simcc(model, auxiliary):
    return RTMPose(_size(model, SIZES), KeypointSet(model["keypoint_set"]).count,
                   model["input_size"], auxiliary)


def _rtmdet(model, _):
    return RTMDet(_size(model, DETECTORS), model["input_size"])


FAMILIES = {"simcc": _simcc, "rtmdet": _rtmdet}


def build(config, auxiliary=False):
    """A network with fresh weights; `auxiliary`: with the branches that only training needs, under
    names that begin with "auxiliary."."""
    model = config["model"]
    if model["family"] not in FAMILIES:
        raise TrainError(f"model.family {model['family']!r} is not known; "
                         f"{suggest(model['family'], list(FAMILIES))}")
    if any(v < 32 or v % 32 for v in model["input_size"]) or len(model["input_size"]) != 2:
        raise TrainError(f"model.input_size {model['input_size']}: two multiples of 32, "
                         f"width and height")
    return FAMILIES[model["family"]](model, auxiliary)
