"""Small answers of the library, as named tuples; stance/__init__.pyi says what their fields mean."""

from typing import NamedTuple, Optional


class Device(NamedTuple):
    """A device that can be used here."""

    name: str
    description: str


class ModelEntry(NamedTuple):
    """A model that is found by its name; path None: inside the library."""

    name: str
    path: Optional[str]
    bytes: int


class Preset(NamedTuple):
    """Networks that go together; detector "center": one person in the middle, None: `pose` finds
    people itself; detector_classes: of Pipeline."""

    name: str
    task: str
    mode: str
    detector: Optional[str]
    pose: str
    detector_classes: tuple


class TensorInfo(NamedTuple):
    """An input or output of a network; what is open is None."""

    name: str
    dtype: str
    shape: Optional[tuple]


class Times(NamedTuple):
    """Where time went since the pipeline was opened, in nanoseconds."""

    letterbox: int
    crop: int
    network: int
    decode: int


class StreamCounts(NamedTuple):
    """Frames measured and filled, runs of the detector, people, timestamps that went back."""

    measured: int
    filled: int
    detections: int
    people: int
    clamped: int


class Track(NamedTuple):
    """One track; box x1, y1, x2, y2 in pixels, velocity in pixels per second."""

    id: int
    detection: int
    state: str
    box: tuple
    velocity: tuple
    score: float
    hits: int
    recovered: bool
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


class VideoInfo(NamedTuple):
    """What is known of a video since it was opened; -1, or a rate of 0: unknown."""

    width: int
    height: int
    live: bool
    rotation: int
    frame_rate: float
    duration_us: int
    frame_count: int
    has_audio: bool
    container: str
    codec: str


class VideoStats(NamedTuple):
    """How reading goes: "online", "offline" or "ended", reconnections, and frames."""

    state: str
    epoch: int
    frames: int
    damaged: int
    dropped: int
    corrected: int


for _class in (Device, ModelEntry, Preset, TensorInfo, Times, StreamCounts, Track, TrackerCounts,
               VideoInfo, VideoStats):
    _class.__module__ = "stance"
