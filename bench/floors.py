"""What is wanted of the measurements: the least ratios to ONNX Runtime, and how two threads and eight
images at once have to pay off."""

# ONNX Runtime's time over stance's: both in float; stance's INT8 against its float, against its INT8.
# None: nothing is wanted.
_FLOORS = {
    "rtmpose-t": (1.5, 3.0, 1.9), "rtmpose-s": (1.5, 3.0, 1.9), "rtmpose-m": (1.5, 3.1, 1.6),
    "rtmpose-l": (1.4, 3.1, 1.5), "rtmdet-nano": (1.6, 2.5, 3.0), "yolox-nano": (1.6, 2.5, 3.0),
    "rtmo-s": (1.3, 2.5, None), "simplepose": (1.6, 2.5, 2.5),
    "mobilenetv2-heatmap": (1.6, 2.5, 2.5), "stgcn": (1.4, None, None), "stgcnpp": (1.8, None, None),
}
RATIOS = ("float", "int8", "int8_both")
_TWO_THREADS, _LEAST_GMAC = 0.9, 0.3  # of the machine's own gain; for networks of that size
_EIGHT = {"rtmpose-s": 7.4, "rtmpose-m": 7.4, "rtmpose-l": 7.4}  # images, in times of one
_EIGHT_ELSE = 8.0


def wanted(model, ratio):
    """The floor of a ratio of RATIOS, or None."""
    return _FLOORS.get(model, (None, None, None))[RATIOS.index(ratio)]


def is_missed(row, ratio):
    """Nothing is wanted of the ratios of batches."""
    floor = wanted(row["model"], ratio) if row["batch"] == 1 else None
    return bool(floor and ratio in row["ratios"] and row["ratios"][ratio]["median"] < floor)


def _by_place(rows):
    return {(row["model"], row["threads"], row["batch"]): row for row in rows}


def gains(rows):
    """For each model with one and two threads at batch 1: model, machine's gain, ours, the share
    that is reached, and whether that is too little. The machine's peak is that of the same rows."""
    placed = _by_place(rows)
    for row in rows:
        two = placed.get((row["model"], 2, row["batch"]))
        if row["threads"] != 1 or row["batch"] != 1 or not two:
            continue
        machine = two["peak_gflops"] / row["peak_gflops"]
        ours = row["times"]["stance"]["median"] / two["times"]["stance"]["median"]
        missed = row["gmac"] > _LEAST_GMAC and ours < _TWO_THREADS * machine
        yield row["model"], machine, ours, ours / machine, missed


def batches(rows):
    """For each model with batches of one and eight: model, threads, time of eight over that of one,
    and whether that is too much."""
    placed = _by_place(rows)
    for row in rows:
        eight = placed.get((row["model"], row["threads"], 8))
        if row["batch"] != 1 or not eight:
            continue
        cost = eight["times"]["stance"]["median"] / row["times"]["stance"]["median"]
        yield row["model"], row["threads"], cost, cost > _EIGHT.get(row["model"], _EIGHT_ELSE)
