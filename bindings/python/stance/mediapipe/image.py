"""Pictures as the tasks take them."""

import enum

import numpy as np

import stance

from ..errors import make


class ImageFormat(enum.IntEnum):
    """Channels of an Image; MediaPipe's numbers."""

    UNKNOWN = 0
    SRGB = 1
    SRGBA = 2
    GRAY8 = 3


_CHANNELS = {ImageFormat.SRGB: 3, ImageFormat.SRGBA: 4}


class Image:
    """A picture, uint8 (H, W, 3) RGB or (H, W, 4) RGBA, whose alpha is not looked at. The array is
    not copied."""

    def __init__(self, image_format=ImageFormat.SRGB, data=None):
        channels = _CHANNELS.get(image_format)
        if channels is None:
            raise make(-6, "STANCE_EUNSUPPORTED",
                       f"pictures are SRGB or SRGBA, not {image_format!r}", False)
        data = np.asarray(data)
        if data.dtype != np.uint8 or data.ndim != 3 or data.shape[2] != channels:
            raise make(-8, "STANCE_ESHAPE", f"{ImageFormat(image_format).name}: uint8 (height, "
                       f"width, {channels}) is wanted, not {data.dtype} {data.shape}", False)
        self.image_format = ImageFormat(image_format)
        self._data = data

    @classmethod
    def create_from_file(cls, file_name):
        """Reads a picture file."""
        return cls(ImageFormat.SRGB, stance.read_image(file_name, "rgb"))

    @property
    def width(self):
        return self._data.shape[1]

    @property
    def height(self):
        return self._data.shape[0]

    @property
    def channels(self):
        return self._data.shape[2]

    def numpy_view(self):
        """The picture's array."""
        return self._data

    def rgb(self):
        """Its three colours, as a view."""
        return self._data[:, :, :3]
