"""Generated pictures of stick figures with their labels, for the trainer's tests."""

import json
import os

import numpy as np
from PIL import Image, ImageDraw

LIMBS = [(15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7),
         (7, 9), (6, 8), (8, 10), (0, 5), (0, 6)]


def figure(random):
    """17 joints of an upright figure with swinging limbs, in a box of about 1 x 2."""
    points = np.zeros((17, 2))
    points[0] = 0.5, 0.15
    points[1:5] = points[0] + [[.05, -.04], [-.05, -.04], [.1, -.02], [-.1, -.02]]
    for side, sign in ((0, 1), (1, -1)):
        points[5 + side] = 0.5 + sign * 0.2, 0.4
        points[11 + side] = 0.5 + sign * 0.13, 1.0
        for first, length in ((5, 0.32), (11, 0.45)):
            angle = random.uniform(-0.2, 0.9) * sign
            for joint in (first + 2 + side, first + 4 + side):
                step = np.array([np.sin(angle), np.cos(angle)]) * length
                points[joint] = points[joint - 2] + step
                angle += random.uniform(-0.4, 0.4)
    return points


def write_set(folder, count, seed=0, size=(120, 160)):
    """`count` pictures with one figure each and annotations.jsonl; returns its path."""
    os.makedirs(folder, exist_ok=True)
    random = np.random.default_rng(seed)
    lines = []
    for i in range(count):
        image = Image.fromarray(random.integers(90, 130, (size[1], size[0], 3), dtype=np.uint8))
        points = figure(random) * 58 + [size[0] / 2 - 29 + random.uniform(-15, 15), 14]
        draw = ImageDraw.Draw(image)
        for a, b in LIMBS:
            colour = (0, 220, 90) if a % 2 else (240, 130, 0)
            draw.line([*points[a], *points[b]], fill=colour, width=5)
        x, y = points[0]
        draw.ellipse([x - 9, y - 9, x + 9, y + 9], fill=(250, 220, 200))
        name = f"사람-{i:03}.png"
        image.save(os.path.join(folder, name))
        low, high = points.min(0) - 5, points.max(0) + 5
        lines.append(json.dumps({
            "file": name, "width": size[0], "height": size[1], "source": "figures",
            "persons": [{"box": [*low.round(2), *(high - low).round(2)],
                         "keypoints": [[round(float(px), 2), round(float(py), 2), 2]
                                       for px, py in points]}]}))
    path = os.path.join(folder, "annotations.jsonl")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path
