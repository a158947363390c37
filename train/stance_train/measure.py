"""Measuring a finished ONNX model through the stance program, with bootstrap intervals of 95 %.

JSON lines: PCK@0.2 of the torso on joints placed by hand, by source, boxes given. COCO JSON: AP and
AP50 of keypoints (boxes given) or of the detector's boxes. What is measured is the whole way in C,
from the picture file to the coordinates. The list is what a model card's `metrics` holds.
"""

import json
import os
import tempfile

import numpy as np

from . import evaluation
from .data.people import People
from .data.records import read_set
from .engine import run_program
from .errors import TrainError
from .keypoints import KeypointSet

REPEATS = 1000       # of a bootstrap by people
REPEATS_AP = 200     # of a bootstrap by pictures: each is an evaluation of its own
LEAST = 20           # people of a source


def _write(folder, name, content):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file)
    return path


def _interval(values):
    low, high = np.percentile(values, [2.5, 97.5])
    return round(float(low), 4), round(float(high), 4)


def _metric(name, value, values, note):
    low, high = _interval(values)
    return {"name": name, "value": round(float(value), 4), "low": low, "high": high, "note": note}


def _find_keypoints(model, people, keypoint_set, folder):
    """Keypoints [N,K,3] of every person of a data set. Each person is a picture of its own here,
    so that results and people cannot be mixed up."""
    truth = evaluation.coco_truth(people, keypoint_set)
    root = os.path.commonpath([os.path.dirname(p.path) for _, p, _ in people.people])
    truth["images"] = []
    for i, (annotation, (_, picture, _)) in enumerate(zip(truth["annotations"], people.people)):
        annotation["image_id"] = i
        truth["images"].append({"id": i, "width": picture.width, "height": picture.height,
                                "file_name": os.path.relpath(picture.path, root)})
    saved = os.path.join(folder, "results.json")
    run_program("eval", "coco", "--annotations", _write(folder, "truth.json", truth), "--images",
                root, "--detections", "gt", "--pose", model, "--type", "keypoints",
                "--save-results", saved, "--json", "-q")
    found = np.full((len(people.people), keypoint_set.count, 3), -1e6)
    with open(saved, encoding="utf-8") as file:
        for result in json.load(file):
            found[result["image_id"]] = np.array(result["keypoints"]).reshape(-1, 3)
    return found


def measure_pck(model, path, split, seed=0):
    """PCK@0.2 of the torso for each source with at least 20 people labelled by hand."""
    keypoint_set = KeypointSet("coco17")
    people = People([read_set({"path": path, "split": split}, keypoint_set)], keypoint_set, 0)
    with tempfile.TemporaryDirectory() as folder:
        found = _find_keypoints(model, people, keypoint_set, folder)
    right, counted = evaluation.torso_pck(people, found, keypoint_set)
    sources, random, metrics = np.array(people.sources), np.random.default_rng(seed), []
    for source in np.unique(sources):
        chosen = np.flatnonzero((sources == source) & (counted > 0))
        if len(chosen) < LEAST:
            continue
        draws = random.choice(chosen, (REPEATS, len(chosen)))
        metrics.append(_metric(
            f"PCK@0.2 of the torso, {source}", right[chosen].sum() / counted[chosen].sum(),
            right[draws].sum(1) / counted[draws].sum(1),
            f"{len(chosen)} held-out people, {counted[chosen].sum()} joints placed by hand, "
            f"boxes given"))
    return metrics


def _resample(truth, results, draw):
    """Ground truth and results of drawn pictures; one drawn twice is two pictures."""
    by_image, found = {}, {}
    for annotation in truth["annotations"]:
        by_image.setdefault(annotation["image_id"], []).append(annotation)
    for result in results:
        found.setdefault(result["image_id"], []).append(result)
    new, detections = {**truth, "images": [], "annotations": []}, []
    for i, number in enumerate(draw):
        image = truth["images"][number]
        new["images"].append({**image, "id": i + 1})
        for annotation in by_image.get(image["id"], []):
            new["annotations"].append({**annotation, "image_id": i + 1,
                                       "id": len(new["annotations"]) + 1})
        detections += [{**r, "image_id": i + 1} for r in found.get(image["id"], [])]
    return new, detections


def measure_ap(model, role, annotations, images, seed=0):
    """AP and AP50 on a COCO set: of keypoints with boxes given, or of boxes."""
    kind = "keypoints" if role == "pose" else "bbox"
    how = (["--detections", "gt", "--pose", model] if role == "pose" else ["--detector", model])
    with open(annotations, encoding="utf-8") as file:
        truth = json.load(file)
    random, drawn = np.random.default_rng(seed), []
    with tempfile.TemporaryDirectory() as folder:
        saved = os.path.join(folder, "results.json")
        numbers = run_program("eval", "coco", "--annotations", annotations, "--images", images,
                              "--type", kind, *how, "--save-results", saved, "--json", "-q")
        with open(saved, encoding="utf-8") as file:
            results = json.load(file)
        for _ in range(REPEATS_AP):
            draw = random.integers(len(truth["images"]), size=len(truth["images"]))
            new, found = _resample(truth, results, draw)
            drawn.append(run_program("eval", "coco", "--annotations",
                                     _write(folder, "t.json", new), "--results",
                                     _write(folder, "r.json", found), "--type", kind, "--json"))
    name = os.path.basename(os.path.normpath(images))
    note = (f"{len(truth['images'])} pictures, {len(truth['annotations'])} people"
            + (", boxes given" if role == "pose" else ""))
    what = "OKS-" if role == "pose" else "box "
    return [_metric(f"{what}{key}, {name}", numbers[key], [d[key] for d in drawn], note)
            for key in ("AP", "AP50")]


def measure(model, data, split, images):
    """All metrics of a model on data sets (paths); prints nothing."""
    family = run_program("info", "--json", model)["family"] or ""
    role = "detector" if "detector" in family else "pose"
    metrics = []
    for path in data:
        if path.endswith(".json"):
            metrics += measure_ap(model, role, path, images or os.path.dirname(path))
        elif role == "pose":
            metrics += measure_pck(model, path, split)
        else:
            raise TrainError(f"{path}: a detector is measured on COCO JSON")
    return metrics
