"""rtmlib's side of bench/video, a process of its own: PoseTracker on a video, without drawing. Takes
its settings as one JSON argument and prints one JSON line."""
import contextlib
import json
import sys
import time
import types

try:
    import cv2
    import numpy
    import rtmlib
    import rtmlib.version
except ImportError as error:
    sys.exit(f"{error}: install it with pip install rtmlib onnxruntime opencv-python-headless")
try:
    import onnxruntime as module
except ImportError:
    module = None

PERSON = 0  # of COCO's classes


class Timed:
    """One of rtmlib's models and the time spent in it. PoseTracker swallows the detector's errors:
    they are kept."""

    def __init__(self, model):
        self._model = model
        self.mode = getattr(model, "mode", None)
        self.seconds, self.error = 0.0, None

    def __call__(self, *arguments, **named):
        start = time.perf_counter()
        try:
            return self._model(*arguments, **named)
        except Exception as error:
            self.error = error
            raise
        finally:
            self.seconds += time.perf_counter() - start


def open_runtime(library):
    """The Python module, or what stands in for it."""
    if module:
        return module
    if not library:
        sys.exit("no ONNX Runtime: install it with pip install onnxruntime")
    import onnxruntime_stand_in
    return onnxruntime_stand_in.install(library)


def limit_threads(runtime, threads):
    """rtmlib opens its sessions without options."""
    opening = runtime.InferenceSession

    def session(path_or_bytes, providers):
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        return opening(path_or_bytes, options, providers=providers)

    runtime.InferenceSession = session
    cv2.setNumThreads(threads)


def open_tracker(wanted):
    detector = Timed(rtmlib.YOLOX(wanted["detector"], tuple(wanted["detector_size"]), "multiclass",
                                  wanted["nms_threshold"], wanted["threshold"]))
    pose = Timed(rtmlib.RTMPose(wanted["pose"], tuple(wanted["pose_size"])))
    models = types.SimpleNamespace(det_model=detector, pose_model=pose, det_categories=[PERSON])
    tracker = rtmlib.PoseTracker(lambda **_: models, wanted["detect_every"], wanted["tracking"])
    return detector, pose, tracker


def play(wanted):
    detector, pose, tracker = open_tracker(wanted)
    video = cv2.VideoCapture(wanted["video"])
    people, keypoints, read, whole = [], [], 0.0, 0.0
    start = time.perf_counter()
    while len(people) < wanted["frames"]:
        before = time.perf_counter()
        good, picture = video.read()
        read += time.perf_counter() - before
        if not good:
            break
        before = time.perf_counter()
        places, scores = tracker(picture)[:2]
        whole += time.perf_counter() - before
        people.append(len(places))
        keypoints.append([numpy.round(numpy.column_stack(one), 2).tolist()
                          for one in zip(places, scores)])
        if detector.error:
            raise detector.error
    seconds = time.perf_counter() - start
    track = whole - detector.seconds - pose.seconds
    stages = {"read": read, "detect": detector.seconds, "pose": pose.seconds, "track": track}
    return {"fps": len(people) / seconds, "people": people, "keypoints": keypoints,
            "stages_ms": {name: 1e3 * spent / len(people) for name, spent in stages.items()}}


def main():
    wanted = json.loads(sys.argv[1])
    runtime = open_runtime(wanted["runtime"])
    limit_threads(runtime, wanted["threads"])
    with contextlib.redirect_stdout(sys.stderr):
        result = play(wanted)
    result["versions"] = {"rtmlib": rtmlib.version.__version__,
                          "onnxruntime": runtime.__version__, "opencv": cv2.__version__,
                          "numpy": numpy.__version__, "python": sys.version.split()[0]}
    print(json.dumps(result))


main()
