"""Checkpoints that survive: written beside the last good one, synced, then put in its place."""

import io
import os

import torch

from .errors import TrainError, suggest


def save(path, state):
    """Replaces `path` by `state` at once, or leaves it as it was and says why."""
    unfinished = f"{path}.{os.getpid()}.part"
    content = io.BytesIO()
    torch.save(state, content)   # into memory: on a full disk torch.save would end the process
    try:
        with open(unfinished, "wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        kept = f"; {path} still holds the last good one" if os.path.exists(path) else ""
        raise TrainError(f"{path}: the checkpoint cannot be written ({error.strerror}){kept}; "
                         f"free space, then run the same command again") from None
    finally:
        if os.path.exists(unfinished):
            os.unlink(unfinished)


def load(path):
    try:
        return torch.load(path, map_location="cpu")
    except FileNotFoundError:
        raise TrainError(f"{path}: no such checkpoint") from None
    except Exception as error:   # whatever unpickling a damaged file raises
        raise TrainError(f"{path}: not a readable checkpoint "
                         f"({type(error).__name__}: {str(error).splitlines()[0][:120]})") from None


def load_strictly(model, state, where):
    """Loads weights; every missing, unexpected or misshapen one is named."""
    own = model.state_dict()
    problems = [f"missing {k}" for k in own if k not in state]
    problems += [f"unexpected {k}" for k in state if k not in own]
    problems += [f"{k} is {list(state[k].shape)}, expected {list(own[k].shape)}"
                 for k in own if k in state and state[k].shape != own[k].shape]
    if problems:
        raise TrainError(f"{where}: the weights do not fit this network: "
                         + "; ".join(problems[:20])
                         + (f"; and {len(problems) - 20} more" if len(problems) > 20 else ""))
    model.load_state_dict(state)


def load_averaged(model, state, where):
    """Loads the averaged weights of a training's checkpoint, or plain weights. Auxiliary branches
    are left out where the network has none, and stay fresh where the weights have none."""
    own = model.state_dict()
    weights = {k: v for k, v in state.get("average", state).items()
               if k in own or not k.startswith("auxiliary.")}
    weights.update({k: v for k, v in own.items()
                    if k.startswith("auxiliary.") and k not in weights})
    load_strictly(model, weights, where)


def load_part(model, part, state, where):
    """Loads only the weights of one part (`backbone`, say), these as strictly."""
    module = getattr(model, part, None)
    if module is None:
        raise TrainError(f"model.start_part {part!r} is no part of this network; "
                         f"{suggest(part, [n for n, _ in model.named_children()])}")
    prefix = part + "."
    load_strictly(module, {k[len(prefix):]: v for k, v in state.items() if k.startswith(prefix)},
                  f"{where} ({part})")
