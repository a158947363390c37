"""RTMPose in the place of MediaPipe: the interface of rtmpose_wrapper, on stance.

    from rtmpose_wrapper import RTMPoseWrapper, PoseLandmark

    pose = RTMPoseWrapper(size="s")
    result = pose.process(rgb)                            # uint8 (H, W, 3), RGB
    if result["pose_landmarks"]:
        shoulder = result["pose_landmarks"].landmark[PoseLandmark.LEFT_SHOULDER]
        x, y = int(shoulder.x * w), int(shoulder.y * h)
    pose.close()

`python -m rtmpose_wrapper` tries it on a camera or video, `--check` says what is here.
docs/migrate.md tells what differs from the original."""

from stance.landmarks import NormalizedLandmark, NormalizedLandmarkList, PoseLandmark

from .stream import RTMPoseStream
from .wrapper import RTMPoseWrapper

__all__ = ["NormalizedLandmark", "NormalizedLandmarkList", "PoseLandmark", "RTMPoseStream",
           "RTMPoseWrapper"]
