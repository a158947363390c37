"""Readers, geometry, labels and drawing of samples; bad data is one sentence."""

import json
import os
import tempfile
import unittest

import numpy as np
import scene

from stance_train import simcc_loss
from stance_train.data import augment
from stance_train.data.draw import draw
from stance_train.data.people import People
from stance_train.data.pixels import PictureStore
from stance_train.data.records import read_set
from stance_train.data.scenes import Scenes
from stance_train.errors import TrainError
from stance_train.keypoints import NAMES, KeypointSet

COCO = KeypointSet("coco17")


class Folder(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        self.addCleanup(self.temporary.cleanup)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text if isinstance(text, str) else json.dumps(text))
        return path

    def fails(self, pattern, call, *arguments, **keywords):
        with self.assertRaisesRegex(TrainError, pattern) as caught:
            call(*arguments, **keywords)
        self.assertNotIn("\n", str(caught.exception))


class Keypoints(unittest.TestCase):
    def test_mirror_pairs_are_involutions(self):
        for name in NAMES:
            kinds = KeypointSet(name)
            np.testing.assert_array_equal(kinds.flip[kinds.flip], np.arange(kinds.count))

    def test_sets_map_by_name(self):
        table = COCO.map_from(KeypointSet("lsp14"))
        self.assertEqual(table[COCO.names.index("left_ankle")], 5)
        self.assertEqual(table[COCO.names.index("nose")], -1)

    def test_unknown_set_is_told_with_the_nearest(self):
        with self.assertRaisesRegex(TrainError, "did you mean 'coco17'"):
            KeypointSet("coco71")


