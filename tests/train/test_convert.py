"""Official checkpoints become ONNX: keys as published, strictness, files that lie or attack."""

import collections
import io
import json
import os
import pickle
import struct
import tempfile
import unittest
import zipfile

import published_keys
import torch

from stance_train import convert, export, unpickle
from stance_train.engine import find_library
from stance_train.errors import TrainError
from stance_train.nets.cspnext import SIZES
from stance_train.nets.mobilenetv2 import HeatmapPose
from stance_train.nets.rtmdet import DETECTORS, RTMDet
from stance_train.nets.rtmo import MODELS, RTMO
from stance_train.nets.simcc import RTMPose

torch.set_num_threads(1)


class HistoryBuffer:
    """Stands for mmengine's, whose class is not there when the file is read."""

    def __init__(self):
        self.values = [1.0]


def random_state(keys, seed=0):
    """Weights for published keys; those of shared layers are equal, as they are in the files."""
    generator = torch.Generator().manual_seed(seed)
    state = collections.OrderedDict()
    for key, shape in keys.items():
        if key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(7)
        elif key.endswith("running_var"):
            state[key] = torch.rand(shape, generator=generator) + 0.5
        else:
            state[key] = torch.randn(shape, generator=generator) * 0.05
    return state


class Names(unittest.TestCase):
    """Every key and shape of the published modules is one of ours, and the other way round."""

    def same(self, network, keys):
        ours = {k: tuple(v.shape) for k, v in network.state_dict().items()}
        self.assertEqual(ours, {k: v for k, v in keys.items() if not convert.harmless(k)})

    def test_rtmpose(self):
        for size in "tsmlx":
            depth, width = SIZES[size]
            for keypoints, shape in ((17, (192, 256)), (133, (288, 384)), (21, (256, 256))):
                with self.subTest(size=size, keypoints=keypoints):
                    self.same(RTMPose(size, keypoints, shape),
                              published_keys.rtmpose(width, depth, keypoints, shape))

    def test_rtmdet(self):
        published = {"nano": (0.25, 0.33, 1, 64, 1, True), "t": (0.375, 0.167, 1, 96),
                     "s": (0.5, 0.33, 1, 128), "m": (0.75, 0.67, 2, 192), "l": (1, 1, 3, 256, 80),
                     "x": (1.25, 1.33, 4, 320)}
        self.assertEqual(set(DETECTORS) - {"pico"}, set(published))
        for size, arguments in published.items():
            with self.subTest(size=size):
                classes = arguments[4] if len(arguments) > 4 else 1
                self.same(RTMDet(size, classes=classes), published_keys.rtmdet(*arguments))

    def test_rtmo(self):
        for size, (depth, width, vector, _) in MODELS.items():
            with self.subTest(size=size):
                self.same(RTMO(size), published_keys.rtmo(width, depth, vector))

    def test_mobilenetv2(self):
        self.same(HeatmapPose(), published_keys.mobilenetv2())


