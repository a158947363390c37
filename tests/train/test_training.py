"""A small training from end to end: it learns, resumes bit for bit, exports with parity, and what
goes wrong is one sentence that leaves the last good checkpoint."""

import contextlib
import io
import json
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import scene
import torch

from stance_train import __main__ as program
from stance_train import checkpoint, config
from stance_train.detect_task import DetectTask
from stance_train.engine import find_library, find_program
from stance_train.errors import TrainError
from stance_train.export import export
from stance_train.families import build
from stance_train.pose_task import PoseTask
from stance_train.training import Training

SETTINGS = ["model.input_size=[64, 96]", "run.threads=1", "run.workers=0", "run.evaluate_every=0",
            "optimiser.batch=16", "optimiser.lr=3e-3", "schedule.warmup_steps=20",
            "schedule.epochs=50", "schedule.weak_epochs=2", "loss.coarse=0.5",
            "augment.rotate=20.0", "augment.half_body=0.0", "augment.dropout=0.0"]


def settings(path, *more):
    made = config.load("pose", None, [*SETTINGS, *more])
    made["data"]["train"] = [{"path": path}]
    return made


def run_program(*arguments):
    output = io.StringIO()
    with contextlib.redirect_stderr(output), contextlib.redirect_stdout(output):
        status = program.main([str(a) for a in arguments])
    return status, output.getvalue()


def equal(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b))
    return a == b


class Folder(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        self.out = os.path.join(self.folder, "out")

    def arguments(self, path, *more):
        given = ["pose", "--data", path, "--out", self.out]
        for setting in [*SETTINGS, *more]:
            given += ["--set", setting]
        return given


class Smoke(Folder):
    def test_learns_resumes_and_exports(self):
        """200 steps on 64 pictures."""
        path = scene.write_set(os.path.join(self.folder, "data"), 64)

        def training(folder):
            made = settings(path)
            return Training(PoseTask(made), made, os.path.join(self.folder, folder))

        whole = training("whole")
        self.assertEqual(whole.steps, 200)
        self.assertTrue(whole.run())
        losses = [entry["loss"] for entry in whole.history]
        self.assertLess(losses[-1], losses[0] / 2)

        first = training("parts")
        count, one_step = [0], first._one_step

        def stop_at_90(batch):
            count[0] += 1
            if count[0] == 90:
                os.kill(os.getpid(), signal.SIGINT)
            return one_step(batch)

        first._one_step = stop_at_90
        self.assertFalse(first.run())
        second = training("parts")
        second.resume(checkpoint.load(first.last))
        self.assertEqual(second.step, 90)
        self.assertTrue(second.run())
        a, b = whole.state(), second.state()
        for key in ("model", "average", "optimiser"):
            self.assertTrue(equal(a[key], b[key]), key)

        if not find_library():
            self.skipTest("libstance is not built: export not compared")
        output = os.path.join(self.folder, "net.onnx")
        status, text = run_program("export", whole.last, "-o", output, "--card", "licence=none")
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r"stance and PyTorch differ by \d\.\de-0[5-9]")
        with open(os.path.join(self.folder, "net.json"), encoding="utf-8") as file:
            card = json.load(file)
        self.assertEqual((card["family"], card["input"]["width"], card["input"]["height"],
                          card["licence"]), ("simcc", 64, 96, "none"))


