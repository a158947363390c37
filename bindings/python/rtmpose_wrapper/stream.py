"""RTMPoseStream: a camera or video read frame by frame, with the people on each."""

import collections
import os

import numpy as np

import stance
from stance.follow import Follower, picture_size

from .wrapper import open_pipeline


class RTMPoseStream:
    """The frames of a camera (its number), a video or picture folder (path), or an address
    (rtsp://…, http://…), and the people on them.

    The networks run on every `inference_gap`-th frame. Of a file the people on the others are laid
    between the two measured frames around them; of a camera or live address they move on as before.
    The other arguments are those of RTMPoseWrapper.
    """

    def __init__(self, camera_index=0, inference_gap=4, device="cpu", *, model_config=None,
                 checkpoint=None, size=None, detector=None, threads=None):
        source = (f"camera:{camera_index}" if isinstance(camera_index, int)
                  else os.fspath(camera_index))
        self.people = None
        self._video = None
        self._ready = collections.deque()
        self._held = None  # the first frame of a new size
        self._failure = None
        self._size = None
        self._follower = Follower(
            open_pipeline(model_config, checkpoint, device, size, detector, threads), inference_gap)
        self._empty = len(self._follower.pipeline.keypoint_set.names)
        try:
            self._video = stance.read_video(source, "bgr", threads=2)
        except BaseException:
            self.release()
            raise

    def read(self):
        """The next frame with its person: (frame, keypoints, scores).

        frame: uint8 (H, W, 3), BGR as OpenCV shows it, the caller's to draw on; None at the end.
        keypoints: (K, 2) in pixels, scores: (K,), of the most prominent person; all 0 where nobody
        is. `people` has everybody on this frame."""
        if not self._ready:
            self._fetch()
        if not self._ready:
            self.people = None
            if self._failure:
                raise self._failure
            return None, None, None
        frame, self.people = self._ready.popleft()
        person = self._follower.choose(self.people)
        if person is None:
            nobody = np.zeros((self._empty, 3), np.float32)
            return frame.image, nobody[:, :2], nobody[:, 2]
        return frame.image, person.keypoints, person.scores

    def _fetch(self):
        follower = self._follower
        if self._video.info.live:
            frame = self._next()
            if frame:
                self._ready.append((frame, follower.process(frame, "bgr", frame.time_us)))
            return
        frames = self._group()
        if frames:
            measured = follower.stream.process(frames[-1])
            for frame in frames[:-1]:
                self._ready.append((frame, follower.stream.fill(frame.time_us)))
            self._ready.append((frames[-1], measured))

    def _group(self):
        """Frames up to the next one to measure. All are of the size of the one measured before: the
        first of another size is a group of its own."""
        frames = []
        while len(frames) < self._follower.gap:
            frame, self._held = self._held or self._next(), None
            if frame is None:
                break
            size = picture_size(frame)
            if size != self._size:
                if frames:
                    self._held = frame
                else:
                    frames, self._size = [frame], size
                break
            frames.append(frame)
        return frames

    def _next(self):
        """The next frame; None at the end, and where the source cannot be read on: read() raises
        the error after the frames before it."""
        if self._video.ended or self._failure:
            return None
        try:
            return self._video.read()
        except stance.Error as error:
            self._failure = error
            return None

    @property
    def info(self):
        """What is known about the video: stance.VideoInfo."""
        return self._video.info

    @property
    def description(self):
        """Models, device and precision in a line."""
        return self._follower.pipeline.description

    @property
    def times(self):
        """Time in each stage so far: stance.Times, in nanoseconds."""
        return self._follower.pipeline.times

    @property
    def counts(self):
        """Frames that were measured and filled: stance.StreamCounts."""
        return self._follower.stream.counts

    def release(self):
        """Closes the source and frees the networks; any number of times."""
        if self._video:
            self._video.close()
        self._follower.close()

    close = release

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()
