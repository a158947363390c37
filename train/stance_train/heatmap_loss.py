"""Heatmaps as targets, their loss and their decoding (Simple Baselines, arXiv 1804.06208)."""

import torch


def targets(points, input_size, columns, rows, sigma, unbiased=False):
    """Gaussians of `sigma` cells [N,K,rows,columns] about points [N,K,2] in input pixels, cut off
    at three sigmas, and which points have one. `unbiased` keeps the fractions of a cell (arXiv
    1911.07524); without it the nearest cell is the centre, as MMPose's MSRAHeatmap has it."""
    cell = torch.tensor([input_size[0] / columns, input_size[1] / rows], device=points.device)
    center = points / cell
    if not unbiased:
        center = (center + 0.5).floor()
    reach = 3 * sigma
    limit = torch.tensor([columns, rows], device=points.device)
    inside = ((center + reach >= 0) & (center - reach < limit)).all(-1)
    x = torch.arange(columns, device=points.device) - center[..., 0:1]
    y = torch.arange(rows, device=points.device) - center[..., 1:2]
    maps = (torch.exp(-y ** 2 / (2 * sigma ** 2)) * (y.abs() <= reach)).unsqueeze(-1) \
        * (torch.exp(-x ** 2 / (2 * sigma ** 2)) * (x.abs() <= reach)).unsqueeze(-2)
    return maps, inside


def pose_loss(maps, points, weights, input_size, sigma, unbiased=False):
    """The mean squared difference over all cells, weighted by joint."""
    wanted, inside = targets(points, input_size, maps.shape[3], maps.shape[2], sigma, unbiased)
    weights = weights * inside
    return ((maps.float() - wanted) ** 2 * weights[..., None, None]).mean()


def decode(maps, input_size):
    """Keypoints [N,K,3] (x, y, score) in input pixels, as libstance decodes them: the largest
    cell, moved a quarter of a cell towards its larger neighbour."""
    rows, columns = maps.shape[2:]
    flat = maps.float().flatten(2)
    score, place = flat.max(-1)
    x, y = place % columns, torch.div(place, columns, rounding_mode="floor")
    within = (x > 0) & (x < columns - 1) & (y > 0) & (y < rows - 1)

    def shift(step):
        before, after = (flat.gather(2, (place + s).clamp(0, rows * columns - 1).unsqueeze(-1))
                         .squeeze(-1) for s in (-step, step))
        return torch.sign(after - before) * 0.25 * within

    return torch.stack([(x + shift(1)) * (input_size[0] / columns),
                        (y + shift(columns)) * (input_size[1] / rows), score], -1)
