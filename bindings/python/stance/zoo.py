"""Which model is meant by what other libraries call it: a size, a checkpoint, an address.

Nothing is fetched: a model that is not on this machine is an error that names the command."""

import os
import re

import stance

from .errors import make

#: Training sets in the names of configurations that make another card.
_SETS = {"halpe26": "halpe26", "wholebody": "wholebody", "ap10k": "ap10k", "hand5": "hand21",
         "face6": "face106", "humanart": "humanart", "aic-coco": "aic-coco"}


def sizes():
    """Presets of the body that are called by the size of their pose network: "t" to "x"."""
    return [preset.mode for preset in stance.presets()
            if preset.task == "body" and len(preset.mode) == 1]


def size_preset(size):
    """The preset of a size, for Pipeline."""
    if size not in sizes():
        raise make(-1, "STANCE_EARGUMENT", f"size takes {', '.join(sizes())}, not {size!r}", False)
    return size


def stem_of(path):
    """The last part of a path or address, without its ending."""
    return os.path.splitext(os.fspath(path).rstrip("/").replace("\\", "/").rsplit("/", 1)[-1])[0]


def _published_stems(name):
    try:
        card = stance.card(name)
    except stance.Error:  # a file of this name lies here without a card, or with a damaged one
        return set()
    return {stem_of(at) for at in (card.get("file"), card.get("checkpoint"), *card.get("urls", ()))
            if at}


def card_of(stem):
    """The card that a file or configuration of this name is about, or None: its own name
    ("rtmpose-s"), the name it is published under, or a name that begins with the card's and goes on
    with the input's size ("rtmpose-s_256x192", "rtmpose-m_8xb64-420e_coco-384x288")."""
    known = set(stance.card_names())
    if stem in known:
        return stem
    for name in sorted(known):
        if stem in _published_stems(name):
            return name
    base = stem.split("_")[0]
    kind = next((f"-{_SETS[word]}" for word in _SETS if word in stem), "")
    size = re.search(r"(\d+)x\d+$", stem)
    wanted = base + kind + ("-384" if size and size[1] == "384" else "")
    return wanted if wanted in known else None


def is_here(name):
    """Whether the model of a card is on this machine."""
    return any(entry.name == name for entry in stance.models())


def checkpoint_model(checkpoint, config=None):
    """The model for a PyTorch checkpoint: the ONNX file beside it, else the card of its name, else
    the card of the configuration's name. An ONNX file or a model's name stands for itself."""
    if checkpoint is None:
        return _config_model(config)
    path = os.fspath(checkpoint)
    if not path.endswith((".pth", ".pt")):
        return path
    beside = os.path.splitext(path)[0] + ".onnx"
    if os.path.exists(beside):
        return beside
    names = [name for name in map(card_of, map(stem_of, filter(None, (path, config)))) if name]
    for name in names:
        if is_here(name):
            return name
    pull = f", or fetch a published one with 'stance models pull {names[0]}'" if names else ""
    raise make(-4, "STANCE_ENOTFOUND",
               f"'{path}' is a PyTorch checkpoint and there is no '{beside}': make it with "
               f"'python3 -m stance_train convert {path} -o {beside}'{pull}", False)


def _config_model(config):
    name = card_of(stem_of(config))
    if name is None:
        raise make(-4, "STANCE_ENOTFOUND", f"no model card goes with the configuration '{config}'; "
                   "'stance models list --all' names the cards", False)
    return name


def address_model(address):
    """The model for an address or path as rtmlib takes them: a file that is there, else the card
    that publishes a file of this name, else the name itself. Where a card's model is not on this
    machine, the error of opening it says how it is fetched."""
    address = os.fspath(address)
    if os.path.exists(address):
        return address
    if "://" not in address:
        return card_of(stem_of(address)) or address
    name = card_of(stem_of(address))
    if name is None:
        raise make(-4, "STANCE_ENOTFOUND", f"no model card publishes '{address}'; download it, and "
                   "take it in with 'stance models import FILE' or give the file's path", False)
    return name
