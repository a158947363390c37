"""MediaPipe's pose interface on stance: the older solutions.pose and the newer tasks shape.

    from stance import mediapipe as mp

    with mp.solutions.pose.Pose(model_complexity=1) as pose:
        results = pose.process(rgb)
        if results.pose_landmarks:
            nose = results.pose_landmarks.landmark[mp.solutions.pose.PoseLandmark.NOSE]

Landmarks are two-dimensional: z is 0, world landmarks are None, and there are no segmentation
masks. docs/migrate.md tells what differs."""

from . import framework, solutions, tasks
from .image import Image, ImageFormat

__all__ = ["Image", "ImageFormat", "framework", "solutions", "tasks"]
