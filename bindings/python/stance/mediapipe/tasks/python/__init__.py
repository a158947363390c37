"""mediapipe.tasks.python: options of every task."""

from . import vision
from .base_options import BaseOptions

__all__ = ["BaseOptions", "vision"]
