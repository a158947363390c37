"""Curves of a training as a picture."""


def plot_history(history, path, title):
    """Losses and metrics over the epochs; nothing is drawn where matplotlib is missing."""
    try:
        import matplotlib
    except ImportError:
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot
    names = [k for k in {k: 1 for entry in history for k in entry}
             if k not in ("epoch", "step", "lr")]
    panels = [[n for n in names if "loss" in n], [n for n in names if "loss" not in n], ["lr"]]
    panels = [p for p in panels if p]
    figure, axes = pyplot.subplots(1, len(panels), figsize=(5 * len(panels), 3.6),
                                   constrained_layout=True)
    for axis, panel in zip(axes, panels):
        for name in panel:
            points = [(e["epoch"], e[name]) for e in history if name in e]
            axis.plot(*zip(*points), marker="o" if len(points) < 40 else "", markersize=3,
                      label=name)
        axis.set_xlabel("epoch")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    figure.suptitle(title)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
