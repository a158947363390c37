"""mp.solutions.drawing_styles: the colours of a pose by side."""

from ...landmarks import PoseLandmark
from .drawing_utils import DrawingSpec

__all__ = ["DrawingSpec", "get_default_pose_landmarks_style"]

_LEFT, _RIGHT, _MIDDLE = (255, 138, 0), (0, 217, 231), (224, 224, 224)


def get_default_pose_landmarks_style():
    """A DrawingSpec for each landmark: orange left, turquoise right, light grey nose (RGB)."""
    def color(landmark):
        words = landmark.name.split("_")
        return _LEFT if "LEFT" in words else _RIGHT if "RIGHT" in words else _MIDDLE
    return {landmark: DrawingSpec(color=color(landmark)) for landmark in PoseLandmark}
