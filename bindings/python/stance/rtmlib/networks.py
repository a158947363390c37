"""rtmlib's single networks: detectors give boxes, pose networks keypoints of boxes."""

import numpy as np

import stance

from ..errors import make
from ..follow import all_threads
from ..views import process
from ..zoo import address_model
from .openpose import to_openpose as order_openpose

BACKENDS = ("onnxruntime", "opencv", "openvino")


def argument_error(sentence):
    return make(-1, "STANCE_EARGUMENT", sentence, False)


def check_backend(backend):
    if backend not in BACKENDS:
        raise argument_error(f"backend is one of {', '.join(BACKENDS)} (and makes no difference), "
                             f"not {backend!r}")


def check_compat(compat):
    if compat not in (None, "rtmlib"):
        raise argument_error(f"compat is 'rtmlib' or None, not {compat!r}")


def open_size(size):
    """An input's (width, height) as Pipeline takes it; None: as the file and its card say."""
    return (0, 0) if size is None else tuple(map(int, size))


def detector_options(model, nms_thr=0.45, score_thr=0.7):
    """rtmlib's thresholds. A network with suppression inside has its own, and boxes from 0.3 on."""
    if len(model.outputs) == 1:
        return {"detector_threshold": score_thr, "nms_threshold": nms_thr}
    return {"detector_threshold": 0.3}


def class_range(categories):
    """The detector_classes in which these are, None and none: all."""
    return (min(categories), max(categories)) if categories else (0, -1)


def is_wanted(people, categories):
    """Which of the boxes are of these classes."""
    return np.isin(people.detector_classes, list(categories)) if categories else slice(None)


class Network:
    """What all have: a pipeline, and a line that describes it."""

    def __init__(self, backend, threads, **options):
        check_backend(backend)
        self.pipeline = stance.Pipeline(threads=all_threads() if threads is None else threads,
                                        **options)

    @property
    def description(self):
        """Models, device and precision in a line."""
        return self.pipeline.description

    def close(self):
        self.pipeline.close()


class YOLOX(Network):
    """Boxes (N, 4) of people, best first; mode="multiclass": boxes and classes (N,) of everything
    (det_categories: of these classes)."""

    def __init__(self, onnx_model, model_input_size=None, mode="human", nms_thr=0.45, score_thr=0.7,
                 backend="onnxruntime", device="cpu", *, det_mode=None, det_categories=None,
                 threads=None):
        self.mode = "multiclass" if det_categories is not None else det_mode or mode
        if self.mode not in ("human", "multiclass"):
            raise argument_error(f"mode is 'human' or 'multiclass', not {self.mode!r}")
        self._categories = det_categories
        model = stance.Model(address_model(onnx_model))
        classes = class_range(det_categories) if self.mode == "multiclass" else (0, 0)
        super().__init__(backend, threads, pose=None, detector=model, device=device,
                         detector_size=open_size(model_input_size), detector_classes=classes,
                         **detector_options(model, nms_thr, score_thr))

    def __call__(self, image):
        people = process(self.pipeline, image, "bgr")
        if self.mode == "human":
            return people.boxes
        wanted = is_wanted(people, self._categories)
        return people.boxes[wanted], people.detector_classes[wanted]


class RTMDet(Network):
    """Boxes (N, 4) of people, or of what else the network's first class is (hands), best first."""

    def __init__(self, onnx_model, model_input_size=None, mode="human", backend="onnxruntime",
                 device="cpu", *, threads=None):
        if mode != "human":
            raise argument_error(f"RTMDet knows mode 'human' only, not {mode!r}")
        super().__init__(backend, threads, pose=None, detector=address_model(onnx_model),
                         device=device, detector_size=open_size(model_input_size))

    def __call__(self, image):
        return process(self.pipeline, image, "bgr").boxes


class RTMPose(Network):
    """Keypoints (N, K, 2) and scores (N, K) of the people in boxes (N, 4); without boxes of one
    person who fills the picture. compat="rtmlib": the network is shown blue for red."""

    refine = "auto"

    def __init__(self, onnx_model, model_input_size=None, *, to_openpose=False,
                 backend="onnxruntime", device="cpu", compat=None, threads=None):
        check_compat(compat)
        self.to_openpose = to_openpose
        self._pixels = "rgb" if compat else "bgr"
        super().__init__(backend, threads, pose=address_model(onnx_model), detector=None,
                         device=device, pose_size=open_size(model_input_size), refine=self.refine)

    def __call__(self, image, bboxes=None):
        if bboxes is None:
            bboxes = [[0, 0, image.shape[1], image.shape[0]]]
        boxes = (np.asarray(bboxes, np.float32)[:, :4] if len(bboxes)
                 else np.zeros((0, 4), np.float32))
        people = process(self.pipeline, image, self._pixels, boxes)
        return answer(people, self.to_openpose)


class ViTPose(RTMPose):
    """The same for ViTPose, whose heatmaps are read as they were trained, with UDP."""

    refine = "udp"


class RTMO(Network):
    """Keypoints (N, K, 2) and scores (N, K) of everybody, without a detector."""

    def __init__(self, onnx_model, model_input_size=None, *, nms_thr=0.45, score_thr=0.7,
                 to_openpose=False, backend="onnxruntime", device="cpu", threads=None):
        self.to_openpose = to_openpose
        super().__init__(backend, threads, pose=address_model(onnx_model), device=device,
                         pose_size=open_size(model_input_size), detector_threshold=score_thr,
                         nms_threshold=nms_thr)

    def __call__(self, image):
        return answer(process(self.pipeline, image, "bgr"), self.to_openpose)


def answer(people, openpose):
    """rtmlib's two arrays."""
    if openpose:
        return order_openpose(people.keypoints, people.scores)
    return people.keypoints, people.scores
