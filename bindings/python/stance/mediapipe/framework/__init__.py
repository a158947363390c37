"""Where MediaPipe keeps its message types."""

from . import formats

__all__ = ["formats"]
