"""Exports: parity with PyTorch, half-precision storage, the card, and starting from the file again."""

import copy
import json
import os
import tempfile
import unittest

import torch

from stance_train import checkpoint, config
from stance_train.engine import find_library
from stance_train.errors import TrainError
from stance_train.export import export
from stance_train.families import build
from stance_train.start import load_start


def spread(network, seed=0):
    """Gives the normalisations statistics as after a training."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for values, low, high in ((module.weight.data, .5, 1.5), (module.bias.data, -.5, .5),
                                      (module.running_mean, -.5, .5),
                                      (module.running_var, .5, 1.5)):
                values.copy_(torch.rand(values.shape, generator=generator) * (high - low) + low)
    return network.eval()


class Export(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        self.file = os.path.join(self.folder, "net.onnx")

    def trained(self, kind, *settings):
        made = config.load(kind, None, settings)
        torch.manual_seed(1)
        network = spread(build(made))
        path = os.path.join(self.folder, f"{kind}.pth")
        checkpoint.save(path, {"kind": kind, "config": made, "average": network.state_dict()})
        return made, network, path

    def outputs(self, network, width, height):
        with torch.no_grad():
            found = network(torch.randn(1, 3, height, width,
                                        generator=torch.Generator().manual_seed(3)))
        return [t for o in found for t in (o if isinstance(o, tuple) else (o,))]

    def test_every_size_agrees_with_stance(self):
        if not find_library():
            self.skipTest("libstance is not built")
        for kind, size, shape in (("pose", "pico", [64, 96]), ("pose", "t", [96, 64]),
                                  ("detect", "pico", [96, 64]), ("detect", "nano", [64, 64])):
            _, _, path = self.trained(kind, f"model.size={size}", f"model.input_size={shape}")
            card, difference = export(path, self.file)
            self.assertLess(difference, 1e-4)
            self.assertEqual((card["input"]["width"], card["input"]["height"]), tuple(shape))
            with open(os.path.join(self.folder, "net.json"), encoding="utf-8") as file:
                self.assertEqual(json.load(file), card)

    def test_a_training_can_start_from_an_export(self):
        for kind in ("pose", "detect"):
            made, network, path = self.trained(kind, "model.input_size=[64, 96]")
            for half in (False, True):
                export(path, self.file, half)
                again = build(made)
                load_start(again, self.file, [64, 96])
                self.assertTrue(again.norms_folded)
                for a, b in zip(self.outputs(network, 64, 96), self.outputs(again.eval(), 64, 96)):
                    scale = float(a.abs().max())
                    self.assertLess(float((a - b).abs().max()), scale * (2e-2 if half else 1e-5))

    def test_half_is_half_the_size(self):
        _, _, path = self.trained("pose")
        export(path, self.file)
        whole = os.path.getsize(self.file)
        card, _ = export(path, self.file, True)
        self.assertLess(os.path.getsize(self.file), whole * 0.53)
        self.assertEqual(card["storage"], "float16")

    def test_starts_that_do_not_fit_are_told(self):
        made, _, path = self.trained("pose", "model.input_size=[64, 96]")
        export(path, self.file)
        larger = copy.deepcopy(made)
        larger["model"]["size"] = "t"
        with self.assertRaisesRegex(TrainError, "layers with weights where.*same size"):
            load_start(build(larger), self.file, [64, 96])
        other = copy.deepcopy(made)
        other["model"]["keypoint_set"] = "mpii16"
        with self.assertRaisesRegex(TrainError, "expected.*same size"):
            load_start(build(other), self.file, [64, 96])
        broken = os.path.join(self.folder, "broken.onnx")
        with open(broken, "wb") as file:
            file.write(b"\xff" * 100)
        with self.assertRaisesRegex(TrainError, "broken.onnx: "):
            load_start(build(made), broken, [64, 96])
        with self.assertRaisesRegex(TrainError, "no such checkpoint"):
            load_start(build(made), "none.pth", [64, 96])


if __name__ == "__main__":
    unittest.main()
