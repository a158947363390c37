"""As much of the Python module 'onnxruntime' as rtmlib calls, over the C library that
bench/ort_library.py finds; for machines without the module. install() puts it into its place."""
import ctypes
import sys
import types

import numpy

import ort_library


class SessionOptions:
    intra_op_num_threads = 1


class InferenceSession(ort_library.Session):
    def __init__(self, path_or_bytes, sess_options, providers=None):
        super().__init__(_library, path_or_bytes, sess_options.intra_op_num_threads)

    def get_inputs(self):
        return [types.SimpleNamespace(name=name.decode()) for name in self.input_names]

    def get_outputs(self):
        return [types.SimpleNamespace(name=name.decode()) for name in self.output_names]

    def run(self, wanted, feed):
        (given,) = feed.values()
        given = numpy.ascontiguousarray(given, numpy.float32)
        self.bind((ctypes.c_float * given.size).from_buffer(given), given.shape)
        found = {name: numpy.frombuffer(values, numpy.float32).reshape(shape).copy()
                 for name, shape, values in self.apply()}
        self.unbind()
        return [found[name] for name in wanted]


def get_available_providers():
    return ["CPUExecutionProvider"]


_library = None


def install(path):
    global _library
    _library = ort_library.Library(path)
    module = sys.modules["onnxruntime"] = sys.modules[__name__]
    module.__version__ = _library.version
    return module
