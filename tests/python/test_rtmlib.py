"""stance.rtmlib: rtmlib's interface."""

import functools
import sys
import types
import unittest

from hypothesis import given
from hypothesis import strategies as st
import numpy as np

import samples
from compatibility import Store, photo, shared
import stance
from stance.rtmlib import (RTMO, YOLOX, Animal, Body, BodyWithFeet, Custom, Hand, PoseTracker,
                           RTMDet, RTMPose, Wholebody, draw_bbox, draw_skeleton)
from stance.rtmlib.openpose import from_openpose, to_openpose

RTMDET = "data/models/rtmdet_nano_person_320_rawhead.onnx"
YOLOX_NANO = "data/models/yolox_nano_coco80_416.onnx"
SIMPLEPOSE = "data/models/simplepose_opset9.onnx"
ADDRESS = "https://download.openmmlab.com/mmpose/v1/projects/rtmposev1/onnx_sdk/"


def custom(**options):
    return Custom(**{"det_class": "RTMDet", "det": shared(RTMDET), "pose_class": "RTMPose",
                     "pose": "stance-pose", "threads": 1, **options})


class Pictures(unittest.TestCase):
    def test_gives_two_arrays_best_person_first(self):
        picture = photo("bgr")
        with custom() as solution:
            keypoints, scores = solution(picture)
            people = solution.people(picture)
        self.assertEqual(keypoints.shape, (len(people), 17, 2))
        self.assertEqual(scores.shape, keypoints.shape[:2])
        self.assertLess(np.linalg.norm(keypoints[0, 5] - [406, 106]), 10)

    def test_nobody_is_no_rows(self):
        blank = np.zeros((120, 160, 3), np.uint8)
        for options in ({}, {"compat": "rtmlib"}, {"to_openpose": True}):
            with custom(**options) as solution:
                keypoints, scores = solution(blank)
                self.assertEqual((len(keypoints), len(scores)), (0, 0))
                self.assertIs(draw_skeleton(blank, keypoints, scores), blank)

    def test_networks_of_all_kinds_work(self):
        picture = photo("bgr")
        for options in ({"det_class": "YOLOX", "det": shared(YOLOX_NANO)},
                        {"pose": shared(SIMPLEPOSE)}):
            with custom(**options) as solution:
                keypoints, _ = solution(picture)
            self.assertLess(np.linalg.norm(keypoints[0, 5] - [406, 106]), 15)

    def test_compat_shows_the_pose_network_blue_for_red(self):
        picture = photo("bgr")
        with custom(compat="rtmlib") as solution, custom() as plain:
            found = solution(picture)
            boxes = plain.people(picture).boxes
        with stance.Pipeline("stance-pose", None) as pipeline:
            swapped = pipeline.process(np.ascontiguousarray(picture[:, :, ::-1]), "bgr", boxes)
            right = pipeline.process(picture, "bgr", boxes)
        np.testing.assert_array_equal(found[0], swapped.keypoints)
        np.testing.assert_array_equal(found[1], swapped.scores)
        self.assertGreater(np.abs(found[1] - right.scores).max(), 0.01)

    def test_single_networks_make_up_the_solution(self):
        picture = photo("bgr")
        boxes = RTMDet(shared(RTMDET), threads=1)(picture)
        keypoints, scores = RTMPose("stance-pose", threads=1)(picture, bboxes=boxes)
        with custom() as solution:
            people = solution.people(picture)
        np.testing.assert_array_equal(keypoints[:len(people)], people.keypoints)
        self.assertEqual(YOLOX(shared(YOLOX_NANO), threads=1)(picture).shape[1:], (4,))
        whole, _ = RTMPose("stance-pose", threads=1)(picture[40:390, 280:515])
        self.assertEqual(whole.shape, (1, 17, 2))
        self.assertEqual(len(RTMPose("stance-pose", threads=1)(picture, bboxes=[])[0]), 0)

    def test_views_are_the_picture_that_they_show(self):
        picture = photo("bgr")
        wide = np.zeros((picture.shape[0], 2 * picture.shape[1], 3), np.uint8)
        wide[:, ::2] = picture
        reverse = np.ascontiguousarray(picture[:, :, ::-1])
        for options in ({}, {"compat": "rtmlib"}):
            with custom(**options) as solution:
                keypoints, scores = solution(picture)
                for view in (reverse[:, :, ::-1], wide[:, ::2], picture[::-1].copy()[::-1]):
                    found = solution(view)
                    np.testing.assert_array_equal(found[0], keypoints)
                    np.testing.assert_array_equal(found[1], scores)
            trackers = [PoseTracker(functools.partial(custom, **options)) for _ in range(2)]
            first, second = (tracker(view, 0) for tracker, view in zip(
                trackers, (picture, reverse[:, :, ::-1])))
            np.testing.assert_array_equal(first[0], second[0])
            np.testing.assert_array_equal(first[1], second[1])

    def test_what_is_not_known_is_an_error(self):
        for options in ({"det_class": "SSD"}, {"pose_class": None}, {"backend": "tensorrt"},
                        {"compat": "mmpose"}, {"det": None}, {"det_class": None}):
            with self.assertRaises(stance.ArgumentError, msg=options):
                custom(**options)
        with self.assertRaisesRegex(stance.DeviceError, "cpu"):
            custom(device="cuda")


