"""The memory of 'stance pose' on its way through a long video: bench/soak and its test share this."""
import fcntl
import json
import os
import pathlib
import statistics
import subprocess
import typing

SAMPLES = 400  # over the whole run
WARM_UP = 0.25  # of the frames: buffers fill, the allocator finds its size
PER = 10000  # frames, of the slope
MOST_SLOPE, MOST_MEMORY = 1.0, 300.0  # MB


class Failed(Exception):
    """The program did not come to the end of the video."""


class Run(typing.NamedTuple):
    frames: int
    people: float  # a frame
    slope: float  # MB of each PER frames, after the warm-up
    memory: float  # MB at most

    def complaints(self):
        if self.slope >= MOST_SLOPE:
            yield f"memory grows by {self.slope:.2f} MB in {PER} frames ({MOST_SLOPE:g} is too much)"
        if self.memory > MOST_MEMORY:
            yield f"{self.memory:.0f} MB are resident, more than {MOST_MEMORY:g}"

    def __str__(self):
        return (f"{self.frames} frames, {self.people:.1f} people a frame: "
                f"{self.slope:+.3f} MB in {PER} frames, at most {self.memory:.1f} MB")


def resident(process):
    """MB; 0 once it has ended."""
    pages = int(pathlib.Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def slope(samples):
    """MB of each PER frames that fits (frame, MB) best, without the warm-up."""
    last = samples[-1][0]
    late = [sample for sample in samples if sample[0] >= WARM_UP * last]
    frames, memory = zip(*late)
    return PER * statistics.linear_regression(frames, memory).slope


def watch(program, arguments, frames, stdin=subprocess.DEVNULL):
    """Runs 'PROGRAM pose ARGUMENTS' to its end. Its lines, written frame by frame, tell where it is."""
    every = max(1, frames // SAMPLES)
    samples, people, done = [], 0, 0
    command = [program, "pose", "--quiet", "--json", "-", *arguments]
    with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE) as process:
        # It waits for its lines to be read, so that it is not far ahead of them.
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        for line in process.stdout:
            done += 1
            if done % every == 0:
                people += len(json.loads(line).get("people", []))
                memory = resident(process.pid)
                samples += [(done, memory)] if memory else []
    if process.returncode or done != frames:
        raise Failed(f"{done} of {frames} frames, exit code {process.returncode}")
    return Run(done, people * every / done, slope(samples), max(memory for _, memory in samples))
