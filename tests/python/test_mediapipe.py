"""stance.mediapipe: MediaPipe's two interfaces."""

import threading
import unittest

from hypothesis import given
from hypothesis import strategies as st
import numpy as np

from compatibility import Store, crowd, photo, shared
import stance
from stance import mediapipe as mp
from stance.landmarks import person_landmarks
from stance.mediapipe.framework.formats import landmark_pb2
from stance.mediapipe.tasks import python
from stance.mediapipe.tasks.python import vision

mp_pose = mp.solutions.pose


class Solution(unittest.TestCase):
    def test_finds_the_person_in_front(self):
        picture = photo("rgb")
        with mp_pose.Pose(static_image_mode=True, min_detection_confidence=0.5) as pose:
            results = pose.process(picture)
        left = results.pose_landmarks.landmark[mp_pose.PoseLandmark.LEFT_SHOULDER]
        self.assertLess(abs(left.x * picture.shape[1] - 406), 10)
        self.assertLess(abs(left.y * picture.shape[0] - 106), 10)
        self.assertEqual(left.z, 0)
        self.assertIsNone(results.pose_world_landmarks)
        self.assertIsNone(results.segmentation_mask)

    def test_nobody_is_none(self):
        for static in (True, False):
            with mp_pose.Pose(static_image_mode=static) as pose:
                self.assertIsNone(pose.process(np.zeros((90, 90, 3), np.uint8)).pose_landmarks)

    def test_follows_a_video(self):
        with mp_pose.Pose() as pose, stance.read_video(
                shared("data/video/mmaction2_demo_skeleton.mp4"), "rgb") as video:
            found = [pose.process(frame.image, frame.time_us).pose_landmarks for frame in video]
        noses = [one.landmark[mp_pose.PoseLandmark.NOSE] for one in found if one]
        self.assertGreater(len(noses), 60)
        steps = [abs(a.x - b.x) for a, b in zip(noses, noses[1:])]
        self.assertLess(max(steps), 0.05)  # never over to the other person

    def test_people_who_are_less_sure_than_wanted_are_left_out(self):
        for options in ({"min_detection_confidence": 0.99}, {"min_tracking_confidence": 2}):
            with mp_pose.Pose(static_image_mode=True, **options) as pose:
                self.assertIsNone(pose.process(photo("rgb")).pose_landmarks)

    def test_masks_are_an_error(self):
        with self.assertRaisesRegex(stance.UnsupportedError, "segmentation"):
            mp_pose.Pose(enable_segmentation=True)

    def test_a_complexity_is_a_size(self):
        for complexity, name in ((0, "rtmpose-t"), (1, "rtmpose-s"), (2, "rtmpose-m")):
            with self.assertRaisesRegex(stance.NotFoundError, name):
                mp_pose.Pose(model_complexity=complexity)
        with self.assertRaises(stance.ArgumentError):
            mp_pose.Pose(model_complexity=3)

    def test_connections_are_mediapipes(self):
        self.assertEqual(len(mp_pose.POSE_CONNECTIONS), 35)
        for pair in ((11, 12), (11, 13), (23, 24), (27, 31)):
            self.assertIn(pair, mp_pose.POSE_CONNECTIONS)
        self.assertEqual([landmark.name.lower() for landmark in mp_pose.PoseLandmark],
                         list(stance.keypoint_set("mediapipe33").names))


class SizedSolution(Store):
    def test_a_complexity_takes_the_models_that_are_here(self):
        with mp_pose.Pose(model_complexity=2) as pose:
            self.assertIn("rtmpose-m", pose.description)


class Landmarks(unittest.TestCase):
    FILLED = {"coco17": 17, "halpe26": 21, "wholebody133": 33}

    def people(self, name, count=1):
        keypoints = len(stance.keypoint_set(name).names)
        points = np.random.default_rng(1).uniform(0, 100, (count, keypoints, 2))
        return stance.People(points, np.full((count, keypoints), 0.5), keypoint_set=name)

    def test_as_many_are_filled_as_the_network_has(self):
        for name, filled in self.FILLED.items():
            landmarks = person_landmarks(self.people(name)[0], 100, 100)
            self.assertEqual(sum(one.visibility > 0 for one in landmarks), filled, name)

    def test_all_sets_of_people_give_places(self):
        for name in ("coco17", "halpe26", "wholebody133", "mpii16", "crowdpose14"):
            for landmark in person_landmarks(self.people(name)[0], 100, 100):
                self.assertTrue(0 <= landmark.x <= 1.01 and 0 <= landmark.y <= 1.01)

    def test_hands_and_animals_are_an_error(self):
        for name in ("hand21", "ap10k17"):
            with self.assertRaises(stance.ArgumentError):
                person_landmarks(self.people(name)[0], 100, 100)

    @given(st.integers(1, 3000), st.integers(1, 3000), st.data())
    def test_a_share_of_the_picture_leads_back_to_the_pixel(self, width, height, data):
        x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
        person = stance.People(np.full((1, 17, 2), [x, y]), np.ones((1, 17)))[0]
        nose = person_landmarks(person, width, height)[0]
        self.assertEqual((int(nose.x * width), int(nose.y * height)), (x, y))


