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
