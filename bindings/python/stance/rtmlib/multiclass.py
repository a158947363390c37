"""YOLOX for all of its classes: stance's own detectors look for people only."""

import numpy as np

import stance

from ..errors import make

_GREY = 114


def shrink(image, width, height):
    """A picture in another size, bilinear, as float32."""
    def places(count, size):
        at = ((np.arange(count) + 0.5) * (size / count) - 0.5).clip(0, size - 1)
        low = np.minimum(at.astype(int), size - 1)
        return low, np.minimum(low + 1, size - 1), (at - low).astype(np.float32)
    low, high, part = places(height, image.shape[0])
    part = part[:, None, None]
    rows = image[low] * (1 - part) + image[high] * part
    low, high, part = places(width, image.shape[1])
    part = part[:, None]
    return rows[:, low] * (1 - part) + rows[:, high] * part


def suppress(boxes, scores, threshold):
    """Indices that stay, best first: of two boxes that overlap by more (IoU) the weaker goes."""
    order, kept = np.argsort(-scores, kind="stable"), []
    area = (boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1)
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        common = (high - low).clip(0).prod(1)
        order = rest[common <= threshold * (area[best] + area[rest] - common)]
    return kept


class ClassDetector:
    """Boxes (N, 4) and classes (N,) by a YOLOX without suppression inside (arXiv 2107.08430).

    categories: the classes wanted, by their numbers; None: all."""

    def __init__(self, model, categories, nms_thr, score_thr, device, threads):
        shape = model.inputs[0].shape
        output = model.outputs[0].shape if len(model.outputs) == 1 else None
        if not output or len(output) != 3 or not shape or None in shape[2:] or output[2] < 6:
            raise make(-11, "STANCE_EMODEL", f"'{model.path}' is no YOLOX without suppression "
                       "inside: only those tell classes apart", False)
        self.categories = None if categories is None else list(categories)
        self.nms_thr, self.score_thr = nms_thr, score_thr
        self._height, self._width = shape[2:]
        self._session = stance.Session(model, device=device, threads=threads)
        cells = [(x, y, stride) for stride in (8, 16, 32) for y in range(self._height // stride)
                 for x in range(self._width // stride)]
        self._cells = np.array(cells, np.float32)

    @property
    def description(self):
        return self._session.description

    def __call__(self, image):
        scale = min(self._height / image.shape[0], self._width / image.shape[1])
        height, width = (max(1, int(side * scale)) for side in image.shape[:2])
        input = np.full((1, 3, self._height, self._width), _GREY, np.float32)
        input[0, :, :height, :width] = shrink(image, width, height).round().transpose(2, 0, 1)
        output = self._session.run(input)[0][0]
        return self._decode(output, scale)

    def _decode(self, output, scale):
        scores = output[:, 4:5] * output[:, 5:]
        found = scores > self.score_thr
        if self.categories is not None:
            found &= np.isin(np.arange(scores.shape[1]), self.categories)
        at, classes = np.nonzero(found)
        stride = self._cells[at, 2:]
        center = (output[at, :2] + self._cells[at, :2]) * stride
        half = np.exp(output[at, 2:4]) * stride / 2
        boxes = np.concatenate([center - half, center + half], 1) / scale
        scores = scores[at, classes]
        kept = [i for kind in np.unique(classes) for i in np.flatnonzero(classes == kind)[
            suppress(boxes[classes == kind], scores[classes == kind], self.nms_thr)]]
        kept.sort(key=lambda i: -scores[i])
        return boxes[kept].reshape(-1, 4), classes[kept]

    def close(self):
        self._session.close()
