"""Peers in processes of their own that take turns through a pipe: OpenCV, whose module another Python
may have, and any program that speaks the same way.

A program reads one JSON object a line and answers each with one line:
  {"open": PATH, "shape": [1, 3, 256, 192], "threads": 1}   {"version": "4.6.0"}
  {"run": 5}                                                {"ms": [10.1, 10.2, 10.1, 10.3, 10.1]}
  or {"error": SENTENCE}; it ends when its standard input does."""
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


class Library:
    """`command`: the program and its arguments."""

    def __init__(self, name, command):
        self.name, self.version, self._command = name, None, command

    def open(self, path, threads):
        return Session(self, self._command, path, threads)


class Session:
    def __init__(self, library, command, path, threads):
        self._library, self._path, self._threads = library, path, threads
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL, text=True)

    def _ask(self, question):
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
        except (OSError, ValueError) as error:
            raise RuntimeError(f"{self._library.name}: the process has ended") from error
        if "error" in answer:
            raise RuntimeError(f"{self._library.name}: {answer['error']}")
        return answer

    def bind(self, _, shape):
        """The program makes noise of its own."""
        answer = self._ask({"open": self._path, "shape": list(shape), "threads": self._threads})
        self._library.version = answer["version"]

    def run(self):
        self.timed(1)

    def timed(self, calls):
        return self._ask({"run": calls})["ms"]

    def close(self):
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()


def find_opencv(pythons):
    """OpenCV in the first Python that has it, or None."""
    for python in [*pythons, sys.executable, "/usr/bin/python3"]:
        try:
            subprocess.run([python, "-c", "import cv2"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return Library("OpenCV", [python, str(HERE / "opencv_player.py")])
    return None
