# The public interface of stance/__init__.py and stance/_stance. Docstrings say more where a type does not.

import os
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import Buffer, Self

from .errors import (
    ArgumentError as ArgumentError,
    CancelledError as CancelledError,
    ClosedError as ClosedError,
    DeviceError as DeviceError,
    ElementTypeError as ElementTypeError,
    Error as Error,
    FormatError as FormatError,
    InputOutputError as InputOutputError,
    LimitError as LimitError,
    ModelError as ModelError,
    NotFoundError as NotFoundError,
    OutOfMemoryError as OutOfMemoryError,
    ShapeError as ShapeError,
    UnsupportedError as UnsupportedError,
)
from .records import (
    Device as Device,
    KeypointSet as KeypointSet,
    ModelEntry as ModelEntry,
    Preset as Preset,
    StreamCounts as StreamCounts,
    TensorInfo as TensorInfo,
    Times as Times,
    Track as Track,
    TrackerCounts as TrackerCounts,
    VideoInfo as VideoInfo,
    VideoStats as VideoStats,
)

Pixels: TypeAlias = Literal["rgb", "bgr"]
Path: TypeAlias = str | os.PathLike[str]
Picture: TypeAlias = "Buffer | Frame"  # uint8 (H, W, 3), or a frame of read_video()

__version__: Final[str]

class _Handle:
    """What is opened and has to be closed. Any thread may use it: who comes second waits."""

    @property
    def closed(self) -> bool: ...
    def close(self) -> None:
        """Frees it; what it gave stays valid. Everything else raises ClosedError from now on."""
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None,
        trace: TracebackType | None, /,
    ) -> None: ...

# ---- What is here ------------------------------------------------------------------------------

def devices() -> list[Device]:
    """Devices that can be used here."""

def models() -> list[ModelEntry]:
    """Models that are found by name, built-in ones first."""

def presets() -> list[Preset]:
    """Networks that go together for a task, here or not."""

def card_names() -> list[str]:
    """Models that are known, here or not: their cards come with stance."""

def card(name: Path) -> dict[str, Any]:
    """What is known about a model: the JSON of its card (docs/formats.md), and with it "name" and
    "path" (None: built in, or not on this machine). NotFoundError when it has none."""

def keypoint_sets() -> list[str]:
    """Names of the sets: "coco17", "halpe26", "wholebody133", "mediapipe33", …"""

def keypoint_set(name: str) -> KeypointSet:
    """A set by its name."""

def keypoint_map(source: str, target: str) -> NDArray[np.int32]:
    """For every keypoint of the set `target` the index of the one in `source` that is the same place
    of the body, or -1."""

# ---- People ------------------------------------------------------------------------------------

class Person:
    """One person; views of the People it is from."""

    keypoints: NDArray[np.float32]  # (K, 2): x, y in pixels; may lie outside the picture
    scores: NDArray[np.float32]  # (K,), 0 … 1; heatmap peaks can be a little above 1
    box: NDArray[np.float32]  # (4,): x1, y1, x2, y2 in pixels
    box_score: float  # 0 … 1; 1 for boxes that were given
    score: float  # box_score × mean score of the keypoints above 0.2
    id: int  # of the track; 0: none
    detector_class: int  # of the box, among those the detector knows; 0: it comes from elsewhere
    keypoint_set: KeypointSet
    def __getitem__(self, name: str | int) -> tuple[float, float, float]:
        """x, y, score of a keypoint by its name or index."""

