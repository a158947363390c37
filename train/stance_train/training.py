"""The loop that all trainings share: steps, checkpoints, evaluation, progress, a clean end.

What is particular to a task (its data, loss and metric) comes from `pose_task.py` or
`detect_task.py`. The state after step n depends on the configuration, the seed and the number of
threads alone: every sample's augmentation is seeded by its epoch and place, so a training that was
interrupted continues bit for bit.
"""

import contextlib
import json
import math
import os
import signal
import sys
import time

import torch

from . import checkpoint
from .errors import TrainError
from .optimise import Average, learning_rate, parameter_groups
from .plots import plot_history


def choose_device(name):
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainError("run.device is cuda, but this PyTorch finds no CUDA device; "
                         "set run.device to cpu or auto")
    if name not in ("cpu", "cuda"):
        raise TrainError(f"run.device {name!r} is not known; known: auto, cpu, cuda")
    return torch.device(name)


def choose_precision(name, device):
    if name == "auto":
        name = "float16" if device.type == "cuda" else "float32"
    types = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name not in types or (name == "float16" and device.type == "cpu"):
        raise TrainError(f"run.precision {name!r} is not known here; "
                         f"known: auto, float32, bfloat16" + (", float16" * (device.type != "cpu")))
    return types[name]


def choose_optimiser(method, groups, rate):
    if method == "adamw":
        return torch.optim.AdamW(groups, lr=rate)
    if method == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True)
    raise TrainError(f"optimiser.method {method!r} is not known; known: adamw, sgd")


class Progress:
    """A line that is rewritten on a terminal, and printed now and then elsewhere."""

    def __init__(self, seconds=30):
        self.terminal = sys.stderr.isatty()
        self.seconds = 0.5 if self.terminal else seconds
        self.last = 0

    def show(self, text):
        now = time.monotonic()
        if now - self.last >= self.seconds:
            self.last = now
            print(("\r\033[K" if self.terminal else "") + text, end="" if self.terminal else "\n",
                  file=sys.stderr, flush=True)

    def say(self, text):
        print(("\r\033[K" if self.terminal else "") + text, file=sys.stderr, flush=True)


