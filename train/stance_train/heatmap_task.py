"""Training a heatmap network: the crops and metrics of `pose_task.py` with another loss.

With a CSPNeXt backbone (`model.size` t, s, m, ...) this is RTMPose's pretraining stage (arXiv
2303.07399, table 7): a SimCC training starts from it by `model.start` and
`model.start_part = "backbone"`.
"""

import torch

from . import heatmap_loss
from .errors import TrainError
from .pose_task import PoseTask
from .task import network_input


class HeatmapTask(PoseTask):
    def __init__(self, config, progress=None):
        for option in ("coarse", "distil"):
            if config["loss"][option]:
                raise TrainError(f"loss.{option} belongs to model.family simcc; set it to 0 for "
                                 f"heatmap")
        super().__init__(config, progress)

    def loss(self, model, batch, device):
        pixels, points, weights = (v.to(device) for v in batch[:3])
        options = self.config["loss"]
        maps = model(network_input(pixels, device))
        loss = heatmap_loss.pose_loss(maps, points, weights, (pixels.shape[2], pixels.shape[1]),
                                      options["heatmap_sigma"], options["unbiased"])
        with torch.no_grad():
            peaks = maps.flatten(2).max(-1).values[weights > 0]
        return loss, {"peak": float(peaks.mean()) if len(peaks) else 0.0}

    def decode(self, outputs):
        return heatmap_loss.decode(outputs, self.config["model"]["input_size"])
