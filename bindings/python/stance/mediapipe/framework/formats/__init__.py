"""Message types."""

from . import landmark_pb2

__all__ = ["landmark_pb2"]
