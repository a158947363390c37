"""rtmpose_wrapper: the interface of its users, on stance."""

import contextlib
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np

from compatibility import BUILTIN, Store, photo, quiet, shared
import rtmpose_wrapper
import stance
from rtmpose_wrapper import PoseLandmark, RTMPoseStream, RTMPoseWrapper

CLIP = "data/video/mmaction2_S001C001P001R001A001_rgb.avi"


def wrapper(**options):
    return quiet(RTMPoseWrapper, **{"threads": 1, **options})


def stream(*arguments, **options):
    return quiet(RTMPoseStream, *arguments, **{"threads": 1, **options})


class Process(unittest.TestCase):
    def test_landmarks_are_the_keypoints_in_shares_of_the_picture(self):
        picture = photo("rgb")
        height, width = picture.shape[:2]
        with wrapper() as pose:
            result = pose.process(picture, 0)
        landmarks = result["pose_landmarks"].landmark
        self.assertEqual(len(landmarks), 33)
        for name, index in (("LEFT_SHOULDER", 5), ("RIGHT_SHOULDER", 6), ("LEFT_HIP", 11)):
            landmark = landmarks[PoseLandmark[name]]
            x, y = result["keypoints"][index]
            self.assertEqual(int(landmark.x * width), int(x + 0.5))
            self.assertEqual(int(landmark.y * height), int(y + 0.5))
            self.assertAlmostEqual(landmark.visibility, float(result["scores"][index]), places=5)
            self.assertEqual(landmark.z, 0)

    def test_nobody_is_none(self):
        with wrapper() as pose:
            for picture in (np.zeros((240, 320, 3), np.uint8), np.zeros((1, 1, 3), np.uint8)):
                result = pose.process(picture)
                self.assertIsNone(result["pose_landmarks"])
                self.assertEqual(len(result["people"]), 0)

    def test_landmarks_without_a_keypoint_lie_at_their_neighbour_unseen(self):
        with wrapper() as pose:
            landmarks = pose.process(photo("rgb"), 0)["pose_landmarks"].landmark
        for place, neighbour in ((PoseLandmark.LEFT_INDEX, PoseLandmark.LEFT_WRIST),
                                 (PoseLandmark.MOUTH_LEFT, PoseLandmark.NOSE),
                                 (PoseLandmark.RIGHT_HEEL, PoseLandmark.RIGHT_ANKLE)):
            self.assertEqual(landmarks[place].visibility, 0)
            self.assertEqual((landmarks[place].x, landmarks[place].y),
                             (landmarks[neighbour].x, landmarks[neighbour].y))

    def test_networks_run_on_every_gap_th_frame(self):
        picture = photo("rgb")
        with wrapper(inference_gap=4) as pose:
            measured = [pose.process(picture, 33333 * i)["people"].measured for i in range(9)]
        self.assertEqual([i for i, one in enumerate(measured) if one], [0, 4, 8])

    def test_a_picture_of_another_size_is_measured(self):
        picture = photo("rgb")
        with wrapper(inference_gap=8) as pose:
            pose.process(picture, 0)
            result = pose.process(picture[:300], 33333)
        self.assertTrue(result["people"].measured)
        self.assertEqual(result["people"].height, 300)

    def test_closing_twice_is_fine_and_using_after_is_an_error(self):
        pose = wrapper()
        pose.close()
        pose.close()
        with self.assertRaises(stance.ClosedError):
            pose.process(np.zeros((10, 10, 3), np.uint8))

    def test_a_bad_picture_is_an_error_and_the_next_one_works(self):
        with wrapper() as pose:
            for picture in (None, np.zeros((10, 10), np.uint8), np.zeros((10, 10, 3)), "x"):
                with self.assertRaises((TypeError, ValueError)):
                    pose.process(picture)
            self.assertIsNotNone(pose.process(photo("rgb"))["pose_landmarks"])

    def test_views_and_read_only_pictures_are_taken(self):
        bgr = photo("bgr")
        bgr.flags.writeable = False
        with wrapper(inference_gap=1) as pose:
            first = pose.process(photo("rgb"), 0)["keypoints"]
            pose.reset()
            np.testing.assert_array_equal(pose.process(bgr[:, :, ::-1], 0)["keypoints"], first)

    def test_a_bad_gap_is_an_error(self):
        for gap in (0, -1, 2.5, "4", 10 ** 6):
            with self.assertRaises(stance.ArgumentError):
                wrapper(inference_gap=gap)


