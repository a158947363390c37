"""Which model a task runs, and where."""

import enum
import os
from dataclasses import dataclass
from typing import Optional, Union


@dataclass
class BaseOptions:
    """model_asset_path: an ONNX file, a model's name, or MediaPipe's pose_landmarker_lite.task,
    …_full.task, …_heavy.task for RTMPose t, s, m; None: the built-in models."""

    class Delegate(enum.IntEnum):
        CPU = 0
        GPU = 1

    model_asset_path: Union[str, os.PathLike, None] = None
    delegate: Optional[Delegate] = None

    def device(self):
        """The device by stance's name."""
        return "cuda" if self.delegate == BaseOptions.Delegate.GPU else "cpu"