class Teachers(Folder):
    """Students of ONNX teachers: what a teacher says is asked for every crop and scene anew."""

    def setUp(self):
        super().setUp()
        if not find_library():
            self.skipTest("libstance is not built")
        self.data = scene.write_set(os.path.join(self.folder, "data"), 16)

    def teacher(self, kind, *more):
        made = config.load(kind, None, more)
        torch.manual_seed(5)
        network = build(made)
        for layer in network.bbox_head.rtm_cls if kind == "detect" else []:
            torch.nn.init.constant_(layer.bias, 1.0)   # somebody everywhere, against the start's
        path = os.path.join(self.folder, "teacher.pth")
        checkpoint.save(path, {"kind": kind, "config": made, "average": network.state_dict()})
        export(path, os.path.join(self.folder, "teacher.onnx"))
        return os.path.join(self.folder, "teacher.onnx")

    def learn(self, task, kind, *more):
        teacher = self.teacher(kind, *more)
        made = config.load(kind, None, [
            *more, "run.threads=1", "run.workers=1", "run.evaluate_every=0", "optimiser.batch=8",
            "optimiser.lr=2e-3", "schedule.warmup_steps=5", "schedule.epochs=12",
            "schedule.weak_epochs=0", "loss.distil=1.0", f"loss.teacher={teacher}"])
        made["data"]["train"] = [{"path": self.data}]
        training = Training(task(made), made, self.out)
        self.assertTrue(training.run())
        return training.history

    def test_pose(self):
        history = self.learn(PoseTask, "pose", "model.input_size=[64, 96]")
        self.assertLess(history[-1]["distil_loss"], history[0]["distil_loss"] / 2)

    def test_detector_with_small_inputs_first(self):
        history = self.learn(DetectTask, "detect", "model.input_size=[96, 96]",
                             "schedule.sizes=[[0.5, [64, 64]]]")
        self.assertLess(history[-1]["distil_box_loss"], history[0]["distil_box_loss"] / 2)
        self.assertLess(history[-1]["distil_class_loss"], history[0]["distil_class_loss"] * 0.95)

    def test_detector_from_labels(self):
        made = config.load("detect", None, [
            "model.input_size=[96, 96]", "run.threads=1", "run.workers=0", "run.evaluate_every=0",
            "optimiser.batch=8", "optimiser.lr=2e-3", "schedule.warmup_steps=5",
            "schedule.epochs=15", "schedule.weak_epochs=0"])
        made["data"]["train"] = [{"path": self.data}]
        training = Training(DetectTask(made), made, self.out)
        self.assertTrue(training.run())
        losses = [entry["loss"] for entry in training.history]
        self.assertLess(losses[-1], losses[0] * 0.8)


class Evaluation(Folder):
    """Each evaluation goes through `stance eval`: perfect answers score 1."""

    def setUp(self):
        super().setUp()
        if not find_program():
            self.skipTest("the stance program is not built")
        self.data = scene.write_set(os.path.join(self.folder, "data"), 24)

    def task(self, kind, task):
        made = config.load(kind)
        made["data"]["train"] = made["data"]["val"] = [{"path": self.data}]
        return task(made)

    def test_perfect_keypoints(self):
        task = self.task("pose", PoseTask)
        truth = np.array([np.c_[p.keypoints, np.ones(17)] for _, _, p in task.val.people])
        task.predict = lambda *_: truth
        self.assertEqual(task.evaluate(None, self.folder, 0),
                         {"pck_figures": 1.0, "ap": 1.0, "ap50": 1.0})
        task.predict = lambda *_: truth + [500, 0, 0]
        self.assertEqual(task.evaluate(None, self.folder, 0),
                         {"pck_figures": 0.0, "ap": 0.0, "ap50": 0.0})

    def test_perfect_boxes(self):
        task = self.task("detect", DetectTask)
        boxes = [np.array([[*p.people[0].box[:2], *(p.people[0].box[:2] + p.people[0].box[2:]), .9]])
                 for p in task.val.pictures]
        task.predict = lambda *_: boxes
        self.assertEqual(task.evaluate(None, self.folder, 0), {"ap": 1.0, "ap50": 1.0})
        task.predict = lambda *_: [b + [500, 0, 500, 0, 0] for b in boxes]
        self.assertEqual(task.evaluate(None, self.folder, 0), {"ap": 0.0, "ap50": 0.0})