class Models(Store):
    def test_a_device_that_is_not_there_raises_and_lists_what_is(self):
        with self.assertRaisesRegex(stance.DeviceError, r"cuda:0.*cpu"):
            wrapper(device="cuda:0")

    def test_the_start_line_names_models_device_and_precision(self):
        line = io.StringIO()
        with contextlib.redirect_stderr(line):
            RTMPoseWrapper(size="s", threads=1).close()
        self.assertRegex(line.getvalue(), rf"^stance {stance.__version__}: "
                         r".*rtmdet-nano.*rtmpose-s.*cpu.*float32\n$")

    def test_a_checkpoint_is_the_onnx_file_beside_it(self):
        shutil.copy(BUILTIN / "stance-pose.onnx", self.folder / "mine.onnx")
        with wrapper(checkpoint=self.folder / "mine.pth") as pose:
            self.assertIn("mine", pose.description)

    def test_a_checkpoint_is_the_model_of_its_name(self):
        for checkpoint in ("models/rtmpose-s_256x192.pth", "rtmpose-s.pth", "rtmpose-s",
                           "rtmpose-s_simcc-body7_pt-body7_420e-256x192-acd4a1ef_20230504.pth"):
            with wrapper(checkpoint=checkpoint) as pose:
                self.assertIn("rtmpose-s", pose.description, checkpoint)

    def test_of_a_configuration_the_name_is_used(self):
        with wrapper(model_config="a/rtmpose-s_8xb256-420e_coco-256x192.py") as pose:
            self.assertIn("rtmpose-s", pose.description)

    def test_a_checkpoint_that_leads_nowhere_names_the_export(self):
        for checkpoint in ("nothing.pth", "rtmpose-l_256x192.pth"):
            with self.assertRaisesRegex(
                    stance.NotFoundError, rf"python3 -m stance_train convert {checkpoint} -o"):
                wrapper(checkpoint=checkpoint)

    def test_a_size_that_is_not_here_names_the_pull(self):
        with self.assertRaisesRegex(stance.NotFoundError, "stance models pull rtmpose-t"):
            wrapper(size="t")
        with self.assertRaisesRegex(stance.ArgumentError, "t, s, m, l, x"):
            wrapper(size="huge")


