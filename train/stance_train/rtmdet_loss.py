"""RTMDet's loss: dynamic soft label assignment, quality focal loss, GIoU (arXiv 2212.07784, 3.3);
and the distillation of a teacher's maps, cell by cell."""

import torch
from torch.nn import functional as F

from .nets.rtmdet import STRIDES


def flatten(outputs):
    """The head's maps as logits [N,C] and distances [N,C,4], with the cells' points [C,2] and
    strides [C]."""
    logits = torch.cat([c.flatten(2).squeeze(1) for c, _ in outputs], 1).float()
    distances = torch.cat([r.flatten(2).transpose(1, 2) for _, r in outputs], 1).float()
    points, strides = [], []
    for (c, _), stride in zip(outputs, STRIDES):
        rows, columns = c.shape[2:]
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        points.append(torch.stack([x, y], -1).reshape(-1, 2) * stride)
        strides.append(torch.full((rows * columns,), stride))
    device = logits.device
    return (logits, distances, torch.cat(points).to(device).float(),
            torch.cat(strides).to(device).float())


def to_boxes(points, distances):
    return torch.cat([points - distances[..., :2], points + distances[..., 2:]], -1)


def iou(a, b, generalised=False):
    """Intersection over union of boxes of broadcastable shapes [..., 4]; GIoU if asked for."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    inner = (high - low).clamp(min=0).prod(-1)
    area_a, area_b = ((x[..., 2:] - x[..., :2]).clamp(min=0).prod(-1) for x in (a, b))
    union = area_a + area_b - inner
    overlap = inner / union.clamp(min=1e-6)
    if not generalised:
        return overlap
    hull = (torch.maximum(a[..., 2:], b[..., 2:])
            - torch.minimum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    return overlap - (hull - union) / hull.clamp(min=1e-6)


@torch.no_grad()
def assign(logits, boxes, points, strides, truth, topk=13):
    """Dynamic soft label assignment for one picture: for each cell the index of its person or -1,
    and the soft label (the IoU of its box)."""
    cells = logits.shape[0]
    owner = torch.full((cells,), -1, dtype=torch.long, device=logits.device)
    soft = torch.zeros(cells, device=logits.device)
    if not len(truth):
        return owner, soft
    inside = ((points[:, None] >= truth[None, :, :2])
              & (points[:, None] <= truth[None, :, 2:])).all(-1)
    candidates = inside.any(1).nonzero().squeeze(1)
    if not len(candidates):
        return owner, soft
    inside = inside[candidates]
    overlaps = iou(boxes[candidates][:, None], truth[None])
    scores = logits[candidates].sigmoid()[:, None]
    classes = F.binary_cross_entropy(scores.expand_as(overlaps), overlaps, reduction="none") \
        * (overlaps - scores).abs() ** 2
    centers = (truth[:, :2] + truth[:, 2:]) / 2
    away = (points[candidates][:, None] - centers[None]).norm(dim=-1) / strides[candidates][:, None]
    cost = classes - 3 * torch.log(overlaps + 1e-7) + 10 ** (away - 3)
    cost = torch.where(inside, cost, torch.full_like(cost, 1e8))
    k = min(topk, len(candidates))
    counts = overlaps.topk(k, 0).values.sum(0).int().clamp(min=1)
    taken = torch.zeros_like(cost, dtype=torch.bool)
    for person, count in enumerate(counts.tolist()):
        taken[cost[:, person].topk(min(count, k), largest=False).indices, person] = True
    taken &= inside
    best = torch.where(taken, cost, torch.full_like(cost, 1e9)).argmin(1)
    rows = taken.any(1).nonzero().squeeze(1)
    owner[candidates[rows]] = best[rows]
    soft[candidates[rows]] = overlaps[rows, best[rows]]
    return owner, soft


def quality_focal(logits, labels, weights):
    """Cross entropy scaled by the squared distance from the soft label; one value a cell."""
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="none") \
        * (labels - logits.sigmoid()).abs() ** 2 * weights


def truth_loss(flat, boxes):
    """The loss against boxes [N,M,5] as Scenes gives them: class, box."""
    logits, distances, points, strides = flat
    predicted = to_boxes(points, distances)
    labels = torch.zeros_like(logits)
    weights = torch.ones_like(logits)
    box_loss = logits.new_zeros(())
    for i in range(len(logits)):
        people = boxes[i][boxes[i, :, 4] > 0][:, :4]
        silent = boxes[i][boxes[i, :, 4] < 0][:, :4]
        owner, soft = assign(logits[i], predicted[i], points, strides, people)
        if len(silent):
            within = ((points[:, None] >= silent[None, :, :2])
                      & (points[:, None] <= silent[None, :, 2:])).all(-1).any(1)
            weights[i][within] = 0
        mine = owner >= 0
        weights[i][mine] = 1
        labels[i] = soft
        if mine.any():
            overlap = iou(predicted[i][mine], people[owner[mine]], generalised=True)
            box_loss = box_loss + ((1 - overlap) * soft[mine]).sum()
    norm = labels.sum().clamp(min=1)
    return quality_focal(logits, labels, weights).sum() / norm, box_loss / norm


def teacher_loss(flat, taught):
    """The loss against a teacher's cells [N,C,5] (logit and distances in pixels): class, box."""
    logits, distances, points, _ = flat
    scores = taught[..., 0].sigmoid()
    norm = scores.clamp(min=0.02).sum() * 0.5
    overlap = iou(to_boxes(points, distances), to_boxes(points, taught[..., 1:]), generalised=True)
    weights = torch.where(scores > 0.05, scores, torch.zeros_like(scores))
    classes = quality_focal(logits, scores, torch.ones_like(scores)).sum()
    return classes / norm, ((1 - overlap) * weights).sum() / weights.sum().clamp(min=1)


def detections(outputs, threshold=0.05, overlap=0.6, most=100):
    """Boxes as corners with scores, [n,5] per picture, after non-maximum suppression."""
    logits, distances, points, _ = flatten(outputs)
    boxes, scores = to_boxes(points, distances), logits.sigmoid()
    found = []
    for box, score in zip(boxes, scores):
        order = score.argsort(descending=True)[:1000]
        order = order[score[order] > threshold]
        box, score, kept = box[order], score[order], []
        alive = torch.ones(len(order), dtype=torch.bool)
        for i in range(len(order)):
            if alive[i]:
                kept.append(i)
                alive &= iou(box[i], box) <= overlap
                if len(kept) == most:
                    break
        found.append(torch.cat([box[kept], score[kept, None]], 1))
    return found