class Failures(Folder):
    def test_unknown_settings_are_told(self):
        for setting, pattern in (("optimiser.lrr=1", "did you mean 'lr'"),
                                 ("optimizer.lr=1", "did you mean 'optimiser'"),
                                 ("optimiser.lr=fast", "must be a float"),
                                 ("lr", "expected section.key=value"),
                                 ("model.size=\"picco\"", "did you mean 'pico'"),
                                 ("model.input_size=[60, 96]", "multiples of 32"),
                                 ("run.device=\"tpu\"", "known: auto, cpu, cuda")):
            path = scene.write_set(os.path.join(self.folder, "data"), 2)
            status, text = run_program(*self.arguments(path, setting))
            self.assertEqual(status, 1)
            self.assertRegex(text, pattern)
            self.assertEqual(len(text.strip().splitlines()), 1, text)

    def test_no_data(self):
        status, text = run_program("pose", "--out", self.out)
        self.assertEqual(status, 1)
        self.assertIn("no data", text)

    def test_missing_picture_ends_with_a_sentence(self):
        path = scene.write_set(os.path.join(self.folder, "data"), 16)
        os.unlink(os.path.join(self.folder, "data", "사람-005.png"))
        for workers in (0, 1):
            status, text = run_program(*self.arguments(path, f"run.workers={workers}",
                                                       "schedule.epochs=1"))
            self.assertEqual(status, 1)
            self.assertIn("사람-005.png: no such picture", text)
            self.assertNotIn("Traceback", text)
            self.assertEqual(multiprocessing.active_children(), [])   # they would keep us waiting

    def test_infinite_loss_keeps_the_last_checkpoint(self):
        path = scene.write_set(os.path.join(self.folder, "data"), 16)
        status, _ = run_program(*self.arguments(path, "schedule.epochs=2"))
        self.assertEqual(status, 0)
        last = os.path.join(self.out, "last.pth")
        with open(last, "rb") as file:
            before = file.read()
        status, text = run_program(*self.arguments(path, "schedule.epochs=60",
                                                   "optimiser.lr=1e18"), "--resume")
        self.assertEqual(status, 1)
        self.assertRegex(text, r"the loss is (nan|inf).*last good checkpoint.*lower optimiser.lr")
        with open(last, "rb") as file:
            self.assertEqual(file.read(), before)

    def test_infinite_gradients_end_the_training_too(self):
        path = scene.write_set(os.path.join(self.folder, "data"), 16)
        made = settings(path)
        training = Training(PoseTask(made), made, self.out)
        training.task.loss = lambda model, *_: (
            sum((p * 0).sum() for p in model.parameters()).sqrt(), {})   # 0, with slope infinity
        with self.assertRaisesRegex(TrainError, "step 0: the gradient is nan"):
            training.run()

    def test_a_folder_that_cannot_be_made(self):
        path = scene.write_set(os.path.join(self.folder, "data"), 16)
        with open(self.out, "w", encoding="utf-8"):
            pass
        status, text = run_program(*self.arguments(path, "schedule.epochs=1"))
        self.assertEqual(status, 1)
        self.assertRegex(text.splitlines()[-1], "^stance_train: .*/out: File exists")

    def test_without_resume_nothing_is_overwritten(self):
        path = scene.write_set(os.path.join(self.folder, "data"), 16)
        run_program(*self.arguments(path, "schedule.epochs=1"))
        status, text = run_program(*self.arguments(path, "schedule.epochs=1"))
        self.assertEqual(status, 1)
        self.assertIn("--resume goes on with it", text)

    def test_full_disk_at_a_checkpoint(self):
        path = os.path.join(self.folder, "last.pth")
        checkpoint.save(path, {"step": 1})
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        try:
            with self.assertRaisesRegex(TrainError, "cannot be written.*still holds the last good"):
                checkpoint.save(path, {"step": 2, "model": torch.zeros(1_000_000)})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        self.assertEqual(checkpoint.load(path)["step"], 1)
        self.assertEqual(os.listdir(self.folder), ["last.pth"])

    def test_killed_while_writing(self):
        path = os.path.join(self.folder, "last.pth")
        checkpoint.save(path, {"step": 1})
        script = ("import os, sys, torch\n"
                  "from stance_train import checkpoint\n"
                  "os.fsync = lambda _: os.kill(os.getpid(), 9)\n"
                  "checkpoint.save(sys.argv[1], {'step': 2, 'model': torch.zeros(100000)})\n")
        done = subprocess.run([sys.executable, "-c", script, path], env={
            **os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
        self.assertEqual(done.returncode, -signal.SIGKILL)
        self.assertEqual(checkpoint.load(path)["step"], 1)

    def test_damaged_checkpoints_are_told(self):
        path = os.path.join(self.folder, "last.pth")
        checkpoint.save(path, {"step": 1, "model": torch.zeros(1000)})
        with open(path, "rb") as file:
            content = file.read()
        for cut in (0, 1, 100, len(content) // 2, len(content) - 1):
            with open(path, "wb") as file:
                file.write(content[:cut])
            with self.assertRaisesRegex(TrainError, "not a readable checkpoint"):
                checkpoint.load(path)

    def test_weights_of_another_network_are_named(self):
        made = settings("unused")
        state = build(made).state_dict()
        state["backbone.stem.0.conv.weight"] = torch.zeros(1)
        del state["head.cls_x.weight"]
        state["extra"] = torch.zeros(1)
        with self.assertRaises(TrainError) as caught:
            checkpoint.load_strictly(build(made), state, "x.pth")
        for part in ("missing head.cls_x.weight", "unexpected extra",
                     "backbone.stem.0.conv.weight is [1], expected [8, 3, 3, 3]"):
            self.assertIn(part, str(caught.exception))


if __name__ == "__main__":
    unittest.main()
