"""How far the keypoints of two programs are apart on the same video."""
import math
import statistics

LEAST_SCORE = 0.3  # of a keypoint in both


def _person(a, b):
    """Mean distance of the keypoints that both are sure of, in pixels; None: too few."""
    apart = [math.hypot(p[0] - q[0], p[1] - q[1]) for p, q in zip(a, b)
             if min(p[2], q[2]) > LEAST_SCORE]
    return statistics.fmean(apart) if len(apart) >= 3 else None


def _frame(ours, theirs):
    """Distances of pairs, the nearest pair first, each person once."""
    pairs = sorted((distance, i, j) for i, a in enumerate(ours) for j, b in enumerate(theirs)
                   if (distance := _person(a, b)) is not None)
    taken = set()
    for distance, i, j in pairs:
        if taken.isdisjoint({("ours", i), ("theirs", j)}):
            taken |= {("ours", i), ("theirs", j)}
            yield distance


def median(ours, theirs):
    """Over all pairs of people of the frames on which both see as many; None where there are none.
    Both: a list of people a frame, each a list of x, y, score."""
    apart = [distance for a, b in zip(ours, theirs) if len(a) == len(b) for distance in _frame(a, b)]
    return statistics.median(apart) if apart else None


def sure_distances(ours, theirs):
    """(joint, distance) of each keypoint that the first is sure of."""
    for joint, (p, q) in enumerate(zip(ours, theirs)):
        if p[2] >= LEAST_SCORE:
            yield joint, math.hypot(p[0] - q[0], p[1] - q[1])


def _overlap(a, b):
    """Intersection over union of two boxes by their corners."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    either = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - both
    return both / either if either > 0 else 0


def pairs_by_box(ours, theirs):
    """Who is who on a frame, by boxes that overlap by half, those most alike first: (i, j)."""
    pairs = sorted(((_overlap(a["box"], b["box"]), i, j) for i, a in enumerate(ours)
                    for j, b in enumerate(theirs)), key=lambda pair: -pair[0])
    found, left, right = [], set(), set()
    for overlap, i, j in pairs:
        if overlap >= 0.5 and i not in left and j not in right:
            found.append((i, j))
            left.add(i)
            right.add(j)
    return found
