"""People of one picture."""

from collections.abc import Sequence

import numpy as np


class Person:
    """One person: views of the arrays of People.

    keypoints: float32 (K, 2), x and y in pixels; scores: (K,); box: (4,) x1, y1, x2, y2;
    box_score and score: 0 … 1; id: of the track, 0: none; detector_class: of the box."""

    __slots__ = ("_people", "_index")

    def __init__(self, people, index):
        self._people = people
        self._index = index

    keypoints = property(lambda self: self._people.keypoints[self._index])
    scores = property(lambda self: self._people.scores[self._index])
    box = property(lambda self: self._people.boxes[self._index])
    box_score = property(lambda self: float(self._people.box_scores[self._index]))
    score = property(lambda self: float(self._people.person_scores[self._index]))
    id = property(lambda self: int(self._people.ids[self._index]))
    detector_class = property(lambda self: int(self._people.detector_classes[self._index]))
    keypoint_set = property(lambda self: self._people.keypoint_set)

    def __getitem__(self, name):
        """x, y, score of a keypoint by its name or index."""
        if isinstance(name, str):
            names = self.keypoint_set.names
            if name not in names:
                raise KeyError(f"{self.keypoint_set.name} has no keypoint '{name}'")
            name = names.index(name)
        x, y = self.keypoints[name]
        return float(x), float(y), float(self.scores[name])

    def __repr__(self):
        box = ", ".join(f"{value:.0f}" for value in self.box)
        return f"<Person id={self.id} box=({box}) score={self.score:.2f}>"


class People(Sequence):
    """The people of one picture, best box first; those of a stream by id.

    keypoints: float32 (N, K, 2), x and y in pixels; scores: (N, K); boxes: (N, 4) x1, y1, x2, y2;
    box_scores, person_scores: (N,); ids: int64 (N,), 0: none; detector_classes: int32 (N,), of the
    boxes, 0 where they come from elsewhere. The arrays belong to the caller.
    People(keypoints, scores, …) makes people from elsewhere, for draw() and Tracker."""

    __slots__ = ("keypoints", "scores", "boxes", "box_scores", "person_scores", "ids",
                 "detector_classes", "keypoint_set", "width", "height", "detect_ns", "pose_ns", "time_us", "measured",
                 "detected", "track_ns")

    def __init__(self, keypoints, scores, boxes=None, box_scores=None, ids=None, *,
                 keypoint_set="coco17", width=0, height=0):
        from . import ShapeError, keypoint_set as find_set
        self.keypoint_set = find_set(keypoint_set) if isinstance(keypoint_set, str) else keypoint_set
        keypoints = np.ascontiguousarray(keypoints, np.float32)
        if keypoints.ndim != 3 or keypoints.shape[1:] != (len(self.keypoint_set.names), 2):
            raise _wrong(ShapeError, "keypoints", ("N", len(self.keypoint_set.names), 2), keypoints)
        count = len(keypoints)
        if boxes is None:
            boxes = (np.concatenate([keypoints.min(1), keypoints.max(1)], 1) if keypoints.size
                     else np.zeros((count, 4)))
        self.keypoints = keypoints
        for name, values, kind, shape in (
                ("scores", scores, np.float32, keypoints.shape[:2]),
                ("boxes", boxes, np.float32, (count, 4)),
                ("box_scores", np.ones(count) if box_scores is None else box_scores, np.float32,
                 (count,)),
                ("ids", np.zeros(count, int) if ids is None else ids, np.int64, (count,))):
            values = np.ascontiguousarray(values, kind)
            if values.shape != shape:
                raise _wrong(ShapeError, name, shape, values)
            setattr(self, name, values)
        seen = self.scores > 0.2
        self.person_scores = self.box_scores * (
            np.where(seen, self.scores, 0).sum(1) / np.maximum(seen.sum(1), 1)).astype(np.float32)
        self.detector_classes = np.zeros(count, np.int32)
        self.width, self.height = width, height
        self.detect_ns = self.pose_ns = self.time_us = self.track_ns = 0
        self.measured = self.detected = True

    def __len__(self):
        return len(self.boxes)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [Person(self, i) for i in range(*index.indices(len(self)))]
        index = index.__index__()
        if not -len(self) <= index < len(self):
            raise IndexError(f"there are {len(self)} people")
        return Person(self, index % len(self))

    def __repr__(self):
        return f"<People: {len(self)}, {self.keypoint_set.name}>"


def _wrong(error, name, shape, values):
    wanted = ", ".join(map(str, shape))
    made = error(f"{name}: an array ({wanted}) is wanted, not {values.shape}")
    made.code, made.name = -8, "STANCE_ESHAPE"
    return made


def make(*fields):
    """People as the library found them; the fields in the order of __slots__."""
    people = People.__new__(People)
    for name, value in zip(People.__slots__, fields):
        setattr(people, name, value)
    return people


for _class in (Person, People):
    _class.__module__ = "stance"
