"""What is wrong gets an exception with a sentence, of Python's kind too, and never ends the process."""

import sys
import threading
import unittest

import numpy as np
from samples import FOLDER, ONE_STAGE, ROWS, SANITIZED, SUM, TINY, noise, small_clip

import stance

PICTURE = noise()
WORKING = {stance.Pipeline: (PICTURE, "rgb"), stance.Stream: (PICTURE, "rgb", 0), "fill": (0,),
           "run": ([],), "add": (PICTURE, "rgb", 0), "update": ([[0, 0, 1, 1]], [1], 0),
           "predict": (0,)}  # arguments that an open handle takes


class Case(unittest.TestCase):
    def refuses(self, kind, function, *arguments, words="", **options):
        with self.assertRaises(kind) as caught:
            function(*arguments, **options)
        sentence = str(caught.exception)
        self.assertGreater(len(sentence), 8, sentence)
        self.assertIn(words, sentence)
        if isinstance(caught.exception, stance.Error):
            self.assertLess(caught.exception.code, 0)
            self.assertTrue(caught.exception.name.startswith("STANCE_E"))
        return caught.exception


class Pictures(Case):
    def setUp(self):
        self.pipeline = stance.Pipeline(TINY, center=True)

    def test_types_and_shapes(self):
        for image, kind, words in (
                (PICTURE.astype(np.float32), TypeError, "uint8"),
                (PICTURE.astype(np.int8), TypeError, "uint8"),
                (PICTURE.astype(bool), TypeError, "uint8"),
                (PICTURE.astype(">u2"), TypeError, "uint8"),
                (PICTURE[..., 0], ValueError, "(height, width, 3)"),
                (PICTURE[..., :2], ValueError, "(height, width, 3)"),
                (np.zeros((4, 5, 4), np.uint8), ValueError, "the last extent is 4"),
                (PICTURE[None], ValueError, "4 dimensions"),
                (np.uint8(3), ValueError, "dimensions"),
                (np.zeros((0, 5, 3), np.uint8), ValueError, "0"),
                (np.zeros((5, 0, 3), np.uint8), ValueError, "0"),
                (np.zeros((1, 20000, 3), np.uint8), ValueError, "16384"),
                (b"abcdef", ValueError, "(height, width, 3)"),
                ("picture.jpg", TypeError, "not str"), (None, TypeError, "NoneType"),
                (PICTURE.tolist(), TypeError, "list"), (object(), TypeError, "object"),
                (np.array([[["a"] * 3]]), TypeError, "uint8"),
                (np.array([[[None] * 3]]), TypeError, "")):
            with self.subTest(words=words, kind=kind):
                self.refuses(kind, self.pipeline.process, image, "rgb", words=words)

    def test_views(self):
        for image, words in (
                (PICTURE[::-1], "mirrored"), (PICTURE[:, ::-1], "mirrored"),
                (PICTURE[..., ::-1], "pixels"), (PICTURE[:, ::2], "side by side"),
                (PICTURE.transpose(1, 0, 2), "side by side"),
                (np.broadcast_to(PICTURE[:1], (48, 64, 3)), "stride"),
                (np.broadcast_to(np.uint8(7), (48, 64, 3)), "side by side"),
                (np.lib.stride_tricks.as_strided(PICTURE, (46, 64, 3), (100, 3, 1)), "stride"),
                (np.asfortranarray(PICTURE), "side by side")):
            with self.subTest(words=words, strides=image.strides):
                self.refuses(stance.ArgumentError, self.pipeline.process, image, "rgb", words=words)

    def test_every_call_that_takes_pictures_refuses_them(self):
        people = stance.Pipeline(ONE_STAGE).process(noise(64, 64), "rgb")
        stream = stance.Stream(self.pipeline)
        with stance.Writer(FOLDER / "wrong.mp4") as writer:
            calls = (lambda image: stream.process(image, "rgb", 0),
                     lambda image: stance.process_streams([(stream, image, 0)], "rgb"),
                     lambda image: writer.add(image, "rgb", 0),
                     lambda image: stance.draw(image, people, "rgb"),
                     lambda image: stance.write_image(FOLDER / "wrong.png", image, "rgb"))
            for call in calls:
                for image, kind in ((PICTURE.astype(np.float32), TypeError), (None, TypeError),
                                    (PICTURE[..., 0], ValueError), (PICTURE[:0], ValueError),
                                    (PICTURE[::-1], ValueError), (PICTURE[:, ::-1], ValueError),
                                    (PICTURE[..., ::-1], ValueError)):
                    self.refuses(kind, call, image)

    def test_pixels(self):
        self.refuses(stance.ArgumentError, self.pipeline.process, PICTURE, words="'rgb' or 'bgr'")
        self.refuses(stance.ArgumentError, self.pipeline.process, PICTURE, "gbr", words="'gbr'")
        self.refuses(TypeError, self.pipeline.process, PICTURE, 3, words="str")

    def test_boxes(self):
        for boxes, kind in (([1, 2, 3, 4], ValueError), ([[1, 2, 3]], ValueError),
                            ("boxes", TypeError), ([["a"] * 4], TypeError), ({}, TypeError),
                            ([[1, 2, 3, 4], [1]], TypeError),
                            (np.full((1, 4), np.nan), ValueError),
                            (np.full((1, 4), np.inf), ValueError)):
            with self.subTest(boxes=boxes):
                self.refuses(kind, stance.Pipeline(TINY, None).process, PICTURE, "rgb", boxes)

    def test_read_only_cannot_be_drawn_on(self):
        people = stance.Pipeline(ONE_STAGE).process(noise(64, 64), "rgb")
        frozen = PICTURE.copy()
        frozen.flags.writeable = False
        self.refuses(stance.ArgumentError, stance.draw, frozen, people, "rgb", words="read-only")
        self.refuses(stance.ArgumentError, stance.draw,
                     memoryview(PICTURE.tobytes()).cast("B", PICTURE.shape), people, "rgb",
                     words="read-only")

    def test_drawing(self):
        people = stance.Pipeline(ONE_STAGE).process(noise(64, 64), "rgb")
        for arguments, options, kind in (
                ((people, PICTURE, "rgb"), {}, TypeError), ((PICTURE, None, "rgb"), {}, TypeError),
                ((PICTURE, people, "rgb", ["one"]), {}, ValueError),
                ((PICTURE, people, "rgb", [1, 2]), {}, TypeError),
                ((PICTURE, people, "rgb"), {"style": "baroque"}, ValueError),
                ((PICTURE, people, "rgb"), {"radius": "big"}, TypeError),
                ((PICTURE, people, "rgb"), {"caption": "a\0b"}, ValueError),
                ((PICTURE, people, "rgb"), {"colour": "red"}, TypeError)):
            with self.subTest(options=options):
                self.refuses(kind, stance.draw, *arguments, **options)
        people.keypoints = people.keypoints[:, :5]
        self.refuses(ValueError, stance.draw, PICTURE.copy(), people, "rgb")

    def test_drawing_what_is_no_number(self):
        people = stance.Pipeline(ONE_STAGE).process(noise(64, 64), "rgb")
        for value in (np.nan, np.inf, -np.inf, 1e30, -1e30):
            people.keypoints[:] = value
            people.boxes[:] = value
            stance.draw(noise(), people, "rgb")