class People(Sequence[Person]):
    """The people of one picture: best box first, those of a stream by id. Arrays are the caller's
    own: they stay as they are whatever becomes of the pipeline."""

    keypoints: NDArray[np.float32]  # (N, K, 2)
    scores: NDArray[np.float32]  # (N, K)
    boxes: NDArray[np.float32]  # (N, 4): x1, y1, x2, y2
    box_scores: NDArray[np.float32]  # (N,)
    person_scores: NDArray[np.float32]  # (N,), see Person.score
    ids: NDArray[np.int64]  # (N,); 0: none
    detector_classes: NDArray[np.int32]  # (N,), see Person.detector_class
    keypoint_set: KeypointSet  # that of K = 0 without a pose network
    width: int  # of the picture, in pixels
    height: int
    detect_ns: int  # time spent in each stage
    pose_ns: int
    # Of a stream:
    time_us: int
    measured: bool  # False: filled, networks did not run
    detected: bool  # the detector ran
    track_ns: int
    def __init__(
        self,
        keypoints: ArrayLike,  # (N, K, 2)
        scores: ArrayLike,  # (N, K)
        boxes: ArrayLike | None = None,  # (N, 4); None: what the keypoints take up
        box_scores: ArrayLike | None = None,  # (N,); None: 1
        ids: ArrayLike | None = None,  # (N,); None: 0
        *,
        keypoint_set: str | KeypointSet = "coco17",
        width: int = 0,
        height: int = 0,
    ) -> None:
        """People from elsewhere, for draw()."""
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int) -> Person: ...
    @overload
    def __getitem__(self, index: slice) -> list[Person]: ...
    def __iter__(self) -> Iterator[Person]: ...

def body_metrics(person: Person, keypoint_threshold: float = 0.3) -> dict[str, Any]:
    """Measures of a person, in pixels and degrees of the picture: "shoulder_width", "hip_width",
    "torso", "shoulder_to_hip", "shoulder_center", "hip_center", "shoulder_tilt", "hip_tilt",
    "torso_lean", and "angles" of elbows, shoulders, hips and knees by name. None where a keypoint is
    missing or scores below the threshold."""

# ---- Pipelines and streams ---------------------------------------------------------------------

class Pipeline(_Handle):
    """From a picture to people.

    pose: name, path or Model of a pose network, or of a one-stage network, which needs no detector;
        None: boxes only.
    detector: the same of a person detector; None: boxes are given to process(), or `center`. When
        it is left out: "stance-det", and none beside a one-stage network or `center`.
    preset: networks that go together, by the name that presets() gives ("wholebody-balanced"; the
        body's also by their mode alone, "balanced"). A `pose` or `detector` beside it goes before it.
    device: "cpu"; see devices().
    threads: that compute, the caller's included. Results do not depend on it.
    center: one person in the middle of the picture.
    detector_threshold: boxes with less score are dropped.
    nms_threshold: IoU above which the weaker box goes; 0: the network family's own.
    pose_oks: of two people whose poses are more alike the weaker goes; 1: none.
    max_people: the best are kept.
    flip_test: mean of each crop's and its mirror image's answers; twice the time.
    refine: "auto", "none", "shift", "dark" or "udp".
    keypoint_set: the network's keypoints by name; None: as its card says, else by their number.
    detector_size, pose_size: (width, height) of inputs that the file leaves open.
    detector_classes: the (first, last) of the detector's classes that count. (0, 0): persons;
        (14, 23): COCO's animals; (0, -1): all there are. When it is left out, those of the preset's detector.
    full_input: networks that see the whole picture get all of their input, padded, as in their papers;
        else the part that the picture fills, where the network allows it, which is faster.
    """

    def __init__(
        self,
        pose: str | os.PathLike[str] | Model | None = "stance-pose",
        detector: str | os.PathLike[str] | Model | None = ...,
        *,
        preset: str | None = None,
        device: str = "cpu",
        threads: int = 1,
        center: bool = False,
        detector_threshold: float = 0.3,
        nms_threshold: float = 0.0,
        pose_oks: float = 0.7,
        max_people: int = 100,
        flip_test: bool = False,
        refine: Literal["auto", "none", "shift", "dark", "udp"] = "auto",
        keypoint_set: str | None = None,
        detector_size: tuple[int, int] = (0, 0),
        pose_size: tuple[int, int] = (0, 0),
        detector_classes: tuple[int, int] = (0, 0),
        full_input: bool = False,
    ) -> None: ...
    def process(
        self, image: Picture, pixels: Pixels = ..., boxes: ArrayLike | None = None
    ) -> People:
        """Finds the people in a picture. `pixels` may be left out for a Frame only. `boxes` (N, 4):
        x1, y1, x2, y2 in pixels of people to use instead of detecting; any number, also 0."""
    @property
    def description(self) -> str:
        """One line for logs: models, families, device, tier, threads, precision."""
    @property
    def keypoint_set(self) -> KeypointSet:
        """The keypoints that this pipeline gives."""
    @property
    def times(self) -> Times: ...
    def close(self) -> None:
        """Frees the networks, once the streams of this pipeline are closed too, which raise
        ClosedError from now on."""

