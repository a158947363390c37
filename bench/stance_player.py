"""stance's side of bench/video through Python, a process of its own: a Stream on a video, without drawing.
Takes its settings as one JSON argument and prints one JSON line."""
import json
import sys
import time

import numpy
import stance


def play(wanted):
    people, keypoints = [], []
    tracker = "pose" if wanted["tracking"] else {"preset": "pose", "mode": "off"}
    with stance.Pipeline(wanted["pose"], wanted["detector"], threads=wanted["threads"],
                         detector_threshold=wanted["threshold"]) as pipeline, \
            stance.Stream(pipeline, tracker, detect_every=wanted["detect_every"]) as stream:
        start = time.perf_counter()
        with stance.read_video(wanted["video"]) as video:
            for frame in video:
                found = stream.process(frame)
                people.append(len(found))
                keypoints.append(numpy.dstack([found.keypoints, found.scores]))
                if len(people) == wanted["frames"]:
                    break
        seconds = time.perf_counter() - start
    return {"fps": len(people) / seconds, "people": people,
            "keypoints": [numpy.round(frame, 2).tolist() for frame in keypoints]}


print(json.dumps(play(json.loads(sys.argv[1]))))
