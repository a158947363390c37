"""What turns gradients into weights: AdamW's groups, the flat-then-cosine schedule, the average."""

import math

import torch


def parameter_groups(model, weight_decay):
    """Weight decay for matrices and kernels only: none on norms, biases and other vectors."""
    decayed, free = [], []
    for parameter in model.parameters():
        (decayed if parameter.ndim > 1 else free).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay},
            {"params": free, "weight_decay": 0.0}]


def learning_rate(step, steps, warmup, flat, final=0.05):
    """Factor at `step` of `steps`: linear warm-up, flat for the share `flat`, then cosine."""
    if step < warmup:
        return (step + 1) / warmup
    start = steps * flat
    if step < start:
        return 1.0
    progress = min((step - start) / max(steps - start, 1), 1.0)
    return final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2


class Average:
    """Exponential moving average of a model's weights and statistics (EMA)."""

    def __init__(self, model, decay):
        self.decay, self.updates = decay, 0
        self.state = {k: v.detach().clone() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model):
        self.updates += 1
        # A young average forgets faster, or it would remember the random start.
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for key, value in model.state_dict().items():
            if value.dtype.is_floating_point:
                self.state[key].lerp_(value, 1 - decay)
            else:
                self.state[key].copy_(value)