class Stream(_Handle):
    """People over time, each with an id and smooth keypoints: one video or camera. Any number of
    streams share one pipeline.

    pipeline: the networks; None: a Pipeline() of its own, closed with the stream.
    detect_every: the detector runs on every so-manyth frame; 0: when it is needed.
    detect_seconds: when it is needed: … and after so long at the latest.
    support_seconds: people that the detector does not see for longer are given up.
    merge_iou: a detected box that overlaps a track's by more takes its place.
    box_scale: a track's box around its keypoints is widened by this.
    keypoint_threshold: keypoints with less do not make boxes.
    smoothing: "off", "low" or "high"; min_cutoff, beta, derivative_cutoff: the One-Euro filter's own
        values where not negative.
    tracker: a preset ("pose", "default", "tuned", "bytetrack"), or a dict of the options of
        Tracker ({"preset": "pose", "mode": "off"}).
    """

    def __init__(
        self,
        pipeline: Pipeline | None = None,
        tracker: str | dict[str, Any] = "pose",
        *,
        detect_every: int = 0,
        detect_seconds: float = 0.5,
        support_seconds: float = 1.0,
        merge_iou: float = 0.3,
        box_scale: float = 1.25,
        keypoint_threshold: float = 0.3,
        smoothing: Literal["off", "low", "high"] = "low",
        min_cutoff: float = -1.0,
        beta: float = -1.0,
        derivative_cutoff: float = -1.0,
    ) -> None: ...
    def process(
        self, image: Picture, pixels: Pixels = ..., time_us: int = ...
    ) -> People:
        """Finds and follows the people in the next frame. `time_us`: when it was taken, on any clock
        that runs on; ArgumentError when it is before the last frame's. `pixels` and `time_us` may be
        left out for a Frame only."""
    def fill(
        self, time_us: int, how: Literal["between", "extrapolate", "late", "hold"] = "between"
    ) -> People:
        """The people at a time at which the networks did not run (docs/streams.md)."""
    def reset(self) -> None:
        """Forgets people, results and times, as at a cut; ids go on."""
    @property
    def pipeline(self) -> Pipeline: ...
    @property
    def counts(self) -> StreamCounts: ...

def process_streams(
    frames: Sequence[tuple[Stream, Picture, int | None]], pixels: Pixels = ...
) -> list[People]:
    """The next frame of several streams of one pipeline, each as (stream, image, time_us): the people
    of all go through the pose network together. On error none has a result."""

# ---- Models and sessions -----------------------------------------------------------------------

class Model(_Handle):
    """Weights and network of one ONNX file, or a model inside the library ("stance-det",
    "stance-pose"). Read-only; any number of pipelines and sessions share it."""

    def __init__(self, name: Path) -> None: ...
    @property
    def path(self) -> str: ...
    @property
    def inputs(self) -> list[TensorInfo]: ...
    @property
    def outputs(self) -> list[TensorInfo]: ...
    @property
    def role(self) -> Literal["detector", "pose", "one-stage"]:
        """What it is for. ModelError when it is none of these."""
    def close(self) -> None:
        """Drops the caller's hold; pipelines and sessions keep theirs."""

