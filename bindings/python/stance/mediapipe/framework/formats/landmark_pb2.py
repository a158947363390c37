"""Landmarks by the names of MediaPipe's messages, for code that builds lists to draw."""

from ....landmarks import NormalizedLandmark, NormalizedLandmarkList

__all__ = ["NormalizedLandmark", "NormalizedLandmarkList"]
