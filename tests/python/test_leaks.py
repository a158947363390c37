"""10,000 calls leave nothing behind: neither memory nor Python objects."""

import gc
import sys
import unittest

import numpy as np
from samples import FOLDER, ONE_STAGE, SANITIZED, SUM, TINY, noise, small_clip

import stance

CALLS = 500 if SANITIZED else 10000
PICTURE = noise()


def resident():
    """Bytes of memory that belong to this process alone."""
    with open("/proc/self/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Private_"))


class Leaks(unittest.TestCase):
    def stays(self, call, calls=CALLS):
        """What leaks grows in every round; what Python keeps for itself does so once."""
        for _ in range(max(calls // 10, 20)):
            call()
        for _ in range(3):
            gc.collect()
            blocks, memory = sys.getallocatedblocks(), resident()
            for _ in range(calls):
                call()
            gc.collect()
            blocks, memory = sys.getallocatedblocks() - blocks, resident() - memory
            if SANITIZED or (blocks < calls // 4 and memory < 1 << 20):
                return
        self.fail(f"{blocks} objects and {memory} bytes more after {calls} calls")

    def test_pictures(self):
        pipeline = stance.Pipeline(TINY, center=True)
        self.stays(lambda: pipeline.process(PICTURE, "rgb"))

    def test_boxes_and_drawing(self):
        pipeline, boxes = stance.Pipeline(TINY, None), np.float32([[0, 0, 30, 40], [9, 9, 60, 40]])
        picture = PICTURE.copy()

        def call():
            people = pipeline.process(picture, "bgr", boxes)
            for person in people:
                person["nose"]  # pylint: disable=pointless-statement
            stance.draw(picture, people, "bgr", ["a", None], caption="b")

        self.stays(call)

    def test_streams(self):
        picture, time = noise(64, 64), [0]
        with stance.Pipeline(ONE_STAGE) as pipeline, stance.Stream(pipeline) as stream:
            def call():
                time[0] += 40000
                stream.process(picture, "rgb", time[0])
                stream.fill(time[0], "hold")

            self.stays(call)

    def test_sessions_and_trackers(self):
        inputs, time = [np.ones(1000, np.float32)] * 2, [0]
        with stance.Session(SUM) as session, stance.Tracker() as tracker:
            def call():
                session.run(inputs)
                time[0] += 40000
                tracker.update([[0, 0, 9, 9]], [0.9], time[0])

            self.stays(call)

    def test_errors(self):
        pipeline, session = stance.Pipeline(TINY, None), stance.Session(SUM)

        def call():
            for function, arguments in (
                    (pipeline.process, (PICTURE, "rgb")), (pipeline.process, (PICTURE[..., 0], "rgb")),
                    (pipeline.process, (PICTURE[::-1], "rgb")), (pipeline.process, (3, "rgb")),
                    (pipeline.process, (PICTURE, "rgb", [[1]])), (session.run, ([3, 4],)),
                    (stance.draw, (PICTURE, 4, "rgb")), (stance.Pipeline, (3,))):
                try:
                    function(*arguments)
                except (stance.Error, TypeError):
                    continue
                self.fail("no error")

        self.stays(call, CALLS // 4)

    def test_handles(self):
        def call():
            pipeline = stance.Pipeline(TINY, center=True, threads=2)
            stream = stance.Stream(pipeline)
            stream.process(PICTURE, "rgb", 0)
            stance.Session(SUM).run([np.ones(3, np.float32)] * 2)
            stance.Tracker()

        self.stays(call, CALLS // 20)

    def test_videos(self):
        def call():
            with stance.read_video(small_clip()) as video:
                for frame in video:
                    frame.image  # pylint: disable=pointless-statement
            stance.write_image(FOLDER / "leak.png", PICTURE, "rgb")
            stance.read_image(FOLDER / "leak.png")

        self.stays(call, CALLS // 40)


if __name__ == "__main__":
    unittest.main()
