"""The newer interface: mp.tasks.vision.PoseLandmarker."""

from . import python
from .python import BaseOptions, vision

__all__ = ["BaseOptions", "python", "vision"]
