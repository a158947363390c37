"""What docs/migrate.md and the README show in Python runs as it stands there."""

import contextlib
import io
import re
import shutil

from compatibility import BUILTIN, SOURCE, Store, photo, quiet, shared


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

    def test_the_code_of_the_readme_runs(self):
        text = (SOURCE / "README.md").read_text()
        code, = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        shutil.copy(shared("data/video/mmpose_demo.mp4"), self.folder / "walk.mp4")
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            quiet(exec, code, {})
        self.assertRegex(said.getvalue(), r"^\(\d+\.\d+, \d+\.\d+, \d\.\d+\) \[")
