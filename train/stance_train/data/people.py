"""The pose networks' data set: one person's crop at a time, drawn evenly from unequal sources."""

import numpy as np
import torch

from ..errors import TrainError
from . import augment
from .pixels import PictureStore
from .teacher import PoseTeacher


class People(torch.utils.data.Dataset):
    """Every person with keypoints. An item is asked for by (epoch, place in it, person, size,
    strength): its augmentation depends on these and the seed alone, so that neither the number of
    workers nor an interruption changes what is trained on. An item: pixels [H,W,3], keypoints
    [K,2] in the crop, weights [K], the matrix from picture to crop; with a teacher also its
    distributions over both axes and its confidence."""

    def __init__(self, sets, keypoint_set, seed, strong=None, weak=None, cache=None,
                 progress=None, teacher=None):
        self.keypoint_set, self.seed = keypoint_set, seed
        self.teacher = PoseTeacher(**teacher) if teacher else None
        self.strong = {**augment.DEFAULTS, **(strong or {})}
        self.weak = {**augment.DEFAULTS, **(weak or {})}
        self.people, self.sources, self.rotate, self.shares = [], [], [], []
        pictures = [p for s in sets for p in s.pictures]
        self.store = PictureStore([p.path for p in pictures], cache, progress)
        number = 0
        for data in sets:
            for picture in data.pictures:
                for person in picture.people:
                    if person.keypoints is not None and person.weights.any():
                        self.people.append((number, picture, person))
                        self.sources.append(picture.source)
                        self.rotate.append(data.options.get("rotate", {}).get(picture.source))
                        self.shares.append(data.options.get("weight", 1.0))
                number += 1
        if not self.people:
            raise TrainError("the data has no person with keypoints")

    def __len__(self):
        return len(self.people)

    def __getitem__(self, key):
        epoch, place, index, (width, height), strength = key
        number, picture, person = self.people[index]
        random = np.random.default_rng([self.seed, 1, epoch, place])
        options = {"strong": self.strong, "weak": self.weak}.get(strength, augment.DEFAULTS)
        if self.rotate[index] is not None and options is self.strong:
            options = {**options, "rotate": self.rotate[index]}
        matrix, flip = augment.random_geometry(random, person, self.keypoint_set, options, width,
                                               height)
        pixels = augment.warp(self.store[number], matrix, width, height)
        pixels = augment.change_pixels(random, pixels, options)
        points = augment.move_points(person.keypoints, matrix)
        weights = person.weights
        if flip:
            points, weights = points[self.keypoint_set.flip], weights[self.keypoint_set.flip]
        inside = ((points >= 0) & (points < np.array([width, height]))).all(1)
        item = (torch.from_numpy(pixels.copy()), torch.from_numpy(points.copy()),
                torch.from_numpy(weights * inside), torch.from_numpy(matrix.astype(np.float32)))
        if self.teacher and strength != "none":
            item += tuple(torch.from_numpy(v) for v in self.teacher(pixels))
        return item
