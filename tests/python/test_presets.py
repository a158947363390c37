"""Presets: the networks of a name, and what is said beside it."""

import shutil
import unittest

import numpy as np

import samples
from compatibility import Store, photo, shared
import stance

YOLOX_NANO = "data/models/yolox_nano_coco80_416.onnx"


class Presets(Store):
    MODELS = {**Store.MODELS, "rtmpose-t-face106": "stance-pose", "vitpose-s-apt36k": "stance-pose"}

    def describe(self, *arguments, **options):
        with stance.Pipeline(*arguments, **options) as pipeline:
            return pipeline.description

    def test_are_listed_with_models_that_have_cards(self):
        presets, known = stance.presets(), set(stance.card_names())
        self.assertEqual(len({preset.name for preset in presets}), len(presets))
        for preset in presets:
            self.assertEqual(preset.name, f"{preset.task}-{preset.mode}")
            self.assertLessEqual({preset.pose, preset.detector or preset.pose} - {"center"}, known)
        whole = next(p for p in presets if p.name == "wholebody-balanced")
        self.assertEqual(whole[1:], ("wholebody", "balanced", "yolox-m-humanart", "rtmw-l", (0, 0)))

    def test_name_both_networks(self):
        for name in ("s", "body-s"):
            self.assertRegex(self.describe(preset=name), "rtmdet-nano.*rtmpose-s")
        self.assertRegex(self.describe(preset="balanced"), "yolox-m-humanart.*rtmpose-m")
        self.assertEqual(self.describe(preset=None), self.describe())
        with self.assertRaisesRegex(stance.NotFoundError, "stance models pull rtmw-l"):
            stance.Pipeline(preset="wholebody-balanced")

    def test_what_is_named_beside_one_goes_before_it(self):
        self.assertRegex(self.describe("stance-pose", preset="s"), "rtmdet-nano.*stance-pose")
        self.assertRegex(self.describe(detector="stance-det", preset="s"), "stance-det.*rtmpose-s")
        self.assertNotIn("rtmdet", self.describe(detector=None, preset="s"))
        self.assertNotIn("rtmpose", self.describe(None, preset="s"))
        self.assertNotIn("rtmdet", self.describe(preset="s", center=True))
        self.assertNotIn("rtmdet", self.describe(samples.ONE_STAGE, preset="s"))

    def test_without_a_detector_take_the_middle(self):
        blank = np.zeros((60, 80, 3), np.uint8)
        with stance.Pipeline(preset="face-lightweight") as pipeline:
            self.assertEqual(len(pipeline.process(blank, "rgb")), 1)
        with stance.Pipeline(preset="face-lightweight", detector="stance-det") as pipeline:
            self.assertEqual(len(pipeline.process(blank, "rgb")), 0)

    def test_bring_the_classes_of_their_detector(self):
        shutil.copy(shared(YOLOX_NANO), self.folder / "store/yolox-tiny.onnx")
        picture = photo("rgb")
        for options, count in (({}, 0), ({"detector_classes": (0, 0)}, 1),
                               ({"detector_classes": (30, 30), "detector_threshold": 0.1}, 1),
                               ({"detector": "yolox-tiny"}, 1)):
            with stance.Pipeline(preset="animal-lightweight", **options) as pipeline:
                self.assertEqual(len(pipeline.process(picture, "rgb")), count, options)

    def test_that_are_none_are_an_error_with_those_there_are(self):
        for name in ("huge", "body-", "", "wholebody-s"):
            with self.assertRaisesRegex(stance.ArgumentError,
                                        "body-lightweight, .*wholebody-balanced, .*one-stage-perf"):
                stance.Pipeline(preset=name)
        for options in ({"preset": 3}, {"detector_classes": 14}, {"detector_classes": (1, 2, 3)},
                        {"detector_classes": ("a", "b")}):
            with self.assertRaises(TypeError, msg=options):
                stance.Pipeline(**options)
        for classes in ((-1, 3), (5, 4), (1, 1), (0, 2**40)):
            with self.assertRaises(stance.ArgumentError, msg=classes):
                stance.Pipeline(detector_classes=classes)


if __name__ == "__main__":
    unittest.main()
