"""Pictures to people: the same as the program's, in arrays that belong to the caller."""

import ast
import builtins
import collections.abc
import json
import subprocess
import sys
import unittest

import numpy as np
from samples import (FOLDER, ONE_STAGE, PEOPLE, PROGRAM, ROWS, SANITIZED, SOURCE, SUM, TINY, clip, noise, photo, same,
                     shared)

import stance


class Results(unittest.TestCase):
    def test_are_those_of_the_program(self):
        path = shared("images/coco_mmpose4/000000000785.jpg")
        done = subprocess.run([PROGRAM, "pose", path, "--json", "-"], capture_output=True, check=True)
        wanted = json.loads(done.stdout)
        people = stance.Pipeline().process(photo(), "rgb")
        self.assertEqual(len(people), len(wanted["people"]))
        for person, other in zip(people, wanted["people"]):
            keypoints = np.array(other["keypoints"], np.float32)
            np.testing.assert_allclose(person.keypoints, keypoints[:, :2], atol=0.006)
            np.testing.assert_allclose(person.scores, keypoints[:, 2], atol=0.0006)
            np.testing.assert_allclose(person.box, other["box"], atol=0.006)
            self.assertAlmostEqual(person.score, other["score"], delta=0.001)

    def test_have_shapes_and_types(self):
        people = stance.Pipeline(ONE_STAGE).process(noise(64, 64), "rgb")
        self.assertEqual(len(people), 2)
        for name, shape, kind in (("keypoints", (2, 17, 2), "float32"), ("scores", (2, 17), "float32"),
                                  ("boxes", (2, 4), "float32"), ("box_scores", (2,), "float32"),
                                  ("person_scores", (2,), "float32"), ("ids", (2,), "int64"),
                                  ("detector_classes", (2,), "int32")):
            array = getattr(people, name)
            self.assertEqual((array.shape, array.dtype.name), (shape, kind), name)
            self.assertTrue(array.flags.writeable and array.flags.c_contiguous, name)
        np.testing.assert_allclose(people.boxes[0], PEOPLE[0][0], atol=0.01)
        self.assertEqual((people.width, people.height), (64, 64))

    def test_people_go_one_by_one(self):
        people = stance.Pipeline(ONE_STAGE).process(noise(64, 64), "rgb")
        self.assertEqual([round(person.score, 2) for person in people], [0.9, 0.8])
        person = people[-1]
        x, y, score = person["left_shoulder"]
        self.assertEqual((x, y, score), (*people.keypoints[1, 5], people.scores[1, 5]))
        self.assertEqual(person[5], person["left_shoulder"])
        self.assertEqual(len(people[:1]), 1)
        with self.assertRaises(IndexError):
            people[2]
        with self.assertRaises(KeyError):
            person["tail"]

    def test_no_people_are_empty_arrays(self):
        people = stance.Pipeline().process(np.zeros((40, 50, 3), np.uint8), "bgr")
        self.assertEqual((len(people), people.keypoints.shape, people.boxes.shape),
                         (0, (0, 17, 2), (0, 4)))
        self.assertEqual(list(people), [])

    def test_boxes_only(self):
        people = stance.Pipeline(None).process(photo(), "rgb")
        self.assertEqual((len(people), people.keypoints.shape), (1, (1, 0, 2)))

    def test_centre(self):
        people = stance.Pipeline(TINY, center=True).process(noise(), "rgb")
        self.assertEqual(len(people), 1)

    def test_given_boxes(self):
        pipeline = stance.Pipeline(TINY, None)
        people = pipeline.process(noise(), "rgb", [[1, 2, 30, 40], [5, 5, 50, 45]])
        self.assertEqual(len(people), 2)
        self.assertEqual(people.box_scores.tolist(), [1, 1])
        self.assertEqual(len(pipeline.process(noise(), "rgb", np.zeros((0, 4)))), 0)
        with self.assertRaises(stance.ArgumentError):
            pipeline.process(noise(), "rgb")

    def test_arrays_outlive_everything(self):
        pipeline = stance.Pipeline(ONE_STAGE)
        people = pipeline.process(noise(64, 64), "rgb")
        copies = people.keypoints.copy(), people.boxes.copy()
        row = people[0].keypoints
        for i in range(20):
            pipeline.process(noise(64, 64, i), "rgb")
        pipeline.close()
        del pipeline
        self.assertTrue(np.array_equal(people.keypoints, copies[0]))
        self.assertTrue(np.array_equal(people.boxes, copies[1]))
        del people
        self.assertTrue(np.array_equal(row, copies[0][0]))

    def test_a_streams_own_pipeline_is_closed_with_it(self):
        stream = stance.Stream()
        pipeline = stream.pipeline
        stream.close()
        self.assertTrue(pipeline.closed)
        pipeline = stance.Stream().pipeline  # who has it may go on
        self.assertEqual(len(pipeline.process(noise(), "rgb")), 0)

    def test_description_and_times(self):
        pipeline = stance.Pipeline(TINY, center=True, threads=2)
        self.assertIn("tiny", pipeline.description)
        self.assertIn("2 threads", pipeline.description)
        self.assertEqual(pipeline.times.network, 0)
        pipeline.process(noise(), "rgb")
        self.assertGreater(pipeline.times.network, 0)
        self.assertEqual(pipeline.keypoint_set.name, "coco17")


