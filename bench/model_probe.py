"""Memory and loading of one model in one library, in a process of its own: prints a JSON line with the
milliseconds from nothing to the first result, and by how many MiB the process's resident memory grew at
most, the library itself included.

usage: model_probe.py stance|onnxruntime LIBRARY MODEL THREADS DIM,DIM…"""
import json
import re
import sys
import time

import networks
import ort_library
import stance_library


def resident(field):
    with open("/proc/self/status", encoding="ascii") as status:
        return int(re.search(rf"^{field}:\s+(\d+)", status.read(), re.M)[1]) / 1024


def main():
    kind, path, model, threads, dims = sys.argv[1:]
    shape = tuple(map(int, dims.split(",")))
    values = networks.noise(shape)
    before = resident("VmRSS")
    start = time.perf_counter()
    library = {"stance": stance_library, "onnxruntime": ort_library}[kind].Library(path)
    session = library.open(model, int(threads))
    session.bind(values, shape)
    session.run()
    loaded = time.perf_counter()
    for _ in range(3):
        session.run()
    print(json.dumps({"load_ms": (loaded - start) * 1e3, "memory_mib": resident("VmHWM") - before}))


main()
