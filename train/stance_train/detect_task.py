"""Training a person detector: whole pictures, RTMDet's loss or a teacher's maps, boxes' AP."""

import os
import tempfile

import numpy as np
import torch

from . import evaluation, rtmdet_loss
from .data.records import read_set
from .data.scenes import Scenes
from .data.teacher import open_size
from .keypoints import KeypointSet
from .task import Task, network_input


class DetectTask(Task):
    kind = "detect"

    def __init__(self, config, progress=None):
        data, seed = config["data"], config["run"]["seed"]
        kinds = KeypointSet("coco17")
        teacher = config["loss"]["teacher"] if config["loss"]["distil"] else ""
        if teacher and config["schedule"]["sizes"]:
            self._folder = tempfile.TemporaryDirectory(prefix="stance-train-")
            teacher = open_size(teacher, self._folder.name)
        scenes = Scenes([read_set(o, kinds) for o in data["train"]], seed, config["augment"],
                        config["weak"], data["cache"], progress, teacher)
        super().__init__(config, scenes)
        held_out = [read_set(o, kinds) for o in data["val"]]
        for held in held_out:
            held.pictures = [p for p in held.pictures if p.complete]
        self.val = Scenes(held_out, seed, cache=data["cache"]) if held_out else None

    def loss(self, model, batch, device):
        options = self.config["loss"]
        flat = rtmdet_loss.flatten(model(network_input(batch[0], device, bgr=True)))
        classes, boxes = rtmdet_loss.truth_loss(flat, batch[1].to(device))
        parts = {"class_loss": float(classes), "box_loss": float(boxes)}
        loss = (1 - options["distil"]) * (classes + options["box"] * boxes)
        if options["distil"]:
            classes, boxes = rtmdet_loss.teacher_loss(flat, batch[2].to(device))
            parts.update({"distil_class_loss": float(classes), "distil_box_loss": float(boxes)})
            loss = loss + options["distil"] * (classes + options["box"] * boxes)
        return loss, parts

    @torch.no_grad()
    def predict(self, model, scenes, size=None, batch=16):
        """Detections [n,5] (corners in picture coordinates, score) for every picture."""
        width, height = size or self.config["model"]["input_size"]
        found = []
        for first in range(0, len(scenes), batch):
            numbers = range(first, min(first + batch, len(scenes)))
            pixels = torch.stack([scenes[(0, i, i, (width, height), "none")][0] for i in numbers])
            outputs = model(network_input(pixels, bgr=True))
            for i, boxes in zip(numbers, rtmdet_loss.detections(outputs)):
                picture = scenes.pictures[i]
                boxes[:, :4] /= min(width / picture.width, height / picture.height)
                found.append(boxes.numpy())
        return found

    def evaluate(self, model, folder, epoch):
        if self.val is None:
            return {}
        found = self.predict(model, self.val, self.size(epoch))
        return evaluation.average_precision(*detection_lists(self.val, found), folder)


def detection_lists(scenes, found):
    """Ground truth and results of the COCO box metric; silent regions count as crowds."""
    images, truth, results = [], [], []
    for i, (picture, boxes) in enumerate(zip(scenes.pictures, found)):
        images.append({"id": i, "file_name": os.path.basename(picture.path),
                       "width": picture.width, "height": picture.height})
        marked = [(p.box, int(p.crowd)) for p in picture.people] + [(b, 1) for b in picture.ignore]
        for box, crowd in marked:
            x, y, w, h = (round(float(v), 2) for v in box)
            truth.append({"id": len(truth) + 1, "image_id": i, "category_id": 1, "iscrowd": crowd,
                          "bbox": [x, y, w, h], "area": round(w * h, 2)})
        for x1, y1, x2, y2, score in np.round(boxes.astype(float), 4):
            results.append({"image_id": i, "category_id": 1, "score": score,
                            "bbox": [x1, y1, round(x2 - x1, 4), round(y2 - y1, 4)]})
    return ({"images": images, "annotations": truth,
             "categories": [{"id": 1, "name": "person"}]}, results)
