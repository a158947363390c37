"""Augmentation: random geometry of a person's crop, and what happens to colours and pixels.

Geometry is one matrix from picture to crop coordinates, used for the pixels and the keypoints
alike (unbiased, as UDP asks, arXiv 1911.07524); pixel (0, 0) is the centre of the first pixel in
both, and without augmentation the crop is the one that libstance cuts. Sources of the recipe:
RTMPose, arXiv 2303.07399, section 3.2; half body, arXiv 1812.00324.
"""

import math

import numpy as np
from PIL import Image, ImageFilter

PADDING = 1.25

# What the configuration may set; all of it off is the weak end: a plain crop.
DEFAULTS = {
    "flip": 0.0,              # probability
    "half_body": 0.0,         # probability
    "scale": [1.0, 1.0],      # of the region's size
    "rotate": 0.0,            # degrees, both ways
    "rotate_probability": 0.6,
    "shift": 0.0,             # of the region's size
    "colour": 0.0,            # probability of changed colours
    "blur": 0.0,              # probability
    "dropout": 0.0,           # probability of a hole of 0.2 to 0.4 of the crop
    "small": 0.0,             # probability of a crop shrunk and enlarged again
}


def region(box, aspect, padding=PADDING):
    """Centre and size of the crop for a box x, y, w, h, widened to `aspect` = width / height."""
    size = np.maximum(np.array(box[2:], float), 1) * padding
    center = np.array(box[:2], float) + np.array(box[2:], float) / 2
    if size[0] > size[1] * aspect:
        size[1] = size[0] / aspect
    else:
        size[0] = size[1] * aspect
    return center, size


def crop_matrix(center, size, angle, flip, width, height):
    """The 2x3 matrix from picture to crop coordinates; `angle` in degrees, clockwise."""
    scale = width / size[0]
    turn = math.radians(angle)
    cos, sin = math.cos(turn) * scale, math.sin(turn) * scale
    matrix = np.array([[cos, -sin, 0], [sin, cos, 0]])
    matrix[:, 2] = np.array([width / 2, height / 2]) - matrix[:, :2] @ center
    if flip:
        matrix[0] = -matrix[0]
        matrix[0, 2] += width - 1
    return matrix


def warp(pixels, matrix, width, height):
    """The crop of size width x height, bilinear, black outside of the picture."""
    full = np.vstack([matrix, [0, 0, 1]])
    a, b, c = np.linalg.inv(full)[0]
    d, e, f = np.linalg.inv(full)[1]
    # Pillow counts from the pixels' corners.
    coefficients = (a, b, c + 0.5 - (a + b) / 2, d, e, f + 0.5 - (d + e) / 2)
    return np.asarray(Image.fromarray(pixels).transform(
        (width, height), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR))


def _normal(random):
    """A normal number cut off at -1 and 1."""
    while True:
        value = random.standard_normal()
        if abs(value) <= 1:
            return value


def half_body_box(random, keypoints, weights, upper):
    """The box of the upper or the lower body (as a plain box), or None when too little is known."""
    known = weights > 0
    if known.sum() < 9:
        return None
    choices = [known & upper, known & ~upper]
    choices = [c for c, least in zip(choices, (3, 3)) if c.sum() >= least]
    if not choices:
        return None
    if len(choices) == 2:
        choice = choices[0] if random.random() < 0.6 else choices[1]
    else:
        choice = choices[0]
    points = keypoints[choice]
    low, high = points.min(0), points.max(0)
    size = np.maximum((high - low) * 1.2, 1)
    center = (low + high) / 2
    return np.concatenate([center - size / 2, size])


def random_geometry(random, person, keypoint_set, options, width, height):
    """A crop matrix and whether it mirrors."""
    box = person.box
    if random.random() < options["half_body"]:
        half = half_body_box(random, person.keypoints, person.weights, keypoint_set.upper)
        box = box if half is None else half
    center, size = region(box, width / height)
    if options["shift"] and random.random() < 0.3:
        center = center + np.array([_normal(random), _normal(random)]) * options["shift"] * size
    low, high = options["scale"]
    if high > low:
        size = size * (low + (high - low) * (_normal(random) + 1) / 2)
    angle = 0.0
    if options["rotate"] and random.random() < options["rotate_probability"]:
        angle = _normal(random) * options["rotate"]
    flip = bool(random.random() < options["flip"])
    return crop_matrix(center, size, angle, flip, width, height), flip


def move_points(points, matrix):
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def _change_colours(random, pixels):
    """Brightness, contrast, saturation and hue as one linear map of the colours."""
    gain = 1 + random.uniform(-0.35, 0.35)
    saturation = 1 + random.uniform(-0.5, 0.5)
    hue = random.uniform(-0.25, 0.25)
    luma = np.array([0.299, 0.587, 0.114])
    cos, sin = math.cos(hue), math.sin(hue)
    third, root = (1 - cos) / 3, sin / math.sqrt(3)
    rotation = np.full((3, 3), third) + np.eye(3) * cos
    rotation += root * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    grey = np.outer(np.ones(3), luma)
    matrix = gain * ((grey + saturation * (np.eye(3) - grey)) @ rotation)
    offset = random.uniform(-30, 30) + 128 * (1 - gain) * random.random()
    if random.random() < 0.05:
        matrix = gain * grey
    changed = pixels.astype(np.float32) @ matrix.T.astype(np.float32) + np.float32(offset)
    return np.clip(changed, 0, 255).astype(np.uint8)


def change_pixels(random, pixels, options):
    """Colours, blur and holes; the pixels may come back the same."""
    height, width = pixels.shape[:2]
    if random.random() < options["small"]:
        factor = random.uniform(0.25, 0.8)
        image = Image.fromarray(pixels)
        small = image.resize((max(int(width * factor), 8), max(int(height * factor), 8)),
                             Image.Resampling.BOX)
        pixels = np.asarray(small.resize((width, height), Image.Resampling.BILINEAR))
    if random.random() < options["colour"]:
        pixels = _change_colours(random, pixels)
    if random.random() < options["blur"]:
        image = Image.fromarray(pixels)
        filter_ = (ImageFilter.MedianFilter(3) if random.random() < 0.3
                   else ImageFilter.BoxBlur(random.uniform(0.5, 2)))
        pixels = np.asarray(image.filter(filter_))
    if random.random() < options["dropout"]:
        pixels = pixels.copy()
        w, h = (int(random.uniform(0.2, 0.4) * v) for v in (width, height))
        x, y = int(random.integers(0, width - w + 1)), int(random.integers(0, height - h + 1))
        pixels[y:y + h, x:x + w] = (random.integers(0, 256, 3) if random.random() < 0.5 else 0)
    return pixels
