"""mp.solutions.pose: one person in pictures or video."""

from ...follow import Follower, prominent
from ...landmarks import (POSE_CONNECTIONS, NormalizedLandmarkList, PoseLandmark, person_landmarks)
from ...views import process
from ..models import complexity_models, is_present, open_pipeline, refuse_masks

__all__ = ["POSE_CONNECTIONS", "Pose", "PoseLandmark", "PoseResults"]


class PoseResults:
    """pose_landmarks: the person's 33 landmarks in .landmark, or None when nobody is there;
    pose_world_landmarks and segmentation_mask: always None; people: everybody (stance.People)."""

    __slots__ = ("pose_landmarks", "people")
    pose_world_landmarks = None
    segmentation_mask = None

    def __init__(self, pose_landmarks, people):
        self.pose_landmarks = pose_landmarks
        self.people = people


class Pose:
    """Finds the most prominent person.

    static_image_mode: pictures that have nothing to do with each other.
    model_complexity: 0, 1, 2: RTMPose t, s, m, which must be on this machine; None: the built-in
        models.
    smooth_landmarks: of video; enable_segmentation: an error, there are no masks.
    min_detection_confidence: people whose box scores less are not taken.
    min_tracking_confidence: nor are those whose keypoints have a mean score below half of it.
    """

    def __init__(self, static_image_mode=False, model_complexity=None, smooth_landmarks=True,
                 enable_segmentation=False, smooth_segmentation=True, min_detection_confidence=0.5,
                 min_tracking_confidence=0.5):
        refuse_masks(enable_segmentation)
        self._static = static_image_mode
        self._tracking_confidence = min_tracking_confidence
        self._pipeline = open_pipeline(complexity_models(model_complexity),
                                       min_detection_confidence)
        self._follower = (None if static_image_mode else
                          Follower(self._pipeline, smoothing="low" if smooth_landmarks else "off"))

    def process(self, image, timestamp_us=None):
        """The person in a picture, uint8 (H, W, 3), RGB; `timestamp_us`: when a frame was taken, on
        any clock that runs on; None: now."""
        if self._static:
            people = process(self._pipeline, image, "rgb")
            index = prominent(people)
            person = None if index is None else people[index]
        else:
            people = self._follower.process(image, "rgb", timestamp_us)
            person = self._follower.choose(people)
        if person is None or not is_present(person, self._tracking_confidence):
            return PoseResults(None, people)
        landmarks = person_landmarks(person, people.width, people.height)
        return PoseResults(NormalizedLandmarkList(landmarks), people)

    def reset(self):
        """Forgets everybody, as at a cut."""
        if self._follower:
            self._follower.reset()

    @property
    def description(self):
        """Models, device and precision in a line."""
        return self._pipeline.description

    def close(self):
        """Frees the networks; any number of times."""
        if self._follower:
            self._follower.close()
        self._pipeline.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
