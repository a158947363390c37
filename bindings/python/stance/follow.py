"""One video or camera with its networks, and the one person of it that matters most: what
RTMPoseWrapper and MediaPipe's Pose have in common."""

import os
import time

import numpy as np

import stance

from .errors import make
from .views import process


#: Frames between two that are measured; a file's are kept until both are.
MOST_GAP = 100


def all_threads():
    """Threads for who does not say: one for each processor that may be used, eight at most."""
    return max(1, min(8, len(os.sched_getaffinity(0))))


def now_us():
    """The time of a live frame."""
    return time.monotonic_ns() // 1000


def prominence(people, before=()):
    """How much each person matters: area of the box in the picture × score. Those of the ids
    `before` count half as much again, so that two who are alike do not take turns."""
    edge = np.array([people.width, people.height] * 2, np.float32)
    boxes = people.boxes.clip(0, edge)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return area * people.person_scores * np.where(np.isin(people.ids, before), 1.5, 1)


def prominent(people, before=()):
    """Index of the most prominent person, or None; `before`: ids of those who were it already."""
    return int(prominence(people, before).argmax()) if len(people) else None


def picture_size(image):
    """Height and width."""
    return (image.height, image.width) if isinstance(image, stance.Frame) else np.shape(image)[:2]


class Follower:
    """A stream whose networks run on every `gap`-th frame; the people of the others are moved on
    from the last two that were measured."""

    def __init__(self, pipeline, gap=1, smoothing="low"):
        if not isinstance(gap, int) or not 1 <= gap <= MOST_GAP:
            raise make(-1, "STANCE_EARGUMENT",
                       f"inference_gap is a whole number from 1 to {MOST_GAP}, not {gap!r}", False)
        self.gap = gap
        self.pipeline = pipeline
        self.stream = stance.Stream(pipeline, smoothing=smoothing)
        self._count = 0
        self._size = None
        self._shown = ()  # id of the most prominent person of the last frame

    def process(self, image, pixels, time_us=None):
        """The people of the next frame; `time_us` None: it is taken now."""
        size = picture_size(image)
        time_us = now_us() if time_us is None else time_us
        if self._count % self.gap == 0 or size != self._size:
            people = process(self.stream, image, pixels, time_us)
            self._count, self._size = 0, size
        else:
            people = self.stream.fill(time_us, "extrapolate")
        self._count += 1
        return people

    def choose(self, people):
        """The most prominent of the people, or None."""
        index = prominent(people, self._shown)
        self._shown = () if index is None else (people.ids[index],)
        return None if index is None else people[index]

    def reset(self):
        """As at a cut: nobody is known, and the next frame is measured."""
        self.stream.reset()
        self._count, self._shown = 0, ()

    def close(self):
        self.stream.close()
        self.pipeline.close()
