"""rtmlib's solutions: a detector and a pose network for a purpose, or a one-stage network."""

import stance

from ..follow import all_threads
from ..views import process
from ..zoo import address_model
from .networks import (answer, argument_error, check_backend, check_compat, class_range,
                       detector_options, is_wanted, open_size)

_MODES = ("performance", "balanced", "lightweight")


class Solution:
    """Pictures, uint8 (H, W, 3), BGR, to keypoints (N, K, 2) and scores (N, K), best box first.

    det, pose: paths, names or the addresses that rtmlib downloads from; None: what `mode` says.
    det_input_size, pose_input_size: (width, height) of inputs that the files leave open.
    to_openpose: keypoints in OpenPose's order, with a neck.
    backend: accepted, makes no difference. device: "cpu"; one that is not there is an error.
    compat="rtmlib": the pose network is shown blue for red, as rtmlib does.
    threads: None: all processors, eight at most.
    """

    task = None  # of the presets that the modes are
    keypoint_set = None
    categories = None  # of the detector; None: people, empty: all

    def __init__(self, det=None, det_input_size=None, pose=None, pose_input_size=None,
                 mode="balanced", to_openpose=False, backend="onnxruntime", device="cpu", *,
                 compat=None, threads=None):
        self._check(backend, compat)
        if det is None or pose is None:
            preset = self._preset(mode)
            det, pose = det or preset.detector, pose or preset.pose
        self._open(det, pose, det_input_size, pose_input_size, to_openpose, device, compat, threads)

    def _check(self, backend, compat):
        check_backend(backend)
        check_compat(compat)

    def _preset(self, mode, task=None):
        if mode not in _MODES:
            raise argument_error(f"{type(self).__name__} has mode {', '.join(_MODES)}, not {mode!r}")
        wanted = (task or self.task, mode)
        return next(p for p in stance.presets() if (p.task, p.mode) == wanted)

    def _open(self, det, pose, det_size, pose_size, to_openpose, device, compat, threads,
              refine="auto"):
        """One pipeline; two parts for `compat`, and for classes that are not one after the other."""
        self.to_openpose = to_openpose
        self.pipeline = self.detector = self.pose = None
        threads = all_threads() if threads is None else threads
        computing = {"device": device, "threads": threads}
        posing = {"pose": address_model(pose), "pose_size": open_size(pose_size), "refine": refine,
                  "keypoint_set": self.keypoint_set, **computing}
        model = None if det is None else stance.Model(address_model(det))
        if model is None:
            self.pipeline = stance.Pipeline(**posing, detector_threshold=0.7, nms_threshold=0.45)
            return
        detecting = {"detector": model, "detector_size": open_size(det_size),
                     **detector_options(model)}
        apart = compat is not None
        if self.categories is not None:
            detecting["detector_classes"] = first, last = class_range(self.categories)
            apart |= len(set(self.categories)) not in (0, last - first + 1)
        if not apart:
            self.pipeline = stance.Pipeline(**posing, **detecting)
            return
        self._pixels = "rgb" if compat else "bgr"
        self.pose = stance.Pipeline(**posing, detector=None)
        self.detector = stance.Pipeline(pose=None, **detecting, **computing)

    def boxes(self, image):
        """Boxes (N, 4) in a picture, of a solution in two parts."""
        people = process(self.detector, image, "bgr")
        return people.boxes[is_wanted(people, self.categories)]

    def poses(self, image, boxes):
        """The people in boxes, of a solution in two parts."""
        return process(self.pose, image, self._pixels, boxes)

    def people(self, image):
        """Everybody, with boxes and scores: stance.People."""
        if self.pipeline:
            return process(self.pipeline, image, "bgr")
        return self.poses(image, self.boxes(image))

    def __call__(self, image):
        return answer(self.people(image), self.to_openpose)

    @property
    def description(self):
        """Models, device and precision in a line."""
        if self.pipeline:
            return self.pipeline.description
        return f"{self.detector.description} + {self.pose.description}"

    def close(self):
        for part in (self.pipeline, self.detector, self.pose):
            if part:
                part.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Body(Solution):
    """COCO's 17 keypoints. pose="rtmo": the one-stage network of the mode."""

    task = "body"

    def __init__(self, det=None, det_input_size=None, pose=None, pose_input_size=None,
                 mode="balanced", to_openpose=False, backend="onnxruntime", device="cpu", *,
                 compat=None, threads=None):
        if pose is None or "rtmo" not in str(pose):
            super().__init__(det, det_input_size, pose, pose_input_size, mode, to_openpose, backend,
                             device, compat=compat, threads=threads)
            return
        self._check(backend, compat)
        preset = self._preset(mode, "one-stage")
        self._open(None, preset.pose if pose == "rtmo" else pose, None, pose_input_size,
                   to_openpose, device, None, threads)


class BodyWithFeet(Solution):
    """Halpe's 26 keypoints."""

    task = "feet"


class Wholebody(Solution):
    """COCO-WholeBody's 133 keypoints."""

    task = "wholebody"


class Hand(Solution):
    """21 keypoints of hands."""

    task = "hand"

    def __init__(self, det=None, det_input_size=None, pose=None, pose_input_size=None,
                 mode="lightweight", to_openpose=False, backend="onnxruntime", device="cpu", *,
                 compat=None, threads=None):
        super().__init__(det, det_input_size, pose, pose_input_size, mode, to_openpose, backend,
                         device, compat=compat, threads=threads)


class Animal(Solution):
    """AP-10K's 17 keypoints of animals. det_categories: COCO's classes that are looked for, by
    their numbers; None: all, as in rtmlib."""

    task = "animal"
    keypoint_set = "ap10k17"

    def __init__(self, det=None, det_categories=None, det_input_size=None, pose=None,
                 pose_input_size=None, mode="balanced", to_openpose=False, backend="onnxruntime",
                 device="cpu", *, compat=None, threads=None):
        self.categories = list(det_categories or ())
        super().__init__(det, det_input_size, pose, pose_input_size, mode, False, backend, device,
                         compat=compat, threads=threads)


class Custom(Solution):
    """Networks by their kinds: det_class "YOLOX" or "RTMDet", or None beside pose_class "RTMO";
    pose_class "RTMPose", "ViTPose" or "RTMO". det_mode="multiclass" or det_categories: boxes of
    other classes than people, too."""

    def __init__(self, det_class=None, det=None, det_input_size=None, det_mode="human",
                 det_categories=None, pose_class=None, pose=None, pose_input_size=None, mode=None,
                 to_openpose=False, backend="onnxruntime", device="cpu", *, compat=None,
                 threads=None):
        self._check(backend, compat)
        for what, value, known in (("det_class", det_class, (None, "YOLOX", "RTMDet")),
                                   ("pose_class", pose_class, ("RTMPose", "ViTPose", "RTMO")),
                                   ("det_mode", det_mode, ("human", "multiclass"))):
            if value not in known:
                raise argument_error(f"{what} is one of {', '.join(map(str, known))}, "
                                     f"not {value!r}")
        if pose is None or (det_class is None) != (pose_class == "RTMO") or (
                det_class and det is None):
            raise argument_error("a pose network goes with a detector (det_class and det), RTMO "
                                 "with none")
        if det_categories is not None or det_mode == "multiclass":
            self.categories = list(det_categories or ())
        self._open(det if det_class else None, pose, det_input_size, pose_input_size, to_openpose,
                   device, compat if det_class else None, threads,
                   "udp" if pose_class == "ViTPose" else "auto")
