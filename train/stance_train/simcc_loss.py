"""SimCC's targets, loss and decoding (arXiv 2107.03332; RTMPose, arXiv 2303.07399, section 3.2)."""

import torch
from torch.nn import functional as F


def soft_labels(coordinates, bins, split, sigma, beta):
    """Gaussians about coordinate x split, [N,K] to [N,K,bins], sharpened by the temperature."""
    centers = torch.arange(bins, dtype=torch.float32, device=coordinates.device)
    distance = centers - (coordinates * split).unsqueeze(-1)
    return torch.softmax(torch.exp(-distance ** 2 / (2 * sigma ** 2)) * beta, dim=-1)


def kl_loss(logits, labels, weights, beta):
    """Kullback-Leibler divergence of softmax(beta x logits) from the labels, weighted by joint."""
    divergence = F.kl_div(F.log_softmax(logits.float() * beta, dim=-1), labels, reduction="none")
    return (divergence.sum(-1) * weights).sum() / weights.sum().clamp(min=1)


def pose_loss(outputs, points, weights, options):
    """The recipe's loss: both axes, each with a sigma of its own. Points in input pixels."""
    beta, split = options["beta"], options["split"]
    loss = 0
    for axis in (0, 1):
        labels = soft_labels(points[..., axis], outputs[axis].shape[-1], split,
                             options["sigma"][axis], beta)
        loss = loss + kl_loss(outputs[axis], labels, weights, beta)
    return loss


def teacher_loss(outputs, taught, beta):
    """Divergence from a teacher's distributions (x [N,K,bins], y, confidence [N,K])."""
    return sum(kl_loss(o, t, taught[2], beta) for o, t in zip(outputs, taught))


def coarse_loss(maps, points, weights, input_size, sigma=0.7):
    """Cross entropy of maps [N,K,h,w] as heatmaps of `sigma` cells over their positions."""
    n, k, rows, columns = maps.shape
    cell = torch.tensor([input_size[0] / columns, input_size[1] / rows], device=maps.device)
    at = (points + 0.5) / cell - 0.5
    x = torch.arange(columns, device=maps.device) - at[..., 0:1]
    y = torch.arange(rows, device=maps.device) - at[..., 1:2]
    target = torch.exp(-(y ** 2).unsqueeze(-1) / (2 * sigma ** 2)
                       - (x ** 2).unsqueeze(-2) / (2 * sigma ** 2)).flatten(2)
    target = target / target.sum(-1, keepdim=True).clamp(min=1e-6)
    entropy = -(target * F.log_softmax(maps.float().flatten(2), dim=-1)).sum(-1)
    return (entropy * weights).sum() / weights.sum().clamp(min=1)


def decode(outputs, split):
    """Keypoints [N,K,3] (x, y, score) in input pixels, as libstance decodes them."""
    values, places = zip(*(o.float().max(-1) for o in outputs))
    score = torch.minimum(*values)
    points = torch.stack([p.float() / split for p in places], -1)
    points[score <= 0] = -1
    return torch.cat([points, score.unsqueeze(-1)], -1)
