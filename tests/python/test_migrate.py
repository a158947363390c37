"""docs/migrate.md: what its guides show runs as it stands there."""

import re
import shutil

from compatibility import BUILTIN, SOURCE, Store, photo, quiet


class Guides(Store):
    def test_the_code_of_the_guides_runs(self):
        text = (SOURCE / "docs/migrate.md").read_text()
        blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        self.assertEqual(len(blocks), 4)
        (self.folder / "models/rtmpose").mkdir(parents=True)
        shutil.copy(BUILTIN / "stance-pose.onnx",
                    self.folder / "models/rtmpose/rtmpose-s_256x192.onnx")
        names = {"rgb_frame": photo("rgb"), "rgb": photo("rgb"), "frame": photo("bgr"),
                 "timestamp_ms": 40, "h": 425, "w": 640}
        for block in blocks:
            after = "".join(line for line in block.splitlines(True)
                            if not line.rstrip().endswith("# before"))
            quiet(exec, after, names)
        self.assertTrue(270 < names["x"] < 530 and 40 < names["y"] < 390)
        self.assertEqual(len(names["result"].pose_landmarks), len(names["result"].ids))
        self.assertGreaterEqual(len(names["keypoints"]), 1)
