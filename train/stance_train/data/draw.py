"""Which samples an epoch is made of, when the sources differ in size."""

import numpy as np


def draw(sources, balance, count, seed, epoch, shares=None):
    """`count` sample numbers in random order. With `balance` 1 every sample comes equally often;
    below it, a source's part of the epoch is its size to that power, so that small sources are
    seen more often. `shares` are further factors, one a sample. Systematic sampling: no sample
    comes more than once above or below its expected number."""
    random = np.random.default_rng([seed, epoch])
    _, where, sizes = np.unique(sources, return_inverse=True, return_counts=True)
    weights = (sizes.astype(float) ** (balance - 1))[where]
    if shares is not None:
        weights = weights * np.array(shares)
    expected = np.cumsum(weights / weights.sum() * count)
    ticks = np.floor(expected + random.random()).astype(int)
    return random.permutation(np.repeat(np.arange(len(sources)), np.diff(ticks, prepend=0)))
