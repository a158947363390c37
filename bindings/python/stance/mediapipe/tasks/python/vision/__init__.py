"""mediapipe.tasks.python.vision: the pose landmarker."""

from .pose_landmarker import (PoseLandmarker, PoseLandmarkerOptions, PoseLandmarkerResult,
                              RunningMode)

__all__ = ["PoseLandmarker", "PoseLandmarkerOptions", "PoseLandmarkerResult", "RunningMode"]
