"""Models by MediaPipe's names, and what it has and stance has not."""

import os

import stance

from ..errors import make
from ..follow import all_threads
from ..zoo import card_of, stem_of

_COMPLEXITY = "tsm"
_TASKS = {"lite": "t", "full": "s", "heavy": "m"}


def refuse_masks(wanted):
    if wanted:
        raise make(-6, "STANCE_EUNSUPPORTED", "stance makes no segmentation masks", False)


def open_pipeline(models, detection_confidence, device="cpu"):
    """`models`: the arguments of Pipeline that name them."""
    return stance.Pipeline(**models, device=device, threads=all_threads(),
                           detector_threshold=detection_confidence)


def complexity_models(complexity):
    """model_complexity 0, 1, 2: RTMPose t, s, m; None: the built-in models."""
    if complexity is None:
        return {}
    if complexity not in (0, 1, 2):
        raise make(-1, "STANCE_EARGUMENT",
                   f"model_complexity is 0, 1 or 2, not {complexity!r}", False)
    return {"preset": _COMPLEXITY[complexity]}


def asset_models(path):
    """pose_landmarker_lite.task, …full…, …heavy…: RTMPose t, s, m, of which the file need not be
    there; an ONNX file or a model's name: with the built-in detector; None: the built-in models."""
    if path is None:
        return {}
    path = os.fspath(path)
    if not path.endswith((".task", ".tflite")):
        return {"pose": path if os.path.exists(path) else card_of(stem_of(path)) or path}
    for word, size in _TASKS.items():
        if word in stem_of(path):
            return {"preset": size}
    if stem_of(path) == "pose_landmarker":
        return {"preset": "s"}
    raise make(-6, "STANCE_EUNSUPPORTED", f"'{path}': stance reads ONNX files; of MediaPipe's it "
               "knows by name pose_landmarker_lite.task, …_full.task and …_heavy.task", False)


def is_present(person, confidence):
    """Whether a person is there, by a confidence on MediaPipe's scale: SimCC networks score the
    keypoints of clearly visible people from 0.4 to 0.8, BlazePose close to 1. Half of it is what
    the mean score of the keypoints that are seen has to reach."""
    return person.score >= 0.5 * confidence * person.box_score
