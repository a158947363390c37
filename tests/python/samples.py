"""What the tests of the Python module work on: small networks, pictures, photos where there are any."""

import atexit
import os
import pathlib
import shutil
import tempfile
import unittest

import numpy as np
import small_files

import stance

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("STANCE_SHARED", SOURCE / "../shared")).resolve() / "data"
PROGRAM = os.environ.get("STANCE_PROGRAM", "")
SANITIZED = "STANCE_SANITIZED" in os.environ

FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="stance-python-"))
atexit.register(shutil.rmtree, FOLDER)

PEOPLE = [((4, 6, 30, 50), 0.9), ((34, 8, 60, 52), 0.8)]


def write(name, data):
    path = FOLDER / name
    path.write_bytes(data)
    return path


TINY = write("tiny.onnx", small_files.pose())  # crops of 48×64 pixels, 17 keypoints
ONE_STAGE = write("pair.onnx", small_files.one_stage(PEOPLE))  # PEOPLE, whatever it is shown
SUM = write("sum.onnx", small_files.sum_open())
ROWS = write("rows.onnx", small_files.onnx([small_files.node("Relu", ["x"], ["y"])],
                                           {"x": ["n", 3]}, {"y": ["n", 3]}))


def noise(height=48, width=64, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def shared(name):
    """A shared file, without which a test is skipped."""
    path = SHARED / name
    if not path.exists():
        raise unittest.SkipTest(f"no {path}")
    return path


def photo(pixels="rgb"):
    """One person on a ski slope, 640×425."""
    return stance.read_image(shared("images/coco_mmpose4/000000000785.jpg"), pixels)


def clip():
    return shared("video/mmpose_demo.mp4")


def small_clip(frames=4, name="small.mp4"):
    """A video of 64×48 pixels, 25 frames a second."""
    path = FOLDER / name
    if not path.exists():
        with stance.Writer(path) as writer:
            for i in range(frames):
                writer.add(noise(seed=i), "rgb", i * 40000)
    return path


def same(one, other):
    """Whether two People are the same, bit by bit."""
    return all(np.array_equal(getattr(one, name), getattr(other, name))
               for name in ("keypoints", "scores", "boxes", "box_scores", "person_scores", "ids",
                            "detector_classes"))
