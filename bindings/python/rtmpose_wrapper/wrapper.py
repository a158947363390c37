"""RTMPoseWrapper: frames one after another, the landmarks of the most prominent person."""

import sys

import stance
from stance.follow import Follower, all_threads
from stance.landmarks import NormalizedLandmarkList, person_landmarks
from stance.zoo import checkpoint_model, size_preset


def open_pipeline(model_config, checkpoint, device, size, detector, threads):
    """The networks that are meant. A checkpoint or configuration goes before a size; without any,
    and beside a checkpoint, the models are those inside the library."""
    named = {} if detector is None else {"detector": detector}
    if checkpoint is not None or model_config is not None:
        named["pose"] = checkpoint_model(checkpoint, model_config)
    pipeline = stance.Pipeline(preset=None if size is None else size_preset(size), **named,
                               device=device,
                               threads=all_threads() if threads is None else threads)
    print(f"stance {stance.__version__}: {pipeline.description}", file=sys.stderr)
    return pipeline


class RTMPoseWrapper:
    """The person of each frame, as MediaPipe's landmarks.

    model_config: of a configuration file only the name is used, where there is no checkpoint.
    checkpoint: an ONNX file, a model's name, or a .pth that has its .onnx beside it or a model of
        its name on this machine. None: stance's built-in network.
    device: "cpu"; one that is not there is an error that lists those that are.
    inference_gap: the networks run on every so-manyth frame, between them people move on as before.
    size: "t", "s", "m", "l" or "x" instead of a checkpoint: a detector and an RTMPose.
    detector: name or path of another detector.
    threads: None: all processors, eight at most.
    """

    def __init__(self, model_config=None, checkpoint=None, device="cpu", inference_gap=4, *,
                 size=None, detector=None, threads=None):
        self._follower = Follower(
            open_pipeline(model_config, checkpoint, device, size, detector, threads), inference_gap)

    def process(self, rgb, timestamp_us=None):
        """Landmarks in the next frame, uint8 (H, W, 3), RGB; `timestamp_us`: when it was taken, on
        any clock that runs on; None: now.

        A dictionary: "pose_landmarks": of the most prominent person, with .landmark[0 … 32], or
        None when nobody is there; "keypoints" (K, 2) in pixels and "scores" (K,): the same person's
        as the network gives them, or None; "people": everybody, stance.People."""
        people = self._follower.process(rgb, "rgb", timestamp_us)
        person = self._follower.choose(people)
        if person is None:
            return {"pose_landmarks": None, "keypoints": None, "scores": None, "people": people}
        landmarks = person_landmarks(person, people.width, people.height)
        return {"pose_landmarks": NormalizedLandmarkList(landmarks),
                "keypoints": person.keypoints, "scores": person.scores, "people": people}

    def reset(self):
        """Forgets everybody, as at a cut."""
        self._follower.reset()

    @property
    def description(self):
        """Models, device and precision in a line."""
        return self._follower.pipeline.description

    def close(self):
        """Frees the networks; any number of times."""
        self._follower.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