class Folder(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def save(self, state, name="official.pth", **options):
        torch.save(state, self.path(name), **options)
        return self.path(name)

    def official(self, state, **options):
        """As mmengine saves: the weights among objects of its own."""
        return self.save({"meta": {"epoch": 420}, "message_hub": {"loss": HistoryBuffer()},
                          "state_dict": state}, **options)

    def fails(self, pattern, call, *arguments):
        with self.assertRaisesRegex(TrainError, pattern) as caught:
            call(*arguments)
        self.assertNotIn("\n", str(caught.exception))
        return str(caught.exception)


class Conversion(Folder):
    def converts(self, path, size, **expected):
        """Converts and, where stance is there, compares (convert itself refuses 1e-4)."""
        network, difference = convert.convert(path, self.path("out.onnx"))
        self.assertEqual(network.size, size)
        with open(self.path("out.json"), encoding="utf-8") as file:
            card = json.load(file)
        self.assertEqual({k: card.get(k) for k in expected}, expected)
        if find_library():
            self.assertLess(difference, export.PARITY)
        return network

    def test_rtmpose_of_any_size_and_keypoints(self):
        keys = published_keys.rtmpose(0.375, 0.167, 21, (288, 384))
        network = self.converts(
            self.official(random_state(keys)), "t", stance_card=1, family="simcc",
            input={"width": 288, "height": 384, "colours": "rgb",
                   "mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]})
        self.assertEqual(network.keypoints, 21)

    def test_rtmdet_nano(self):
        keys = published_keys.rtmdet(0.25, 0.33, 1, 64, 1, True)
        self.converts(self.official(random_state(keys)), "nano", stance_card=1, family="rtmdet",
                      input={"width": 320, "height": 320, "colours": "bgr",
                             "mean": [103.53, 116.28, 123.675],
                             "std": [57.375, 57.12, 58.395]})

    def test_rtmo_t(self):
        keys = published_keys.rtmo(0.375, 0.33, 192)
        network = self.converts(self.official(random_state(keys)), "t", stance_card=None,
                                family="rtmo")
        self.assertEqual(network.input_size, (416, 416))

    def test_mobilenetv2_in_the_form_before_1_6(self):
        state = random_state(published_keys.mobilenetv2(14))
        path = self.official(state, _use_new_zipfile_serialization=False)
        network = self.converts(path, "mobilenetv2", stance_card=1, family="heatmap")
        self.assertEqual(network.keypoints, 14)


class Strictness(Folder):
    def setUp(self):
        super().setUp()
        self.state = random_state(published_keys.rtmpose(0.375, 0.167, 17, (192, 256)))

    def build(self):
        return convert.build(convert.weights_of({"state_dict": self.state}, "x.pth"), "x.pth")

    def test_a_missing_key_is_named(self):
        del self.state["backbone.stage2.1.main_conv.bn.bias"]
        self.fails(r"x\.pth: .*missing backbone\.stage2\.1\.main_conv\.bn\.bias", self.build)

    def test_an_unexpected_key_is_named(self):
        self.state["neck.extra"] = torch.zeros(1)
        self.fails(r"x\.pth: .*unexpected neck\.extra", self.build)

    def test_a_misshapen_key_is_named_with_both_shapes(self):
        self.state["head.gau.uv.weight"] = torch.zeros(1151, 256)
        self.fails(r"head\.gau\.uv\.weight is \[1151, 256\], expected \[1152, 256\]", self.build)

    def test_several_are_all_named(self):
        del self.state["head.mlp.0.g"]
        self.state["other"] = torch.zeros(1)
        self.fails(r"missing head\.mlp\.0\.g; unexpected other", self.build)

    def test_weights_that_are_not_finite_are_refused(self):
        self.state["head.cls_x.weight"][3, 5] = float("nan")
        self.fails(r"head\.cls_x\.weight holds values that are not finite", self.build)

    def test_harmless_and_renamed_keys(self):
        for key in list(self.state):
            if key.startswith("head."):
                self.state["keypoint_" + key] = self.state.pop(key)
        self.state["data_preprocessor.mean"] = torch.zeros(3, 1, 1)
        self.state["ema_backbone_stem"] = torch.zeros(1)
        for key in [k for k in self.state if k.endswith("num_batches_tracked")]:
            del self.state[key]
        self.assertEqual(self.build().keypoints, 17)

    def test_shared_layers_that_differ_are_refused(self):
        state = random_state(published_keys.rtmdet(0.375, 0.167, 1, 96))
        for key in [k for k in state if "_convs.1." in k or "_convs.2." in k]:
            if key.startswith("bbox_head") and key.endswith("conv.weight"):
                state[key] = state[key.replace("_convs.1.", "_convs.0.")
                                   .replace("_convs.2.", "_convs.0.")]
        self.assertEqual(convert.build(state, "x.pth").size, "t")
        key = "bbox_head.reg_convs.2.1.conv.weight"
        state[key] = state[key] + 1
        self.fails(r"reg_convs\.0\.1\.conv\.weight and .*reg_convs\.2\.1\.conv\.weight differ",
                   convert.build, state, "x.pth")

    def test_unknown_families_and_sizes(self):
        self.fails("of no family", convert.build, {"a.weight": torch.zeros(1)}, "x.pth")
        self.fails("--family rtmpos: not known", convert.build, self.state, "x.pth", "rtmpos")
        self.state["backbone.stem.2.conv.weight"] = torch.zeros(20, 10, 3, 3)
        self.fails("20 channels and 1 blocks of no published size", self.build)

    def test_own_checkpoints_are_sent_to_export(self):
        self.fails("stance_train export", convert.weights_of,
                   {"average": {}, "config": {}}, "x.pth")


class Attack:
    """Unpickled by an obedient reader it would run a command."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


class Files(Folder):
    def test_both_forms_are_read_alike(self):
        state = {"a": torch.arange(6.).reshape(2, 3).t(), "b": torch.tensor([1, 2]).half(),
                 "c": torch.nn.Parameter(torch.ones(2)), "d": torch.zeros(0, 3),
                 "e": torch.tensor(True)}
        for form in (True, False):
            read = unpickle.read(self.official(state, _use_new_zipfile_serialization=form))
            self.assertEqual(read["meta"], {"epoch": 420})
            self.assertIsInstance(read["message_hub"]["loss"], unpickle.Inert)
            for key, value in state.items():
                self.assertEqual(read["state_dict"][key].dtype, value.dtype)
                self.assertTrue(torch.equal(read["state_dict"][key], value.detach()))

    def test_nothing_is_executed(self):
        marker = self.path("executed")
        for form in (True, False):
            path = self.save({"state_dict": {"x": torch.ones(1)},
                              "meta": Attack(f"touch {marker}")},
                             _use_new_zipfile_serialization=form)
            self.assertIsInstance(unpickle.read(path)["meta"], unpickle.Inert)
        with open(self.path("bare.pth"), "wb") as file:
            pickle.dump(Attack(f"touch {marker}"), file)
        self.fails("not a whole PyTorch checkpoint", unpickle.read, self.path("bare.pth"))
        self.assertFalse(os.path.exists(marker))

    def test_globals_reached_by_a_dotted_name_are_inert(self):
        for module, name in (("builtins", "eval"), ("torch", "Tensor.numpy"),
                             ("collections", "OrderedDict.fromkeys"), ("torch", "load")):
            content = (b"\x80\x04" + b"\x8c" + bytes([len(module)]) + module.encode() + b"\x8c"
                       + bytes([len(name)]) + name.encode() + b"\x93\x8c\x011\x85R.")
            found = unpickle._Unpickler(io.BytesIO(content), None).load()
            self.assertIsInstance(found, unpickle.Inert)

    def test_a_file_cut_off_anywhere_is_one_sentence(self):
        for form in (True, False):
            path = self.save({"state_dict": {"x": torch.ones(50), "y": torch.ones(9)}},
                             _use_new_zipfile_serialization=form)
            with open(path, "rb") as file:
                whole = file.read()
            for length in {*range(0, 64), *range(64, len(whole) - 1, 41), len(whole) - 1}:
                with open(path, "wb") as file:
                    file.write(whole[:length])
                self.fails("official.pth: ", unpickle.read, path)

    def test_damaged_bytes_never_raise_anything_else(self):
        generator = torch.Generator().manual_seed(1)
        for form in (True, False):
            path = self.save({"state_dict": {"x": torch.ones(5)}, "meta": {"a": [1, "b"]}},
                             _use_new_zipfile_serialization=form)
            with open(path, "rb") as file:
                whole = file.read()
            for _ in range(150):
                damaged = bytearray(whole)
                place = int(torch.randint(len(whole), (), generator=generator))
                damaged[place] = int(torch.randint(256, (), generator=generator))
                with open(path, "wb") as file:
                    file.write(damaged)
                try:
                    convert.weights_of(unpickle.read(path), path)
                except TrainError as error:
                    self.assertNotIn("\n", str(error))

    def test_tensors_outside_of_their_storage_are_refused(self):
        storage = unpickle._Storage(torch.float32, 4)
        for offset, size, stride in ((0, (5,), (1,)), (3, (2,), (1,)), (0, (2, 2), (3, 1)),
                                     (-1, (1,), (1,)), (0, (2,), (-1,))):
            with self.assertRaises(RuntimeError):
                storage.tensor(offset, size, stride)

    def test_a_stream_that_claims_more_than_the_file_holds(self):
        path = self.save({"x": torch.ones(3)}, _use_new_zipfile_serialization=False)
        with open(path, "rb") as file:
            whole = file.read()
        with open(path, "wb") as file:
            file.write(whole.replace(struct.pack("<q", 3), struct.pack("<q", 1 << 60)))
        self.fails("cut off", unpickle.read, path)

    def test_other_archives_and_missing_files(self):
        with zipfile.ZipFile(self.path("a.pth"), "w") as archive:
            archive.writestr("readme.txt", "hello")
        self.fails("none of PyTorch's", unpickle.read, self.path("a.pth"))
        self.fails("no-such.pth: no such checkpoint", unpickle.read, self.path("no-such.pth"))
        self.fails("cannot be read", unpickle.read, self.folder)

    def test_weights_must_be_tensors(self):
        for content in ([], {}, {"state_dict": {}}, {"state_dict": {"a": "text"}}, None):
            self.fails("x.pth: ", convert.weights_of, content, "x.pth")


if __name__ == "__main__":
    unittest.main()