class Session(_Handle):
    """A model made ready to run: arrays in, arrays out.

    Results are the same for every number of threads; a batch of n gives the bits of n single runs.
    """

    def __init__(
        self, model: str | os.PathLike[str] | Model, *, device: str = "cpu", threads: int = 1
    ) -> None: ...
    def run(
        self, inputs: NDArray[Any] | Sequence[ArrayLike] | dict[str, ArrayLike]
    ) -> list[NDArray[Any]]:
        """Runs the network on an array for each input, with the dtype it declares: a list or tuple in
        the model's order, a dict by name, or the array itself. Gives an array for each output."""
    @property
    def model(self) -> Model: ...
    @property
    def description(self) -> str: ...
    @property
    def memory(self) -> int:
        """Bytes of the workspace; weights not counted."""

# ---- Pictures and video ------------------------------------------------------------------------

class Frame:
    """A frame of read_video(): a picture as the decoder left it, mostly YUV. Pipelines, streams and
    writers take it as it is, without going through RGB."""

    width: int
    height: int
    format: str  # "yuv420p", "nv12", "gray8", "rgb24", "bgr24"
    index: int  # 0, 1, 2 …; of live sources with gaps where frames were dropped
    time_us: int
    duration_us: int
    epoch: int  # how often a live source was connected anew before it
    error: Error | None  # of a damaged frame: the cause; the picture is what could be guessed
    @property
    def image(self) -> NDArray[np.uint8]:
        """uint8 (height, width, 3) in the channel order the reader was given; made when it is first
        asked for, writable, and the frame's own: what is drawn on it does not reach writers that get
        the frame."""
    def to_array(self, pixels: Pixels = "rgb") -> NDArray[np.uint8]:
        """A new array, uint8 (height, width, 3)."""

class Video(_Handle, Iterator[Frame]):
    """An open source of frames; see read_video()."""

    def __next__(self) -> Frame: ...
    def read(self, wait_us: int = -1) -> Frame | None:
        """The next frame, of live sources the newest. None: the end, or no frame came in `wait_us`
        (-1: for ever; live sources only) — `ended` tells."""
    def cancel(self) -> None:
        """Ends waiting and reading soon, from any thread: reads raise CancelledError."""
    @property
    def info(self) -> VideoInfo: ...
    @property
    def stats(self) -> VideoStats: ...
    @property
    def ended(self) -> bool: ...
    def __iter__(self) -> Self: ...

def read_video(
    source: Path,
    pixels: Pixels = "rgb",
    *,
    threads: int = 1,
    live: bool | None = None,
    writable: bool = False,
    audio: bool = False,
    width: int = 0,
    height: int = 0,
    frame_rate: float = 0.0,
    timeout_us: int = 10_000_000,
    reconnects: int = -1,
) -> Video:
    """Opens a file, a folder or pattern of pictures, an address (http, https, rtsp, …), a camera
    ("camera:0") or standard input ("-").

        for frame in stance.read_video("clip.mp4"):
            people = stream.process(frame)

    pixels: channel order of Frame.image.
    live: newest frame only; None: as suits the source.
    writable: draw() may draw on the frames themselves.
    audio: keep the sound for a Writer that gets this source.
    width, height, frame_rate: wanted of a camera; the rate also of picture sequences.
    A damaged frame is a Frame with `error`, or is left out when nothing of it can be shown; a source
    that cannot be read on raises after its last good frame."""

