"""ONNX Runtime through its C API, as far as running a model once needs it. The API is a table of
function pointers whose order never changes; the numbers below are places in it."""
import ctypes
import glob
import os
import platform
import subprocess

VERSION = "1.30"
_API_VERSION = 4  # the oldest one that has everything below

_FUNCTIONS = {
    "GetErrorMessage": 2, "CreateEnv": 3, "CreateSession": 7, "Run": 9,
    "CreateSessionOptions": 10, "SetSessionGraphOptimizationLevel": 23,
    "SetIntraOpNumThreads": 24, "SetInterOpNumThreads": 25, "SessionGetInputCount": 30,
    "SessionGetOutputCount": 31, "SessionGetInputName": 36, "SessionGetOutputName": 37,
    "CreateTensorWithDataAsOrtValue": 49, "GetTensorMutableData": 51,
    "GetTensorElementType": 60, "GetDimensionsCount": 61, "GetDimensions": 62,
    "GetTensorShapeElementCount": 64, "GetTensorTypeAndShape": 65,
    "CreateCpuMemoryInfo": 69, "GetAllocatorWithDefaultOptions": 78, "ReleaseSession": 95,
    "ReleaseValue": 96, "ReleaseTensorTypeAndShapeInfo": 99, "ReleaseSessionOptions": 100,
}
_ALL_OPTIMIZATIONS, _FLOAT = 99, 1
_POINTER = ctypes.c_void_p


class _Base(ctypes.Structure):
    _fields_ = [("get_api", ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint32)),
                ("get_version", ctypes.CFUNCTYPE(ctypes.c_char_p))]


def find(cache):
    """The shared library: $ORT_LIBRARY, or what npm has put into `cache`; None: not to be had."""
    if os.environ.get("ORT_LIBRARY"):
        return os.environ["ORT_LIBRARY"]
    arch = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), "none")
    pattern = f"{cache}/node_modules/onnxruntime-node/bin/*/linux/{arch}/libonnxruntime.so.1"
    if not glob.glob(pattern):
        os.makedirs(cache, exist_ok=True)
        try:
            subprocess.run(["npm", "install", "--silent", "--ignore-scripts", "--prefix", cache,
                            f"onnxruntime-node@{VERSION}"], check=True, timeout=600)
        except (OSError, subprocess.SubprocessError):
            return None
    found = glob.glob(pattern)
    return found[0] if found else None


class Library:
    def __init__(self, path):
        library = ctypes.CDLL(path)
        library.OrtGetApiBase.restype = ctypes.POINTER(_Base)
        base = library.OrtGetApiBase().contents
        self.version = base.get_version().decode()
        self._table = ctypes.cast(base.get_api(_API_VERSION), ctypes.POINTER(_POINTER))
        self._functions = {}
        self._env = self.new("CreateEnv", ctypes.c_int(3), ctypes.c_char_p(b"bench"))
        self.memory = self.new("CreateCpuMemoryInfo", ctypes.c_int(1), ctypes.c_int(0))
        self.allocator = self.new("GetAllocatorWithDefaultOptions")

    def function(self, name, result=_POINTER):
        if name not in self._functions:
            kind = ctypes.CFUNCTYPE(result)
            self._functions[name] = ctypes.cast(self._table[_FUNCTIONS[name]], kind)
        return self._functions[name]

    def call(self, name, *arguments):
        status = self.function(name)(*arguments)
        if status:
            text = self.function("GetErrorMessage", ctypes.c_char_p)(_POINTER(status))
            raise RuntimeError(f"ONNX Runtime: {text.decode()}")

    def new(self, name, *arguments):
        """Calls a function whose last argument receives a pointer."""
        out = _POINTER()
        self.call(name, *arguments, ctypes.byref(out))
        return out

    def release(self, kind, handle):
        self.function(f"Release{kind}", None)(handle)

    def open(self, path, threads):
        return Session(self, path, threads)


class Session:
    def __init__(self, library, path, threads):
        self.library, self._env = library, library._env
        options = library.new("CreateSessionOptions")
        library.call("SetSessionGraphOptimizationLevel", options, ctypes.c_int(_ALL_OPTIMIZATIONS))
        library.call("SetIntraOpNumThreads", options, ctypes.c_int(threads))
        library.call("SetInterOpNumThreads", options, ctypes.c_int(1))
        self._session = library.new("CreateSession", self._env, ctypes.c_char_p(os.fsencode(path)),
                                    options)
        library.release("SessionOptions", options)
        self.input_names = self._names("Input")
        self.output_names = self._names("Output")
        self._values = (_POINTER * len(self.output_names))()
        self._given = None

    def _names(self, side):
        count = ctypes.c_size_t()
        self.library.call(f"SessionGet{side}Count", self._session, ctypes.byref(count))
        names = (ctypes.c_char_p * count.value)()
        for i in range(count.value):
            name = self.library.new(f"SessionGet{side}Name", self._session, ctypes.c_size_t(i),
                                    self.library.allocator)
            names[i] = ctypes.cast(name, ctypes.c_char_p).value
        return names

    def bind(self, values, shape):
        """`values`: a ctypes array of floats for the only input."""
        dims = (ctypes.c_int64 * len(shape))(*shape)
        tensor = self.library.new(
            "CreateTensorWithDataAsOrtValue", self.library.memory, ctypes.byref(values),
            ctypes.c_size_t(ctypes.sizeof(values)), dims, ctypes.c_size_t(len(shape)),
            ctypes.c_int(_FLOAT))
        self._given, self._kept = (_POINTER * 1)(tensor.value), values
        self._arguments = (self._session, None, self.input_names, self._given, ctypes.c_size_t(1),
                           self.output_names, ctypes.c_size_t(len(self.output_names)), self._values)

    def _drop(self):
        for i, value in enumerate(self._values):
            self.library.release("Value", _POINTER(value))
            self._values[i] = None  # else the next run would write into it

    def run(self):
        self.library.call("Run", *self._arguments)
        self._drop()

    def apply(self):
        """Runs once; (name, shape, values) of each output that is float. The values are those
        of ONNX Runtime and valid until the next output is asked for."""
        self.library.call("Run", *self._arguments)
        for name, value in zip(self.output_names, self._values):
            value = _POINTER(value)
            info = self.library.new("GetTensorTypeAndShape", value)
            kind, count, rank = ctypes.c_int(), ctypes.c_size_t(), ctypes.c_size_t()
            self.library.call("GetTensorElementType", info, ctypes.byref(kind))
            self.library.call("GetTensorShapeElementCount", info, ctypes.byref(count))
            self.library.call("GetDimensionsCount", info, ctypes.byref(rank))
            shape = (ctypes.c_int64 * rank.value)()
            self.library.call("GetDimensions", info, shape, rank)
            self.library.release("TensorTypeAndShapeInfo", info)
            if kind.value == _FLOAT:
                values = ctypes.c_float * count.value
                data = self.library.new("GetTensorMutableData", value)
                yield name.decode(), tuple(shape), \
                    values.from_address(data.value) if count.value else values()
        self._drop()

    def outputs(self):
        """One run's float outputs by name."""
        return {name: list(values) for name, _, values in self.apply()}

    def unbind(self):
        self.library.release("Value", _POINTER(self._given[0]))

    def close(self):
        self.unbind()
        self.library.release("Session", self._session)