class Arguments(Case):
    def test_pipeline(self):
        for options, kind in (
                ({"pose": 3}, TypeError), ({"pose": "nowhere.onnx"}, FileNotFoundError),
                ({"pose": SUM}, stance.ModelError), ({"pose": "stance-det"}, stance.ModelError),
                ({"detector": "stance-pose"}, stance.ModelError), ({"pose": ""}, ValueError),
                ({"pose": FOLDER}, OSError), ({"pose": "a\0b"}, ValueError),
                ({"threads": "two"}, TypeError), ({"threads": 2.5}, TypeError),
                ({"threads": 10**30}, ValueError), ({"threads": 2**31}, ValueError),
                ({"threads": -1}, ValueError), ({"threads": 10**6}, ValueError),
                ({"device": "cuda:0"}, stance.DeviceError), ({"device": 0}, TypeError),
                ({"refine": "more"}, ValueError), ({"detector_size": 320}, TypeError),
                ({"detector_size": (1, 2, 3)}, TypeError), ({"pose_size": (-5, 9)}, ValueError),
                ({"pose_size": (9, 9)}, ValueError),
                ({"keypoint_set": "moon"}, ValueError), ({"max_people": -1}, ValueError),
                ({"max_people": 2**31 - 1}, ValueError), ({"detector_threshold": "x"}, TypeError),
                ({"detector_threshold": float("nan")}, ValueError),
                ({"pose_oks": float("nan")}, ValueError), ({"thread": 1}, TypeError)):
            with self.subTest(options=options):
                self.refuses(kind, stance.Pipeline, **options)
        self.refuses(TypeError, stance.Pipeline, "stance-pose", "stance-det", 1)
        self.refuses(TypeError, stance.Pipeline, "stance-pose", pose="stance-pose", words="twice")
        self.refuses(stance.DeviceError, stance.Pipeline, device="cuda:0", words="cpu")

    def test_twice(self):
        pipeline = stance.Pipeline(TINY, center=True)
        self.refuses(stance.ArgumentError, pipeline.__init__)
        pipeline.process(PICTURE, "rgb")

    def test_never_opened(self):
        for kind in (stance.Pipeline, stance.Stream, stance.Model, stance.Session, stance.Writer,
                     stance.Tracker):
            empty = kind.__new__(kind)
            self.assertTrue(empty.closed)
            for name in dir(kind):
                if name not in ("closed", "close") and (name == "__enter__" or name[0] != "_"):
                    with self.assertRaises(stance.ClosedError, msg=name):
                        value = getattr(empty, name)
                        value(*WORKING.get(name if name != "process" else kind, ()))
            empty.close()
        for kind in (stance.Frame, stance.Video):
            with self.assertRaises(TypeError):
                kind()

    def test_sessions(self):
        session = stance.Session(ROWS)
        row = np.float32([[1, 2, 3]])
        for inputs, kind in (
                (row.astype(np.float64), TypeError), (row.astype(">f4"), TypeError),
                ([row, row], ValueError), ([], ValueError), ({"y": row}, ValueError), ({}, ValueError),
                (row[:, :2], ValueError), (row[0], ValueError), (np.float32(3), ValueError),
                (np.zeros((1,) * 9, np.float32), ValueError), ("row", TypeError), (None, TypeError),
                (np.array([[None] * 3]), TypeError)):
            with self.subTest(inputs=str(inputs)):
                self.refuses(kind, session.run, inputs)
        self.assertEqual(session.run(row)[0].tolist(), row.tolist())
        self.refuses(stance.ArgumentError, stance.Session, SUM, threads=-3)

    def test_trackers(self):
        for arguments, options, kind in (
                (("fast",), {}, ValueError), ((3,), {}, TypeError),
                (("pose", "moon"), {}, ValueError), ((), {"mode": "magic"}, ValueError),
                ((), {"max_tracks": -1}, ValueError), ((), {"speed": 1}, TypeError),
                ((), {"high_threshold": float("nan")}, ValueError)):
            with self.subTest(arguments=arguments, options=options):
                self.refuses(kind, stance.Tracker, *arguments, **options)
        tracker = stance.Tracker()
        box = [[0, 0, 9, 9]]
        tracker.update(box, [0.9], 1000)
        for arguments, kind in (
                ((box, [0.9], 999), ValueError), ((box, [0.9, 0.1], 2000), ValueError),
                ((box, 0.9, 2000), ValueError), ((box, [0.9], 1.5), TypeError),
                ((box, [0.9], 2000, np.zeros((1, 17, 3))), ValueError),
                ((box, [0.9], 10**20), ValueError), ((box, [0.9]), TypeError)):
            with self.subTest(arguments=arguments):
                self.refuses(kind, tracker.update, *arguments)
        with stance.Tracker("pose", "coco17") as posed:
            self.refuses(ValueError, posed.update, box, [0.9], 0, np.zeros((1, 16, 3)))
        self.assertEqual(tracker.update([[np.nan] * 4], [0.9], 2000), [])
        self.assertEqual(tracker.counts.unusable, 1)

    def test_streams(self):
        with stance.Pipeline(ONE_STAGE) as pipeline, stance.Stream(pipeline) as stream:
            picture = noise(64, 64)
            self.refuses(ValueError, stream.process, picture, "rgb", words="time_us")
            self.refuses(TypeError, stream.process, picture, "rgb", "now")
            stream.process(picture, "rgb", 1000)
            self.refuses(stance.ArgumentError, stream.process, picture, "rgb", 999, words="does not go on")
            self.refuses(ValueError, stream.fill, 1000, "guess")
            self.assertEqual(len(stream.process(picture, "rgb", 1000)), 2)
            for frames, kind in ((3, TypeError), ([3], TypeError), ([(stream, picture)], TypeError),
                                 ([(pipeline, picture, 0)], TypeError),
                                 ([(stream, picture, 9), (stream, picture, 9)] * 40, ValueError),
                                 ([(stream, picture, 2000), (stream, picture, 2000)], ValueError),
                                 ([(stream, picture, None)], ValueError)):
                with self.subTest(frames=kind):
                    self.refuses(kind, stance.process_streams, frames, "rgb")
            with stance.Pipeline(ONE_STAGE) as other, stance.Stream(other) as stranger:
                self.refuses(ValueError, stance.process_streams,
                             [(stream, picture, 2000), (stranger, picture, 2000)], "rgb",
                             words="one pipeline")
            self.assertEqual(stance.process_streams([]), [])
        self.refuses(TypeError, stance.Stream, "stance-pose")
        self.refuses(ValueError, stance.Stream, smoothing="much")

    def test_files(self):
        for function, arguments, kind in (
                (stance.read_image, ("none.png",), FileNotFoundError),
                (stance.read_image, (__file__,), ValueError), (stance.read_image, (3,), TypeError),
                (stance.read_image, ("a\0b",), ValueError),
                (stance.write_image, (FOLDER / "a.gif", PICTURE, "rgb"), ValueError),
                (stance.write_image, (FOLDER / "no/a.png", PICTURE, "rgb"), OSError),
                (stance.read_video, ("none.mp4",), FileNotFoundError),
                (stance.read_video, (__file__,), ValueError),
                (stance.read_video, (small_clip(), "yuv"), ValueError),
                (stance.read_video, ("camera:77",), stance.Error),
                (stance.Writer, (FOLDER / "a.mp4", "source"), TypeError)):
            with self.subTest(function=function, arguments=arguments):
                self.refuses(kind, function, *arguments)
        self.refuses(ValueError, stance.Writer, FOLDER / "a.mp4", crf=99)
        self.refuses(TypeError, stance.read_video, small_clip(), live="no way", speed=2)
        with stance.Writer(FOLDER / "w.mp4") as writer:
            self.refuses(ValueError, writer.add, PICTURE, "rgb", words="time_us")
            self.refuses(TypeError, writer.add, "picture", "rgb", 0)
            writer.add(PICTURE, "rgb", 40000)
            self.refuses(ValueError, writer.add, PICTURE, "rgb", 40000, words="not later")
            writer.add(PICTURE, "rgb", 80000)
        self.assertEqual(len(list(stance.read_video(FOLDER / "w.mp4"))), 2)