class Pictures(unittest.TestCase):
    """All of these show the same, and none is copied."""

    def setUp(self):
        self.pipeline = stance.Pipeline(TINY, center=True)
        self.picture = noise()
        self.wanted = self.pipeline.process(self.picture, "rgb")

    def check(self, image, pixels="rgb"):
        self.assertTrue(same(self.pipeline.process(image, pixels), self.wanted))

    def test_channel_order(self):
        self.check(np.ascontiguousarray(self.picture[..., ::-1]), "bgr")

    def test_rows_that_lie_apart(self):
        wide = noise(48, 100, 7)
        wide[:, 20:84] = self.picture
        self.check(wide[:, 20:84])
        tall = noise(96, 64, 8)
        tall[::2] = self.picture
        self.check(tall[::2])

    def test_other_buffers(self):
        self.check(memoryview(self.picture))
        self.check(memoryview(bytes(self.picture.tobytes())).cast("B", (48, 64, 3)))

    def test_read_only(self):
        self.picture.flags.writeable = False
        self.check(self.picture)

    def test_single_row_and_column(self):
        for shape in ((1, 64), (48, 1), (1, 1)):
            with self.subTest(shape=shape):
                part = self.picture[:shape[0], :shape[1]]
                self.assertTrue(same(self.pipeline.process(part, "rgb"),
                                     self.pipeline.process(part.copy(), "rgb")))
        flipped = self.picture[:1][::-1]  # a stride that means nothing
        self.assertTrue(same(self.pipeline.process(flipped, "rgb"),
                             self.pipeline.process(flipped.copy(), "rgb")))

    @unittest.skipIf(SANITIZED, "a sanitizer keeps memory of its own")
    def test_is_not_copied(self):
        def peak():
            with open("/proc/self/status", encoding="ascii") as file:
                return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))

        picture, before = np.ones((6000, 6000, 3), np.uint8), peak()
        self.pipeline.process(picture, "rgb")
        self.pipeline.process(picture[10:, 10:], "bgr")
        self.assertLess(peak() - before, picture.nbytes // 4)

    def test_files(self):
        for name, exact in (("a.png", True), ("a.jpg", False)):
            stance.write_image(FOLDER / name, self.picture, "rgb")
            for pixels, order in (("rgb", 1), ("bgr", -1)):
                read = stance.read_image(FOLDER / name, pixels)
                self.assertEqual((read.shape, read.dtype), (self.picture.shape, np.uint8))
                if exact:
                    self.assertTrue(np.array_equal(read[..., ::order], self.picture))


class Streams(unittest.TestCase):
    def test_ids_stay(self):
        with stance.read_video(clip()) as video, stance.Stream() as stream:
            results = [stream.process(frame) for frame in video]
            self.assertGreater(len(results[0]), 0)
            self.assertLessEqual(set(results[1].ids), set(range(1, 100)))
            self.assertEqual(stream.counts.measured, len(results))
            self.assertEqual(results[1].time_us, 200000)
            self.assertTrue(results[0].detected and results[0].measured)

    def test_fill(self):
        with stance.Pipeline(ONE_STAGE) as pipeline, stance.Stream(pipeline) as stream:
            self.assertEqual(len(stream.fill(0)), 0)
            stream.process(noise(64, 64), "rgb", 0)
            stream.process(noise(64, 64), "rgb", 40000)
            between = stream.fill(20000)
            self.assertEqual((len(between), between.measured), (2, False))
            self.assertEqual(len(stream.fill(50000, "hold")), 2)

    def test_together_is_as_alone(self):
        pipeline = stance.Pipeline()
        picture = photo("bgr")
        pictures = [picture, picture[50:], picture[:, 100:]]
        alone = [[], [], []]
        for results, image in zip(alone, pictures):
            with stance.Stream(pipeline) as stream:
                results += [stream.process(image, "bgr", time) for time in (0, 40000)]
        streams = [stance.Stream(pipeline) for _ in pictures]
        for turn, time in enumerate((0, 40000)):
            people = stance.process_streams([(s, image, time) for s, image in
                                             zip(streams, pictures)], "bgr")
            for one, other in zip(people, alone):
                self.assertTrue(same(one, other[turn]))

    def test_options_of_the_tracker(self):
        with stance.Pipeline(ONE_STAGE) as pipeline:
            with stance.Stream(pipeline, {"preset": "tuned", "mode": "off"}) as stream:
                self.assertEqual(stream.process(noise(64, 64), "rgb", 0).ids.tolist(), [0, 0])
            with self.assertRaises(TypeError):
                stance.Stream(pipeline, {"speed": 3})
            with self.assertRaisesRegex(stance.ArgumentError, "pose"):
                stance.Stream(pipeline, "fast")

    def test_reset_forgets_times(self):
        with stance.Pipeline(ONE_STAGE) as pipeline, stance.Stream(pipeline) as stream:
            first = stream.process(noise(64, 64), "rgb", 10**6)
            stream.reset()
            again = stream.process(noise(64, 64), "rgb", 0)
            self.assertFalse(set(first.ids) & set(again.ids))


class Networks(unittest.TestCase):
    def test_model_tells(self):
        with stance.Model("stance-pose") as model:
            self.assertEqual((model.role, model.path), ("pose", "stance-pose"))
            self.assertEqual(model.inputs, [stance.TensorInfo("input", "float32",
                                                              (None, 3, 256, 192))])
            self.assertEqual([one.name for one in model.outputs], ["simcc_x", "simcc_y"])
        self.assertEqual(stance.Model("stance-det").role, "detector")
        self.assertEqual(stance.Model(ONE_STAGE).role, "one-stage")
        with self.assertRaises(stance.ModelError):
            stance.Model(SUM).role  # pylint: disable=expression-not-assigned

    def test_runs(self):
        left, right = np.float32([1, 2, 3]), np.float32([4, 5, 6])
        with stance.Session(SUM, threads=2) as session:
            for inputs in ([left, right], (left, right), {"right": right, "left": left}):
                (out,) = session.run(inputs)
                self.assertEqual(out.tolist(), [5, 7, 9])
            self.assertIn("2 threads", session.description)
            strided = np.arange(12, dtype=np.float32)[::4]
            self.assertEqual(session.run([strided, strided])[0].tolist(), [0, 8, 16])
            self.assertGreaterEqual(session.memory, 0)
        with stance.Session(ROWS) as session:
            self.assertEqual(session.run(np.float32([[-1, 0, 2]]))[0].tolist(), [[0, 0, 2]])

    def test_outputs_outlive_the_session(self):
        session = stance.Session(SUM)
        (out,) = session.run([np.float32([1]), np.float32([2])])
        session.run([np.float32([5]), np.float32([5])])
        session.close()
        self.assertEqual(out.tolist(), [3])

    def test_models_are_shared(self):
        with stance.Model(TINY) as model:
            pipelines = [stance.Pipeline(model, center=True) for _ in range(3)]
        results = [pipeline.process(noise(), "rgb") for pipeline in pipelines]
        self.assertTrue(same(results[0], results[2]))


class Module(unittest.TestCase):
    @unittest.skipIf(SANITIZED, "a sanitizer takes its time")
    def test_first_result_within_a_quarter_of_a_second(self):
        """Of the processor's time, so that neighbours do not matter; without importing NumPy."""
        code = ("import time, numpy\nbegin = time.process_time()\nimport stance\n"
                "stance.Pipeline().process(numpy.zeros((480, 640, 3), numpy.uint8), 'bgr', "
                "[[100, 100, 300, 400]])\nprint(time.process_time() - begin)")
        times = [float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True,
                                      text=True).stdout) for _ in range(3)]
        self.assertLess(min(times), 0.25)

    def test_stubs_name_what_there_is(self):
        """Every public class, function, method, field and property, and no others."""
        stubs = ast.parse((SOURCE / "bindings/python/stance/__init__.pyi").read_text())
        listed = {name: node for node in stubs.body for name in names_of(node)}
        aliases = {"Pixels", "Path", "Picture", "__version__", "_Handle"}
        self.assertEqual(set(listed) - aliases, {n for n in stance.__all__})
        for name, node in listed.items():
            if isinstance(node, ast.ClassDef):
                kind = class_named(name)
                told = {n for part in node.body for n in names_of(part) if n[0] != "_"}
                inherited = {n for base in node.bases
                             for n in dir(class_named(getattr(base, "value", base).id))}
                self.assertEqual(told, {n for n in dir(kind) if n[0] != "_"} - (inherited - told),
                                 name)

    def test_everything_has_a_docstring(self):
        for name in stance.__all__:
            self.assertTrue(getattr(stance, name).__doc__, name)


