"""MediaPipe's 33 landmarks from the keypoints of any network for people.

Keypoints that a network has are placed at their landmark, with the keypoint's score as visibility.
The others get visibility 0 and the place of the nearest landmark that there is: a mouth's corners
that of the nose, a hand's fingers that of its wrist, a foot's points that of its ankle."""

import enum
import functools

import numpy as np

import stance


class PoseLandmark(enum.IntEnum):
    """The landmarks by MediaPipe's numbers; left and right are the person's."""

    NOSE = 0
    LEFT_EYE_INNER = 1
    LEFT_EYE = 2
    LEFT_EYE_OUTER = 3
    RIGHT_EYE_INNER = 4
    RIGHT_EYE = 5
    RIGHT_EYE_OUTER = 6
    LEFT_EAR = 7
    RIGHT_EAR = 8
    MOUTH_LEFT = 9
    MOUTH_RIGHT = 10
    LEFT_SHOULDER = 11
    RIGHT_SHOULDER = 12
    LEFT_ELBOW = 13
    RIGHT_ELBOW = 14
    LEFT_WRIST = 15
    RIGHT_WRIST = 16
    LEFT_PINKY = 17
    RIGHT_PINKY = 18
    LEFT_INDEX = 19
    RIGHT_INDEX = 20
    LEFT_THUMB = 21
    RIGHT_THUMB = 22
    LEFT_HIP = 23
    RIGHT_HIP = 24
    LEFT_KNEE = 25
    RIGHT_KNEE = 26
    LEFT_ANKLE = 27
    RIGHT_ANKLE = 28
    LEFT_HEEL = 29
    RIGHT_HEEL = 30
    LEFT_FOOT_INDEX = 31
    RIGHT_FOOT_INDEX = 32


#: Where a landmark that no keypoint gives is put.
_NEAREST = {1: 2, 3: 2, 4: 5, 6: 5, 9: 0, 10: 0, 17: 15, 19: 15, 21: 15, 18: 16, 20: 16, 22: 16,
            29: 27, 31: 27, 30: 28, 32: 28}

#: Pairs of landmarks that are drawn as a line.
POSE_CONNECTIONS = frozenset(stance.keypoint_set("mediapipe33").edges)


class NormalizedLandmark:
    """A place in the picture: x and y from 0 at its left and upper edge to 1 at the right and lower
    one. z is always 0."""

    __slots__ = ("x", "y", "z", "visibility", "presence")

    def __init__(self, x=0.0, y=0.0, z=0.0, visibility=None, presence=None):
        self.x, self.y, self.z = x, y, z
        self.visibility, self.presence = visibility, presence

    def HasField(self, name):  # noqa: N802: protobuf's name
        """Whether visibility or presence was set."""
        return getattr(self, name) is not None

    def __eq__(self, other):
        return isinstance(other, NormalizedLandmark) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None

    def __repr__(self):
        return (f"NormalizedLandmark(x={self.x:.4f}, y={self.y:.4f}, z={self.z:.4f}, "
                f"visibility={self.visibility})")


class _Landmarks(list):
    """A list that also grows as protobuf's do."""

    def add(self, **fields):
        """A new landmark at the end, which is given back."""
        self.append(NormalizedLandmark(**fields))
        return self[-1]


class NormalizedLandmarkList:
    """One person's landmarks, in `landmark`."""

    __slots__ = ("landmark",)

    def __init__(self, landmark=()):
        self.landmark = _Landmarks(landmark)

    def __repr__(self):
        return f"<NormalizedLandmarkList: {len(self.landmark)}>"


@functools.lru_cache(maxsize=None)
def _sources(set_name):
    """For each landmark the keypoint that is it (-1: none), and the one that gives its place."""
    own = stance.keypoint_map(set_name, "mediapipe33")
    place = own.copy()
    for landmark, nearest in _NEAREST.items():
        if own[landmark] < 0:
            place[landmark] = own[nearest]
    return own, place


def person_landmarks(person, width, height):
    """The 33 landmarks of a person in a picture of this size."""
    own, place = _sources(person.keypoint_set.name)
    middle = (person.box[:2] + person.box[2:]) / 2
    points = np.where(place[:, None] >= 0, person.keypoints[place], middle)
    # A pixel's centre lies half a pixel from its edges, so that int(x * width) is the pixel.
    points = (points.astype(np.float64) + 0.5) / (width, height)
    seen = np.where(own >= 0, person.scores[own].clip(0, 1), 0).astype(np.float64)
    return [NormalizedLandmark(x, y, 0.0, visible, visible)
            for (x, y), visible in zip(points.tolist(), seen.tolist())]
