"""Training a pose network: crops of people, the SimCC loss, PCK by source and COCO's AP."""

import numpy as np
import torch

from . import evaluation, simcc_loss
from .data.people import People
from .data.records import read_set
from .keypoints import KeypointSet
from .task import Task, network_input


class PoseTask(Task):
    kind = "pose"

    def __init__(self, config, progress=None):
        self.keypoint_set = KeypointSet(config["model"]["keypoint_set"])
        data, seed = config["data"], config["run"]["seed"]
        sets = [read_set(options, self.keypoint_set) for options in data["train"]]
        loss = config["loss"]
        teacher = ({"path": loss["teacher"], "input_size": config["model"]["input_size"],
                    "split": loss["split"], "beta": loss["beta"]} if loss["distil"] else None)
        people = People(sets, self.keypoint_set, seed, config["augment"], config["weak"],
                        data["cache"], progress, teacher)
        super().__init__(config, people)
        held_out = [read_set(options, self.keypoint_set) for options in data["val"]]
        self.val = (People(held_out, self.keypoint_set, seed, cache=data["cache"])
                    if held_out else None)

    def loss(self, model, batch, device):
        pixels, points, weights = batch[:3]
        options = self.config["loss"]
        points, weights = points.to(device), weights.to(device)
        # From the crop's pixels to those of the full input size: centres keep their places.
        size = torch.tensor(self.config["model"]["input_size"], device=device)
        ratio = size / torch.tensor([pixels.shape[2], pixels.shape[1]], device=device)
        points = points * ratio
        outputs, maps = model(network_input(pixels, device), maps=True)
        loss = simcc_loss.pose_loss(outputs, points, weights, options)
        parts = {"simcc_loss": float(loss)}
        if options["coarse"]:
            for values in maps:
                coarse = simcc_loss.coarse_loss(values, points, weights, size)
                parts[f"coarse_{values.shape[-1]}_loss"] = float(coarse)
                loss = loss + options["coarse"] * coarse
        if options["distil"]:
            taught = simcc_loss.teacher_loss(outputs, [b.to(device) for b in batch[4:]],
                                             options["beta"])
            parts["distil_loss"] = float(taught)
            loss = (1 - options["distil"]) * loss + options["distil"] * taught
        return loss, parts

    def decode(self, outputs):
        """Keypoints [N,K,3] in pixels of the full input size."""
        return simcc_loss.decode(outputs, self.config["loss"]["split"])

    @torch.no_grad()
    def predict(self, model, people, size=None, batch=64):
        """Keypoints [N,K,3] in picture coordinates for every person of a data set."""
        full = np.array(self.config["model"]["input_size"])
        size = tuple(size or full)
        found = []
        for first in range(0, len(people), batch):
            items = [people[(0, i, i, size, "none")]
                     for i in range(first, min(first + batch, len(people)))]
            pixels = torch.stack([i[0] for i in items])
            points = self.decode(model(network_input(pixels))).numpy()
            for point, item in zip(points, items):
                matrix = item[3].numpy()
                inverse = np.linalg.inv(matrix[:, :2].astype(float))
                point[:, :2] = (point[:, :2] * (size / full) - matrix[:, 2]) @ inverse.T
                found.append(point)
        return np.array(found)

    def evaluate(self, model, folder, epoch):
        if self.val is None:
            return {}
        found = self.predict(model, self.val, self.size(epoch))
        return {**evaluation.torso_pck_by_source(self.val, found, self.keypoint_set),
                **evaluation.average_precision(
                    evaluation.coco_truth(self.val, self.keypoint_set),
                    evaluation.coco_results(self.val, found), folder)}