class Modes(Store):
    def test_a_mode_names_the_models_and_a_missing_one_its_pull(self):
        with Body(mode="balanced", threads=1) as body:
            self.assertRegex(body.description, "yolox-m-humanart.*rtmpose-m")
        for call, name in ((functools.partial(Body, mode="performance"), "yolox-x-humanart"),
                           (BodyWithFeet, "rtmpose-m-halpe26"), (Wholebody, "rtmw-l"),
                           (Hand, "rtmdet-nano-hand"), (Animal, "yolox-m"),
                           (functools.partial(Body, pose="rtmo"), "rtmo-m")):
            with self.assertRaisesRegex(stance.NotFoundError, f"stance models pull {name}"):
                call()
        with self.assertRaisesRegex(stance.ArgumentError, "performance"):
            Body(mode="fastest")

    def test_addresses_name_the_models(self):
        pose = ADDRESS + "rtmpose-m_simcc-body7_pt-body7_420e-256x192-e48f03d0_20230504.zip"
        det = ADDRESS + "yolox_m_8xb8-300e_humanart-c2c7a14a.zip"
        with Body(det=det, det_input_size=(320, 320), pose=pose, pose_input_size=(192, 256),
                  threads=1) as body:
            self.assertRegex(body.description, "yolox-m-humanart.*rtmpose-m")
        with self.assertRaisesRegex(stance.NotFoundError, "stance models import"):
            Body(det="https://example.org/mine.zip")

    def test_every_mode_has_a_preset(self):
        known = {(preset.task, preset.mode) for preset in stance.presets()}
        for solution in (Body, BodyWithFeet, Wholebody, Hand, Animal):
            for mode in ("lightweight", "balanced", "performance"):
                self.assertIn((solution.task, mode), known)


class Tracking(unittest.TestCase):
    def follow(self, tracker, frames=12 if samples.SANITIZED else 40):
        seen = []
        with stance.read_video(shared("data/video/gles_posenet_pexels.mp4"), "bgr") as video:
            for _, frame in zip(range(frames), video):
                keypoints, scores = tracker(frame.image, frame.time_us)
                self.assertEqual(keypoints.shape[:2], scores.shape)
                self.assertEqual(len(keypoints), len(tracker.ids))
                seen.append(tracker.ids.tolist())
        return seen

    def test_people_keep_their_ids_between_detections(self):
        with PoseTracker(functools.partial(custom, mode=None), det_frequency=10) as tracker:
            seen = self.follow(tracker)
            self.assertEqual(len(tracker.people.boxes), len(seen[-1]))
        self.assertGreater(np.mean([len(ids) for ids in seen]), 4)
        self.assertLessEqual(len({id for ids in seen for id in ids}), 9)
        self.assertTrue(all(ids == sorted(set(ids)) for ids in seen))

    def test_parts_are_followed_too(self):
        def compat(**options):
            return custom(compat="rtmlib", **options)
        with PoseTracker(compat, det_frequency=10) as tracker:
            seen = self.follow(tracker)
        self.assertGreater(np.mean([len(ids) for ids in seen]), 4)
        self.assertLessEqual(len({id for ids in seen for id in ids}), 9)

    def test_without_tracking_there_are_no_ids_but_as_many_people(self):
        with PoseTracker(custom, det_frequency=5, tracking=False) as tracker:
            seen = self.follow(tracker, 12)
        self.assertGreater(np.mean([len(ids) for ids in seen]), 4)
        self.assertFalse(any(map(any, seen)))

    def test_a_reset_forgets_everybody(self):
        with PoseTracker(custom) as tracker:
            first = self.follow(tracker, 5)[-1]
            tracker.reset()
            self.assertEqual(len(tracker.ids), 0)
            again = self.follow(tracker, 5)
        self.assertGreater(len(again[0]), 3)
        self.assertFalse(set(first) & set(again[-1]))

    def test_one_stage_networks_need_no_detector(self):
        picture = np.zeros((64, 64, 3), np.uint8)
        mine = str(samples.write("rtmo-mine.onnx", samples.ONE_STAGE.read_bytes()))
        one_stage = functools.partial(Custom, pose_class="RTMO", pose=mine, threads=1)
        for solution in (one_stage(), Body(pose=mine, threads=1), RTMO(mine, threads=1)):
            keypoints, scores = solution(picture)
            self.assertEqual((keypoints.shape, scores.shape), ((2, 17, 2), (2, 17)))
        with PoseTracker(one_stage, det_frequency=10) as tracker:
            for i in range(12):
                tracker(picture, i * 40000)
                self.assertEqual(tracker.ids.tolist(), [1, 2])

    def test_a_bad_frequency_is_an_error(self):
        with self.assertRaises(stance.ArgumentError):
            PoseTracker(custom, det_frequency=0)