class Streams(unittest.TestCase):
    def test_reads_all_frames_with_their_person(self):
        count = seen = 0
        with stream(shared(CLIP), 4) as video:
            while True:
                frame, keypoints, scores = video.read()
                if frame is None:
                    break
                self.assertEqual(frame.shape, (1080, 1920, 3))
                self.assertEqual((keypoints.shape, scores.shape), ((17, 2), (17,)))
                count += 1
                seen += bool(scores[5] > 0.3 and scores[6] > 0.3)
            self.assertEqual((keypoints, scores, video.people), (None, None, None))
            self.assertEqual(video.read(), (None, None, None))
            self.assertEqual(video.counts.measured, 1 + -(-(count - 1) // 4))
        self.assertEqual(count, 103)
        self.assertGreater(seen, 95)

    def test_a_gap_moves_the_people_little(self):
        def shoulders(gap):
            with stream(shared("data/video/mmaction2_demo_skeleton.mp4"), gap) as video:
                result = []
                while (read := video.read())[0] is not None:
                    result.append(read[1][5:7])
            return np.array(result)
        every, fourth = shoulders(1), shoulders(4)
        self.assertEqual(every.shape, fourth.shape)
        self.assertLess(np.median(np.linalg.norm(every - fourth, axis=2)), 12)

    def test_gives_zeros_where_nobody_is(self):
        path = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        for i in range(6):
            stance.write_image(path / f"{i}.png", np.zeros((64, 64 + i // 3, 3), np.uint8), "rgb")
        with stream(path, 4) as video:
            sizes = []
            while (read := video.read())[0] is not None:
                sizes.append(read[0].shape[1])
                self.assertFalse(read[1].any() or read[2].any())
                self.assertEqual(len(video.people), 0)
        self.assertEqual(sizes, [64, 64, 64, 65, 65, 65])

    def test_pictures_of_many_sizes_are_a_scene_each(self):
        path = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        picture = photo("rgb")
        for i in range(4):
            stance.write_image(path / f"{i}.png", picture[:, :640 - 8 * i], "rgb")
        with stream(path, 3) as video:
            found = []
            while (read := video.read())[0] is not None:
                found.append(len(video.people))
        self.assertEqual(found, [1, 1, 1, 1])

    def test_a_file_that_is_cut_off_gives_its_frames_and_then_the_error(self):
        whole = pathlib.Path(shared("data/video/felix_exercise.avi")).read_bytes()
        path = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "cut.avi"
        path.write_bytes(whole[:len(whole) // 10])

        def count(read):
            counted = 0
            with self.assertRaises(stance.FormatError):
                while read() is not None:
                    counted += 1
            return counted
        with stream(path, 7) as video, stance.read_video(path) as plain:
            frames = count(plain.read)
            self.assertGreater(frames, 7)
            self.assertEqual(count(lambda: video.read()[0]), frames)

    def test_a_source_that_is_not_there_is_an_error(self):
        with self.assertRaises(stance.NotFoundError):
            stream("nothing.mp4")
        with self.assertRaises(stance.Error):
            stream(4711)


class Page(Store):
    """The blocks of the page that says what the wrapper's users have."""

    def test_the_users_code_runs(self):
        page = pathlib.Path(shared("reference/seeds-api.md")).read_text()
        section = page[page.index("## A."):page.index("## B.")]
        blocks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
        self.assertTrue(blocks)
        (self.folder / "models/rtmpose").mkdir(parents=True)
        shutil.copy(BUILTIN / "stance-pose.onnx",
                    self.folder / "models/rtmpose/rtmpose-s_256x192.onnx")
        clip = shared(CLIP)
        rgb = photo("rgb")
        for block in blocks:
            # The two substitutions: a device that is here, a clip for the camera.
            block = block.replace("'cuda:0'", "'cpu'").replace("camera_index=0",
                                                               f"camera_index={clip!r}")
            names = {"rgb_frame": rgb, "h": rgb.shape[0], "w": rgb.shape[1]}
            quiet(exec, block, names)
            self.assertTrue(0 < names["x"] < rgb.shape[1] and 0 < names["y"] < rgb.shape[0])
            self.assertEqual(names["frame"].shape, (1080, 1920, 3))
            self.assertGreater(names["scores"][[5, 6]].min(), 0.3)


class Program(unittest.TestCase):
    def run_program(self, *arguments, **options):
        return subprocess.run([sys.executable, "-m", "rtmpose_wrapper", *arguments], text=True,
                              capture_output=True, timeout=300, **options)

    def test_check_says_what_is_here(self):
        done = self.run_program("--check")
        self.assertEqual(done.returncode, 0, done.stderr)
        for word in (stance.__version__, "cpu", "stance-pose", "stance-det"):
            self.assertIn(word, done.stdout)

    def test_tries_a_video_without_a_window(self):
        done = self.run_program("--video", shared(CLIP), "--headless", "--frames", "20")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?s)20 frames in .* FPS.*network \d+\.\d+ ms")

    def test_without_a_display_it_says_so_and_goes_on(self):
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
        done = self.run_program("--video", shared(CLIP), "--frames", "2", env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("no window: there is no display", done.stderr)

    def test_ends_with_a_sentence_without_a_camera_or_device(self):
        for arguments in (["--camera", "4711"], ["--device", "cuda:0"], ["--video", "nothing.mp4"]):
            done = self.run_program("--headless", *arguments)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"rtmpose_wrapper: .+\n$")
            self.assertNotIn("Traceback", done.stderr)


class Exports(unittest.TestCase):
    def test_has_the_names_of_its_users(self):
        self.assertEqual(len(PoseLandmark), 33)
        self.assertEqual(PoseLandmark.LEFT_SHOULDER, 11)
        for name in rtmpose_wrapper.__all__:
            self.assertTrue(hasattr(rtmpose_wrapper, name))
