"""Actions: readers, sampling, normalisation, and a network that learns from skeletons."""

import json
import os
import tempfile
import unittest

import numpy as np
import torch

from stance_train import config, export
from stance_train.action_task import ActionTask, hold_out
from stance_train.data import skeletons
from stance_train.engine import find_library
from stance_train.errors import TrainError
from stance_train.nets.stgcn import LAYOUTS, graph
from stance_train.training import Training

torch.set_num_threads(1)


def movement(random, label, frames):
    """17 joints: raising them (0), moving them sideways (1), or shaking (2)."""
    base = random.normal(size=(17, 2)) * 0.1 + [[0.2, 0.4]] * 17
    time = np.linspace(0, 1, frames)[:, None, None]
    offset = [time * [0, 0.6], time * [0.6, 0], 0.1 * np.sin(time * 25) * [1, 1]][label]
    return (base + offset + random.normal(size=(frames, 17, 2)) * 0.005) * [640, 480]


class Folder(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name

    def write(self, *records, name="skeletons.jsonl"):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.writelines((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records)
        return path

    def movements(self, count, seed=0):
        random = np.random.default_rng(seed)
        records = []
        for i in range(count):
            points = movement(random, i % 3, int(random.integers(20, 40))).round(2)
            records.append({"label": ["올리기", "side", "shake"][i % 3], "width": 640,
                            "height": 480, "people": [points.tolist()]})
        return self.write(*records)

    def task(self, *settings, count=12):
        made = config.load("action", None, [
            "model.frames=10", "model.values=3", "run.threads=1",
            "run.workers=0", "optimiser.batch=6", *settings])
        made["data"]["train"] = [{"path": self.movements(count)}]
        return ActionTask(made)


class Readers(Folder):
    def read(self, *records, joints=17):
        return skeletons.read_sequences({"path": self.write(*records)}, joints)

    def test_picture_coordinates_become_minus_one_to_one(self):
        people = [[[[0, 0, 1], [640, 480, 0.5], [320, 240, 0]]]]
        record = {"label": "a", "width": 640, "height": 480, "people": people}
        sequence, = self.read(record, joints=3)
        np.testing.assert_allclose(sequence.points[0, 0], [[-1, -1], [1, 1], [0, 0]])
        np.testing.assert_allclose(sequence.scores[0, 0], [1, 0.5, 0])

    def test_without_a_size_the_extent_counts_and_the_aspect_stays(self):
        sequence, = self.read({"label": "a", "people": [[[[10, 10], [30, 20]]]]}, joints=2)
        np.testing.assert_allclose(sequence.points[0, 0], [[-1, -0.5], [1, 0.5]])

    def test_bad_records_are_told_with_their_line(self):
        good = {"label": "a", "people": [[[[1, 2]]]]}
        for record, pattern in (
                ("{", ":2: not valid JSON"), ([], ":2: expected an object"),
                ({"people": [[[[1, 2]]]]}, ":2: expected an object with a label"),
                ({"label": "a"}, ":2: people: expected 4 levels"),
                ({"label": "a", "people": [[[[1, 2], [3]]]]}, ":2: people: expected"),
                ({"label": "a", "people": [[[[1, float("nan")]]]]}, "finite"),
                ({"label": "a", "people": [[[[1, 2], [3, 4]]]]}, "2 joints, model.layout 1"),
                ({**good, "width": -1, "height": 4}, "above 0"),
                ({**good, "width": 7}, "above 0")):
            with self.assertRaisesRegex(TrainError, pattern) as caught:
                self.read(good, record, joints=1)
            self.assertNotIn("\n", str(caught.exception))
        for options in ({"path": os.path.join(self.folder, "none")}, {}, "text"):
            with self.assertRaises(TrainError):
                skeletons.read_sequences(options, 17)
        with self.assertRaisesRegex(TrainError, "holds no sequences"):
            self.read("")

    def test_jhmdbs_form(self):
        path = self.write({"labels": ["a", "b"], "pose": [[[[0, 0]] * 15] * 3] * 2})
        found = skeletons.read_sequences({"path": path}, 15)
        self.assertEqual([s.points.shape for s in found], [(1, 3, 15, 2)] * 2)
        with self.assertRaisesRegex(TrainError, "15 joints, model.layout 17"):
            skeletons.read_sequences({"path": path}, 17)
        with self.assertRaisesRegex(TrainError, "same length"):
            self.read({"labels": ["a"], "pose": []})


class Clips(Folder):
    def test_frames_are_drawn_from_equal_segments(self):
        random = np.random.default_rng(0)
        for count, length in ((100, 10), (13, 10), (10, 10), (1000, 64)):
            for source in (None, random):
                frames = skeletons.sample_frames(count, length, source)
                bounds = np.arange(length + 1) * count // length
                self.assertTrue(((frames >= bounds[:-1]) & (frames < bounds[1:])).all())
        np.testing.assert_array_equal(skeletons.sample_frames(3, 7), [0, 1, 2, 0, 1, 2, 0])

    def test_a_clip_depends_on_its_place_alone(self):
        task = self.task("model.people=2")
        first, again, other = (task.data[(1, place, 2, None, "strong")][0]
                               for place in (4, 4, 5))
        self.assertTrue(torch.equal(first, again))
        self.assertFalse(torch.equal(first, other))
        self.assertEqual(first.shape, (2, 10, 17, 3))
        self.assertTrue((first[1] == 0).all())   # nobody is there

    def test_mirroring_swaps_sides(self):
        for layout, mirror in skeletons.MIRROR.items():
            self.assertEqual(len(mirror), LAYOUTS[layout][0])
            np.testing.assert_array_equal(mirror[mirror], np.arange(len(mirror)))
            bones = {tuple(sorted(b)) for b in LAYOUTS[layout][1]}
            if layout != "hand":
                self.assertEqual({tuple(sorted(mirror[list(b)])) for b in bones}, bones)

    def test_graphs_are_trees_with_normalised_columns(self):
        for layout, (count, inward) in LAYOUTS.items():
            self.assertEqual(len({outer for outer, _ in inward}), count - 1, layout)
            sums = graph(layout).sum(1)
            self.assertTrue(((sums - 1).abs() < 1e-6).logical_or(sums == 0).all())


class Learning(Folder):
    def test_holding_out_takes_some_of_every_label(self):
        sequences = [skeletons.Sequence(None, None, label, "") for label in "aabbabab"]
        train, val = hold_out(sequences, 2)
        self.assertEqual(sorted(s.label for s in val), list("aabb"))
        self.assertEqual(len(train), 4)

    def test_wrong_settings_are_told(self):
        for setting, pattern in (("model.layout=cocoo", "did you mean 'coco'"),
                                 ("model.size=tiny", "not known"), ("data.hold_out=1", "2 or more"),
                                 ("model.labels=['side']", "none of the training's"),
                                 ("model.values=4", "2 or 3")):
            with self.assertRaisesRegex(TrainError, pattern):
                self.task(setting).build()
        with self.assertRaisesRegex(TrainError, "optimiser.method"):
            Training(self.task("optimiser.method=adam"), self.task("optimiser.method=adam").config,
                     self.folder)

    def train(self, task):
        training = Training(task, task.config, os.path.join(self.folder, "out"))
        training.progress.say = training.progress.show = lambda *_, **__: None
        self.assertTrue(training.run())
        return training

    def test_it_learns_and_its_export_runs_in_stance(self):
        task = self.task("data.hold_out=3", "schedule.epochs=12", "run.evaluate_every=0",
                         "optimiser.lr=6e-3", "schedule.warmup_steps=4", "ema.decay=0.8",
                         count=36)
        training = self.train(task)
        self.assertGreater(task.evaluate(training.averaged(), "", 0)["top1"], 0.8)
        path = os.path.join(self.folder, "action.onnx")
        card, difference = export.export(training.last, path)
        self.assertEqual((card["layout"], len(card["labels"])), ("coco", 3))
        if find_library():
            self.assertLess(difference, export.PARITY)

    def test_sgd_moves_the_weights_too(self):
        task = self.task("optimiser.method=sgd", "schedule.epochs=1", "run.evaluate_every=0")
        network = self.train(task).model
        self.assertFalse(torch.equal(network.backbone.gcn[1].gcn.A, graph("coco")))


if __name__ == "__main__":
    unittest.main()
