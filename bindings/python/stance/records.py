"""Small answers of the library, as named tuples."""

from typing import Literal, NamedTuple


class Device(NamedTuple):
    """A device that can be used here."""

    name: str  # "cpu"
    description: str  # processor, cores, tiers


class ModelEntry(NamedTuple):
    """A model that is found by its name; path None: inside the library."""

    name: str  # "stance-pose"
    path: str | None  # None: inside the library
    bytes: int


class Preset(NamedTuple):
    """Networks that go together for a task; detector "center": one person in the middle of the
    picture, None: `pose` finds people itself."""

    name: str  # "wholebody-balanced", for Pipeline
    task: str  # "body", "feet", "wholebody", "hand", "face", "animal", "one-stage"
    mode: str  # "lightweight", "balanced", "performance"; of the body also "t", "s", "m", "l", "x"
    detector: str | None
    pose: str
    detector_classes: tuple[int, int]  # of Pipeline


class KeypointSet(NamedTuple):
    """Which keypoints a network gives, and how they belong together.

    names: left and right are the person's; edges: the skeleton, pairs of keypoints; flip: index of
    the mirrored keypoint; sigmas: OKS constants, or None; colors, edge_colors: RGB."""

    name: str  # "coco17"
    names: tuple[str, ...]  # "nose", "left_eye", …
    edges: tuple[tuple[int, int], ...]
    flip: tuple[int, ...]
    sigmas: tuple[float, ...] | None
    colors: tuple[tuple[int, int, int], ...]
    edge_colors: tuple[tuple[int, int, int], ...]


class Times(NamedTuple):
    """Where time went since the pipeline was opened, in nanoseconds."""

    letterbox: int
    crop: int
    network: int
    decode: int


class StreamCounts(NamedTuple):
    """Frames measured and filled, runs of the detector, people, timestamps that went back."""

    measured: int  # frames
    filled: int
    detections: int  # frames on which the detector ran
    people: int  # different ids in results
    clamped: int


class TensorInfo(NamedTuple):
    """An input or output of a network; what is open is None."""

    name: str
    dtype: str  # "float32", "int64", …
    shape: tuple[int | None, ...] | None  # None: open


class VideoInfo(NamedTuple):
    """What is known of a video since it was opened; -1, or a rate of 0: unknown."""

    width: int  # of the first frame, upright
    height: int
    live: bool
    rotation: int  # degrees clockwise that were applied
    frame_rate: float  # nominal; 0: unknown
    duration_us: int  # -1: unknown
    frame_count: int  # -1: unknown
    has_audio: bool
    container: str
    codec: str


class VideoStats(NamedTuple):
    """How reading goes: "online", "offline" or "ended", reconnections, and frames."""

    state: Literal["online", "offline", "ended"]
    epoch: int
    frames: int
    damaged: int
    dropped: int
    corrected: int


class Track(NamedTuple):
    """One track; box x1, y1, x2, y2 in pixels, velocity in pixels per second."""

    id: int  # from 1; 0 with mode "off"
    detection: int  # index among this frame's detections; -1: none
    state: Literal["seen", "lost", "new"]
    box: tuple[float, float, float, float]  # filtered, or predicted: x1, y1, x2, y2
    velocity: tuple[float, float]  # of the box's centre, pixels per second
    score: float
    hits: int
    recovered: bool  # seen again in this frame after it was lost
    born_us: int
    seen_us: int


class TrackerCounts(NamedTuple):
    """What a tracker has seen; the fields are those of struct stance_tracker_counts."""

    frames: int
    clamped: int
    births: int
    refused: int
    dropped: int
    unusable: int
    alive: int


for _class in (Device, ModelEntry, Preset, KeypointSet, Times, StreamCounts, TensorInfo, VideoInfo,
               VideoStats, Track, TrackerCounts):
    _class.__module__ = "stance"
