"""stance.body_metrics: measures of a body."""

import math
import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import compatibility  # noqa: F401: settings of the property tests
import stance

NAMES = stance.keypoint_set("coco17").names
#: Arms down and out at right angles, legs straight: a doll in pixels.
DOLL = {"left_shoulder": (60, 40), "right_shoulder": (40, 40), "left_elbow": (60, 60),
        "right_elbow": (40, 60), "left_wrist": (80, 60), "right_wrist": (20, 60),
        "left_hip": (58, 80), "right_hip": (42, 80), "left_knee": (58, 100),
        "right_knee": (42, 100), "left_ankle": (58, 120), "right_ankle": (42, 120)}


def person(points, scores=None):
    keypoints = np.array([[points.get(name, (0, 0)) for name in NAMES]], np.float32)
    seen = np.array([[1.0 if name in points else 0.0 for name in NAMES]], np.float32)
    return stance.People(keypoints, seen if scores is None else [scores])[0]


class BodyMetrics(unittest.TestCase):
    def test_measures_a_doll(self):
        metrics = stance.body_metrics(person(DOLL))
        self.assertEqual(metrics["shoulder_width"], 20)
        self.assertEqual(metrics["hip_width"], 16)
        self.assertEqual(metrics["torso"], 40)
        self.assertEqual(metrics["shoulder_center"], (50, 40))
        self.assertEqual(metrics["shoulder_to_hip"], 1.25)
        self.assertEqual((metrics["shoulder_tilt"], metrics["torso_lean"]), (0, 0))
        self.assertAlmostEqual(metrics["angles"]["left_elbow"], 90)
        self.assertAlmostEqual(metrics["angles"]["right_knee"], 180)

    def test_what_is_not_seen_is_none(self):
        points = {name: place for name, place in DOLL.items() if name != "left_shoulder"}
        metrics = stance.body_metrics(person(points))
        self.assertIsNone(metrics["shoulder_width"])
        self.assertIsNone(metrics["torso"])
        self.assertIsNone(metrics["angles"]["left_elbow"])
        self.assertEqual(metrics["hip_width"], 16)
        self.assertAlmostEqual(metrics["angles"]["right_elbow"], 90)

    def test_a_person_seen_from_behind_is_as_level(self):
        points = dict(DOLL, left_shoulder=(40, 44), right_shoulder=(60, 40))
        tilt = stance.body_metrics(person(points))["shoulder_tilt"]
        self.assertAlmostEqual(tilt, -math.degrees(math.atan2(4, 20)))

    @given(st.floats(-180, 180), st.floats(0.1, 10), st.floats(-500, 500))
    def test_angles_stay_when_the_body_is_turned_moved_and_scaled(self, turn, scale, by):
        c, s = math.cos(math.radians(turn)) * scale, math.sin(math.radians(turn)) * scale
        turned = {name: (c * x - s * y + by, s * x + c * y - by) for name, (x, y) in DOLL.items()}
        a, b = (stance.body_metrics(person(points)) for points in (DOLL, turned))
        for name, angle in a["angles"].items():
            self.assertAlmostEqual(angle, b["angles"][name], delta=0.05)
        self.assertAlmostEqual(b["torso"], a["torso"] * scale, delta=0.01)

    @given(st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)), min_size=17,
                    max_size=17),
           st.lists(st.floats(0, 1), min_size=17, max_size=17))
    def test_any_person_has_finite_measures(self, points, scores):
        metrics = stance.body_metrics(person(dict(zip(NAMES, points)), scores))
        for angle in metrics["angles"].values():
            self.assertTrue(angle is None or 0 <= angle <= 180)
        for name in ("shoulder_width", "torso", "shoulder_tilt", "torso_lean"):
            self.assertTrue(metrics[name] is None or math.isfinite(metrics[name]))