def class_named(name):
    """The class that the stubs call so."""
    known = {"Sequence": collections.abc.Sequence, **vars(builtins), **vars(stance._stance),
             **vars(stance)}
    return known.get(name, object)


def names_of(node):
    """What a statement of the stubs names."""
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        return [node.name]
    if isinstance(node, ast.ImportFrom) and node.level:
        return [alias.asname for alias in node.names]
    return [node.target.id] if isinstance(node, ast.AnnAssign) else []


class Known(unittest.TestCase):
    def test_version_and_devices(self):
        self.assertRegex(stance.__version__, r"^\d+\.\d+\.\d+$")
        self.assertEqual(stance.devices()[0].name, "cpu")

    def test_models_and_cards(self):
        self.assertEqual([m.name for m in stance.models()][:2], ["stance-det", "stance-pose"])
        card = stance.card("stance-pose")
        self.assertEqual((card["name"], card["path"]), ("stance-pose", None))
        self.assertIn("rtmpose-m", stance.card_names())
        with self.assertRaises(FileNotFoundError):
            stance.card("nothing")

    def test_keypoint_sets(self):
        coco = stance.keypoint_set("coco17")
        self.assertEqual((len(coco.names), coco.names[0]), (17, "nose"))
        self.assertEqual(coco.names[coco.flip[1]], "right_eye")
        self.assertIn("mediapipe33", stance.keypoint_sets())
        mapped = stance.keypoint_map("coco17", "mediapipe33")
        self.assertEqual((mapped.shape, mapped[11]), ((33,), 5))

    def test_tracker(self):
        with stance.Tracker("pose", "coco17", high_threshold=0.3) as tracker:
            keypoints = np.ones((1, 17, 3))
            (first,) = tracker.update([[0, 0, 10, 20]], [0.9], 0, keypoints)
            (second,) = tracker.update([[1, 0, 11, 20]], [0.9], 40000, keypoints)
            self.assertEqual((first.id, second.id, second.state), (1, 1, "seen"))
            self.assertEqual(tracker.update(np.zeros((0, 4)), [], 80000), [])
            self.assertEqual([t.state for t in tracker.predict(80000)], ["lost"])
            self.assertEqual((tracker.counts.frames, tracker.counts.births), (3, 1))

    def test_evaluate_coco(self):
        picture = {"id": 1, "width": 100, "height": 100, "file_name": "a.png"}
        keypoints = [v for k in range(17) for v in (10.0 + 3 * k, 20.0 + 2 * k, 2)]
        truth = {"images": [picture], "categories": [{"id": 1, "name": "person"}],
                 "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0,
                                  "bbox": [5, 15, 60, 50], "area": 3000, "num_keypoints": 17,
                                  "keypoints": keypoints}]}
        path = FOLDER / "truth.json"
        path.write_text(json.dumps(truth))
        found = [{"image_id": 1, "category_id": 1, "score": np.float32(0.9),
                  "keypoints": np.array(keypoints, np.float32)}]
        numbers = stance.evaluate_coco(path, found)
        self.assertAlmostEqual(numbers["AP"], 1)
        self.assertEqual(numbers, stance.evaluate_coco(str(path), found, metric="coco", kind="keypoints"))
        with self.assertRaises(stance.NotFoundError):
            stance.evaluate_coco(FOLDER / "none.json", found)
        with self.assertRaises(stance.ArgumentError):
            stance.evaluate_coco(path, found, metric="best")


if __name__ == "__main__":
    unittest.main()