class Anything(Case):
    """Calls with whatever there is: each gives a result or an exception of the usual kinds."""

    VALUES = [None, True, 0, -1, 2**31, 2**70, 1.5, float("nan"), float("inf"), "", "rgb", "bgr", "x",
              "a\0", "\ud800", b"", b"\xff\x00", (), [], {}, {"preset": 3}, object(), int, (1, 2), [[]],
              PICTURE, PICTURE[..., 0], PICTURE[::-1], PICTURE.astype(float), np.zeros((0, 4)),
              np.zeros((2, 4)), np.full((3, 4), 1e30), np.ones(3, np.float32), np.float32(1),
              np.zeros((5, 17, 3)), np.array(None), np.array("text"), memoryview(b"abc")]

    def test_is_survived(self):
        random = np.random.default_rng(1)
        pipeline, video = stance.Pipeline(TINY, None), stance.read_video(small_clip())
        handles = [pipeline, stance.Stream(pipeline), stance.Session(SUM), stance.Tracker(), video,
                   stance.Model(TINY), stance.Writer(FOLDER / "any.mp4"), next(video),
                   pipeline.process(PICTURE, "rgb", [[0, 0, 9, 9]])]
        values = self.VALUES + handles
        calls = [getattr(stance, n) for n in stance.__all__ if n not in ("models", "read_video", "card",
                                                                         "Model")]
        calls += [getattr(h, n) for h in handles for n in dir(h)
                  if n[0] != "_" and n not in ("close", "cancel") and callable(getattr(h, n, None))]
        done = 0
        for _ in range(100 if SANITIZED else 300):
            for call in calls:
                chosen = random.integers(0, len(values), random.integers(0, 5))
                try:
                    call(*[values[i] for i in chosen])
                    done += 1
                except (stance.Error, TypeError, ValueError, LookupError, AttributeError, OSError,
                        StopIteration):
                    pass
        self.assertGreater(done, 100)

    def test_a_million_boxes(self):
        pipeline = stance.Pipeline(TINY, None)
        try:
            self.assertLessEqual(len(pipeline.process(PICTURE, "rgb", np.ones((10**6, 4)))), 10**6)
        except stance.Error:
            pass


