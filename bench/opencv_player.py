"""OpenCV's DNN module as a peer of bench/peers: reads and answers lines as bench/peer_process.py
says."""
import json
import sys
import time

import cv2
import numpy


class Player:
    def __init__(self):
        self._net = None

    def open(self, question):
        cv2.setNumThreads(question["threads"])
        self._net = cv2.dnn.readNetFromONNX(question["open"])
        self._net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
        noise = numpy.random.default_rng(1).uniform(-0.8, 0.8, question["shape"])
        self._net.setInput(noise.astype(numpy.float32))
        self._names = self._net.getUnconnectedOutLayersNames()
        self._net.forward(self._names)
        return {"version": cv2.__version__}

    def run(self, question):
        times = []
        for _ in range(question["run"]):
            start = time.perf_counter_ns()
            self._net.forward(self._names)
            times.append((time.perf_counter_ns() - start) / 1e6)
        return {"ms": times}


def main():
    player = Player()
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = player.open(question) if "open" in question else player.run(question)
        except (cv2.error, OSError) as error:
            answer = {"error": " ".join(str(error).split())[:200]}
        print(json.dumps(answer), flush=True)


main()
