"""rtmlib's interface on stance.

    from stance.rtmlib import Body, PoseTracker, draw_skeleton

    body = Body(mode="balanced")
    keypoints, scores = body(frame)                       # frame: uint8 (H, W, 3), BGR
    frame = draw_skeleton(frame, keypoints, scores)

Pictures are BGR, as OpenCV reads them; keypoints (N, K, 2) in pixels, scores (N, K). Nobody in the
picture is N = 0. Models are those that rtmlib downloads; stance downloads nothing here, and a model
that is not on this machine is an error that says how it is fetched.
`backend` is accepted and makes no difference: stance computes itself. docs/migrate.md tells what
differs."""

from .drawing import draw_bbox, draw_skeleton
from .networks import RTMO, YOLOX, RTMDet, RTMPose, ViTPose
from .solutions import Animal, Body, BodyWithFeet, Custom, Hand, Wholebody
from .tracker import PoseTracker

__all__ = ["Animal", "Body", "BodyWithFeet", "Custom", "Hand", "PoseTracker", "RTMDet", "RTMO",
           "RTMPose", "ViTPose", "Wholebody", "YOLOX", "draw_bbox", "draw_skeleton"]
