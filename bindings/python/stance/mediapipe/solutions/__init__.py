"""The older interface: mp.solutions.pose and what draws its landmarks."""

from . import drawing_styles, drawing_utils, pose

__all__ = ["drawing_styles", "drawing_utils", "pose"]
