"""What all tasks have in common: the network and its start, and which samples a step takes."""

import torch

from . import families
from .data.draw import draw
from .data.pixels import MEAN, STD
from .errors import TrainError
from .start import load_start


def network_input(pixels, device="cpu", bgr=False):
    """Pixels [N,H,W,3] (RGB bytes) to a network's input [N,3,H,W], normalised; `bgr`: blue first."""
    mean, std = (torch.from_numpy(v).to(device) for v in (MEAN, STD))
    picture = (pixels.to(device).float() - mean) / std
    return (picture.flip(-1) if bgr else picture).permute(0, 3, 1, 2).contiguous(
        memory_format=torch.channels_last)


class Task:
    """A task gives `kind`, `data`, `loss(model, batch, device)` and `evaluate(model, folder,
    epoch)`; the loop in `training.py` does the rest."""

    def __init__(self, config, data):
        self.config, self.data = config, data
        self.batch = config["optimiser"]["batch"]
        self._epoch, self._order = None, None
        if len(data) < 1 or self.batch < 1:
            raise TrainError(f"{len(data)} samples in batches of {self.batch}: nothing to train on")

    def build(self):
        """A network with fresh weights, or those of model.start."""
        network = families.build(self.config, self.config["loss"].get("coarse", 0) > 0)
        model = self.config["model"]
        load_start(network, model["start"], model.get("input_size"), model["start_part"])
        return network

    def epoch_steps(self):
        return max((self.config["data"]["epoch_size"] or len(self.data)) // self.batch, 1)

    def size(self, epoch):
        """The input size of an epoch: small first, as `schedule.sizes` says."""
        for share, size in self.config["schedule"]["sizes"]:
            if epoch < share * self.config["schedule"]["epochs"]:
                return tuple(size)
        return tuple(self.config["model"]["input_size"])

    def keys(self, step):
        """What the data set is asked for in this step."""
        steps, schedule = self.epoch_steps(), self.config["schedule"]
        epoch, place = divmod(step, steps)
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = draw(self.data.sources, self.config["data"]["balance"],
                               steps * self.batch, self.config["run"]["seed"], epoch,
                               self.data.shares)
        strength = "weak" if epoch >= schedule["epochs"] - schedule["weak_epochs"] else "strong"
        first = place * self.batch
        return [(epoch, first + i, int(self._order[(first + i) % len(self._order)]),
                 self.size(epoch), strength) for i in range(self.batch)]