class Tasks(unittest.TestCase):
    def options(self, **options):
        return vision.PoseLandmarkerOptions(
            base_options=python.BaseOptions(), min_pose_detection_confidence=0.3, **options)

    def test_finds_many_people_in_a_picture(self):
        image = mp.Image(image_format=mp.ImageFormat.SRGB, data=crowd("rgb"))
        for most in (1, 3, 20):
            with vision.PoseLandmarker.create_from_options(self.options(num_poses=most)) as task:
                result = task.detect(image)
            self.assertEqual(len(result.pose_landmarks), min(most, 6) if most < 20 else
                             len(result.ids))
            self.assertTrue(all(len(landmarks) == 33 for landmarks in result.pose_landmarks))
        self.assertGreater(len(result.pose_landmarks), 3)

    def test_a_picture_with_alpha_is_the_picture(self):
        rgb = photo("rgb")
        rgba = np.concatenate([rgb, np.full_like(rgb[:, :, :1], 9)], 2)
        with vision.PoseLandmarker.create_from_options(self.options()) as task:
            one = task.detect(mp.Image(mp.ImageFormat.SRGB, data=rgb))
            other = task.detect(mp.Image(mp.ImageFormat.SRGBA, data=rgba))
        self.assertEqual(one.pose_landmarks, other.pose_landmarks)

    def test_people_in_video_keep_their_ids(self):
        seen = []
        with vision.PoseLandmarker.create_from_options(self.options(
                running_mode=vision.RunningMode.VIDEO, num_poses=2)) as task, stance.read_video(
                    shared("data/video/mmaction2_demo_skeleton.mp4"), "rgb") as video:
            for frame in video:
                image = mp.Image(mp.ImageFormat.SRGB, data=frame.image)
                seen.append(task.detect_for_video(image, frame.time_us // 1000).ids)
        self.assertGreater(sum(len(ids) == 2 for ids in seen), 50)
        self.assertLessEqual(len({id for ids in seen for id in ids}), 3)

    def test_a_live_stream_calls_back(self):
        results, done = [], threading.Event()

        def callback(result, image, timestamp_ms):
            results.append((len(result.pose_landmarks), image, timestamp_ms))
            done.set()
        image = mp.Image(mp.ImageFormat.SRGB, data=photo("rgb"))
        with vision.PoseLandmarker.create_from_options(self.options(
                running_mode=vision.RunningMode.LIVE_STREAM, result_callback=callback)) as task:
            for i in range(30):
                task.detect_async(image, i * 33)
        self.assertTrue(done.wait(30))
        times = [time for _, _, time in results]
        self.assertEqual(times, sorted(set(times)))
        self.assertEqual(times[-1], 29 * 33)  # the newest is never dropped
        self.assertTrue(all(count == 1 and shown is image for count, shown, _ in results))

    def test_an_error_of_the_callback_comes_out_of_the_next_call(self):
        called = threading.Event()

        def callback(*_):
            called.set()
            raise RuntimeError("mine")
        image = mp.Image(mp.ImageFormat.SRGB, data=np.zeros((64, 64, 3), np.uint8))
        with vision.PoseLandmarker.create_from_options(self.options(
                running_mode=vision.RunningMode.LIVE_STREAM, result_callback=callback)) as task:
            task.detect_async(image, 0)
            self.assertTrue(called.wait(30))
            with self.assertRaisesRegex(RuntimeError, "mine"):
                for i in range(1, 1000):
                    task.detect_async(image, i)
                    threading.Event().wait(0.005)

    def test_times_that_do_not_rise_are_an_error_once(self):
        image = mp.Image(mp.ImageFormat.SRGB, data=np.zeros((64, 64, 3), np.uint8))
        with vision.PoseLandmarker.create_from_options(
                self.options(running_mode=vision.RunningMode.VIDEO)) as task:
            task.detect_for_video(image, 100)
            for time in (100, 50, 1.5, None):
                with self.assertRaises(stance.ArgumentError):
                    task.detect_for_video(image, time)
            task.detect_for_video(image, 133)

    def test_a_call_of_another_mode_is_an_error(self):
        image = mp.Image(mp.ImageFormat.SRGB, data=np.zeros((64, 64, 3), np.uint8))
        with vision.PoseLandmarker.create_from_options(self.options()) as task:
            with self.assertRaises(ValueError):
                task.detect_for_video(image, 0)
            with self.assertRaises(ValueError):
                task.detect_async(image, 0)

    def test_what_cannot_be_had_is_an_error(self):
        gpu = python.BaseOptions(delegate=python.BaseOptions.Delegate.GPU)
        with self.assertRaisesRegex(stance.DeviceError, "cpu"):
            vision.PoseLandmarker.create_from_options(vision.PoseLandmarkerOptions(gpu))
        with self.assertRaises(stance.UnsupportedError):
            vision.PoseLandmarker.create_from_options(self.options(output_segmentation_masks=True))
        with self.assertRaisesRegex(stance.NotFoundError, "rtmpose-m"):
            vision.PoseLandmarker.create_from_model_path("pose_landmarker_heavy.task")
        with self.assertRaises(stance.UnsupportedError):
            vision.PoseLandmarker.create_from_model_path("face.tflite")
        with self.assertRaises(ValueError):
            vision.PoseLandmarker.create_from_options(self.options(num_poses=0))
        with self.assertRaises(ValueError):
            vision.PoseLandmarker.create_from_options(
                self.options(running_mode=vision.RunningMode.LIVE_STREAM))
        for data in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8),
                     np.zeros((4, 4, 3))):
            with self.assertRaises(ValueError):
                mp.Image(mp.ImageFormat.SRGB, data=data)


