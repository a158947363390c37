"""Sequences of skeletons with a label each, for action recognition: their readers, and the clips
that a network sees (sampling and normalisation as PYSKL and MMAction2 have them).

Forms: JSON lines, one sequence a line, {"label": "wave", "width": 640, "height": 480, "people":
[[[[x, y, score], ... joints], ... frames], ... people]}, where width, height and the scores may be
left out; and JHMDB's joints in one JSON object {"labels": [...], "pose": [[[[x, y], ...], ...]]}.
"""

import json
from dataclasses import dataclass

import numpy as np
import torch

from ..errors import TrainError
from ..keypoints import KeypointSet

MAX_FRAMES, MAX_PEOPLE = 100_000, 100

# For each joint its mirror image.
MIRROR = {
    "coco": KeypointSet("coco17").flip,
    "hand": np.arange(21),
    "jhmdb": np.array([0, 1, 2, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13]),
}

DEFAULTS = {
    "flip": 0.0,            # probability
    "scale": [1.0, 1.0],
    "stretch": 0.0,         # of one axis against the other, both ways
    "rotate": 0.0,          # degrees, both ways
    "noise": 0.0,           # standard deviation, in the units of the normalised picture
    "drop": 0.0,            # probability that a joint is missing in a frame
}


@dataclass
class Sequence:
    points: np.ndarray    # [M,T,V,2], normalised to about -1 ... 1, missing joints 0
    scores: np.ndarray    # [M,T,V]
    label: str
    source: str


def _array(value, rank, last, where):
    try:
        array = np.array(value, np.float32)
    except (TypeError, ValueError):
        array = np.zeros(0)
    if array.ndim != rank or array.shape[-1] not in last or not np.isfinite(array).all():
        raise TrainError(f"{where}: expected {rank} levels of lists with "
                         f"{' or '.join(map(str, last))} finite numbers each at the bottom, as "
                         f"many in every list of a level")
    return array


def normalise(points, known, size):
    """PreNormalize2D: the picture becomes -1 ... 1; without a size, the skeletons' own extent."""
    if size:
        half = np.array(size, np.float32) / 2
        points = (points - half) / half
    elif known.any():
        low, high = points[known].min(0), points[known].max(0)
        points = (points - (low + high) / 2) / (max((high - low).max(), 1e-6) / 2)
    return np.where(known[..., None], points, 0).astype(np.float32)


def _read_line(record, joints, where, source):
    if not isinstance(record, dict) or not isinstance(record.get("label"), str):
        raise TrainError(f"{where}: expected an object with a label")
    people = _array(record.get("people"), 4, (2, 3), f"{where}: people")
    if people.shape[2] != joints:
        raise TrainError(f"{where}: people have {people.shape[2]} joints, model.layout {joints}")
    if not (0 < people.shape[0] <= MAX_PEOPLE and 0 < people.shape[1] <= MAX_FRAMES):
        raise TrainError(f"{where}: {people.shape[0]} people over {people.shape[1]} frames")
    scores = people[..., 2] if people.shape[-1] == 3 else np.ones(people.shape[:3], np.float32)
    size = [record.get("width"), record.get("height")]
    if size == [None, None]:
        size = None
    elif not all(isinstance(v, (int, float)) and v > 0 for v in size):
        raise TrainError(f"{where}: width and height must be above 0")
    points = normalise(people[..., :2], scores > 0.01, size)
    return Sequence(points, scores, record["label"], str(record.get("source", source)))


def _read_jhmdb(content, joints, path):
    labels, poses = content.get("labels"), content.get("pose")
    if not isinstance(labels, list) or not isinstance(poses, list) or len(labels) != len(poses):
        raise TrainError(f"{path}: expected labels and pose of the same length")
    found = []
    for i, (label, pose) in enumerate(zip(labels, poses)):
        points = _array(pose, 3, (2,), f"{path}: pose {i}")[None]
        if points.shape[2] != joints or not isinstance(label, str):
            raise TrainError(f"{path}: pose {i} has {points.shape[2]} joints, model.layout "
                             f"{joints}")
        scores = np.ones(points.shape[:3], np.float32)
        found.append(Sequence(normalise(points, scores > 0, None), scores, label, "jhmdb"))
    return found


def read_sequences(options, joints):
    """The sequences of one data set of the configuration ({"path": ...})."""
    path = options.get("path") if isinstance(options, dict) else None
    if not isinstance(path, str):
        raise TrainError(f"data: {options!r} names no path")
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})"
                         ) from None
    try:
        content = json.loads(text)
        if isinstance(content, dict) and "pose" in content:
            return _read_jhmdb(content, joints, path)
    except json.JSONDecodeError:
        pass   # several lines
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            where = f"{path}:{number}"
            try:
                record = json.loads(line)
            except json.JSONDecodeError as error:
                raise TrainError(f"{where}: not valid JSON ({error})") from None
            found.append(_read_line(record, joints, where, path))
    if not found:
        raise TrainError(f"{path}: holds no sequences")
    return found


def sample_frames(count, length, random=None):
    """`length` frame numbers of `count`: one of each equal segment, the middle one without
    `random`; a short sequence is looped."""
    if count < length:
        start = int(random.integers(count)) if random else 0
        return (start + np.arange(length)) % count
    bounds = np.arange(length + 1) * count // length
    sizes = np.diff(bounds)
    return bounds[:-1] + (random.integers(sizes) if random else sizes // 2)


class Clips(torch.utils.data.Dataset):
    """Clips [M,T,V,C] with the number of their label. Asked for like `People`."""

    def __init__(self, sequences, labels, layout, frames, people, values, seed, strong=None,
                 weak=None):
        self.sequences, self.layout = sequences, layout
        self.frames, self.people, self.values, self.seed = frames, people, values, seed
        self.strong = {**DEFAULTS, **(strong or {})}
        self.weak = {**DEFAULTS, **(weak or {})}
        self.sources = [s.source for s in sequences]
        self.shares = [1.0] * len(sequences)
        self.numbers = [labels.index(s.label) for s in sequences]

    def __len__(self):
        return len(self.sequences)

    def _change(self, random, points, scores, options):
        if random.random() < options["flip"]:
            mirror = MIRROR[self.layout]
            points, scores = points[:, :, mirror] * [-1, 1], scores[:, :, mirror]
        turn = np.radians(random.uniform(-1, 1) * options["rotate"])
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        matrix = matrix * random.uniform(*options["scale"])
        matrix[0] *= 1 + random.uniform(-1, 1) * options["stretch"]
        points = points @ matrix.T + random.standard_normal(points.shape) * options["noise"]
        return points, scores * (random.random(scores.shape) >= options["drop"])

    def __getitem__(self, key):
        epoch, place, index, _, strength = key
        sequence = self.sequences[index]
        random = np.random.default_rng([self.seed, 3, epoch, place])
        options = {"strong": self.strong, "weak": self.weak}.get(strength)
        frames = sample_frames(sequence.points.shape[1], self.frames, random if options else None)
        # The surest people first; what is missing stays 0.
        order = np.argsort(-sequence.scores.mean((1, 2)), kind="stable")[:self.people]
        points, scores = sequence.points[order][:, frames], sequence.scores[order][:, frames]
        if options:
            points, scores = self._change(random, points, scores, options)
        points = np.where((scores > 0.01)[..., None], points, 0)
        clip = np.zeros((self.people, self.frames, points.shape[2], self.values), np.float32)
        clip[:len(order), ..., :2] = points
        if self.values == 3:
            clip[:len(order), ..., 2] = scores
        return torch.from_numpy(clip), self.numbers[index]