class Classes(unittest.TestCase):
    def test_boxes_of_people_agree_with_the_detector_of_people(self):
        picture = photo("bgr")
        options = {"score_thr": 0.5, "threads": 1}
        everything, classes = YOLOX(shared(YOLOX_NANO), mode="multiclass", **options)(picture)
        people = YOLOX(shared(YOLOX_NANO), **options)(picture)
        np.testing.assert_array_equal(everything[classes == 0], people)

    def test_only_the_wanted_classes_are_given(self):
        options = {"score_thr": 0.1, "threads": 1}
        picture = photo("bgr")
        for wanted in ([30], [0, 30], [0], None):  # persons and skis
            detector = YOLOX(shared(YOLOX_NANO), mode="multiclass", det_categories=wanted, **options)
            boxes, classes = detector(picture)
            self.assertEqual(len(boxes), len(classes))
            if wanted:
                self.assertEqual(set(classes), set(wanted))
            else:
                self.assertGreaterEqual(set(classes), {0, 30})

    def test_animals_are_found_by_class(self):
        for wanted in ([0], [0, 2], None):
            with Animal(det=shared(YOLOX_NANO), pose="stance-pose", det_categories=wanted,
                        threads=1) as animal:
                people = animal.people(photo("bgr"))
                self.assertEqual(animal.pipeline is None, wanted == [0, 2])
            self.assertEqual(people.keypoint_set.name, "ap10k17")
            self.assertGreaterEqual(len(people), 1)

    def test_a_detector_of_one_class_finds_that_one(self):
        boxes, classes = YOLOX(shared(RTMDET), mode="multiclass", threads=1)(photo("bgr"))
        self.assertEqual((len(boxes), classes.tolist()), (1, [0]))


class OpenPose(unittest.TestCase):
    def test_the_order_is_openposes(self):
        names = stance.keypoint_set("openpose18").names
        coco = stance.keypoint_set("coco17").names
        keypoints = np.arange(34, dtype=np.float32).reshape(1, 17, 2)
        scores = np.linspace(0.1, 0.9, 17, dtype=np.float32)[None]
        points, values = to_openpose(keypoints, scores)
        for i, name in enumerate(names):
            if name != "neck":
                self.assertEqual(points[0, i].tolist(), keypoints[0, coco.index(name)].tolist())
        self.assertEqual(points[0, 1].tolist(), keypoints[0, 5:7].mean(0).tolist())
        self.assertEqual(values[0, 1], scores[0, 5:7].min())

    @given(st.sampled_from([17, 133]), st.integers(0, 4))
    def test_the_way_back_loses_nothing(self, count, people):
        keypoints = np.random.default_rng(count).uniform(0, 9, (people, count, 2))
        scores = np.random.default_rng(people).uniform(0, 1, (people, count))
        there = to_openpose(keypoints, scores)
        self.assertEqual(there[0].shape, (people, count + 1, 2))
        back = from_openpose(*there)
        np.testing.assert_array_equal(back[0], keypoints)
        np.testing.assert_array_equal(back[1], scores)

    def test_other_sets_stay(self):
        keypoints, scores = np.zeros((1, 26, 2)), np.zeros((1, 26))
        self.assertIs(to_openpose(keypoints, scores)[0], keypoints)


