"""Training an action recogniser: clips of skeletons, cross entropy, top-1 accuracy."""

import torch
from torch.nn import functional as F

from .data.skeletons import Clips, read_sequences
from .errors import TrainError, suggest
from .nets.stgcn import LAYOUTS
from .task import Task


class ActionTask(Task):
    kind = "action"

    def __init__(self, config, progress=None):
        model, data, seed = config["model"], config["data"], config["run"]["seed"]
        if model["layout"] not in LAYOUTS:
            raise TrainError(f"model.layout {model['layout']!r} is not known; "
                             f"{suggest(model['layout'], list(LAYOUTS))}")
        joints = LAYOUTS[model["layout"]][0]
        train, val = ([s for options in data[part] for s in read_sequences(options, joints)]
                      for part in ("train", "val"))
        if data["hold_out"]:
            if val or data["hold_out"] < 2:
                raise TrainError("data.hold_out: 2 or more, and only without data.val")
            train, val = hold_out(train, data["hold_out"])
        if not model["labels"]:
            model["labels"] = sorted({s.label for s in train})
        for sequence in train + val:
            if sequence.label not in model["labels"]:
                raise TrainError(f"label {sequence.label!r} is none of the training's; "
                                 f"{suggest(sequence.label, model['labels'])}")
        form = (model["labels"], model["layout"], model["frames"], model["people"],
                model["values"], seed)
        super().__init__(config, Clips(train, *form, config["augment"], config["weak"]))
        self.val = Clips(val, *form) if val else None

    def size(self, epoch):
        return None   # clips have one size

    def loss(self, model, batch, device):
        clips, labels = (b.to(device) for b in batch)
        scores = model(clips).float()
        loss = F.cross_entropy(scores, labels, label_smoothing=self.config["loss"]["smoothing"])
        return loss, {"train_top1": float((scores.argmax(-1) == labels).float().mean())}

    @torch.no_grad()
    def predict(self, model, clips, batch=32):
        """Probabilities [N,classes] of every sequence."""
        found = []
        for first in range(0, len(clips), batch):
            items = [clips[(0, i, i, None, "none")][0]
                     for i in range(first, min(first + batch, len(clips)))]
            found.append(model(torch.stack(items)).softmax(-1))
        return torch.cat(found)

    def evaluate(self, model, folder, epoch):
        if self.val is None:
            return {}
        right = self.predict(model, self.val).argmax(-1) == torch.tensor(self.val.numbers)
        return {"top1": float(right.float().mean())}


def hold_out(sequences, every):
    """Every n-th sequence of each label for evaluation, the others to train on."""
    seen, parts = {}, ([], [])
    for sequence in sequences:
        number = seen[sequence.label] = seen.get(sequence.label, 0) + 1
        parts[number % every == 0].append(sequence)
    return parts
