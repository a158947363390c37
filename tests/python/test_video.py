"""Videos in and out, frames that go through without RGB, drawing."""

import threading
import time
import unittest

import numpy as np
from samples import FOLDER, ONE_STAGE, noise, same, small_clip

import stance


class Reading(unittest.TestCase):
    def test_frames_in_order(self):
        with stance.read_video(small_clip()) as video:
            self.assertEqual((video.info.width, video.info.height, video.info.codec),
                             (64, 48, "h264"))
            frames = list(video)
            self.assertTrue(video.ended)
            self.assertIsNone(video.read())
            self.assertEqual(video.stats.frames, 4)
        self.assertEqual([f.time_us for f in frames], [0, 40000, 80000, 120000])
        self.assertEqual([f.index for f in frames], [0, 1, 2, 3])
        self.assertEqual((frames[0].format, frames[0].error), ("yuv420p", None))

    def test_frames_outlive_the_video(self):
        video = stance.read_video(small_clip(), "bgr")
        frame = next(video)
        image = frame.image
        self.assertIs(frame.image, image)
        wanted = image.copy()
        video.close()
        del video, frame
        self.assertTrue(np.array_equal(image, wanted))

    def test_channel_orders(self):
        frame = next(stance.read_video(small_clip(), "bgr"))
        self.assertTrue(np.array_equal(frame.image[..., ::-1], frame.to_array("rgb")))
        self.assertEqual(frame.image.shape, (48, 64, 3))

    def test_a_frame_is_as_good_as_its_picture(self):
        frame = next(stance.read_video(small_clip()))
        with stance.Pipeline(ONE_STAGE) as pipeline:
            self.assertTrue(same(pipeline.process(frame), pipeline.process(frame.image, "rgb")))

    def test_picture_sequences(self):
        for i in range(3):
            stance.write_image(FOLDER / f"seq_{i}.png", noise(seed=i), "rgb")
        with stance.read_video(FOLDER / "seq_%d.png", frame_rate=10) as video:
            frames = list(video)
        self.assertEqual([f.time_us for f in frames], [0, 100000, 200000])
        self.assertTrue(np.array_equal(frames[1].image, noise(seed=1)))

    def test_cancel(self):
        video = stance.read_video(small_clip())
        video.cancel()
        with self.assertRaises(stance.CancelledError):
            for _ in range(100):
                video.read()

    def test_leaving_in_the_middle(self):
        for i in range(40):
            video = stance.read_video(small_clip(30, "long.mp4"))
            frames = [next(video) for _ in range(i % 5)]
            if i % 2:
                video.close()
            del video
            self.assertEqual([f.index for f in frames], list(range(i % 5)))

    def test_the_end_is_told_again(self):
        with stance.read_video(small_clip()) as video:
            self.assertEqual(len(list(video)), 4)
            for _ in range(3):
                self.assertIsNone(next(video, None))

    def test_several_threads_share_a_video(self):
        video, indices = stance.read_video(small_clip(30, "long.mp4")), []
        threads = [threading.Thread(target=lambda: indices.extend(f.index for f in video))
                   for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(indices), list(range(30)))

    def test_damage_is_told(self):
        data = bytearray(small_clip(30, "long.mp4").read_bytes())
        for i in range(2000, len(data) - 3000, 97):
            data[i] ^= 0x55
        path = FOLDER / "damaged.mp4"
        path.write_bytes(data)
        errors = []
        try:
            errors = [frame.error for frame in stance.read_video(path) if frame.error]
        except stance.Error as error:
            errors = [error]
        self.assertTrue(errors)
        self.assertIn("damaged.mp4", str(errors[0]))


class Writing(unittest.TestCase):
    def test_back_and_forth(self):
        path = FOLDER / "out.mkv"
        with stance.read_video(small_clip(), audio=True) as video:
            with stance.Writer(path, video, crf=10) as writer:
                self.assertIn("crf 10", writer.description)
                for frame in video:
                    writer.add(frame)
                self.assertFalse(path.exists())
        with stance.read_video(path) as video:
            self.assertEqual(len(list(video)), 4)

    def test_nothing_is_no_file(self):
        path = FOLDER / "none.mp4"
        stance.Writer(path).close()
        self.assertFalse(path.exists())

    def test_times_must_rise(self):
        with stance.Writer(FOLDER / "rise.mp4") as writer:
            writer.add(noise(), "rgb", 1000)
            with self.assertRaises(stance.ArgumentError):
                writer.add(noise(), "rgb", 1000)

    def test_wrong_paths(self):
        for path, kind in ((FOLDER / "a.xyz", stance.ArgumentError),
                           (FOLDER / "no/folder/a.mp4", OSError)):
            with self.assertRaises(kind):
                with stance.Writer(path) as writer:
                    writer.add(noise(), "rgb", 0)


class Drawing(unittest.TestCase):
    def setUp(self):
        self.people = stance.Pipeline(ONE_STAGE).process(noise(64, 64), "rgb")

    def test_on_the_array_itself(self):
        for style in ("stance", "mmpose", "openpose", "simple"):
            picture = np.zeros((64, 64, 3), np.uint8)
            self.assertIs(stance.draw(picture, self.people, "rgb", style=style), picture)
            self.assertTrue(picture.any(), style)

    def test_order_of_channels(self):
        rgb, bgr = np.zeros((2, 64, 64, 3), np.uint8)
        stance.draw(rgb, self.people, "rgb", ["Ann", None], caption="a line")
        stance.draw(bgr, self.people, "bgr", ["Ann", None], caption="a line")
        self.assertTrue(np.array_equal(rgb, bgr[..., ::-1]))

    def test_within_a_view(self):
        whole = np.zeros((80, 90, 3), np.uint8)
        stance.draw(whole[8:72, 10:74], self.people, "rgb")
        outside = whole.copy()
        outside[8:72, 10:74] = 0
        self.assertTrue(whole.any())
        self.assertFalse(outside.any())

    def test_on_frames(self):
        frame = next(stance.read_video(small_clip(), writable=True))
        before = frame.to_array()
        stance.draw(frame, self.people)
        self.assertFalse(np.array_equal(before, frame.to_array()))
        with self.assertRaisesRegex(stance.ArgumentError, "read-only"):
            stance.draw(next(stance.read_video(small_clip())), self.people)

    def test_people_from_elsewhere(self):
        people = stance.People(self.people.keypoints, self.people.scores)
        self.assertEqual(people.boxes.shape, (2, 4))
        picture = np.zeros((64, 64, 3), np.uint8)
        stance.draw(picture, people, "bgr")
        self.assertTrue(picture.any())
        with self.assertRaises(stance.ShapeError):
            stance.People(np.zeros((2, 5, 2)), np.zeros((2, 5)))


class Waiting(unittest.TestCase):
    def test_other_threads_go_on(self):
        """The GIL is not held while a network runs: a counter in Python goes on meanwhile."""
        pipeline = stance.Pipeline()
        picture = noise(480, 640)
        counted, stop = [0], threading.Event()

        def count():
            while not stop.is_set():
                counted[0] += 1
                time.sleep(0.0005)

        thread = threading.Thread(target=count)
        thread.start()
        most = 0
        for _ in range(20):
            before = counted[0]
            pipeline.process(picture, "rgb")
            most = max(most, counted[0] - before)
        stop.set()
        thread.join()
        self.assertGreater(most, 1)


if __name__ == "__main__":
    unittest.main()
