"""Real-time human pose: people with keypoints in pictures, videos and camera streams.

    import stance

    with stance.Pipeline() as pipeline:
        people = pipeline.process(frame, "bgr")          # frame: uint8 (height, width, 3)
        for person in people:
            x, y, score = person["left_shoulder"]

Pictures are uint8 arrays (height, width, 3), or anything else with such a buffer; nothing is copied.
`pixels` says what the channels are, "rgb" or "bgr"; a Frame of read_video() knows it itself.
Coordinates are pixels of the picture, x right and y down, (0, 0) the centre of the first pixel.
Times are microseconds. Errors of the library are stance.Error. Any handle may be used from several
threads: who comes second waits."""

import json as _json
import os as _os

from ._stance import (Frame, Model, Pipeline, Session, Stream, Tracker, Video, Writer, card_names,
                      devices, draw, keypoint_map, models, presets, process_streams, read_image,
                      read_video, write_image)
from ._stance import evaluate_files as _evaluate_files
from ._stance import read_card as _read_card
from ._stance import read_sets as _read_sets
from ._stance import version as __version__
from .errors import (ArgumentError, CancelledError, ClosedError, DeviceError, ElementTypeError,
                     Error, FormatError, InputOutputError, LimitError, ModelError, NotFoundError,
                     OutOfMemoryError, ShapeError, UnsupportedError)
from .errors import make as _make_error
from .metrics import body_metrics
from .people import People, Person
from .records import (Device, KeypointSet, ModelEntry, Preset, StreamCounts, TensorInfo, Times,
                      Track, TrackerCounts, VideoInfo, VideoStats)

_sets = {_set.name: _set for _set in _read_sets()}


def keypoint_sets():
    """Names of the sets: "coco17", "halpe26", "wholebody133", "mediapipe33", …"""
    return list(_sets)


def keypoint_set(name):
    """A KeypointSet by its name."""
    if name not in _sets:
        raise _make_error(-4, "STANCE_ENOTFOUND", f"there is no keypoint set {name!r}: "
                          + ", ".join(_sets), False)
    return _sets[name]


def card(name):
    """What is known about a model: the JSON of its card, and with it "name" and "path" (None: built
    in, or not on this machine). NotFoundError when it has none."""
    name, path, text = _read_card(name)
    return {**_json.loads(text), "name": name, "path": path}


def evaluate_coco(annotations, results, *, metric="coco", **options):
    """COCO's numbers of results against a ground truth as a dict: "AP", "AP50", "AR", …; -1 where
    there is nothing to measure on.

    annotations: a COCO file; results: a COCO result file, or its entries. metric: "coco", "pck",
    "pckh", "auc", "epe" or "nme"; options: kind ("auto", "keypoints", "boxes"), keypoint_set,
    single_person."""
    if isinstance(results, (str, bytes, _os.PathLike)):
        return _evaluate_files(annotations, results, metric, **options)
    import tempfile  # takes a while, and few need it
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        _json.dump(list(results), file, default=_plain)
        file.flush()
        return _evaluate_files(annotations, file.name, metric, **options)


def _plain(value):
    """NumPy's arrays and numbers as JSON has them."""
    if not hasattr(value, "tolist"):
        raise TypeError(f"results: COCO's entries have no {type(value).__name__}")
    return value.tolist()


__all__ = [_name for _name in dir() if not _name.startswith("_") and
           _name not in ("errors", "metrics", "people", "records")]
