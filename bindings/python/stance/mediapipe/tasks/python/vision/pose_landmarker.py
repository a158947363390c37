"""PoseLandmarker: any number of people in pictures, video or a live stream."""

import enum
from dataclasses import dataclass, field
from typing import Callable, NamedTuple, Optional

import numpy as np

import stance

from .....errors import make
from .....follow import prominence
from .....landmarks import POSE_CONNECTIONS, person_landmarks
from .....views import process
from ....models import asset_models, is_present, open_pipeline, refuse_masks
from ..base_options import BaseOptions
from .latest import Latest


class RunningMode(enum.Enum):
    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    LIVE_STREAM = "LIVE_STREAM"


@dataclass
class PoseLandmarkerOptions:
    """num_poses: the most prominent people are given, at most so many.
    min_pose_detection_confidence: people whose box scores less are not taken; nor are those whose
    keypoints have a mean score below half of min_pose_presence_confidence or of
    min_tracking_confidence. output_segmentation_masks: an error, there are none.
    result_callback(result, image, timestamp_ms): of a live stream, on a thread of its own."""

    base_options: BaseOptions = field(default_factory=BaseOptions)
    running_mode: RunningMode = RunningMode.IMAGE
    num_poses: int = 1
    min_pose_detection_confidence: float = 0.5
    min_pose_presence_confidence: float = 0.5
    min_tracking_confidence: float = 0.5
    output_segmentation_masks: bool = False
    result_callback: Optional[Callable] = None


@dataclass
class PoseLandmarkerResult:
    """pose_landmarks: for each person the list of 33 landmarks, the most prominent first; ids: of
    their tracks, 0 in pictures; pose_world_landmarks and segmentation_masks: always None."""

    pose_landmarks: list
    pose_world_landmarks: None = None
    segmentation_masks: None = None
    ids: list = field(default_factory=list)


class Connection(NamedTuple):
    """Two landmarks that are drawn as a line."""

    start: int
    end: int


class PoseLandmarksConnections:
    """The lines of a pose."""

    POSE_LANDMARKS = [Connection(*pair) for pair in sorted(POSE_CONNECTIONS)]


def _argument(sentence):
    return make(-1, "STANCE_EARGUMENT", sentence, False)


class PoseLandmarker:
    """Made by create_from_options() or create_from_model_path()."""

    def __init__(self, options):
        refuse_masks(options.output_segmentation_masks)
        live = options.running_mode is RunningMode.LIVE_STREAM
        if live != (options.result_callback is not None):
            raise _argument("result_callback goes with LIVE_STREAM, and only with it")
        if not isinstance(options.num_poses, int) or options.num_poses < 1:
            raise _argument(f"num_poses is a whole number from 1 on, not {options.num_poses!r}")
        self._options = options
        base = options.base_options
        self._pipeline = open_pipeline(asset_models(base.model_asset_path),
                                       options.min_pose_detection_confidence, base.device())
        self._stream = (None if options.running_mode is RunningMode.IMAGE
                        else stance.Stream(self._pipeline))
        self._last_ms = None
        self._shown = []  # ids of the last result
        self._latest = Latest(self._answer) if live else None

    @classmethod
    def create_from_options(cls, options):
        return cls(options)

    @classmethod
    def create_from_model_path(cls, model_path):
        return cls(PoseLandmarkerOptions(BaseOptions(model_path)))

    def detect(self, image):
        """The people in a picture (Image)."""
        self._want(RunningMode.IMAGE)
        return self._result(process(self._pipeline, image.rgb(), "rgb"))

    def detect_for_video(self, image, timestamp_ms):
        """The people in the next frame; timestamps rise."""
        self._want(RunningMode.VIDEO)
        self._advance(timestamp_ms)
        return self._result(process(self._stream, image.rgb(), "rgb", timestamp_ms * 1000))

    def detect_async(self, image, timestamp_ms):
        """Takes the next frame of a live stream and returns at once; the callback gets the result.
        A frame that comes while networks run takes the place of one that waits."""
        self._want(RunningMode.LIVE_STREAM)
        self._advance(timestamp_ms)
        self._latest.put((image, timestamp_ms))

    def _answer(self, work):
        image, timestamp_ms = work
        people = process(self._stream, image.rgb(), "rgb", timestamp_ms * 1000)
        self._options.result_callback(self._result(people), image, timestamp_ms)

    def _want(self, mode):
        if self._options.running_mode is not mode:
            raise _argument(f"this landmarker was made for {self._options.running_mode.name}, this "
                            f"call is for {mode.name}")

    def _advance(self, timestamp_ms):
        if not isinstance(timestamp_ms, int):
            raise _argument(f"timestamp_ms is a whole number, not {timestamp_ms!r}")
        if self._last_ms is not None and timestamp_ms <= self._last_ms:
            raise _argument(f"timestamps rise: {timestamp_ms} ms after {self._last_ms} ms")
        self._last_ms = timestamp_ms

    def _result(self, people):
        options = self._options
        least = max(options.min_pose_presence_confidence, options.min_tracking_confidence)
        order = np.argsort(-prominence(people, self._shown), kind="stable")
        chosen = [int(i) for i in order if is_present(people[i], least)][:options.num_poses]
        self._shown = [id for id in people.ids[chosen].tolist() if id]
        return PoseLandmarkerResult(
            [person_landmarks(people[i], people.width, people.height) for i in chosen],
            ids=[int(people.ids[i]) for i in chosen])

    def close(self):
        """Waits for what runs, and frees the networks; any number of times."""
        if self._latest:
            self._latest.close()
        if self._stream:
            self._stream.close()
        self._pipeline.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
