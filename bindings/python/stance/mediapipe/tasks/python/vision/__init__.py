"""mediapipe.tasks.python.vision: the pose landmarker, and what draws its results."""

from .....landmarks import PoseLandmark
from . import drawing_styles, drawing_utils
from .pose_landmarker import (PoseLandmarker, PoseLandmarkerOptions, PoseLandmarkerResult,
                              PoseLandmarksConnections, RunningMode)

__all__ = ["PoseLandmark", "PoseLandmarker", "PoseLandmarkerOptions", "PoseLandmarkerResult",
           "PoseLandmarksConnections", "RunningMode", "drawing_styles", "drawing_utils"]
