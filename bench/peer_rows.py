"""The rows of a comparison with other runtimes: opening the libraries, taking turns, what a row says."""
import json
import os
import pathlib
import subprocess
import sys
import time

import networks
import ort_library
import peer_process
import rotation
import stance_library

ROOT = networks.ROOT
NOISY = 0.25  # of the ratio between its quarter points: such a row is marked
WAVERS = 0.1  # of the machine's peak before and behind a row: it is marked too
LARGE = 5  # thousand millions of multiply-adds: such networks have no batches
# name of a ratio in floors.RATIOS: whose time over whose
RATIOS = {"float": ("onnxruntime", "stance"), "int8": ("onnxruntime", "stance-int8"),
          "int8_both": ("onnxruntime-int8", "stance-int8")}


def add_arguments(parser):
    """What to measure, and whom."""
    parser.add_argument("build", nargs="?", default="build")
    parser.add_argument("--models", default="",
                        help="names or ONNX files, separated by commas (all)")
    parser.add_argument("--int8", metavar="FOLDER", help="with NAME.int8.onnx for each network")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PROGRAM",
                        help="another runtime, see bench/peer_process.py")
    parser.add_argument("--python", action="append", default=[], help="that has OpenCV's cv2")
    parser.add_argument("--no-opencv", action="store_true", help="without OpenCV, which is slow")


def distance(ours, theirs):
    """max|a - b| / max(1, max|b|) over the outputs that both have in the same size."""
    worst = None
    for name, reference in theirs.items():
        if len(ours.get(name, [])) == len(reference) and reference:
            largest = max(1.0, max(map(abs, reference)))
            apart = max(abs(a - b) for a, b in zip(ours[name], reference)) / largest
            worst = max(apart, worst or 0.0)
    return worst


class Bench:
    """The libraries by name; a name with -int8 runs the network's INT8 file. `arguments`: those of
    add_arguments(), and seconds."""

    def __init__(self, arguments, build):
        self.arguments, self.build = arguments, build
        self.refused = set()  # (network, library): it was told, and is not tried again
        self.paths = {"stance": str(build / "src/libstance.so")}
        self.libraries = {"stance": stance_library.Library(self.paths["stance"])}
        found = ort_library.find(str(ROOT / ".cache/peers"))
        if found:
            self.paths["onnxruntime"] = found
            self.libraries["onnxruntime"] = ort_library.Library(found)
        else:
            print("peers: no ONNX Runtime (npm is missing or cannot download): stance alone")
        opencv = None if arguments.no_opencv else peer_process.find_opencv(arguments.python)
        if opencv:
            self.libraries["opencv"] = opencv
        elif not arguments.no_opencv:
            print("OpenCV left out: no Python with cv2; --python names one")
        for peer in arguments.peer:
            name, _, program = peer.partition("=")
            self.libraries[name] = peer_process.Library(name, [program])
        if not any(peer.startswith("ncnn=") for peer in arguments.peer):
            print("ncnn left out: --peer ncnn=PROGRAM names a program that runs it")

    def int8_path(self, name):
        path = pathlib.Path(self.arguments.int8 or "", f"{name}.int8.onnx")
        if self.arguments.int8 and path.exists():
            return str(path)
        if self.arguments.int8 and (name, "int8") not in self.refused:
            print(f"{name:20s} INT8 left out: no {path}")
            self.refused.add((name, "int8"))
        return None

    def open(self, name, path, shape, threads):
        """Sessions by the library's name that have run once; who cannot run this is told and left
        out."""
        wanted = [(kind, library, path) for kind, library in self.libraries.items()]
        int8 = self.int8_path(name)
        if int8:
            wanted += [(f"{kind}-int8", self.libraries[kind], int8)
                       for kind in ("stance", "onnxruntime") if kind in self.libraries]
        values, sessions = networks.noise(shape), {}
        for kind, library, file in wanted:
            if (name, kind) in self.refused:
                continue
            try:
                session = library.open(file, threads)
                session.bind(values, shape)
                session.run()
            except RuntimeError as error:
                if kind == "stance":
                    raise
                print(f"{name:20s} without {kind}: {' '.join(str(error).split())[:200]}")
                self.refused.add((name, kind))
                continue
            sessions[kind] = session
        return sessions

    def probe(self, kind, path, shape, threads):
        """Memory and loading of a library that is in this process too, in one of their own."""
        command = [sys.executable, str(ROOT / "bench/model_probe.py"), kind, self.paths[kind], path,
                   str(threads), ",".join(map(str, shape))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def measure(self, name, path, shape, threads):
        sessions = self.open(name, path, shape, threads)
        ours, theirs = sessions["stance"], sessions.get("onnxruntime")
        time.sleep(rotation.SETTLE)
        peaks = [ours.peak()]
        all_turns = rotation.rotate(list(sessions.values()), self.arguments.seconds)
        time.sleep(rotation.SETTLE)
        peaks.append(ours.peak())
        turns = dict(zip(sessions, all_turns))
        row = {"model": name, "shape": list(shape), "threads": threads, "batch": shape[0],
               "turns": len(all_turns[0]), "device": ours.describe(),
               "times": {kind: rotation.summary(each) for kind, each in turns.items()},
               "ratios": {ratio: rotation.ratios(turns[b], turns[a])
                          for ratio, (a, b) in RATIOS.items() if a in turns and b in turns},
               "others": {kind: rotation.ratios(turns["stance"], each)["median"]
                          for kind, each in turns.items()
                          if kind not in ("stance", "onnxruntime") and "int8" not in kind},
               "gmac": ours.multiply_adds() / 1e9, "peak_gflops": max(peaks),
               "wavers": abs(peaks[0] - peaks[1]) > WAVERS * max(peaks),
               "workspace_mib": ours.memory() / 2**20, "load": os.getloadavg()[0]}
        row["gflops"] = 2e3 * row["gmac"] / row["times"]["stance"]["median"]
        row["share_of_peak"] = row["gflops"] / row["peak_gflops"]
        row["noisy"] = row["wavers"] or any(
            (ratio["high"] - ratio["low"]) / ratio["median"] > NOISY
            for ratio in row["ratios"].values())
        if theirs and shape[0] == 1 and threads == 1:
            row["distance"] = distance(ours.outputs(), theirs.outputs())
            row["processes"] = {kind: self.probe(kind, path, shape, threads) for kind in self.paths}
        for session in sessions.values():
            session.close()
        return row

    def rows_of(self, network, threads, batches):
        """One network's rows: its threads next to each other, for what two bring."""
        name, file, shape = network
        path = networks.find(self.build, name, file)
        if not path:
            print(f"{name:20s} left out: no such model in {networks.SHARED}")
            return
        shape = shape or self.libraries["stance"].input_shape(path)
        gmac = 0
        for batch in batches:
            if batch > 1 and gmac > LARGE:
                print(f"{name:20s} batch {batch} left out: too large to be measured in good time")
                continue
            for count in threads:
                rotation.pin(count)
                row = self.measure(name, path, networks.batched(shape, batch), count)
                gmac = row["gmac"]
                yield row

    def machine(self, network, counts):
        """The limits of this processor now, by threads; a session of any network finds them."""
        name, file, _ = network
        path, limits = networks.find(self.build, name, file), {}
        for threads in counts:
            rotation.pin(threads)
            session = self.libraries["stance"].open(path, threads)
            limits[threads] = session.limits()
            session.close()
        return limits
