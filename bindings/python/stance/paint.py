"""Discs and lines on uint8 (H, W, 3) arrays, in any colours: for what is not a network's own
skeleton, which draw() draws faster and better."""

import math

import numpy as np

_PIECE = 48  # pixels of a line that are looked at together


def _near(image, a, b, reach, color):
    """Colours what lies within `reach` of the line from a to b."""
    height, width = image.shape[:2]
    left, right = sorted((a[0], b[0]))
    top, bottom = sorted((a[1], b[1]))
    left, top = max(0, math.floor(left - reach)), max(0, math.floor(top - reach))
    right = min(width, math.ceil(right + reach) + 1)
    bottom = min(height, math.ceil(bottom + reach) + 1)
    if left >= right or top >= bottom:
        return
    x = np.arange(left, right) - a[0]
    y = (np.arange(top, bottom) - a[1])[:, None]
    dx, dy = b[0] - a[0], b[1] - a[1]
    along = np.clip((x * dx + y * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
    near = (x - along * dx) ** 2 + (y - along * dy) ** 2 <= reach * reach
    image[top:bottom, left:right][near] = color


def disc(image, center, radius, color):
    """A filled disc."""
    _near(image, center, center, max(radius, 0.5), color)


def line(image, a, b, color, thickness):
    """A line with round ends between two points inside the picture."""
    pieces = max(1, math.ceil(math.dist(a, b) / _PIECE))
    ends = [(a[0] + (b[0] - a[0]) * i / pieces, a[1] + (b[1] - a[1]) * i / pieces)
            for i in range(pieces + 1)]
    for begin, end in zip(ends, ends[1:]):
        _near(image, begin, end, max(thickness / 2, 0.71), color)