class Closed(Case):
    def test_handles(self):
        pipeline, model, session = stance.Pipeline(TINY, center=True), stance.Model(TINY), \
            stance.Session(SUM)
        stream, tracker, video = stance.Stream(pipeline), stance.Tracker(), \
            stance.read_video(small_clip())
        writer = stance.Writer(FOLDER / "closed.mp4")
        for handle in (stream, pipeline, model, session, tracker, video, writer):
            self.assertFalse(handle.closed)
            handle.close()
            handle.close()
            self.assertTrue(handle.closed)
            self.refuses(stance.ClosedError, handle.__enter__, words="closed")
        for function, arguments in (
                (pipeline.process, (PICTURE, "rgb")), (stream.process, (PICTURE, "rgb", 0)),
                (stream.fill, (0,)), (stream.reset, ()), (session.run, ([],)), (next, (video,)),
                (tracker.update, ([[0, 0, 1, 1]], [1], 0)), (tracker.predict, (0,)),
                (tracker.reset, ()), (writer.add, (PICTURE, "rgb", 0)), (video.read, ()),
                (stance.Pipeline, (model,)), (stance.Session, (model,)),
                (stance.Stream, (pipeline,)), (stance.Writer, (FOLDER / "x.mp4", video))):
            with self.subTest(function=function):
                self.refuses(stance.ClosedError, function, *arguments, words="closed")

    def test_a_stream_of_a_closed_pipeline(self):
        pipeline = stance.Pipeline(ONE_STAGE)
        stream = stance.Stream(pipeline)
        stream.process(noise(64, 64), "rgb", 0)
        pipeline.close()
        self.refuses(stance.ClosedError, stream.process, noise(64, 64), "rgb", 1)
        self.refuses(stance.ClosedError, stream.fill, 1)
        stream.close()

    def test_errors_are_pickled_as_others(self):
        error = self.refuses(FileNotFoundError, stance.Model, "nowhere", words="nowhere")
        self.assertEqual((error.code, error.name), (-4, "STANCE_ENOTFOUND"))
        self.assertTrue(all(issubclass(getattr(stance, name), stance.Error) for name in dir(stance)
                            if name.endswith("Error")))