class Readers(Folder):
    def coco(self, **over):
        data = {"images": [{"id": 7, "file_name": "a.png", "width": 40, "height": 30}],
                "annotations": [{"id": 1, "image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4],
                                 "keypoints": [5, 6, 2] + [0, 0, 0] * 16}],
                "categories": [{"id": 1, "name": "person", "keypoints": COCO.names}]}
        data.update(over)
        return self.write("a.json", data)

    def test_coco(self):
        person = read_set({"path": self.coco()}, COCO).pictures[0].people[0]
        np.testing.assert_array_equal(person.keypoints[0], [5, 6])
        self.assertEqual(person.weights.sum(), 1)

    def test_coco_with_other_joints_is_mapped(self):
        path = self.coco(categories=[{"id": 1, "name": "person", "keypoints": NAMES["lsp14"]}],
                         annotations=[{"id": 1, "image_id": 7, "category_id": 1,
                                       "bbox": [1, 2, 3, 4],
                                       "keypoints": [v for i in range(14) for v in (i, i, 2)]}])
        person = read_set({"path": path}, COCO).pictures[0].people[0]
        np.testing.assert_array_equal(person.keypoints[COCO.names.index("left_wrist")], [11, 11])
        self.assertEqual(person.weights[0], 0)

    def test_no_joint_in_common(self):
        path = self.coco(categories=[{"id": 1, "name": "person", "keypoints": ["tail", "fin"]}])
        self.fails("none in common with coco17", read_set, {"path": path}, COCO)

    def test_pseudo_labels_of_stance_pose(self):
        path = self.write("p.jsonl", {
            "file": "a.png", "width": 40, "height": 30, "keypoint_set": "coco17",
            "people": [{"box": [10, 5, 30, 25], "box_score": .9, "score": .5,
                        "keypoints": [[11, 6, .9]] + [[1, 1, .1]] * 16}]})
        person = read_set({"path": path}, COCO).pictures[0].people[0]
        np.testing.assert_array_equal(person.box, [10, 5, 20, 20])
        self.assertAlmostEqual(float(person.weights[0]), .9, 5)
        self.assertEqual(float(person.weights[1:].sum()), 0)   # not sure enough
        self.assertFalse(person.by_hand.any())

    def test_bad_files(self):
        read = lambda path: read_set({"path": path}, COCO)
        self.fails("No such file", read, os.path.join(self.folder, "none.json"))
        self.fails("not valid JSON", read, self.write("b.json", '{"images": ['))
        self.fails("b.jsonl:1: not valid JSON", read, self.write("b.jsonl", "{"))
        self.fails("not a COCO annotation file", read, self.write("c.json", "[]"))
        self.fails("annotation 1.*image_id", read, self.coco(annotations=[
            {"id": 1, "image_id": 8, "category_id": 1, "bbox": [1, 2, 3, 4]}]))
        self.fails("bbox must be 4 finite numbers", read, self.coco(annotations=[
            {"id": 1, "image_id": 7, "category_id": 1, "bbox": [1, 2, 3, float("nan")]}]))
        self.fails("keypoints must be 51 finite", read, self.coco(annotations=[
            {"id": 1, "image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4], "keypoints": [1]}]))
        self.fails("3 keypoints where coco17 has 17", read, self.write("d.jsonl", {
            "file": "a", "width": 1, "height": 1,
            "persons": [{"box": [0, 0, 1, 1], "keypoints": [[0, 0, 1]] * 3}]}))

    def test_missing_and_broken_pictures(self):
        store = PictureStore([os.path.join(self.folder, "none.png"), self.write("x.png", "hi")])
        self.fails("no such picture", lambda: store[0])
        self.fails("cannot be decoded", lambda: store[1])

    def test_cache_gives_the_same_pixels(self):
        scene.write_set(self.folder, 3)
        pictures = read_set({"path": self.folder}, COCO).pictures
        paths = [p.path for p in pictures]
        cache = os.path.join(self.folder, "cache")
        for _ in range(2):   # written, then found
            kept = PictureStore(paths, cache)
            for i in range(3):
                np.testing.assert_array_equal(kept[i], PictureStore(paths)[i])


class Geometry(Folder):
    def people(self, **options):
        scene.write_set(self.folder, 8)
        return People([read_set({"path": self.folder}, COCO)], COCO, 1, options)

    def test_pixels_and_points_move_together(self):
        pixels = np.zeros((60, 80, 3), np.uint8)
        pixels[40, 25] = 255
        for angle, flip in ((0, False), (30, False), (-75, True)):
            matrix = augment.crop_matrix(np.array([30.0, 35.0]), np.array([48.0, 64.0]), angle,
                                         flip, 192, 256)
            crop = augment.warp(pixels, matrix, 192, 256).astype(float).sum(-1)
            y, x = np.mgrid[:256, :192]
            found = np.array([(x * crop).sum(), (y * crop).sum()]) / crop.sum()
            expected = augment.move_points(np.array([[25.0, 40.0]]), matrix)[0]
            np.testing.assert_allclose(found, expected, atol=0.05)

    def test_plain_crop_is_the_one_of_the_library(self):
        # libstance: x = u · size / width + center - size / 2.
        center, size = augment.region([10, 20, 30, 40], 0.75)
        np.testing.assert_allclose(size, [37.5, 50])
        matrix = augment.crop_matrix(center, size, 0, False, 192, 256)
        corner = augment.move_points((center - size / 2)[None], matrix)
        np.testing.assert_allclose(corner, [[0, 0]], atol=1e-4)

    def test_a_mirrored_item_swaps_sides(self):
        people = self.people(flip=1.0)
        plain = people[(0, 0, 0, (96, 128), "none")]
        mirrored = people[(0, 0, 0, (96, 128), "strong")]
        np.testing.assert_allclose(mirrored[1][COCO.flip][:, 0], 95 - plain[1][:, 0], atol=0.01)
        difference = np.abs(mirrored[0].numpy()[:, ::-1].astype(int) - plain[0].numpy())
        self.assertLess(difference.mean(), 3)

    def test_items_depend_on_their_key_alone(self):
        people = self.people(flip=.5, rotate=80.0, scale=[.6, 1.4], colour=1.0, dropout=1.0)
        key = (3, 5, 2, (96, 128), "strong")
        first = people[key]
        people[(0, 1, 1, (96, 128), "strong")]
        for a, b in zip(first, people[key]):
            self.assertTrue((a == b).all())
        self.assertFalse((people[(3, 6, 2, (96, 128), "strong")][0] == first[0]).all())

    def test_scene_boxes_follow_the_pixels(self):
        scene.write_set(self.folder, 6)
        scenes = Scenes([read_set({"path": self.folder}, COCO)], 1,
                        {"flip": .5, "scale": [.5, 1.5], "mosaic": .5})
        for place in range(20):
            pixels, boxes = scenes[(0, place, place % 6, (160, 160), "strong")]
            bright = np.abs(pixels.numpy().astype(int) - pixels.numpy().mean(-1, keepdims=True))
            bright = bright.max(-1) > 60
            covered = np.zeros_like(bright)
            for x1, y1, x2, y2, kind in boxes.numpy():
                if kind:
                    covered[max(int(y1) - 1, 0):int(y2) + 2, max(int(x1) - 1, 0):int(x2) + 2] = True
            if bright.sum() > 50:
                self.assertGreater((bright & covered).sum() / bright.sum(), 0.97)


class Sampling(unittest.TestCase):
    def test_balance(self):
        sources = ["a"] * 900 + ["b"] * 100
        even = draw(sources, 0.0, 1000, 0, 0)
        self.assertAlmostEqual((even < 900).mean(), 0.5, delta=0.01)
        once = draw(sources, 1.0, 1000, 0, 0)
        self.assertEqual(len(set(once.tolist())), 1000)
        self.assertTrue((draw(sources, 0.5, 1000, 0, 1) != draw(sources, 0.5, 1000, 0, 2)).any())


class Labels(unittest.TestCase):
    def test_perfect_logits_decode_to_the_point(self):
        import torch
        points = torch.tensor([[[10.5, 20.0], [100.0, 200.5]]])
        outputs = [simcc_loss.soft_labels(points[..., i], bins, 2.0, 5.0, 10.0)
                   for i, bins in ((0, 384), (1, 512))]
        np.testing.assert_array_equal(simcc_loss.decode(outputs, 2.0)[0, :, :2], points[0])

    def test_loss_is_zero_at_the_target_and_ignores_weightless_joints(self):
        import torch
        points = torch.tensor([[[10.0, 20.0], [7.0, 9.0]]])
        options = {"beta": 10.0, "split": 2.0, "sigma": [4.9, 5.66]}
        logits = [torch.exp(-(torch.arange(n) - 2 * points[..., i, None]) ** 2
                            / (2 * options["sigma"][i] ** 2)) for i, n in ((0, 384), (1, 512))]
        weights = torch.tensor([[1.0, 1.0]])
        self.assertLess(float(simcc_loss.pose_loss(logits, points, weights, options)), 1e-5)
        moved = points + torch.tensor([[[0.0, 0.0], [50.0, 50.0]]])
        weights = torch.tensor([[1.0, 0.0]])
        self.assertLess(float(simcc_loss.pose_loss(logits, moved, weights, options)), 1e-5)


if __name__ == "__main__":
    unittest.main()