def duration(seconds):
    minutes = int(seconds // 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"


class _Safe(torch.utils.data.Dataset):
    """Hands a worker's error over as a value, so that its sentence arrives without a traceback."""

    def __init__(self, data):
        self.data = data

    def __getitem__(self, key):
        try:
            return self.data[key]
        except TrainError as error:
            return error


def _collate(items):
    for item in items:
        if isinstance(item, TrainError):
            return item
    return torch.utils.data.default_collate(items)


def _quiet_worker(_):
    for stop in (signal.SIGINT, signal.SIGTERM):   # a whole group is told to stop: the loop decides
        signal.signal(stop, signal.SIG_IGN)
    torch.set_num_threads(1)


class Training:
    def __init__(self, task, config, folder):
        self.task, self.config, self.folder = task, config, folder
        run = config["run"]
        torch.manual_seed(run["seed"])
        torch.set_num_threads(run["threads"] or os.cpu_count() or 1)
        self.device = choose_device(run["device"])
        self.type = choose_precision(run["precision"], self.device)
        self.progress = Progress()
        self.model = task.build().to(self.device).to(memory_format=torch.channels_last)
        optimiser = config["optimiser"]
        self.optimiser = choose_optimiser(
            optimiser["method"], parameter_groups(self.model, optimiser["weight_decay"]),
            optimiser["lr"])
        self.scaler = torch.cuda.amp.GradScaler(enabled=self.type == torch.float16)
        self.average = Average(self.model, config["ema"]["decay"])
        self.step, self.history = 0, []
        self.epochs = config["schedule"]["epochs"]
        self.epoch_steps = task.epoch_steps()
        self.steps = self.epochs * self.epoch_steps
        self.stop = False

    @property
    def last(self):
        return os.path.join(self.folder, "last.pth")

    def state(self):
        return {"kind": self.task.kind, "config": self.config, "step": self.step,
                "epoch_steps": self.epoch_steps, "model": self.model.state_dict(),
                "average": self.average.state, "average_updates": self.average.updates,
                "optimiser": self.optimiser.state_dict(), "scaler": self.scaler.state_dict(),
                "history": self.history}

    def resume(self, state):
        """Continues from a checkpoint. A changed schedule is allowed; a changed network is not."""
        if state.get("kind") != self.task.kind:
            raise TrainError(f"{self.last}: a checkpoint of {state.get('kind')!r}, "
                             f"not of {self.task.kind!r}")
        checkpoint.load_strictly(self.model, state["model"], self.last)
        self.average.state = {k: v.to(self.device) for k, v in state["average"].items()}
        self.average.updates = state["average_updates"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state["scaler"])
        self.history = state["history"]
        self.step = round(state["step"] * self.epoch_steps / state["epoch_steps"])

    def _autocast(self):
        if self.type is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.type)

    def _keys(self):
        for step in range(self.step, self.steps):
            yield self.task.keys(step)

    def _batches(self):
        workers = self.config["run"]["workers"]
        yield from torch.utils.data.DataLoader(
            _Safe(self.task.data), batch_sampler=_Batches(self._keys()), num_workers=workers,
            collate_fn=_collate, worker_init_fn=_quiet_worker,
            pin_memory=self.device.type == "cuda",
            prefetch_factor=4 if workers else 2)

    def _must_be_finite(self, value, what, rate):
        if not math.isfinite(value):
            raise TrainError(f"step {self.step}: the {what} is {value}; nothing of this step was "
                             f"kept, the last good checkpoint is {self.last}; lower optimiser.lr "
                             f"(now {rate:.2g}) or look for broken labels")

    def _one_step(self, batch):
        options = self.config["optimiser"]
        rate = options["lr"] * learning_rate(self.step, self.steps,
                                             self.config["schedule"]["warmup_steps"],
                                             self.config["schedule"]["flat"])
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.model.train()
        if getattr(self.model, "norms_folded", False):
            for module in self.model.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.eval()
        with self._autocast():
            loss, parts = self.task.loss(self.model, batch, self.device)
        value = float(loss)
        self._must_be_finite(value, "loss", rate)
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimiser)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), options["clip"])
        if not self.scaler.is_enabled():   # the scaler leaves out such steps by itself
            self._must_be_finite(float(norm), "gradient", rate)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.average.update(self.model)
        self.step += 1
        return value, parts, rate

    def averaged(self):
        """A copy of the network with the averaged weights, on the CPU, ready to predict."""
        model = self.task.build()
        model.load_state_dict(self.average.state)
        return model.eval()

    def _end_epoch(self, epoch, losses, rate):
        entry = {"epoch": epoch, "step": self.step, "lr": rate,
                 **{k: sum(p[k] for p in losses) / len(losses) for k in losses[0]}}
        every = self.config["run"]["evaluate_every"]
        if every and (epoch % every == 0 or epoch == self.epochs):
            entry.update(self.task.evaluate(self.averaged(), self.folder, epoch - 1))
        self.history.append(entry)
        with open(os.path.join(self.folder, "history.json"), "w", encoding="utf-8") as file:
            json.dump(self.history, file, indent=1)
        self.progress.say("  ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}"
                                    for k, v in entry.items()))
        plot_history(self.history, os.path.join(self.folder, "curves.png"), self.task.kind)

    def _asked_to_stop(self, *_):
        if self.stop:
            raise KeyboardInterrupt
        self.stop = True
        self.progress.say("stopping after this step (once more: at once)")

    def run(self):
        """Trains to the end. Returns False when it was interrupted (the state is saved)."""
        os.makedirs(self.folder, exist_ok=True)
        previous = [signal.signal(s, self._asked_to_stop) for s in (signal.SIGINT, signal.SIGTERM)]
        try:
            # Closed here, the workers end: an error on its way out still holds what it passed.
            with contextlib.closing(self._batches()) as batches:
                return self._run(batches)
        finally:
            for s, handler in zip((signal.SIGINT, signal.SIGTERM), previous):
                signal.signal(s, handler)

    def _run(self, batches):
        saved = started = time.monotonic()
        first, losses, rate = self.step, [], 0
        while self.step < self.steps and not self.stop:
            batch = next(batches)
            if isinstance(batch, TrainError):
                raise batch
            value, parts, rate = self._one_step(batch)
            losses.append({"loss": value, **parts})
            now = time.monotonic()
            each = (now - started) / (self.step - first)
            recent = losses[-50:]
            self.progress.show(
                f"epoch {self.step / self.epoch_steps:.2f}/{self.epochs}  "
                f"loss {sum(p['loss'] for p in recent) / len(recent):.4f}  "
                f"{len(batch[0]) / each:.0f} samples/s  "
                f"{duration((self.steps - self.step) * each)} left")
            if self.step % self.epoch_steps == 0:
                self._end_epoch(self.step // self.epoch_steps, losses, rate)
                losses = []
            if now - saved > self.config["run"]["checkpoint_minutes"] * 60:
                saved = now
                checkpoint.save(self.last, self.state())
        checkpoint.save(self.last, self.state())
        if self.stop and self.step < self.steps:
            self.progress.say(f"stopped after step {self.step} of {self.steps}; the same command "
                              f"with --resume goes on")
            return False
        return True


class _Batches:
    """A batch sampler for DataLoader around a generator of key lists."""

    def __init__(self, keys):
        self.keys = keys

    def __iter__(self):
        return self.keys
