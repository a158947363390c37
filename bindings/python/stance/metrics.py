"""Measures of a body, from its keypoints."""

import math

#: Angle at the second of three keypoints, 0 … 180 degrees.
_ANGLES = {
    "left_elbow": ("left_shoulder", "left_elbow", "left_wrist"),
    "right_elbow": ("right_shoulder", "right_elbow", "right_wrist"),
    "left_shoulder": ("left_elbow", "left_shoulder", "left_hip"),
    "right_shoulder": ("right_elbow", "right_shoulder", "right_hip"),
    "left_hip": ("left_shoulder", "left_hip", "left_knee"),
    "right_hip": ("right_shoulder", "right_hip", "right_knee"),
    "left_knee": ("left_hip", "left_knee", "left_ankle"),
    "right_knee": ("right_hip", "right_knee", "right_ankle"),
}


def _middle(a, b):
    return ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) if a and b else None


def _distance(a, b):
    return math.dist(a, b) if a and b else None


def _tilt(right, left):
    """How far the line from a right to a left joint is from level, -90 … 90 degrees, positive where
    the joint further right in the picture is the lower one; None without a direction."""
    if not right or not left or right == left:
        return None
    a, b = sorted((right, left))
    return math.degrees(math.atan2(b[1] - a[1], b[0] - a[0]))


def _angle(a, b, c):
    if not a or not b or not c or a == b or c == b:
        return None
    turn = math.atan2(c[1] - b[1], c[0] - b[0]) - math.atan2(a[1] - b[1], a[0] - b[0])
    return math.degrees(abs(math.remainder(turn, math.tau)))


def body_metrics(person, keypoint_threshold=0.3):
    """Measures of a Person, in pixels and degrees of the picture.

    shoulder_width, hip_width: distance of the two joints; torso: from the middle of the shoulders
    to that of the hips; shoulder_to_hip: the widths' ratio; shoulder_center, hip_center: (x, y);
    shoulder_tilt, hip_tilt: from level, positive where the end further right is lower;
    torso_lean: of the torso from upright, positive to the right of the picture;
    angles: of elbows, shoulders, hips and knees by name, 0 … 180, 180 where the limb is straight.
    What needs a keypoint that the person lacks, or that scores below the threshold, is None."""
    names = {name: i for i, name in enumerate(person.keypoint_set.names)}

    def at(name):
        i = names.get(name)
        if i is None or not float(person.scores[i]) >= keypoint_threshold:
            return None
        return float(person.keypoints[i][0]), float(person.keypoints[i][1])

    shoulders = at("right_shoulder"), at("left_shoulder")
    hips = at("right_hip"), at("left_hip")
    top, bottom = _middle(*shoulders), _middle(*hips)
    shoulder_width, hip_width = _distance(*shoulders), _distance(*hips)
    upright = top and bottom and top != bottom
    return {
        "shoulder_width": shoulder_width,
        "hip_width": hip_width,
        "torso": _distance(top, bottom),
        "shoulder_center": top,
        "hip_center": bottom,
        "shoulder_to_hip": shoulder_width / hip_width if shoulder_width and hip_width else None,
        "shoulder_tilt": _tilt(*shoulders),
        "hip_tilt": _tilt(*hips),
        "torso_lean": (math.degrees(math.atan2(top[0] - bottom[0], bottom[1] - top[1]))
                       if upright else None),
        "angles": {name: _angle(*map(at, joints)) for name, joints in _ANGLES.items()},
    }
