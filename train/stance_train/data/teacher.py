"""Teachers: ONNX networks that are asked about every crop or scene while a student learns."""

import os

import numpy as np
from PIL import Image

from ..engine import Network
from ..errors import TrainError
from .pixels import normalise


def open_size(path, folder):
    """A copy of an ONNX network, in `folder`, that takes pictures of any height and width, for
    trainings that begin with small ones; fully convolutional networks only."""
    try:
        import onnx
    except ImportError:
        raise TrainError(f"{path}: a teacher for several input sizes needs the onnx package "
                         f"(Debian: python3-onnx); or leave schedule.sizes empty") from None
    try:
        model = onnx.load(path)
    except Exception as error:   # whatever protobuf raises, or the file system
        raise TrainError(f"{path}: cannot be read as ONNX ({str(error).splitlines()[0]})") from None
    for values, axes in ((model.graph.input[:1], (2, 3)), (model.graph.output, (1, 2))):
        for value in values:
            for axis in axes:
                value.type.tensor_type.shape.dim[axis].dim_param = f"{value.name}_{axis}"
    del model.graph.value_info[:]
    target = os.path.join(folder, os.path.basename(path))
    onnx.save(model, target)
    return target


class PoseTeacher:
    """Any network of the SimCC or heatmap family. Turns a crop into what the student is to say: for
    each keypoint a distribution over the bins of x and of y, and the teacher's confidence, 0 to 1."""

    def __init__(self, path, input_size, split, beta):
        self.path, self.size, self.split, self.beta = path, tuple(input_size), split, beta
        self._network = None

    def __call__(self, pixels):
        if self._network is None:   # one in each worker
            self._network = Network(self.path)
        if pixels.shape[1::-1] != self.size:
            pixels = np.asarray(Image.fromarray(pixels).resize(self.size,
                                                               Image.Resampling.BILINEAR))
        values = normalise(pixels).transpose(2, 0, 1)
        outputs = self._network(values[None])
        bins = [int(v * self.split) for v in self.size]
        if len(outputs) == 2 and [o.shape[-1] for o in outputs] == bins:
            sharp = [np.exp((o[0] - o[0].max(-1, keepdims=True)) * self.beta) for o in outputs]
            confidence = np.minimum(*(o[0].max(-1) for o in outputs))
        elif len(outputs) == 1 and outputs[0].ndim == 4:
            heat = np.maximum(outputs[0][0], 0)
            confidence = heat.max((1, 2))
            sharp = [_stretch(heat.max(axis) ** 2, n) for axis, n in zip((1, 2), bins)]
        else:
            raise TrainError(f"{self.path}: a pose teacher must give SimCC outputs of {bins[0]} "
                             f"and {bins[1]} bins or one heatmap per keypoint for an input of "
                             f"{self.size[0]}x{self.size[1]}")
        spread = [(s / np.maximum(s.sum(-1, keepdims=True), 1e-9)).astype(np.float32)
                  for s in sharp]
        return spread[0], spread[1], np.clip(confidence, 0, 1).astype(np.float32)


def _stretch(rows, bins):
    """Rows of cells to rows of bins, linearly; cell i's centre lies at pixel i x stride."""
    at = np.arange(bins) * (rows.shape[1] / bins)
    return np.stack([np.interp(at, np.arange(rows.shape[1]), row) for row in rows])
