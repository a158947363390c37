"""PoseTracker: a solution on video, with ids that stay."""

import numpy as np

import stance

from ..follow import now_us
from ..views import process
from .networks import answer, argument_error


class PoseTracker:
    """Frames of one video, one after another, to keypoints (N, K, 2) and scores (N, K), by id.

    solution: a class of this module, or a call that makes one (functools.partial).
    det_frequency: the detector runs on every so-manyth frame; between, boxes come from keypoints.
    tracking: False: `ids` are 0.
    tracking_thr: a detected box that overlaps a track's by more (IoU) is that person.
    smoothing: "off" as in rtmlib, "low" or "high".
    After each call `people` (stance.People) has boxes and scores too, and `ids` (N,) who is who."""

    def __init__(self, solution, det_frequency=1, tracking=True, tracking_thr=0.3, mode="balanced",
                 to_openpose=False, backend="onnxruntime", device="cpu", *, smoothing="off"):
        if not isinstance(det_frequency, int) or det_frequency < 1:
            raise argument_error("det_frequency is a whole number from 1 on, not "
                                 f"{det_frequency!r}")
        self.solution = solution(mode=mode, to_openpose=to_openpose, backend=backend, device=device)
        self.tracking = tracking
        options = {"detect_every": det_frequency, "merge_iou": tracking_thr, "smoothing": smoothing}
        if self.solution.pipeline:
            self._stream = stance.Stream(self.solution.pipeline, **options)
        else:
            self._stream = PartStream(self.solution, det_frequency)
        self.people = None

    def __call__(self, image, timestamp_us=None):
        """The next frame, BGR; `timestamp_us`: when it was taken; None: now."""
        self.people = process(self._stream, image, "bgr",
                              now_us() if timestamp_us is None else timestamp_us)
        return answer(self.people, self.solution.to_openpose)

    @property
    def ids(self):
        """Of the people of the last call; 0: none."""
        if self.people is None:
            return np.zeros(0, np.int64)
        return self.people.ids if self.tracking else np.zeros_like(self.people.ids)

    @property
    def description(self):
        """Models, device and precision in a line."""
        return self.solution.description

    def reset(self):
        """Forgets everybody, as at a cut."""
        self._stream.reset()
        self.people = None

    def close(self):
        self._stream.close()
        self.solution.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class PartStream:
    """What Stream does, for solutions whose detector and pose network are apart."""

    LEAST = 0.3  # keypoints with less score make no box; without two of them a person is lost

    def __init__(self, solution, det_frequency):
        self._solution, self._every = solution, det_frequency
        self._tracker = stance.Tracker("pose")
        self.reset()

    def process(self, image, pixels, time_us):
        if pixels == "rgb":
            image = image[:, :, ::-1]
        detects = self._count % self._every == 0
        boxes = self._solution.boxes(image) if detects else self._boxes
        people = self._solution.poses(image, boxes)
        tracks = self._tracker.update(people.boxes, people.person_scores, time_us)
        known = sorted((track.id, track.detection) for track in tracks if track.detection >= 0)
        at = [detection for _, detection in known]
        people = stance.People(people.keypoints[at], people.scores[at], people.boxes[at],
                               people.box_scores[at], [id for id, _ in known],
                               keypoint_set=people.keypoint_set, width=people.width,
                               height=people.height)
        self._boxes = np.array([box for person in people if (box := self._box(person)) is not None],
                               np.float32).reshape(-1, 4)
        self._count += 1
        return people

    def _box(self, person):
        seen = person.keypoints[person.scores >= self.LEAST]
        if len(seen) < 2:
            return None
        low, high = seen.min(0), seen.max(0)
        return np.concatenate([low, high]) + 0.125 * np.concatenate([low - high, high - low])

    def reset(self):
        self._tracker.reset()
        self._count, self._boxes = 0, np.zeros((0, 4), np.float32)

    def close(self):
        self._tracker.close()
