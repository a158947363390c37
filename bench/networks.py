"""The networks that are measured: real ones of ../shared, and published structures with seeded
weights, whose speed is that of the trained ones."""
import ctypes
import math
import os
import pathlib
import random
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = pathlib.Path(os.environ.get("STANCE_SHARED", ROOT.parent / "shared"))
REAL = SHARED / "data/models"
CROP, CLIP = (1, 3, 256, 192), (1, 2, 100, 17, 3)

# name, file (None: true structure with seeded weights), input shape
NETWORKS = [
    ("rtmpose-t", None, CROP),
    ("rtmpose-s", None, CROP),
    ("rtmpose-m", None, CROP),
    ("rtmpose-l", None, CROP),
    ("rtmpose-m-wb133", None, CROP),
    ("rtmdet-nano", REAL / "rtmdet_nano_person_320_rawhead.onnx", (1, 3, 320, 320)),
    ("rtmdet-m-640", None, (1, 3, 640, 640)),
    ("yolox-nano", REAL / "yolox_nano_coco80_416.onnx", (1, 3, 416, 416)),
    ("simplepose", REAL / "simplepose_opset9.onnx", CROP),
    ("mobilenetv2-heatmap", None, CROP),
    ("rtmo-s", None, (1, 3, 640, 640)),
    ("rtmo-m", None, (1, 3, 640, 640)),
    ("stgcn", None, CLIP),
    ("stgcnpp", None, CLIP),
]


class Unknown(Exception):
    """Names that no network has."""


def chosen(names):
    """Those of the list "A,B", in the order of the table; all for an empty one. Paths of ONNX files
    may be among them: their shape is None, what the file declares."""
    listed = [name for name in names.split(",") if name]
    files = [pathlib.Path(name) for name in listed if name.endswith(".onnx")]
    wanted = {name for name in listed if not name.endswith(".onnx")}
    unknown = wanted - {name for name, _, _ in NETWORKS}
    if unknown:
        raise Unknown(f"unknown models: {', '.join(sorted(unknown))}")
    return [network for network in NETWORKS if not listed or network[0] in wanted] + \
        [(file.stem, file, None) for file in files]


def find(build, name, file):
    """Where the network is, or None. Seeded ones are made on first use."""
    if file:
        return str(file) if file.exists() else None
    environment = dict(os.environ, XDG_CACHE_HOME=str(ROOT / ".cache"))
    done = subprocess.run([build / "bench/seeded_models", name], env=environment,
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def batched(shape, batch):
    return (batch, *shape[1:])


def noise(shape):
    """The same values at every call, as a ctypes array of floats."""
    generator = random.Random(1)
    count = math.prod(shape)
    return (ctypes.c_float * count)(*(1.6 * generator.random() - 0.8 for _ in range(count)))
