"""The self-test: python -m rtmpose_wrapper [--video FILE] [--headless], and --check."""

import argparse
import os
import sys
import time

import stance
from stance.zoo import sizes

from .stream import RTMPoseStream


def check():
    """What is here: version, devices, models."""
    print(f"stance {stance.__version__}")
    print("devices:")
    for device in stance.devices():
        print(f"  {device.name}: {device.description}")
    print("models found:")
    for model in stance.models():
        print(f"  {model.name}: {model.bytes / 1e6:.1f} MB, {model.path or 'built in'}")
    return 0


def open_window(wanted):
    """OpenCV to show frames with, or None. Without a display it would end the process."""
    if not wanted:
        return None
    why = "there is no display"
    if any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY"))) or sys.platform != "linux":
        try:
            import cv2
            return cv2
        except ImportError:
            why = "OpenCV is not installed"
    print(f"no window: {why}; --headless says that none is wanted", file=sys.stderr)
    return None


def show(cv2, frame, people):
    """Draws and shows a frame. Answers whether to go on."""
    cv2.imshow("rtmpose_wrapper", stance.draw(frame, people, "bgr"))
    return cv2.waitKey(1) not in (27, ord("q"))


def report(stream, frames, seconds, people):
    counts, times = stream.counts, stream.times
    rate = f"{frames / seconds:.1f} FPS" if seconds else "no time"
    print(f"{frames} frames in {seconds:.2f} s: {rate}, reading included")
    print(f"{counts.measured} measured, {counts.filled} between them, the detector ran on "
          f"{counts.detections}; {people / max(frames, 1):.1f} people a frame, {counts.people} ids")
    print("a measured frame took: " + ", ".join(
        f"{name} {value / max(counts.measured, 1) / 1e6:.2f} ms"
        for name, value in zip(times._fields, times)))


def run(options):
    source = options.video if options.video is not None else options.camera
    cv2 = open_window(not options.headless)
    with RTMPoseStream(source, options.inference_gap, options.device, size=options.size,
                       checkpoint=options.checkpoint, threads=options.threads) as stream:
        frames = people = 0
        start = time.monotonic()
        try:
            while options.frames is None or frames < options.frames:
                frame, _, _ = stream.read()
                if frame is None:
                    break
                frames += 1
                people += len(stream.people)
                if cv2 and not show(cv2, frame, stream.people):
                    break
        except KeyboardInterrupt:
            pass
        report(stream, frames, time.monotonic() - start, people)
    return 0 if frames else 1


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m rtmpose_wrapper",
                                     description="Tries the networks on a camera or video.")
    parser.add_argument("--check", action="store_true", help="say what is here, and end")
    parser.add_argument("--camera", type=int, default=0, help="number of the camera; 0")
    parser.add_argument("--video", help="a file, folder or address instead of a camera")
    parser.add_argument("--headless", action="store_true", help="no window")
    parser.add_argument("--frames", type=int, help="end after so many")
    parser.add_argument("--size", choices=sizes(), help="models; built-in ones")
    parser.add_argument("--checkpoint", help="pose network: ONNX file, name, or .pth beside one")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--inference-gap", type=int, default=4, help="infer on every Nth frame; 4")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args(arguments)
    try:
        return check() if options.check else run(options)
    except stance.Error as error:
        print(f"rtmpose_wrapper: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
