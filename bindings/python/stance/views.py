"""Pictures as programs hand them over: often as views that libraries of their kind take."""

import numpy as np


def plain(image, pixels):
    """The same picture as an array that stance reads in place, and what its channels are:
    frame[:, :, ::-1] is the frame in the other order. Views of other kinds are copied."""
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3:
        return image, pixels
    down, across, channel = image.strides
    if channel == -1 and across == 3:
        image, pixels = image[:, :, ::-1], "bgr" if pixels == "rgb" else "rgb"
    elif channel != 1 or across != 3:
        image = np.ascontiguousarray(image)
    return (image if down > 0 else np.ascontiguousarray(image)), pixels


def process(handle, image, pixels, *rest):
    """handle.process() of a picture in any view."""
    return handle.process(*plain(image, pixels), *rest)
