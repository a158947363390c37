"""Measuring a network while it learns: PCK of the torso by source, COCO's numbers by `stance eval`."""

import json
import os

import numpy as np

from .engine import find_program, run_program


def torso_lengths(keypoints, visible, keypoint_set):
    """Mean distance of each shoulder from the opposite hip, NaN where one of the four is unknown."""
    at = [keypoint_set.names.index(n) for n in
          ("left_shoulder", "right_hip", "right_shoulder", "left_hip")]
    lengths = (np.linalg.norm(keypoints[:, at[0]] - keypoints[:, at[1]], axis=1)
               + np.linalg.norm(keypoints[:, at[2]] - keypoints[:, at[3]], axis=1)) / 2
    return np.where((visible[:, at] > 0).all(1), lengths, np.nan)


def torso_pck(people, found, keypoint_set, threshold=0.2):
    """For each person: hand-labelled joints within `threshold` torso lengths, and how many."""
    truth = np.array([p.keypoints for _, _, p in people.people])
    visible = np.array([p.visible for _, _, p in people.people])
    by_hand = np.array([p.by_hand for _, _, p in people.people])
    torso = torso_lengths(truth, visible, keypoint_set)
    distance = np.linalg.norm(found[..., :2] - truth, axis=-1) / torso[:, None]
    counted = by_hand & np.isfinite(distance)
    return ((distance <= threshold) & counted).sum(1), counted.sum(1)


def torso_pck_by_source(people, found, keypoint_set):
    """PCK@0.2 for every source with at least 20 people that were labelled by hand."""
    right, counted = torso_pck(people, found, keypoint_set)
    sources = np.array(people.sources)
    return {f"pck_{s}": float(right[sources == s].sum() / counted[sources == s].sum())
            for s in np.unique(sources) if (counted[sources == s] > 0).sum() >= 20}


def coco_truth(people, keypoint_set):
    """A People data set as COCO ground truth."""
    images, annotations = {}, []
    for i, (number, picture, person) in enumerate(people.people):
        images[number] = {"id": number, "file_name": os.path.basename(picture.path),
                          "width": picture.width, "height": picture.height}
        points = np.concatenate([person.keypoints, person.visible[:, None]], 1)
        annotations.append({
            "id": i + 1, "image_id": number, "category_id": 1, "iscrowd": 0,
            "bbox": [round(float(v), 2) for v in person.box],
            "num_keypoints": int((person.visible > 0).sum()),
            "keypoints": [round(float(v), 2) for v in points.reshape(-1)]})
    return {"images": list(images.values()), "annotations": annotations,
            "categories": [{"id": 1, "name": "person", "keypoints": keypoint_set.names,
                            "skeleton": []}]}


def coco_results(people, found):
    results = []
    for (number, _, _), points in zip(people.people, found):
        sure = points[:, 2] > 0.2
        score = float(points[sure, 2].mean()) if sure.any() else 0.0
        results.append({"image_id": number, "category_id": 1, "score": round(score, 5),
                        "keypoints": [round(float(v), 3) for v in points.reshape(-1)]})
    return results


def average_precision(truth, results, folder):
    """AP and AP50 by `stance eval coco` on two lists, which are left in `folder`; nothing where the
    stance program is not there."""
    if not find_program():
        return {}
    paths = [os.path.join(folder, n) for n in ("val-truth.json", "val-results.json")]
    for path, content in zip(paths, (truth, results)):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(content, file)
    numbers = run_program("eval", "coco", "--annotations", paths[0], "--results", paths[1], "--json")
    return {"ap": numbers["AP"], "ap50": numbers["AP50"]}
