"""The detectors' data set: whole pictures with boxes, moved, mirrored, and four at a time.

An item is a canvas of the network's size, filled with grey 114 where no picture is, as libstance
letterboxes. Sources of the recipe: RTMDet, arXiv 2212.07784, table 6; mosaic, arXiv 2004.10934.
"""

import numpy as np
import torch
from PIL import Image

from ..engine import Network
from ..errors import TrainError
from . import augment
from .pixels import PictureStore, normalise

GREY = 114
MAX_BOXES = 100

DEFAULTS = {"flip": 0.0, "scale": [1.0, 1.0], "mosaic": 0.0, "colour": 0.0, "blur": 0.0,
            "dropout": 0.0, "small": 0.0}


def _visible(boxes, x0, y0, x1, y1):
    """Corner boxes cut to a window, and the share of each that is left."""
    cut = boxes.copy()
    cut[:, 0::2] = cut[:, 0::2].clip(x0, x1)
    cut[:, 1::2] = cut[:, 1::2].clip(y0, y1)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    left = (cut[:, 2] - cut[:, 0]) * (cut[:, 3] - cut[:, 1])
    return cut, left / np.maximum(area, 1e-6)


def _corners(boxes):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)


class Scenes(torch.utils.data.Dataset):
    """Items are asked for by (epoch, place, picture, (width, height), strength) and depend on
    these and the seed alone. An item: pixels [H,W,3], boxes [MAX_BOXES,5] as corners with 1 for a
    person, -1 for a region without a say and 0 for none, and the teacher's maps if there is one."""

    def __init__(self, sets, seed, strong=None, weak=None, cache=None, progress=None,
                 teacher=""):
        self.seed, self.teacher, self._network = seed, teacher, None
        self.strong = {**DEFAULTS, **(strong or {})}
        self.weak = {**DEFAULTS, **(weak or {})}
        self.pictures = [p for s in sets for p in s.pictures]
        self.sources = [p.source for p in self.pictures]
        self.shares = [s.options.get("weight", 1.0) for s in sets for _ in s.pictures]
        self.store = PictureStore([p.path for p in self.pictures], cache, progress)
        if not any(p.people for p in self.pictures):
            raise TrainError("the data has no person")

    def __len__(self):
        return len(self.pictures)

    def _place(self, canvas, number, scale, offset, flip, window):
        """Draws a picture into a window x0, y0, x1, y1 of the canvas; its boxes as rows of 5."""
        picture, (x0, y0, x1, y1) = self.pictures[number], window
        pixels = self.store[number]
        height, width = pixels.shape[:2]
        sign = -1 if flip else 1
        shift = offset[0] + (width * scale if flip else 0)
        canvas[y0:y1, x0:x1] = np.asarray(Image.fromarray(pixels).transform(
            (x1 - x0, y1 - y0), Image.Transform.AFFINE,
            (sign / scale, 0, (x0 - shift) * sign / scale, 0, 1 / scale, (y0 - offset[1]) / scale),
            Image.Resampling.BILINEAR, fillcolor=(GREY, GREY, GREY)))
        rows = []
        known = [(p.box, 1 if not p.crowd else -1) for p in picture.people]
        known += [(b, -1) for b in picture.ignore]
        if not picture.complete:
            known.append((np.array([0, 0, picture.width, picture.height]), -1))
        if not known:
            return np.zeros((0, 5), np.float32)
        boxes = _corners([k for k, _ in known]) * (width / picture.width)
        boxes = boxes * scale * np.array([sign, 1, sign, 1], np.float32)
        boxes += np.array([shift, offset[1]] * 2, np.float32)
        if flip:
            boxes = boxes[:, [2, 1, 0, 3]]
        cut, left = _visible(boxes, x0, y0, x1, y1)
        for box, share, (_, kind) in zip(cut, left, known):
            big = box[2] - box[0] >= 3 and box[3] - box[1] >= 3
            if share > 0.02 and (big or kind < 0):
                rows.append([*box, kind if share > 0.25 else -1])
        return np.array(rows, np.float32).reshape(-1, 5)

    def _single(self, random, canvas, number, options):
        height, width = canvas.shape[:2]
        picture = self.store[number]
        fit = min(width / picture.shape[1], height / picture.shape[0])
        low, high = options["scale"]
        scale = fit * np.exp(random.uniform(np.log(low), np.log(high)))
        room = np.array([width - picture.shape[1] * scale, height - picture.shape[0] * scale])
        offset = room * random.random(2) if high > low else np.zeros(2)
        flip = random.random() < options["flip"]
        return self._place(canvas, number, scale, offset, flip, (0, 0, width, height))

    def _mosaic(self, random, canvas, number, options):
        height, width = canvas.shape[:2]
        cx, cy = (int(random.uniform(0.3, 0.7) * v) for v in (width, height))
        rows = []
        for quarter in range(4):
            x0, x1 = (0, cx) if quarter % 2 == 0 else (cx, width)
            y0, y1 = (0, cy) if quarter < 2 else (cy, height)
            other = number if quarter == 0 else int(random.integers(len(self.pictures)))
            picture = self.store[other]
            fit = min((x1 - x0) / picture.shape[1], (y1 - y0) / picture.shape[0])
            scale = fit * np.exp(random.uniform(np.log(0.8), np.log(2.2)))
            room = np.array([x1 - x0 - picture.shape[1] * scale, y1 - y0 - picture.shape[0] * scale])
            offset = np.array([x0, y0]) + room * random.random(2)
            flip = random.random() < options["flip"]
            rows.append(self._place(canvas, other, scale, offset, flip, (x0, y0, x1, y1)))
        return np.concatenate(rows)

    def _teach(self, pixels):
        """The teacher's maps for a canvas, joined to one array [cells, 5]."""
        if self._network is None:   # one in each worker
            self._network = Network(self.teacher)
        values = normalise(pixels)[..., ::-1].transpose(2, 0, 1)   # blue first
        maps = self._network(values[None])
        if len(maps) != 3 or any(m.ndim != 4 or m.shape[-1] != 5 for m in maps):
            raise TrainError(f"{self.teacher}: a detection teacher must have three maps "
                             f"[1,H,W,5] (RTMDet's raw head)")
        return np.concatenate([m.reshape(-1, 5) for m in maps])

    def __getitem__(self, key):
        epoch, place, number, (width, height), strength = key
        random = np.random.default_rng([self.seed, 2, epoch, place])
        options = {"strong": self.strong, "weak": self.weak}.get(strength, DEFAULTS)
        canvas = np.full((height, width, 3), GREY, np.uint8)
        if random.random() < options["mosaic"]:
            rows = self._mosaic(random, canvas, number, options)
        else:
            rows = self._single(random, canvas, number, options)
        canvas = augment.change_pixels(random, canvas, options)
        boxes = np.zeros((MAX_BOXES, 5), np.float32)
        boxes[:min(len(rows), MAX_BOXES)] = rows[:MAX_BOXES]
        item = [torch.from_numpy(canvas.copy()), torch.from_numpy(boxes)]
        if self.teacher and strength != "none":
            item.append(torch.from_numpy(self._teach(canvas)))
        return tuple(item)
