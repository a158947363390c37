"""Configurations: TOML files over the defaults here, `--set section.key=value` over both."""

import tomllib

from .errors import TrainError, suggest

COMMON = {
    "run": {
        "seed": 0,
        "device": "auto",           # auto, cpu, cuda
        "precision": "auto",        # auto: float16 on CUDA, float32 on a CPU; float32, bfloat16
        "threads": 0,               # 0: all cores
        "workers": 1,               # processes that prepare pictures
        "checkpoint_minutes": 10.0,
        "evaluate_every": 5,        # epochs; 0: never
    },
    "data": {
        "train": [], "val": [],
        "balance": 1.0,             # 1: every person once; 0.5: small sources more often
        "epoch_size": 0,            # samples an epoch; 0: as many as there are
        "cache": "",                # folder for decoded pictures; empty: decoded each time
    },
    "optimiser": {"method": "adamw",    # adamw, sgd (with Nesterov's momentum 0.9)
                  "lr": 1e-3, "weight_decay": 0.05, "clip": 35.0, "batch": 64},
    "schedule": {"epochs": 60, "warmup_steps": 500, "flat": 0.5, "weak_epochs": 5,
                 "sizes": []},      # [[share of the epochs, [w, h]], ...] before the full size
    "ema": {"decay": 0.999},
}

POSE = {
    "model": {"family": "simcc", "size": "pico", "keypoint_set": "coco17",
              "input_size": [192, 256], "start": "", "start_part": ""},
    "loss": {"sigma": [4.9, 5.66], "split": 2.0, "beta": 10.0, "coarse": 0.0, "distil": 0.0,
             "teacher": "",
             "heatmap_sigma": 2.0, "unbiased": False},   # of family heatmap
    "augment": {"flip": 0.5, "half_body": 0.3, "scale": [0.6, 1.4], "rotate": 80.0,
                "rotate_probability": 0.6, "shift": 0.16, "colour": 0.8, "blur": 0.15,
                "dropout": 0.5, "small": 0.1},
    "weak": {"flip": 0.5, "half_body": 0.0, "scale": [0.75, 1.25], "rotate": 60.0,
             "rotate_probability": 0.4, "shift": 0.0, "colour": 0.5, "blur": 0.0, "dropout": 0.2,
             "small": 0.0},
}

DETECT = {
    "model": {"family": "rtmdet", "size": "pico", "input_size": [320, 320], "start": "",
              "start_part": ""},
    "loss": {"box": 2.0, "distil": 0.0, "teacher": ""},
    "augment": {"flip": 0.5, "scale": [0.5, 1.6], "mosaic": 0.5, "colour": 0.8, "blur": 0.1,
                "dropout": 0.0, "small": 0.0},
    "weak": {"flip": 0.5, "scale": [0.8, 1.2], "mosaic": 0.0, "colour": 0.5, "blur": 0.0,
             "dropout": 0.0, "small": 0.0},
}

ACTION = {
    "data": {"train": [], "val": [], "balance": 1.0, "epoch_size": 0,
             "hold_out": 0},            # n: every n-th sequence of a label is evaluated on
    "model": {"family": "stgcn", "size": "small",
              "layout": "coco",         # joints and bones: coco, hand, jhmdb
              "frames": 64, "people": 1, "values": 2,
              "labels": [],             # empty: those of the training data, sorted
              "start": "", "start_part": ""},
    "loss": {"smoothing": 0.1},
    "optimiser": {"method": "adamw", "lr": 2e-3, "weight_decay": 0.05, "clip": 35.0, "batch": 16},
    "schedule": {"epochs": 100, "warmup_steps": 50, "flat": 0.3, "weak_epochs": 10, "sizes": []},
    "ema": {"decay": 0.99},
    "augment": {"flip": 0.5, "scale": [0.8, 1.2], "stretch": 0.1, "rotate": 15.0, "noise": 0.01,
                "drop": 0.0},
    "weak": {"flip": 0.5, "scale": [0.9, 1.1], "stretch": 0.0, "rotate": 5.0, "noise": 0.0,
             "drop": 0.0},
}

KINDS = {"pose": POSE, "detect": DETECT, "action": ACTION}


def _merge(base, over, where):
    for section, values in over.items():
        if section not in base:
            raise TrainError(f"{where}: no section [{section}]; {suggest(section, list(base))}")
        if not isinstance(values, dict):
            raise TrainError(f"{where}: {section} must be a section")
        for key, value in values.items():
            known = base[section]
            if key not in known:
                raise TrainError(f"{where}: {section}.{key} is not known; "
                                 f"{suggest(key, list(known))}")
            if isinstance(known[key], float) and isinstance(value, int):
                value = float(value)
            if isinstance(value, bool) or not isinstance(value, type(known[key])):
                raise TrainError(f"{where}: {section}.{key} must be a "
                                 f"{type(known[key]).__name__}, not {value!r}")
            known[key] = value


def load(kind, path=None, settings=()):
    """The whole configuration of a `kind` of training, as a dictionary of sections."""
    import copy
    config = copy.deepcopy({**COMMON, **KINDS[kind]})
    if path:
        try:
            with open(path, "rb") as file:
                _merge(config, tomllib.load(file), path)
        except OSError as error:
            raise TrainError(f"{path}: {error.strerror}; give a configuration's path") from None
        except tomllib.TOMLDecodeError as error:
            raise TrainError(f"{path}: not valid TOML ({error})") from None
    for setting in settings:
        name, equals, value = setting.partition("=")
        section, dot, key = name.partition(".")
        if not equals or not dot:
            raise TrainError(f"--set {setting}: expected section.key=value")
        try:
            value = tomllib.loads(f"v = {value}")["v"]
        except tomllib.TOMLDecodeError:
            pass   # a bare word is a string
        _merge(config, {section: {key: value}}, f"--set {setting}")
    return config
