"""Keypoint sets: names, mirror pairs, OKS constants, and how one set maps onto another.

Sources: COCO, Halpe-26, CrowdPose, MPII, AI Challenger, LSP as their authors list them. Joints are
matched by name, so that a data set of another kind trains the joints that it has.
"""

import numpy as np

from .errors import TrainError, suggest

_BODY = ["shoulder", "elbow", "wrist", "hip", "knee", "ankle"]
_COCO = (["nose", "left_eye", "right_eye", "left_ear", "right_ear"]
         + [f"{side}_{joint}" for joint in _BODY for side in ("left", "right")])
_LSP = ["right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
        "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow",
        "left_wrist", "neck", "head"]

NAMES = {
    "coco17": _COCO,
    "halpe26": _COCO + ["head", "neck", "hip", "left_big_toe", "right_big_toe", "left_small_toe",
                        "right_small_toe", "left_heel", "right_heel"],
    "crowdpose14": [f"{side}_{joint}" for joint in _BODY for side in ("left", "right")]
                   + ["head", "neck"],
    "mpii16": ["right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
               "hip", "thorax", "neck", "head", "right_wrist", "right_elbow", "right_shoulder",
               "left_shoulder", "left_elbow", "left_wrist"],
    "aic14": [f"{side}_{joint}" for side in ("right", "left")
              for joint in ("shoulder", "elbow", "wrist")]
             + [f"{side}_{joint}" for side in ("right", "left")
                for joint in ("hip", "knee", "ankle")] + ["head", "neck"],
    "lsp14": _LSP,
}

# COCO's sigmas by joint; joints that COCO lacks take those of Halpe-26.
_SIGMAS = {"nose": .026, "eye": .025, "ear": .035, "shoulder": .079, "elbow": .072, "wrist": .062,
           "hip": .107, "knee": .087, "ankle": .089, "head": .026, "neck": .026, "thorax": .026,
           "toe": .079, "heel": .079}


class KeypointSet:
    """A named order of joints."""

    def __init__(self, name, names=None):
        if names is None:
            if name not in NAMES:
                raise TrainError(f"keypoint set {name!r} is not known; "
                                 f"{suggest(name, list(NAMES))}")
            names = NAMES[name]
        self.name, self.names = name, list(names)
        self.count = len(self.names)
        self.sigmas = np.array([self._sigma(n) for n in self.names], np.float32)
        self.flip = np.array([self.names.index(self._mirror(n))
                              if self._mirror(n) in self.names else i
                              for i, n in enumerate(self.names)])
        self.upper = np.array([not n.endswith(("hip", "knee", "ankle", "toe", "heel"))
                               for n in self.names])

    @staticmethod
    def _sigma(name):
        return _SIGMAS.get("hip" if name == "hip" else name.split("_")[-1], .05)

    @staticmethod
    def _mirror(name):
        if name.startswith("left_"):
            return "right_" + name[5:]
        if name.startswith("right_"):
            return "left_" + name[6:]
        return name

    def map_from(self, other, where="the data"):
        """For each of our joints the index in `other`, or -1; no joint in common is an error."""
        table = np.array([other.names.index(n) if n in other.names else -1 for n in self.names])
        if (table < 0).all():
            raise TrainError(f"{where}: its keypoints ({', '.join(other.names[:4])}, ...) have "
                             f"none in common with {self.name}; give the data set's "
                             f"keypoint_set")
        return table