class Drawing(unittest.TestCase):
    def draw(self, landmarks, size=(100, 100), **options):
        image = np.zeros((*size, 3), np.uint8)
        mp.solutions.drawing_utils.draw_landmarks(image, landmarks, **options)
        return image

    def test_draws_landmarks_and_lines_in_their_colours(self):
        landmarks = landmark_pb2.NormalizedLandmarkList()
        landmarks.landmark.extend(landmark_pb2.NormalizedLandmark(x=x, y=0.5, z=0)
                                  for x in (0.2, 0.8))
        spec = mp.solutions.drawing_utils.DrawingSpec
        image = self.draw(landmarks, connections=[(0, 1)],
                          landmark_drawing_spec=spec((1, 2, 3), 2, 3),
                          connection_drawing_spec=spec((7, 8, 9), 2))
        self.assertEqual(image[50, 20].tolist(), [1, 2, 3])
        self.assertEqual(image[50, 50].tolist(), [7, 8, 9])
        self.assertFalse(image[:40].any() or image[60:].any())

    def test_draws_through_the_tasks_names(self):
        landmarks = landmark_pb2.NormalizedLandmarkList()
        for _ in mp_pose.PoseLandmark:
            landmarks.landmark.add(x=0.1, y=0.5)
        landmarks.landmark[12].x = 0.9
        image = np.zeros((100, 100, 3), np.uint8)
        vision.drawing_utils.draw_landmarks(
            image=image, landmark_list=landmarks.landmark,
            connections=vision.PoseLandmarksConnections.POSE_LANDMARKS,
            landmark_drawing_spec=vision.drawing_styles.get_default_pose_landmarks_style(),
            connection_drawing_spec=vision.drawing_utils.DrawingSpec(color=(0, 255, 0)))
        self.assertEqual(image[50, 50].tolist(), [0, 255, 0])
        self.assertEqual({(line.start, line.end) for line in
                          vision.PoseLandmarksConnections.POSE_LANDMARKS},
                         set(mp_pose.POSE_CONNECTIONS))

    def test_what_is_not_seen_is_not_drawn(self):
        mark = landmark_pb2.NormalizedLandmark
        for landmark in (mark(0.5, 0.5, visibility=0.1), mark(1.2, 0.5), mark(float("nan"), 0.5)):
            self.assertFalse(self.draw([landmark]).any())
        self.assertFalse(self.draw(None).any())

    def test_draws_a_person_in_the_default_style(self):
        picture = photo("rgb")
        with mp_pose.Pose(static_image_mode=True) as pose:
            results = pose.process(picture)
        drawn = picture.copy()
        mp.solutions.drawing_utils.draw_landmarks(
            drawn, results.pose_landmarks, mp_pose.POSE_CONNECTIONS,
            mp.solutions.drawing_styles.get_default_pose_landmarks_style())
        changed = (drawn != picture).any(2)
        ys, xs = np.nonzero(changed)
        self.assertTrue(270 < xs.min() and xs.max() < 530 and 40 < ys.min() and ys.max() < 400)
        self.assertGreater(changed.sum(), 1000)

    @given(st.lists(st.tuples(st.floats(), st.floats()), max_size=5), st.integers(1, 40),
           st.integers(1, 40))
    def test_nothing_breaks_it(self, places, height, width):
        landmarks = [landmark_pb2.NormalizedLandmark(x=x, y=y) for x, y in places]
        pairs = [(i, i + 1) for i in range(len(places) - 1)]
        self.draw(landmarks, (height, width), connections=pairs)

    def test_a_bad_picture_or_connection_is_an_error(self):
        with self.assertRaises(ValueError):
            mp.solutions.drawing_utils.draw_landmarks(np.zeros((9, 9), np.uint8), [])
        with self.assertRaises(ValueError):
            self.draw([], connections=[(0, 1)])