class Drawing(unittest.TestCase):
    def test_every_skeleton_is_drawn(self):
        for openpose, counts in ((False, (17, 21, 26, 133)), (True, (17, 18, 26, 134))):
            for count in counts:
                image = np.zeros((200, 200, 3), np.uint8)
                keypoints = np.random.default_rng(count).uniform(20, 180, (2, count, 2))
                drawn = draw_skeleton(image, keypoints, np.ones((2, count)),
                                      openpose_skeleton=openpose, kpt_thr=0.5)
                self.assertIs(drawn, image)
                self.assertGreater(drawn.any(2).sum(), 300, count)

    def test_weak_keypoints_are_left_out_and_unknown_counts_an_error(self):
        image = np.zeros((50, 50, 3), np.uint8)
        draw_skeleton(image, np.full((1, 17, 2), 20.0), np.full((1, 17), 0.4), kpt_thr=0.5)
        self.assertFalse(image.any())
        with self.assertRaises(stance.UnsupportedError):
            draw_skeleton(image, np.zeros((1, 5, 2)), np.ones((1, 5)))

    def test_one_person_may_come_alone(self):
        image = np.zeros((50, 50, 3), np.uint8)
        draw_skeleton(image, np.full((17, 2), 20.0), np.ones(17))
        self.assertTrue(image.any())

    def test_boxes_are_frames(self):
        image = np.zeros((50, 50, 3), np.uint8)
        self.assertIs(draw_bbox(image, [[10, 10, 30, 40], [-5, -5, 500, 500]], (1, 2, 3)), image)
        self.assertEqual(image[10, 20].tolist(), [1, 2, 3])
        self.assertFalse(image[20, 20].any())


class Examples(Store):
    """The calls of rtmlib's examples, with a stand-in for OpenCV."""

    def setUp(self):
        super().setUp()
        cv2 = types.ModuleType("cv2")
        cv2.imread = lambda path: stance.read_image(path, "bgr")
        cv2.imshow = lambda name, picture: self.shown.append(picture.shape)
        cv2.waitKey = lambda delay=0: -1
        self.shown = []
        self.addCleanup(sys.modules.__setitem__, "cv2", sys.modules.get("cv2"))
        sys.modules["cv2"] = cv2

    def test_a_picture(self):
        names = {"photo": shared("data/images/coco_misc/rtmlib_demo.jpg")}
        exec("""
import cv2
from stance.rtmlib import Body, draw_skeleton
img = cv2.imread(photo)
body = Body(to_openpose=False, mode='balanced', backend='onnxruntime', device='cpu')
keypoints, scores = body(img)
img = draw_skeleton(img, keypoints, scores, kpt_thr=0.5, to_openpose=False)
cv2.imshow('img', img)
cv2.waitKey(0)
""", names)
        self.assertEqual(len(self.shown), 1)
        self.assertGreaterEqual(len(names["keypoints"]), 1)

    def test_a_tracked_video_of_a_custom_solution(self):
        names = {"address": ADDRESS, "video": stance.read_video(
            shared("data/video/mmpose_posetrack_000001.mp4"), "bgr")}
        exec("""
from functools import partial
import cv2
from stance.rtmlib import Custom, PoseTracker, draw_skeleton
custom = partial(Custom,
                 det_class='YOLOX',
                 det=address + 'yolox_m_8xb8-300e_humanart-c2c7a14a.zip',
                 pose_class='RTMPose',
                 pose=address + 'rtmpose-m_simcc-body7_pt-body7_420e-256x192-e48f03d0_20230504.zip',
                 pose_input_size=(192, 256))
pose_tracker = PoseTracker(custom, det_frequency=10, backend='onnxruntime', device='cpu',
                           to_openpose=False)
for frame in video:
    keypoints, scores = pose_tracker(frame.image)
    shown = draw_skeleton(frame.image.copy(), keypoints, scores, openpose_skeleton=False,
                          kpt_thr=0.43)
    cv2.imshow('img', shown)
""", names)
        self.assertEqual(len(self.shown), 5)