class Threads(Case):
    """One handle in several threads: calls wait for each other; closing it ends them with ClosedError."""

    def test_results_do_not_mix(self):
        pipeline = stance.Pipeline(TINY, center=True)
        pictures = [noise(seed=i) for i in range(4)]
        wanted = [pipeline.process(picture, "rgb").keypoints for picture in pictures]
        wrong = []

        def work(picture, keypoints):
            for _ in range(50):
                if not np.array_equal(pipeline.process(picture, "rgb").keypoints, keypoints):
                    wrong.append(picture)

        threads = [threading.Thread(target=work, args=pair) for pair in zip(pictures, wanted)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_closing_under_load(self):
        for _ in range(5):
            pipeline = stance.Pipeline(ONE_STAGE)
            stream, session = stance.Stream(pipeline), stance.Session(ROWS)
            video, tracker = stance.read_video(small_clip()), stance.Tracker()
            row, others = np.ones((1, 3), np.float32), []

            def work(function, *arguments, others=others):
                try:
                    while True:
                        function(*arguments)
                except (stance.ClosedError, stance.CancelledError, StopIteration):
                    pass
                except BaseException:  # pylint: disable=broad-except
                    others.append(sys.exc_info())

            calls = [(pipeline.process, noise(64, 64), "rgb"), (session.run, row), (next, video),
                     (stream.process, noise(64, 64), "rgb", 0), (stream.fill, 0),
                     (tracker.update, [[0, 0, 5, 5]], [1], 0)]
            threads = [threading.Thread(target=work, args=call) for call in calls * 2]
            for thread in threads:
                thread.start()
            for handle in (pipeline, session, video, tracker, stream):
                handle.close()
            for thread in threads:
                thread.join()
            self.assertEqual(others, [])


if __name__ == "__main__":
    unittest.main()
