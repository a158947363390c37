"""What the tests of rtmpose_wrapper, stance.mediapipe and stance.rtmlib share."""

import contextlib
import io
import json
import os
import pathlib
import shutil
import tempfile
import unittest

from hypothesis import settings

import stance
from samples import SANITIZED, SHARED, SOURCE

settings.register_profile("compatibility", deadline=None, max_examples=5 if SANITIZED else 50,
                          database=None, derandomize=True)
settings.load_profile("compatibility")

if not any(model.name == "stance-pose" for model in stance.models()):
    raise unittest.SkipTest("built without the models inside")

BUILTIN = SOURCE / "models/builtin"


def shared(name):
    """A file of the shared test material; without it the test is skipped."""
    path = SHARED.parent / name
    if not path.exists():
        raise unittest.SkipTest(f"no {path}")
    return str(path)


def photo(pixels):
    """Several people, one of them in front."""
    return stance.read_image(shared("data/images/coco_mmpose4/000000000785.jpg"), pixels)


def crowd(pixels):
    """A frame with six people side by side."""
    with stance.read_video(shared("data/video/gles_posenet_pexels.mp4"), pixels) as video:
        return next(video).image


def quiet(call, *arguments, **options):
    """Calls without the start line on the test's standard error."""
    with contextlib.redirect_stderr(io.StringIO()):
        return call(*arguments, **options)


class Store(unittest.TestCase):
    """A folder of models under names of the zoo, with their published addresses, which are the
    built-in networks in truth."""

    MODELS = {"rtmpose-s": "stance-pose", "rtmpose-m": "stance-pose", "rtmdet-nano": "stance-det",
              "yolox-m-humanart": "stance-det"}

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "store").mkdir()
        for name, model in self.MODELS.items():
            shutil.copy(BUILTIN / f"{model}.onnx", self.folder / "store" / f"{name}.onnx")
            card = json.loads((BUILTIN / f"{model}.json").read_text())
            published = json.loads((SOURCE / f"models/{name}.json").read_text())
            card.update({key: published[key] for key in ("name", "file", "urls", "checkpoint")
                         if key in published})
            (self.folder / "store" / f"{name}.json").write_text(json.dumps(card))
        self.set_environment("STANCE_MODELS", str(self.folder / "store"))
        self.set_environment("XDG_DATA_HOME", str(self.folder))
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.folder)

    def set_environment(self, name, value):
        before = os.environ.get(name)
        os.environ[name] = value
        self.addCleanup(lambda: os.environ.pop(name) if before is None
                        else os.environ.__setitem__(name, before))
