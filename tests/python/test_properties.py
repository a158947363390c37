"""Laws that hold for any picture: batch = single, threads and layout change nothing, scores are scores,
nobody is where nobody is, arrays stay."""

import gc
import unittest

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import ROWS, SANITIZED, TINY, clip, noise, photo, same

import stance

settings.register_profile("stance", deadline=None, max_examples=5 if SANITIZED else 25,
                          derandomize=True, database=None,
                          suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("stance")

SIZES = st.tuples(st.integers(1, 300), st.integers(1, 300))
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def pictures(draw):
    """Noise, flat colours, ramps, patches on a ground; any size."""
    height, width = draw(SIZES)
    random = np.random.default_rng(draw(SEEDS))
    kind = draw(st.sampled_from(["noise", "flat", "ramp", "patches"]))
    if kind == "noise":
        return random.integers(0, 256, (height, width, 3), np.uint8)
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = random.integers(0, 256, 3)
    if kind == "ramp":
        picture[:] = (np.arange(width) * 255 // width)[None, :, None]
    if kind == "patches":
        for _ in range(6):
            top, left = random.integers(0, height), random.integers(0, width)
            picture[top:top + 40, left:left + 30] = random.integers(0, 256, 3)
    return picture


@st.composite
def boxes(draw):
    """Up to ten boxes, also outside of the picture."""
    corner, side = st.floats(-50, 300, width=32), st.floats(1, 200, width=32)
    found = draw(st.lists(st.tuples(corner, corner, side, side), min_size=1, max_size=10))
    return np.float32([(x, y, x + w, y + h) for x, y, w, h in found])


class Laws(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pipelines = {n: stance.Pipeline(threads=n) for n in (1, 2, 3, 4)}
        cls.pose = {n: stance.Pipeline("stance-pose", None, threads=n) for n in (1, 2, 3, 4)}
        cls.tiny = stance.Pipeline(TINY, None)

    @given(pictures(), boxes())
    def test_a_batch_is_its_people_one_by_one(self, picture, given_boxes):
        for pipeline in (self.pose[1], self.tiny):
            together = pipeline.process(picture, "rgb", given_boxes)
            self.assertEqual(len(together), len(given_boxes))
            for i, box in enumerate(given_boxes):
                alone = pipeline.process(picture, "rgb", [box])
                self.assertTrue(np.array_equal(alone.keypoints[0], together.keypoints[i]))
                self.assertTrue(np.array_equal(alone.scores[0], together.scores[i]))

    @given(pictures(), boxes())
    def test_threads_change_nothing(self, picture, given_boxes):
        wanted = self.pose[1].process(picture, "rgb", given_boxes)
        for n in (2, 3, 4):
            self.assertTrue(same(self.pose[n].process(picture, "rgb", given_boxes), wanted))

    def test_threads_change_nothing_on_a_photo(self):
        picture = photo()
        wanted = self.pipelines[1].process(picture, "rgb")
        self.assertEqual(len(wanted), 1)
        for n in (2, 3, 4):
            self.assertTrue(same(self.pipelines[n].process(picture, "rgb"), wanted))

    def test_threads_change_nothing_in_a_stream(self):
        with stance.read_video(clip()) as video:
            frames = [frame for _, frame in zip(range(6), video)]
        wanted, *others = ([stream.process(frame) for frame in frames] for stream in
                           map(stance.Stream, self.pipelines.values()))
        for other in others:
            self.assertTrue(all(map(same, wanted, other)))

    @given(pictures(), boxes())
    def test_scores_are_between_zero_and_one(self, picture, given_boxes):
        for people in (self.pose[1].process(picture, "rgb", given_boxes),
                       self.pipelines[1].process(picture, "rgb")):
            for scores in (people.scores, people.box_scores, people.person_scores):
                self.assertTrue(((scores >= 0) & (scores <= 1)).all(), scores)
            self.assertTrue(np.isfinite(people.keypoints).all())

    @given(SIZES, st.tuples(*[st.integers(0, 255)] * 3))
    def test_nobody_on_a_blank(self, size, colour):
        picture = np.empty((*size, 3), np.uint8)
        picture[:] = colour
        self.assertEqual(len(self.pipelines[1].process(picture, "rgb")), 0)

    @given(SIZES, SEEDS)
    def test_nobody_in_noise(self, size, seed):
        self.assertEqual(len(self.pipelines[1].process(noise(*size, seed), "rgb")), 0)

    @given(st.tuples(*[st.integers(0, 255)] * 3))
    def test_nobody_on_one_pixel(self, colour):
        self.assertEqual(len(self.pipelines[1].process(np.uint8([[colour]]), "bgr")), 0)

    @given(pictures(), boxes(), st.integers(0, 9), st.integers(0, 9))
    def test_layout_changes_nothing(self, picture, given_boxes, top, left):
        height, width = picture.shape[:2]
        whole = np.zeros((height + top + 3, width + left + 5, 3), np.uint8)
        view = whole[top:top + height, left:left + width]
        view[:] = picture
        wanted = self.tiny.process(picture, "rgb", given_boxes)
        self.assertTrue(same(self.tiny.process(view, "rgb", given_boxes), wanted))
        swapped = np.ascontiguousarray(picture[..., ::-1])
        self.assertTrue(same(self.tiny.process(swapped, "bgr", given_boxes), wanted))

    @given(pictures(), boxes())
    def test_arrays_stay_when_the_pipeline_is_gone(self, picture, given_boxes):
        pipeline = stance.Pipeline(TINY, None)
        people = pipeline.process(picture, "rgb", given_boxes)
        kept = [people.keypoints.copy(), people.scores.copy(), people.boxes.copy()]
        pipeline.process(picture[::-1].copy(), "rgb", given_boxes[::-1].copy())
        pipeline.close()
        del pipeline
        gc.collect()
        for array, copy in zip((people.keypoints, people.scores, people.boxes), kept):
            self.assertTrue(np.array_equal(array, copy))
            array += 1

    @given(st.integers(1, 40), SEEDS)
    def test_a_batch_of_a_session_is_its_rows(self, count, seed):
        rows = np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)
        with stance.Session(ROWS) as session:
            (together,) = session.run(rows)
            for row, out in zip(rows, together):
                self.assertTrue(np.array_equal(session.run(row[None])[0][0], out))


if __name__ == "__main__":
    unittest.main()
