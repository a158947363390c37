"""Heatmaps: targets, decoding as libstance does it, and a pretrained backbone as a start."""

import os
import tempfile
import unittest

import numpy as np
import scene
import torch

from stance_train import checkpoint, config, heatmap_loss
from stance_train.errors import TrainError
from stance_train.heatmap_task import HeatmapTask
from stance_train.nets.mobilenetv2 import HeatmapPose
from stance_train.nets.simcc import RTMPose
from stance_train.pose_task import PoseTask

torch.set_num_threads(1)
SIZE = (192, 256)


def decode_plainly(heatmap, size):
    """src/model/heatmap.c, cell by cell."""
    rows, columns = heatmap.shape
    y, x = divmod(int(heatmap.argmax()), columns)
    place = [float(x), float(y)]
    if 0 < x < columns - 1 and 0 < y < rows - 1:
        place[0] += 0.25 * np.sign(heatmap[y, x + 1] - heatmap[y, x - 1])
        place[1] += 0.25 * np.sign(heatmap[y + 1, x] - heatmap[y - 1, x])
    return [place[0] * size[0] / columns, place[1] * size[1] / rows, heatmap[y, x]]


class Maps(unittest.TestCase):
    def test_a_target_has_its_peak_where_the_point_is(self):
        points = torch.tensor([[[80.0, 120.0], [81.9, 121.9], [0.0, 0.0]]])
        maps, inside = heatmap_loss.targets(points, SIZE, 48, 64, 2.0)
        self.assertTrue(inside.all())
        self.assertEqual(maps.shape, (1, 3, 64, 48))
        for k, (y, x) in enumerate(((30, 20), (30, 20), (0, 0))):
            self.assertEqual(float(maps[0, k, y, x]), 1)
        np.testing.assert_allclose(maps[0, 0, 30, 22], np.exp(-0.5), rtol=1e-6)
        self.assertEqual(float(maps[0, 0, 30, 27]), 0)   # beyond three sigmas

    def test_points_far_outside_do_not_count(self):
        points = torch.tensor([[[-40.0, 50.0], [190.0, 255.0], [219.0, 10.0]]])
        _, inside = heatmap_loss.targets(points, SIZE, 48, 64, 2.0)
        self.assertEqual(inside.tolist(), [[False, True, False]])
        maps = torch.zeros(1, 3, 64, 48)
        loss = heatmap_loss.pose_loss(maps, points, torch.tensor([[1.0, 0.0, 1.0]]), SIZE, 2.0)
        self.assertEqual(float(loss), 0)

    def test_decoding_a_target_gives_the_point_back(self):
        generator = torch.Generator().manual_seed(0)
        points = torch.rand(2, 9, 2, generator=generator) * torch.tensor([180.0, 244.0]) + 6
        for unbiased, within in ((True, 1.0), (False, 2.01)):
            maps, _ = heatmap_loss.targets(points, SIZE, 48, 64, 2.0, unbiased)
            found = heatmap_loss.decode(maps, SIZE)
            self.assertLessEqual(float((found[..., :2] - points).abs().max()), within)

    def test_decoding_is_libstances(self):
        maps = torch.randn(3, 5, 16, 12, generator=torch.Generator().manual_seed(1))
        maps[0, 0, 0, 0] = maps[0, 1, 15, 11] = maps[0, 2, 7, 0] = 9
        maps[0, 3] = 0   # all equal
        found = heatmap_loss.decode(maps, SIZE).numpy()
        for i, k in np.ndindex(3, 5):
            np.testing.assert_allclose(found[i, k], decode_plainly(maps[i, k].numpy(), SIZE))


class Tasks(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        self.data = scene.write_set(os.path.join(self.folder, "data"), 12)

    def task(self, kind, *settings):
        made = config.load("pose", None, ["model.input_size=[64, 96]", "optimiser.batch=6",
                                          *settings])
        made["data"]["train"] = made["data"]["val"] = [{"path": self.data}]
        return kind(made)

    def test_a_heatmap_network_learns(self):
        torch.manual_seed(0)
        task = self.task(HeatmapTask, "model.family=heatmap")
        model = task.build()
        optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
        items = [task.data[(0, i, i, (64, 96), "none")] for i in range(4)]
        batch = torch.utils.data.default_collate(items)
        losses = []
        for _ in range(40):
            loss, parts = task.loss(model, batch, "cpu")
            losses.append(float(loss))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        self.assertLess(losses[-1], losses[0] / 2)
        self.assertGreater(parts["peak"], 0.3)
        self.assertEqual(task.predict(model.eval(), task.val).shape, (12, 17, 3))

    def test_a_simcc_training_starts_from_its_backbone_or_from_official_weights(self):
        torch.manual_seed(1)
        pretrained = HeatmapPose("pico", 17, (64, 96))
        path = os.path.join(self.folder, "last.pth")
        checkpoint.save(path, {"config": {}, "average": pretrained.state_dict()})
        start = [f"model.start={path}", "model.start_part=backbone"]
        network = self.task(PoseTask, *start).build()
        self.assertIsInstance(network, RTMPose)
        for key, value in pretrained.backbone.state_dict().items():
            self.assertTrue(torch.equal(network.backbone.state_dict()[key], value), key)
        official = os.path.join(self.folder, "official.pth")
        torch.save({"state_dict": network.state_dict(), "meta": {}}, official)
        again = self.task(PoseTask, f"model.start={official}").build()
        self.assertTrue(torch.equal(again.head.cls_x.weight, network.head.cls_x.weight))
        for settings, pattern in ((start[:1], r"missing head\."),
                                  ([start[0], "model.start_part=spine"], "no part"),
                                  ([*start, "model.size=t"], r"\(backbone\): .*expected")):
            with self.assertRaisesRegex(TrainError, pattern):
                self.task(PoseTask, *settings).build()

    def test_settings_of_simcc_are_refused(self):
        for setting in ("loss.coarse=0.5", "loss.distil=0.5"):
            with self.assertRaisesRegex(TrainError, "belongs to model.family simcc"):
                self.task(HeatmapTask, "model.family=heatmap", "model.size=mobilenetv2", setting)


if __name__ == "__main__":
    unittest.main()