class Writer(_Handle):
    """A video file: .mp4, .m4v, .mov, .mkv or .webm. It has its name when it is closed.

    codec: "h264", "hevc", "vp9", "av1" … or an encoder of FFmpeg; None: h264, for WebM vp9.
    crf: quality of constant-quality encoders, 0 … 63; -1: the encoder's own.
    preset: the encoder's own word for speed.
    width, height: 0: of `source` or the first frame.
    frame_rate: nominal; 0: of `source`, else 25.
    source: where frames come from, for time base and audio.
    """

    def __init__(
        self,
        path: Path,
        source: Video | None = None,
        *,
        codec: str | None = None,
        crf: int = -1,
        preset: str | None = None,
        threads: int = 2,
        width: int = 0,
        height: int = 0,
        frame_rate: float = 0.0,
        audio: bool = True,
    ) -> None: ...
    def add(
        self, image: Picture, pixels: Pixels = ..., time_us: int = ..., duration_us: int = 0
    ) -> None:
        """Appends a frame. `time_us` must be later than that of the one before; it and `pixels` may
        be left out for a Frame only. Another size is scaled to fit, on black."""
    @property
    def description(self) -> str: ...
    def close(self) -> None:
        """Finishes the file, checks and names it. Without a frame there is no file."""

def read_image(path: Path, pixels: Pixels = "rgb") -> NDArray[np.uint8]:
    """Reads JPEG, PNG, WebP, BMP, TIFF or GIF as uint8 (height, width, 3), upright."""

def write_image(path: Path, image: Picture, pixels: Pixels = ...) -> None:
    """Writes .png or .jpg by the path's ending."""

def draw(
    image: Picture,
    people: People,
    pixels: Pixels = ...,
    labels: Sequence[str | None] | None = None,
    *,
    style: Literal["stance", "mmpose", "openpose", "simple"] = "stance",
    keypoint_threshold: float = 0.3,
    radius: float = 0.0,
    thickness: float = 0.0,
    boxes: bool | None = None,
    scores: bool | None = None,
    ids: bool = True,
    caption: str | None = None,
) -> Any:
    """Draws limbs, joints, boxes and ids on the picture itself, which must be writable; gives it back.

    radius, thickness: in pixels; 0: as the style has it. boxes, scores: None: as the style has it.
    labels: a word for each person. caption: a line in the top left corner."""

# ---- Tracking ----------------------------------------------------------------------------------

class Tracker(_Handle):
    """Who is who from frame to frame, for boxes from anywhere, with keypoints or without.

    preset: "default", "pose", "tuned", "bytetrack" (docs/tracking.md).
    mode: "bytetrack" (boxes and poses), "oks" (poses), "iou" (boxes), "off".
    keypoint_set: that of the keypoints; None: boxes only.
    options: any number of struct stance_tracker_options by name (high_threshold=0.6,
        buffer_seconds=1.0, max_tracks=50, …).
    """

    def __init__(
        self,
        preset: str = "default",
        keypoint_set: str | None = None,
        *,
        mode: Literal["bytetrack", "oks", "iou", "off"] = "bytetrack",
        **options: float,
    ) -> None: ...
    def update(
        self,
        boxes: ArrayLike,  # (N, 4): x1, y1, x2, y2
        scores: ArrayLike,  # (N,)
        time_us: int,
        keypoints: ArrayLike | None = None,  # (N, K, 3): x, y, score
    ) -> list[Track]:
        """Takes the detections of one frame, also of one without any; gives the confirmed tracks seen
        in it. `time_us`: when it was taken; ArgumentError when it is before the last frame's."""
    def predict(self, time_us: int) -> list[Track]:
        """Where all tracks are expected, lost and new ones too. Changes nothing."""
    def reset(self) -> None:
        """Drops all tracks and times, as at a cut; ids go on."""
    @property
    def counts(self) -> TrackerCounts: ...

# ---- Evaluation --------------------------------------------------------------------------------

def evaluate_coco(
    annotations: Path,
    results: Path | Sequence[Mapping[str, Any]],
    *,
    metric: Literal["coco", "pck", "pckh", "auc", "epe", "nme"] = "coco",
    kind: Literal["auto", "keypoints", "boxes"] = "auto",
    keypoint_set: str | None = None,
    single_person: bool = False,
) -> dict[str, float]:
    """COCO's numbers ("AP", "AP50", "AR", …; -1 where there is nothing to measure on) of results
    against a ground truth, by the evaluator of `stance eval` (docs/evaluation.md).

    results: a COCO result file, or its entries."""
